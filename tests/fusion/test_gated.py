import torch
from tests.fusion.reference import assert_vectors, encodings_of, fusion_of, linear

from sensorium.batch import Encoding


def scores_of(fusion, vectors):
    """s_m of each modality, read from those that are there."""
    scores = fusion.gate_bias.clone()
    for m, x in vectors.items():
        scores += (fusion.gates[m].weight @ x).view_as(scores)
    return dict(zip(fusion.modalities, scores, strict=True))


def test_the_formula():
    fusion = fusion_of("gated")

    def formula(vectors):
        scores = {m: s.exp() for m, s in scores_of(fusion, vectors).items() if m in vectors}
        total = torch.zeros(fusion.width, dtype=torch.float64)
        for m, x in vectors.items():
            total = total + scores[m] / sum(scores.values()) * linear(x, fusion.project[m]).tanh()
        return total

    assert_vectors(fusion, encodings_of(), formula)
    assert_vectors(fusion, encodings_of(["text", "image"]), formula)


def test_two_modalities_share_one_sigmoid_as_in_the_paper():
    fusion = fusion_of("gated", ["image", "text"])

    def formula(vectors):
        scores = scores_of(fusion, vectors)
        gate = (scores["image"] - scores["text"]).sigmoid()
        image, text = (linear(x, fusion.project[m]).tanh() for m, x in vectors.items())
        return gate * image + (1 - gate) * text

    both = {m: every(e) for m, e in encodings_of(["image", "text"]).items()}
    assert_vectors(fusion, both, formula)


def every(encoding: Encoding) -> Encoding:
    """The same, as if every sample had the modality."""
    return Encoding(encoding.tokens, encoding.pooled, torch.ones_like(encoding.present))
