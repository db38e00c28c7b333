"""Texts that are nearly right: each is compared with the sample's own."""

import pytest
import torch
from tests.conftest import END, START, small_batch, small_mixture, small_model
from tests.tasks.three import batch_of_three, model_of_three

from sensorium.batch import ABSENT, Batch
from sensorium.evaluation.evaluate import EvaluationConfig, evaluate
from sensorium.tasks.hard_pairs import HARD_ROWS, tallies_of_hard
from sensorium.tasks.matching import Matching, MatchingConfig
from sensorium.tasks.task import Encoded


def with_wrong_texts(batch: Batch, texts: list[list[list[int]]], types: list[list[int]]) -> Batch:
    """The batch with wrong texts of each sample, by their words."""
    most = max(map(len, texts))
    longest = max(len(words) for of_sample in texts for words in of_sample) + 2
    tokens = torch.zeros(len(batch), most, longest, dtype=torch.long)
    numbers = torch.full((len(batch), most), ABSENT)
    for row, of_sample in enumerate(texts):
        for number, words in enumerate(of_sample):
            tokens[row, number, : len(words) + 2] = torch.tensor([START, *words, END])
            numbers[row, number] = types[row][number]
    batch.targets.update({"wrong_texts": tokens, "wrong_types": numbers})
    return batch


def test_the_figures_of_a_case_made_up():
    """Of two samples with two wrong texts each, three are below the own text."""
    predictions = {
        HARD_ROWS: torch.tensor([0, 1, 0, 1]),
        "ahead": torch.tensor([0.5, 2.0, 0.0, 0.1]),  # a tie is not ahead
        "wrong_type": torch.tensor([0, 0, 1, ABSENT]),
        "hard_pair": torch.tensor([0, 0, 0, 0]),
    }
    tallies = tallies_of_hard(predictions, ["colour", "relation"], ["image_and_text"])
    assert {name: tally.figure for name, tally in tallies.items()} == {
        "accuracy_hard": 0.75,
        "accuracy_hard_of_colour": 1.0,
        "accuracy_hard_of_relation": 0.0,
    }
    assert tallies["accuracy_hard"].rows.tolist() == [0, 1]


@pytest.mark.parametrize("text", [[True] * 4, [True, False, True, True]])
def test_each_wrong_text_is_compared_with_the_own(generator, text):
    """A text of other length or padding, and a sample that lacks its own, change no comparison."""
    model = small_model().eval()
    task = Matching(MatchingConfig(), model, wrong_types=["one", "other"]).eval()
    words = [[[7, 8]], [[5]], [], [[9], [4, 5, 6, 7]]]
    batch = with_wrong_texts(small_batch(4, text=text), words, [[0], [1], [], [1, 0]])
    encoded = Encoded(model.encode(batch))
    predicted = task.predict(model, encoded, batch, generator)
    rows = [row for row in (0, 1, 3) if text[row]] + [3]
    assert predicted[HARD_ROWS].tolist() == rows
    assert predicted["wrong_type"].tolist() == ([0, 1, 1, 0] if all(text) else [0, 1, 0])
    last = batch.targets["wrong_texts"][3, 1:2]
    alone = small_batch(4).rows(torch.tensor([3]))
    alone.inputs["text"] = type(alone.inputs["text"])(last, last != 0, torch.tensor([True]))
    alone.inputs["image"] = batch.inputs["image"].rows(torch.tensor([3]))
    scores = [
        task.score(model, ("image", "text"), {m: e.rows(torch.tensor([n])) for m, e in of.items()})
        for of, n in ((encoded.encodings, 3), (model.encode(alone), 0))
    ]
    torch.testing.assert_close(predicted["ahead"][-1:], scores[0] - scores[1])


def test_wrong_texts_change_no_other_figure_and_count_samples_over_batches():
    mixture = small_mixture("contrastive", "matching")
    plain = [small_batch(4), small_batch(4)]
    hard = [with_wrong_texts(small_batch(4), [[[7]]] * 4, [[0]] * 4) for _ in range(2)]
    before, after = (evaluate(mixture, batches, EvaluationConfig()) for batches in (plain, hard))
    own = after.metrics.keys() - before.metrics.keys()
    assert own == {"matching/accuracy_hard", "matching/accuracy_hard_of_colour"}
    assert {name: after.metrics[name] for name in before.metrics} == before.metrics
    assert after.tallies["matching/accuracy_hard"].rows.tolist() == list(range(8))


def test_every_pair_that_holds_a_text_has_its_figure(generator):
    model = model_of_three().eval()
    task = Matching(MatchingConfig(), model).eval()
    batch = with_wrong_texts(batch_of_three(6), [[[7, 8]]] * 6, [[ABSENT]] * 6)
    figures = task.metrics(task.predict(model, Encoded(model.encode(batch)), batch, generator))
    hard = {name for name in figures if name.endswith("accuracy_hard")}
    pairs = ("image_and_text", "text_and_audio")
    assert hard == {"accuracy_hard", *(f"{pair}/accuracy_hard" for pair in pairs)}
    mean = sum(figures[f"{pair}/accuracy_hard"] for pair in pairs) / 2
    assert figures["accuracy_hard"] == pytest.approx(mean)
