import torch

from sensorium.layers.pooling import AttentionPool, mean_pool


def test_mean_of_the_real_tokens_and_zero_where_none_is():
    x = torch.arange(12.0).view(2, 3, 2)
    mask = torch.tensor([[True, True, False], [False, False, False]])
    assert mean_pool(x, mask).tolist() == [[1.0, 2.0], [0.0, 0.0]]
    torch.testing.assert_close(mean_pool(x), x.mean(dim=1))


def test_attention_pool_does_not_see_padding():
    torch.manual_seed(0)
    pool = AttentionPool(8, 2)
    x = torch.randn(2, 5, 8)
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    changed = x.clone()
    changed[1, 3:] = 9
    torch.testing.assert_close(pool(x, mask), pool(changed, mask))
    torch.testing.assert_close(pool(x, mask)[1:], pool(x[1:, :3]))
