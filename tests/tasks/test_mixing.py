"""Mixup and CutMix: their formulas, who is mixed with whom, and what they leave alone."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import stats
from tests.conftest import small_batch, small_mixture, small_model, small_model_config

from sensorium.batch import ABSENT, Batch, Inputs, Learned
from sensorium.model import Model
from sensorium.tasks import Mixture
from sensorium.tasks.classification import Classification, ClassificationConfig
from sensorium.tasks.mixing import Mixing, cutmix, draw_partners, mixup
from sensorium.tasks.task import Encoded

LEARNED = {"label": Learned(["cat", "dog", "emu"], [5, 3, 2], 10)}
EVERYBODY = torch.ones(6, dtype=torch.bool)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int = 6) -> Inputs:
    values = torch.randint(0, 256, (count, 3, 16, 16), generator=seeded()).to(torch.uint8)
    return Inputs(values, None, torch.ones(count, dtype=torch.bool), torch.zeros(count).long())


def only_pictures(fusion: bool = False, modalities=("image",)) -> Model:
    config = small_model_config(modalities=modalities)
    return small_model(config if fusion else config.model_copy(update={"fusion": None}))


def task_of(model: Model, **config) -> Classification:
    torch.manual_seed(1)
    return Classification(ClassificationConfig(**config), model, LEARNED).train()


def test_mixup_is_its_formula():
    inputs, partner = pictures(), torch.tensor([1, 2, 3, 4, 5, 0])
    share = torch.linspace(0, 1, 6)
    mixed = mixup(inputs, partner, share)
    for row in range(6):
        a, b = inputs.values[row].float(), inputs.values[partner[row]].float()
        torch.testing.assert_close(mixed.values[row], share[row] * a + (1 - share[row]) * b)
    assert mixed.items is None


def test_sounds_of_two_lengths_are_mixed_where_both_sound():
    values = torch.randn(2, 8, 4, generator=seeded())
    real = torch.arange(8) < torch.tensor([[3], [6]])
    inputs = Inputs(values * real[:, :, None], real, EVERYBODY[:2])
    mixed = mixup(inputs, torch.tensor([1, 0]), torch.tensor([0.75, 1.0]))
    torch.testing.assert_close(mixed.values[0, :3], 0.75 * values[0, :3] + 0.25 * values[1, :3])
    torch.testing.assert_close(mixed.values[0, 3:6], values[1, 3:6])
    assert mixed.mask.sum(dim=1).tolist() == [6, 6]
    torch.testing.assert_close(mixed.values[1], inputs.values[1])
    kept = mixup(inputs, torch.tensor([1, 0]), torch.tensor([1.0, 0.5]))
    assert torch.equal(kept.mask[0], real[0])
    torch.testing.assert_close(kept.values[0], inputs.values[0])


def test_a_box_takes_what_its_share_says():
    inputs, partner = pictures(), torch.tensor([1, 2, 3, 4, 5, 0])
    share = torch.tensor([0.0, 0.2, 0.5, 0.75, 0.9, 1.0])
    mixed, left = cutmix(inputs, inputs, partner, share, seeded())
    assert mixed.values.dtype == torch.uint8
    for row in range(6):
        own, other = inputs.values[row], inputs.values[partner[row]]
        taken = (mixed.values[row] != own).any(dim=0)
        assert torch.equal(mixed.values[row][:, taken], other[:, taken])
        assert left[row] == pytest.approx(1 - taken.float().mean().item(), abs=0.02)
        assert left[row] >= share[row] - 0.07  # a box over the edge takes less
        rows, columns = (taken.any(dim=axis).nonzero() for axis in (1, 0))
        if len(rows):  # nothing but a box
            assert (
                taken[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].float().mean()
                > 0.9
            )
    assert left[5] == 1


def test_of_a_padded_picture_only_what_is_real_counts():
    inputs = pictures(2)
    mask = torch.ones(2, 4, 4, dtype=torch.bool)
    mask[0, :, 2:] = False
    padded = Inputs(inputs.values, mask, inputs.present)
    mixed, left = cutmix(padded, padded, torch.tensor([1, 0]), torch.zeros(2), seeded(3))
    assert torch.equal(mixed.mask, mask)
    assert torch.equal(mixed.values[:, :, :, 8:], inputs.values[:, :, :, 8:])
    changed = (mixed.values != inputs.values).any(dim=1)[:, :, :8].float().mean(dim=(1, 2))
    assert left[0] == pytest.approx(1 - changed[0].item(), abs=0.02)
    assert left[1] == pytest.approx(1 - changed[1].item() / 2, abs=0.02)


def test_partners_have_the_same_modalities():
    image = torch.tensor([True, True, False, True, True, False, True, True])
    audio = torch.tensor([True, False, True, True, False, True, True, True])
    usable = torch.tensor([True] * 7 + [False])
    partner = draw_partners([image, audio], usable, seeded())
    for row, other in enumerate(partner.tolist()):
        assert (image[row], audio[row]) == (image[other], audio[other])
        assert (row == other) == (row == 7)  # everybody else has somebody of the same kind
    assert sorted(partner.tolist()) == list(range(8))
    alone = draw_partners([torch.tensor([True, False])], torch.ones(2, dtype=torch.bool), seeded())
    assert alone.tolist() == [0, 1]


def test_shares_are_drawn_from_beta():
    mixing = Mixing(0.4, None)
    shares = mixing._shares(torch.zeros(2000, dtype=torch.bool), seeded())
    assert stats.kstest(np.asarray(shares), stats.beta(0.4, 0.4).cdf).pvalue > 0.01


@pytest.mark.parametrize("config", [{}, {"label_smoothing": 0.2}, {"class_weights": "balanced"}])
def test_the_loss_is_that_of_both_classes_in_their_shares(config):
    model = only_pictures()
    task = task_of(model, mixup=1.0, **config)
    batch = small_batch(6).without("text")
    batch.targets["label"][2] = ABSENT
    prepared = task.prepare(batch, seeded())
    loss = task.loss(model, Encoded({}), prepared, seeded())
    rows = torch.tensor([0, 1, 3, 4, 5])
    seen = Batch(batch.ids, {"image": prepared.inputs["mixed image"]})
    logits = task.head(model.encode(seen)["image"].pooled)[rows]
    share, partner = drawn(prepared, batch, rows)
    smoothing = config.get("label_smoothing", 0.0)
    both = [
        F.cross_entropy(
            logits, batch.targets["label"][of], task.weights, reduction="none",
            label_smoothing=smoothing,
        )
        for of in (rows, partner)
    ]  # fmt: skip
    torch.testing.assert_close(loss.total, (share * both[0] + (1 - share) * both[1]).sum())
    assert 0 <= loss.correct <= 5


def drawn(prepared: Batch, batch: Batch, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The shares and partners that explain the mixed pictures; nobody else would."""
    own = batch.inputs["image"].values.float()
    shares, partners = [], []
    for row in rows.tolist():
        mixed = prepared.inputs["mixed image"].values[row]
        for other in rows.tolist():
            apart = own[other] - own[row]
            share = 1 - ((mixed - own[row]) * apart).sum() / apart.square().sum().clamp(min=1)
            guess = share * own[row] + (1 - share) * own[other]
            if other != row and (guess - mixed).abs().max() < 0.05:
                shares.append(share)
                partners.append(other)
    return torch.stack(shares), torch.tensor(partners)


def test_in_evaluation_nothing_is_mixed(generator):
    model = only_pictures()
    batch = small_batch(6).without("text")
    plain, mixing = (task_of(model, **config).eval() for config in ({}, {"mixup": 1.0}))
    assert mixing.prepare(batch, generator) is batch
    encoded = Encoded(model.eval().encode(batch))
    predictions = [task.predict(model, encoded, batch, generator) for task in (plain, mixing)]
    assert torch.equal(predictions[0]["logits"], predictions[1]["logits"])


@pytest.mark.parametrize("ways", [{"mixup": 0.5}, {"cutmix": 1.0}, {"mixup": 0.5, "cutmix": 1.0}])
def test_parts_of_a_batch_add_up_to_the_whole(ways):
    model = only_pictures()
    task = task_of(model, **ways)
    mixture = Mixture(model, {"classification": task}, {"classification": 1.0})
    batch = small_batch(7, image=[True, True, False, True, True, True, True]).without("text")
    prepared = mixture.prepare(batch, seeded())
    assert mixture.counts(prepared) == {"classification": 6}
    whole = mixture(prepared, seeded())["classification"].total
    parts = [mixture(part, seeded())["classification"].total for part in prepared.split(3)]
    torch.testing.assert_close(torch.stack(parts).sum(), whole)
    assert torch.equal(
        batch.inputs["image"].values, small_batch(7).inputs["image"].values[[0, 1, 3, 4, 5, 6]]
    )


def test_several_modalities_are_mixed_in_the_same_shares():
    model = only_pictures(fusion=True, modalities=("image", "audio"))
    task = task_of(model, mixup=1.0)
    audio = [True, False, True, True, False, True]
    batch = small_batch(6, audio=audio).without("text")
    prepared = task.prepare(batch, seeded())
    truth = prepared.targets["classes of mixed samples"]
    torch.testing.assert_close(truth.sum(dim=1), torch.ones(6))
    loss = task.loss(model, Encoded({}), prepared, seeded())
    assert loss.total.isfinite()
    own, mixed = batch.inputs["audio"], prepared.inputs["mixed audio"]
    assert torch.equal(own.present, mixed.present)
    assert not torch.equal(own.values, mixed.values)


def test_several_classes_at_once_are_mixed_too():
    learned = {"labels": Learned(["soft", "small"], [6, 2], 8)}
    model = only_pictures()
    task = Classification(ClassificationConfig(cutmix=1.0), model, learned).train()
    batch = small_batch(4).without("text")
    batch.targets["labels"] = torch.tensor([[1.0, 0], [0, 1], [torch.nan] * 2, [1, 1]])
    prepared = task.prepare(batch, seeded())
    known = prepared.targets["classes of mixed samples"][[0, 1, 3]]
    assert ((known >= 0) & (known <= 1)).all()
    loss = task.loss(model, Encoded({}), prepared, seeded())
    assert loss.total.isfinite()
    assert 0 <= loss.correct <= 3


def test_others_see_the_pictures_as_they_are(generator):
    mixture = small_mixture("contrastive", "matching").train()
    task = task_of(mixture.model, mixup=1.0, modality="image")
    tasks = {**mixture.tasks, "classification": task}
    both = Mixture(mixture.model, tasks, dict.fromkeys(tasks, 1.0)).train()
    batch = small_batch(6)
    plain = mixture(mixture.prepare(batch, seeded()), seeded())["contrastive"].total
    beside = both(both.prepare(batch, seeded()), seeded())
    torch.testing.assert_close(beside["contrastive"].total, plain)
    assert beside["classification"].total > 0


def test_what_cannot_be_mixed_is_a_problem():
    (problem,) = ClassificationConfig(mixup=0.2).problems(["image", "text"])
    assert problem == (
        "mixes image and audio by mixup, but it reads text too; leave mixup out, or have only one "
        "modality read, as in modality=image"
    )
    (problem,) = ClassificationConfig(cutmix=1.0).problems(["image", "audio"])
    assert problem.startswith("mixes image by cutmix, but it reads audio too")
    assert not list(ClassificationConfig(mixup=0.2, modality="image").problems(["image", "text"]))
