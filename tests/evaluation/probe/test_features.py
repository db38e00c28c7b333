"""Vectors are gathered once, each with its sample, whatever samples lack."""

import pytest
import torch
from tests.conftest import small_batch, small_model, small_model_config

from sensorium.batch import Batch
from sensorium.evaluation.probe.features import Features, gather


def labelled(labels: list[int], **has: list[bool]) -> Batch:
    batch = small_batch(len(labels), **has)
    return Batch(batch.ids, batch.inputs, {"label": torch.tensor(labels)})


def test_vectors_are_the_models_own(model):
    batch = labelled([0, 1, 2, 0, 1])
    (found,) = gather([model], [batch])
    with torch.no_grad():
        encodings = model.encode(batch)
        fused = model.fuse(encodings).vector
    assert list(found.vectors) == ["image", "text", "fused"]
    torch.testing.assert_close(found.vectors["image"], encodings["image"].pooled)
    torch.testing.assert_close(found.vectors["fused"], fused)
    assert found.labels.tolist() == [0, 1, 2, 0, 1]
    assert found.ids == batch.ids


def test_samples_without_a_label_or_a_modality_are_left_out(model):
    batches = [
        labelled([0, -1, 2], image=[True, True, False]),
        labelled([1, 0], text=[False, False]),
    ]
    (found,) = gather([model], batches)
    assert found.labels.tolist() == [0, 2, 1, 0]
    assert found.rows["image"].tolist() == [0, 2, 3]
    assert found.rows["text"].tolist() == [0, 1]
    assert found.rows["fused"].tolist() == [0, 1, 2, 3]
    vectors, labels = found.of("image")
    assert len(vectors) == 3
    assert labels.tolist() == [0, 1, 0]


def test_what_is_withheld_is_not_looked_at(model):
    (found,) = gather([model], [labelled([0, 1])], without=["text"])
    assert list(found.vectors) == ["image", "fused"]


@pytest.mark.parametrize("fusion", ["gated", "perceiver"])
def test_several_models_see_the_same_samples(fusion):
    models = [small_model(small_model_config(fusion)).eval() for _ in range(2)]
    seen: list[int] = []
    one, other = gather(models, [labelled([0, 1]), labelled([2])], on_batch=seen.append)
    assert one.labels.tolist() == other.labels.tolist() == [0, 1, 2]
    assert torch.equal(one.vectors["fused"], other.vectors["fused"])
    assert seen == [2, 3]


def test_some_samples_can_be_kept():
    features = Features(
        ids=["a", "b", "c", "d"],
        labels=torch.tensor([0, 1, 2, 3]),
        vectors={"image": torch.tensor([[1.0], [3.0], [4.0]])},
        rows={"image": torch.tensor([0, 2, 3])},
    )
    kept = features.keep(torch.tensor([False, True, True, True]))
    assert kept.ids == ["b", "c", "d"]
    assert kept.labels.tolist() == [1, 2, 3]
    assert kept.rows["image"].tolist() == [1, 2]
    vectors, labels = kept.of("image")
    assert vectors.tolist() == [[3.0], [4.0]]
    assert labels.tolist() == [2, 3]


def test_nothing_to_gather(model):
    (found,) = gather([model], [])
    assert found.vectors == {}
    assert found.labels.shape == (0,)
