"""Our contenders in `train_step.py`."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from side_by_side import Step
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from contenders.works import (
    BATCHES,
    END,
    MASK,
    PAD,
    START,
    ClassificationWork,
    ContrastiveWork,
    FusedWork,
    Setting,
    draw_captions,
    draw_labels,
    draw_pictures,
)
from sensorium.batch import Batch, Inputs
from sensorium.data.modalities import length_mask
from sensorium.encoders import EncodersConfig, ImageEncoder, ImageEncoderConfig, TextEncoderConfig
from sensorium.fusion import CrossAttentionConfig, FusionConfig
from sensorium.model import ModelConfig, build_model
from sensorium.tasks import (
    ContrastiveConfig,
    MaskedLanguageConfig,
    MatchingConfig,
    TasksConfig,
    build_mixture,
)
from sensorium.training import TrainConfig
from sensorium.training.loop import Loop
from sensorium.training.optimizer import build_optimizer
from sensorium.training.precision import call_in

STEPS = 1_000_000  # of a run that these steps are the first of
CPU_LENGTH_BUCKETS = 4


def contrastive_step(work: ContrastiveWork, setting: Setting, drop_patches: float) -> Step:
    """`Loop.step` of a run with the contrastive task alone."""
    tasks = TasksConfig(contrastive=ContrastiveConfig(width=work.width))
    return _loop_step(work, setting, drop_patches, None, tasks)


def fused_step(
    work: FusedWork,
    setting: Setting,
    drop_patches: float = 0.0,
    share: float = 1.0,
    streams: tuple[str, ...] | None = ("text",),
) -> Step:
    """`Loop.step` of a run with contrast, matching and masked words.

    Args:
        share: of the batch's samples, those that are matched and those whose words are hidden.
        streams: whose tokens attend to the others: the words, as in ALBEF; None: pictures, too.
    """
    fusion = CrossAttentionConfig(
        width=work.width, depth=work.fusion_depth, heads=work.heads, streams=streams
    )
    tasks = TasksConfig(
        contrastive=ContrastiveConfig(width=work.width),
        matching=MatchingConfig(share=share),
        masked_language=MaskedLanguageConfig(share=share, hidden=work.hidden),
    )
    return _loop_step(work, setting, drop_patches, fusion, tasks)


def _loop_step(
    work: ContrastiveWork,
    setting: Setting,
    drop_patches: float,
    fusion: FusionConfig | None,
    tasks: TasksConfig,
) -> Step:
    sizes = {"width": work.width, "heads": work.heads}
    encoders = EncodersConfig(
        image=ImageEncoderConfig(
            depth=work.image_depth, patch_size=work.patch_size, drop_patches=drop_patches, **sizes
        ),
        text=TextEncoderConfig(
            depth=work.text_depth,
            length_buckets=CPU_LENGTH_BUCKETS if setting.device.type == "cpu" else 1,
            **sizes,
        ),
    )
    data_sizes = {
        "image": {"image_size": work.image_size},
        "text": {"vocabulary": work.vocabulary, "context_tokens": work.context_tokens},
    }
    model = build_model(ModelConfig(encoders=encoders, fusion=fusion), data_sizes)
    special_ids = frozenset({PAD, MASK, work.vocabulary + START, work.vocabulary + END})
    mixture = build_mixture(tasks, model, mask_id=MASK, special_ids=special_ids)
    mixture.to(setting.device).train()
    config = TrainConfig(steps=STEPS, batch_size=work.batch_size, precision=setting.precision)
    batches = RandomPairs(work, setting.device)
    loop = Loop(mixture, batches, config, setting.folder, seed=0)
    return lambda number: loop.step(batches[number])


class RandomPairs:
    """Batches of random pictures and captions; of a loop's supply it has what one step needs."""

    batches_per_epoch = BATCHES

    def __init__(self, work: ContrastiveWork, device: torch.device) -> None:
        self.batches = [self._draw(work, seed).to(device) for seed in range(BATCHES)]

    def __getitem__(self, number: int) -> Batch:
        return self.batches[number % BATCHES]

    @staticmethod
    def _draw(work: ContrastiveWork, seed: int) -> Batch:
        captions = draw_captions(work, seed)
        present = torch.ones(work.batch_size, dtype=torch.bool)
        inputs = {
            "image": Inputs(draw_pictures(work, seed), None, present),
            "text": Inputs(
                pad_sequence(captions, batch_first=True, padding_value=PAD),
                length_mask(captions),
                present,
            ),
        }
        return Batch([f"random:{number}" for number in range(work.batch_size)], inputs)


class Classifier(nn.Module):
    """Our image encoder and a linear head. A stand-in until there is a task for it."""

    def __init__(self, work: ClassificationWork) -> None:
        super().__init__()
        config = ImageEncoderConfig(
            width=work.width, depth=work.depth, heads=work.heads, patch_size=work.patch_size
        )
        self.encoder = ImageEncoder(config, work.image_size)
        self.head = nn.Linear(work.width, work.classes)

    def forward(self, pictures: Tensor, labels: Tensor) -> Tensor:
        present = torch.ones(len(pictures), dtype=torch.bool, device=pictures.device)
        encoding = self.encoder(Inputs(pictures, mask=None, present=present))
        return F.cross_entropy(self.head(encoding.pooled).float(), labels)


def classification_step(work: ClassificationWork, setting: Setting) -> Step:
    """A step with our encoder, optimizer and precision."""
    classifier = Classifier(work).to(setting.device).train()
    config = TrainConfig(steps=STEPS)
    optimizer = build_optimizer(classifier, config)
    batches = [
        (draw_pictures(work, seed).to(setting.device), draw_labels(work, seed).to(setting.device))
        for seed in range(BATCHES)
    ]

    def step(number: int) -> float:
        loss = call_in(setting.precision, classifier, *batches[number % BATCHES])
        loss.backward()
        nn.utils.clip_grad_norm_(classifier.parameters(), config.clip_gradient, foreach=True)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    return step
