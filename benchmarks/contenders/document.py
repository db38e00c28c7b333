"""The Vision Transformer that the document shows in its section 5, module for module, to measure.

It stays as the document has it: a strided convolution for the patches, query, key and value in one
product without bias, attention as its formula reads, GELU between the two linear layers, pre-norm.
The document ends with the normalised tokens; the mean over them and a linear head make a
classifier of it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PatchEmbedding(nn.Module):
    """Pixels -> patch embeddings with positions."""

    def __init__(self, image_size: int, patch_size: int, width: int) -> None:
        super().__init__()
        patches = (image_size // patch_size) ** 2
        self.projection = nn.Conv2d(3, width, kernel_size=patch_size, stride=patch_size)
        self.positions = nn.Parameter(torch.zeros(1, patches, width))

    def forward(self, image: Tensor) -> Tensor:
        x = self.projection(image).flatten(2).transpose(1, 2)
        x += self.positions
        return x


class MultiHeadAttention(nn.Module):
    """softmax(Q K^T / sqrt(d)) V in several heads."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.output = nn.Linear(width, width)
        self.heads = heads
        self.head_width = width // heads

    def forward(self, x: Tensor) -> Tensor:
        B, N, D = x.shape
        qkv = self.query_key_value(x).reshape(B, N, 3, self.heads, self.head_width)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        scores = (q @ k.transpose(-2, -1)) / (self.head_width**0.5)
        x = (scores.softmax(dim=-1) @ v).transpose(1, 2).reshape(B, N, D)
        return self.output(x)


class FeedForward(nn.Module):
    """Two linear layers with GELU between them."""

    def __init__(self, width: int, hidden_width: int) -> None:
        super().__init__()
        self.expand = nn.Linear(width, hidden_width)
        self.contract = nn.Linear(hidden_width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.contract(F.gelu(self.expand(x)))


class EncoderLayer(nn.Module):
    """Attention, then the feed-forward network, each normalised first and added back."""

    def __init__(self, width: int, heads: int, hidden_width: int) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(width, heads)
        self.feed_forward = FeedForward(width, hidden_width)
        self.attention_norm = nn.LayerNorm(width)
        self.feed_forward_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x))
        return x + self.feed_forward(self.feed_forward_norm(x))


class DocumentClassifier(nn.Module):
    """The document's Vision Transformer, the mean of its tokens, and a linear head."""

    def __init__(
        self, image_size: int, patch_size: int, width: int, depth: int, heads: int, classes: int
    ) -> None:
        super().__init__()
        self.patch_embedding = PatchEmbedding(image_size, patch_size, width)
        self.layers = nn.ModuleList(EncoderLayer(width, heads, 4 * width) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, image: Tensor) -> Tensor:
        x = self.patch_embedding(image)
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x).mean(dim=1))
