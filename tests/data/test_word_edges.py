"""Where words begin, of tokenizers of every kind."""

import pytest
import torch
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from sensorium.batch import WordEdges
from sensorium.data import TextConfig, Tokenizer

TEXTS = ["a red cat and a blue dog", "一只红色的猫和一只蓝色的狗", "naïve café, 2 dogs! 😀"]
UNSEEN = "the reddest café: 蓝猫,狗 dogs 😀!"


def words(tokenizer: Tokenizer, text: str) -> list[str]:
    """The words that the edges cut a text into."""
    edges = tokenizer.word_edges()
    ids = tokenizer.encode(text)[1:-1]
    begins = edges.begins[ids]
    begins[1:] |= edges.ends[ids[:-1]]
    parts = ids.tensor_split(begins.nonzero()[:, 0].tolist())
    decoded = [tokenizer.decode(part).strip() for part in parts if len(part)]
    return [word for word in decoded if word]


def byte_level(vocabulary: int) -> Tokenizer:
    return Tokenizer.train(TEXTS * 3, TextConfig(vocabulary=vocabulary, context_tokens=80))


@pytest.mark.parametrize("vocabulary", [260, 290, 400])
def test_byte_level_words_are_cut_at_spaces_signs_and_characters(vocabulary):
    """However many tokens a word has: all bytes alone, some joined, nearly all."""
    found = words(byte_level(vocabulary), UNSEEN)
    assert found == ["the", "reddest", "café", ":", "蓝", "猫", ",", "狗", "dogs", "😀", "!"]


def test_a_token_of_several_characters_is_one_word():
    tokenizer = Tokenizer.train(["一只猫"] * 9, TextConfig(vocabulary=400))
    assert words(tokenizer, "一只猫") == ["一只猫"]


def test_spaces_alone_are_no_words_and_special_tokens_join_nothing():
    tokenizer = byte_level(400)
    edges = tokenizer.word_edges()
    assert len(edges.begins) == tokenizer.size
    for id in (tokenizer.pad, tokenizer.start, tokenizer.end, tokenizer.mask):
        assert edges.begins[id]
        assert edges.ends[id]
        assert not edges.blank[id]
    blank = edges.blank.nonzero()[:, 0].tolist()
    assert all(not tokenizer.decode([id]).strip() for id in blank)
    assert tokenizer._backend.token_to_id("Ġ") in blank


def wordpiece() -> Backend:
    backend = Backend(models.WordPiece(unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    backend.train_from_iterator(
        TEXTS * 3, trainers.WordPieceTrainer(vocab_size=60, special_tokens=special)
    )
    return backend


def sentencepiece(*, bytes_too: bool = False) -> Backend:
    alphabet = {character for text in TEXTS for character in text.replace(" ", "▁")}
    pieces = ["[UNK]", *sorted(alphabet), "▁do", "ca"]
    pieces += [f"<0x{byte:02X}>" for byte in range(256)] if bytes_too else []
    backend = Backend(
        models.Unigram(
            [(piece, -1.0 - ("<" in piece)) for piece in pieces], unk_id=0, byte_fallback=bytes_too
        )
    )
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Sequence(
        [decoders.ByteFallback(), decoders.Fuse(), decoders.Metaspace()]
    )
    return backend


def clip() -> Backend:
    backend = Backend(models.BPE(end_of_word_suffix="</w>", unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()]
    )
    backend.decoder = decoders.BPEDecoder(suffix="</w>")
    trainer = trainers.BpeTrainer(
        vocab_size=80, special_tokens=["[UNK]"], end_of_word_suffix="</w>"
    )
    backend.train_from_iterator(TEXTS * 3, trainer)
    return backend


@pytest.mark.parametrize(
    ("backend", "expected"),
    [
        (wordpiece(), ["dogs", "and", "cats", "一", "只", "猫"]),
        (sentencepiece(), ["dogs", "and", "cats", "一", "只", "猫"]),
        (sentencepiece(bytes_too=True), ["dogs", "and", "cats", "一", "只", "猫"]),
        (clip(), ["dogs", "and", "cats", "一只"]),
    ],
    ids=["WordPiece", "SentencePiece", "byte fallback", "CLIP"],
)
def test_other_vocabularies_are_read_too(backend, expected):
    tokenizer = Tokenizer(backend, None)
    found = [word.replace(" ", "") for word in words(tokenizer, "dogs and cats 一只猫")]
    assert found == expected


def test_a_vocabulary_that_marks_nothing_has_a_word_in_every_token():
    backend = Backend(models.WordLevel({"red": 0, "cat": 1, "?": 2}, unk_token="?"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    edges = Tokenizer(backend, None).word_edges()
    assert isinstance(edges, WordEdges)
    assert edges.begins.all()
    assert not edges.blank.any()
    assert edges.begins.dtype == torch.bool
