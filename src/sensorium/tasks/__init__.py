"""A representation in, a loss or predictions and their metrics out: y = g(h).

To add a task, write one file here with its class and config, and give it a line in `TASKS` and a
field in `TasksConfig`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sensorium.batch import Learned, WordEdges
from sensorium.config import Config
from sensorium.model import Model
from sensorium.tasks.answer_generation import AnswerGeneration, AnswerGenerationConfig
from sensorium.tasks.captioning import Captioning, CaptioningConfig
from sensorium.tasks.classification import Classification, ClassificationConfig
from sensorium.tasks.contrastive import Contrastive, ContrastiveConfig
from sensorium.tasks.detection import Detection, DetectionConfig
from sensorium.tasks.grounding import Grounding, GroundingConfig
from sensorium.tasks.masked_language import MaskedLanguage, MaskedLanguageConfig
from sensorium.tasks.masked_patches import (
    MaskedAudio,
    MaskedAudioConfig,
    MaskedImage,
    MaskedImageConfig,
)
from sensorium.tasks.matching import Matching, MatchingConfig
from sensorium.tasks.mixture import Mixture
from sensorium.tasks.question_answering import QuestionAnswering, QuestionAnsweringConfig
from sensorium.tasks.regression import Regression, RegressionConfig
from sensorium.tasks.task import Encoded, Loss, Task, TaskConfig
from sensorium.tasks.vocabulary import Vocabulary

TASKS: dict[str, type[Task]] = {
    "contrastive": Contrastive,
    "matching": Matching,  # after contrastive, whose similarities choose its hard negatives
    "masked_language": MaskedLanguage,
    "masked_image": MaskedImage,
    "masked_audio": MaskedAudio,
    "captioning": Captioning,
    "classification": Classification,
    "regression": Regression,
    "question_answering": QuestionAnswering,
    "answer_generation": AnswerGeneration,
    "detection": Detection,
    "grounding": Grounding,
}


class TasksConfig(Config):
    """What the model learns from; a task that is left out is not trained."""

    contrastive: ContrastiveConfig | None = None
    """Draw the modalities of a sample together, those of others apart."""
    matching: MatchingConfig | None = None
    """Say whether two modalities belong together."""
    masked_language: MaskedLanguageConfig | None = None
    """Name hidden words."""
    masked_image: MaskedImageConfig | None = None
    """Tell hidden patches of pictures."""
    masked_audio: MaskedAudioConfig | None = None
    """Tell hidden patches of spectrograms."""
    captioning: CaptioningConfig | None = None
    """Say in words what is seen and heard."""
    classification: ClassificationConfig | None = None
    """Say which class a sample is of, or which of several it has."""
    regression: RegressionConfig | None = None
    """Say a number."""
    question_answering: QuestionAnsweringConfig | None = None
    """Answer the question that the text of a sample is, by one of the known answers."""
    answer_generation: AnswerGenerationConfig | None = None
    """Answer it in words."""
    detection: DetectionConfig | None = None
    """Find what is in a picture, and say where and what it is."""
    grounding: GroundingConfig | None = None
    """Find the one thing in a picture that the words mean."""

    def chosen(self) -> dict[str, TaskConfig]:
        """Task name -> its config, in the order in which the tasks run."""
        return {name: config for name in TASKS if (config := getattr(self, name)) is not None}


def build_mixture(
    config: TasksConfig,
    model: Model,
    *,
    vocabulary: Vocabulary,
    learned: Mapping[str, Learned] | None = None,
    words: WordEdges | None = None,
) -> Mixture:
    """Build the tasks that a recipe names, with fresh heads, on `model`.

    Args:
        config: which tasks, with their weights.
        model: f.
        vocabulary: the tokens of the texts.
        learned: target field -> what is known of it, at least for the tasks that learn it.
        words: where words begin and end; None takes every token for one.
    """
    arguments: dict[str, dict[str, Any]] = {
        name: {"learned": learned or {}} for name, task in TASKS.items() if task.targets
    }
    hidden = {"mask_id": vocabulary.mask, "special_ids": vocabulary.special, "words": words}
    arguments |= {"masked_language": hidden, "captioning": {"vocabulary": vocabulary}}
    arguments["answer_generation"]["vocabulary"] = vocabulary
    wrong = (learned or {}).get("wrong_type", Learned())
    arguments["matching"] = {"pad": vocabulary.pad, "wrong_types": wrong.names}
    chosen = config.chosen()
    return Mixture(
        model,
        {n: TASKS[n](task, model, **arguments.get(n, {})) for n, task in chosen.items()},
        weights={n: task.weight for n, task in chosen.items()},
        sources={n: task.sources for n, task in chosen.items() if task.sources is not None},
    )


__all__ = [
    "TASKS",
    "AnswerGeneration",
    "AnswerGenerationConfig",
    "Captioning",
    "CaptioningConfig",
    "Classification",
    "ClassificationConfig",
    "Contrastive",
    "ContrastiveConfig",
    "Detection",
    "DetectionConfig",
    "Encoded",
    "Grounding",
    "GroundingConfig",
    "Loss",
    "MaskedAudio",
    "MaskedAudioConfig",
    "MaskedImage",
    "MaskedImageConfig",
    "MaskedLanguage",
    "MaskedLanguageConfig",
    "Matching",
    "MatchingConfig",
    "Mixture",
    "QuestionAnswering",
    "QuestionAnsweringConfig",
    "Regression",
    "RegressionConfig",
    "Task",
    "TaskConfig",
    "TasksConfig",
    "Vocabulary",
    "build_mixture",
]
