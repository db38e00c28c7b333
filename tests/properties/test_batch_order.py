"""Nobody depends on who else is in the batch, in what order, or how far its text is padded."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import CONTEXT_TOKENS, PAD, small_batch, small_model, small_model_config

from sensorium.batch import Batch, Inputs, Representation

SAMPLES = 4
MODEL = small_model(small_model_config(depth=1)).eval()
BUCKETED = small_model(small_model_config(depth=1)).eval()
BUCKETED.encoders["text"].length_buckets = 3
BUCKETED.encoders["text"].least_texts = 1

few = settings(max_examples=12, deadline=None, database=None)
seeds = st.integers(0, 1000)
presence = st.lists(st.booleans(), min_size=SAMPLES, max_size=SAMPLES).filter(any)


def assert_same(one: Representation, other: Representation, order: torch.Tensor) -> None:
    """That `other` is `one` with its samples in another order, whatever pads them."""
    close = torch.testing.assert_close
    close(other.fused.vector, one.fused.vector[order])
    for modality, expected in one.encodings.items():
        found, expected = other.encodings[modality], expected.rows(order)
        assert torch.equal(found.present, expected.present)
        close(found.pooled, expected.pooled)
        for sample in range(len(order)):
            real = found.tokens.mask[sample]
            wanted = expected.tokens.values[sample, expected.tokens.mask[sample]]
            close(found.tokens.values[sample, real], wanted)


@pytest.mark.parametrize("model", [MODEL, BUCKETED], ids=["plain", "bucketed"])
@few
@given(seed=seeds, image=presence, text=presence, order=st.permutations(range(SAMPLES)))
@torch.no_grad()
def test_permuted_samples_have_permuted_representations(model, seed, image, text, order):
    batch = small_batch(SAMPLES, image=image, text=text, seed=seed)
    index = torch.tensor(order)
    assert_same(model(batch), model(batch.rows(index)), index)


def padded(batch: Batch, more: int) -> Batch:
    text = batch.inputs["text"]
    wider = Inputs(
        F.pad(text.values, (0, more), value=PAD), F.pad(text.mask, (0, more)), text.present
    )
    return Batch(batch.ids, batch.inputs | {"text": wider})


@pytest.mark.parametrize("model", [MODEL, BUCKETED], ids=["plain", "bucketed"])
@few
@given(seed=seeds, text=presence, more=st.integers(1, 2))
@torch.no_grad()
def test_padding_text_further_changes_nothing(model, seed, text, more):
    batch = small_batch(SAMPLES, text=text, seed=seed)
    assert batch.inputs["text"].values.shape[1] + 2 <= CONTEXT_TOKENS
    assert_same(model(batch), model(padded(batch, more)), torch.arange(SAMPLES))
