"""Tasks and batches in, trained weights out: one loop, its optimizer, schedule and checkpoints.

Nothing here knows a modality, a data format or a metric: the loop asks its tasks for losses and
its loader for batches.
"""

from sensorium.training.checkpoint import Checkpoint, Checkpoints
from sensorium.training.config import TrainConfig
from sensorium.training.finetune import FinetuneConfig
from sensorium.training.log import Progress, TrainingLog
from sensorium.training.loop import Outcome, train
from sensorium.training.memory import PeakMemory

__all__ = [
    "Checkpoint",
    "Checkpoints",
    "FinetuneConfig",
    "Outcome",
    "PeakMemory",
    "Progress",
    "TrainConfig",
    "TrainingLog",
    "train",
]
