"""How long each run of a comparison trains, the same for all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from sensorium.errors import RecipeError

DEFAULT_SHARE = 20.0  # percent of the recipe's own length

Unit = Literal["steps", "epochs", "minutes", "%"]

UNITS: dict[str, Unit] = {
    **dict.fromkeys(("step", "steps"), "steps"),
    **dict.fromkeys(("epoch", "epochs"), "epochs"),
    **dict.fromkeys(("min", "minute", "minutes"), "minutes"),
    "%": "%",
}


@dataclass(frozen=True)
class Budget:
    """So many of a unit: optimizer steps, epochs, minutes, or percent of the recipe's length."""

    amount: float
    unit: Unit

    @classmethod
    def read(cls, said: str) -> Budget:
        """As people write it: `300 steps`, `5 epochs`, `2 minutes`, `20%`.

        Raises:
            RecipeError: for anything else.
        """
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+|%)\s*", said.lower())
        unit = UNITS.get(match[2]) if match else None
        if match is None or unit is None or float(match[1]) <= 0:
            raise RecipeError(
                f"--budget {said!r}: expected a number with its unit, as in '300 steps', "
                "'5 epochs', '2 minutes' or '20%' (of the recipe's own length)"
            )
        return cls(float(match[1]), unit)

    def length(
        self, train: dict[str, Any], seconds_per_step: float | None = None
    ) -> dict[str, Any]:
        """`train.steps` and `train.epochs` of a run.

        Args:
            train: the recipe's own, as a plain tree.
            seconds_per_step: needed for minutes.
        """
        if self.unit == "%":
            steps, epochs = train.get("steps"), train.get("epochs")
            share = self.amount / 100
            return {
                "steps": None if steps is None else max(1, round(steps * share)),
                "epochs": None if epochs is None else round(epochs * share, 6),
            }
        if self.unit == "minutes":
            assert seconds_per_step is not None, "a budget of minutes is counted in timed steps"
            return {"steps": max(1, round(60 * self.amount / seconds_per_step)), "epochs": None}
        if self.unit == "steps":
            return {"steps": max(1, round(self.amount)), "epochs": None}
        return {"steps": None, "epochs": self.amount}

    @property
    def told(self) -> str:
        """As the page says it."""
        return f"{self} of the recipe's length" if self.unit == "%" else str(self)

    def __str__(self) -> str:
        unit = self.unit if self.amount != 1 else self.unit.removesuffix("s")
        return f"{self.amount:g}{unit}" if unit == "%" else f"{self.amount:g} {unit}"
