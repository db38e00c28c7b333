"""What the data path knows of each modality: how a cell is read, decoded, changed and padded.

    cell --read--> candidate --decode--> tensor --finish--> tensor --collate--> [P, ...] and mask

`decode` is deterministic, so that its result can be kept in memory; `finish` makes of it what the
model sees, and is the place of chance. To add a modality: a class here, its decoder in a file
beside, and a line in `MODALITIES`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from sensorium.data.audio import decode_audio
from sensorium.data.augment import augment, augment_in_frame
from sensorium.data.augment_audio import augment_wave, crop_at_random, mask_spectrogram
from sensorium.data.cells import Medium, as_medium, as_text
from sensorium.data.files import Location
from sensorium.data.fit import frame_of_fit
from sensorium.data.frame import View, whole
from sensorium.data.image import decode_image, image_shape, image_size
from sensorium.data.quarantine import BrokenSample
from sensorium.data.settings import DataConfig
from sensorium.data.spectrogram import log_mel
from sensorium.data.text import Tokenizer
from sensorium.data.video import augment_video, decode_video

LENGTH_STEP = 8  # tokens that texts are padded to multiples of


class Modality(ABC):
    """The way of one modality from a cell to a batch.

    Attributes:
        varies: whether values differ so much in size that batches are better made of alike ones;
            `shape` is asked only then.
    """

    varies: bool = False

    def __init__(self, config: DataConfig, tokenizer: Tokenizer) -> None:
        self.config = config
        self.tokenizer = tokenizer

    @abstractmethod
    def read(self, cell: Any, folder: Location) -> Any:
        """What the cell means; nothing is opened yet.

        Raises:
            BrokenSample: it is of no kind that can hold this modality.
        """

    @abstractmethod
    def decode(self, candidate: Any) -> Tensor:
        """The value, the same every time.

        Raises:
            BrokenSample: the candidate cannot be decoded.
        """

    def shape(self, candidate: Any) -> Sequence[int]:
        """The shape that `decode` will give, about, found without decoding.

        Raises:
            BrokenSample: the candidate cannot be decoded.
        """
        raise NotImplementedError

    def finish(self, value: Tensor, draw: Random | None) -> Tensor:
        """What the model sees of a decoded value; `draw` is the source of chance in training, and
        None at evaluation."""
        return value

    @abstractmethod
    def collate(self, values: list[Tensor]) -> tuple[Tensor, Tensor | None]:
        """Finished values side by side [P, ...], and their mask, True = real."""


class MediumModality(Modality):
    """A modality that comes in files: cells are paths, bytes, or `{bytes, path}`."""

    noun: ClassVar[str]
    """What a person calls such a file."""

    def __init__(self, config: DataConfig, tokenizer: Tokenizer) -> None:
        super().__init__(config, tokenizer)
        self._last: tuple[Medium, Tensor] | None = None

    def read(self, cell: Any, folder: Location) -> Medium:
        return as_medium(cell, folder, self.noun)

    def decode(self, candidate: Medium) -> Tensor:
        last = self._last
        if last is not None and last[0] == candidate:  # another row about the same file
            return last[1]
        try:
            value = self.decode_medium(candidate)
        except BrokenSample as error:
            raise BrokenSample(f"{candidate.name}: {error}") from error
        self._last = candidate, value
        return value

    @abstractmethod
    def decode_medium(self, medium: Medium) -> Tensor: ...


class Image(MediumModality):
    """A picture: uint8 [3, H, W]. Of different shapes, the mask is over patches."""

    noun = "picture"

    def __init__(self, config: DataConfig, tokenizer: Tokenizer) -> None:
        super().__init__(config, tokenizer)
        self.varies = config.image.fit == "native"

    def shape(self, candidate: Medium) -> Sequence[int]:
        return image_shape(candidate.content, self.config.image)

    def decode_medium(self, medium: Medium) -> Tensor:
        return decode_image(medium.content, self.config.image)

    def finish(self, value: Tensor, draw: Random | None) -> Tensor:
        image = self.config.image
        return value if draw is None else augment(value, image.augment, image.colour, draw)

    def size(self, candidate: Medium) -> tuple[int, int]:
        """Height and width of the picture in its file, which is opened for it.

        Raises:
            BrokenSample: the candidate cannot be decoded.
        """
        try:
            return image_size(candidate.content, self.config.image)
        except BrokenSample as error:
            raise BrokenSample(f"{candidate.name}: {error}") from error

    def finish_in_view(
        self, value: Tensor, size: tuple[int, int], draw: Random | None
    ) -> tuple[Tensor, View]:
        """As `finish`, and what the picture then shows of its file, which has this `size`."""
        image = self.config.image
        frame = frame_of_fit(*size, image.fit, image.size)
        height, width = value.shape[1:]
        real = whole(height, width)
        if draw is not None:
            value, part, real = augment_in_frame(value, image.augment, image.colour, draw)
            frame = part.of(frame, height, width)
        return value, View(frame, real, height, width, *size)

    def collate(self, values: list[Tensor]) -> tuple[Tensor, Tensor | None]:
        if len({value.shape for value in values}) == 1:
            return torch.stack(values), None
        patch = self.config.image.patch_size
        height, width = (max(value.shape[side] for value in values) for side in (1, 2))
        padded = torch.zeros(len(values), 3, height, width, dtype=torch.uint8)
        mask = torch.zeros(len(values), height // patch, width // patch, dtype=torch.bool)
        for row, value in enumerate(values):
            _, height, width = value.shape
            padded[row, :, :height, :width] = value
            mask[row, : height // patch, : width // patch] = True
        return padded, mask


class Video(MediumModality):
    """Some frames of a video: uint8 [F, 3, H, W]."""

    noun = "video"

    def decode_medium(self, medium: Medium) -> Tensor:
        return decode_video(
            medium.content, self.config.video, medium.start_seconds, medium.end_seconds
        )

    def finish(self, value: Tensor, draw: Random | None) -> Tensor:
        return value if draw is None else augment_video(value, self.config.video, draw)

    def collate(self, values: list[Tensor]) -> tuple[Tensor, Tensor | None]:
        return pad_sequence(values, batch_first=True), length_mask(values)


class Audio(MediumModality):
    """A sound: float32 [S], mono, finished as a log-mel spectrogram float32 [T, M]."""

    noun = "sound"

    def decode_medium(self, medium: Medium) -> Tensor:
        return decode_audio(
            medium.content, self.config.audio, medium.start_seconds, medium.end_seconds
        )

    def finish(self, value: Tensor, draw: Random | None) -> Tensor:
        """In training a random crop, changed; else the middle, as much as evaluation takes."""
        audio = self.config.audio
        if draw is None:
            seen = audio.evaluation_crops * audio.crop
            return log_mel(value[max(len(value) - seen, 0) // 2 :][:seen], audio)
        before = math.ceil(audio.crop * (1 + audio.augment.speed))  # a faster one is shorter
        wave = augment_wave(
            crop_at_random(value, before, draw), audio.augment, audio.sample_rate, draw
        )
        spectrogram = log_mel(crop_at_random(wave, audio.crop, draw), audio)
        return mask_spectrogram(spectrogram, audio.augment, draw)

    def collate(self, values: list[Tensor]) -> tuple[Tensor, Tensor | None]:
        return pad_sequence(values, batch_first=True), length_mask(values)


class Text(Modality):
    """Words: token ids int64 [N]."""

    def read(self, cell: Any, folder: Location) -> Any:
        return cell

    def decode(self, candidate: Any) -> Tensor:
        return self.tokenizer.encode(as_text(candidate))

    def collate(self, values: list[Tensor]) -> tuple[Tensor, Tensor | None]:
        """Padded to a multiple of `LENGTH_STEP`, or to the longest that the tokenizer gives.

        Kernels are made for each shape (oneDNN's in bfloat16, those of `torch.compile`), and a new
        one costs far more than a few tokens of padding.
        """
        padded, mask = pad_sequence(values, True, self.tokenizer.pad), length_mask(values)
        missing = -padded.shape[1] % LENGTH_STEP
        if self.tokenizer.context_tokens is not None:
            missing = max(0, min(missing, self.tokenizer.context_tokens - padded.shape[1]))
        return F.pad(padded, (0, missing), value=self.tokenizer.pad), F.pad(mask, (0, missing))


MODALITIES: Mapping[str, type[Modality]] = {
    "image": Image,
    "text": Text,
    "audio": Audio,
    "video": Video,
}


def build_modalities(config: DataConfig, tokenizer: Tokenizer) -> dict[str, Modality]:
    """Every modality, by the settings of a run."""
    return {name: modality(config, tokenizer) for name, modality in MODALITIES.items()}


def length_mask(sequences: list[Tensor]) -> Tensor:
    """bool [P, N]: True up to the length of each."""
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    return torch.arange(int(lengths.max())) < lengths[:, None]
