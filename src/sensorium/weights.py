"""Saved weights into a module that has exactly the same."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol

from torch import Tensor, nn

from sensorium.errors import RunError


class Shaped(Protocol):
    """A tensor, or what a file says of one."""

    @property
    def shape(self) -> tuple[int, ...]: ...


def load_weights(module: nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    """Copy saved weights into a module that has exactly the same.

    Raises:
        RunError: names what is missing, left over or of another shape.
    """
    if wrong := differences(module.state_dict(), weights):
        raise RunError(
            f"the weights in {path} are not those of this recipe's model: {first_of(wrong)}"
        )
    module.load_state_dict(weights)


def differences(own: Mapping[str, Shaped], weights: Mapping[str, Shaped]) -> list[str]:
    """In words, where saved weights are not those that a module has, by name and shape.

    What is missing comes with what is left over of the same shape under the likest name.
    """
    left = {name: weights[name] for name in sorted(weights.keys() - own.keys())}
    wrong = []
    for name in sorted(own.keys() - weights.keys()):
        alike = [other for other, value in left.items() if value.shape == own[name].shape]
        near = get_close_matches(name, alike, n=1)
        wrong.append(f"missing {name}" + (f", perhaps their {near[0]}" if near else ""))
    wrong += [f"left over {name}" for name in left]
    return wrong + [
        f"{name} is {list(weights[name].shape)}, expected {list(own[name].shape)}"
        for name in sorted(own.keys() & weights.keys())
        if own[name].shape != weights[name].shape
    ]


def first_of(wrong: list[str]) -> str:
    """The first five, and how many more there are."""
    return "; ".join(wrong[:5]) + ("" if len(wrong) <= 5 else f"; and {len(wrong) - 5} more")
