import pytest
import torch

from sensorium.layers.attention import (
    CrossAttention,
    SelfAttention,
    attend,
    attend_causal,
    attend_fused,
    attend_plain,
)


def queries_keys_values(dtype=torch.float64):
    torch.manual_seed(0)
    return (
        torch.randn(3, 2, 5, 4, dtype=dtype, requires_grad=True),
        torch.randn(3, 2, 7, 4, dtype=dtype, requires_grad=True),
        torch.randn(3, 2, 7, 4, dtype=dtype, requires_grad=True),
    )


@pytest.mark.parametrize("masked", [False, True])
def test_plain_and_fused_paths_agree_with_their_gradients(masked):
    mask = None
    if masked:
        mask = (torch.arange(7) < torch.tensor([7, 3, 1])[:, None])[:, None, None, :]
    results = []
    for path in (attend_plain, attend_fused):
        q, k, v = queries_keys_values()
        out = path(q, k, v, mask)
        out.square().sum().backward()
        results.append((out, q.grad, k.grad, v.grad))
    for plain, fused in zip(*results, strict=True):
        torch.testing.assert_close(plain, fused)


def test_attention_is_its_formula():
    q, k, v = queries_keys_values()
    for b in range(3):
        for h in range(2):
            for n in range(5):
                scores = torch.stack([(q[b, h, n] * k[b, h, m]).sum() / 2.0 for m in range(7)])
                expected = (scores.exp() / scores.exp().sum()) @ v[b, h]
                torch.testing.assert_close(attend(q, k, v)[b, h, n], expected)


def test_masked_keys_change_nothing():
    q, k, v = queries_keys_values()
    mask = torch.arange(7) < torch.tensor([7, 4, 2])[:, None]
    expected = [
        attend(q[i : i + 1], k[i : i + 1, :, :n], v[i : i + 1, :, :n])
        for i, n in enumerate([7, 4, 2])
    ]
    torch.testing.assert_close(attend(q, k, v, mask), torch.cat(expected))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])  # bfloat16 takes the plain path
def test_a_causal_query_sees_the_keys_up_to_its_own(dtype):
    q, k, v = (x[:, :, :5] for x in queries_keys_values(dtype))
    expected = [attend(q[:, :, [i]], k[:, :, : i + 1], v[:, :, : i + 1]) for i in range(5)]
    torch.testing.assert_close(attend_causal(q, k, v), torch.cat(expected, dim=2))


def test_a_query_without_a_real_key_gets_zero_and_a_finite_gradient():
    q, k, v = queries_keys_values()
    mask = torch.ones(3, 7, dtype=torch.bool)
    mask[1] = False
    out = attend(q, k, v, mask)
    assert (out[1] == 0).all()
    out.sum().backward()
    assert all(x.grad.isfinite().all() for x in (q, k, v))


def test_no_keys_at_all_is_the_same_as_masked_keys():
    q, k, v = queries_keys_values()
    masked = attend(q, k, v, torch.zeros(3, 7, dtype=torch.bool))
    assert torch.equal(attend(q, k[:, :, :0], v[:, :, :0]), masked)


@pytest.mark.parametrize("module", [SelfAttention, CrossAttention])
def test_heads_that_do_not_divide_the_width_are_refused(module):
    with pytest.raises(ValueError, match="width 10 does not divide into 3 heads"):
        module(10, 3)
