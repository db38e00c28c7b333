"""Streams of every kind: each row once an epoch over all ranks and workers, exact places."""

import json
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.data.shards import pairs, png, tar, write_shards

from sensorium.batch import Batch
from sensorium.data import (
    Broken,
    DataConfig,
    Quarantine,
    Streamed,
    StreamLoader,
    Tokenizer,
    open_source,
    open_splits,
)
from sensorium.data.streams import TableStream
from sensorium.errors import DataError, FailureBudgetError

KINDS = ["jsonl", "csv", "parquet", "tar", "hf", "table", "memory", "mixed"]


def write(folder: Path, kind: str, rows: int = 24) -> Any:
    """A set of `rows` texts `text N`, most with a picture; what `data.train` says of it."""
    texts = [f"text {n}" for n in range(rows)]
    if kind in ("jsonl", "csv"):
        for part in range(3):
            own = texts[part::3]
            lines = [f'"{text}"' for text in own] if kind == "csv" else None
            lines = ["text", *lines] if lines else [json.dumps({"text": text}) for text in own]
            (folder / f"{part}.{kind}").write_text("\n".join(lines))
        return {"path": f"{{0..2}}.{kind}"}
    if kind == "parquet":
        rows_of = [
            {"text": t, "image": {"bytes": png(n), "path": None}} for n, t in enumerate(texts)
        ]
        pq.write_table(pa.Table.from_pylist(rows_of), folder / "a.parquet", row_group_size=5)
        return {"path": "a.parquet"}
    if kind == "tar":
        write_shards(folder, shards=4, rows=rows // 4)
        return {"path": "train-{000..003}.tar"}
    if kind == "memory":
        write_shards(f"memory:/{folder}", shards=4, rows=rows // 4)
        return {"path": f"memory:/{folder}/train-*.tar"}
    if kind == "table":
        (folder / "pictures").mkdir(exist_ok=True)
        for n, text in enumerate(texts):
            (folder / f"pictures/{n}.png").write_bytes(png(n))
            (folder / f"pictures/{n}.txt").write_text(text)
        return {"path": "pictures"}
    if kind == "hf":
        datasets = pytest.importorskip("datasets")
        (folder / "set").mkdir(exist_ok=True)
        for part in range(3):
            made = datasets.Dataset.from_list([{"text": text} for text in texts[part::3]])
            made.to_parquet(folder / f"set/train-{part}.parquet")
        return {"path": f"hf:{folder}/set"}
    assert kind == "mixed"
    return [
        {**write(folder, "tar", 24), "weight": 2},
        {"path": "more/a.jsonl", "fields": {"text": "words"}},
    ]


@pytest.fixture
def opened(
    tmp_path: Path, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Streamed]:
    """(kind, **settings) -> the streams of a set of that kind."""
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))

    def build(kind: str, window_rows: int = 5, seed: int = 3, **settings: Any) -> Streamed:
        (tmp_path / "more").mkdir(exist_ok=True)
        words = "".join(json.dumps({"words": f"word {n}"}) + "\n" for n in range(12))
        (tmp_path / "more/a.jsonl").write_text(words)
        said = write(tmp_path, kind)
        places = said if isinstance(said, list) else [said]
        train = [place | {"stream": True, "window_rows": window_rows} for place in places]
        image = {"size": 6, "augment": {"shift": 0.4}}
        tree = {"root": str(tmp_path), "train": train, "image": image, **settings}
        tree.setdefault("fields", {"image": []} if kind in ("jsonl", "csv", "hf") else None)
        splits = open_splits(DataConfig.model_validate(tree), seed, None, tokenizer)
        assert isinstance(splits.train, Streamed)
        return splits.train

    return build


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()


def load(streamed: Streamed, **settings: Any) -> StreamLoader:
    defaults: dict[str, Any] = {"batch_size": 3, "quarantine": Quarantine(None, 0, 0.5)}
    return StreamLoader(streamed, **{**defaults, **settings})


def facts(batch: Batch) -> tuple[Any, ...]:
    inputs = batch.inputs.items()
    return tuple(batch.ids), [(name, one.values.tolist()) for name, one in inputs]


def ids(batches: Any) -> list[str]:
    return [id for batch in batches for id in batch.ids]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "mixed"])
def test_each_row_once_an_epoch_in_an_order_of_its_own(
    opened: Callable[..., Streamed], kind: str
) -> None:
    streamed = opened(kind)
    drawn = ids(islice(load(streamed), 24))
    epochs = [drawn[:24], drawn[24:48], drawn[48:]]
    assert all(len(set(epoch)) == 24 for epoch in epochs)
    assert len(set(map(frozenset, epochs))) == 1
    assert len(set(map(tuple, epochs))) == 3
    assert ids(islice(load(opened(kind, seed=4)), 24)) != drawn
    assert epochs[0] != sorted(epochs[0])


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_resume_is_exact(opened: Callable[..., Streamed], kind: str, workers: int) -> None:
    streamed = opened(kind)
    whole = [facts(batch) for batch in islice(load(streamed, workers=workers), 21)]
    for given in (1, 10) if workers else (1, 4, 9, 17):
        first = load(streamed, workers=workers)
        assert [facts(batch) for batch in islice(first, given)] == whole[:given]
        state = json.loads(json.dumps(first.state()))
        second = load(streamed, workers=workers)
        second.restore(state)
        assert second.state() == state
        assert [facts(batch) for batch in islice(second, 21 - given)] == whole[given:]
        first.restore(state)
        assert [facts(batch) for batch in islice(first, 3)] == whole[given : given + 3]


def test_one_worker_is_as_none(opened: Callable[..., Streamed]) -> None:
    streamed = opened("tar")
    assert ids(islice(load(streamed, workers=1), 20)) == ids(islice(load(streamed), 20))


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "tar", "hf", "table"])
@pytest.mark.parametrize(("ranks", "workers"), [(2, 0), (3, 0), (2, 2), (1, 3)])
def test_rows_are_shared_by_ranks_and_workers(
    opened: Callable[..., Streamed], kind: str, ranks: int, workers: int
) -> None:
    streamed = opened(kind)
    epochs: dict[int, Counter[str]] = {0: Counter(), 1: Counter()}
    for rank in range(ranks):
        loader = load(streamed, batch_size=ranks, workers=workers, rank=rank, ranks=ranks)
        for number, batch in enumerate(islice(loader, 100)):
            lane = loader.state()["lanes"][number % max(workers, 1)]  # they come in turn
            epochs.get(lane["cursors"][0]["epoch"], Counter()).update(batch.ids)
            if all(
                one["cursors"] and one["cursors"][0]["epoch"] > 1 for one in loader.state()["lanes"]
            ):
                break
    once = Counter(set(ids(islice(load(streamed), 8))))
    assert len(once) == 24
    assert epochs == {0: once, 1: once}


def test_a_batch_is_shared(opened: Callable[..., Streamed]) -> None:
    streamed = opened("tar")
    sizes = [len(next(iter(load(streamed, batch_size=5, rank=r, ranks=2)))) for r in (0, 1)]
    assert sizes == [3, 2]
    with pytest.raises(DataError, match="a batch of 1 samples cannot be shared by 2 processes"):
        load(streamed, batch_size=1, rank=0, ranks=2)


def test_a_lane_without_rows_is_an_error(opened: Callable[..., Streamed]) -> None:
    streamed = opened("table")
    with pytest.raises(DataError, match="too few rows for 50 lanes"):
        list(islice(load(streamed, batch_size=50, rank=49, ranks=50), 2))


def test_a_mixture_has_the_proportions_of_its_weights(opened: Callable[..., Streamed]) -> None:
    batches = [*islice(load(opened("mixed"), batch_size=6), 20)]
    for batch in batches:
        mine = [id.startswith("more/a.jsonl:") for id in batch.ids]
        assert sum(mine) == 2
        present = {name: one.present.tolist() for name, one in batch.inputs.items()}
        assert present == {"text": [True] * 6, "image": [not one for one in mine]}
    words = [id for id in ids(batches) if id.startswith("more/")]
    assert all(len(set(words[n : n + 12])) == 12 for n in range(0, 36, 12))


def test_rows_are_known_where_the_files_say_it(opened: Callable[..., Streamed]) -> None:
    assert load(opened("parquet")).batches_per_epoch == 8
    assert load(opened("table")).batches_per_epoch == 8
    assert load(opened("tar")).batches_per_epoch == 0


def test_places_of_others_are_refused(opened: Callable[..., Streamed]) -> None:
    mixed, alone = opened("mixed"), opened("tar")
    loader = load(mixed)
    next(iter(loader))
    with pytest.raises(DataError, match=r"another number of streams or of data\.workers"):
        load(alone).restore(loader.state())
    with pytest.raises(DataError, match=r"another number of streams or of data\.workers"):
        load(mixed, workers=2).restore(loader.state())


@pytest.mark.parametrize("workers", [0, 2])
def test_broken_rows_are_named_and_skipped(
    tmp_path: Path, tokenizer: Tokenizer, workers: int
) -> None:
    bad = [("bad.png", b"no picture"), ("bad.txt", b"x")]
    content = tar([*pairs(0, 4), *bad, *pairs(5, 6)])
    (tmp_path / "0.tar").write_bytes(content)
    (tmp_path / "1.tar").write_bytes(content[: len(content) // 2])
    tree = {"root": str(tmp_path), "train": {"path": "*.tar", "stream": True}}
    splits = open_splits(DataConfig.model_validate(tree), 0, None, tokenizer)
    assert isinstance(splits.train, Streamed)
    quarantine = Quarantine(tmp_path / "quarantine.jsonl", 0, 0.01)
    loader = load(splits.train, quarantine=quarantine, workers=workers)
    drawn = Counter(ids(islice(loader, 30)))
    lines = map(json.loads, (tmp_path / "quarantine.jsonl").read_text().splitlines())
    named = {line["id"]: line["reason"] for line in lines}
    assert set(named) == {"0.tar/bad", "1.tar/bad", "1.tar"}
    assert named["1.tar"].startswith("the shard is truncated")
    assert {f"0.tar/{n:06d}" for n in (0, 1, 2, 3, 5, 6, 10)} <= set(drawn)
    assert "1.tar/000000" in drawn
    assert quarantine.total == 10_000
    strict = load(splits.train, quarantine=Quarantine(None, 0, 0), workers=workers)
    with pytest.raises(FailureBudgetError, match=r"\.tar(/bad)?: "):
        list(islice(strict, 30))


def test_what_a_table_could_not_read_is_named_where_it_is_streamed(
    tmp_path: Path,
) -> None:
    images = [{"id": n, "file_name": f"{n}.png"} for n in range(3)]
    (tmp_path / "a.json").write_text(json.dumps({"images": images}))
    table = open_source(tmp_path / "a.json", {"image": "file_name", "text": []}).table
    table.broken.append(Broken("a.json:3", "damaged"))
    stream = TableStream(table)
    assert [*stream.read(0, 1, 1)][-1] == table.broken[0]
    assert len([*stream.read(0, 0, 1)]) == 4
    assert len([*stream.read(0, 1, 2)]) == 2


def test_a_stream_of_nothing_but_broken_rows_ends(tmp_path: Path, tokenizer: Tokenizer) -> None:
    lines = [json.dumps({"image": "absent.png", "text": str(n)}) for n in range(40)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    tree = {"train": {"path": str(tmp_path / "a.jsonl"), "stream": True}}
    splits = open_splits(DataConfig.model_validate(tree), 0, None, tokenizer)
    assert isinstance(splits.train, Streamed)
    with pytest.raises(DataError, match="no sample of it can be read"):
        next(
            iter(load(splits.train, batch_size=2000, quarantine=Quarantine(None, 0, 1), workers=2))
        )


def test_what_was_guessed_is_said_and_words_are_learnt(tmp_path: Path) -> None:
    said = write(tmp_path, "tar")
    tree = {"root": str(tmp_path), "train": said | {"stream": True}, "text": {"vocabulary": 300}}
    splits = open_splits(DataConfig.model_validate(tree), 0, None)
    assert splits.fields == [{"image": ["png"], "text": ["txt"]}]
    assert any("text guessed as column 'txt'" in note for note in splits.notes)
    assert len(splits.tokenizer.encode("text")) < 6
    assert len(splits.fingerprints["train"]) == 64
