"""Kill -9 at any moment, resume, and the run ends with the same bits."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.conftest import Command
from tests.pairs import tiny_tree, write_pairs, write_recipe

from sensorium.verbs.pretrain import pretrain

STEPS = 40
LAST = f"checkpoints/step-{STEPS:08d}"

KILLED_WHILE_SAVING = """
import os, signal, sys
from sensorium.cli import main
from sensorium.training import checkpoint

saves = 0
save_file = checkpoint.save_file

def cut_off(tensors, path):
    global saves
    saves += 1
    save_file(tensors, path)
    if saves == 8:  # three files a checkpoint: the second file of the third
        with open(path, "r+b") as file:
            file.truncate(100)
        os.kill(os.getpid(), signal.SIGKILL)

checkpoint.save_file = cut_off
main()
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three tasks, dropout, dropped patches, augmentation, and a checkpoint every five steps."""
    folder = tmp_path_factory.mktemp("resume")
    tree = tiny_tree(
        write_pairs(folder / "data"),
        steps=STEPS,
        checkpoint_every_steps=5,
        moving_average=0.9,
        threads=1,
        learning_rate=0.01,
    )
    return write_recipe(folder / "tiny.yaml", tree)


@pytest.fixture(scope="module")
def uninterrupted(recipe: Path) -> dict[str, bytes]:
    """The files of the last checkpoint of a run that nobody stopped, in this process."""
    folder = recipe.parent / "uninterrupted"
    pretrain(recipe, run_dir=folder)
    return last_checkpoint(folder)


def start(recipe: Path, folder: Path, *program: str) -> subprocess.Popen:
    """A process of its own that trains, by `python -m sensorium` or by another program."""
    program = program or ("-m", "sensorium")
    command = [sys.executable, *program, "pretrain", recipe, "--run-dir", folder]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen, status: int) -> str:
    """Wait for it to end with a status; what it wrote to standard error."""
    _, said = process.communicate(timeout=120)
    assert process.returncode == status, said
    return said


def wait_for(path: Path, process: subprocess.Popen) -> None:
    while not path.exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.002)


def last_checkpoint(folder: Path) -> dict[str, bytes]:
    names = ("weights", "average", "optimizer")
    return {name: (folder / LAST / f"{name}.safetensors").read_bytes() for name in names}


def resume(sensorium: Command, recipe: Path, folder: Path) -> dict[str, bytes]:
    """Go on with a run that has not ended, to its end; the files of its last checkpoint."""
    assert not (folder / LAST).exists(), "the run had ended before it was stopped"
    answer = sensorium("pretrain", recipe, "--run-dir", folder, "--resume")
    assert answer.status == 0, answer.err
    assert (folder / "summary.json").exists()
    return last_checkpoint(folder)


def test_a_run_that_was_killed_ends_with_the_same_bits(recipe, uninterrupted, sensorium):
    folder = recipe.parent / "killed"
    process = start(recipe, folder)
    wait_for(folder / "checkpoints/step-00000010", process)
    process.kill()
    finish(process, status=-signal.SIGKILL)
    assert resume(sensorium, recipe, folder) == uninterrupted


def test_a_run_that_was_killed_while_saving_ends_with_the_same_bits(
    recipe, uninterrupted, sensorium
):
    folder = recipe.parent / "killed-while-saving"
    process = start(recipe, folder, "-c", KILLED_WHILE_SAVING)
    finish(process, status=-signal.SIGKILL)
    left = sorted(os.listdir(folder / "checkpoints"))
    assert left == ["step-00000005", "step-00000010", "step-00000015.partial"]
    assert resume(sensorium, recipe, folder) == uninterrupted


def test_a_run_that_was_asked_to_stop_saves_and_says_how_to_go_on(recipe, uninterrupted, sensorium):
    folder = recipe.parent / "stopped"
    process = start(recipe, folder)
    wait_for(folder / "checkpoints/step-00000005", process)
    process.terminate()
    said = finish(process, status=128 + signal.SIGTERM)
    assert "stopped by SIGTERM at step" in said
    assert f"sensorium pretrain {recipe} --run-dir {folder} --resume" in said
    assert "Traceback" not in said
    assert resume(sensorium, recipe, folder) == uninterrupted
