"""Short trainings whose batches come in shares: by each of two processes, or joined in one.

    python -m tests.training.shares FOLDER

leaves runs in FOLDER/whole and FOLDER/parts, and then fails, because the supply of rank 1 does.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tests.conftest import END, MASK, PAD, START
from tests.tasks.three import batch_of_three, model_of_three
from torch import Tensor

from sensorium import ranks
from sensorium.batch import Batch, Inputs
from sensorium.errors import DataError, SensoriumError
from sensorium.tasks import (
    Contrastive,
    ContrastiveConfig,
    MaskedLanguage,
    MaskedLanguageConfig,
    Mixture,
)
from sensorium.training import TrainConfig
from sensorium.training.interrupt import StopRequest
from sensorium.training.log import NoLog, TrainingLog
from sensorium.training.loop import Loop

SAMPLES, SHARES, STEPS = 7, 2, 5


class HidesEverySecond(MaskedLanguage):
    """Draws nothing, so that it hides the same words whatever the batch is cut into."""

    def _draw_hidden(self, text: Inputs, generator: torch.Generator) -> Tensor:
        words = ~torch.isin(text.values, self.special_ids)
        return words & (torch.arange(words.shape[1]) % 2 == 0)


def build() -> Mixture:
    model = model_of_three()
    special = frozenset({PAD, START, END, MASK})
    tasks = {
        "contrastive": Contrastive(ContrastiveConfig(width=8), model),
        "each two": Contrastive(ContrastiveConfig(width=8, loss="sigmoid", chunk=3), model),
        "masked_language": HidesEverySecond(MaskedLanguageConfig(), model, MASK, special),
    }
    return Mixture(model, tasks, {"contrastive": 1.0, "each two": 0.1, "masked_language": 0.5})


def share_of(step: int, share: int) -> Batch:
    """One share of the batch of a step. In some steps a share lacks what the others have."""
    nobody = [False] * SAMPLES
    lacking: dict[str, list[bool]] = {}
    if step == 1 and share == 1:
        lacking = {"audio": nobody, "text": nobody}
    if step == 2:
        lacking = {"audio": nobody}
    if step == 3 and share == 0:
        lacking = {"image": nobody, "text": nobody, "audio": nobody}
    if step == 4:
        lacking = {"text": [True, False] * 3 + [share == 1]}
    batch = batch_of_three(SAMPLES, seed=10 * step + share, **lacking)
    return batch.rows(torch.arange(SAMPLES - share))  # shares need not be of one size


def joined(batches: list[Batch]) -> Batch:
    """Shares side by side. All texts are padded to the same length here."""
    inputs = {}
    for modality in batches[0].inputs:
        parts = [batch.inputs[modality] for batch in batches]
        masks = [part.mask for part in parts if part.mask is not None]
        inputs[modality] = Inputs(
            torch.cat([part.values for part in parts]),
            torch.cat(masks) if masks else None,
            torch.cat([part.present for part in parts]),
        )
    return Batch([id for batch in batches for id in batch.ids], inputs)


class Shares:
    """The supply of one rank, or of one process that gets all shares."""

    batches_per_epoch = STEPS

    def __init__(self, fails_at: int | None = None) -> None:
        self.fails_at = fails_at

    def __iter__(self) -> Iterator[Batch]:
        for step in range(STEPS):
            if step == self.fails_at and ranks.rank() == 1:
                raise DataError("the disk is gone")
            if ranks.count() == SHARES:
                yield share_of(step, ranks.rank())
            else:
                yield joined([share_of(step, share) for share in range(SHARES)])

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        pass


def train(folder: Path, supply: Shares, accumulate: int = 1) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    config = TrainConfig(
        steps=STEPS,
        precision="float32",
        learning_rate=0.1,
        accumulate=accumulate,
        log_every_steps=1,
        gradient_norms_every_steps=1,
    )
    mixture = build()
    loop = Loop(mixture, supply, config, folder, seed=0)
    # AdamW divides by the size of a gradient, also where that is nothing but rounding.
    loop.optimizer = torch.optim.SGD(mixture.parameters(), lr=0.1)
    with StopRequest() as stop, TrainingLog(folder, 0) if ranks.rank() == 0 else NoLog() as log:
        loop.run(stop, log, None, None)


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    with ranks.joined():
        train(folder / "whole", Shares())
        train(folder / "parts", Shares(), accumulate=SAMPLES + 1)
        train(folder / "failing", Shares(fails_at=2))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except SensoriumError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
