"""What a decoder looks at: the tokens of h, brought to its width.

    context = [ W x : x in the fused tokens ]                    with a fusion that keeps its tokens
    context = [ W h ]                                            with one that gives a vector
    context = [ W_m x : x in the tokens of m, m in h ]           without a fusion

Absence: an absent modality's tokens are masked; where nothing is seen the context has no real
token, and the decoder adds nothing to what it knows of language.

Shapes: B samples, K of them looked at, M tokens of all modalities, D width of the decoder.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Int
from torch import Tensor, nn

from sensorium.batch import Encoding, Tokens
from sensorium.model import Model


class Context(nn.Module):
    """One linear map of what is fused, or without a fusion one for each modality.

    Args:
        model: f.
        width: D.
        withheld: modalities that are never seen.
    """

    def __init__(self, model: Model, width: int, withheld: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self.width = width
        self.withheld = withheld
        if model.fusion is None:
            widths = {m: w for m, w in model.widths.items() if m not in withheld}
        else:
            widths = {"fused": model.fusion.width}
        self.project = nn.ModuleDict({name: nn.Linear(w, width) for name, w in widths.items()})

    def forward(
        self, model: Model, encodings: Mapping[str, Encoding], rows: Int[Tensor, " K"]
    ) -> Tokens:
        """[K, M, D] of the samples `rows`; M is 0 where there is nothing to see."""
        seen = {m: e.rows(rows) for m, e in encodings.items() if m not in self.withheld}
        if not seen:
            like = next(self.parameters())
            nothing = like.new_zeros((len(rows), 0, self.width))
            return Tokens(nothing, torch.zeros_like(nothing[..., 0], dtype=torch.bool))
        if model.fusion is None:
            each = {m: encoding.tokens for m, encoding in seen.items()}
            return _joined([Tokens(self.project[m](t.values), t.mask) for m, t in each.items()])
        fused = model.fuse(seen)
        if fused.tokens:
            tokens = _joined(list(fused.tokens.values()))
        else:
            anything = torch.stack([e.present for e in seen.values()], dim=1).any(dim=1)
            tokens = Tokens(fused.vector[:, None], anything[:, None])
        return Tokens(self.project["fused"](tokens.values), tokens.mask)


def _joined(parts: list[Tokens]) -> Tokens:
    """The tokens of all parts, one after the other."""
    return Tokens(
        torch.cat([part.values for part in parts], dim=1),
        torch.cat([part.mask for part in parts], dim=1),
    )
