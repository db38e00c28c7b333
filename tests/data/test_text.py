"""Text comes back as it went in, in any language, and any tokenizer.json can be used."""

import csv
import json
import pickle
import subprocess
import sys
import unicodedata
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Backend
from tokenizers import models, pre_tokenizers

from sensorium.data import DataConfig, Dataset, TextConfig, Tokenizer, open_source
from sensorium.errors import DataError

TEXTS = [
    "a woman astronaut",
    "一只红色的猫",
    "مرحبا بالعالم",
    "👩🏽‍🚀 and 🇩🇪",
    "  two  spaces\n",
    "[mask] [end]",
]
LONG = Tokenizer.train(TEXTS, TextConfig(vocabulary=400, context_tokens=4000))


@pytest.mark.parametrize("text", TEXTS)
def test_round_trip(text: str) -> None:
    assert LONG.decode(LONG.encode(text)) == text


@given(st.text(max_size=40))
@settings(max_examples=100, deadline=None)
def test_round_trip_of_anything(text: str) -> None:
    ids = LONG.encode(text).tolist()
    assert LONG.decode(ids) == unicodedata.normalize("NFC", text)
    assert (ids[0], ids[-1]) == (LONG.start, LONG.end)
    assert not {LONG.pad, LONG.start, LONG.end, LONG.mask} & set(ids[1:-1])


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "tsv", "parquet"])
def test_round_trip_from_file_to_text(tmp_path: Path, suffix: str) -> None:
    """Chinese, emoji of several characters, right to left with marks, and combining accents."""
    texts = [
        "一只红色的猫坐在𠮷野家",
        "👩🏽‍🚀 👨‍👩‍👧‍👦 🏴󠁧󠁢󠁳󠁣󠁴󠁿 ❤️‍🔥",
        "שָׁלוֹם, \u200fمرحبا\u200e (abc) 123",
        "Việt Nam, naïve, हिन्दी, 한국어",
        'quotes "and", commas\tand\nlines',
    ]
    path = tmp_path / f"train.{suffix}"
    if suffix == "jsonl":
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    elif suffix == "parquet":
        pq.write_table(pa.table({"text": texts}), path)
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file, delimiter="," if suffix == "csv" else "\t")
            rows.writerows([["text"], *([text] for text in texts)])
    config = DataConfig(fields={"text": "text", "image": []}, text={"context_tokens": 200})
    tokenizer = Tokenizer.train(texts, config.text)
    data = Dataset(open_source(path, config.fields), config, tokenizer, training=False, seed=0)
    for index, text in enumerate(texts):
        ids = data.sample(index, epoch=0).values["text"]
        assert tokenizer.decode(ids) == unicodedata.normalize("NFC", text)
        assert data.describe(index)["text"] == text


def test_special_ids_and_size() -> None:
    assert {LONG.pad, LONG.start, LONG.end, LONG.mask} == {0, 1, 2, 3}
    assert 260 < LONG.size <= 400


def test_training_is_learning() -> None:
    texts = [f"a woman astronaut {i}" for i in range(9)]
    trained = Tokenizer.train(texts, TextConfig(vocabulary=300))
    assert len(trained.encode("a woman astronaut")) == 5


def test_cutting_keeps_the_end_and_is_counted() -> None:
    cutting = Tokenizer.train([], TextConfig(vocabulary=260, context_tokens=6))
    ids = cutting.encode("abcdef").tolist()
    assert len(ids) == 6
    assert (ids[0], ids[-1]) == (cutting.start, cutting.end)
    assert cutting.decode(ids) == "abc"
    assert cutting.cut == 1
    assert cutting.encode("abc").tolist() == ids
    assert cutting.cut == 1


def test_lowercase() -> None:
    lower = Tokenizer.train(TEXTS, TextConfig(lowercase=True))
    assert lower.decode(lower.encode("Hello WORLD")) == "hello world"


def test_saved_and_pickled_are_the_same(tmp_path: Path) -> None:
    short = Tokenizer.train(TEXTS, TextConfig(vocabulary=300, context_tokens=6))
    short.save(tmp_path / "tokenizer.json")
    for copy in (Tokenizer.load(tmp_path / "tokenizer.json"), pickle.loads(pickle.dumps(short))):
        assert copy.context_tokens == 6
        assert copy.size == short.size
        for text in TEXTS:
            assert copy.encode(text).tolist() == short.encode(text).tolist()
    plain = Backend.from_file(str(tmp_path / "tokenizer.json"))
    assert plain.encode(TEXTS[1]).ids == short.encode(TEXTS[1]).tolist()


def test_training_is_the_same_in_every_process(tmp_path: Path) -> None:
    program = (
        "import sys; from sensorium.data import Tokenizer, TextConfig\n"
        "texts = [f'{i * 7919 % 97} of {i * 31 % 53} 猫{i}' for i in range(500)]\n"
        "Tokenizer.train(texts, TextConfig(vocabulary=400)).save(sys.argv[1])"
    )
    for name in ("1.json", "2.json"):
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / name)], capture_output=True, check=True
        )
        assert done.stdout + done.stderr == b""
    assert (tmp_path / "1.json").read_bytes() == (tmp_path / "2.json").read_bytes()


@pytest.mark.parametrize(
    "names",
    [
        {"pad": "[PAD]", "start": "[CLS]", "end": "[SEP]", "mask": "[MASK]"},
        {"pad": "<pad>", "start": "<s>", "end": "</s>", "mask": "<mask>"},
        {"start": "<|startoftext|>", "end": "<|endoftext|>"},
        {},
    ],
)
def test_foreign_tokenizer(tmp_path: Path, names: dict[str, str]) -> None:
    vocabulary = {word: i for i, word in enumerate(["?", "a", "cat", *names.values()])}
    backend = Backend(models.WordLevel(vocabulary, unk_token="?"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.enable_padding(length=9)
    backend.save(str(tmp_path / "tokenizer.json"))
    loaded = Tokenizer.load(tmp_path / "tokenizer.json", context_tokens=4)
    for role, name in names.items():
        assert getattr(loaded, role) == vocabulary[name]
    assert len({loaded.pad, loaded.start, loaded.end, loaded.mask}) == 4
    assert loaded.size == 3 + 4
    assert loaded.encode("a cat a").tolist() == [loaded.start, 1, 2, loaded.end]
    assert loaded.decode(loaded.encode("a cat")) == "a cat"


def test_gaps_in_a_vocabulary_still_fit_the_table(tmp_path: Path) -> None:
    Backend(models.WordLevel({"a": 0, "b": 70}, unk_token="a")).save(str(tmp_path / "gap.json"))
    assert Tokenizer.load(tmp_path / "gap.json").size > 70


def test_what_is_no_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no tokenizer at .*absent\.json"):
        Tokenizer.load(tmp_path / "absent.json")
    (tmp_path / "other.json").write_text(json.dumps({"a": 1}))
    with pytest.raises(DataError, match=r"other\.json is not a tokenizer\.json"):
        Tokenizer.load(tmp_path / "other.json")


def test_lowercase_belongs_to_training() -> None:
    with pytest.raises(ValueError, match="leave one of the two out"):
        TextConfig(tokenizer="tokenizer.json", lowercase=True)
