"""The settings of fine-tuning: what of a trained model stays as it is, and how the rest learns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field, field_validator

from sensorium.config import Config
from sensorium.layers.lora import Place


class FreezeConfig(Config):
    """What is not trained. It computes as at evaluation: without dropout or dropped patches."""

    encoders: tuple[str, ...] | Literal["all"] = ()
    """Modalities whose encoders stay as they are, or `all`."""
    layers: int = Field(0, ge=0)
    """Lowest layers of every encoder that stay as they are, with what embeds below them."""
    fusion: bool = False
    """Whether the fusion stays as it is."""

    def freezes(self, modality: str) -> bool:
        """Whether the whole encoder of a modality stays as it is."""
        return self.encoders == "all" or modality in self.encoders


class LowRankConfig(Config):
    """LoRA: what is not frozen of encoders and fusion learns only through low-rank updates."""

    rank: int = Field(8, gt=0)
    """Rank of the updates."""
    alpha: float = Field(16.0, gt=0)
    """An update counts alpha / rank times."""
    places: tuple[Place, ...] = ("attention",)
    """Which linear maps get one: those of `attention`, of the `feed_forward` networks, or both."""

    @field_validator("places")
    @classmethod
    def _some_place(cls, places: tuple[Place, ...]) -> tuple[Place, ...]:
        if not places:
            raise ValueError("expected attention, feed_forward or both, got none")
        return places


class FinetuneConfig(Config):
    """How a model that starts from a trained run goes on to learn."""

    keep_heads: bool = True
    """A task that the run was trained on too, with the same settings, goes on with its head;
    `false` starts every head anew."""
    freeze: FreezeConfig = FreezeConfig()
    """What stays as it is."""
    layer_decay: float = Field(1.0, gt=0, le=1)
    """Learning rate of every layer, as a share of that of the layer above it: 0.75 trains the
    heads at the full rate, and what is near the input hardly at all."""
    unfreeze_over: float = Field(0.0, ge=0, le=1)
    """Share of the steps over which layers join in one after the other, from the top: at first the
    heads learn alone."""
    lora: LowRankConfig | None = None
    """Low-rank updates (LoRA) in place of training the matrices themselves."""
    cache_features: bool = False
    """Run frozen encoders once over the training set and train on what they gave: epochs take
    seconds. All encoders have to be frozen, and nothing may change at random."""
    cache_megabytes: int = Field(4096, gt=0)
    """Most memory that these features may take."""

    def needs_a_start(self) -> str | None:
        """A setting that makes no sense for fresh weights, as in `freeze.layers`, if any."""
        used = {
            "freeze.encoders": self.freeze.encoders,
            "freeze.layers": self.freeze.layers,
            "freeze.fusion": self.freeze.fusion,
            "unfreeze_over": self.unfreeze_over,
            "lora": self.lora is not None,
        }
        return next((name for name, use in used.items() if use), None)

    def problems(self, depths: Mapping[str, int], has_fusion: bool) -> Iterator[str]:
        """Why a model cannot be fine-tuned so, as in `freeze.fusion: the model has no fusion`.

        Args:
            depths: modality -> layers of its encoder.
            has_fusion: whether the model has one.
        """
        known = ", ".join(depths)
        for modality in () if self.freeze.encoders == "all" else self.freeze.encoders:
            if modality not in depths:
                yield f"freeze.encoders names {modality}, but the model has only {known}"
        for modality, depth in depths.items():
            if self.freeze.layers > depth and not self.freeze.freezes(modality):
                yield (
                    f"freeze.layers={self.freeze.layers} is more than the {depth} layers of "
                    f"model.encoders.{modality}"
                )
        if self.freeze.fusion and not has_fusion:
            yield "freeze.fusion=true, but model.fusion is not set"
        free = [modality for modality in depths if not self.freeze.freezes(modality)]
        if self.cache_features and free:
            yield (
                f"cache_features runs encoders once, but that of {', '.join(free)} learns; freeze "
                "them by finetune.freeze.encoders=all"
            )
