"""Hard pairs: a sample beside a text that is nearly right of it, its own with one thing changed.

    accuracy_hard = share of the wrong texts with  score(a, own text) > score(a, wrong text)

The two scores are compared, as benchmarks of composition do; a guess is right half of the time, and
a model that only knows which words belong to a picture is not much better. Nothing is trained on
these texts, and a wrong partner drawn from the batch is hardly ever so near.

Shapes: B samples of the batch, R >= 0 wrong texts of each, N tokens, K <= B of the samples, W wrong
texts in all.

Source: Thrush et al. 2022, "Winoground"; Yuksekgonul et al. 2023 (ARO); Hsieh et al. 2023,
"SugarCrepe".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from sensorium.batch import ABSENT, Batch, Inputs
from sensorium.tasks.tally import ROWS, Tally, mean_of

HARD_ROWS = f"{ROWS} of wrong texts"
"""The name, in predictions, of the number of the sample that each wrong text is of."""


class WrongTexts(NamedTuple):
    """A wrong text of each of some samples.

    Attributes:
        rows: the samples.
        inputs: the texts, present in all.
        types: number of what is wrong; `ABSENT` where that is not said.
    """

    rows: Int[Tensor, " K"]
    inputs: Inputs
    types: Int[Tensor, " K"]


def wrong_texts(batch: Batch, rows: Int[Tensor, " K"], pad: int) -> Iterator[WrongTexts]:
    """The first wrong text of each of these samples that has any, then the second, and so on.

    Args:
        batch: with the target `wrong_texts`, or without.
        rows: the samples.
        pad: token behind the end of a text.
    """
    nobody = torch.zeros((len(batch), 0), dtype=torch.long, device=rows.device)
    texts, types = (batch.targets.get(name, nobody) for name in ("wrong_texts", "wrong_types"))
    for number in range(texts.shape[1]):
        of_all = texts[:, number].index_select(0, rows)
        there = (of_all != pad).any(dim=1)
        own, tokens = rows[there], of_all[there]
        if not len(own):
            continue
        said = number < types.shape[1]
        yield WrongTexts(
            own,
            Inputs(tokens, tokens != pad, torch.ones_like(own, dtype=torch.bool)),
            types[own, number] if said else torch.full_like(own, ABSENT),
        )


def tallies_of_hard(
    predictions: Mapping[str, Tensor], types: Sequence[str], pairs: Sequence[str]
) -> dict[str, Tally]:
    """`accuracy_hard`, over all wrong texts and of each type; where several pairs hold a text, that
    of each, too. Nothing where there are no wrong texts.

    Args:
        predictions: `HARD_ROWS`, `ahead` (the score of the own text over that of the wrong one),
            `wrong_type` and `hard_pair`, [W] each.
        types: names of the types.
        pairs: names of the pairs.
    """
    if HARD_ROWS not in predictions:
        return {}
    rows, right = predictions[HARD_ROWS], predictions["ahead"] > 0

    def among(own: Tensor) -> Tally:
        return mean_of(rows[own], right[own])

    tallies = {"accuracy_hard": mean_of(rows, right)}
    for number in predictions["wrong_type"].unique().tolist():
        if number != ABSENT:
            of_type = among(predictions["wrong_type"] == number)
            tallies[f"accuracy_hard_of_{types[number]}"] = of_type
    numbers = predictions["hard_pair"].unique().tolist()
    for number in numbers if len(numbers) > 1 else ():
        of_pair = among(predictions["hard_pair"] == number)
        tallies[f"{pairs[number]}/accuracy_hard"] = of_pair
    return tallies
