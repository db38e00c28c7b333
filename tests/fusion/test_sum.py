import torch
from tests.fusion.reference import assert_vectors, encodings_of, fusion_of, linear


def test_the_formula():
    fusion = fusion_of("sum")

    def formula(vectors):
        total = torch.zeros(fusion.width, dtype=torch.float64)
        for m, x in vectors.items():
            total = total + linear(x, fusion.project[m])
        return total

    assert_vectors(fusion, encodings_of(), formula)
    assert_vectors(fusion, encodings_of(["text", "image"]), formula)
