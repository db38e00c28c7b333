"""WebDataset shards, whole and damaged."""

import io
import pickle
import tarfile
from pathlib import Path

import pytest
from tests.data.shards import pairs, png, tar, wav, write_shards

from sensorium.data import BrokenSample, DataConfig, Dataset, Tokenizer, open_source
from sensorium.data.sources import SourceConfig
from sensorium.data.splits import open_place
from sensorium.data.tar import TarStream, TarTable
from sensorium.errors import DataError

NO_FILES = {"image": None, "audio": None, "video": None}
"""What is said of files where a row has none of its own."""


def test_a_row_is_what_has_one_key(tmp_path: Path) -> None:
    members = [
        ("./a/one.png", png(1)),
        ("./a/one.seg.PNG", png(2)),
        ("./a/one.txt", "一只猫 \n".encode()),
        ("./a/one.cls", b"7\n"),
        ("b/one.wav", wav()),
        ("b/one.json", b'{"text": "words", "label": 3}'),
        ("b/.hidden.png", b""),
        ("__index__.txt", b"not a row"),
    ]
    (tmp_path / "a.tar").write_bytes(tar(members))
    table = TarTable(tmp_path / "a.tar")
    assert [table.id(row) for row in range(len(table))] == ["a.tar/a/one", "a.tar/b/one"]
    assert table.columns == ["png", "seg.png", "txt", "cls", "wav", "text", "label"]
    cells = table.cells(0)
    assert cells["txt"] == "一只猫"
    assert cells["cls"] == 7
    assert cells["seg.png"]["path"] == "a/one.seg.png"
    assert cells["seg.png"]["bytes"].read() == png(2)
    assert table.cells(1) | {"wav": None} == {"text": "words", "label": 3, "wav": None}
    assert pickle.loads(pickle.dumps(table)).cells(0) == cells
    assert not table.broken


@pytest.mark.parametrize("pattern", ["train-{000..002}.tar", "train-*.tar", "train-00{0,1,2}.tar"])
@pytest.mark.parametrize("where", ["here", "memory"])
def test_several_shards_are_one_table(
    tmp_path: Path, tokenizer: Tokenizer, pattern: str, where: str
) -> None:
    root = str(tmp_path) if where == "here" else f"memory:/{tmp_path}"
    write_shards(tmp_path if where == "here" else root)
    config = DataConfig.model_validate({"root": root, "image": {"size": 6}})
    source = open_place(config, SourceConfig(path=pattern), None)
    assert source.fields == {"image": ["png"], "text": ["txt"]}
    assert len(source) == 12
    assert source.id(5) == "train-001.tar/000005"
    assert source.row(5).values["number"] == 5
    data = Dataset(source, config, tokenizer, training=False, seed=0)
    assert data.sample(5, 0).values["image"][:, 0, 0].tolist() == [5, 20, 200]
    assert data.image_bytes(5) == png(5)
    assert data.describe(5) == {"id": source.id(5), "text": "text 5"} | NO_FILES
    (one_cell,) = open_place(config, SourceConfig(path="train-000.tar"), None).fields["image"]
    assert one_cell == "png"
    with pytest.raises(DataError, match=r"no data at '.*train-003\.tar'"):
        open_place(config, SourceConfig(path="train-{000..003}.tar"), None)


def cut(content: bytes, where: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        member = archive.getmembers()[7]  # the text of the third row
    return {
        "member": content[: member.offset_data + 3],
        "header": content[: member.offset + 100],
        "between": content[: member.offset],
        "noise": content[: member.offset] + b"noise" * 200,
    }[where]


@pytest.mark.parametrize(
    ("where", "reason", "rows"),
    [
        ("member", "truncated within '000002.txt'", 2),
        ("header", "truncated or damaged in the header at byte", 2),
        ("between", "truncated: it ends without the end mark", 2),
        ("noise", "truncated or damaged in the header", 2),
    ],
)
def test_a_damaged_shard_is_named_and_the_rest_used(
    tmp_path: Path, where: str, reason: str, rows: int
) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(cut(tar(pairs(0, 4)), where))
    table = TarTable(path)
    assert len(table) == rows
    (broken,) = table.broken
    assert broken.id == "a.tar"
    assert broken.reason.startswith(f"the shard is {reason}")
    assert broken.reason.endswith("; the rows before are used")
    streamed = list(TarStream("a", [path]).read(0, 0, 1))
    assert len(streamed) == rows + 1
    assert streamed[-1] == broken


def test_what_is_no_tar(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"hello " * 200)
    with pytest.raises(DataError, match="found none that can be read; the first: the shard is dam"):
        open_source(tmp_path / "a.tar")
    (tmp_path / "a.tar").write_bytes(b"")
    with pytest.raises(DataError, match="found none that can be read; the first: the shard is dam"):
        open_source(tmp_path / "a.tar")


def test_a_row_with_a_broken_member(tmp_path: Path, tokenizer: Tokenizer) -> None:
    members = [*pairs(0, 2), ("x.png", png(1)), ("x.txt", b"t"), ("x.json", b"{"), ("y.cls", b"q")]
    (tmp_path / "a.tar").write_bytes(tar(members))
    source = open_source(tmp_path / "a.tar")
    data = Dataset(source, DataConfig(), tokenizer, training=False, seed=0)
    with pytest.raises(BrokenSample, match="its json is not JSON"):
        data.sample(2, 0)
    assert [one.id for one in data.prepare()] == ["a.tar/x", "a.tar/y"]


def test_a_member_that_is_gone_is_a_broken_sample(tmp_path: Path, tokenizer: Tokenizer) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(tar(pairs(0, 2)))
    data = Dataset(open_source(path), DataConfig(), tokenizer, training=False, seed=0)
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(BrokenSample, match=r"a\.tar ends within it"):
        data.sample(1, 0)
