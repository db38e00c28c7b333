"""Every fusion is trained and judged from files, on the tasks that it can serve."""

from pathlib import Path

import pytest
import torch
from tests.conftest import FUSION_CONFIGS
from tests.pairs import tiny_tree, write_pairs

from sensorium.fusion import FUSIONS
from sensorium.recipe import Recipe
from sensorium.tasks import TASKS
from sensorium.verbs.pretrain import pretrain


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("pairs"))


@pytest.mark.parametrize("fusion", FUSIONS)
def test_a_run_of_every_fusion(fusion, pairs, tmp_path):
    tree = tiny_tree(pairs, steps=3, modality_dropout=0.3)
    tree["model"]["fusion"] = FUSION_CONFIGS[fusion].model_dump()
    if not FUSIONS[fusion].keeps_tokens:
        tree["tasks"] = {n: t for n, t in tree["tasks"].items() if not TASKS[n].needs_fused_tokens}
    done = pretrain(Recipe.model_validate(tree), run_dir=tmp_path / "run")
    assert done.summary is not None
    judged = {name.split("/")[1] for name in done.summary["metrics"]}
    assert judged == set(tree["tasks"])
    mixture, _ = done.run.mixture(torch.device("cpu"))
    assert isinstance(mixture.model.fusion, FUSIONS[fusion])
