import shutil
from pathlib import Path

import lancedb
import pytest
import torch
from tests.conftest import small_mixture
from tests.pairs import read_rows, write_pairs, write_rows

from sensorium.data import Dataset, Quarantine, build_modalities, open_dataset
from sensorium.deployment.embedder import Embedder
from sensorium.deployment.index import TABLE, SearchIndex
from sensorium.errors import RunError
from sensorium.run import Run

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def embedder(trained: Run) -> Embedder:
    mixture, tokenizer = trained.mixture(CPU)
    return Embedder(mixture, build_modalities(trained.recipe.data, tokenizer))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "data", train=1, test=5)


def opened(trained: Run, data: Path) -> Dataset:
    """The test set, decoded anew each time, so that what is broken shows when it is indexed."""
    config = trained.recipe.data.model_copy(update={"cache_megabytes": 0})
    quarantine = Quarantine(None, 0, budget=1)
    return open_dataset(data / "test.jsonl", config, trained.tokenizer(), quarantine)


@pytest.mark.parametrize("modality", ["image", "text"])
def test_a_sample_finds_itself_first(trained, embedder, data, tmp_path, modality):
    dataset, index = opened(trained, data), SearchIndex(tmp_path / "index")
    told = []
    quarantine = Quarantine(None, len(dataset), budget=0)
    rows = index.build(dataset, embedder, quarantine, lambda *done: told.append(done))
    assert rows == 2 * len(dataset) == 10
    assert told == [(5, 5)]
    (vector,) = embedder.embed([dataset.sample(3, 0)], modality)
    hits = index.search(vector, modality, top=4)
    assert [hit.rank for hit in hits] == [1, 2, 3, 4]
    assert hits[0].id == "test.jsonl:4"
    assert hits[0].score == pytest.approx(1.0, abs=1e-5)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert hits[0].text == "a red thing, middle 4"
    assert Path(hits[0].path).read_bytes() == hits[0].image == (data / "4.png").read_bytes()


def test_a_broken_picture_is_named_and_left_out(trained, embedder, data, tmp_path):
    (data / "2.png").write_bytes(b"")
    quarantine = Quarantine(tmp_path / "quarantine.jsonl", 5, budget=0.5)
    index = SearchIndex(tmp_path / "index")
    assert index.build(opened(trained, data), embedder, quarantine) == 2 * 4
    (named,) = read_rows(quarantine.path)
    assert named == {"id": "test.jsonl:2", "reason": "picture '2.png': the file is empty (0 bytes)"}


def test_building_again_replaces_what_was_there(trained, embedder, data, tmp_path):
    index = SearchIndex(tmp_path / "index")
    for rows in (5, 3):
        lines = (data / "test.jsonl").read_text().splitlines(keepends=True)
        (data / "test.jsonl").write_text("".join(lines[:rows]))
        assert index.build(opened(trained, data), embedder, Quarantine(None, 5, 0)) == 2 * rows


def test_only_what_is_new_or_changed_is_embedded(trained, embedder, data, tmp_path, monkeypatch):
    index, embedded = SearchIndex(tmp_path / "index"), []
    embed = Embedder.embed

    def counted(self, samples, modality):
        embedded.extend((sample.id, modality) for sample in samples)
        return embed(self, samples, modality)

    monkeypatch.setattr(Embedder, "embed", counted)

    def build() -> list[str]:
        embedded.clear()
        index.build(opened(trained, data), embedder, Quarantine(None, 5, budget=1))
        return sorted({id for id, _ in embedded})

    assert len(build()) == 5
    assert build() == []
    rows = read_rows(data / "test.jsonl")
    rows[1]["text"] = "it's a red thing, changed"
    write_rows(data / "test.jsonl", rows[:4])
    assert build() == ["test.jsonl:2"]
    (vector,) = embedder.embed([opened(trained, data).sample(1, 0)], "text")
    found = index.search(vector, "text", top=9)
    assert found[0].text == "it's a red thing, changed"
    assert {hit.id for hit in found} == {f"test.jsonl:{n}" for n in (1, 2, 3, 4)}


def test_a_build_that_was_killed_goes_on(trained, embedder, data, tmp_path, monkeypatch):
    monkeypatch.setattr("sensorium.deployment.index.SAMPLES_AT_A_TIME", 2)
    index, quarantine = SearchIndex(tmp_path / "index"), Quarantine(None, 5, budget=1)

    def kill(done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index.build(opened(trained, data), embedder, quarantine, kill)
    seen = []
    embed = Embedder.embed
    monkeypatch.setattr(
        Embedder, "embed", lambda self, some, m: seen.extend(some) or embed(self, some, m)
    )
    assert index.build(opened(trained, data), embedder, quarantine) == 10
    assert {sample.id for sample in seen} == {"test.jsonl:5"}


def test_many_rows_are_searched_by_neighbourhoods(tmp_path, monkeypatch):
    monkeypatch.setattr("sensorium.deployment.index.MANY_ROWS", 400)
    monkeypatch.setattr("sensorium.deployment.index.ROWS_OF_A_CELL", 200)
    index = SearchIndex(tmp_path / "index")
    table = index.create(8)
    vectors = torch.nn.functional.normalize(torch.randn(600, 8), dim=1)
    table.add(
        [
            {"id": str(n), "modality": "text" if n % 2 else "image", "vector": vector}
            for n, vector in enumerate(vectors.numpy())
        ]
    )
    index.settle()
    made = lancedb.connect(index.folder).open_table(TABLE).list_indices()
    assert {one.index_type for one in made} == {"IvfHnswSq", "Bitmap"}
    hits = index.search(vectors[5], "text", top=10)
    nearest = (vectors[1::2] @ vectors[5]).topk(10)
    assert hits[0].id == "5"
    assert [hit.score for hit in hits] == pytest.approx(nearest.values.tolist(), abs=1e-2)


def test_a_picture_that_was_moved_since_is_still_found(trained, embedder, data, tmp_path):
    dataset, index = opened(trained, data), SearchIndex(tmp_path / "index")
    index.build(dataset, embedder, Quarantine(None, 5, 0))
    (vector,) = embedder.embed([dataset.sample(0, 0)], "image")
    shutil.move(data / "1.png", data / "elsewhere.png")
    hit = index.search(vector, "image", top=1)[0]
    assert (hit.id, hit.image) == ("test.jsonl:1", None)


def test_searching_before_indexing_says_what_to_type(tmp_path):
    with pytest.raises(RunError, match="has no search index; make one with `sensorium index"):
        SearchIndex(tmp_path / "index").search(torch.ones(8), "image", top=1)


def test_a_model_without_a_common_space_is_refused():
    with pytest.raises(RunError, match="no contrastive task"):
        Embedder(small_mixture("masked_language"), {})
