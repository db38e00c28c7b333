import torch
from tests.fusion.reference import WIDTHS, assert_vectors, encodings_of, fusion_of, linear

from sensorium.fusion import LowRankConfig, LowRankFusion, TensorConfig, TensorFusion


def test_the_formula():
    fusion = fusion_of("low_rank")

    def formula(vectors):
        product = torch.ones(2 * fusion.width, dtype=torch.float64)
        for m, factor in fusion.factors.items():
            product = product * (linear(vectors[m], factor) if m in vectors else factor.bias)
        return product[: fusion.width] + product[fusion.width :] + fusion.bias

    assert_vectors(fusion, encodings_of(), formula)
    assert_vectors(fusion, encodings_of(["text", "image"]), formula)


def test_it_is_tensor_fusion_with_factorised_weights():
    widths = dict.fromkeys(WIDTHS, 4)
    low_rank = LowRankFusion(LowRankConfig(width=3, rank=2), widths).double()
    tensor = TensorFusion(TensorConfig(width=3, side=4), widths).double()
    for m in widths:  # z_m is [x_m; 1], without a map before it
        torch.nn.init.eye_(tensor.project[m].weight)
        torch.nn.init.zeros_(tensor.project[m].bias)
    columns = [
        torch.cat([f.weight, f.bias[:, None]], dim=1).view(2, 3, 5)  # [R, D, D_m + 1]
        for f in low_rank.factors.values()
    ]
    tensor.output.weight.data = torch.einsum("rdi,rdj,rdk->dijk", *columns).flatten(1)
    torch.nn.init.normal_(low_rank.bias)
    tensor.output.bias.data = low_rank.bias.data
    encodings = {
        m: type(e)(e.tokens, e.pooled[:, :4], e.present) for m, e in encodings_of().items()
    }
    torch.testing.assert_close(low_rank(encodings).vector, tensor(encodings).vector)


def test_the_vector_starts_with_variance_1_whatever_the_rank():
    torch.manual_seed(0)
    for rank in (1, 8):
        fusion = LowRankFusion(LowRankConfig(width=512, rank=rank), {"image": 64, "text": 64})
        encodings = encodings_of(["image", "text"])
        unit = {
            m: type(e)(e.tokens, torch.randn(200, 64), torch.ones(200, dtype=torch.bool))
            for m, e in encodings.items()
        }
        assert 0.8 < fusion(unit).vector.square().mean() < 1.25
