"""Masked patches: most of a picture or a sound is hidden, and told from the little that is left.

    tokens = encoder(the visible patches)
    guess  = decoder([tokens at their places, a learned mask token at all others] + positions)
    loss   = sum over hidden patches n of  |guess_n - patch_n|^2 / values of a patch

The encoder sees the visible quarter alone, which is what makes it cheap; the decoder is light, and
is thrown away afterwards. The visible patches are encoded in a pass of their own: what other tasks
share is encoded from the whole.

Convolutions in front of the patches mix neighbours. They get zeros where patches are hidden, and
their norms leave those out, so that nothing of what is hidden reaches a visible token.

Shapes: P rows in which the modality is present, N patches, K <= N of them visible, H hidden patches
of all rows together, v values of a patch, D width of the decoder.

Source: He et al. 2022, "Masked Autoencoders Are Scalable Vision Learners" (MAE); Huang et al. 2022,
"Masked Autoencoders that Listen" (AudioMAE); Gao et al. 2022, "ConvMAE" (convolutions).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from pydantic import Field, model_validator
from torch import Tensor, nn

from sensorium.batch import Batch, Inputs
from sensorium.encoders.patched import PatchedEncoder
from sensorium.layers.patches import hide_patches
from sensorium.layers.positions import sine_positions
from sensorium.layers.transformer import Transformer, initialise_transformer
from sensorium.model import Model
from sensorium.tasks.tally import ROWS, Tally, mean_of, rows_of, tally
from sensorium.tasks.task import Encoded, Loss, Task, TaskConfig

LEAST_VARIANCE = 1e-6  # added to that of a patch, on the encoder's scale


class MaskedPatchesConfig(TaskConfig):
    """A masked autoencoder: how much is hidden, and the decoder."""

    modality: ClassVar[str]

    hidden: float = Field(0.75, gt=0, lt=1)
    """Share of each sample's patches that are hidden."""
    normalise: bool = True
    """Tell each patch's pattern, with its mean and contrast taken out: better features (MAE)."""
    width: int = Field(96, gt=0, multiple_of=4)
    """Values in each token of the decoder."""
    depth: int = Field(2, ge=1)
    """Layers of the decoder."""
    heads: int = Field(3, gt=0)
    """Attention heads of the decoder; they must divide its width."""

    @model_validator(mode="after")
    def _heads_divide_width(self) -> MaskedPatchesConfig:
        if self.width % self.heads:
            raise ValueError(f"heads={self.heads} must divide width={self.width}")
        return self

    def problems(self, modalities: list[str]) -> Iterator[str]:
        if self.modality not in modalities:
            has = ", ".join(modalities) or "none"
            yield f"needs the modality {self.modality}, but model.encoders has only {has}"


class MaskedImageConfig(MaskedPatchesConfig):
    """A masked autoencoder of pictures."""

    modality: ClassVar[str] = "image"


class MaskedAudioConfig(MaskedPatchesConfig):
    """A masked autoencoder of spectrograms."""

    modality: ClassVar[str] = "audio"


@dataclass(frozen=True)
class Guesses:
    """What the decoder made of the hidden patches.

    Attributes:
        hidden: [P, N], which they are.
        guess: [H, v], of each, row by row.
        target: [P, N, v], what every patch holds, as it is to be told.
    """

    hidden: Bool[Tensor, "P N"]
    guess: Float[Tensor, "H v"]
    target: Float[Tensor, "P N v"]

    def errors(self) -> Float[Tensor, " H"]:
        """Mean squared error of each guess."""
        return (self.guess - self.target[self.hidden]).square().mean(dim=1)

    def errors_of_mean_patch(self, visible: Bool[Tensor, "P N"]) -> Float[Tensor, " H"]:
        """The same for guessing the mean of the sample's visible patches, whatever the place."""
        weight = visible.float()[:, :, None]
        mean = (self.target * weight).sum(dim=1, keepdim=True) / weight.sum(dim=1, keepdim=True)
        return (mean - self.target).square().mean(dim=2)[self.hidden]


class MaskedPatches(Task):
    """Hides patches of one modality, and a light Transformer that tells them.

    Attributes:
        modality: whose patches.
    """

    modality: ClassVar[str]
    reads_encodings: ClassVar[bool] = False

    def __init__(self, config: MaskedPatchesConfig, model: Model) -> None:
        super().__init__()
        encoder = _encoder(model, self.modality)
        self.hidden = config.hidden
        self.normalise = config.normalise
        self.real_patches = encoder.real_patches
        self.embed = nn.Linear(encoder.width, config.width)
        self.mask_token = nn.Parameter(torch.empty(config.width))
        self.decoder = Transformer(config.width, config.depth, config.heads)
        self.head = nn.Linear(config.width, encoder.patch_values)
        self.apply(initialise_transformer)
        nn.init.normal_(self.mask_token, std=0.02)

    @property
    def key(self) -> str:
        """In a prepared batch: which patches [P, N] are visible, with the real ones as mask."""
        return f"visible patches of {self.modality}"

    def prepare(self, batch: Batch, generator: torch.Generator) -> Batch:
        inputs = batch.inputs.get(self.modality)
        if inputs is None or not len(inputs.values):
            return batch
        real = self.real_patches(inputs)
        visible = hide_patches(real, self.hidden, generator)
        return replace(
            batch, inputs={**batch.inputs, self.key: Inputs(visible, real, inputs.present)}
        )

    def count(self, batch: Batch) -> int:
        drawn = batch.inputs.get(self.key)
        if drawn is None or self.modality not in batch.inputs:
            return 0
        return int(_hidden(drawn).sum())

    def loss(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> Loss:
        """A guess counts as right where it is nearer than the mean of the visible patches."""
        guesses = self.guess(model, batch)
        errors = guesses.errors()
        of_mean = guesses.errors_of_mean_patch(batch.inputs[self.key].values)
        return Loss(errors.sum(), (errors < of_mean).sum())

    def predict(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Of every hidden patch, how far the guess is off, and how far the mean visible patch."""
        guesses = self.guess(model, batch)
        of_mean = guesses.errors_of_mean_patch(batch.inputs[self.key].values)
        each = guesses.hidden.sum(dim=1)
        rows = batch.inputs[self.key].present.nonzero()[:, 0].repeat_interleave(each)
        return {ROWS: rows, "error": guesses.errors(), "error_of_mean_patch": of_mean}

    def tallies(self, predictions: Mapping[str, Tensor]) -> dict[str, Tally]:
        """Both mean squared errors, and the share of the second that the guesses explain."""
        error, of_mean = (predictions[what] for what in ("error", "error_of_mean_patch"))
        rows = rows_of(predictions, len(error))
        return {
            "error": mean_of(rows, error),
            "error_of_mean_patch": mean_of(rows, of_mean),
            "explained": tally(rows, of_mean - error, of_mean),
        }

    def guess(self, model: Model, batch: Batch) -> Guesses:
        """What the hidden patches of a prepared batch are taken to hold."""
        inputs, drawn = batch.inputs[self.modality], batch.inputs[self.key]
        encoder = _encoder(model, self.modality)
        patches = encoder.patches_of(inputs)
        tokens, there = encoder.encode_visible(inputs, drawn.values)
        hidden = _hidden(drawn)
        states = self._decode(tokens, there, drawn, patches.grid)[hidden]
        target = normalised(patches.values) if self.normalise else patches.values
        return Guesses(hidden, self.head(states).float(), target)

    def _decode(
        self, tokens: Tensor, there: Tensor, drawn: Inputs, grid: tuple[int, int]
    ) -> Float[Tensor, "P N D"]:
        """States of all places, from the tokens [P, K, D_encoder] of the visible ones."""
        embedded = self.embed(tokens)
        x = self.mask_token.expand(*drawn.values.shape, -1).to(embedded.dtype)
        x = x.masked_scatter(drawn.values[:, :, None], embedded[there])
        positions = sine_positions(*grid, x.shape[2], device=x.device).to(x.dtype)
        return self.decoder(x + positions, drawn.mask)


class MaskedImage(MaskedPatches):
    """Pictures of which most patches are hidden."""

    modality: ClassVar[str] = "image"


class MaskedAudio(MaskedPatches):
    """Spectrograms of which most patches are hidden; of a sound longer than the encoder's window,
    its first one."""

    modality: ClassVar[str] = "audio"


def normalised(patches: Float[Tensor, "*P v"]) -> Float[Tensor, "*P v"]:
    """Every patch less its mean, over its deviation."""
    mean, deviation = _mean_and_deviation(patches)
    return (patches - mean) / deviation


def denormalised(
    values: Float[Tensor, "*P v"], like: Float[Tensor, "*P v"]
) -> Float[Tensor, "*P v"]:
    """Normalised patches with the mean and the deviation of others."""
    mean, deviation = _mean_and_deviation(like)
    return values * deviation + mean


def _mean_and_deviation(patches: Tensor) -> tuple[Tensor, Tensor]:
    variance, mean = torch.var_mean(patches, dim=-1, keepdim=True, correction=0)
    return mean, (variance + LEAST_VARIANCE).sqrt()


def _hidden(drawn: Inputs) -> Bool[Tensor, "P N"]:
    assert drawn.mask is not None, "prepared with the real patches as its mask"
    return drawn.mask & ~drawn.values


def _encoder(model: Model, modality: str) -> PatchedEncoder:
    encoder = model.encoders[modality]
    assert isinstance(encoder, PatchedEncoder), "only what is cut into patches has a masked task"
    return encoder
