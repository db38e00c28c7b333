import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from sensorium.errors import RunError
from sensorium.training.average import MovingAverage
from sensorium.training.checkpoint import Checkpoints, TrainState, load_weights


class Trained:
    """A small module after one step of AdamW, with its average."""

    def __init__(self, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.module = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
        self.optimizer = torch.optim.AdamW(self.module.parameters(), fused=True)
        self.average = MovingAverage(self.module, 0.9)
        self.module(torch.ones(4, 3)).sum().backward()
        self.optimizer.step()
        self.average.update(0)

    def save(self, folder: Path, step: int, keep: int = 9, **state: float) -> None:
        saved = TrainState(step=step, data=[{"epoch": 1, "batch": 2}], **state)
        Checkpoints(folder).save(self.module, self.optimizer, self.average, saved, keep)

    def tensors(self) -> list[torch.Tensor]:
        moments = [x for entry in self.optimizer.state.values() for _, x in sorted(entry.items())]
        return [*self.module.parameters(), *self.average.weights.values(), *moments]


def steps(folder: Path) -> list[int]:
    return [checkpoint.state().step for checkpoint in Checkpoints(folder).all()]


def test_restoring_brings_everything_back(tmp_path):
    before, after = Trained(seed=0), Trained(seed=1)
    before.save(tmp_path, 7, samples=28, train_seconds=1.5, mean_loss=0.25)
    state = Checkpoints(tmp_path).newest().restore(after.module, after.optimizer, after.average)
    expected = TrainState(
        7, [{"epoch": 1, "batch": 2}], "float32", 28, train_seconds=1.5, mean_loss=0.25
    )
    assert state == expected
    for one, other in zip(before.tensors(), after.tensors(), strict=True):
        assert torch.equal(one, other)


def test_a_folder_that_was_cut_off_is_ignored_and_then_cleared(tmp_path):
    Trained().save(tmp_path, 5)
    cut_off = tmp_path / "step-00000010.partial"
    cut_off.mkdir()
    (cut_off / "weights.safetensors").write_bytes(b"half")
    assert steps(tmp_path) == [5]
    assert Checkpoints(tmp_path).newest().path.name == "step-00000005"
    Trained().save(tmp_path, 10)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000005", "step-00000010"]


def test_the_newest_few_and_the_best_are_kept(tmp_path):
    for step in (1, 2, 3, 4, 5):
        best = {"best_step": 2, "best_figure": 0.5} if step >= 2 else {}
        Trained().save(tmp_path, step, keep=2, **best)
    assert steps(tmp_path) == [2, 4, 5]
    assert Checkpoints(tmp_path).newest().state().step == 5
    assert Checkpoints(tmp_path).to_use().state().step == 2


def test_without_a_best_the_newest_is_used(tmp_path):
    Trained().save(tmp_path, 1)
    Trained().save(tmp_path, 2)
    assert Checkpoints(tmp_path).to_use().state().step == 2


def test_the_average_is_what_is_used(tmp_path):
    trained = Trained()
    trained.save(tmp_path, 1)
    used = Checkpoints(tmp_path).to_use().inference_weights()
    assert all(torch.equal(used[name], x) for name, x in trained.average.weights.items())
    assert not torch.equal(used["0.weight"], trained.module[0].weight)


def test_a_run_without_a_checkpoint_says_how_to_get_one(tmp_path):
    with pytest.raises(RunError, match=r"no checkpoint in .*train\.checkpoint_every_steps"):
        Checkpoints(tmp_path / "none").to_use()


def test_weights_of_another_model_are_refused_by_name():
    module = nn.Sequential(nn.Linear(3, 2))
    wrong = {"0.weight": torch.zeros(4, 3), "1.bias": torch.zeros(2)}
    with pytest.raises(RunError) as error:
        load_weights(module, wrong, Path("runs/x"))
    said = str(error.value)
    assert "the weights in runs/x are not those of this recipe's model" in said
    assert "missing 0.bias" in said
    assert "left over 1.bias" in said
    assert "0.weight is [4, 3], expected [2, 3]" in said


def test_a_checkpoint_is_safetensors_and_json_alone(tmp_path):
    Trained().save(tmp_path, 1)
    files = {path.name: path for path in (tmp_path / "step-00000001").iterdir()}
    state = json.loads(files.pop("state.json").read_text())
    assert state["step"] == 1
    assert files.keys() == {
        "weights.safetensors",
        "average.safetensors",
        "optimizer.safetensors",
    }
    assert all(load_file(path) for path in files.values())
