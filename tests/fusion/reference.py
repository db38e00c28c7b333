"""Fusion as the formulas read: sample by sample, the present modalities and real tokens alone.

Nothing here knows a mask, padding or a batch, so agreement also says that those change nothing.
"""

from collections.abc import Callable, Sequence

import torch
from tests.conftest import FUSION_CONFIGS
from torch import Tensor, nn

from sensorium.batch import Encoding, Fused, Tokens
from sensorium.fusion import FUSIONS, Fusion, FusionSettings
from sensorium.layers.attention import CrossAttention, SelfAttention
from sensorium.layers.transformer import EncoderLayer, FeedForward

WIDTHS = {"image": 6, "text": 8, "audio": 5}
PRESENT = {
    "image": [True, True, False, True, False],
    "text": [True, False, True, True, False],
    "audio": [True, False, False, True, True],
}
LENGTHS = {"image": 4, "text": 5, "audio": 3}

Vectors = dict[str, Tensor]
"""Of one sample: modality -> pooled vector [D_m], of those that it has."""
Sequences = dict[str, Tensor]
"""Of one sample: modality -> its real tokens [n_m, D_m], of those that it has."""


def fusion_of(which: str | FusionSettings, modalities: Sequence[str] = tuple(WIDTHS)) -> Fusion:
    """A small one in float64, each of whose weights differs from where it starts."""
    torch.manual_seed(0)
    config = FUSION_CONFIGS[which] if isinstance(which, str) else which
    fusion = FUSIONS[config.name](config, {m: WIDTHS[m] for m in modalities}).double()
    for parameter in fusion.parameters():
        nn.init.normal_(parameter, std=0.4)
    return fusion.eval()


def encodings_of(modalities: Sequence[str] = tuple(WIDTHS)) -> dict[str, Encoding]:
    """Five samples: with everything, with one or two modalities, and texts of several lengths."""
    draw = torch.Generator().manual_seed(1)
    encodings = {}
    for m in modalities:
        present, length = torch.tensor(PRESENT[m]), LENGTHS[m]
        values = torch.randn(5, length, WIDTHS[m], generator=draw, dtype=torch.float64)
        real = torch.arange(length) < torch.tensor([length, 2, 3, 4, 1])[:, None]
        mask = (real if m == "text" else torch.ones_like(real)) & present[:, None]
        pooled = torch.randn(5, WIDTHS[m], generator=draw, dtype=torch.float64)
        encodings[m] = Encoding(Tokens(values, mask), pooled, present)
    return encodings


def assert_vectors(
    fusion: Fusion, encodings: dict[str, Encoding], formula: Callable[[Vectors], Tensor]
) -> None:
    """That each sample's vector is the formula's, of the pooled vectors that the sample has."""
    fused = fusion(encodings)
    for row in range(len(fused.vector)):
        vectors = {m: e.pooled[row] for m, e in encodings.items() if e.present[row]}
        torch.testing.assert_close(fused.vector[row], formula(vectors))
    assert fused.tokens == {}


def assert_tokens(
    fusion: Fusion,
    encodings: dict[str, Encoding],
    formula: Callable[[Sequences], tuple[Sequences, Tensor]],
) -> None:
    """That each sample's fused tokens and vector are the formula's, of the tokens that it has."""
    fused: Fused = fusion(encodings)
    for row in range(len(fused.vector)):
        sequences = {
            m: e.tokens.values[row, e.tokens.mask[row]]
            for m, e in encodings.items()
            if e.present[row]
        }
        tokens, vector = formula(sequences)
        torch.testing.assert_close(fused.vector[row], vector)
        assert tokens.keys() == sequences.keys()
        for m, expected in tokens.items():
            found = fused.tokens[m].values[row, fused.tokens[m].mask[row]]
            torch.testing.assert_close(found, expected)


def linear(x: Tensor, layer: nn.Module) -> Tensor:
    return x @ layer.weight.T + layer.bias


def norm(x: Tensor, layer: nn.Module) -> Tensor:
    centred = x - x.mean(dim=-1, keepdim=True)
    deviation = (centred.square().mean(dim=-1, keepdim=True) + layer.eps).sqrt()
    return centred / deviation * layer.weight + layer.bias


def gelu(x: Tensor) -> Tensor:
    return x * (1 + torch.erf(x / 2**0.5)) / 2


def attention(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """softmax(q k^T / sqrt(d)) v, head by head."""
    parts = []
    for query, key, value in zip(
        q.chunk(heads, dim=1), k.chunk(heads, dim=1), v.chunk(heads, dim=1), strict=True
    ):
        scores = (query @ key.T / query.shape[1] ** 0.5).exp()
        parts.append(scores / scores.sum(dim=1, keepdim=True) @ value)
    return torch.cat(parts, dim=1)


def self_attention(x: Tensor, layer: SelfAttention) -> Tensor:
    q, k, v = linear(x, layer.query_key_value).chunk(3, dim=1)
    return linear(attention(q, k, v, layer.heads), layer.output)


def cross_attention(x: Tensor, context: Tensor, layer: CrossAttention) -> Tensor:
    """Where the context is empty, the output bias alone."""
    k, v = linear(context, layer.key_value).chunk(2, dim=1)
    q = linear(x, layer.query)
    seen = attention(q, k, v, layer.heads) if len(context) else torch.zeros_like(q)
    return linear(seen, layer.output)


def feed_forward(x: Tensor, layer: FeedForward) -> Tensor:
    return linear(gelu(linear(x, layer.expand)), layer.contract)


def encoder_layer(x: Tensor, layer: EncoderLayer) -> Tensor:
    x = x + self_attention(norm(x, layer.attention_norm), layer.attention)
    return x + feed_forward(norm(x, layer.feed_forward_norm), layer.feed_forward)


def product_of_means(tokens: Sequences, pool: nn.ModuleDict, width: int) -> Tensor:
    vector = torch.ones(width, dtype=torch.float64)
    for m, x in tokens.items():
        vector = vector * linear(x.mean(dim=0), pool[m])
    return vector
