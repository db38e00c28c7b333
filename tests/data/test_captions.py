"""Every text of a sample that is judged comes with it, to be compared with what is written."""

import torch
from tests.pairs import tiny_tree, write_pairs, write_rows

from sensorium.data import Loader, open_splits
from sensorium.recipe import parse_recipe

ROWS = [
    {"file_name": "0.png", "captions": ["a red thing", "something red"], "title": "red"},
    {"file_name": "1.png", "captions": [], "title": "a green thing"},
    {"file_name": "2.png", "captions": ["blue"], "title": None},
]


def batch_of(tmp_path, split: str, rows=ROWS, **data):
    """The rows as one batch, and the tokenizer."""
    folder = write_pairs(tmp_path)
    for name in ("train.jsonl", "test.jsonl"):
        write_rows(folder / name, rows)
    tree = tiny_tree(folder, steps=1)
    tree["data"] |= {"fields": {"image": "file_name", "text": ["captions", "title"]}} | data
    splits = open_splits(parse_recipe(tree, "tiny").data_to_read, 0, None)
    loader = Loader(
        getattr(splits, split),
        batch_size=len(rows),
        seed=0,
        shuffle=False,
        quarantine=splits.quarantine,
        drop_last=False,
    )
    return next(iter(loader)), splits.tokenizer


def test_every_text_of_a_judged_sample_is_there_and_the_modality_is_the_first(tmp_path):
    for cache_megabytes in (0, 100):
        batch, tokenizer = batch_of(tmp_path, "test", cache_megabytes=cache_megabytes)
        captions = batch.targets["captions"]
        texts = [[tokenizer.decode(ids) for ids in of_one] for of_one in captions]
        assert texts == [
            ["a red thing", "something red", "red"],
            ["a green thing", "", ""],
            ["blue", "", ""],
        ]
        assert (captions[1, 1:] == tokenizer.pad).all()
        first, own = captions[:, 0], batch.inputs["text"]
        assert [ids[ids != tokenizer.pad].tolist() for ids in first] == [
            ids[real].tolist() for ids, real in zip(own.values, own.mask, strict=True)
        ]
        assert batch.rows(torch.tensor([2])).targets["captions"].shape == (1, *captions.shape[1:])


def test_who_has_no_text_has_no_caption(tmp_path):
    rows = [ROWS[0], {"file_name": "1.png", "captions": None, "title": None}]
    batch, tokenizer = batch_of(tmp_path, "test", rows, required=["image"])
    assert batch.inputs["text"].present.tolist() == [True, False]
    assert (batch.targets["captions"][1] == tokenizer.pad).all()


def test_training_draws_one_and_carries_no_others(tmp_path):
    batch, _ = batch_of(tmp_path, "train")
    assert "captions" not in batch.targets
