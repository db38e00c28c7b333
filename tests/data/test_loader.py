"""Batches are the same whatever prepares them, and go on exactly where they were left."""

from collections.abc import Callable
from copy import copy
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image as PictureFile

from sensorium.batch import Batch, Sample
from sensorium.data import (
    BrokenSample,
    DataConfig,
    Dataset,
    Loader,
    Quarantine,
    Tokenizer,
    build_modalities,
    collate,
    open_source,
)
from sensorium.errors import DataError, FailureBudgetError

Build = Callable[..., Dataset]
Write = Callable[[Path, list[Any]], None]


def load(data: Dataset, **settings: Any) -> Loader:
    defaults: dict[str, Any] = {
        "batch_size": 2,
        "seed": 1,
        "shuffle": True,
        "drop_last": True,
        "quarantine": Quarantine(None, 100, 0.5),
    }
    return Loader(data, **{**defaults, **settings})


def facts(batch: Batch) -> tuple[Any, ...]:
    inputs = batch.inputs.items()
    return tuple(batch.ids), [
        (name, one.values.tolist(), one.present.tolist()) for name, one in inputs
    ]


def test_an_epoch_has_each_sample_once_in_its_own_order(dataset: Build) -> None:
    loader = load(dataset())
    assert loader.batches_per_epoch == 3
    ids = [id for batch in islice(loader, 9) for id in batch.ids]
    epochs = [tuple(ids[i : i + 6]) for i in (0, 6, 12)]
    assert all(len(set(epoch)) == 6 for epoch in epochs)
    assert len(set(epochs)) == 3
    assert [id for batch in islice(load(dataset(), seed=2), 9) for id in batch.ids] != ids


@pytest.mark.parametrize("cached", [True, False])
def test_workers_change_nothing(dataset: Build, cached: bool, capfd: pytest.CaptureFixture) -> None:
    data = dataset(fields={"image": "image", "text": ["text", "name"]})
    if cached:
        data.prepare()
    alone = [facts(batch) for batch in islice(load(data), 7)]
    assert [facts(batch) for batch in islice(load(data, workers=2), 7)] == alone
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("given", [1, 3, 4, 8])
def test_resume_gives_the_remaining_batches(dataset: Build, workers: int, given: int) -> None:
    whole = [facts(batch) for batch in islice(load(dataset()), 12)]
    first = load(dataset(), workers=workers)
    assert [facts(batch) for batch in islice(first, given)] == whole[:given]
    assert first.state() == {"epoch": given // 3, "batch": given % 3}
    second = load(dataset(), workers=workers)
    second.restore(first.state())
    assert [facts(batch) for batch in islice(second, 12 - given)] == whole[given:]


@pytest.mark.parametrize("workers", [0, 2])
def test_going_back_within_one_loader(dataset: Build, workers: int) -> None:
    loader = load(dataset(), workers=workers)
    whole = [facts(batch) for batch in islice(loader, 5)]
    loader.restore({"epoch": 0, "batch": 1})
    assert [facts(batch) for batch in islice(loader, 4)] == whole[1:]


@pytest.mark.parametrize("workers", [0, 2])
def test_without_shuffling_each_iteration_is_one_pass(dataset: Build, workers: int) -> None:
    loader = load(
        dataset(training=False), shuffle=False, drop_last=False, batch_size=4, workers=workers
    )
    assert loader.batches_per_epoch == 2
    expected = [f"train.jsonl:{line}" for line in range(1, 7)]
    for _ in range(2):
        assert next(iter(loader)).ids == expected[:4]
        assert [id for batch in loader for id in batch.ids] == expected
    loader.restore({"epoch": 0, "batch": 1})
    assert [id for batch in loader for id in batch.ids] == expected[4:]


def test_iterating_leaves_the_global_generator_alone(dataset: Build) -> None:
    before = torch.get_rng_state()
    list(islice(load(dataset()), 2))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_place_that_is_not_there(dataset: Build) -> None:
    with pytest.raises(
        DataError, match=r"cannot resume at batch 3: an epoch of train\.jsonl has 3"
    ):
        load(dataset()).restore({"epoch": 0, "batch": 3})


def test_too_small_for_a_batch(dataset: Build) -> None:
    with pytest.raises(DataError, match="expected at least one batch of 7 usable samples, got 6"):
        load(dataset(), batch_size=7)
    assert load(dataset(), batch_size=7, drop_last=False).batches_per_epoch == 1


@pytest.mark.parametrize("workers", [0, 2])
def test_broken_samples_met_late(
    dataset: Build, folder: Path, tmp_path: Path, workers: int
) -> None:
    (folder / "pictures/1.png").write_bytes(b"")
    (folder / "pictures/2.png").unlink()
    (folder / "pictures/3.png").unlink()
    quarantine = Quarantine(tmp_path / "quarantine.jsonl", 6, 0.5)
    data = dataset(training=False)
    loader = load(data, shuffle=False, quarantine=quarantine, workers=workers)
    for _ in range(2):
        assert [list(batch.ids) for batch in loader] == [
            ["train.jsonl:1"],
            ["train.jsonl:5", "train.jsonl:6"],
        ]
    lines = (tmp_path / "quarantine.jsonl").read_text().splitlines()
    assert len(lines) == 3
    assert "picture 'pictures/1.png': the file is empty" in lines[0]
    strict = load(data, shuffle=False, quarantine=Quarantine(None, 6, 0.2), workers=workers)
    with pytest.raises(FailureBudgetError, match=r"train\.jsonl:4: picture 'pictures/3\.png': the"):
        list(strict)


def test_a_set_with_no_good_sample_does_not_run_for_ever(dataset: Build, folder: Path) -> None:
    for picture in (folder / "pictures").iterdir():
        picture.unlink()
    with pytest.raises(DataError, match=r"train\.jsonl: no sample of it can be read"):
        next(iter(load(dataset(), quarantine=Quarantine(None, 6, 1))))


def test_collating_rows_that_lack_something(tokenizer: Tokenizer) -> None:
    modalities = build_modalities(DataConfig(), tokenizer)
    picture = torch.ones(3, 2, 2, dtype=torch.uint8)
    samples = [
        Sample("a", {"text": torch.tensor([1, 5, 2])}),
        Sample("b", {"image": picture, "text": torch.tensor([1, 2])}),
        Sample("c", {"image": picture * 2}),
    ]
    batch = collate([Sample(s.id, s.values) for s in samples], modalities)
    assert batch.ids == ["a", "b", "c"]
    text, image = batch.inputs["text"], batch.inputs["image"]
    assert text.values[:, :3].tolist() == [[1, 5, 2], [1, 2, tokenizer.pad]]
    assert text.mask is not None
    assert text.mask[:, :3].tolist() == [[True, True, True], [True, True, False]]
    assert text.present.tolist() == [True, True, False]
    assert image.values.shape == (2, 3, 2, 2)
    assert image.mask is None
    assert image.present.tolist() == [False, True, True]
    assert list(collate(samples[:1], modalities).inputs) == ["text"]
    assert collate(samples[1:2], modalities).targets == {}


@pytest.mark.parametrize(("tokens", "most", "padded"), [(3, 12, 8), (9, 12, 12), (9, None, 16)])
def test_texts_are_padded_to_few_different_lengths(
    tokenizer: Tokenizer, tokens: int, most: int | None, padded: int
) -> None:
    tokenizer = copy(tokenizer)
    tokenizer.context_tokens = most
    text = build_modalities(DataConfig(), tokenizer)["text"]
    values, mask = text.collate([torch.full((n,), 9) for n in (2, tokens)])
    assert values.shape == (2, padded)
    assert (values == 9).sum(dim=1).tolist() == [2, tokens]
    assert (values[values != 9] == tokenizer.pad).all()
    assert mask is not None
    assert torch.equal(mask, values == 9)


def test_pictures_of_different_shapes_are_padded(tokenizer: Tokenizer) -> None:
    config = DataConfig(image={"fit": "native", "patch_size": 2})
    wide, tall = torch.full((3, 2, 6), 7), torch.full((3, 4, 2), 9)
    samples = [
        Sample(id, {"image": picture.to(torch.uint8)})
        for id, picture in (("a", wide), ("b", tall), ("c", wide))
    ]
    image = collate(samples, build_modalities(config, tokenizer)).inputs["image"]
    assert image.values.shape == (3, 3, 4, 6)
    assert image.values[0, 0].tolist() == [[7] * 6] * 2 + [[0] * 6] * 2
    assert image.values[1, 0].tolist() == [[9, 9, 0, 0, 0, 0]] * 4
    assert image.mask is not None
    assert image.mask.tolist() == [
        [[True] * 3, [False] * 3],
        [[True, False, False]] * 2,
        [[True] * 3, [False] * 3],
    ]
    assert collate(samples[::2], build_modalities(config, tokenizer)).inputs["image"].mask is None


def test_a_batch_in_which_one_row_lacks_text(
    folder: Path, write: Write, tokenizer: Tokenizer
) -> None:
    write(
        folder / "a.jsonl", [{"image": "pictures/0.png", "text": "x"}, {"image": "pictures/1.png"}]
    )
    data = Dataset(
        open_source(folder / "a.jsonl"),
        DataConfig(required=["image"]),
        tokenizer,
        training=False,
        seed=0,
    )
    (batch,) = load(data, shuffle=False)
    assert batch.inputs["text"].present.tolist() == [True, False]
    assert len(batch.inputs["text"].values) == 1


@pytest.mark.parametrize("workers", [0, 2])
def test_ranks_share_every_batch(dataset: Build, workers: int) -> None:
    whole = [batch.ids for batch in islice(load(dataset(), batch_size=3), 6)]
    shares = [
        [batch.ids for batch in islice(loader, 6)]
        for rank in range(2)
        for loader in [load(dataset(), batch_size=3, rank=rank, ranks=2, workers=workers)]
    ]
    for ids, first, second in zip(whole, *shares, strict=True):
        assert (first, second) == (ids[::2], ids[1::2])


def test_a_rank_whose_share_is_broken_stays_in_step(dataset: Build) -> None:
    data = dataset()
    broken = data.id(3)
    sample = data.sample

    def fail(index: int, epoch: int) -> Sample:
        if data.id(index) == broken:
            raise BrokenSample("torn")
        return sample(index, epoch)

    data.sample = fail  # type: ignore[method-assign]
    loaders = [load(data, rank=rank, ranks=2) for rank in range(2)]
    batches = [list(islice(loader, 3)) for loader in loaders]
    assert sorted(len(batch) for rank in batches for batch in rank) == [0, 1, 1, 1, 1, 1]
    assert loaders[0].state() == loaders[1].state()


def test_more_ranks_than_samples_in_a_batch_are_refused(dataset: Build) -> None:
    with pytest.raises(DataError, match="a batch of 2 samples cannot be shared by 3 processes"):
        load(dataset(), rank=0, ranks=3)


@pytest.fixture
def shapes(folder: Path, write: Write, tokenizer: Tokenizer) -> Callable[..., Dataset]:
    """60 pictures, each of one of five shapes, and a broken one."""
    rows = []
    for number in range(60):
        shape = [(8, 8), (20, 8), (8, 20), (16, 16), (4, 40)][number % 5]
        PictureFile.new("RGB", shape).save(folder / f"pictures/shape{number}.png")
        rows.append({"image": f"pictures/shape{number}.png", "text": str(number)})
    (folder / "pictures/shape17.png").write_bytes(b"")
    write(folder / "shapes.jsonl", rows)

    def build(**settings: Any) -> Dataset:
        image = {"fit": "native", "patch_size": 4, "size": 16}
        return Dataset(
            open_source(folder / "shapes.jsonl"),
            DataConfig(**{"image": image, "size_window_batches": 6, **settings}),
            tokenizer,
            training=True,
            seed=0,
        )

    return build


def padding_share(batches: list[Batch]) -> float:
    masks = [batch.inputs["image"].mask for batch in batches]
    padding = sum(int((~mask).sum()) for mask in masks if mask is not None)
    return padding * 16 / sum(batch.inputs["image"].values[:, 0].numel() for batch in batches)


@pytest.mark.parametrize("cached", [True, False])
def test_batches_of_like_size(shapes: Build, cached: bool) -> None:
    data, by_chance = shapes(), shapes(size_window_batches=1)
    if cached:
        assert len(data.prepare()) == len(by_chance.prepare()) == 1
    per_epoch = load(data, batch_size=4).batches_per_epoch
    batches = list(islice(load(data, batch_size=4), 2 * per_epoch))
    for epoch in (batches[:per_epoch], batches[per_epoch:]):
        ids = [id for batch in epoch for id in batch.ids]
        assert len(set(ids)) == len(ids) >= 56
    assert [b.ids for b in batches[:per_epoch]] != [b.ids for b in batches[per_epoch:]]
    scattered = list(islice(load(by_chance, batch_size=4), per_epoch))
    assert padding_share(batches) < 0.7 * padding_share(scattered)


@pytest.mark.parametrize("given", [1, 4, 5, 7, 15, 22])
@pytest.mark.parametrize("workers", [0, 2])
def test_resume_among_batches_of_like_size(shapes: Build, given: int, workers: int) -> None:
    whole = [facts(batch) for batch in islice(load(shapes(), batch_size=4), 31)]
    first = load(shapes(), batch_size=4, workers=workers)
    assert [facts(batch) for batch in islice(first, given)] == whole[:given]
    second = load(shapes(), batch_size=4, workers=workers)
    second.restore(first.state())
    assert [facts(batch) for batch in islice(second, 31 - given)] == whole[given:]


def test_a_last_batch_of_like_size_may_be_short(shapes: Build) -> None:
    loader = load(shapes(), batch_size=7, drop_last=False)
    epoch = list(islice(loader, loader.batches_per_epoch))
    assert len({id for batch in epoch for id in batch.ids}) == 59  # one is broken
    assert loader.state() == {"epoch": 1, "batch": 0}
