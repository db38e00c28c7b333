"""Missing = masked, and nobody depends on who else is in the batch: for every fusion and task."""

import pytest
import torch
from tests.conftest import small_batch, small_mixture, small_model, small_model_config

from sensorium.batch import Batch
from sensorium.encoders import ENCODERS
from sensorium.fusion import FUSIONS
from sensorium.tasks import TASKS

EVERYTHING = small_model_config(modalities=tuple(ENCODERS))
TEXT_MISSING = [True, False, True, True, False, True]
VIDEO_MISSING = [True, True, False, True, True, True]
IMAGE_MISSING = [True, True, False, True, False, True]


@pytest.mark.parametrize("fusion", FUSIONS)
def test_a_sample_is_fused_the_same_alone_and_among_others(fusion):
    model = small_model(small_model_config(fusion)).eval()
    batch = small_batch(6, image=[True, True, False, True, True, True], text=TEXT_MISSING)
    together = model(batch).fused
    for row in range(6):
        alone = model(batch.rows(torch.tensor([row]))).fused
        torch.testing.assert_close(alone.vector[0], together.vector[row])
        for modality, tokens in alone.tokens.items():
            real = tokens.mask[0]
            whole = together.tokens[modality].values[row, : len(real)]
            torch.testing.assert_close(tokens.values[0, real], whole[real])


@pytest.mark.parametrize("fusion", FUSIONS)
def test_a_clip_is_fused_the_same_alone_and_among_longer_ones(fusion):
    config = small_model_config(fusion, modalities=("text", "video"))
    model = small_model(config).eval()
    batch = small_batch(6, text=TEXT_MISSING, video=VIDEO_MISSING).without("image")
    together = model(batch).fused
    for row in range(6):
        alone = model(batch.rows(torch.tensor([row]))).fused
        torch.testing.assert_close(alone.vector[0], together.vector[row])


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("kept", ["image", "text"])
def test_a_modality_that_nobody_has_is_the_same_as_none_at_all(fusion, kept):
    model = small_model(small_model_config(fusion)).eval()
    other = {"image": "text", "text": "image"}[kept]
    nobody = small_batch(4, **{other: [False] * 4})
    torch.testing.assert_close(
        model(nobody).fused.vector, model(nobody.without(other)).fused.vector
    )


@pytest.mark.parametrize("fusion", FUSIONS)
def test_what_absent_rows_hold_is_never_read(fusion):
    model = small_model(small_model_config(fusion)).eval()
    batch = small_batch(4, text=[True, False, True, True])
    vector = model(batch).fused.vector
    assert vector.isfinite().all()
    encodings = model.encode(batch)
    encodings["text"].tokens.values[1] = 1e4
    torch.testing.assert_close(model.fuse(encodings).vector, vector)


@pytest.mark.parametrize("task", TASKS)
def test_every_task_trains_on_a_batch_in_which_modalities_are_missing(task, generator):
    mixture = small_mixture(task, model=small_model(EVERYTHING)).train()
    batch = small_batch(6, image=IMAGE_MISSING, text=TEXT_MISSING, audio=VIDEO_MISSING)
    prepared = mixture.prepare(batch, generator)
    loss = mixture(prepared, generator)[task]
    loss.total.backward()
    assert loss.total.isfinite()
    gradients = [p.grad for p in mixture.parameters() if p.grad is not None]
    assert gradients
    assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("task", TASKS)
def test_a_task_without_a_single_usable_sample_is_left_out(task, generator):
    mixture = small_mixture(task, model=small_model(EVERYTHING))
    batch = small_batch(3, **dict.fromkeys(ENCODERS, [False] * 3))
    prepared = mixture.prepare(batch, generator)
    assert mixture.counts(prepared) == {}
    assert mixture(prepared, generator) == {}


@pytest.mark.parametrize("task", TASKS)
def test_the_sum_of_parts_is_the_count_of_the_whole(task, generator):
    mixture = small_mixture(task, model=small_model(EVERYTHING)).train()
    batch = small_batch(8, text=[True] * 7 + [False], audio=[False, *[True] * 7])
    prepared = mixture.prepare(batch, generator)
    whole = mixture.counts(prepared)[task]
    assert sum(mixture.counts(part).get(task, 0) for part in prepared.split(3)) == whole


def test_inputs_rows_follow_samples_not_present_rows():
    batch: Batch = small_batch(4, text=[True, False, True, True])
    picked = batch.rows(torch.tensor([3, 1, 2]))
    text = batch.inputs["text"]
    assert picked.ids == ["made.jsonl:4", "made.jsonl:2", "made.jsonl:3"]
    assert picked.inputs["text"].present.tolist() == [True, False, True]
    assert torch.equal(picked.inputs["text"].values, text.values[[2, 1]])
