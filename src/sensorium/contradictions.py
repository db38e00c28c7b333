"""What no single config can see: settings of one part of a recipe that another does not bear out.

Each is said in one line that names the keys, before anything is computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from sensorium.data.chance import chance
from sensorium.data.settings import DataConfig
from sensorium.encoders.pixels import PixelEncoderConfig
from sensorium.errors import nearest
from sensorium.fusion import FUSIONS
from sensorium.model import ModelConfig
from sensorium.tasks import TASKS, TasksConfig
from sensorium.training.config import TrainConfig
from sensorium.training.finetune import FinetuneConfig
from sensorium.world.build import WorldConfig


class Settings(Protocol):
    """The parts of a recipe that have to bear each other out."""

    @property
    def data(self) -> DataConfig: ...
    @property
    def model(self) -> ModelConfig: ...
    @property
    def tasks(self) -> TasksConfig: ...
    @property
    def train(self) -> TrainConfig: ...
    @property
    def finetune(self) -> FinetuneConfig | None: ...
    @property
    def world(self) -> WorldConfig | None: ...


def contradictions(recipe: Settings) -> Iterator[str]:
    """Everything that is wrong, one line each."""
    encoders, fusion = recipe.model.encoders.chosen(), recipe.model.fusion
    tasks = recipe.tasks.chosen()
    if not encoders:
        yield "model.encoders: expected at least one encoder, got none"
    if not tasks:
        yield f"tasks: expected at least one of {', '.join(TASKS)}, got none"
    for name in tasks:
        yield from _task_problems(recipe, name)
    if fusion is not None:
        yield from (f"model.fusion: {problem}" for problem in fusion.problems(list(encoders)))
    if recipe.finetune is not None:
        depths = {modality: encoder.depth for modality, encoder in encoders.items()}
        for problem in recipe.finetune.problems(depths, fusion is not None):
            yield f"finetune.{problem}"
        if recipe.finetune.cache_features:
            yield from _uncachable(recipe)
    yield from _idle_targets(recipe)
    yield from _moving_places(recipe)
    if recipe.world is not None and recipe.data.root is None:
        yield "world is drawn into data.root, which is not set; give data.root=DIR"
    data, every = recipe.data, recipe.train.validate_every_steps
    if every is not None and data.validation is None and data.validation_share == 0:
        yield (
            f"train.validate_every_steps={every} has no set to validate on; give data.validation "
            "or data.validation_share"
        )
    audio, bins = recipe.model.encoders.audio, recipe.data.audio.mel_bins
    if audio is not None and bins % audio.patch_bins:
        yield (
            f"model.encoders.audio.patch_bins={audio.patch_bins} must divide "
            f"data.audio.mel_bins={bins}"
        )
    for modality in ("image", "video"):
        encoder, size = encoders.get(modality), getattr(data, modality).size
        if isinstance(encoder, PixelEncoderConfig) and size % encoder.patch_size:
            yield (
                f"model.encoders.{modality}.patch_size={encoder.patch_size} must divide "
                f"data.{modality}.size={size}"
            )
    image, multiple = recipe.model.encoders.image, data.image.patch_size
    if image is not None and data.image.fit == "native" and image.patch_size != multiple:
        yield (
            f"data.image.patch_size={multiple} must be "
            f"model.encoders.image.patch_size={image.patch_size} for data.image.fit=native"
        )


def unlearnable(recipe: Settings) -> dict[str, str]:
    """The tasks that the recipe's model or data cannot teach -> why."""
    problems = {name: next(_task_problems(recipe, name), None) for name in recipe.tasks.chosen()}
    return {name: problem for name, problem in problems.items() if problem is not None}


def _task_problems(recipe: Settings, name: str) -> Iterator[str]:
    """Why the recipe's model and data cannot teach one of its tasks."""
    encoders, fusion = recipe.model.encoders.chosen(), recipe.model.fusion
    task = recipe.tasks.chosen()[name]
    yield from (f"tasks.{name} {problem}" for problem in task.problems(list(encoders)))
    yield from _unknown_sources(recipe, name)
    yield from _missing_targets(recipe, name)
    for modality in TASKS[name].needs_data:
        if modality not in (recipe.data.modalities or [modality]):
            listed = ", ".join(recipe.data.modalities or ())
            yield f"tasks.{name} reads {modality}, but data.modalities says only {listed}"
    if fusion is None:
        without = task.problems_without_fusion(list(encoders))
        yield from (f"tasks.{name} {problem}" for problem in without)
        if TASKS[name].needs_fusion:
            yield f"tasks.{name} reads what is fused, but model.fusion is not set"
    elif TASKS[name].needs_fused_tokens and not FUSIONS[fusion.name].keeps_tokens:
        keeping = [n for n, f in FUSIONS.items() if f.keeps_tokens]
        yield (
            f"tasks.{name} needs fused tokens, but model.fusion.name={fusion.name} gives only "
            f"a vector; choose one of {', '.join(keeping)}, or leave the task out: "
            f"tasks.{name}=null"
        )
    elif TASKS[name].needs_fused_tokens and not fusion.fuses_tokens_of(TASKS[name].reads_fused):
        modality = TASKS[name].reads_fused
        noun = "words" if modality == "text" else "patches"
        yield f"tasks.{name} needs fused {noun}; add {modality} to model.fusion.streams"


def _uncachable(recipe: Settings) -> Iterator[str]:
    """Why what the encoders give is not the same in every epoch."""
    places = recipe.data.places("train")
    if len(places) > 1 or any(place.stream or place.group_by for place in places):
        yield (
            "finetune.cache_features needs one set to train on, neither streamed nor with group_by"
        )
    for name in recipe.tasks.chosen():
        if not TASKS[name].reads_encodings or recipe.tasks.chosen()[name].runs_encoders:
            yield (
                f"finetune.cache_features runs the encoders once, but tasks.{name} runs them on "
                "what it hides or mixes in every step; leave one of the two out"
            )
    changing = list(chance(recipe.data, recipe.model.encoders.chosen()))
    if changing:
        yield (
            "finetune.cache_features runs the encoders once, so nothing may change at random: "
            f"give {' '.join(changing)}"
        )


def _missing_targets(recipe: Settings, task: str) -> Iterator[str]:
    """Targets of a task that no set has a column for, or of which it can learn only one."""
    possible = TASKS[task].targets
    said = [target for target in possible if target in recipe.data.target_fields]
    if possible and not said:
        add = " or ".join(f"data.fields.{target}=COLUMN" for target in possible)
        learns = " or ".join(possible)
        yield f"tasks.{task} learns {learns}, which no set has a column for; add {add}"
    if len(said) > 1:
        yield f"tasks.{task} learns {' or '.join(said)}, but data.fields names both; leave one out"


def _idle_targets(recipe: Settings) -> Iterator[str]:
    """What is said of targets that no set has."""
    data = recipe.data
    if data.classes is not None and not {"label", "labels", "boxes"} & set(data.target_fields):
        yield (
            "data.classes names classes, but no set has a column for them; add "
            "data.fields.label=COLUMN"
        )
    if data.answers is not None and "answer" not in data.target_fields:
        yield (
            f"data.answers={data.answers} limits answers, but no set has a column for them; add "
            "data.fields.answer=COLUMN"
        )


def _moving_places(recipe: Settings) -> Iterator[str]:
    """What hides or bends places that a task learns."""
    names = [name for name in recipe.tasks.chosen() if TASKS[name].reads_places]
    encoder = recipe.model.encoders.image
    if not names or encoder is None:
        return
    if encoder.drop_patches:
        yield (
            f"tasks.{names[0]} needs every patch of a picture; give "
            "model.encoders.image.drop_patches=0"
        )
    if recipe.data.image.augment.bends:
        yield (
            f"tasks.{names[0]} cannot follow what RandAugment turns and bends; give "
            "data.image.augment.randaugment_operations=0"
        )


def _unknown_sources(recipe: Settings, task: str) -> Iterator[str]:
    """Sources of a task that `data.train` has not."""
    known = [place.name for place in recipe.data.places("train") if place.name is not None]
    for source in recipe.tasks.chosen()[task].sources or ():
        if source not in known:
            yield (
                f"tasks.{task}.sources: data.train has no set named {source!r}"
                f"{nearest(source, known)}; "
                + (f"expected {', '.join(known)}" if known else "give its sets a name")
            )
