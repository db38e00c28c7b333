import torch
from tests.conftest import small_batch, small_model
from tests.fusion.reference import (
    assert_tokens,
    cross_attention,
    encodings_of,
    feed_forward,
    fusion_of,
    linear,
    norm,
    product_of_means,
    self_attention,
)

from sensorium.fusion import CrossAttentionConfig


def advanced(x, others, layer):
    """One stream after a layer, which reads the others as they were before it."""
    x = x + self_attention(norm(x, layer.attention_norm), layer.attention)
    context = norm(torch.cat([x[:0], *others]), layer.context_norm)
    x = x + cross_attention(norm(x, layer.cross_norm), context, layer.cross_attention)
    return x + feed_forward(norm(x, layer.feed_forward_norm), layer.feed_forward)


def test_the_formula():
    fusion = fusion_of("cross_attention")

    def formula(sequences):
        tokens = {m: linear(x, fusion.project[m]) for m, x in sequences.items()}
        for depth in range(fusion.depth):
            tokens = {
                m: advanced(x, [tokens[k] for k in tokens if k != m], fusion.streams[m][depth])
                for m, x in tokens.items()
            }
        tokens = {m: norm(x, fusion.norm) for m, x in tokens.items()}
        return tokens, product_of_means(tokens, fusion.pool, fusion.width)

    assert_tokens(fusion, encodings_of(), formula)
    assert_tokens(fusion, encodings_of(["text", "image"]), formula)


def test_modalities_without_a_stream_are_looked_at_as_they_are():
    fusion = fusion_of(CrossAttentionConfig(width=16, depth=2, heads=2, streams=["text"]))
    assert list(fusion.streams) == ["text"]

    def formula(sequences):
        tokens = {m: linear(x, fusion.project[m]) for m, x in sequences.items()}
        others = [x for m, x in tokens.items() if m != "text"]
        for depth in range(fusion.depth if "text" in tokens else 0):
            tokens["text"] = advanced(tokens["text"], others, fusion.streams["text"][depth])
        tokens = {m: norm(x, fusion.norm) for m, x in tokens.items()}
        return tokens, product_of_means(tokens, fusion.pool, fusion.width)

    assert_tokens(fusion, encodings_of(), formula)
    assert_tokens(fusion, encodings_of(["image", "audio"]), formula)


def test_the_vector_is_the_product_over_the_present_modalities():
    model = small_model().eval()
    fused = model(small_batch(3, text=[True, False, True])).fused
    text, image = fused.tokens["text"], fused.tokens["image"]
    for row, has_text in enumerate([True, False, True]):
        expected = model.fusion.pool["image"](image.values[row].mean(dim=0))
        if has_text:
            words = text.values[row, text.mask[row]].mean(dim=0)
            expected = expected * model.fusion.pool["text"](words)
        torch.testing.assert_close(fused.vector[row], expected)
