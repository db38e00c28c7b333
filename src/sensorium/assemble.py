"""The parts of a recipe, and what was learned of the data -> a model with its tasks.

Training, a run that is opened and a bundle all build their model here, so that it is the same one.
"""

from __future__ import annotations

from collections.abc import Mapping

from sensorium.batch import Learned
from sensorium.data import DataConfig, Tokenizer
from sensorium.model import ModelConfig, build_model
from sensorium.tasks import Mixture, TasksConfig, Vocabulary, build_mixture


def assemble(
    model: ModelConfig,
    tasks: TasksConfig,
    data: DataConfig,
    tokenizer: Tokenizer,
    learned: Mapping[str, Learned] | None = None,
) -> Mixture:
    """The model and its tasks, with fresh weights.

    Args:
        model: encoders and fusion.
        tasks: what is asked of them.
        data: says what sizes the inputs have.
        tokenizer: the same of texts.
        learned: target field -> what the rows to train on tell of it.
    """
    sizes = {
        "image": {"image_size": data.image.size},
        "video": {"image_size": data.video.size, "frames": data.video.frames},
        "text": {"vocabulary": tokenizer.size, "context_tokens": data.text.context_tokens},
        "audio": {"mel_bins": data.audio.mel_bins, "frames": data.audio.frames},
    }
    vocabulary = Vocabulary(
        size=tokenizer.size,
        context_tokens=data.text.context_tokens,
        pad=tokenizer.pad,
        start=tokenizer.start,
        end=tokenizer.end,
        mask=tokenizer.mask,
        decode=tokenizer.decode,
    )
    return build_mixture(
        tasks,
        build_model(model, sizes),
        vocabulary=vocabulary,
        learned=learned,
        words=tokenizer.word_edges(),
    )
