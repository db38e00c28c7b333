"""A recipe that starts from a run: what it does not say of the model and of how inputs become
tensors is the run's, and what it says differently is refused.

Weights mean something only together with the form of what they were trained on: the size of a
patch, the bands of a spectrogram, the ids of words. What changes no form may differ: dropout,
random changes, the size of a picture (positions are interpolated).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from sensorium.data import MODALITIES
from sensorium.errors import RecipeError
from sensorium.recipe import Recipe, apply_overrides, parse_recipe
from sensorium.tasks import TASKS

Tree = dict[str, Any]

FREE = frozenset(
    {
        *("dropout", "drop_patches", "checkpoint_activations", "length_buckets", "image_weights"),
        *("augment", "size", "max_pixels", "max_seconds", "evaluation_crops"),
        *("sampling", "segment_seconds", "frames_per_second"),
    }
)
"""Settings of encoders, fusion and inputs that may differ from those of the run."""


def inherit(
    tree: Tree, overrides: Sequence[str], name: str, start: Recipe, folder: Path, *, words: bool
) -> Recipe:
    """The whole recipe of a run that starts from another.

    Args:
        tree: what the recipe says. Of encoders it takes those that it names, or else those that it
            has data for, or else all.
        overrides: `dotted.key=value`; one of an encoder adds it, `null` takes it away.
        name: of the recipe, for messages.
        start: the recipe of the run that it starts from.
        folder: of that run, for messages.
        words: whether that run knows any, and so its tokenizer is taken.

    Raises:
        RecipeError: where the recipe asks for a modality that the run lacks, says something of
            what it takes over differently, or is wrong in itself.
    """
    named, theirs = _named(tree), start.model_dump(mode="json")
    tree = deepcopy(tree)
    apply_overrides(tree, overrides)
    if start.model.encoders.video is not None:  # it has learned since it started from a picture's
        theirs["model"]["encoders"]["video"]["image_weights"] = None
    taken = _taken_modalities(tree, named, list(start.model.encoders.chosen()), name, folder)
    _inherit_model(tree, theirs["model"], taken)
    data = tree.setdefault("data", {})
    parts = [m for m in MODALITIES if m in taken or (m == "text" and words)]
    if isinstance(data, dict):
        for part in parts:
            data[part] = _filled(data.get(part) or {}, theirs["data"][part])
    if tree.get("finetune") is None:
        tree["finetune"] = {}
    recipe = parse_recipe(tree, name)
    _refuse_fresh_fusion(recipe, start, name, folder)
    refused = list(_differences(recipe, theirs, parts))
    if refused:
        raise RecipeError(
            "\n".join(
                f"recipe {name}: {key}={own}, but {folder} was trained with {their}; what comes "
                "from a run keeps its form: leave the key out, or train from scratch"
                for key, own, their in refused
            )
        )
    return recipe


def _refuse_fresh_fusion(recipe: Recipe, start: Recipe, name: str, folder: Path) -> None:
    """Refuse to leave a fusion as it is that has not learned anything."""
    finetune, fresh = recipe.finetune, recipe.model.fusion and start.model.fusion is None
    if fresh and finetune is not None and (finetune.freeze.fusion or finetune.lora is not None):
        key = "freeze.fusion" if finetune.freeze.fusion else "lora"
        raise RecipeError(
            f"recipe {name}: finetune.{key} is for weights that have learned, but the fusion is "
            f"fresh, since {folder} has none; leave one of the two out"
        )


def _named(tree: Tree) -> list[str]:
    """The encoders that a recipe names."""
    said = _part(_part(tree, "model"), "encoders")
    return [modality for modality, config in said.items() if config is not None]


def _taken_modalities(
    tree: Tree, named: list[str], known: list[str], name: str, folder: Path
) -> list[str]:
    """Whose encoders are taken.

    Args:
        tree: with overrides.
        named: the encoders that the recipe names without them.
        known: those of the run.
    """
    data, added = _part(tree, "data"), _named(tree)
    fields = [field for field, columns in _part(data, "fields").items() if columns]
    read = data.get("modalities") or [field for field in fields if field in MODALITIES]
    wanted = named or read or known
    asked = [m for m in [*wanted, *added] if m in [*named, *added] or m not in _only_written(tree)]
    if unknown := [m for m in MODALITIES if m in asked and m not in known]:
        raise RecipeError(
            f"recipe {name}: model.encoders or data.fields asks for {', '.join(unknown)}, but the "
            f"model of {folder} knows only {', '.join(known)}; start from a run that knows more, "
            "or leave it out"
        )
    said = _part(_part(tree, "model"), "encoders")
    return [m for m in known if m in added or (m in wanted and said.get(m, {}) is not None)]


def _only_written(tree: Tree) -> set[str]:
    """Modalities that tasks need as what is to be said, as captions, seen or not."""
    chosen = [name for name, config in _part(tree, "tasks").items() if config is not None]
    return {modality for name in chosen if name in TASKS for modality in TASKS[name].needs_data}


def _inherit_model(tree: Tree, theirs: Tree, taken: list[str]) -> None:
    model = tree["model"] = dict(_part(tree, "model"))
    said = _part(model, "encoders")
    filled = {m: _filled(said.get(m) or {}, theirs["encoders"][m]) for m in taken}
    model["encoders"] = {**said, **filled}
    if "fusion" not in model:
        model["fusion"] = theirs["fusion"]
    elif _same_fusion(model["fusion"], theirs["fusion"]):
        model["fusion"] = _filled(model["fusion"], theirs["fusion"])


def _same_fusion(said: Any, theirs: Any) -> bool:
    """Whether two parts `model.fusion` are of one kind, so that the one can fill the other."""
    if not (isinstance(said, dict) and isinstance(theirs, dict)):
        return False
    return said.get("name", theirs["name"]) == theirs["name"]


def _filled(said: Any, theirs: Any) -> Any:
    """What is said, and below it what is not said as the run has it."""
    if not (isinstance(said, dict) and isinstance(theirs, dict)):
        return said
    return theirs | {key: _filled(value, theirs.get(key)) for key, value in said.items()}


def _differences(recipe: Recipe, theirs: Tree, parts: list[str]) -> Iterator[tuple[str, Any, Any]]:
    """Key, its value here and its value there, of what has to be the same and is not."""
    ours = recipe.model_dump(mode="json")
    ours_model, theirs_model = ours["model"], theirs["model"]
    for modality in recipe.model.encoders.chosen():
        own, their = (model["encoders"][modality] for model in (ours_model, theirs_model))
        yield from _unequal(own, their, f"model.encoders.{modality}")
    fusion, their_fusion = ours_model["fusion"], theirs_model["fusion"]
    if _same_fusion(fusion, their_fusion):
        yield from _unequal(fusion, their_fusion, "model.fusion")
    elif fusion is not None and their_fusion is not None:
        yield "model.fusion.name", fusion["name"], their_fusion["name"]
    for part in parts:
        yield from _unequal(ours["data"][part], theirs["data"][part], f"data.{part}")


def _unequal(ours: Tree, theirs: Tree, where: str) -> Iterator[tuple[str, Any, Any]]:
    for key, own in ours.items():
        if key not in FREE and own != theirs.get(key):
            yield f"{where}.{key}", own, theirs.get(key)


def _part(tree: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The keys below a key; none where it holds anything else."""
    part = tree.get(key)
    return part if isinstance(part, Mapping) else {}
