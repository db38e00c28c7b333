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
    fusion = fusion_of("bottleneck")

    def formula(sequences):
        tokens = {m: linear(x, fusion.project[m]) for m, x in sequences.items()}
        shared = fusion.bottlenecks[0]
        for depth in range(fusion.depth):
            written = []
            for m, x in tokens.items():
                both = encoder_layer(torch.cat([x, shared]), fusion.streams[m][depth])
                tokens[m] = both[: len(x)]
                written.append(both[len(x) :])
            shared = sum(written) / max(1, len(written))
        tokens = {m: norm(x, fusion.norm) for m, x in tokens.items()}
        return tokens, product_of_means(tokens, fusion.pool, fusion.width)

    assert_tokens(fusion, encodings_of(), formula)
    assert_tokens(fusion, encodings_of(["text", "image"]), formula)
