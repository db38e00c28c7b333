import torch
from tests.fusion.reference import assert_vectors, encodings_of, fusion_of, gelu, linear


def test_the_formula():
    fusion = fusion_of("concat")

    def formula(vectors):
        joined = [vectors.get(m, fusion.absent[m]) for m in ("image", "text", "audio")]
        return linear(gelu(linear(torch.cat(joined), fusion.expand)), fusion.contract)

    assert_vectors(fusion, encodings_of(), formula)
    assert_vectors(fusion, encodings_of(["text", "image"]), formula)
