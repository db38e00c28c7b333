"""A claim: what a task says of samples, as one figure that can be asked again of other views.

A view is a sample with less to be seen of it: a modality withheld, some patches blank, all of it
halfway to nothing. How the figure falls tells what the claim rests on.

Shapes: B samples, V views of them, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sensorium.batch import Encoding

Encodings = Mapping[str, Encoding]
Unit = Literal["log-odds", "log-probability", "similarity", "deviations"]


@dataclass(frozen=True)
class Claim:
    """One thing that a task says of each of B samples.

    Attributes:
        about: the pair of modalities, where a task knows several; else empty.
        said: of each sample, in words; None where nothing is said of it.
        unit: of the figure; the larger it is, the more the model holds by what it says.
        modalities: those it is told from, as far as a sample has them.
        figure: (what is encoded of V views, the sample that each is a view of [V]) -> [V]. A view
            that has none of the modalities gets what would be said without seeing anything.
        of_pair: whether it is that two modalities belong together, which neither says alone.
    """

    about: str
    said: Sequence[str | None]
    unit: Unit
    modalities: tuple[str, ...]
    figure: Callable[[Encodings, Int[Tensor, " V"]], Float[Tensor, " V"]]
    of_pair: bool = False


def log_odds(logits: Float[Tensor, "V C"], classes: Int[Tensor, " V"]) -> Float[Tensor, " V"]:
    """log p / (1 - p) of one class in each row: unlike p, it does not level off near 1."""
    own = logits.gather(1, classes[:, None])[:, 0]
    others = logits.scatter(1, classes[:, None], -torch.inf)
    return own - others.logsumexp(dim=1)


def prior_log_odds(rows: Int[Tensor, " C"]) -> Float[Tensor, " C"]:
    """Of each class, by how many rows to train on have it: what is said without seeing anything."""
    share = (rows + 1) / (rows + 1).sum()
    return (share / (1 - share)).log()


def views_with(encodings: Encodings, modalities: Sequence[str]) -> Bool[Tensor, " V"]:
    """Which views have any of some modalities."""
    there = [encodings[m].present for m in modalities if m in encodings]
    return torch.stack(there).any(dim=0)
