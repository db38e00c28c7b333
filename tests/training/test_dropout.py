import pytest
import torch
from tests.conftest import small_batch

from sensorium.batch import Batch
from sensorium.training.dropout import drop_modalities

SAMPLES = 4000


@pytest.fixture
def mixed() -> Batch:
    draw = torch.Generator().manual_seed(1)
    has = torch.rand(2, SAMPLES, generator=draw) < 0.7
    image, text = has.tolist()
    return small_batch(SAMPLES, image=image, text=text)


def presence(batch: Batch) -> torch.Tensor:
    return torch.stack([batch.inputs[m].present for m in ("image", "text")])


def test_a_share_is_dropped_but_never_all_that_a_sample_has(mixed, generator):
    before, after = presence(mixed), presence(drop_modalities(mixed, 0.3, generator))
    assert not (after & ~before).any()
    assert torch.equal(after.any(dim=0), before.any(dim=0))
    both = before.all(dim=0)
    assert torch.equal(after[:, ~both], before[:, ~both])
    # Each with 0.3, but where both would go the one that was drawn higher stays.
    gone = 1 - after[:, both].double().mean().item()
    assert gone == pytest.approx(0.3 - 0.3**2 / 2, abs=0.02)


def test_what_stays_is_what_it_was(mixed, generator):
    after = drop_modalities(mixed, 0.5, generator)
    for modality, inputs in after.inputs.items():
        before = mixed.inputs[modality]
        rows = before.present.cumsum(0)[inputs.present] - 1
        assert torch.equal(inputs.values, before.values[rows])
        assert inputs.mask is None or torch.equal(inputs.mask, before.mask[rows])


def test_it_follows_from_the_generator_and_draws_nothing_at_zero(mixed, generator):
    once = presence(drop_modalities(mixed, 0.3, torch.Generator().manual_seed(5)))
    again = presence(drop_modalities(mixed, 0.3, torch.Generator().manual_seed(5)))
    assert torch.equal(once, again)
    state = generator.get_state()
    assert drop_modalities(mixed, 0.0, generator) is mixed
    assert torch.equal(generator.get_state(), state)


def test_nothing_at_all_stays_nothing(generator):
    assert drop_modalities(Batch([], {}), 0.5, generator).inputs == {}
