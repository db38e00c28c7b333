"""What every value adds -> what every patch, word and frame adds, as plain lists.

Shapes: H x W pixels, T frames and M bins of a spectrogram, N tokens, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from sensorium.data import Tokenizer
from sensorium.encoders import AudioEncoder
from sensorium.encoders.pixels import PixelEncoder
from sensorium.tasks.task import as_figure

Relevance = dict[str, Any]


def of_picture(encoder: PixelEncoder, added: Float[Tensor, "3 H W"]) -> Relevance:
    """`grid`: rows of patches, from the top."""
    return {"grid": figures(sum_blocks(added.sum(dim=0), encoder.patch_size, encoder.patch_size))}


def of_video(encoder: PixelEncoder, added: Float[Tensor, "F 3 H W"]) -> Relevance:
    """`grids`: of every frame, rows of patches."""
    return {"grids": [of_picture(encoder, frame)["grid"] for frame in added]}


def of_sound(encoder: AudioEncoder, added: Float[Tensor, "T M"], hop_seconds: float) -> Relevance:
    """`grid`: rows of bands, the highest first, over moments; `seconds`: how long it is."""
    bins = added.shape[1] // encoder.bands
    blocks = sum_blocks(added, encoder.patch_frames, bins)
    return {"grid": figures(blocks.T.flip(0)), "seconds": as_figure(len(added) * hop_seconds)}


class Words:
    """Knows which tokens belong to one word.

    Args:
        tokenizer: of the run.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.edges = tokenizer.word_edges()

    def relevance(self, ids: Sequence[int], added: Float[Tensor, "N D"]) -> Relevance:
        """`words`, in their order, and the `relevance` of each."""
        tokens, groups = added.sum(dim=1), self.groups(ids)
        read = [self.tokenizer.decode([ids[place] for place in group]) for group in groups]
        return {
            "words": [word.strip() for word in read],
            "relevance": [as_figure(tokens[group].sum().item()) for group in groups],
        }

    def groups(self, ids: Sequence[int]) -> list[list[int]]:
        """The places of each word's tokens; a space goes with the word after it."""
        groups: list[list[int]] = []
        ended, only_space = True, False
        for place, id in enumerate(ids):
            if id in self.tokenizer.special:
                ended = True
                continue
            if not groups or ((ended or self.edges.begins[id]) and not only_space):
                groups.append([])
                only_space = True
            groups[-1].append(place)
            only_space = only_space and bool(self.edges.blank[id])
            ended = bool(self.edges.ends[id])
        return groups


def sum_blocks(values: Float[Tensor, "H W"], height: int, width: int) -> Tensor:
    """The sum over each block of so many rows and columns; the last may be cut short."""
    missing = (0, -values.shape[1] % width, 0, -values.shape[0] % height)
    blocks = F.pad(values, missing).unflatten(1, (-1, width)).unflatten(0, (-1, height))
    return blocks.sum(dim=(1, 3))


def figures(grid: Tensor) -> list[list[float]]:
    """Rows of plain figures."""
    return [[as_figure(value) for value in row] for row in grid.tolist()]
