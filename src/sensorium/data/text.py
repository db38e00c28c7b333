"""Text -> token ids, by a byte-level tokenizer trained on the run's own text or any other."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import torch
from pydantic import Field, model_validator
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch import Tensor

from sensorium.batch import WordEdges
from sensorium.config import Config
from sensorium.data.word_edges import word_edges
from sensorium.errors import DataError

SPECIAL_NAMES = {
    "pad": ("[pad]", "[PAD]", "<pad>", "<|pad|>"),
    "start": ("[start]", "[CLS]", "<s>", "<bos>", "<|startoftext|>", "<|begin_of_text|>"),
    "end": ("[end]", "[SEP]", "</s>", "<eos>", "<|endoftext|>", "<|end_of_text|>"),
    "mask": ("[mask]", "[MASK]", "<mask>"),
}
"""Role -> the names it goes by in the field; the first is ours, added where none is there."""

BYTES = 256
PARALLELISM_VARIABLE = "TOKENIZERS_PARALLELISM"


class TextConfig(Config):
    """How text becomes token ids."""

    context_tokens: int = Field(default=32, ge=3)
    """Longest text the model sees, in tokens, with its start and end; longer ones are cut."""
    vocabulary: int = Field(default=5000, ge=BYTES + len(SPECIAL_NAMES))
    """Size asked of the trained tokenizer; little text gives a smaller one."""
    tokenizer: str | None = None
    """Path of a tokenizer.json to use instead of training one; its vocabulary is then its own."""
    lowercase: bool = False
    """Whether the trained tokenizer takes capitals for small letters."""

    @model_validator(mode="after")
    def _one_owner_of_case(self) -> TextConfig:
        if self.tokenizer is not None and self.lowercase:
            raise ValueError(
                "lowercase belongs to a trained tokenizer, but tokenizer names a file that has "
                "its own rule; leave one of the two out"
            )
        return self


class Tokenizer:
    """Text to ids and back. Can be sent to worker processes.

    Args:
        backend: a Hugging Face tokenizer; special tokens that it lacks are added.
        context_tokens: longest result of `encode`; None never cuts.

    Attributes:
        pad, start, end, mask: ids of the special tokens.
        cut: how many texts `encode` has cut so far, in this process.
    """

    pad: int
    start: int
    end: int
    mask: int

    def __init__(self, backend: Backend, context_tokens: int | None) -> None:
        self.context_tokens = context_tokens
        self.cut = 0
        self._cut_lock = Lock()
        names = {role: _special_name(backend, role) for role in SPECIAL_NAMES}
        backend.add_special_tokens(list(names.values()))
        for role, name in names.items():
            setattr(self, role, backend.token_to_id(name))
        backend.no_padding()
        backend.no_truncation()
        if context_tokens is not None:
            backend.enable_truncation(context_tokens)
        backend.post_processor = processors.TemplateProcessing(
            single=f"{names['start']} $A {names['end']}",
            special_tokens=[(names["start"], self.start), (names["end"], self.end)],
        )
        # A caption that holds the characters "[mask]" is text, not an instruction to the model.
        backend.encode_special_tokens = True
        self._backend = backend

    @classmethod
    def train(cls, texts: Iterable[str], config: TextConfig) -> Tokenizer:
        """Learn a byte-level BPE vocabulary; the same texts always give the same one."""
        backend = Backend(models.BPE())
        lowercase = [normalizers.Lowercase()] if config.lowercase else []
        # A space before the first word, so that it has the same ids there as anywhere else.
        backend.normalizer = normalizers.Sequence(
            [normalizers.NFC(), *lowercase, normalizers.Prepend(" ")]
        )
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        backend.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Strip(" ", 1, 0)])
        trainer = trainers.BpeTrainer(
            vocab_size=config.vocabulary,
            special_tokens=[names[0] for names in SPECIAL_NAMES.values()],
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        with _one_thread():
            backend.train_from_iterator(texts, trainer)
        return cls(backend, config.context_tokens)

    @classmethod
    def load(cls, path: str | Path, context_tokens: int | None = None) -> Tokenizer:
        """Read any tokenizer.json.

        Args:
            context_tokens: where to cut; None takes the length that the file itself says.

        Raises:
            DataError: the file is missing or is not a tokenizer.
        """
        if not Path(path).is_file():
            raise DataError(f"no tokenizer at {path}; expected a tokenizer.json file")
        try:
            backend = Backend.from_file(str(path))
        except Exception as error:  # the library raises bare Exception
            raise DataError(f"{path} is not a tokenizer.json: {error}") from error
        said = (backend.truncation or {}).get("max_length")
        return cls(backend, said if context_tokens is None else context_tokens)

    def save(self, path: str | Path) -> None:
        """Write a tokenizer.json that gives the same ids to any user of `tokenizers`."""
        Path(path).write_text(self._backend.to_str(pretty=True), encoding="utf-8")

    @property
    def size(self) -> int:
        """Rows that an embedding table needs: one more than the highest id."""
        return max(self._backend.get_vocab(with_added_tokens=True).values()) + 1

    @property
    def special(self) -> frozenset[int]:
        """Tokens that are no words."""
        return frozenset({self.pad, self.start, self.end, self.mask})

    def word_edges(self) -> WordEdges:
        """Which ids begin and end words."""
        return word_edges(self._backend)

    def encode(self, text: str) -> Tensor:
        """Ids of `text` between its start and end, int64 [N], cut to `context_tokens`."""
        encoding = self._backend.encode(text)
        if encoding.overflowing:
            with self._cut_lock:
                self.cut += 1
        return torch.tensor(encoding.ids, dtype=torch.int64)

    def decode(self, ids: Sequence[int] | Tensor) -> str:
        """The text of `ids`, special tokens left out."""
        return self._backend.decode([int(id) for id in ids], skip_special_tokens=True)

    def __getstate__(self) -> dict[str, Any]:
        return {"json": self._backend.to_str(), "context_tokens": self.context_tokens}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(Backend.from_str(state["json"]), state["context_tokens"])  # type: ignore[misc]


def _special_name(backend: Backend, role: str) -> str:
    names = SPECIAL_NAMES[role]
    return next((name for name in names if backend.token_to_id(name) is not None), names[0])


@contextmanager
def _one_thread() -> Iterator[None]:
    """Train in one thread: once threads have run, each fork of a data worker prints a warning."""
    if PARALLELISM_VARIABLE in os.environ:
        yield
        return
    os.environ[PARALLELISM_VARIABLE] = "false"
    try:
        yield
    finally:
        del os.environ[PARALLELISM_VARIABLE]
