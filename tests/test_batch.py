from dataclasses import replace

import torch

from sensorium.batch import Batch
from tests.conftest import small_batch, small_mixture


def encoded(text: list[bool]) -> Batch:
    """A batch that carries what the tiny encoders made of it."""
    batch = small_batch(len(text), text=text)
    with torch.no_grad():
        encodings = small_mixture("contrastive").model.eval().encode(batch)
    return replace(batch, encodings=encodings)


def test_a_model_takes_what_comes_encoded_as_it_is():
    model = small_mixture("contrastive").model.eval()
    batch = encoded([True, False, True])
    for parameter in model.encoders.parameters():
        parameter.data.zero_()
    encodings = model.encode(batch)
    assert torch.equal(encodings["text"].pooled, batch.encodings["text"].pooled)
    assert model.encode(small_batch(3))["text"].pooled.abs().sum() == 0


def test_encodings_go_with_their_rows():
    batch = encoded([True, False, True, True])
    rows = batch.rows(torch.tensor([2, 1]))
    for modality in ("image", "text"):
        whole, part = batch.encodings[modality], rows.encodings[modality]
        assert torch.equal(part.pooled, whole.pooled[[2, 1]])
        assert torch.equal(part.tokens.values, whole.tokens.values[[2, 1]])
        assert part.present.tolist() == whole.present[[2, 1]].tolist()
    assert [list(part.encodings) for part in batch.split(2)] == [["image", "text"]] * 2


def test_what_is_withheld_is_withheld_of_the_encodings():
    batch = encoded([True, False, True])
    assert batch.without("text").encodings.keys() == {"image"}
    kept = batch.keep(
        {"image": torch.tensor([True] * 3), "text": torch.tensor([False, True, True])}
    )
    text = kept.encodings["text"]
    assert text.present.tolist() == kept.inputs["text"].present.tolist() == [False, False, True]
    assert text.tokens.mask.any(dim=1).tolist() == [False, False, True]
    assert not text.pooled[0].any()
    assert torch.equal(text.pooled[2], batch.encodings["text"].pooled[2])
    assert torch.equal(kept.encodings["image"].pooled, batch.encodings["image"].pooled)


def test_an_encoding_can_change_its_precision():
    encoding = encoded([True, True]).encodings["image"].to(torch.bfloat16)
    assert encoding.pooled.dtype == encoding.tokens.values.dtype == torch.bfloat16
    assert encoding.tokens.mask.dtype == encoding.present.dtype == torch.bool


def test_values_that_rows_share_are_there_once():
    text = small_batch(3).rows(torch.tensor([2, 0, 2, 1, 0])).inputs["text"]
    assert text.distinct() == (text, None)
    shared = replace(text, items=torch.tensor([7, 4, 7, 9, 4]))
    once, place = shared.distinct()
    assert len(once.values) == len(once.mask) == len(once.present) == 3
    assert torch.equal(once.values[place], shared.values)
    assert torch.equal(once.mask[place], shared.mask)
    whole = replace(text, items=torch.arange(5))
    assert whole.distinct() == (whole, None)


def test_which_values_are_shared_goes_with_the_rows():
    has = torch.tensor([True, True, False, True, True])
    text = small_batch(5, text=has.tolist()).inputs["text"]
    text = replace(text, items=torch.tensor([5, 6, 5, 6]))
    assert text.rows(torch.tensor([4, 2, 0, 3])).items.tolist() == [6, 5, 5]
    assert text.keep(torch.tensor([False, True, True, True, True])).items.tolist() == [6, 5, 6]
