"""What of a model learns, from which step on, and how fast: frozen parts, low-rank updates, stages.

    heads | fusion | last layer of every encoder | ... | first layer | what embeds
    0       1        2                             ...                 n - 1         the stage

A stage's learning rate is that of the heads times `layer_decay ** stage`. With `unfreeze_over`
stage k joins in after k / n of that share of the steps, so that fresh heads do not pull good
weights apart.

Source: Howard and Ruder 2018, "ULMFiT" (both); Clark et al. 2020, "ELECTRA", and Bao et al. 2022,
"BEiT" (decay by layer).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from torch import nn

from sensorium.layers.lora import add_low_rank, low_rank_maps
from sensorium.tasks.mixture import Mixture
from sensorium.training.finetune import FinetuneConfig, FreezeConfig

Stage = list[nn.Parameter]


def adapt(mixture: Mixture, config: FinetuneConfig) -> None:
    """Freeze what stays as it is, and put in the low-rank updates, in place.

    The same model and settings always give the same, so that a resumed run fits its checkpoint.
    """
    for parameter in _frozen(mixture, config.freeze):
        parameter.requires_grad_(False)
    if config.lora is None:
        return
    model = mixture.model
    for part in [*model.encoders.values(), *([] if model.fusion is None else [model.fusion])]:
        add_low_rank(part, config.lora.rank, config.lora.alpha, config.lora.places)
        part.requires_grad_(False)
        for _, update in low_rank_maps(part):
            update.up.requires_grad_()
            update.down.requires_grad_()


def _frozen(mixture: Mixture, config: FreezeConfig) -> Iterator[nn.Parameter]:
    for modality, encoder in mixture.model.encoders.items():
        stages = encoder.stages()
        whole = config.freezes(modality)
        # The lowest layers, and with them what embeds, which is the stage below the first.
        lowest = len(stages) if whole else config.layers + 1 if config.layers else 0
        for stage in stages[:lowest]:
            yield from stage
    if config.fusion and mixture.model.fusion is not None:
        yield from mixture.model.fusion.parameters()


def stages_of(mixture: Mixture) -> list[Stage]:
    """All parameters, from the heads down; encoders are side by side, aligned at their tops."""
    model = mixture.model
    stages = [[p for task in mixture.tasks.values() for p in task.parameters()]]
    if model.fusion is not None:
        stages.append(list(model.fusion.parameters()))
    encoders = [encoder.stages()[::-1] for encoder in model.encoders.values()]
    for side_by_side in zip_longest(*encoders, fillvalue=[]):
        stages.append([parameter for stage in side_by_side for parameter in stage])
    return stages


def relative_rates(mixture: Mixture, layer_decay: float) -> dict[nn.Parameter, float]:
    """The learning rate of each parameter, as a share of that of the heads."""
    return {
        parameter: layer_decay**number
        for number, stage in enumerate(stages_of(mixture))
        for parameter in stage
    }


class Thaw:
    """Lets one stage after the other join in. What is frozen when this is made stays frozen.

    Args:
        mixture: the model and its tasks, adapted.
        share: of the steps, over which the stages join in; 0 lets all learn from the first.
        steps: of the run.
    """

    def __init__(self, mixture: Mixture, share: float, steps: int) -> None:
        self.mixture = mixture
        learning = [[p for p in stage if p.requires_grad] for stage in stages_of(mixture)]
        self.stages = [stage for stage in learning if stage]
        self.steps_of_each = share * steps / max(1, len(self.stages))
        self.thawed = len(self.stages)

    def advance(self, step: int) -> None:
        """Let those learn whose time has come at a step, which counts from 0."""
        thawed = len(self.stages)
        if self.steps_of_each:
            thawed = min(thawed, 1 + int(step / self.steps_of_each))
        if thawed == self.thawed:
            return
        self.thawed = thawed
        for number, stage in enumerate(self.stages):
            for parameter in stage:
                parameter.requires_grad_(number < thawed)
        to_training(self.mixture)


def to_training(mixture: Mixture) -> None:
    """Training mode, except for what does not learn at present: that computes as at evaluation,
    without dropout or dropped patches."""
    mixture.train()
    for module in mixture.modules():
        own = list(module.parameters())
        if own and not any(parameter.requires_grad for parameter in own):
            module.eval()
