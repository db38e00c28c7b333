"""Our picture encoder is the field's Vision Transformer: the same weights, the same numbers."""

import pytest
import torch
from tests.conftest import IMAGE_SIZE, small_batch

from sensorium.encoders import ImageEncoder, ImageEncoderConfig

transformers = pytest.importorskip("transformers", minversion="5.0")

WIDTH, DEPTH, HEADS, PATCH = 16, 2, 2, 4

LAYER_PARTS = {
    "attention_norm": "layernorm_before",
    "attention.output": "attention.o_proj",
    "feed_forward_norm": "layernorm_after",
    "feed_forward.expand": "mlp.fc1",
    "feed_forward.contract": "mlp.fc2",
}
"""A part of our layer -> the same of theirs."""


def reference() -> torch.nn.Module:
    """Theirs, with weights large enough that every part of it shows in the output."""
    config = transformers.ViTConfig(
        hidden_size=WIDTH,
        num_hidden_layers=DEPTH,
        num_attention_heads=HEADS,
        intermediate_size=4 * WIDTH,
        image_size=IMAGE_SIZE,
        patch_size=PATCH,
        layer_norm_eps=1e-5,
    )
    theirs = transformers.ViTModel(config, add_pooling_layer=False).double().eval()
    torch.manual_seed(0)
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return theirs


def translated(theirs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Their weights under our names. Their class token has a position, ours is the sum of both."""
    positions = theirs["embeddings.position_embeddings"][0]
    projection = "embeddings.patch_embeddings.projection"
    ours = {
        "class_token": theirs["embeddings.cls_token"][0, 0] + positions[0],
        "positions": positions[1:],
        "patch_embedding.weight": theirs[f"{projection}.weight"].flatten(1),
        "patch_embedding.bias": theirs[f"{projection}.bias"],
    }
    for kind in ("weight", "bias"):
        ours[f"transformer.norm.{kind}"] = theirs[f"layernorm.{kind}"]
        for layer in range(DEPTH):
            prefix, their_prefix = f"transformer.layers.{layer}", f"layers.{layer}"
            for part, their_part in LAYER_PARTS.items():
                ours[f"{prefix}.{part}.{kind}"] = theirs[f"{their_prefix}.{their_part}.{kind}"]
            ours[f"{prefix}.attention.query_key_value.{kind}"] = torch.cat(
                [theirs[f"{their_prefix}.attention.{x}_proj.{kind}"] for x in "qkv"]
            )
    return ours


def test_equals_transformers_vision_transformer():
    theirs = reference()
    config = ImageEncoderConfig(
        width=WIDTH, depth=DEPTH, heads=HEADS, patch_size=PATCH, pooling="class"
    )
    ours = ImageEncoder(config, IMAGE_SIZE).double().eval()
    ours.load_state_dict(translated(theirs.state_dict()))
    pictures = small_batch(3).inputs["image"]
    with torch.no_grad():
        expected = theirs((pictures.values.double() - 127.5) / 127.5).last_hidden_state
        encoding = ours(pictures)
    torch.testing.assert_close(encoding.tokens.values, expected)
    torch.testing.assert_close(encoding.pooled, expected[:, 0])
