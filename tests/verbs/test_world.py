"""The recipe `world` on a small world: four modalities in one space, each may be withheld."""

from collections.abc import Iterable
from itertools import permutations
from pathlib import Path

import pytest

from sensorium.recipe import load_recipe
from sensorium.run import Run
from sensorium.verbs.pretrain import pretrain

MODALITIES = ("image", "text", "audio", "video")
SMALLER = {"stem_widths": "[4, 4]", "width": "16", "depth": "1", "heads": "2"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("whole")
    overrides = [
        f"model.encoders.{modality}.{key}={value}"
        for modality in MODALITIES
        for key, value in SMALLER.items()
        if not (modality == "text" and key == "stem_widths")
    ]
    overrides += ["world={train: 12, validation: 2, test: 8}", f"data.root={folder / 'world'}"]
    overrides += ["train.epochs=1", "train.batch_size=4"]
    return pretrain(load_recipe("world", overrides), run_dir=folder / "run").run


def directions(figures: Iterable[str]) -> set[str]:
    """As in image_to_text, of all retrieval figures among those named."""
    parts = [name.split("/") for name in figures]
    return {part[-2] for part in parts if "contrastive" in part}


def pairs_of(modalities: Iterable[str]) -> set[str]:
    return {f"{a}_to_{b}" for a, b in permutations(modalities, 2)}


def test_every_pair_is_judged(run: Run) -> None:
    summary = run.summary()
    assert (Path(run.recipe.data.root) / "videos/train/00011.mp4").exists()
    assert summary["quarantined"] == 0
    for split in ("validation", "test"):
        of_split = [name for name in summary["metrics"] if name.startswith(f"{split}/")]
        assert directions(of_split) == pairs_of(MODALITIES)


@pytest.mark.parametrize("withheld", MODALITIES)
def test_without_a_modality_the_other_pairs_are_judged_alike(run: Run, withheld: str) -> None:
    summary = run.summary()
    figures = summary["withheld"]["test"][withheld]
    assert directions(figures) == pairs_of(set(MODALITIES) - {withheld})
    for name, figure in figures.items():
        assert figure == pytest.approx(summary["metrics"][f"test/{name}"])
