"""Where words begin and end, read off the entries of a tokenizer's vocabulary.

A word is what stands between spaces, without the signs around it; in scripts without spaces, as
Chinese, and of signs and emoji, it is a character. A byte-level tokenizer may cut one into several
tokens of a few bytes each: those belong together too.

Source: Cui et al. 2021, "Pre-Training with Whole Word Masking for Chinese BERT"; without a
segmenter, here a Chinese word is a character.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer as Backend

from sensorium.batch import WordEdges

SPACES = ("Ġ", "▁")
"""What stands for the space in front of a word: in byte-level vocabularies, in SentencePiece's."""

UNSPACED = (
    (0x0E00, 0x0FFF),  # Thai, Lao, Tibetan
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x312F),  # Chinese radicals, kana, bopomofo
    (0x31A0, 0xA4CF),  # kana, Chinese, Yi
    (0xF900, 0xFAFF),  # Chinese
    (0x20000, 0x3FFFF),  # Chinese
)
"""First and last code point of scripts that are written without spaces."""

Edges = tuple[bool, bool, bool]
"""Whether a token begins a word, ends it, is blank."""


def word_edges(tokenizer: Backend) -> WordEdges:
    """The edges that the entries of a tokenizer's vocabulary tell.

    Byte-level, SentencePiece and WordPiece vocabularies are known, and those that mark the ends of
    words (CLIP). In any other every token is a word.
    """
    told = json.loads(tokenizer.to_str())
    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    special = {token["id"] for token in told["added_tokens"]}
    size = max(vocabulary.values()) + 1
    edges = np.ones((3, size), dtype=bool)
    edges[2] = False
    read = _reader(told, vocabulary)
    if read is not None:
        for token, id in vocabulary.items():
            if id not in special:
                edges[:, id] = read(token)
    return WordEdges(*torch.from_numpy(edges))


def _reader(told: Mapping[str, Any], vocabulary: Iterable[str]) -> Callable[[str], Edges] | None:
    """token -> its edges; None where the vocabulary does not mark any."""
    model = told["model"]
    if model["type"] == "WordPiece":
        inside = model["continuing_subword_prefix"]
        return lambda token: (not token.startswith(inside), False, False)
    suffix = model.get("end_of_word_suffix") or ""
    if not suffix and not any(token.startswith(SPACES) for token in vocabulary):
        return None
    read = _bytes_of_level if '"ByteLevel"' in json.dumps(told) else _bytes_of_text

    def edges(token: str) -> Edges:
        begins, ends, blank = _edges(read(token.removesuffix(suffix) if suffix else token))
        return begins, ends or bool(suffix and token.endswith(suffix)), blank

    return edges


def _edges(raw: bytes) -> Edges:
    first, last = _first_character(raw), _last_character(raw)
    begins = first is not None and not _is_of_a_longer_word(first)
    ends = last is not None and not last.isspace() and not _is_of_a_longer_word(last)
    return begins, ends, raw.isspace()


def _is_of_a_longer_word(character: str) -> bool:
    """Whether the same word may go on before and after it: letters and digits of most scripts."""
    spaced = not any(first <= ord(character) <= last for first, last in UNSPACED)
    return spaced and unicodedata.category(character)[0] in "LMN"


def _first_character(raw: bytes) -> str | None:
    """The one that the bytes begin with, guessed where the rest of it is missing; None inside of
    one."""
    if not raw or 0x80 <= raw[0] < 0xC0:
        return None
    length = 1 + sum(raw[0] >= least for least in (0xC0, 0xE0, 0xF0))
    return raw[:length].ljust(length, b"\xbf").decode(errors="ignore") or None


def _last_character(raw: bytes) -> str | None:
    """The one that the bytes end with; None where it is not all there."""
    begins = [place for place, byte in enumerate(raw) if not 0x80 <= byte < 0xC0]
    return (raw[begins[-1] :].decode(errors="ignore") or None) if begins else None


def _bytes_of_text(token: str) -> bytes:
    """A SentencePiece token; `<0xE7>` is one byte."""
    if re.fullmatch(r"<0x[0-9A-F]{2}>", token):
        return bytes([int(token[3:5], 16)])
    return token.replace("▁", " ").encode("utf-8", "surrogatepass")


def _bytes_of_level(token: str) -> bytes:
    """A byte-level token: every byte is written as a visible character."""
    return bytes(BYTE_OF.get(character, 0) for character in token)


def _byte_level_alphabet() -> dict[str, int]:
    """Character -> the byte it stands for: itself if it can be seen, others from U+0100 on."""
    seen = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    unseen = [byte for byte in range(256) if byte not in seen]
    return {chr(byte): byte for byte in seen} | {
        chr(256 + number): byte for number, byte in enumerate(unseen)
    }


BYTE_OF = _byte_level_alphabet()
