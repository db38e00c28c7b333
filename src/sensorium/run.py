"""A run folder: what training leaves, and what everything after it takes.

    runs/emoji/
      recipe.yaml         the resolved recipe, defaults included
      run.json            versions, fingerprints of the data, what was guessed about its columns
      tokenizer.json      the run's own
      targets.json        names of classes and answers, in the order of their indices
      checkpoints/        weights, optimizer, position: safetensors and JSON, never pickle
      metrics.jsonl       figures by step, also as TensorBoard events
      quarantine.jsonl    broken samples, each with its reason
      summary.json        the final figures, for programs
      report.html         the same for people
      index/              the search index, once `sensorium index` has made one

A run reloads from its folder alone.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sensorium.assemble import assemble
from sensorium.batch import Learned
from sensorium.data import Tokenizer
from sensorium.encoders import VideoEncoder
from sensorium.errors import RunError
from sensorium.recipe import Recipe, dump_recipe, load_recipe
from sensorium.tasks import Mixture
from sensorium.training import Checkpoints
from sensorium.weights import load_weights

RUNS = Path("runs")  # where runs go, and are looked for, unless one says otherwise
LEFT_BY_A_START = {"recipe.yaml", "quarantine.jsonl"}  # in a folder whose run never began
RECORDED_PACKAGES = ("sensorium", "torch", "numpy", "av", "pillow", "tokenizers", "safetensors")


@dataclass(frozen=True)
class Run:
    """A run folder and its recipe."""

    folder: Path
    recipe: Recipe

    @classmethod
    def create(cls, folder: Path, recipe: Recipe, *, overwrite: bool = False) -> Run:
        """Start a run in a new or empty folder.

        Args:
            folder: where.
            recipe: resolved.
            overwrite: remove a run that is there already.

        Raises:
            RunError: where the folder holds something that may not be removed, or cannot be made.
        """
        found = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        if not ({"recipe.yaml", "run.json"} <= found or found <= LEFT_BY_A_START):
            raise RunError(f"{folder} is not empty and is no run; choose another --run-dir")
        if "recipe.yaml" in found and not overwrite:
            raise RunError(
                f"{folder} holds a run already; add --resume to go on with it, --overwrite to "
                "replace it, or choose another --run-dir"
            )
        try:
            if found:
                shutil.rmtree(folder)
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"cannot make the run folder {folder}: {error.strerror}") from error
        write_aside(folder / "recipe.yaml", dump_recipe(recipe))
        return cls(folder, recipe)

    @classmethod
    def open(cls, folder: str | Path) -> Run:
        """An existing run.

        Raises:
            RunError: where there is none.
        """
        folder = Path(folder)
        path = folder / "recipe.yaml"
        if not path.is_file():
            raise RunError(
                f"no run in {folder}: expected its recipe.yaml; `sensorium runs` lists the runs "
                "that there are"
            )
        return cls(folder, load_recipe(path))

    def settle_fields(self, fields: Sequence[Mapping[str, list[str]]]) -> Run:
        """The run with the columns that were guessed written into its recipe, never to be guessed
        again.

        Args:
            fields: of each set to train on. Those of a single one hold for all the data.
        """
        data = self.recipe.data
        places = data.places("train")
        if len(places) == 1:
            update: dict[str, Any] = {"fields": _settled(fields[0]) | (data.fields or {})}
        else:
            said = [
                place.model_copy(update={"fields": _settled(found) | (place.fields or {})})
                for place, found in zip(places, fields, strict=True)
            ]
            update = {"train": said}
        recipe = self.recipe.model_copy(update={"data": data.model_copy(update=update)})
        write_aside(self.folder / "recipe.yaml", dump_recipe(recipe))
        return Run(self.folder, recipe)

    def differs_from(self, recipe: Recipe) -> list[str]:
        """The dotted keys at which the run's recipe is not this one; columns that this one leaves
        to be guessed may be any."""
        data, own = recipe.data, self.recipe.data
        if len(data.places("train")) == 1:
            update: dict[str, Any] = {"fields": (own.fields or {}) | (data.fields or {})}
        else:
            places = zip(data.places("train"), own.places("train"), strict=False)
            update = {
                "train": [
                    place.model_copy(update={"fields": (other.fields or {}) | (place.fields or {})})
                    for place, other in places
                ]
            }
        settled = recipe.model_copy(update={"data": data.model_copy(update=update)})
        ours, theirs = (dict(flat(one.model_dump(mode="json"))) for one in (self.recipe, settled))
        return [key for key in ours | theirs if ours.get(key) != theirs.get(key)]

    def discard(self) -> None:
        """Take back a start that came to nothing, so that the mended command can be given again.

        What was quarantined stays, to be read.
        """
        for name in ("recipe.yaml", "run.json", "tokenizer.json", "targets.json"):
            (self.folder / name).unlink(missing_ok=True)
        if not any(self.folder.iterdir()):
            self.folder.rmdir()

    @property
    def quarantine_path(self) -> Path:
        return self.folder / "quarantine.jsonl"

    @property
    def has_tokenizer(self) -> bool:
        return (self.folder / "tokenizer.json").exists()

    def tokenizer(self) -> Tokenizer:
        """The run's own tokenizer."""
        return Tokenizer.load(self.folder / "tokenizer.json")

    def write_tokenizer(self, tokenizer: Tokenizer) -> None:
        aside = self.folder / "tokenizer.json.partial"
        tokenizer.save(aside)
        os.replace(aside, self.folder / "tokenizer.json")

    def learned(self) -> dict[str, Learned]:
        """Target field -> what the run learned of it; nothing where it has no targets."""
        path = self.folder / "targets.json"
        if not path.exists():
            return {}
        found = json.loads(path.read_text(encoding="utf-8"))
        return {field: Learned(**facts) for field, facts in found.items()}

    def write_learned(self, learned: Mapping[str, Learned]) -> None:
        """Nothing is written where there are no targets."""
        if learned:
            facts = {field: asdict(one) for field, one in learned.items()}
            write_aside(self.folder / "targets.json", _as_json(facts))

    def mixture(self, device: torch.device) -> tuple[Mixture, Tokenizer]:
        """The trained model with its tasks, in evaluation mode, and the tokenizer.

        Raises:
            RunError: where nothing was saved yet.
        """
        if not self.has_tokenizer:
            raise RunError(f"{self.folder} has no tokenizer.json: its training never began")
        tokenizer = self.tokenizer()
        mixture = build(self.recipe, tokenizer, self.learned()).to(device)
        self.load_weights(mixture)
        return mixture.eval(), tokenizer

    def load_weights(self, mixture: Mixture) -> None:
        """Put in the weights to use: the best or newest checkpoint's, averaged where asked for.

        Raises:
            RunError: where nothing was saved yet, or something else was.
        """
        checkpoint = Checkpoints(self.folder / "checkpoints").to_use()
        load_weights(mixture, checkpoint.inference_weights(), checkpoint.path)

    def encoder_weights(self, modality: str) -> dict[str, Tensor]:
        """The weights to use of one encoder, by their names in it.

        Raises:
            RunError: where nothing was saved yet, or the model has no such encoder.
        """
        prefix = f"model.encoders.{modality}."
        saved = Checkpoints(self.folder / "checkpoints").to_use().inference_weights()
        weights = {n.removeprefix(prefix): w for n, w in saved.items() if n.startswith(prefix)}
        if not weights:
            raise RunError(f"the model of {self.folder} has no encoder of the modality {modality}")
        return weights

    def start(self, mixture: Mixture) -> None:
        """Give fresh encoders the weights of another run, where the recipe asks for them and
        nothing was saved yet.

        Raises:
            RunError: where there is no such run, or its encoder is of another size.
        """
        video = self.recipe.model.encoders.video
        if video is None or video.image_weights is None:
            return
        if Checkpoints(self.folder / "checkpoints").newest() is not None:
            return
        encoder = mixture.model.encoders["video"]
        assert isinstance(encoder, VideoEncoder)
        try:
            encoder.start_from_image(Run.open(video.image_weights).encoder_weights("image"))
        except ValueError as error:
            raise RunError(
                f"model.encoders.video.image_weights={video.image_weights}: {error}"
            ) from error

    def write_facts(self, facts: dict[str, Any]) -> None:
        """What the run was made from, beside its recipe: `run.json`."""
        write_aside(self.folder / "run.json", _as_json({**facts, "versions": versions()}))

    def facts(self) -> dict[str, Any]:
        """What was written so; nothing before it was."""
        path = self.folder / "run.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def write_summary(self, summary: dict[str, Any]) -> None:
        """The final figures: `summary.json`."""
        write_aside(self.folder / "summary.json", _as_json(summary))

    def summary(self) -> dict[str, Any] | None:
        """The final figures; None before the run has ended."""
        path = self.folder / "summary.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def build(
    recipe: Recipe, tokenizer: Tokenizer, learned: Mapping[str, Learned] | None = None
) -> Mixture:
    """The model and tasks of a recipe, with fresh weights drawn from its seed.

    Args:
        learned: target field -> what the rows to train on tell of it.
    """
    torch.manual_seed(recipe.seed)
    mixture = assemble(recipe.model, recipe.tasks, recipe.data, tokenizer, learned)
    if recipe.train.compile:
        mixture.model.compile_transformers()
    return mixture


def versions() -> dict[str, str]:
    """Of Python and of the packages that figures depend on."""
    return {"python": platform.python_version()} | {n: version(n) for n in RECORDED_PACKAGES}


def _settled(fields: Mapping[str, list[str]]) -> dict[str, str | list[str]]:
    """Columns as a recipe says them, one without a list."""
    return {name: found[0] if len(found) == 1 else found for name, found in fields.items()}


def flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted key -> value of everything in a tree of mappings."""
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _as_json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False)


def write_aside(path: Path, text: str) -> None:
    """Write a file aside and rename it, so that a reader never sees half of it."""
    aside = path.with_name(path.name + ".partial")
    aside.write_text(text, encoding="utf-8")
    os.replace(aside, path)
