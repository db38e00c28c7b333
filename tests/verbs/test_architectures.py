"""The recipes of known architectures are trained and judged, a few steps on a small world each."""

from pathlib import Path

import pytest
import torch

from sensorium.fusion import FUSIONS
from sensorium.verbs.pretrain import pretrain

ARCHITECTURES = {
    "dual-encoder": (None, {"contrastive"}),
    "two-stream": ("cross_attention", {"contrastive", "matching", "masked_language"}),
    "single-stream": ("self_attention", {"matching", "masked_language"}),
    "bottleneck-audio-video": ("bottleneck", {"contrastive", "matching"}),
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_few_steps_of_each(name, tmp_path: Path):
    fusion, tasks = ARCHITECTURES[name]
    small = [
        *(f"world.{split}=12" for split in ("train", "validation", "test")),
        f"data.root={tmp_path / 'world'}",
        *("train.epochs=null", "train.steps=2", "train.batch_size=6", "evaluation.rerank=0"),
    ]
    done = pretrain(name, small, run_dir=tmp_path / "run")
    assert done.summary is not None
    found = {figure.split("/")[1] for figure in done.summary["metrics"]}
    assert tasks <= found
    mixture, _ = done.run.mixture(torch.device("cpu"))
    if fusion is None:
        assert mixture.model.fusion is None
    else:
        assert isinstance(mixture.model.fusion, FUSIONS[fusion])
