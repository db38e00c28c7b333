"""Sets of the Hugging Face library: made here, read without a network."""

from pathlib import Path
from typing import Any

import pytest
from tests.data.shards import png

from sensorium.data import DataConfig, Dataset, Tokenizer, open_source
from sensorium.data.hub import HubStream, HubTable
from sensorium.data.sources import SourceConfig
from sensorium.data.splits import open_place
from sensorium.errors import DataError, MissingDependencyError

datasets = pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def _quiet_and_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets.disable_progress_bars()
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def made(rows: int) -> Any:
    features = datasets.Features(
        image=datasets.Image(),
        text=datasets.Value("string"),
        label=datasets.ClassLabel(names=["even", "odd"]),
    )
    content = [
        {"image": {"bytes": png(n), "path": f"{n}.png"}, "text": f"text {n}", "label": n % 2}
        for n in range(rows)
    ]
    return datasets.Dataset.from_list(content, features=features)


@pytest.fixture
def repository(tmp_path: Path) -> str:
    """A folder laid out as a set of the Hub: nine rows in three files, and one to test."""
    (tmp_path / "repository/data").mkdir(parents=True)
    for n in range(3):
        part = made(9).select(range(n * 3, n * 3 + 3))
        part.to_parquet(tmp_path / f"repository/data/train-0000{n}-of-00003.parquet")
    made(1).to_parquet(tmp_path / "repository/data/test-00000-of-00001.parquet")
    return f"hf:{tmp_path}/repository"


def test_a_set_by_name(repository: str, tokenizer: Tokenizer) -> None:
    config = DataConfig.model_validate({"image": {"size": 6}})
    place = SourceConfig(path=repository, split="train")
    source = open_place(config, place, None)
    assert source.id(4) == "repository/train:4"
    assert source.columns == ["image", "text", "label"]
    assert source.classes == {"label": ["even", "odd"]}
    assert source.row(4).values == {
        "image": {"bytes": png(4), "path": "4.png"},
        "text": "text 4",
        "label": 0,
    }
    data = Dataset(source, config, tokenizer, training=False, seed=0)
    assert data.sample(4, 0).values["image"][:, 0, 0].tolist() == [4, 20, 200]
    assert len(source.table.fingerprint()) == 64


def test_a_split_has_to_be_said_where_there_are_several(repository: str) -> None:
    with pytest.raises(DataError, match=r"expected a split of train, test, none was asked for; s"):
        HubTable(repository, None, None)
    with pytest.raises(DataError, match=r"cannot be opened: Unknown split \"valid\""):
        HubTable(repository, None, "valid")
    with pytest.raises(DataError, match=r"hf:/absent/set cannot be opened: "):
        HubTable("hf:/absent/set", None, None)


def test_folders_that_the_library_wrote(tmp_path: Path) -> None:
    made(4).save_to_disk(tmp_path / "one")
    datasets.DatasetDict(train=made(4), test=made(2)).save_to_disk(tmp_path / "several")
    assert open_source(tmp_path / "one").row(3).values["text"] == "text 3"
    place = SourceConfig(path=str(tmp_path / "several"), split="test")
    assert len(open_source(tmp_path / "several", place=place)) == 2
    with pytest.raises(DataError, match="expected a split of train, test, none was asked for"):
        open_source(tmp_path / "several")


def test_a_stream_reads_shard_by_shard(repository: str) -> None:
    stream = HubStream(repository, None, "train")
    assert stream.shards == 3
    entries = [[*stream.read(shard, 0, 1)] for shard in range(3)]
    assert [[cells["text"] for _, cells in shard] for shard in entries] == [
        [f"text {n}" for n in range(start, start + 3)] for start in (0, 3, 6)
    ]
    assert entries[1][2][0] == "repository/train:1/2"
    assert entries[1][2][1]["image"] == {"bytes": png(5), "path": "5.png"}
    assert [*stream.read(1, 1, 2)] == entries[1][1::2]
    assert stream.classes == {"label": ["even", "odd"]}


def test_without_the_library_the_error_says_how_to_install_it(
    repository: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'sensorium\[hub\]'"):
        HubTable(repository, None, "train")
