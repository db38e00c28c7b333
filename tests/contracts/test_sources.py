"""A task that is restricted to some sources never sees the samples of others: for every task."""

from dataclasses import replace

import pytest
import torch
from tests.contracts.test_any_subset import batch_of_all, mixture_of

from sensorium.batch import Batch, Inputs
from sensorium.encoders import ENCODERS
from sensorium.evaluation import EvaluationConfig, evaluate
from sensorium.tasks import TASKS, Mixture

SAMPLES = 8
SOURCES = ["one", "other", "one", "one", "other", "one", "other", "one"]
OWN = torch.tensor([source == "one" for source in SOURCES])


def batch(seed: int = 0) -> Batch:
    return replace(batch_of_all(SAMPLES, seed=seed), sources=SOURCES)


def with_others_exchanged() -> Batch:
    """The batch in which all samples of the other source hold something else."""
    one, another = batch(), batch(seed=1)
    inputs = {}
    for modality, own in one.inputs.items():
        new = another.inputs[modality]
        kept = OWN.view(-1, *[1] * (own.values.dim() - 1))
        values = torch.where(kept, own.values, new.values)
        mask = None if own.mask is None else torch.where(OWN[:, None], own.mask, new.mask)
        inputs[modality] = Inputs(values, mask, own.present)
    return replace(one, inputs=inputs)


def losses(mixture: Mixture, batch: Batch, parts: int = 1) -> dict[str, float]:
    draw = torch.Generator().manual_seed(0)
    prepared = mixture.prepare(batch, draw)
    assert {*prepared.inputs} >= {*ENCODERS}
    totals: dict[str, float] = {}
    for part in prepared.split(parts):
        for name, loss in mixture(part, draw).items():
            totals[name] = totals.get(name, 0.0) + loss.total.item()
    return totals


@pytest.mark.parametrize("task", TASKS)
def test_what_samples_of_other_sources_hold_changes_no_loss(task):
    mixture = mixture_of(task)
    mixture.sources = {}
    assert losses(mixture, batch()) != pytest.approx(losses(mixture, with_others_exchanged()))
    mixture.sources = {task: ["one"]}
    assert losses(mixture, batch()) == pytest.approx(losses(mixture, with_others_exchanged()))


@pytest.mark.parametrize("task", TASKS)
def test_samples_of_other_sources_do_not_count(task):
    mixture = mixture_of(task)
    mixture.sources = {task: ["one"]}
    draw = torch.Generator().manual_seed(0)
    prepared = mixture.prepare(batch(), draw)
    counts = mixture.counts(prepared)
    assert counts == mixture.counts(prepared.rows(OWN.nonzero()[:, 0]))
    assert mixture.counts(prepared.rows((~OWN).nonzero()[:, 0])) == {}
    assert sum(mixture.counts(part).get(task, 0) for part in prepared.split(3)) == counts[task]


@pytest.mark.parametrize("task", TASKS)
def test_a_source_without_a_name_is_everybodys(task):
    mixture = mixture_of(task)
    unnamed = losses(mixture, replace(batch(), sources=[""] * SAMPLES))
    mixture.sources = {task: ["one"]}
    assert losses(mixture, replace(batch(), sources=[""] * SAMPLES)) == unnamed
    assert losses(mixture, replace(batch(), sources=())) == unnamed


@torch.no_grad()
@pytest.mark.parametrize("task", TASKS)
def test_a_task_is_judged_on_its_own_sources(task):
    mixture = mixture_of(task)
    mixture.sources = {task: ["one"]}
    figures = [
        evaluate(mixture, [judged], EvaluationConfig()).metrics
        for judged in (batch(), with_others_exchanged())
    ]
    assert figures[0]
    assert figures[0] == pytest.approx(figures[1], nan_ok=True)
    other = batch().rows((~OWN).nonzero()[:, 0])
    assert evaluate(mixture, [other], EvaluationConfig()).metrics == {}


def test_each_encoding_is_computed_once_whatever_the_sources(monkeypatch):
    mixture = mixture_of("contrastive", "matching")
    mixture.sources = {"contrastive": ["one"], "matching": ["one", "other"]}
    seen = []
    encode = mixture.model.encode_modality
    monkeypatch.setattr(
        mixture.model, "encode_modality", lambda m, *args: seen.append(m) or encode(m, *args)
    )
    losses(mixture, batch())
    assert sorted(seen) == sorted(ENCODERS)
