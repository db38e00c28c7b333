"""Encodings of several modalities in, one representation out: `{modality: Encoding}` -> `Fused`.

To add a fusion, write one file here with its class and config, and give it a line in `FUSIONS` and
a place in `FusionConfig`.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from sensorium.fusion.bottleneck import BottleneckConfig, BottleneckFusion
from sensorium.fusion.concat import ConcatConfig, ConcatFusion
from sensorium.fusion.cross_attention import CrossAttentionConfig, CrossAttentionFusion
from sensorium.fusion.fusion import Fusion, FusionSettings
from sensorium.fusion.gated import GatedConfig, GatedFusion
from sensorium.fusion.low_rank import LowRankConfig, LowRankFusion
from sensorium.fusion.perceiver import PerceiverConfig, PerceiverFusion
from sensorium.fusion.self_attention import SelfAttentionConfig, SelfAttentionFusion
from sensorium.fusion.sum import SumConfig, SumFusion
from sensorium.fusion.tensor import TensorConfig, TensorFusion

FUSIONS: dict[str, type[Fusion]] = {
    # of pooled vectors, one vector
    "concat": ConcatFusion,
    "sum": SumFusion,
    "gated": GatedFusion,
    "tensor": TensorFusion,
    "low_rank": LowRankFusion,
    # of tokens, keeping them
    "self_attention": SelfAttentionFusion,
    "cross_attention": CrossAttentionFusion,
    "bottleneck": BottleneckFusion,
    "perceiver": PerceiverFusion,
}


def _written_out(value: Any) -> Any:
    """`gated` is short for `{name: gated}`; settings without a name are cross-attention's."""
    if isinstance(value, str):
        return {"name": value}
    if isinstance(value, dict):
        return {"name": "cross_attention", **value}
    if isinstance(value, FusionSettings):
        return value
    raise ValueError("expected the name of a fusion, or its settings")


FusionConfig = Annotated[
    ConcatConfig
    | SumConfig
    | GatedConfig
    | TensorConfig
    | LowRankConfig
    | SelfAttentionConfig
    | CrossAttentionConfig
    | BottleneckConfig
    | PerceiverConfig,
    Field(discriminator="name"),
    BeforeValidator(_written_out),
]

__all__ = [
    "FUSIONS",
    "BottleneckConfig",
    "BottleneckFusion",
    "ConcatConfig",
    "ConcatFusion",
    "CrossAttentionConfig",
    "CrossAttentionFusion",
    "Fusion",
    "FusionConfig",
    "FusionSettings",
    "GatedConfig",
    "GatedFusion",
    "LowRankConfig",
    "LowRankFusion",
    "PerceiverConfig",
    "PerceiverFusion",
    "SelfAttentionConfig",
    "SelfAttentionFusion",
    "SumConfig",
    "SumFusion",
    "TensorConfig",
    "TensorFusion",
]
