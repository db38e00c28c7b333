"""A relative path is looked for in the designed places, in their order."""

from pathlib import Path

import pytest

from sensorium.data import DataConfig, resolve
from sensorium.data.locate import find, unbraced
from sensorium.errors import DataError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, with nothing in the environment."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.delenv("SENSORIUM_DATA", raising=False)
    return tmp_path


def put(folder: Path) -> Path:
    (folder / "set").mkdir(parents=True)
    (folder / "set/a.jsonl").touch()
    return folder / "set/a.jsonl"


def test_order(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENSORIUM_DATA", str(here / "variable"))
    path = "set/a.jsonl"
    shared = put(here / "shared/data")
    assert resolve(DataConfig(), path) == shared
    variable = put(here / "variable")
    assert resolve(DataConfig(), path) == variable
    current = put(here / "project")
    assert resolve(DataConfig(), path) == current
    root = put(here / "root")
    assert resolve(DataConfig(root=str(here / "root")), path) == root
    assert resolve(DataConfig(root="nowhere"), str(root)) == root


def test_a_root_is_the_only_place(here: Path) -> None:
    put(here / "project")
    with pytest.raises(DataError, match=r"no data at 'set/a\.jsonl'; looked for nowhere/set/a\.js"):
        resolve(DataConfig(root="nowhere"), "set/a.jsonl")


def test_all_places_are_named(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENSORIUM_DATA", "elsewhere")
    (here / "shared/data").mkdir(parents=True)
    with pytest.raises(DataError) as caught:
        resolve(DataConfig(), "set/a.jsonl")
    assert str(caught.value) == (
        "no data at 'set/a.jsonl'; looked for set/a.jsonl, elsewhere/set/a.jsonl, "
        "../shared/data/set/a.jsonl. Correct the path, or give its folder as data.root=DIR or "
        "SENSORIUM_DATA=DIR"
    )


def test_public_sets_can_be_built(here: Path) -> None:
    with pytest.raises(
        DataError,
        match=r"'emoji' is a public set \(3,605 emoji .*python benchmarks/datasets/emoji\.py DIR`, "
        r"then give data\.root=DIR or SENSORIUM_DATA=DIR",
    ):
        resolve(DataConfig(), "emoji/train.jsonl")


def test_patterns(here: Path) -> None:
    for name in ("a-00.tar", "a-01.tar", "b-{x,y}.tar"):
        (here / "project" / name).touch()
    assert list(unbraced("{a,b}-{08..10}-{1..2}")) == [
        f"{one}-{two}-{three}" for one in "ab" for two in ("08", "09", "10") for three in "12"
    ]
    names = [path.name for path in find(DataConfig(), "a-{00..01}.tar")]
    assert names == ["a-00.tar", "a-01.tar"]
    assert [path.name for path in find(DataConfig(), "a-*.tar")] == names
    with pytest.raises(DataError, match=r"no data at 'a-02\.tar'"):
        find(DataConfig(), "a-{00..02}.tar")
    with pytest.raises(DataError, match=r"no data at 'c-\*\.tar'"):
        find(DataConfig(), "c-*.tar")
