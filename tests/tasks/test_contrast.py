import math
import weakref
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from sensorium.tasks.contrast import contrast, sigmoid_loss, softmax_loss

KINDS = ("softmax", "sigmoid")
OWN = torch.arange(4)


def nothing_the_same(samples: int) -> Tensor:
    return torch.zeros(samples, samples, dtype=torch.bool)


def test_softmax_is_its_formula():
    s = torch.randn(4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = 0.0
    for i in range(4):
        expected -= (s[i].exp() / s[i].exp().sum())[i].log()
    torch.testing.assert_close(softmax_loss(s, OWN, nothing_the_same(4)), expected)


def test_sigmoid_is_its_formula():
    s = torch.randn(4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = 0.0
    for i, j in product(range(4), range(4)):
        expected -= torch.sigmoid(s[i, j] if i == j else -s[i, j]).log()
    torch.testing.assert_close(sigmoid_loss(s, OWN, nothing_the_same(4)), expected)


def test_what_is_the_same_under_two_ids_is_no_negative():
    s, same = torch.zeros(3, 3), nothing_the_same(3)
    same[0, 1] = same[1, 0] = True
    expected = torch.tensor(2 * math.log(2) + math.log(3))
    torch.testing.assert_close(softmax_loss(s, torch.arange(3), same), expected)
    torch.testing.assert_close(
        sigmoid_loss(s, torch.arange(3), same), torch.tensor(7 * math.log(2))
    )


def unit_vectors(samples: int, seed: int) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(samples, 5, dtype=torch.float64, generator=draw), dim=1)


def learned(*values: float) -> list[Tensor]:
    return [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in values]


def loss_and_gradients(kind: str, own: Tensor, chunk: int | None) -> list[Tensor]:
    """Of 11 samples, the second and the fifth of which hold the same item."""
    a, b = (unit_vectors(11, seed).requires_grad_() for seed in (1, 2))
    scale, bias = learned(7.0, -2.0)
    keys = torch.stack([torch.arange(11), torch.zeros(11, dtype=torch.long)], dim=1)
    keys[4] = keys[1]
    loss, right = contrast(kind, a, b, own, keys, scale, bias, chunk)
    return [loss.detach(), right, *torch.autograd.grad(loss, (a, b, scale, bias))]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("own", [range(11), range(3, 8), []], ids=["all", "some", "none"])
@pytest.mark.parametrize("chunk", [1, 4, 11])
def test_blocks_give_the_loss_and_the_gradient_of_the_whole(kind, own, chunk):
    index = torch.tensor(list(own), dtype=torch.long)
    whole = loss_and_gradients(kind, index, None)
    assert (whole[0] > 0) == bool(list(own))
    for one, other in zip(loss_and_gradients(kind, index, chunk), whole, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_parts_of_the_samples_have_the_losses_of_the_whole(kind):
    whole = loss_and_gradients(kind, torch.arange(11), None)
    parts = [loss_and_gradients(kind, part, 2) for part in torch.arange(11).split(4)]
    for number, of_whole in enumerate(whole):
        torch.testing.assert_close(sum(part[number] for part in parts), of_whole)


class Alive(TorchDispatchMode):
    """Counts the values of all tensors that are made and not yet gone; `most` is the peak."""

    now = most = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        for one in tree_leaves(made):
            if isinstance(one, Tensor) and one._base is None:
                self.now += one.numel()
                weakref.finalize(one, self.gone, one.numel())
        self.most = max(self.most, self.now)
        return made

    def gone(self, values: int) -> None:
        self.now -= values


def most_alive(kind: str, samples: int, chunk: int | None) -> int:
    a, b = (unit_vectors(samples, seed).requires_grad_() for seed in (1, 2))
    keys = torch.zeros(samples, 2, dtype=torch.long)
    scale, bias = learned(7.0, -2.0)
    with Alive() as alive:
        loss, _ = contrast(kind, a, b, torch.arange(samples), keys, scale, bias, chunk)
        loss.backward()
    return alive.most


@pytest.mark.parametrize("kind", KINDS)
def test_no_more_than_a_block_of_logits_is_alive_at_a_time(kind):
    whole, in_blocks = (most_alive(kind, 200, chunk) for chunk in (None, 5))
    assert whole > 200 * 200
    assert in_blocks < 200 * 200 / 2
