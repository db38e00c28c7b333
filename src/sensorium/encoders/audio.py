"""Sounds -> tokens: a Transformer over the patches of a spectrogram.

    x = [p_1 E; ...; p_N E] + E_time + E_mel        in the order of time, then of the bands

A sound that is longer than what the encoder was built for is cut into windows of that length. Each
is encoded by itself, from position 0, and their tokens are joined; the pooled vector is then that
of all the windows' tokens (for class pooling, the mean of the windows' class tokens).

Shapes: P sounds present, T frames, M mel bins, R windows of all sounds together, K windows of a
sound, N patches, D width.

Source: Gong et al. 2021, "AST: Audio Spectrogram Transformer"; patches here do not overlap, as in
Gong et al. 2022, "SSAST", and positions are one for the time plus one for the band.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from sensorium.batch import Inputs
from sensorium.encoders.encoder import Encoder, EncoderConfig
from sensorium.encoders.patched import Patches
from sensorium.layers.patches import choose_patches, cut_patches, take_patches
from sensorium.layers.stem import ConvolutionalStem
from sensorium.layers.transformer import initialise_transformer


class AudioEncoderConfig(EncoderConfig):
    """A Transformer over the patches of a spectrogram."""

    stem_widths: tuple[int, ...] = ()
    """Channels of convolutions in front of the patches, each of which halves frames and bins."""
    patch_frames: int = Field(16, gt=0)
    """Frames of a patch."""
    patch_bins: int = Field(16, gt=0)
    """Mel bins of a patch; they must divide `data.audio.mel_bins`."""
    drop_patches: float = Field(0.0, ge=0, lt=1)
    """Share of each sound's patches that a training step leaves out."""

    @model_validator(mode="after")
    def _stem_fits_in_patch(self) -> AudioEncoderConfig:
        stride = 2 ** len(self.stem_widths)
        if self.patch_frames % stride or self.patch_bins % stride:
            raise ValueError(
                f"stem_widths={list(self.stem_widths)} shrinks the spectrogram {stride} times, "
                f"which must divide patch_frames={self.patch_frames} and "
                f"patch_bins={self.patch_bins}"
            )
        return self


class AudioEncoder(Encoder):
    """Cut a spectrogram into patches, embed them linearly, add positions, and encode.

    Padding changes nothing: a patch is real if one of its frames is, and frames that are not real
    count as zeros, whatever they hold. A stem always sees a whole window of frames.

    Args:
        config: its settings.
        mel_bins: bands of the spectrogram.
        frames: longest stretch to encode at once.

    Raises:
        ValueError: where a patch's bins do not divide the spectrogram's.
    """

    def __init__(self, config: AudioEncoderConfig, mel_bins: int, frames: int) -> None:
        super().__init__(config)
        if mel_bins % config.patch_bins:
            raise ValueError(
                f"{mel_bins} mel bins do not divide into patches of {config.patch_bins}"
            )
        self.patch_frames = config.patch_frames
        self.patch_values = config.patch_frames * config.patch_bins
        self.drop_patches = config.drop_patches
        self.bands = mel_bins // config.patch_bins
        self.window_patches = -(-frames // config.patch_frames)
        self.stem = ConvolutionalStem(1, config.stem_widths)
        stride = self.stem.stride
        self.stemmed_patch = config.patch_frames // stride, config.patch_bins // stride
        values = self.stem.channels * self.stemmed_patch[0] * self.stemmed_patch[1]
        self.patch_embedding = nn.Linear(values, config.width)
        self.time_positions = nn.Parameter(torch.empty(self.window_patches, config.width))
        self.mel_positions = nn.Parameter(torch.empty(self.bands, config.width))
        if config.pooling == "class":
            self.class_token = nn.Parameter(torch.zeros(config.width))
        self.apply(initialise_transformer)
        for positions in (self.time_positions, self.mel_positions):
            nn.init.trunc_normal_(positions, std=0.02)

    def embed_and_encode(
        self, inputs: Inputs, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor | None]:
        windows, real = self._windows(inputs.values, inputs.mask)
        P, K = real.shape[:2]
        if torch.compiler.is_exporting():  # a graph cannot choose among windows: it takes them all
            return self._encode_every_window(windows, real)
        there = real.flatten(0, 1).any(dim=1).nonzero()[:, 0]
        windows, real = (x.flatten(0, 1).index_select(0, there) for x in (windows, real))
        x, mask = self.embed(windows, real, generator)
        x = self.transformer(x, mask)
        if K == 1:
            return x, mask
        tokens = x.new_zeros(P * K, *x.shape[1:]).index_copy(0, there, x).unflatten(0, (P, K))
        masks = mask.new_zeros(P * K, mask.shape[1]).index_copy(0, there, mask)
        return self._joined(tokens, masks.unflatten(0, (P, K)))

    def _encode_every_window(self, windows: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """The same with tokens of windows in which nothing is real, and masked."""
        P, K = real.shape[:2]
        x, mask = self.embed(windows.flatten(0, 1), real.flatten(0, 1), None)
        x = self.transformer(x, mask)
        if K == 1:
            return x, mask
        there = real.flatten(0, 1).any(dim=1)
        x, mask = x * there[:, None, None], mask & there[:, None]
        return self._joined(x.unflatten(0, (P, K)), mask.unflatten(0, (P, K)))

    def embed(
        self, spectrogram: Tensor, real: Tensor, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """float [R, T, M] with mask [R, T], T a whole window -> patch embeddings [R, N, D] with
        mask [R, N], cut to the longest.
        """
        spectrogram = spectrogram.to(self.patch_embedding.weight.dtype) * real[:, :, None]
        patches = cut_patches(self.stem(spectrogram[:, None]), self.stemmed_patch)
        mask = self._patches_of_frames(real)
        if not torch.compiler.is_exporting():  # the length of what a graph computes is its own
            longest = int(mask.any(dim=0).sum())
            mask, patches = mask[:, :longest], patches[:, :longest]
        kept = None
        if self.drop_patches and self.training and generator is not None:
            kept, mask = choose_patches(mask, self.drop_patches, generator)
        return self.embed_patches(patches, kept, mask)

    def embed_patches(
        self, patches: Tensor, kept: Tensor | None, mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Patches [R, N, v], of which `kept` [R, K] stay, those that `mask` [R, K] holds true ->
        what enters the Transformer, and its mask.
        """
        positions = (self.time_positions[:, None] + self.mel_positions).flatten(0, 1)
        positions = positions[: patches.shape[1]]
        if kept is not None:
            patches, positions = take_patches(patches, kept), F.embedding(kept, positions)
        x = self.patch_embedding(patches) + positions
        if self.pooling == "class":
            x = torch.cat([self.class_token.expand(x.shape[0], 1, -1), x], dim=1)
            mask = F.pad(mask, (1, 0), value=True)
        return x, mask

    def real_patches(self, inputs: Inputs) -> Tensor:
        """As `PatchedEncoder.real_patches`, of the first window."""
        return self._patches_of_frames(self._first_window(inputs)[1])

    def patches_of(self, inputs: Inputs) -> Patches:
        """As `PatchedEncoder.patches_of`: the first window, by frame and mel bin."""
        spectrogram, real = self._first_window(inputs)
        values = (spectrogram.float() * real[:, :, None])[:, None]
        patches = cut_patches(values, (self.patch_frames, values.shape[3] // self.bands))
        return Patches(patches, (self.window_patches, self.bands))

    def encode_visible(self, inputs: Inputs, visible: Tensor) -> tuple[Tensor, Tensor]:
        """As `PatchedEncoder.encode_visible`, of the first window."""
        kept, there = choose_patches(visible, 0.0, None)
        spectrogram, real = self._first_window(inputs)
        seen = visible.unflatten(1, (-1, self.bands)).repeat_interleave(self.patch_frames, 1)
        seen = seen.repeat_interleave(spectrogram.shape[2] // self.bands, 2) & real[:, :, None]
        values = spectrogram.to(self.patch_embedding.weight.dtype) * seen
        patches = cut_patches(self.stem(values[:, None], seen), self.stemmed_patch)
        x, mask = self.embed_patches(patches, kept, there)
        return self.transformer(x, mask)[:, -kept.shape[1] :], there

    def _first_window(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """[P, W, M], and which of its frames are real, [P, W]."""
        windows, real = self._windows(inputs.values, inputs.mask)
        return windows[:, 0], real[:, 0]

    def _patches_of_frames(self, real: Tensor) -> Tensor:
        """Real frames [R, T] -> real patches [R, N]."""
        moments = real.unflatten(1, (-1, self.patch_frames)).any(dim=2)
        return moments.repeat_interleave(self.bands, dim=1)

    def _windows(self, spectrogram: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """[P, T, M], mask [P, T] -> windows side by side [P, K, W, M], real frames [P, K, W]."""
        if mask is None:
            mask = spectrogram.new_ones(spectrogram.shape[:2], dtype=torch.bool)
        W = self.window_patches * self.patch_frames
        missing = -spectrogram.shape[1] % W
        windows = F.pad(spectrogram, (0, 0, 0, missing)).unflatten(1, (-1, W))
        return windows, F.pad(mask, (0, missing)).unflatten(1, (-1, W))

    def _joined(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """[P, K, N, D], mask [P, K, N] -> the tokens of a sound's windows one after the other."""
        if self.pooling != "class":
            return tokens.flatten(1, 2), mask.flatten(1, 2)
        windows = mask[:, :, 0]
        class_token = tokens[:, :, 0].sum(dim=1) / windows.sum(dim=1, keepdim=True)
        values = torch.cat([class_token[:, None], tokens[:, :, 1:].flatten(1, 2)], dim=1)
        return values, torch.cat([windows[:, :1], mask[:, :, 1:].flatten(1, 2)], dim=1)
