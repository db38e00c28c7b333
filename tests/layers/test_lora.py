import pytest
import torch
from torch import nn

from sensorium.layers.lora import LowRankLinear, add_low_rank, merge_low_rank, plain_weights
from sensorium.layers.transformer import CrossLayer, EncoderLayer


def layer(kind: type[EncoderLayer] = EncoderLayer) -> EncoderLayer:
    torch.manual_seed(0)
    return kind(width=16, heads=2)


def with_updates(module: nn.Module) -> nn.Module:
    """Low-rank updates everywhere that have learned something."""
    add_low_rank(module, rank=2, alpha=4.0, places=("attention", "feed_forward"))
    for part in module.modules():
        if isinstance(part, LowRankLinear):
            nn.init.normal_(part.up)
    return module


def test_at_first_nothing_changes():
    plain, x = layer(), torch.randn(3, 5, 16)
    before = plain(x)
    add_low_rank(plain, rank=2, alpha=4.0, places=("attention", "feed_forward"))
    assert torch.equal(plain(x), before)


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (("attention",), {"attention.query_key_value", "attention.output"}),
        (("feed_forward",), {"feed_forward.expand", "feed_forward.contract"}),
    ],
)
def test_the_maps_that_are_asked_for_get_an_update(places, expected):
    module = layer()
    names = set(module.state_dict())
    add_low_rank(module, rank=2, alpha=4.0, places=places)
    assert {n for n, p in module.named_modules() if isinstance(p, LowRankLinear)} == expected
    added = set(module.state_dict()) - names
    assert added == {f"{name}.{part}" for name in expected for part in ("up", "down")}


def test_cross_attention_is_attention_too():
    module = layer(CrossLayer)
    add_low_rank(module, rank=2, alpha=4.0, places=("attention",))
    updated = {n for n, p in module.named_modules() if isinstance(p, LowRankLinear)}
    assert {"cross_attention.query", "cross_attention.key_value"} < updated


def test_what_is_frozen_before_gets_none():
    module = layer()
    module.attention.output.requires_grad_(False)
    add_low_rank(module, rank=2, alpha=4.0, places=("attention",))
    assert type(module.attention.output) is nn.Linear
    assert isinstance(module.attention.query_key_value, LowRankLinear)


def test_an_update_is_what_the_formula_says():
    torch.manual_seed(0)
    plain = nn.Linear(6, 4)
    updated = LowRankLinear(plain, rank=2, alpha=3.0)
    nn.init.normal_(updated.up)
    x = torch.randn(5, 6)
    expected = x @ (plain.weight + 1.5 * updated.up @ updated.down).T + plain.bias
    torch.testing.assert_close(updated(x), expected)
    updated(x).sum().backward()
    assert updated.weight.grad is None
    assert updated.up.grad.any()
    assert updated.down.grad.any()


def test_merged_it_computes_the_same_by_plain_maps():
    module, x = with_updates(layer()), torch.randn(3, 5, 16)
    before, weights = module(x), plain_weights(module, module.state_dict())
    merge_low_rank(module)
    assert not any(isinstance(part, LowRankLinear) for part in module.modules())
    torch.testing.assert_close(module(x), before)
    other = layer()
    other.load_state_dict(weights)
    assert torch.equal(other(x), module(x))


def test_a_map_without_a_bias_can_be_updated():
    updated = LowRankLinear(nn.Linear(6, 4, bias=False), rank=2, alpha=2.0)
    nn.init.normal_(updated.up)
    x = torch.randn(2, 6)
    torch.testing.assert_close(updated.merged()(x), updated(x))
