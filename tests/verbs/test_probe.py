"""A run's frozen encoders are probed on labelled sets, its own or others'."""

import json
import shutil
from pathlib import Path

import pytest
from tests.conftest import Command
from tests.pairs import COLOURS, read_rows, write_pairs, write_rows

from sensorium.errors import DataError
from sensorium.run import Run
from sensorium.verbs.evaluate import evaluate


@pytest.fixture(scope="module")
def run(trained: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the trained run, which the probes here may change."""
    return shutil.copytree(trained.folder, tmp_path_factory.mktemp("probe") / "run")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures with their colour as `label`, and no text, in a folder with `train` and `test`."""
    folder = write_pairs(tmp_path_factory.mktemp("labelled") / "data", train=40, test=12)
    for name in ("train", "test"):
        rows = read_rows(folder / f"{name}.jsonl")
        told = [
            {"picture": row["file_name"], "label": row["text"].split()[1], "kind": "one"}
            for row in rows
        ]
        write_rows(folder / f"{name}.jsonl", told)
    return folder


@pytest.fixture(scope="module")
def summary(run, labelled):
    before = Run.open(run).summary()["metrics"]
    after = evaluate(run, probe=labelled, labels_per_class=[1, 3])
    assert {name: after["metrics"][name] for name in before} == before
    return after


def test_every_vector_of_what_the_data_have_is_probed(summary):
    names = {n.removeprefix("test/probe/") for n in summary["metrics"] if "/probe/" in n}
    expected = {"accuracy_majority"}
    for vector in ("image", "fused"):
        for reader in ("linear", "knn"):
            for state in ("", "_untrained"):
                expected |= {
                    f"{vector}/{reader}_accuracy{state}{few}" for few in ("", "_at_1", "_at_3")
                }
    assert names == expected
    facts = summary["probe"]["test"]
    assert (facts["classes"], facts["known"], facts["asked"]) == (len(COLOURS), 40, 12)
    assert summary["metrics"]["test/probe/accuracy_majority"] == 0.25


def test_the_colours_are_found(summary):
    assert summary["metrics"]["test/probe/image/linear_accuracy"] == 1.0


def test_the_figures_are_in_the_report(summary, run):
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "What the encoders learned" in page
    assert "4 classes, learned from 40 labelled samples, judged on 12" in page
    assert "Fused: accuracy by labels of each class" in page
    assert "image → text" in page, "what was there before is still there"


def test_one_set_is_cut_in_two(run, labelled):
    found = evaluate(run, probe=labelled / "train.jsonl", split="cut", labels_per_class=[])
    facts = found["probe"]["cut"]
    assert facts["known"] + facts["asked"] == 40
    assert 2 <= facts["asked"] <= 16
    assert (
        facts
        == evaluate(run, probe=labelled / "train.jsonl", split="cut", labels_per_class=[])["probe"][
            "cut"
        ]
    )
    assert "cut/matching/accuracy" not in found["metrics"]


def test_a_modality_can_be_left_out(run, trained, tmp_path):
    data = shutil.copytree(trained.folder.parent / "data", tmp_path / "data")
    rows = read_rows(data / "train.jsonl")
    write_rows(data / "train.jsonl", [row | {"c": row["text"].split()[1]} for row in rows])

    def vectors(**options):
        found = evaluate(
            run, probe=data / "train.jsonl", label="c", split="x", labels_per_class=[], **options
        )
        return {curve["vector"] for curve in found["probe"]["x"]["curves"]}

    assert vectors() == {"image", "text", "fused"}
    assert vectors(without=["text"]) == {"image", "fused"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"label": "species"}, "has no column 'species' to take labels from; it has .*: name one"),
        ({"label": "kind"}, "one"),
        ({"without": ["image"]}, "no labelled row has anything that the model"),
        ({"probe": "gone"}, "no data at 'gone'"),
    ],
)
def test_what_cannot_be_probed(run, labelled, options, said):
    with pytest.raises(DataError, match=said):
        evaluate(run, **{"probe": labelled, **options})


def test_a_folder_of_other_sets_is_not_guessed_at(run, labelled, tmp_path):
    data = shutil.copytree(labelled, tmp_path / "data")
    (data / "test.jsonl").rename(data / "val.jsonl")
    with pytest.raises(DataError, match="expected one set, or train and test; found train, val"):
        evaluate(run, probe=data)


def test_the_command_prints_a_table(sensorium: Command, run, labelled):
    given = ["evaluate", run, "--probe", labelled, "--labels-per-class", "1,3"]
    answer = sensorium(*given)
    assert answer.status == 0, answer.err
    assert "4 classes, accuracy by labels of each" in " ".join(answer.out.split())
    assert "fused, knn, untrained" in answer.out
    printed = json.loads(sensorium(*given, "--json").out)
    assert printed["probe"]["test"]["curves"][0]["by_labels"]["3"]["accuracy"] > 0.5
    wrong = sensorium(*given[:-1], "1,few")
    assert wrong.status == 2
    assert "expected numbers, as in 1,5,10" in wrong.err
