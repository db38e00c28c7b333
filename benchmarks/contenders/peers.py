"""The peers in `train_step.py`, each built from its config with random weights: no downloads.

Each trains as its own users do: bfloat16 is `torch.autocast`. Clipping, fused AdamW and everything
else in a step is what our own loop does.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType

import torch
import torch.nn.functional as F
from side_by_side import Step
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from contenders.document import DocumentClassifier
from contenders.works import (
    BATCHES,
    END,
    PAD,
    START,
    ClassificationWork,
    ContrastiveWork,
    Setting,
    as_float,
    draw_captions,
    draw_labels,
    draw_pictures,
)


class MissingPeerError(Exception):
    """A peer that this machine does not have."""


def import_peer(name: str) -> ModuleType:
    """The package, or `MissingPeerError` with the reason."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        reason = "is not installed" if missing == name else f"cannot be imported ({error})"
        raise MissingPeerError(f"{name} {reason}: skipped") from None


def open_clip_step(work: ContrastiveWork, setting: Setting, patch_dropout: float) -> Step:
    """open_clip's CLIP and its loss."""
    open_clip = import_peer("open_clip")
    model = open_clip.model.CLIP(
        embed_dim=work.width,
        vision_cfg={
            "image_size": work.image_size,
            "patch_size": work.patch_size,
            "width": work.width,
            "layers": work.image_depth,
            "head_width": work.width // work.heads,
            "patch_dropout": patch_dropout,
        },
        text_cfg={
            "context_length": work.context_tokens,
            "vocab_size": work.vocabulary,
            "width": work.width,
            "heads": work.heads,
            "layers": work.text_depth,
        },
    )
    loss = open_clip.ClipLoss()
    batches = float_pairs(work, setting.device)

    def pairs_loss(number: int) -> Tensor:
        pictures, ids, _ = batches[number % BATCHES]
        return loss(*model(pictures, ids))

    return training_step(model, pairs_loss, setting)


def transformers_clip_step(work: ContrastiveWork, setting: Setting, attention: str) -> Step:
    """transformers' CLIPModel, which computes its own loss."""
    transformers = import_peer("transformers")
    shared = {
        "hidden_size": work.width,
        "intermediate_size": 4 * work.width,
        "num_attention_heads": work.heads,
        "hidden_act": "gelu",
    }
    config = transformers.CLIPConfig(
        vision_config={
            "image_size": work.image_size,
            "patch_size": work.patch_size,
            "num_hidden_layers": work.image_depth,
            **shared,
        },
        text_config={
            "vocab_size": work.vocabulary,
            "max_position_embeddings": work.context_tokens,
            "num_hidden_layers": work.text_depth,
            "pad_token_id": PAD,
            "bos_token_id": work.vocabulary + START,
            "eos_token_id": work.vocabulary + END,
            **shared,
        },
        projection_dim=work.width,
        attn_implementation=attention,
    )
    model = transformers.CLIPModel(config)
    batches = float_pairs(work, setting.device)

    def pairs_loss(number: int) -> Tensor:
        pictures, ids, mask = batches[number % BATCHES]
        output = model(pixel_values=pictures, input_ids=ids, attention_mask=mask, return_loss=True)
        return output.loss

    return training_step(model, pairs_loss, setting)


def timm_step(work: ClassificationWork, setting: Setting) -> Step:
    """timm's VisionTransformer; at the size of ViT-S/16 it is `vit_small_patch16_224`."""
    timm = import_peer("timm")
    model = timm.models.VisionTransformer(
        img_size=work.image_size,
        patch_size=work.patch_size,
        embed_dim=work.width,
        depth=work.depth,
        num_heads=work.heads,
        num_classes=work.classes,
    )
    return _classification_step(model, work, setting)


def transformers_vit_step(work: ClassificationWork, setting: Setting, attention: str) -> Step:
    """transformers' ViTForImageClassification."""
    transformers = import_peer("transformers")
    config = transformers.ViTConfig(
        image_size=work.image_size,
        patch_size=work.patch_size,
        hidden_size=work.width,
        intermediate_size=4 * work.width,
        num_hidden_layers=work.depth,
        num_attention_heads=work.heads,
        num_labels=work.classes,
        attn_implementation=attention,
    )
    model = transformers.ViTForImageClassification(config)
    return _classification_step(model, work, setting, lambda pictures: model(pictures).logits)


def document_step(work: ClassificationWork, setting: Setting) -> Step:
    """The document's own module."""
    model = DocumentClassifier(
        work.image_size, work.patch_size, work.width, work.depth, work.heads, work.classes
    )
    return _classification_step(model, work, setting)


def _classification_step(
    model: nn.Module,
    work: ClassificationWork,
    setting: Setting,
    logits: Callable[[Tensor], Tensor] | None = None,
) -> Step:
    logits = logits or model
    batches = [
        (
            as_float(draw_pictures(work, seed)).to(setting.device),
            draw_labels(work, seed).to(setting.device),
        )
        for seed in range(BATCHES)
    ]

    def labels_loss(number: int) -> Tensor:
        pictures, labels = batches[number % BATCHES]
        return F.cross_entropy(logits(pictures), labels)

    return training_step(model, labels_loss, setting)


def float_pairs(work: ContrastiveWork, device: torch.device) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Pictures [B, 3, S, S], ids [B, N] and mask [B, N], filled up as the peers' tokenizers do."""
    batches = []
    for seed in range(BATCHES):
        ids = pad_sequence(draw_captions(work, seed), batch_first=True, padding_value=PAD)
        ids = F.pad(ids, (0, work.context_tokens - ids.shape[1]), value=PAD)
        pictures = as_float(draw_pictures(work, seed))
        batches.append((pictures.to(device), ids.to(device), (ids != PAD).long().to(device)))
    return batches


def training_step(model: nn.Module, loss_of: Callable[[int], Tensor], setting: Setting) -> Step:
    """A whole step of a peer's model: all but the loss is the same for everybody."""
    model.to(setting.device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.05, fused=True)
    in_bfloat16 = setting.precision == "bfloat16"

    def step(number: int) -> float:
        with torch.autocast(setting.device.type, torch.bfloat16, enabled=in_bfloat16):
            loss = loss_of(number)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=True)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    return step
