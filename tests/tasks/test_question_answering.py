"""Question answering: known answers teach, unknown ones count as wrong, and types have their own
figures."""

import pytest
import torch
import torch.nn.functional as F
from tests.conftest import LEARNED, small_batch

from sensorium.batch import ABSENT, UNKNOWN, Learned
from sensorium.model import Model
from sensorium.tasks.question_answering import QuestionAnswering, QuestionAnsweringConfig
from sensorium.tasks.questions import soft_scores
from sensorium.tasks.task import Encoded


def answering(model: Model, learned=LEARNED) -> QuestionAnswering:
    torch.manual_seed(1)
    return QuestionAnswering(QuestionAnsweringConfig(), model, learned).eval()


def asked():
    """Five questions: three with a known answer, one with another, one with none."""
    batch = small_batch(5)
    batch.targets["answer"][:] = torch.tensor([0, UNKNOWN, 3, ABSENT, 2])
    batch.targets["question_type"][:] = torch.tensor([0, 0, 1, 1, ABSENT])
    return batch


def test_questions_with_a_known_answer_teach(model, generator):
    task, batch = answering(model), asked()
    assert task.count(batch) == 3
    loss = task.loss(model, Encoded(model.encode(batch)), batch, generator)
    known = [0, 2, 4]
    logits = task.head(task.transform(model(batch).fused.vector))[known]
    truth = batch.targets["answer"][known]
    torch.testing.assert_close(loss.total, F.cross_entropy(logits, truth, reduction="sum"))


def test_questions_with_an_unknown_answer_are_judged(model, generator):
    task, batch = answering(model), asked()
    predicted = task.predict(model, Encoded(model.encode(batch)), batch, generator)
    assert predicted["truth"].tolist() == [0, UNKNOWN, 3, 2]
    assert predicted["type"].tolist() == [0, 0, 1, ABSENT]
    only_unknown = batch.rows(torch.tensor([1]))
    assert task.count(only_unknown) == 0
    assert task.can_predict(only_unknown)


def test_without_what_they_are_about_questions_are_still_asked(model, generator):
    task, batch = answering(model), asked().without("image")
    assert task.count(batch) == 3
    predicted = task.predict(model, Encoded(model.encode(batch)), batch, generator)
    assert len(predicted["said"]) == 4
    assert not task.can_predict(batch.without("text"))


def test_figures(model):
    predictions = {
        "said": torch.tensor([0, 1, 0, 3, 0, 2]),
        "confidence": torch.tensor([0.9, 0.9, 0.4, 0.9, 0.4, 0.4]),
        "truth": torch.tensor([0, 1, 1, 3, UNKNOWN, 0]),
        "type": torch.tensor([0, 0, 0, 1, 1, ABSENT]),
    }
    figures = answering(model).metrics(predictions)
    assert figures == {
        "accuracy": pytest.approx(3 / 6),
        "accuracy_majority": pytest.approx(2 / 6),  # answer 0 has most rows to train on
        "unknown_answers": pytest.approx(1 / 6),
        "calibration_error": pytest.approx((0.1 + 0.4) / 2),
        "accuracy_of_count": pytest.approx(2 / 3),
        "accuracy_majority_of_count": pytest.approx(2 / 3),
        "accuracy_of_is it": pytest.approx(1 / 2),
        "accuracy_majority_of_is it": pytest.approx(1 / 2),
    }


def test_an_answer_is_as_right_as_many_gave_it(model, generator):
    learned = {"answer": Learned(["two", "no", "2", "red"], [4, 3, 2, 1], 10)}
    task, batch = answering(model, learned), small_batch(5)
    batch.targets["answer"][:] = torch.tensor([0, 1, 2, UNKNOWN, ABSENT])
    nobody = [ABSENT] * 4
    batch.targets["answers"] = torch.tensor(
        [[0, 2, 1, 3], [1, 1, 0, 3], [2, ABSENT, ABSENT, ABSENT], [UNKNOWN, 0, 0, 2], nobody]
    )
    torch.nn.init.zeros_(task.head.weight)
    task.head.bias.data = torch.tensor([1.0, 0, 0, 0])  # it always says "two", which is "2" too
    predicted = task.predict(model, Encoded(model.encode(batch)), batch, generator)
    assert predicted["alike"].tolist() == [2, 1, 1, 3]
    assert predicted["given"].tolist() == [4, 4, 1, 4]
    figures = task.metrics(predicted)
    assert figures["soft_accuracy"] == pytest.approx((2 / 3 + 1 / 3 + 1 + 1) / 4)
    assert figures["accuracy"] == 0.25
    alone = task.metrics(predicted | {"given": torch.ones(4, dtype=torch.long)})
    assert "soft_accuracy" not in alone  # of one person each it is the accuracy


@pytest.mark.parametrize(
    ("alike", "given", "score"),
    [(0, 10, 0), (1, 10, 1 / 3), (2, 10, 2 / 3), (3, 10, 1), (9, 10, 1), (1, 2, 0.5), (1, 1, 1)],
)
def test_three_who_agree_are_enough(alike, given, score):
    found = soft_scores(torch.tensor([alike]), torch.tensor([given]))
    assert found.item() == pytest.approx(score)


def test_figures_without_types(model):
    learned = {"answer": LEARNED["answer"]}
    predictions = {"said": torch.tensor([0, 1]), "truth": torch.tensor([0, 0])}
    predictions["confidence"] = torch.tensor([0.75, 0.75])
    predictions["type"] = torch.full((2,), ABSENT)
    figures = answering(model, learned).metrics(predictions)
    assert figures == {"accuracy": 0.5, "accuracy_majority": 1.0, "calibration_error": 0.25}


def test_the_question_needs_an_encoder():
    (problem,) = QuestionAnsweringConfig().problems(["image"])
    assert problem == "needs the modality text, for the question, but model.encoders has only image"
