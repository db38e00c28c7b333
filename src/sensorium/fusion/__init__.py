"""Encodings of several modalities in, one representation out: `{modality: Encoding}` -> `Fused`.

To add a fusion, write one file here with its class and config, and give it a line in `FUSIONS`
and a place in `FusionConfig`.
"""

from sensorium.fusion.cross_attention import CrossAttentionConfig, CrossAttentionFusion
from sensorium.fusion.fusion import Fusion

FUSIONS: dict[str, type[Fusion]] = {"cross_attention": CrossAttentionFusion}

FusionConfig = CrossAttentionConfig

__all__ = ["FUSIONS", "CrossAttentionConfig", "CrossAttentionFusion", "Fusion", "FusionConfig"]
