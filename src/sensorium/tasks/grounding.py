"""Grounding: where is what the words mean?

    p(place | x, words) = softmax over places of w . z + (A z) . (B t) / sqrt(D)
    box(place) = place -+ 2 stride exp(W z)
    loss = sum over samples of  - log sum over the box's places of p
                                + 2 mean over the box's places of (1 - GIoU(box(place), truth))

z is a token of the picture that has looked at the words (a fusion that keeps its tokens), t the
mean of the words' own tokens; without words the product is left out. The box's places are those
whose middle lies in the box; the box that is told is that of the likeliest place.

Shapes: B batch, K <= B samples with picture, words and a box, A places of a picture (its patches),
R x S of them, D width of the fused tokens.

Source: Yu et al. 2016, "Modeling Context in Referring Expressions" (the task, and its accuracy at
an IoU of a half); the box from every place as Tian et al. 2019 (FCOS) have it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from sensorium.batch import ABSENT, Batch, Learned
from sensorium.encoders.image import ImageEncoder
from sensorium.layers.pooling import mean_pool
from sensorium.model import Model
from sensorium.tasks.assignment import inside
from sensorium.tasks.boxes import area, generalised_iou, iou
from sensorium.tasks.claim import Claim, Encodings
from sensorium.tasks.grids import LARGEST_EXPONENT, grid_of, in_file, places_of
from sensorium.tasks.pairs import Pair, both_present
from sensorium.tasks.places import RIGHT_FROM, Located, Place
from sensorium.tasks.readout import fresh_head
from sensorium.tasks.tally import ROWS, Tally, mean_of, rows_of
from sensorium.tasks.task import Encoded, Loss, Task, TaskConfig, Told, as_figure, told_of

BOX_WEIGHT = 2.0
READ: Pair = ("image", "text")


class GroundingConfig(TaskConfig):
    """The box that the text of a sample means in its picture, by `data.fields.box`."""

    def problems(self, modalities: list[str]) -> Iterator[str]:
        missing = [modality for modality in READ if modality not in modalities]
        if missing:
            has = ", ".join(modalities) or "none"
            yield f"needs the modality {' and '.join(missing)}, but model.encoders has only {has}"


class Said(NamedTuple):
    """What every place of a picture says.

    Attributes:
        logits: that it is the one; -inf beside the picture.
        boxes: left, top, right, bottom, in pixels of the picture.
        places: the middle of each.
    """

    logits: Float[Tensor, "K A"]
    boxes: Float[Tensor, "K A 4"]
    places: Float[Tensor, "A 2"]


class Grounding(Task):
    """A box from every fused token of the picture, and which of them is meant.

    Args:
        learned: of `box`.
    """

    needs_fusion: ClassVar[bool] = True
    needs_fused_tokens: ClassVar[bool] = True
    reads_fused: ClassVar[str] = "image"
    targets: ClassVar[tuple[str, ...]] = ("box",)
    reads_places: ClassVar[bool] = True

    def __init__(
        self, config: GroundingConfig, model: Model, learned: Mapping[str, Learned]
    ) -> None:
        super().__init__()
        assert model.fusion is not None, "a recipe without a fusion is refused"
        encoder = model.encoders["image"]
        assert isinstance(encoder, ImageEncoder), "an encoder is what its name says"
        self.patch_size, width = encoder.patch_size, model.fusion.width
        self.transform = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))
        self.key, self.query = nn.Linear(width, width), nn.Linear(width, width)
        self.head = fresh_head(width, 5)

    def count(self, batch: Batch) -> int:
        return len(self._items(batch))

    def loss(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> Loss:
        rows = self._items(batch)
        said = self.look(model, encoded, batch, rows)
        truth = batch.targets["box"].index_select(0, rows)
        own = inside(said.places, truth[:, None])[:, 0] & said.logits.isfinite()
        log_likely = said.logits.log_softmax(dim=1)
        of_place = -log_likely.masked_fill(~own, -torch.inf).logsumexp(dim=1)
        away = (1 - generalised_iou(said.boxes, truth[:, None].expand_as(said.boxes))) * own
        of_box = away.sum(dim=1) / own.sum(dim=1)
        right = iou(likeliest_box(said), truth) >= RIGHT_FROM
        return Loss((of_place + BOX_WEIGHT * of_box).sum(), right.sum())

    def predict(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The box that is told, that without the words, the right one and the largest of the
        picture, NaN where its boxes are not known; in pixels of the file."""
        rows = self._items(batch)
        found = self.look(model, encoded, batch, rows)
        without = self.look(model, encoded, batch, rows, blind=True)
        boxes = {
            "box": likeliest_box(found),
            "box_without_text": likeliest_box(without),
            "truth": batch.targets["box"].index_select(0, rows),
            "largest": self._largest(batch, rows),
        }
        return {ROWS: rows} | {name: in_file(batch, rows, of) for name, of in boxes.items()}

    def tallies(self, predictions: Mapping[str, Tensor]) -> dict[str, Tally]:
        """`accuracy`, the share with an IoU of at least a half; beside it what the picture alone
        gives away: `accuracy_without_text`, and `accuracy_largest_object`, of always meaning the
        largest thing there is."""
        truth, largest = predictions["truth"], predictions["largest"]
        rows, alike = rows_of(predictions, len(truth)), iou(predictions["box"], truth)
        without = iou(predictions["box_without_text"], truth)
        tallies = {
            "accuracy": mean_of(rows, alike >= RIGHT_FROM),
            "iou": mean_of(rows, alike),
            "accuracy_without_text": mean_of(rows, without >= RIGHT_FROM),
        }
        known = ~largest.isnan().any(dim=1)
        if known.any():
            right = iou(largest[known], truth[known]) >= RIGHT_FROM
            tallies["accuracy_largest_object"] = mean_of(rows[known], right)
        return tallies

    def located(self, predictions: Mapping[str, Tensor]) -> list[Located]:
        alike = iou(predictions["box"], predictions["truth"])
        found = (predictions[name].tolist() for name in (ROWS, "box", "truth"))
        return [
            Located(
                row,
                [Place(box, "meant", 0, None, score >= RIGHT_FROM)],
                [Place(truth, "meant", 0, None, score >= RIGHT_FROM)],
                score,
            )
            for row, box, truth, score in zip(*found, alike.tolist(), strict=True)
        ]

    def tell(self, model: Model, encoded: Encoded, batch: Batch) -> list[Told | None]:
        """The box of the likeliest place, in pixels of the file, and how likely the places are
        that say nearly the same."""
        rows = both_present(batch.inputs, READ)
        if not len(rows):
            return [None] * len(batch)
        said = self.look(model, encoded, batch, rows)
        best, near = likeliest_box(said), near_likeliest(said)
        scores = (said.logits.softmax(dim=1) * near).sum(dim=1)
        told: list[Told] = [
            {"box": [round(side, 2) for side in box], "score": as_figure(score)}
            for box, score in zip(in_file(batch, rows, best).tolist(), scores.tolist(), strict=True)
        ]
        return told_of(len(batch), rows, told)

    def claims(self, model: Model, encoded: Encoded, batch: Batch) -> list[Claim]:
        """The log-probability that the places which say nearly the told box are meant."""
        rows = both_present(batch.inputs, READ)
        if not len(rows):
            return []
        said = self.look(model, encoded, batch, rows)
        best, near = likeliest_box(said), near_likeliest(said)
        place = rows.new_zeros(len(batch)).index_copy(0, rows, torch.arange(len(rows)).to(rows))

        def figure(encodings: Encodings, samples: Tensor) -> Tensor:
            every = torch.arange(len(samples), device=samples.device)
            views = batch.rows(samples)
            likely = self.look(model, Encoded(dict(encodings)), views, every).logits.log_softmax(1)
            own = near[place[samples]]
            of_box = likely.masked_fill(~own, -torch.inf).logsumexp(dim=1)
            return of_box.where(encodings["image"].present, own.float().mean(dim=1).log())

        boxes = [", ".join(f"{side:.0f}" for side in box) for box in in_file(batch, rows, best)]
        words = told_of(len(batch), rows, boxes)
        return [Claim("", words, "log-probability", tuple(model.widths), figure)]

    def look(
        self,
        model: Model,
        encoded: Encoded,
        batch: Batch,
        rows: Int[Tensor, " K"],
        *,
        blind: bool = False,
    ) -> Said:
        """What the places of some samples say; `blind` withholds everything but the picture."""
        image = batch.inputs["image"].rows(rows)
        rows_of_patches, columns = (side // self.patch_size for side in image.values.shape[-2:])
        seen = {
            modality: encoding.rows(rows)
            for modality, encoding in encoded.encodings.items()
            if modality == "image" or not blind
        }
        fused = model.fuse(seen).tokens
        z = self.transform(fused["image"].values)
        said = self.head(z).float()
        if "text" in fused:
            query = self.query(mean_pool(fused["text"].values, fused["text"].mask))
            named = (self.key(z) @ query[:, :, None]).float() / query.shape[1] ** 0.5
            said = torch.cat([said[..., :1] + named, said[..., 1:]], dim=2)
        grid = grid_of(said, rows_of_patches, columns, image.mask).flatten(2).transpose(1, 2)
        places = places_of(rows_of_patches, columns, float(self.patch_size), grid.device)
        logits = grid[..., 0]
        if image.mask is not None:
            logits = logits.masked_fill(~image.mask.flatten(1), -torch.inf)
        reach = 2 * self.patch_size * grid[..., 1:].clamp(max=LARGEST_EXPONENT).exp()
        boxes = torch.cat([places - reach[..., :2], places + reach[..., 2:]], dim=2)
        return Said(logits, boxes, places)

    def _items(self, batch: Batch) -> Int[Tensor, " K"]:
        """The samples with a picture, words and a box."""
        truth, rows = batch.targets.get("box"), both_present(batch.inputs, READ)
        if truth is None:
            return rows[:0]
        return rows[~truth.index_select(0, rows).isnan().any(dim=1)]

    def _largest(self, batch: Batch, rows: Tensor) -> Float[Tensor, "K 4"]:
        """The largest box of every picture; NaN where its boxes are not known, or none."""
        nothing = torch.full((len(rows), 4), torch.nan, device=rows.device)
        boxes = batch.targets.get("boxes")
        if boxes is None:
            return nothing
        boxes = boxes.index_select(0, rows)
        there = boxes[..., 4] > ABSENT  # and not NaN
        best = area(boxes[..., :4]).masked_fill(~there, -1.0).argmax(dim=1)
        largest = boxes[..., :4].gather(1, best[:, None, None].expand(-1, 1, 4))[:, 0]
        return torch.where(there.any(dim=1)[:, None], largest, nothing)


def likeliest_box(said: Said) -> Float[Tensor, "K 4"]:
    """The box of the place that is likeliest to be meant."""
    best = said.logits.argmax(dim=1)
    return said.boxes.gather(1, best[:, None, None].expand(-1, 1, 4))[:, 0]


def near_likeliest(said: Said) -> Bool[Tensor, "K A"]:
    """Which places say nearly the same box as the likeliest one."""
    return iou(said.boxes, likeliest_box(said)[:, None].expand_as(said.boxes)) >= RIGHT_FROM
