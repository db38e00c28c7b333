"""Videos -> tokens: a Vision Transformer with an axis of time. A picture is a one-frame clip.

    x = [tubelet_1 E; ...; tubelet_N E] + E_space + E_time

A tubelet is a patch of some frames, one after the other. A fresh encoder with the weights of a
picture encoder gives for a one-frame clip what that gives for the frame: E_time and, in divided
attention, what is seen along time start as zero.

Shapes: P videos present, F frames, T tubelets one after the other, S patches of a frame, K of them
kept, D width.

Sources: Arnab et al. 2021, "ViViT" (tubelets, joint attention, starting from pictures);
Bertasius et al. 2021, TimeSformer (divided attention); Tong et al. 2022, "VideoMAE" (the same
patches dropped in all frames).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from sensorium.batch import Inputs
from sensorium.encoders.pixels import PixelEncoder, PixelEncoderConfig
from sensorium.layers.patches import draw_kept_patches
from sensorium.layers.space_time import DividedTransformer
from sensorium.layers.transformer import Transformer


class VideoEncoderConfig(PixelEncoderConfig):
    """A Vision Transformer over the frames of a video."""

    attention: Literal["divided", "joint"] = "divided"
    """divided: along time, then across each frame; joint: every token sees every token."""
    tubelet_frames: int = Field(1, ge=1)
    """Frames that one token takes in: 2 halves the tokens."""
    image_weights: str | None = None
    """Run folder whose image encoder's weights a new run starts from; the settings that the two
    encoders share have to be the same."""


class VideoEncoder(PixelEncoder):
    """Cut into tubelets, embed them linearly, add positions in space and time, and encode.

    Tokens are in the order of time, then row by row; a class token is in front.

    Args:
        config: its settings.
        image_size: height and width of a frame, in pixels, that the learned positions are for.
        frames: most frames of a clip.
    """

    def __init__(self, config: VideoEncoderConfig, image_size: int, frames: int) -> None:
        transformer = DividedTransformer if config.attention == "divided" else Transformer
        super().__init__(config, image_size, config.tubelet_frames, transformer)
        self.frames = frames
        self.tubelet_frames = config.tubelet_frames
        moments = -(-frames // config.tubelet_frames)
        self.time_positions = nn.Parameter(torch.zeros(moments, config.width))
        if isinstance(self.transformer, DividedTransformer):
            self.transformer.start_as_picture_layers()

    def embed_and_encode(
        self, inputs: Inputs, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor | None]:
        x, mask = self.embed(inputs.values, inputs.mask, generator)
        (P, T, S, D), classes = x.shape, int(self.pooling == "class")
        token_mask = None if mask is None else mask.repeat_interleave(S, dim=1)
        if classes and token_mask is not None:
            token_mask = F.pad(token_mask, (1, 0), value=True)
        if not isinstance(self.transformer, DividedTransformer):
            x = x.flatten(1, 2)
            if classes:
                x = torch.cat([self.class_token.expand(P, 1, D), x], dim=1)
            return self.transformer(x, token_mask), token_mask
        if classes:
            x = torch.cat([self.class_token.expand(P, T, 1, D), x], dim=2)
        x = self.transformer(x, mask, bool(classes))
        tokens = x[:, :, classes:].flatten(1, 2)
        return (torch.cat([x[:, 0, :1], tokens], dim=1) if classes else tokens), token_mask

    def embed(
        self, video: Tensor, mask: Tensor | None, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor | None]:
        """uint8 [P, F, 3, H, W] with mask [P, F] -> embeddings [P, T, S, D] with mask [P, T].

        Raises:
            ValueError: for more frames than there are positions.
        """
        if video.shape[1] > self.frames:
            raise ValueError(
                f"a video of {video.shape[1]} frames came to an encoder of {self.frames}; "
                "cut it to data.video.frames"
            )
        video, mask = _whole_tubelets(video, mask, self.tubelet_frames)
        P, T = video.shape[0], video.shape[1] // self.tubelet_frames
        patches, positions = self.patches(video.flatten(0, 1))  # [P * F, S, v]
        patches = patches.unflatten(0, (P, T, self.tubelet_frames))
        if generator is not None and self.drops_now:
            kept = draw_kept_patches(P, patches.shape[3], self.drop_patches, generator)
            index = kept[:, None, None, :, None].expand(-1, *patches.shape[1:3], -1, 1)
            patches = patches.take_along_dim(index, dim=3)
            positions = F.embedding(kept, positions)[:, None]
        tubelets = patches.transpose(2, 3).flatten(3)  # [P, T, S, tubelet_frames * v]
        x = self.patch_embedding(tubelets) + positions + self.time_positions[:T, None]
        return x, mask

    def start_from_image(self, weights: Mapping[str, Tensor]) -> None:
        """Take the weights of an `ImageEncoder`; what only a video has stays as it is.

        A patch's weights are spread evenly over the frames of a tubelet; learned positions are
        interpolated where the number of patches differs.

        Raises:
            ValueError: names what the weights lack, have beside or have in another shape.
        """
        own, new = self.state_dict(), self.fit_positions(weights)
        if "patch_embedding.weight" in new:
            weight = new["patch_embedding.weight"] / self.tubelet_frames
            new["patch_embedding.weight"] = weight.repeat(1, self.tubelet_frames)
        of_time = {name for name in own if "time_" in name}
        wrong = [f"lack {name}" for name in sorted(own.keys() - of_time - new.keys())]
        wrong += [f"have {name} beside" for name in sorted(new.keys() - own.keys())]
        wrong += [
            f"have {name} as {list(new[name].shape)}, not {list(own[name].shape)}"
            for name in sorted(own.keys() & new.keys())
            if own[name].shape != new[name].shape
        ]
        if wrong:
            more = f"; and {len(wrong) - 3} more" if len(wrong) > 3 else ""
            raise ValueError(
                "these image encoder's weights do not fit the video encoder; they "
                + "; ".join(wrong[:3])
                + more
                + ". Give both the same width, depth, heads, patch_size, stem_widths and pooling"
            )
        self.load_state_dict(own | new)


def _whole_tubelets(
    video: Tensor, mask: Tensor | None, tubelet_frames: int
) -> tuple[Tensor, Tensor | None]:
    """Fill up to whole tubelets. In one that a clip ends in, its last frame is repeated, so that
    nothing depends on what padding holds; a tubelet is real if one of its frames is.
    """
    (P, F_), missing = video.shape[:2], -video.shape[1] % tubelet_frames
    if tubelet_frames == 1 or (mask is None and not missing):
        return video, mask
    real = video.new_ones((P, F_), dtype=torch.bool) if mask is None else mask
    real = F.pad(real, (0, missing))
    numbers = torch.arange(F_ + missing, device=video.device)
    so_far = real[:, None] & (numbers <= numbers[:, None])  # [P, F, F]
    newest = numbers.where(so_far, 0).amax(dim=2)  # [P, F], the last real frame so far
    video = video.take_along_dim(newest[:, :, None, None, None], dim=1)
    return video, None if mask is None else real.unflatten(1, (-1, tubelet_frames)).any(dim=2)
