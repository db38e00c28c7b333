import math

import pytest
import torch
from tests.conftest import CONTEXT_TOKENS, PAD, small_batch, small_mixture, small_model

from sensorium.batch import Batch
from sensorium.errors import TrainingError
from sensorium.training.features import Features, encoded, joined

SIZES = (3, 4, 2)


def made() -> list[Batch]:
    """Batches in which some samples, and of one batch all, lack the text."""
    has_text = [[True, False, True], [False] * 4, [True, True]]
    batches = [
        small_batch(size, text=text, seed=seed)
        for seed, (size, text) in enumerate(zip(SIZES, has_text, strict=True))
    ]
    for number, batch in enumerate(batches):
        batch.targets["label"] = torch.arange(len(batch)) + 10 * number
        batch.targets["answer_tokens"] = torch.full((len(batch), number + 1), 7)
    batches[1].inputs.pop("text")
    return batches


def features(batches: list[Batch], tokens: bool = True, megabytes: int = 10) -> list[Batch]:
    model = small_model()
    samples = sum(map(len, batches))
    return list(encoded(model, batches, tokens=tokens, megabytes=megabytes, of=samples))


def test_what_is_joined_is_what_the_encoders_give_sample_by_sample():
    batches = made()
    whole = joined(features(batches), pad=PAD)
    model = small_model().eval()
    row = 0
    for batch in batches:
        encodings = model.encode(batch)
        for index in range(len(batch)):
            one = whole.rows(torch.tensor([row]))
            for modality, encoding in one.encodings.items():
                if modality not in encodings:
                    assert not encoding.present.any()
                    assert not encoding.pooled.any()
                    continue
                alone = encodings[modality].rows(torch.tensor([index]))
                assert torch.equal(encoding.present, alone.present)
                torch.testing.assert_close(encoding.pooled, alone.pooled)
                real = alone.tokens.mask[0]
                assert encoding.tokens.mask.sum() == real.sum()
                torch.testing.assert_close(
                    encoding.tokens.values[0][encoding.tokens.mask[0]],
                    alone.tokens.values[0][real],
                )
            row += 1
    assert row == len(whole) == sum(SIZES)


def test_token_ids_and_targets_stay_and_pixels_do_not():
    batches = made()
    whole = joined(features(batches), pad=PAD)
    assert whole.targets["label"].tolist() == [0, 1, 2, 10, 11, 12, 13, 20, 21]
    assert whole.targets["answer_tokens"][0].tolist() == [7, PAD, PAD]
    assert whole.targets["answer_tokens"][-1].tolist() == [7, 7, 7]
    text, before = whole.inputs["text"], batches[0].inputs["text"]
    assert text.present.tolist() == [True, False, True, *[False] * 4, True, True]
    assert text.values.shape == (4, CONTEXT_TOKENS - 2)
    assert torch.equal(text.values[:2], before.values)
    assert torch.equal(text.mask[:2], before.mask)
    assert whole.inputs["image"].values.numel() == 0
    assert whole.inputs["image"].present.all()


def test_without_readers_of_tokens_only_pooled_vectors_are_kept():
    whole = joined(features(made(), tokens=False), pad=PAD)
    for encoding in whole.encodings.values():
        assert encoding.tokens.values.numel() == 0
        assert encoding.pooled.any()


def test_more_than_the_memory_that_is_allowed_is_refused():
    with pytest.raises(TrainingError, match=r"features of 200,000,000 samples take about .* MB"):
        list(encoded(small_model(), made(), tokens=True, megabytes=1, of=200_000_000))


def order(supply: Features, batches: int) -> list[list[str]]:
    given = iter(supply)
    return [list(next(given).ids) for _ in range(batches)]


def test_every_epoch_has_an_order_of_its_own_and_can_be_gone_on_with():
    whole = joined(features(made()), pad=PAD)
    supply = Features(whole, batch_size=2, seed=1)
    assert supply.batches_per_epoch == 4
    through = order(supply, 12)
    assert through[:4] != through[4:8]
    first = Features(whole, batch_size=2, seed=1)
    begun = order(first, 5)
    other = Features(whole, batch_size=2, seed=1)
    other.restore(first.state())
    assert begun + order(other, 7) == through


def test_ranks_share_every_batch():
    whole = joined(features(made()), pad=PAD)
    together = order(Features(whole, batch_size=4, seed=1), 4)
    shares = [order(Features(whole, batch_size=4, seed=1, rank=r, ranks=2), 4) for r in (0, 1)]
    for batch, one, other in zip(together, *shares, strict=True):
        assert sorted(batch) == sorted(one + other)


def test_a_step_on_features_is_the_step_on_what_they_were_made_of():
    mixture = small_mixture("contrastive", "masked_language")
    mixture.model.encoders.requires_grad_(False)
    mixture.eval()
    batch = small_batch(6)
    (kept,) = encoded(mixture.model, [batch], tokens=True, megabytes=10, of=6)
    losses = []
    for one in (batch, joined([kept], pad=PAD)):
        generator = torch.Generator().manual_seed(0)
        prepared = mixture.prepare(one, generator)
        computed = mixture(prepared, generator)
        losses.append({name: loss.total.detach() for name, loss in computed.items()})
    assert losses[0].keys() == losses[1].keys() == {"contrastive", "masked_language"}
    for name, loss in losses[0].items():
        assert math.isfinite(loss)
        torch.testing.assert_close(losses[1][name], loss)
