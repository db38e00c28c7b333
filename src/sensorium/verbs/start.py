"""The run that another one starts from. It is read once, before the first step, and never again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from sensorium.batch import Learned
from sensorium.data import Tokenizer
from sensorium.data.text import BYTES, SPECIAL_NAMES
from sensorium.errors import RunError
from sensorium.recipe import Recipe, recipe_tree
from sensorium.run import Run
from sensorium.tasks import TASKS, Mixture
from sensorium.training import Checkpoint, Checkpoints
from sensorium.verbs.inherit import inherit
from sensorium.weights import differences

STARTED_FROM = "started_from"  # in run.json and in the summary: the run whose weights were taken
FUSION = "model.fusion."
CHANGES_NO_HEAD = {
    *("weight", "share", "sources", "class_weights", "label_smoothing", "mixup", "cutmix"),
}
"""Settings of a task that may differ where its head is kept."""


@dataclass(frozen=True)
class Start:
    """A trained run, whose model another one takes over.

    Attributes:
        run: its folder.
        checkpoint: whose weights are taken, averaged where that run averages.
        tokenizer: of the run; None where it knows no words.
    """

    run: Run
    checkpoint: Checkpoint
    tokenizer: Tokenizer | None

    @classmethod
    def open(cls, folder: str | Path) -> Start:
        """Find what there is to take.

        Raises:
            RunError: where there is no run, or nothing was saved yet.
        """
        run = Run.open(folder)
        if not run.has_tokenizer:
            raise RunError(f"{folder} has no tokenizer.json: its training never began")
        tokenizer = run.tokenizer()
        words = "text" in run.recipe.model.encoders.chosen()
        words = words or tokenizer.size > BYTES + len(SPECIAL_NAMES)
        checkpoint = Checkpoints(run.folder / "checkpoints").to_use()
        return cls(run, checkpoint, tokenizer if words else None)

    def recipe(self, recipe: Recipe | str | Path, overrides: Sequence[str]) -> Recipe:
        """The whole recipe of a run that starts here.

        Raises:
            RecipeError: where it does not fit this run.
        """
        name, tree = recipe_tree(recipe, defaults=False)
        words, run = self.tokenizer is not None, self.run
        return inherit(tree, overrides, name, run.recipe, run.folder, words=words)

    def facts(self) -> dict[str, Any]:
        """What is written down of it: where it lay, and which weights exactly these were."""
        return {
            "run": str(self.run.folder.absolute()),
            "recipe": self.run.recipe.name,
            "step": self.checkpoint.state().step,
            "weights_sha256": self.checkpoint.fingerprint(),
        }

    def give(self, mixture: Mixture, recipe: Recipe, learned: Mapping[str, Learned]) -> str:
        """Put the weights of encoders and fusion, and of heads that can go on, into a fresh model.

        Args:
            mixture: fresh, on the CPU.
            recipe: whose it is.
            learned: target field -> what its training rows tell of it.

        Returns:
            In words, what goes on and what starts anew.

        Raises:
            RunError: names the weights that are missing, left over or of another shape.
        """
        saved, own = self.checkpoint.inference_weights(), mixture.state_dict()
        taken = self._body(mixture, saved)
        fused = any(name.startswith(FUSION) for name in taken)
        expected = {
            name: weight
            for name, weight in own.items()
            if name.startswith("model.") and (fused or not name.startswith(FUSION))
        }
        if wrong := differences(expected, taken):
            raise RunError(
                f"the weights of {self.run.folder} do not fit this recipe's model: "
                + "; ".join(wrong[:5])
                + (f"; and {len(wrong) - 5} more" if len(wrong) > 5 else "")
            )
        going_on = []
        for name in mixture.tasks:
            head = _below(saved, f"tasks.{name}.")
            if self._keeps_head(name, recipe, learned) and not differences(
                _below(own, f"tasks.{name}."), head
            ):
                going_on.append(name)
                taken |= {f"tasks.{name}.{n}": weight for n, weight in head.items()}
        mixture.load_state_dict(own | taken)
        return self._in_words(mixture, fused, going_on)

    def _body(self, mixture: Mixture, saved: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The weights for encoders and fusion, by their names in the mixture."""
        model, theirs = mixture.model, self.run.recipe.model
        taken: dict[str, Tensor] = {}
        for modality, encoder in model.encoders.items():
            prefix = f"model.encoders.{modality}."
            fitted = encoder.fit_positions(_below(saved, prefix))
            taken |= {prefix + name: weight for name, weight in fitted.items()}
        if model.fusion is not None and theirs.fusion is not None:
            fusion = _below(saved, FUSION)
            if len(model.encoders) < len(theirs.encoders.chosen()):  # some of it is for the others
                known = model.fusion.state_dict()
                fusion = {name: weight for name, weight in fusion.items() if name in known}
            taken |= {FUSION + name: weight for name, weight in fusion.items()}
        return taken

    def _keeps_head(self, task: str, recipe: Recipe, learned: Mapping[str, Learned]) -> bool:
        """Whether the run learned a task as the recipe means it: then its head goes on."""
        assert recipe.finetune is not None, "a recipe that starts from a run has this part"
        theirs, ours = self.run.recipe.tasks.chosen().get(task), recipe.tasks.chosen()[task]
        if theirs is None or not recipe.finetune.keep_heads:
            return False
        plain, other = (task.model_dump(exclude=CHANGES_NO_HEAD) for task in (ours, theirs))
        before = self.run.learned()
        names = [
            (learned[target].names, before[target].names)
            for target in TASKS[task].targets
            if target in learned and target in before
        ]
        return plain == other and all(ours == theirs for ours, theirs in names)

    def _in_words(self, mixture: Mixture, fused: bool, going_on: list[str]) -> str:
        model = mixture.model
        parts = [f"encoder of {modality}" for modality in model.encoders]
        parts += ["fusion"] if fused else []
        parts += [f"head of {name}" for name in going_on]
        fresh = ["fusion"] if model.fusion is not None and not fused else []
        fresh += [f"head of {name}" for name in mixture.tasks if name not in going_on]
        left = [m for m in self.run.recipe.model.encoders.chosen() if m not in model.encoders]
        return (
            f"starts from {self.run.folder}, step {self.checkpoint.state().step}: "
            + ", ".join(parts)
            + (f"; fresh: {', '.join(fresh)}" if fresh else "")
            + (f"; left out: encoder of {', '.join(left)}" if left else "")
        )


def _below(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Those whose name begins so, without it."""
    return {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}
