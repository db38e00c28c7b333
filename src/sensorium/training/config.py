"""The settings of a training run."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sensorium.config import Config
from sensorium.errors import TrainingError


class TrainConfig(Config):
    """How long, how large, how fast, and what is kept."""

    epochs: float | None = Field(None, gt=0)
    """Passes over the training data; or give `steps`."""
    steps: int | None = Field(None, gt=0)
    """Optimizer steps; or give `epochs`."""
    batch_size: int = Field(256, gt=0)
    """Samples in a step, over all processes together."""
    accumulate: int = Field(1, gt=0)
    """Parts that a step's batch is cut into, to fit in memory. Losses within samples are not
    changed by it; contrast is drawn within a part."""
    modality_dropout: float = Field(0.0, ge=0, lt=1)
    """Share of what samples have that is withheld in training, so that the model learns to do
    without; never all that a sample has."""

    learning_rate: float = Field(1e-3, gt=0)
    """Peak of the schedule."""
    final_learning_rate: float = Field(0.0, ge=0)
    """Where the cosine ends, as a share of the peak."""
    warmup: float = Field(0.05, ge=0, lt=1)
    """Share of the steps over which the rate rises to its peak."""
    weight_decay: float = Field(0.05, ge=0)
    """On matrices only: never on norms, biases, embeddings or positions."""
    beta2: float = Field(0.98, gt=0, lt=1)
    """AdamW's memory of squared gradients."""
    clip_gradient: float = Field(1.0, gt=0)
    """Largest norm of the whole gradient."""
    moving_average: float | None = Field(None, gt=0, lt=1)
    """Decay of an exponential moving average of the weights (EMA), which is then what is
    evaluated and used; none keeps the weights themselves."""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """`auto` times both on this machine and takes bfloat16 where it is clearly faster."""
    device: str = "auto"
    """`auto`, or a name that torch knows: `cpu`, `cuda`, `cuda:1`, `mps`."""
    threads: int | None = Field(None, gt=0)
    """CPU threads for the arithmetic; none leaves the choice to torch."""
    compile: bool = False
    """Compile the Transformers with `torch.compile`: minutes first, faster steps after."""

    validate_every_steps: int | None = Field(None, gt=0)
    """Steps between validations; none validates at the end only."""
    best_metric: str | None = None
    """Figure whose best checkpoint is kept and used, higher being better, as
    `validation/contrastive/image_to_text/recall_at_1`; none uses the last."""
    stop_after: int | None = Field(None, gt=0)
    """Validations in a row that bring no better `best_metric` and end the training early; none
    trains to the end."""
    checkpoint_every_steps: int = Field(500, gt=0)
    """Steps between checkpoints."""
    keep_checkpoints: int = Field(2, gt=0)
    """Newest checkpoints that are kept, beside the best."""
    log_every_steps: int = Field(10, gt=0)
    """Steps between lines of `metrics.jsonl`."""
    gradient_norms_every_steps: int | None = Field(100, gt=0)
    """Steps between measurements of each task's gradient on encoders and fusion, where there are
    several tasks; each costs a backward pass for every task. Not measured with `compile`, whose
    graphs can be gone through only once."""
    explode_factor: float = Field(10.0, gt=1)
    """A loss so many times its running mean stops the run."""

    @model_validator(mode="after")
    def _one_length(self) -> TrainConfig:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("give the length as either epochs or steps, one of the two")
        if self.best_metric is not None and self.validate_every_steps is None:
            raise ValueError("best_metric needs validate_every_steps")
        if self.stop_after is not None and self.best_metric is None:
            raise ValueError("stop_after needs best_metric, which it watches")
        return self

    def is_stale(self, validations: int) -> bool:
        """Whether so many validations in a row without a better figure are enough."""
        return self.stop_after is not None and validations >= self.stop_after

    def total_steps(self, batches_per_epoch: int) -> int:
        """The length in optimizer steps.

        Args:
            batches_per_epoch: 0 where the data does not say.

        Raises:
            TrainingError: the length is said in epochs, and nobody knows how long one is.
        """
        if self.steps is not None:
            return self.steps
        assert self.epochs is not None
        if not batches_per_epoch:
            raise TrainingError(
                f"train.epochs={self.epochs:g} of a stream that does not say how many rows it has; "
                "give train.steps=N and train.epochs=null"
            )
        return max(1, round(self.epochs * batches_per_epoch))
