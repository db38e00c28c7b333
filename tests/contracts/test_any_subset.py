"""Any sample may lack any modality: for every encoder, fusion and task there is."""

from collections.abc import Sequence

import pytest
import torch
from tests.conftest import small_batch, small_mixture, small_model, small_model_config

from sensorium.batch import Batch
from sensorium.encoders import ENCODERS
from sensorium.evaluation import EvaluationConfig, evaluate
from sensorium.fusion import FUSIONS
from sensorium.model import Model
from sensorium.tasks import TASKS, Mixture
from sensorium.tasks.readout import ReadoutTask

SAMPLES = 6
FUSION = "cross_attention"  # keeps tokens, which some tasks need


def model_of_all(fusion: str = FUSION) -> Model:
    return small_model(small_model_config(fusion, modalities=tuple(ENCODERS)))


def mixture_of(*tasks: str) -> Mixture:
    return small_mixture(*tasks, model=model_of_all()).train()


def batch_of_all(samples: int = SAMPLES, lacking: Sequence[str] = (), seed: int = 0) -> Batch:
    """Everybody has everything, but nobody what is `lacking`."""
    batch = small_batch(samples, seed=seed, **dict.fromkeys(ENCODERS, [True] * samples))
    return batch.keep({name: torch.full((samples,), name not in lacking) for name in ENCODERS})


def mixed_batch(samples: int = SAMPLES, seed: int = 0) -> Batch:
    """Every sample lacks something of its own; the last lacks everything."""
    draw = torch.Generator().manual_seed(seed)
    has = torch.rand(len(ENCODERS), samples, generator=draw) < 0.7
    has[:, 0], has[:, -1] = True, False
    return batch_of_all(samples, seed=seed).keep(dict(zip(ENCODERS, has, strict=True)))


def learn(mixture: Mixture, batch: Batch) -> dict[str, float]:
    """The losses of a step, whose gradients then are in the mixture."""
    generator = torch.Generator().manual_seed(0)
    mixture.zero_grad()
    losses = mixture(mixture.prepare(batch, generator), generator)
    if losses:
        torch.stack([loss.total for loss in losses.values()]).sum().backward()
    return {name: loss.total.item() for name, loss in losses.items()}


@torch.no_grad()
@pytest.mark.parametrize("fusion", FUSIONS)
def test_every_sample_is_represented_as_it_is_alone(fusion):
    model = model_of_all(fusion).eval()
    batch = mixed_batch()
    together = model(batch)
    for row in range(SAMPLES - 1):
        alone = model(batch.rows(torch.tensor([row])))
        torch.testing.assert_close(alone.fused.vector[0], together.fused.vector[row])
        for modality, encoding in alone.encodings.items():
            torch.testing.assert_close(encoding.pooled[0], together.encodings[modality].pooled[row])


@torch.no_grad()
@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("missing", ENCODERS)
def test_missing_is_the_same_as_masked(fusion, missing):
    model = model_of_all(fusion).eval()
    batch = batch_of_all()
    encodings = model.encode(batch)
    masked = encodings[missing]
    masked.tokens.mask.zero_()
    masked.present.zero_()
    masked.tokens.values.fill_(7.0)
    without = model(batch_of_all(lacking=[missing])).fused.vector
    torch.testing.assert_close(model.fuse(encodings).vector, without)
    torch.testing.assert_close(model(batch.without(missing)).fused.vector, without)


@pytest.mark.parametrize("missing", ENCODERS)
def test_absent_rows_are_not_encoded(missing, monkeypatch):
    model = model_of_all()
    encoder, seen = model.encoders[missing], []
    encode = encoder.embed_and_encode
    monkeypatch.setattr(
        encoder, "embed_and_encode", lambda i, g: seen.append(len(i.values)) or encode(i, g)
    )
    half = torch.tensor([True, False] * (SAMPLES // 2))
    model(batch_of_all().keep(dict.fromkeys(ENCODERS, half)))
    model(batch_of_all(lacking=[missing]))
    assert seen == [SAMPLES // 2]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("missing", ENCODERS)
def test_a_batch_in_which_nobody_has_a_modality_trains_the_rest(task, missing):
    mixture = mixture_of(task)
    losses = learn(mixture, batch_of_all(lacking=[missing]))
    assert all(torch.tensor(list(losses.values())).isfinite())
    for name, parameter in mixture.named_parameters():
        if parameter.grad is None:
            continue
        assert parameter.grad.isfinite().all(), name
        if f"encoders.{missing}." in name:
            assert not parameter.grad.any(), name


@pytest.mark.parametrize("only", ENCODERS)
def test_a_batch_of_one_modality_leaves_out_the_tasks_that_need_another(only):
    mixture = mixture_of(*TASKS)
    losses = learn(mixture, batch_of_all(lacking=[name for name in ENCODERS if name != only]))
    any_will_do = {name for name, task in TASKS.items() if issubclass(task, ReadoutTask)}
    of_one = {
        "text": {"masked_language", "captioning", "answer_generation"},
        "image": {"masked_image", "detection"},
        "audio": {"masked_audio"},
    }
    assert losses.keys() == any_will_do | of_one.get(only, set())


@pytest.mark.parametrize("task", TASKS)
def test_every_sample_may_lack_something_else(task):
    mixture = mixture_of(task)
    losses = learn(mixture, mixed_batch(12))
    assert all(torch.tensor(list(losses.values())).isfinite())
    assert all(p.grad.isfinite().all() for p in mixture.parameters() if p.grad is not None)


@pytest.mark.parametrize(
    "task", [name for name in TASKS if name != "matching"]
)  # it draws by sample
def test_a_sample_that_has_nothing_changes_no_loss(task):
    mixture = mixture_of(task)
    batch = mixed_batch(8)
    whole = learn(mixture, batch)
    gradients = [None if p.grad is None else p.grad.clone() for p in mixture.parameters()]
    assert learn(mixture, batch.rows(torch.arange(7))) == pytest.approx(whole)
    for parameter, gradient in zip(mixture.parameters(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


@pytest.mark.parametrize("task", TASKS)
def test_the_counts_of_parts_are_those_of_the_whole(task):
    mixture, generator = mixture_of(task), torch.Generator().manual_seed(0)
    prepared = mixture.prepare(mixed_batch(12), generator)
    whole = mixture.counts(prepared).get(task, 0)
    assert sum(mixture.counts(part).get(task, 0) for part in prepared.split(5)) == whole


def test_every_modality_can_be_withheld_from_a_trained_model():
    mixture = mixture_of(*TASKS)
    batches = [batch_of_all(seed=1), mixed_batch(seed=2), batch_of_all(lacking=["text"], seed=3)]
    withheld = [(name,) for name in ENCODERS]
    judged = evaluate(mixture, batches, EvaluationConfig(), withheld=withheld)
    assert judged.withheld.keys() == set(ENCODERS)
    for name, figures in judged.withheld.items():
        directions = {figure.split("/")[1] for figure in figures if "recall_at_1" in figure}
        assert directions == {
            f"{a}_to_{b}" for a in ENCODERS for b in ENCODERS if a != b and name not in (a, b)
        }
        assert ("masked_language/accuracy" in figures) == (name != "text")
