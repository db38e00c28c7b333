"""The classes of the nearest neighbours: what lies together in the space, with nothing trained.

    score_c = sum over the k nearest i of class c of  exp(cos(x, x_i) / temperature)

Shapes: N vectors to look among, Q that look, D width, C classes.

Source: Wu et al. 2018, "Unsupervised Feature Learning via Non-Parametric Instance Discrimination",
3.4; Caron et al. 2021, "DINO", whose k of 20 this has.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

NEIGHBOURS = 20
TEMPERATURE = 0.07
QUERIES_AT_A_TIME = 1024


def nearest_classes(
    known: Float[Tensor, "N D"],
    labels: Int[Tensor, " N"],
    asked: Float[Tensor, "Q D"],
    classes: int,
    neighbours: int = NEIGHBOURS,
) -> Int[Tensor, " Q"]:
    """The class that the nearest neighbours vote for, the nearer the heavier.

    Args:
        known: vectors whose classes are known.
        labels: of these.
        asked: vectors to be named.
        classes: how many there are.
        neighbours: k; all there are, where these are fewer.
    """
    known = F.normalize(known, dim=1)
    answers = [torch.zeros(0, dtype=torch.long)]
    for part in F.normalize(asked, dim=1).split(QUERIES_AT_A_TIME):
        similarity, found = (part @ known.T).topk(min(neighbours, len(known)), dim=1)
        votes = torch.zeros(len(part), classes)
        votes.scatter_add_(1, labels[found], (similarity / TEMPERATURE).exp())
        answers.append(votes.argmax(dim=1))
    return torch.cat(answers)
