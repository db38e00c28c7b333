"""The strict base of every component's settings.

Each component keeps its own settings in a class beside it (`ImageEncoderConfig` beside
`ImageEncoder`); `recipe.py` composes them into one tree. The docstring under a field is its help
text.
"""

from pydantic import BaseModel, ConfigDict


class Config(BaseModel):
    """Typed, immutable settings: an unknown key, a wrong type or a wrong value is refused."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        validate_default=True,
    )
