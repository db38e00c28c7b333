"""`sensorium predict` on files, tables, folders and standard input, and what it leaves."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from tests.conftest import Command
from tests.labelled import labelled_tree, write_labelled
from tests.pairs import COLOURS, read_rows, write_rows

import sensorium as library
from sensorium.recipe import Recipe
from sensorium.run import Run
from sensorium.verbs.load import load
from sensorium.verbs.predict import predict
from sensorium.verbs.pretrain import pretrain


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that tells colours, asked or not; its data in `data` beside it. Do not change it."""
    folder = tmp_path_factory.mktemp("learnt")
    data = write_labelled(folder / "data")
    tree = labelled_tree(data, steps=80, learning_rate=3e-3, modality_dropout=0.3)
    return pretrain(Recipe.model_validate(tree), run_dir=folder / "run").run


@pytest.fixture(scope="module")
def data(learnt: Run) -> Path:
    return learnt.folder.parent / "data"


def parsed(sensorium: Command, *arguments: object) -> Any:
    answer = sensorium("predict", *arguments, "--json")
    assert answer.status == 0, answer.err
    return json.loads(answer.out)


def labels(answers: list[dict[str, Any]]) -> list[str]:
    return [answer["classification"]["label"] for answer in answers]


def test_one_row_by_its_files_and_words(sensorium: Command, learnt, data):
    question = ["--text", "which colour is it"]
    told = parsed(sensorium, learnt.folder, "--image", data / "25.png", *question)
    assert told["classification"]["label"] == "green"
    assert told["classification"]["probabilities"].keys() == set(COLOURS)
    assert told["question_answering"]["answer"] in {*COLOURS, "yes", "no"}
    assert told["regression"]["number"] > 0
    assert told == load(learnt.folder).predict(image=data / "25.png", text=question[1])
    shown = sensorium("predict", learnt.folder, "--image", data / "25.png", *question)
    assert shown.status == 0
    assert "green" in shown.out
    assert "probabilities" not in shown.out


def test_every_sample_of_a_set_is_answered_under_its_name(learnt, data):
    answers = predict(learnt.folder, data / "test.jsonl")
    rows = read_rows(data / "test.jsonl")
    assert [answer["id"] for answer in answers] == [f"test.jsonl:{n}" for n in range(1, 13)]
    assert labels(answers) == [row["colour"] for row in rows]
    assert library.predict is predict
    assert library.load is load


def test_a_set_without_targets_or_questions_is_answered_too(learnt, data, tmp_path):
    rows = [{"file_name": str(data / f"{number}.png")} for number in range(24, 28)]
    write_rows(tmp_path / "new.jsonl", rows)
    answers = predict(learnt.folder, tmp_path / "new.jsonl")
    assert labels(answers) == list(COLOURS)
    assert all("question_answering" not in answer for answer in answers)


def test_a_folder_of_pictures_is_answered_file_by_file(learnt, data):
    answers = predict(learnt.folder, data)
    by_name = {answer["id"]: answer for answer in answers}
    assert len(by_name) == 36
    assert by_name["25.png"]["classification"]["label"] == "green"


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_tables_of_other_kinds_are_answered_too(learnt, data, tmp_path, suffix):
    names = [str(data / f"{number}.png") for number in range(24, 28)]
    path = tmp_path / f"new.{suffix}"
    if suffix == "csv":
        path.write_text("file_name\n" + "\n".join(names) + "\n")
    else:
        pyarrow.parquet.write_table(pyarrow.table({"file_name": names}), path)
    assert labels(predict(learnt.folder, path)) == list(COLOURS)


def test_what_is_broken_is_named_with_its_reason_and_the_rest_answered(
    sensorium: Command, learnt, data, tmp_path
):
    (tmp_path / "words.png").write_text("404")
    rows: list[Any] = [
        {"file_name": str(data / "24.png")},
        {"file_name": "words.png"},
        '{"file_name": "cut',
        {"file_name": "gone.png"},
        {"file_name": ""},
    ]
    write_rows(tmp_path / "new.jsonl", rows)
    answer = sensorium("predict", learnt.folder, tmp_path / "new.jsonl", "--json")
    assert answer.status == 0
    answers = {one["id"].partition(":")[2]: one for one in json.loads(answer.out)}
    assert "classification" in answers["1"]
    reasons = {line: one["error"] for line, one in answers.items() if "error" in one}
    assert reasons.keys() == {"2", "3", "4", "5"}
    assert "not a picture: the file holds text" in reasons["2"]
    assert "the line is not JSON" in reasons["3"]
    assert "the file is missing" in reasons["4"]
    assert "say nothing of nothing alone" in reasons["5"]
    assert "4 of 5 rows could not be answered" in answer.err
    write_rows(tmp_path / "new.jsonl", rows[1:])
    assert sensorium("predict", learnt.folder, tmp_path / "new.jsonl").status == 1


def test_lines_of_standard_input(sensorium: Command, learnt, data, monkeypatch):
    lines = [
        {"image": str(data / "24.png"), "id": "mine"},
        {"file_name": str(data / "25.png"), "question": "which colour is it"},
        "",
        "[1, 2]",
        {"nothing": "here"},
    ]
    text = "".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in lines)
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    answers = parsed(sensorium, learnt.folder, "-")
    assert [answer["id"] for answer in answers] == ["mine", "line 2", "line 4", "line 5"]
    assert labels(answers[:2]) == ["red", "green"]
    assert "question_answering" in answers[1]
    assert "expected a JSON object on the line, got list" in answers[2]["error"]
    assert "say nothing of nothing alone" in answers[3]["error"]


def test_answers_are_written_as_lines_and_as_a_table(sensorium: Command, learnt, data, tmp_path):
    lines, table = tmp_path / "new/answers.jsonl", tmp_path / "answers.parquet"
    for out in (lines, table):
        answer = sensorium("predict", learnt.folder, data / "test.jsonl", "--out", out)
        assert answer.status == 0, answer.err
        assert f"wrote 12 answers to {out}" in answer.out
    expected = predict(learnt.folder, data / "test.jsonl")
    assert read_rows(lines) == expected
    for row, answer in zip(pyarrow.parquet.read_table(table).to_pylist(), expected, strict=True):
        assert row["id"] == answer["id"]
        assert row["regression"] == answer["regression"]
        for task in ("classification", "question_answering"):
            named = {one["name"]: one["probability"] for one in row[task]["probabilities"]}
            assert row[task] | {"probabilities": named} == answer[task]
    assert not list(tmp_path.rglob("*.partial"))


def test_a_pair_is_scored(sensorium: Command, trained: Run):
    data = trained.folder.parent / "data"
    row = ["--image", data / "0.png", "--text", "a red thing, top 0"]
    told = parsed(sensorium, trained.folder, *row)
    assert told.keys() == {"contrastive", "matching"}
    assert -1 <= told["contrastive"]["image_and_text"] <= 1
    assert 0 <= told["matching"]["image_and_text"] <= 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["RUN"], "expected one thing to answer: data, or one row by some of --image, --text,"),
        (["RUN", "TEST", "--text", "x"], "expected one thing to answer"),
        (["RUN", "--image", "gone.png"], "cannot answer this: picture 'gone.png': the file is mis"),
        (["RUN", "--audio", "a.wav"], "this model knows image, text, not audio"),
        (["RUN", "gone.jsonl"], "no data at 'gone.jsonl'"),
        (["RUN", "TEST", "--out", "a.csv"], "a.csv: expected a name that ends in .jsonl or .parq"),
        (["RUN", "--text", "x", "--device", "abacus"], "abacus cannot be used here"),
        (["nothing", "--text", "x"], "no run in nothing"),
    ],
)
def test_a_mistake_is_one_line(sensorium: Command, learnt, data, arguments, said):
    stands_for = {"RUN": learnt.folder, "TEST": data / "test.jsonl"}
    answer = sensorium("predict", *(stands_for.get(one, one) for one in arguments))
    assert answer.status == 1
    (line,) = answer.err.splitlines()
    assert line.startswith("error: ")
    assert said in line
    assert answer.out == ""


def test_answers_come_with_a_page_of_what_they_rest_on(sensorium: Command, learnt, data, tmp_path):
    page = tmp_path / "new" / "page.html"
    question = ["--image", data / "25.png", "--text", "which colour is it"]
    answer = sensorium("predict", learnt.folder, *question, "--explain", page)
    assert answer.status == 0, answer.err
    assert f"explained: {page}" in answer.out
    shown = page.read_text(encoding="utf-8")
    assert shown.count("<article") == 3
    assert "green</p>" in shown
    lines = "".join(json.dumps({"text": "is it red", "id": f"n{n}"}) + "\n" for n in range(30))
    answers = predict(learnt.folder, ["not JSON\n", *io.StringIO(lines)], explain=page)
    assert len(answers) == 31
    shown = page.read_text(encoding="utf-8")
    assert "The first 23 of 31 answers." in shown
    assert "n22</h2>" in shown
    assert "n23</h2>" not in shown
