"""Detection: what is in the picture, and where?

    p(c | place) = sigmoid(w_c . z)_c          box(place) = place -+ stride 2 exp(W z)

z is what a tower of convolutions makes of the maps of a feature pyramid over the encoder's patches;
there are no anchors. The loss is a sum over the boxes of all pictures, where a picture without any
counts as one.

The network is in `detection_head.py`, a plain function from tokens to numbers; what it learns by in
`detection_loss.py`; which of its boxes stay is decided here.

Shapes: B batch, K <= B pictures with known boxes, G boxes of one, A places over all levels.

Source: Li et al. 2022 (ViTDet: the pyramid); Tian et al. 2019 (FCOS: a box from every place).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from pydantic import Field, field_validator
from torch import Tensor

from sensorium.batch import ABSENT, Batch, Learned
from sensorium.encoders.image import ImageEncoder
from sensorium.layers.pyramid import COARSEST, FINEST
from sensorium.model import Model
from sensorium.tasks.average_precision import map_50_tally
from sensorium.tasks.boxes import suppress
from sensorium.tasks.claim import Claim, Encodings
from sensorium.tasks.detection_head import FOUND_AT_FIRST, DetectionHead, Raw
from sensorium.tasks.detection_loss import detection_loss, to_be_found
from sensorium.tasks.grids import grid_of, in_file
from sensorium.tasks.mean_average_precision import coco_figures
from sensorium.tasks.places import Located, Place, paired
from sensorium.tasks.tally import ROWS, Tally
from sensorium.tasks.task import Encoded, Loss, Task, TaskConfig, Told, as_figure, told_of

MOST_CANDIDATES, LEAST_SCORE = 400, 0.01
"""Boxes of a picture that are compared with each other, the best, and what they score at least."""


class DetectionConfig(TaskConfig):
    """The boxes of a picture with their classes, by `data.fields.boxes`."""

    width: int = Field(128, gt=0)
    """Channels of the maps and of the towers on them."""
    depth: int = Field(2, ge=0)
    """Convolutions of each of the two towers, one for classes, one for boxes."""
    levels: tuple[int, ...] = Field((-1, 0, 1), min_length=1)
    """Sizes of places, as powers of two of a patch: -1 halves it, for small things, 1 doubles
    it."""
    most: int = Field(100, gt=0)
    """Boxes of a picture that are kept, the best."""
    suppress_from: float = Field(0.6, gt=0, le=1)
    """Of boxes of one class that have more IoU than this, only the best stays (NMS)."""
    told_from: float = Field(0.4, ge=0, le=1)
    """Score from which on a box is told to a person; figures look at all."""

    @field_validator("levels")
    @classmethod
    def _levels_differ(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(value)) < len(value) or min(value) < FINEST or max(value) > COARSEST:
            raise ValueError(f"expected different levels from {FINEST} to {COARSEST}")
        return tuple(sorted(value))

    def problems(self, modalities: list[str]) -> Iterator[str]:
        if "image" not in modalities:
            has = ", ".join(modalities) or "none"
            yield f"needs the modality image, but model.encoders has only {has}"


class Detection(Task):
    """A pyramid on the encoding of the picture, and a head on every place of it.

    Args:
        learned: of `boxes`.

    Attributes:
        classes: their names, in the order of their indices.
    """

    targets: ClassVar[tuple[str, ...]] = ("boxes",)
    reads_places: ClassVar[bool] = True

    def __init__(
        self, config: DetectionConfig, model: Model, learned: Mapping[str, Learned]
    ) -> None:
        super().__init__()
        encoder = model.encoders["image"]
        assert isinstance(encoder, ImageEncoder), "an encoder is what its name says"
        self.classes = list(learned["boxes"].names)
        self.config = config
        self.patch_size = encoder.patch_size
        self.head = DetectionHead(
            encoder.width,
            self.patch_size,
            len(self.classes),
            width=config.width,
            depth=config.depth,
            levels=config.levels,
        )

    def count(self, batch: Batch) -> int:
        """Boxes, and one for every picture without any."""
        rows = self._items(batch)
        if not len(rows):
            return 0
        return int(
            to_be_found(batch.targets["boxes"].index_select(0, rows)).sum(1).clamp(min=1).sum()
        )

    def loss(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> Loss:
        rows = self._items(batch)
        truth = batch.targets["boxes"].index_select(0, rows)
        raw, places = self.look(encoded, batch, rows)
        return detection_loss(raw, places, truth)

    def predict(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The boxes that were found and those that are there, of one picture after the other, in
        pixels of its file; and how many each has."""
        rows = self._items(batch)
        found = self.find(encoded, batch, rows)
        truth = batch.targets["boxes"].index_select(0, rows)
        known = truth[..., 4] != ABSENT
        truth = torch.cat([in_file(batch, rows, truth[..., :4]), truth[..., 4:]], dim=2)
        return {
            ROWS: rows,
            "found": torch.cat(found),
            "found_count": torch.tensor([len(one) for one in found]),
            "truth": truth[known],
            "truth_count": known.sum(dim=1),
        }

    def figures(
        self, predictions: Mapping[str, Tensor], tallies: Mapping[str, Tally]
    ) -> dict[str, Any]:
        """Those of COCO, which no bins make coarser."""
        counts = predictions["found_count"], predictions["truth_count"]
        found_in, truth_in = (torch.arange(len(n)).repeat_interleave(n) for n in counts)
        return coco_figures(
            predictions["found"],
            found_in,
            predictions["truth"],
            truth_in,
            pictures=len(counts[0]),
            classes=self.classes,
        )

    def tallies(self, predictions: Mapping[str, Tensor]) -> dict[str, Tally]:
        """Of `map_50`, whose interval then is that of its bins."""
        found, truth = self._by_picture(predictions)
        return {"map_50": map_50_tally(predictions[ROWS], found, truth, len(self.classes))}

    def located(self, predictions: Mapping[str, Tensor]) -> list[Located]:
        told: list[Located] = []
        pictures = self._by_picture(predictions)
        for row, found, truth in zip(predictions[ROWS].tolist(), *pictures, strict=True):
            found = found[found[:, 5] >= self.config.told_from]
            right, met, score = paired(found[:, :5], truth[:, :5], truth[:, 5] > 0)
            told.append(
                Located(row, self._places(found, right), self._places(truth, met, False), score)
            )
        return told

    def _by_picture(self, predictions: Mapping[str, Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """The boxes found in each picture, and those that are there."""
        found, truth = (
            list(predictions[name].split(predictions[f"{name}_count"].tolist()))
            for name in ("found", "truth")
        )
        return found, truth

    def _places(self, boxes: Tensor, right: list[bool], scored: bool = True) -> list[Place]:
        """[N, 6] boxes, as `predict` gives them, for people."""
        return [
            Place(one[:4], self.classes[int(one[4])], int(one[4]), one[5] if scored else None, own)
            for one, own in zip(boxes.tolist(), right, strict=True)
        ]

    def tell(self, model: Model, encoded: Encoded, batch: Batch) -> list[Told | None]:
        """The boxes of every picture that score enough, in pixels of its file, the best first."""
        if "image" not in batch.inputs:
            return [None] * len(batch)
        rows = batch.inputs["image"].present.nonzero()[:, 0]
        told = []
        for found in self.find(encoded, batch, rows) if len(rows) else []:
            kept = found[found[:, 5] >= self.config.told_from].tolist()
            told.append(
                {
                    "boxes": [[round(side, 2) for side in one[:4]] for one in kept],
                    "labels": [self.classes[int(one[4])] for one in kept],
                    "scores": [as_figure(one[5]) for one in kept],
                }
            )
        return told_of(len(batch), rows, told)

    def claims(self, model: Model, encoded: Encoded, batch: Batch) -> list[Claim]:
        """The log-odds of the best box of every picture, where it scores enough to be told."""
        if "image" not in batch.inputs:
            return []
        rows = batch.inputs["image"].present.nonzero()[:, 0]
        raw, _ = self.look(encoded, batch, rows)
        odds = raw.logits
        if raw.usable is not None:
            odds = odds.masked_fill(~raw.usable[..., None], -torch.inf)
        score, best = odds.flatten(1).max(dim=1)
        chosen = rows.new_zeros(len(batch)).index_copy(0, rows, best)

        def figure(encodings: Encodings, samples: Tensor) -> Tensor:
            every = torch.arange(len(samples), device=samples.device)
            raw, _ = self.look(Encoded(dict(encodings)), batch.rows(samples), every)
            odds = raw.logits.flatten(1).gather(1, chosen[samples, None])[:, 0]
            nothing = math.log(FOUND_AT_FIRST / (1 - FOUND_AT_FIRST))
            return odds.where(encodings["image"].present, nothing)

        enough = (score.sigmoid() >= self.config.told_from).tolist()
        names = [self.classes[flat % len(self.classes)] for flat in best.tolist()]
        said = [name if is_told else None for name, is_told in zip(names, enough, strict=True)]
        return [Claim("", told_of(len(batch), rows, said), "log-odds", ("image",), figure)]

    def look(
        self, encoded: Encoded, batch: Batch, rows: Int[Tensor, " K"]
    ) -> tuple[Raw, Float[Tensor, "A 2"]]:
        """What the network says of some samples, and the places of which it does."""
        image = batch.inputs["image"].rows(rows)
        height, width = (side // self.patch_size for side in image.values.shape[-2:])
        tokens = encoded.encodings["image"].tokens.rows(rows)
        grid = grid_of(tokens.values, height, width, image.mask)
        return self.head(grid, image.mask), self.head.places(height, width, grid.device)

    def find(self, encoded: Encoded, batch: Batch, rows: Int[Tensor, " K"]) -> list[Tensor]:
        """Of each of some samples the boxes that stay, [N, 6]: left, top, right, bottom in pixels
        of its file, class, score, the best first."""
        raw, _ = self.look(encoded, batch, rows)
        height, width = batch.inputs["image"].values.shape[-2:]
        found = []
        for number, row in enumerate(rows):
            scores = raw.logits[number].sigmoid()
            if raw.usable is not None:
                scores = scores * raw.usable[number][:, None]
            best = scores.flatten().topk(min(MOST_CANDIDATES, scores.numel()))
            kept = best.indices[best.values >= LEAST_SCORE]
            place, label = kept // len(self.classes), kept % len(self.classes)
            edge = self._edge(batch, row, height, width)
            boxes = raw.boxes[number][place].clamp(min=0).minimum(edge)
            score = scores.flatten()[kept]
            stays = suppress(boxes, score, label, self.config.suppress_from)[: self.config.most]
            boxes = in_file(batch, row.expand(1), boxes[None, stays])[0]
            found.append(torch.cat([boxes, label[stays, None], score[stays, None]], dim=1))
        return found

    def _edge(self, batch: Batch, row: Tensor, height: int, width: int) -> Tensor:
        """Where a picture ends, which may be padded at the right and below: [4]."""
        inputs = batch.inputs["image"]
        sides = torch.tensor([width, height] * 2, device=inputs.values.device)
        if inputs.mask is None:
            return sides
        mask = inputs.mask[int(inputs.present[: int(row)].sum())]
        own = torch.stack([mask.any(dim=0).sum(), mask.any(dim=1).sum()]) * self.patch_size
        return own.repeat(2)

    def _items(self, batch: Batch) -> Int[Tensor, " K"]:
        """The samples with a picture whose boxes are known, be they none."""
        truth, image = batch.targets.get("boxes"), batch.inputs.get("image")
        if truth is None or image is None:
            return torch.zeros(0, dtype=torch.long)
        known = ~truth[:, 0].isnan().any(dim=1)
        return (known & image.present).nonzero()[:, 0]
