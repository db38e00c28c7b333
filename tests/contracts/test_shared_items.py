"""What several rows share is encoded once, and nothing else changes: for every encoder and task."""

from dataclasses import replace

import pytest
import torch
from tests.conftest import small_batch, small_mixture, small_model, small_model_config

from sensorium.batch import Batch
from sensorium.encoders import ENCODERS
from sensorium.tasks import TASKS

SHARED = torch.tensor([0, 1, 0, 2, 2, 0, 3, 1])
"""Which of four items each of eight rows holds."""


def pairs(known: bool) -> Batch:
    """Eight rows with all modalities, of four different items each; `known` says that it is so."""
    batch = small_batch(4, **dict.fromkeys(ENCODERS, [True] * 4)).rows(SHARED)
    items = SHARED if known else None
    return replace(batch, inputs={m: replace(i, items=items) for m, i in batch.inputs.items()})


@pytest.mark.parametrize("modality", ENCODERS)
@pytest.mark.parametrize(
    "present", [[True] * 8, [True, False, True, True, False, True, True, True]]
)
def test_an_encoder_encodes_each_item_once(modality, present):
    encoder = small_model(small_model_config(modalities=[modality])).encoders[modality].eval()
    seen = []
    encoder.transformer.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    kept = torch.tensor(present)
    once = encoder(pairs(known=True).inputs[modality].keep(kept))
    rows_once = sum(seen)
    each = encoder(pairs(known=False).inputs[modality].keep(kept))
    assert rows_once * sum(present) == (sum(seen) - rows_once) * len(SHARED.unique())
    torch.testing.assert_close(once.pooled, each.pooled)
    torch.testing.assert_close(once.tokens.values, each.tokens.values)
    assert torch.equal(once.tokens.mask, each.tokens.mask)
    assert torch.equal(once.present, each.present)


@pytest.mark.parametrize("task", TASKS)
def test_losses_and_gradients_are_the_same(task):
    found = []
    for known in (True, False):
        model = small_model(small_model_config(modalities=tuple(ENCODERS)))
        mixture = small_mixture(task, model=model).train()
        draw = torch.Generator().manual_seed(0)
        prepared = mixture.prepare(pairs(known), draw)
        total = sum(
            loss.total for part in prepared.split(2) for loss in mixture(part, draw).values()
        )
        total.backward()
        found.append((total, {n: p.grad for n, p in mixture.named_parameters()}))
    (once, gradients), (each, others) = found
    torch.testing.assert_close(once, each)
    torch.testing.assert_close(gradients, others)
