"""Claims: what is said of samples, as figures that agree with what is told, also of other views."""

import math

import pytest
import torch
from tests.conftest import LEARNED, small_batch, small_mixture

from sensorium.batch import Batch
from sensorium.tasks import TASKS, Mixture, Task
from sensorium.tasks.claim import Claim, log_odds
from sensorium.tasks.task import Encoded

TELLING = ("contrastive", "matching", "captioning", "classification", "regression")
TELLING += ("question_answering", "answer_generation", "grounding")


@pytest.fixture
def mixture() -> Mixture:
    return small_mixture(*TELLING).eval()


@pytest.fixture
def some() -> Batch:
    """The second lacks the text, the third the picture, the last one both."""
    return small_batch(4, image=[True, True, False, False], text=[True, False, True, False])


@torch.no_grad()
def claims_of(mixture: Mixture, batch: Batch) -> dict[str, Claim]:
    return mixture.claims(batch, Encoded(mixture.model.encode(batch)))


@torch.no_grad()
def figures(mixture: Mixture, batch: Batch, claim: Claim) -> list[float]:
    return claim.figure(mixture.model.encode(batch), torch.arange(len(batch))).tolist()


def test_whatever_is_told_can_be_explained():
    for name, task in TASKS.items():
        assert (task.tell is Task.tell) == (task.claims is Task.claims), name


def test_every_task_that_tells_something_claims_it_of_the_same_samples(mixture, some):
    claims = claims_of(mixture, some)
    assert claims.keys() == set(TELLING)
    with torch.no_grad():
        told = mixture.tell(some)
    for name, claim in claims.items():
        assert [said is not None for said in claim.said] == [name in one for one in told], name
        assert all(math.isfinite(figure) for figure in figures(mixture, some, claim)), name


def test_figures_are_what_is_told(mixture, some):
    claims, (told, *_) = claims_of(mixture, some), mixture.tell(some)
    first = {name: figures(mixture, some, claim)[0] for name, claim in claims.items()}
    assert first["contrastive"] == pytest.approx(told["contrastive"]["image_and_text"], abs=1e-4)
    odds = {"matching": told["matching"]["image_and_text"]}
    odds |= {n: told[n]["probability"] for n in ("classification", "question_answering")}
    for name, probability in odds.items():
        assert 1 / (1 + math.exp(-first[name])) == pytest.approx(probability, abs=1e-4)
    assert math.exp(first["grounding"]) == pytest.approx(told["grounding"]["score"], abs=1e-4)
    number = LEARNED["number"].mean + LEARNED["number"].deviation * first["regression"]
    assert number == pytest.approx(told["regression"]["number"], abs=1e-4)
    assert claims["classification"].said[0] == told["classification"]["label"]
    assert claims["question_answering"].said[0] == told["question_answering"]["answer"]
    assert claims["captioning"].said[0] == told["captioning"]["text"]
    assert claims["answer_generation"].said[0] == told["answer_generation"]["answer"]
    assert first["captioning"] < 0


def test_a_view_is_judged_by_what_was_said_of_its_sample(mixture):
    batch = small_batch(3)
    claim = claims_of(mixture, batch)["classification"]
    with torch.no_grad():
        encodings = mixture.model.encode(batch)
        own = claim.figure(encodings, torch.arange(3))
        turned = {m: encoding.rows(torch.tensor([2, 0, 1])) for m, encoding in encodings.items()}
        torch.testing.assert_close(claim.figure(turned, torch.tensor([2, 0, 1])), own[[2, 0, 1]])


def test_who_sees_nothing_says_what_the_rows_to_train_on_say(mixture, some):
    claims = claims_of(mixture, some)
    said = claims["classification"].said[0]
    rows = dict(zip(LEARNED["label"].names, LEARNED["label"].rows, strict=True))
    share = (rows[said] + 1) / (sum(rows.values()) + len(rows))
    nothing = some.rows(torch.tensor([3, 0]))  # views of the first sample and of the last
    with torch.no_grad():
        encodings = mixture.model.encode(nothing)
        blind = claims["classification"].figure(encodings, torch.tensor([0, 0]))[0].item()
        assert claims["regression"].figure(encodings, torch.tensor([0, 0]))[0].item() == 0
        assert claims["matching"].figure(encodings, torch.tensor([0, 0]))[0].item() == 0
    assert blind == pytest.approx(math.log(share / (1 - share)), abs=1e-5)


def test_of_detection_the_best_box_is_claimed_where_it_is_told(some):
    mixture = small_mixture("detection").eval()
    assert claims_of(mixture, some)["detection"].said == [None] * 4
    task = mixture.tasks["detection"]
    task.config = task.config.model_copy(update={"told_from": 0.0})
    claim, (told, *_) = claims_of(mixture, some)["detection"], mixture.tell(some)
    assert [said is not None for said in claim.said] == [True, True, False, False]
    assert claim.said[0] == told["detection"]["labels"][0]
    probability = torch.tensor(figures(mixture, some, claim)).sigmoid()
    assert probability[0].item() == pytest.approx(told["detection"]["scores"][0], abs=1e-4)
    assert probability[2].item() == pytest.approx(0.01), "without a picture nothing is there"


def test_log_odds_do_not_level_off():
    logits = torch.tensor([[40.0, 0.0, 0.0]])
    assert log_odds(logits, torch.tensor([0])).item() == pytest.approx(40 - math.log(2))
