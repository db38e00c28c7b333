"""What answers rest on: parts that add up, and places that matter, on a model that has learned."""

import random

import pytest
import torch
from tests.conftest import (
    FUSION_CONFIGS,
    small_batch,
    small_mixture,
    small_model,
    small_model_config,
)

from sensorium.batch import Batch, Inputs
from sensorium.deployment.explain.gradients import integrated_gradients
from sensorium.deployment.explain.places import sum_blocks
from sensorium.deployment.explain.views import spans
from sensorium.tasks import Mixture
from sensorium.tasks.claim import Claim
from sensorium.tasks.task import Encoded

COLOURS = torch.tensor([[220, 40, 40], [40, 200, 40], [40, 60, 220]])
OTHERS = torch.tensor([[128, 128, 128], [200, 190, 60], [120, 60, 130], [230, 230, 230]])
SPECIAL = range(4)


def scattered(samples: int, generator: torch.Generator) -> tuple[Batch, torch.Tensor]:
    """Pictures of sixteen patches, one of which has one of three colours, the class; all of the
    others have colours that tell nothing. The batch, and the place of that patch [B]."""
    palette = OTHERS[torch.randint(0, len(OTHERS), (samples, 16), generator=generator)]
    place = torch.randint(0, 16, (samples,), generator=generator)
    label = torch.randint(0, 3, (samples,), generator=generator)
    palette[torch.arange(samples), place] = COLOURS[label]
    pixels = palette.view(samples, 4, 4, 3).permute(0, 3, 1, 2)
    pixels = pixels.repeat_interleave(4, 2).repeat_interleave(4, 3)
    pixels = pixels + torch.randint(-15, 15, pixels.shape, generator=generator)
    present = torch.ones(samples, dtype=torch.bool)
    image = Inputs(pixels.clamp(0, 255).to(torch.uint8), None, present)
    return Batch([str(n) for n in range(samples)], {"image": image}, {"label": label}), place


@pytest.fixture(scope="module")
def learned() -> Mixture:
    """A model that names the class of such pictures."""
    generator = torch.Generator().manual_seed(0)
    mixture = small_mixture("classification", model=small_model(small_model_config("gated")))
    optimizer = torch.optim.AdamW(mixture.parameters(), lr=5e-3)
    for _ in range(150):
        batch, _ = scattered(32, generator)
        (mixture(batch, generator)["classification"].total / 32).backward()
        optimizer.step()
        optimizer.zero_grad()
    return mixture.eval()


@torch.no_grad()
def claim_of(mixture: Mixture, batch: Batch) -> tuple[Claim, dict]:
    encodings = mixture.model.encode(batch)
    (claim,) = mixture.claims(batch, Encoded(encodings)).values()
    return claim, encodings


def test_the_place_that_tells_is_found_and_its_loss_is_felt(learned):
    """By deletion: without the most relevant patches the score falls further than without any."""
    test, places = scattered(30, torch.Generator().manual_seed(1))
    draw, found, falls, at_random = random.Random(0), 0, 0.0, 0.0
    for row, place in enumerate(places.tolist()):
        batch = test.rows(torch.tensor([row]))
        claim, encodings = claim_of(learned, batch)
        span = spans(learned.model, batch, 3, SPECIAL)["image"]
        added = integrated_gradients(learned.model, claim, encodings, {"image": span})["image"]
        grid = sum_blocks(added[0].sum(dim=0), 4, 4).flatten()
        order = grid.argsort(descending=True).tolist()
        found += order[0] == place

        def score(hidden: list[int], claim=claim, span=span) -> float:
            values = span.whole.clone()
            for patch in hidden:
                y, x = 4 * (patch // 4), 4 * (patch % 4)
                values[..., y : y + 4, x : x + 4] = span.blank[..., y : y + 4, x : x + 4]
            with torch.no_grad():
                seen = learned.model.encode_modality("image", span.inputs(values))
                return claim.figure({"image": seen}, torch.zeros(1, dtype=torch.long)).item()

        falls += score([]) - score(order[:3])
        at_random += score([]) - score(draw.sample(range(16), 3))
    assert found >= 24, "of 30; by chance 2"
    assert falls > 3 * abs(at_random)


@pytest.mark.parametrize("fusion", FUSION_CONFIGS)
def test_parts_add_up_to_what_a_blank_costs(fusion):
    model = small_model(small_model_config(fusion, modalities=("image", "text", "audio", "video")))
    mixture = small_mixture("classification", model=model).eval()
    batch = small_batch(1, audio=[True], video=[True])
    claim, encodings = claim_of(mixture, batch)
    between = spans(model, batch, 3, SPECIAL)
    assert list(between) == ["image", "text", "audio", "video"]
    added = integrated_gradients(model, claim, encodings, between, points=64)
    row = torch.zeros(1, dtype=torch.long)
    for modality, span in between.items():
        assert added[modality].shape == span.whole.shape
        with torch.no_grad():
            blank = model.encode_modality(modality, span.inputs(span.blank))
            fall = claim.figure(encodings, row) - claim.figure(encodings | {modality: blank}, row)
        assert added[modality].sum().item() == pytest.approx(fall.item(), abs=0.02)


def test_weights_get_no_gradients(learned):
    learned.zero_grad(set_to_none=True)
    batch, _ = scattered(1, torch.Generator().manual_seed(2))
    claim, encodings = claim_of(learned, batch)
    integrated_gradients(learned.model, claim, encodings, spans(learned.model, batch, 3, SPECIAL))
    assert all(weight.grad is None for weight in learned.parameters())
