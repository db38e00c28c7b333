"""Programs say what the model says, and do not tell where they were made."""

from __future__ import annotations

import zipfile
from pathlib import Path

from tests.conftest import small_batch, small_mixture, small_model, small_model_config
from tests.deployment.graphs.test_proof import ALL, DATA, EVERYBODY

from sensorium.deployment.graphs.programs import Programs, write_programs
from sensorium.deployment.graphs.proof import MIXED, prove


def test_every_task_and_every_subset(tmp_path):
    model = small_model(small_model_config("cross_attention", depth=1))
    mixture = small_mixture(*ALL, model=model).eval()
    assert [g.file for g in write_programs(mixture, DATA, tmp_path)] == [
        "image.pt2",
        "text.pt2",
        "fused.pt2",
    ]
    programs = Programs(tmp_path, mixture, DATA)
    proof = prove(mixture, programs, small_batch(5, image=EVERYBODY[:5], text=EVERYBODY[:5]))
    assert {line.subset for line in proof} == {"image", "text", "image and text", MIXED}
    assert {"matching_image_and_text", "classification"} <= {line.output for line in proof}
    assert all(line.holds for line in proof)
    for path in tmp_path.glob("*.pt2"):
        with zipfile.ZipFile(path) as archive:
            content = b"".join(archive.read(name) for name in archive.namelist())
        assert str(Path(__file__).parents[3]).encode() not in content

    mixture.model.fusion.norm.weight.data += 0.1  # other programs than this model's
    assert not all(line.holds for line in prove(mixture, programs, small_batch(5)))
