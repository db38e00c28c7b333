"""What every target has: the way from the cells of a row to a batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from sensorium.batch import Learned
from sensorium.data.frame import View
from sensorium.data.learned import NAMES_LISTED, class_index
from sensorium.data.quarantine import BrokenSample
from sensorium.data.settings import DataConfig
from sensorium.data.text import Tokenizer
from sensorium.errors import nearest


class Target(ABC):
    """The way of one target from the cells of a row to a batch.

    Attributes:
        field: the name in `data.fields` that says its columns.
        required: whether a row without it is broken, where the recipe does not say.
        judged_only: whether it is read only of sets that a model is judged on.
        absent: its value of a row that lacks it.
    """

    field: ClassVar[str]
    required: ClassVar[bool] = True
    judged_only: ClassVar[bool] = False
    absent: Tensor

    @abstractmethod
    def __init__(self, learned: Learned, tokenizer: Tokenizer, config: DataConfig) -> None: ...

    @abstractmethod
    def read(self, cells: Sequence[Any]) -> Tensor | None:
        """The value; None where the cells hold none.

        Raises:
            BrokenSample: the cells cannot mean this target.
        """

    def flaws(self, cells: Sequence[Any]) -> list[str]:
        """What is wrong in cells that `read` can use all the same, in words."""
        return []

    def outside(self, value: Tensor, height: int, width: int) -> list[str]:
        """What of a value lies outside of its picture file, in words."""
        return []

    def seen_in(self, value: Tensor, view: View) -> Tensor:
        """The value for the finished picture; of a target that is no place, the value itself."""
        return value

    def collate(self, values: list[Tensor]) -> Tensor:
        """Values side by side [B, ...]."""
        return torch.stack(values)


class Classes:
    """The classes of a run, to look up those of a row."""

    def __init__(self, learned: Learned) -> None:
        self._numbered = learned.numbered
        self._index = {name: index for index, name in enumerate(learned.names)}

    def index(self, name: str) -> int:
        """Raises `BrokenSample` where the run knows no such class."""
        found = class_index(name, self._index, self._numbered)
        if found is not None:
            return found
        names = list(self._index)
        more = f" and {len(names) - NAMES_LISTED:,} more" if len(names) > NAMES_LISTED else ""
        known = "data.classes" if self._numbered else "the training set"
        raise BrokenSample(
            f"{name!r} is no class of {known}{nearest(name, names)} "
            f"(these are {', '.join(names[:NAMES_LISTED])}{more})"
        )
