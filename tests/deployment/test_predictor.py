"""Rows in, plain values out: any subset of the modalities, in any company, from any thread."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.conftest import LEARNED, small_mixture, small_model

from sensorium.batch import Sample
from sensorium.data import DataConfig, TextConfig, Tokenizer, build_modalities
from sensorium.deployment.predictor import Predictor
from sensorium.errors import DataError

WORDS = "a red heart"


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    """Every task, untrained, on tiny encoders of pictures and words."""
    return of_tasks("contrastive", "matching", "classification", "regression", "question_answering")


def of_tasks(*tasks: str) -> Predictor:
    tokenizer = Tokenizer.train([WORDS], TextConfig(vocabulary=300, context_tokens=12))
    config = DataConfig.model_validate({"image": {"size": 16}, "text": {"context_tokens": 12}})
    torch.manual_seed(0)
    model = small_model()
    model.encoders["text"].embedding = torch.nn.Embedding(tokenizer.size, 16)
    mixture = small_mixture(*tasks, model=model)
    return Predictor(mixture, build_modalities(config, tokenizer), rows_at_a_time=4)


def picture(number: int = 0) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (16, 16, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(6):
        Image.fromarray(picture(number)).save(tmp_path / f"{number}.png")
    (tmp_path / "words.png").write_text("no picture")
    return tmp_path


def same(one: Any, other: Any) -> bool:
    """Whether two answers are alike up to rounding."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return one == (pytest.approx(other, abs=1e-4) if isinstance(one, float) else other)


def test_every_task_says_what_it_has_to_say(predictor):
    told = predictor.predict(image=picture(), text=WORDS)
    assert told.keys() == set(predictor.mixture.tasks)
    assert -1 <= told["contrastive"]["image_and_text"] <= 1
    assert 0 <= told["matching"]["image_and_text"] <= 1
    classes = told["classification"]["probabilities"]
    assert classes.keys() == set(LEARNED["label"].names)
    assert sum(classes.values()) == pytest.approx(1.0, abs=1e-4)
    assert list(classes.values()) == sorted(classes.values(), reverse=True)
    assert told["classification"]["label"] == next(iter(classes))
    assert told["classification"]["probability"] == max(classes.values())
    assert isinstance(told["regression"]["number"], float)
    assert told["question_answering"]["answer"] in LEARNED["answer"].names
    assert len(told["question_answering"]["probabilities"]) <= 5


def test_what_writes_says_it_in_words_the_same_every_time():
    predictor = of_tasks("captioning", "answer_generation")
    told = predictor.predict(image=picture(), text=WORDS)
    assert told.keys() == {"captioning", "answer_generation"}
    assert isinstance(told["captioning"]["text"], str)
    assert isinstance(told["answer_generation"]["answer"], str)
    assert predictor.predict(image=picture(), text=WORDS) == told
    assert predictor.predict(image=picture())["captioning"] == told["captioning"]
    assert predictor.predict(text=WORDS).keys() == {"answer_generation"}


def test_a_row_may_hold_any_of_the_modalities(predictor):
    alone = predictor.predict(image=picture())
    assert alone.keys() == {"classification", "regression"}
    assert predictor.predict(text=WORDS).keys() == {*alone, "question_answering"}


def test_an_answer_does_not_depend_on_the_rows_beside_it(predictor, folder):
    rows: list[dict[str, Any]] = [
        {"image": folder / "0.png", "text": WORDS},
        {"text": "a much longer text than that"},
        {"image": folder / "1.png"},
        {"image": folder / "words.png", "text": WORDS},
        {},
        {"image": str(folder / "2.png"), "text": ""},
        {"image": (folder / "3.png").read_bytes(), "id": "mine", "text": None},
    ]
    together = predictor.predict(rows)
    assert len(together) == len(rows)
    assert together[-1].pop("id") == "mine"
    for number, (row, answer) in enumerate(zip(rows, together, strict=True)):
        if number in (3, 4):
            continue
        assert same(predictor.predict(**{k: v for k, v in row.items() if k != "id"}), answer)
    assert "words.png': not a picture: the file holds text" in together[3]["error"]
    assert "say nothing of nothing alone; it knows image, text" in together[4]["error"]
    assert together[3].keys() == together[4].keys() == {"error"}


def test_a_picture_in_memory_is_the_picture_in_a_file(predictor, folder):
    from_file = predictor.predict(image=folder / "1.png")
    assert predictor.predict(image=picture(1)) == from_file
    assert predictor.predict(image=Image.fromarray(picture(1))) == from_file
    assert predictor.predict(image=(folder / "1.png").read_bytes()) == from_file
    assert predictor.predict(image=Image.fromarray(picture(1)).convert("CMYK")).keys()


def test_lists_are_rows_and_a_single_value_stands_for_all(predictor, folder):
    texts = [WORDS, "a blue star", "a dog"]
    told = predictor.predict(image=folder / "0.png", text=texts)
    assert len(told) == 3
    for text, answer in zip(texts, told, strict=True):
        assert same(predictor.predict(image=folder / "0.png", text=text), answer)


def test_it_answers_from_many_threads_at_once(predictor):
    pictures = [picture(number) for number in range(16)]
    alone = [predictor.predict(image=one, text=WORDS) for one in pictures]
    with ThreadPoolExecutor(8) as threads:
        at_once = list(threads.map(lambda one: predictor.predict(image=one, text=WORDS), pictures))
    assert at_once == alone


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({}, "nothing to answer: expected rows, or what one row holds, as image=..."),
        ({"image": b"words"}, "cannot answer this: picture in the table: not a picture"),
        ({"image": "gone.png"}, "cannot answer this: picture 'gone.png': the file is missing"),
        ({"audio": "a.wav"}, "cannot answer this: this model knows image, text, not audio"),
        ({"image": 3}, "picture: expected a file name, bytes or {bytes, path}, got int"),
        (
            {"image": ["a", "b"], "text": ["c"]},
            "expected lists of one length, got 2 of image, 1 of",
        ),
        ({"text": " "}, "cannot answer this: the tasks of this model"),
    ],
)
def test_a_single_row_that_cannot_be_answered_is_one_error(predictor, row, said):
    with pytest.raises(DataError) as error:
        predictor.predict(**row)
    assert said in str(error.value)


def test_rows_or_one_row_not_both(predictor):
    with pytest.raises(DataError, match="expected rows, or what one row holds by its name"):
        predictor.predict([{"text": WORDS}], text=WORDS)


def test_a_task_without_words_for_people_says_nothing():
    predictor = of_tasks("masked_language", "contrastive")
    assert predictor.predict(image=picture(), text=WORDS).keys() == {"contrastive"}


def test_samples_are_read_only_as_they_are_needed(predictor):
    read = []

    def entry(number: int) -> Any:
        def sample() -> Sample:
            read.append(number)
            return Sample(str(number), {"image": torch.zeros(3, 16, 16, dtype=torch.uint8)})

        return str(number), sample

    answers = predictor.answers(entry(number) for number in range(100))
    assert next(answers)["id"] == "0"
    assert len(read) == 4


def test_an_answer_is_explained_by_places_that_are_there(predictor):
    told = predictor.explain(image=picture(), text=WORDS)
    answer = predictor.predict(image=picture(), text=WORDS)
    assert told.keys() == answer.keys()
    for task, explanation in told.items():
        image, text = (explanation["modalities"][m] for m in ("image", "text"))
        assert [len(row) for row in image["grid"]] == [4, 4, 4, 4], task
        assert text["words"] == WORDS.split()
        assert len(text["relevance"]) == 3
        gained = explanation["score"] - explanation["score_without"]
        assert sum(explanation["shares"].values()) == pytest.approx(gained, abs=1e-4)
        assert explanation["withheld"].keys() == {"image", "text"}
    assert told["classification"]["said"] == answer["classification"]["label"]
    json.dumps(told)


def test_a_box_is_explained_as_it_is_told_in_pixels_of_the_file():
    predictor = of_tasks("grounding")
    large = np.repeat(np.repeat(picture(), 3, axis=0), 3, axis=1)
    box = predictor.predict(image=large, text=WORDS)["grounding"]["box"]
    said = predictor.explain(image=large, text=WORDS)["grounding"]["said"].split(", ")
    assert [float(side) for side in said] == pytest.approx(box, abs=0.51)


def test_explaining_needs_something_to_explain(predictor):
    with pytest.raises(DataError, match=r"^cannot explain this: the tasks of this model \(contr"):
        predictor.explain()
    with pytest.raises(DataError, match="this model knows image, text, not audio"):
        predictor.explain(audio="a.wav")


def test_explanations_from_several_threads_are_each_their_own():
    predictor = of_tasks("classification")
    alone = [predictor.explain(image=picture(number)) for number in range(3)]
    with ThreadPoolExecutor(max_workers=3) as pool:
        rows = [picture(number % 3) for number in range(6)]
        found = list(pool.map(lambda one: predictor.explain(image=one), rows))
    assert found == [*alone, *alone]
