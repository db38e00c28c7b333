"""Two processes that train together do what one does with the whole batch."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.pairs import tiny_tree, write_pairs, write_recipe
from tests.training.shares import STEPS, Shares, train

from sensorium import ranks
from sensorium.errors import DataError, RunError
from sensorium.run import Run
from sensorium.training.log import read_metrics
from sensorium.verbs.pretrain import pretrain

ROOT = Path(__file__).parents[2]


ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
    "OMP_NUM_THREADS": "1",
}
LONGEST_SECONDS = 900  # on a machine that has much else to do


def launched_in_two(*program: object) -> subprocess.CompletedProcess:
    """What two processes on this machine said, started by torch's launcher."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = [*launch, "--nproc-per-node", "2", "-m", *map(str, program)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=LONGEST_SECONDS, env=ENVIRONMENT
    )


def in_two(*program: object) -> tuple[list[int], str]:
    """The exit statuses of two processes, and what both wrote; sooner than by the launcher."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    ranks_of = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", *map(str, program)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT | ranks_of | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(2)
    ]
    said = [process.communicate(timeout=LONGEST_SECONDS)[1] for process in started]
    return [process.returncode for process in started], "".join(said)


@pytest.fixture(scope="module")
def shares(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int], str]:
    folder = tmp_path_factory.mktemp("shares")
    return folder, *in_two("tests.training.shares", folder)


def weights(folder: Path, step: int = STEPS) -> dict[str, torch.Tensor]:
    return load_file(folder / f"checkpoints/step-{step:08d}/weights.safetensors")


def test_two_processes_learn_what_one_learns_from_the_whole_batch(shares, tmp_path):
    """Also where a modality, or all of them, is absent on one rank or on both."""
    train(tmp_path / "one", Shares())
    one, two = weights(tmp_path / "one"), weights(shares[0] / "whole")
    assert one.keys() == two.keys()
    for name, weight in one.items():
        torch.testing.assert_close(two[name], weight, rtol=0, atol=1e-6)
    theirs = read_metrics(shares[0] / "whole/metrics.jsonl")
    assert "train/contrastive/gradient_norm" in theirs[0]
    for row, expected in zip(theirs, read_metrics(tmp_path / "one/metrics.jsonl"), strict=True):
        for name in row:
            if name.endswith(("loss", "/accuracy", "/gradient_norm")):
                assert row[name] == pytest.approx(expected[name], rel=1e-4)


def test_parts_without_a_sample_on_a_rank_hold_nobody_up(shares):
    assert len(read_metrics(shares[0] / "parts/metrics.jsonl")) == STEPS


def test_a_failure_on_one_rank_ends_all_of_them_with_its_message(shares):
    folder, statuses, said = shares
    assert statuses == [1, 1]
    assert "error: the disk is gone" in said
    assert "error: stopped, because rank 1 has: the disk is gone" in said
    assert len(read_metrics(folder / "failing/metrics.jsonl")) == 2


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recipe")
    tree = tiny_tree(
        write_pairs(folder / "data"),
        steps=6,
        checkpoint_every_steps=3,
        modality_dropout=0.2,
        validate_every_steps=3,
    )
    tree["data"]["validation_share"] = 0.3
    return write_recipe(folder / "tiny.yaml", tree)


@pytest.fixture(scope="module")
def run(recipe: Path) -> Path:
    """A run of two processes that nobody stopped."""
    folder = recipe.parent / "run"
    ended = launched_in_two("sensorium", "pretrain", recipe, "--run-dir", folder)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("samples/s, in") == 1, "only the first of them speaks"
    return folder


def test_the_command_trains_in_two_processes(run):
    summary = Run.open(run).summary()
    assert summary["processes"] == 2
    assert (summary["steps"], summary["samples"]) == (6, 24)
    assert "test/contrastive/image_to_text/recall_at_1" in summary["metrics"]
    assert len(read_metrics(run / "metrics.jsonl")) > 0
    assert (run / "report.html").exists()


def test_a_resumed_run_of_two_processes_ends_with_the_same_bits(run, recipe, tmp_path):
    stopped = shutil.copytree(run, tmp_path / "stopped")
    shutil.rmtree(stopped / "checkpoints/step-00000006")
    (stopped / "summary.json").unlink()
    statuses, said = in_two("sensorium", "pretrain", recipe, "--run-dir", stopped, "--resume")
    assert statuses == [0, 0], said
    before, after = weights(run, step=6), weights(stopped, step=6)
    assert all(torch.equal(after[name], weight) for name, weight in before.items())
    metrics = Run.open(run).summary()["metrics"]
    assert Run.open(stopped).summary()["metrics"] == metrics


def test_a_run_goes_on_with_as_many_processes_as_before(run, recipe, tmp_path):
    stopped = shutil.copytree(run, tmp_path / "stopped")
    with pytest.raises(RunError, match=r"trained by 2 processes .* with as many, not 1"):
        pretrain(recipe, run_dir=stopped, resume=True)


def test_alone_everything_is_as_it_was_given():
    rows = torch.ones(3, 2, requires_grad=True)
    assert ranks.gather(rows) is rows
    assert ranks.totals([1, 2.5]) == [1, 2.5]
    assert ranks.everyone("me") == ["me"]
    assert ranks.only_first(lambda: 7) == ranks.first_alone(lambda: 7) == 7
    with ranks.joined(), pytest.raises(DataError, match="mine"), ranks.together():
        raise DataError("mine")
