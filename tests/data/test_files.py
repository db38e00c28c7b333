"""Files at URLs are as files here; what cannot be read says why, and how to mend it."""

import json
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.data.shards import png

from sensorium.data import BrokenSample, DataConfig, Dataset, Tokenizer
from sensorium.data.files import Part, Remote, join, location
from sensorium.data.sources import SourceConfig
from sensorium.data.splits import open_place
from sensorium.errors import DataError, MissingDependencyError


@pytest.fixture
def bucket(tmp_path: Path) -> str:
    """A folder in memory: a manifest in every form, and the pictures that it names."""
    url = f"memory:/{tmp_path}"
    system = fsspec.filesystem("memory")
    rows = [{"image": f"pictures/{n}.png", "text": f'"{n}", a text'} for n in range(3)]
    for n in range(3):
        system.pipe(f"{tmp_path}/pictures/{n}.png", png(n))
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    quoted = "".join(f'pictures/{n}.png,"""{n}"", a text"\n' for n in range(3))
    system.pipe(f"{tmp_path}/train.jsonl", lines.encode())
    system.pipe(f"{tmp_path}/set/metadata.jsonl", lines.replace("pictures", "../pictures").encode())
    system.pipe(f"{tmp_path}/train.csv", f"image,text\n{quoted}".encode())
    with fsspec.open(f"{url}/train.parquet", "wb") as file:
        pq.write_table(pa.Table.from_pylist(rows), file)
    return url


@pytest.mark.parametrize("name", ["train.jsonl", "train.csv", "train.parquet", "set"])
def test_a_manifest_at_a_url(bucket: str, tokenizer: Tokenizer, name: str) -> None:
    config = DataConfig.model_validate({"root": bucket, "image": {"size": 6}})
    source = open_place(config, SourceConfig(path=name), None)
    data = Dataset(source, config, tokenizer, training=False, seed=0)
    assert source.fields == {"image": ["image"], "text": ["text"]}
    for n in range(3):
        assert data.sample(n, 0).values["image"][:, 0, 0].tolist() == [n, 20, 200]
        assert data.describe(n)["text"] == f'"{n}", a text'
    assert data.image_bytes(1) == png(1)
    assert len(source.table.fingerprint()) == 64
    assert len(open_place(DataConfig(), SourceConfig(path=f"{bucket}/{name}"), None)) == 3


def test_a_manifest_here_that_names_files_at_urls(
    bucket: str, tmp_path: Path, tokenizer: Tokenizer
) -> None:
    urls = [f"{bucket}/pictures/0.png", f"{bucket}/pictures/9.png", f"file://{tmp_path}/1.png"]
    (tmp_path / "1.png").write_bytes(png(1))
    lines = [json.dumps({"image": url, "text": "x"}) for url in urls]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    config = DataConfig.model_validate({"image": {"size": 6}})
    source = open_place(config, SourceConfig(path=f"file://{tmp_path}/a.jsonl"), None)
    data = Dataset(source, config, tokenizer, training=False, seed=0)
    assert data.sample(0, 0).values["image"][:, 0, 0].tolist() == [0, 20, 200]
    assert data.sample(2, 0).values["image"][:, 0, 0].tolist() == [1, 20, 200]
    with pytest.raises(BrokenSample, match=r"pictures/9\.png': the file is missing"):
        data.sample(1, 0)


def test_a_url_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingDependencyError, match=r"what reads tos:// .*: pip install tosfs$"):
        Remote("tos://bucket/a.jsonl").exists()
    with pytest.raises(MissingDependencyError, match=r"pip install 'fsspec\[smb\]'$"):
        Part(Remote("smb://bucket/a.jsonl")).read()
    with pytest.raises(DataError, match="Protocol not known: nonsense"):
        Remote("nonsense://a").exists()


def test_nothing_at_a_url(bucket: str) -> None:
    with pytest.raises(DataError, match=r"no data at '.*absent\.jsonl'; looked for memory:/"):
        open_place(DataConfig(root=bucket), SourceConfig(path="absent.jsonl"), None)
    with pytest.raises(DataError, match=r"expected metadata\.jsonl or .* in a folder at a URL"):
        open_place(DataConfig(root=bucket), SourceConfig(path="pictures"), None)


def test_names_are_joined_as_paths_are() -> None:
    folder = Remote("s3://bucket/set")
    assert str(folder / "a/../b.png") == "s3://bucket/set/b.png"
    assert str(folder / "/other/b.png") == "s3://other/b.png"
    assert str(folder.parent) == "s3://bucket"
    assert (folder.name, Remote("s3://bucket/a.tar").suffix) == ("set", ".tar")
    assert join(Path("x"), "memory://a.png") == Remote("memory://a.png")
    assert join(folder, "file:///a.png") == Path("/a.png")
    assert location("a.png") == Path("a.png")
