import torch
from tests.fusion.reference import (
    assert_tokens,
    cross_attention,
    encoder_layer,
    encodings_of,
    fusion_of,
    linear,
    norm,
    product_of_means,
)


def read(x, context, layer):
    return x + cross_attention(
        norm(x, layer.norm), norm(context, layer.context_norm), layer.attention
    )


def test_the_formula():
    fusion = fusion_of("perceiver")

    def formula(sequences):
        tokens = {m: linear(x, fusion.project[m]) for m, x in sequences.items()}
        nothing = torch.zeros(0, fusion.width, dtype=torch.float64)
        joined, latents = torch.cat([nothing, *tokens.values()]), fusion.latents[0]
        for reads, layer in zip(fusion.reads, fusion.layers, strict=True):
            latents = encoder_layer(read(latents, joined, reads), layer)
        tokens = {
            m: norm(read(x, latents, fusion.read_back), fusion.norm) for m, x in tokens.items()
        }
        return tokens, product_of_means(tokens, fusion.pool, fusion.width)

    assert_tokens(fusion, encodings_of(), formula)
    assert_tokens(fusion, encodings_of(["text", "image"]), formula)
