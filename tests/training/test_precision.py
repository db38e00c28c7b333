import pytest
import torch
from tests.conftest import small_batch, small_mixture

from sensorium.training.precision import call_in, choose_precision

CPU = torch.device("cpu")


@pytest.mark.parametrize("wanted", ["float32", "bfloat16"])
def test_a_named_precision_is_taken(wanted):
    assert choose_precision(wanted, CPU) == wanted


def test_auto_decides_for_one_of_the_two():
    assert choose_precision("auto", CPU) in ("float32", "bfloat16")


def test_a_bfloat16_step_gives_float32_gradients_on_the_masters():
    mixture = small_mixture("contrastive", "matching", "masked_language")
    before = {name: p.detach().clone() for name, p in mixture.named_parameters()}
    totals, gradients = {}, {}
    for precision in ("float32", "bfloat16"):
        generator = torch.Generator().manual_seed(0)
        batch = mixture.prepare(small_batch(4), generator)
        losses = call_in(precision, mixture, batch, generator)
        mixture.zero_grad()
        sum(loss.total for loss in losses.values()).backward()
        totals[precision] = torch.stack([loss.total for loss in losses.values()])
        gradients[precision] = torch.cat([p.grad.flatten() for p in mixture.parameters()])
    assert gradients["bfloat16"].dtype == torch.float32
    torch.testing.assert_close(totals["bfloat16"], totals["float32"], rtol=0.05, atol=0.0)
    assert not torch.equal(totals["bfloat16"], totals["float32"])
    assert torch.cosine_similarity(*gradients.values(), dim=0) > 0.98
    assert all(torch.equal(p, before[name]) for name, p in mixture.named_parameters())
