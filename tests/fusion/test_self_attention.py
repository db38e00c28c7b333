import torch
from tests.fusion.reference import (
    assert_tokens,
    encoder_layer,
    encodings_of,
    fusion_of,
    linear,
    norm,
    product_of_means,
)


def test_the_formula():
    fusion = fusion_of("self_attention")

    def formula(sequences):
        parts = [linear(x, fusion.project[m]) for m, x in sequences.items()]
        x = torch.cat(parts) if parts else torch.zeros(0, fusion.width).double()
        for layer in fusion.transformer.layers:
            x = encoder_layer(x, layer)
        x = norm(x, fusion.transformer.norm)
        lengths = [len(part) for part in parts]
        tokens = dict(zip(sequences, x.split(lengths) if parts else (), strict=True))
        return tokens, product_of_means(tokens, fusion.pool, fusion.width)

    assert_tokens(fusion, encodings_of(), formula)
    assert_tokens(fusion, encodings_of(["text", "image"]), formula)
