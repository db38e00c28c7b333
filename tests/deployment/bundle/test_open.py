"""A bundle answers as its run does; one that is damaged, or means harm, is refused."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save
from tests.deployment.bundle.bundles import change_manifest, replace_file, write_bundle

import sensorium as library
from sensorium.deployment.bundle.open import WEIGHTS, Bundle
from sensorium.deployment.bundle.recipe import RECIPE
from sensorium.errors import BundleError
from sensorium.run import Run


@pytest.fixture(scope="module")
def whole(trained: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Do not change it."""
    return write_bundle(trained, tmp_path_factory.mktemp("bundles") / "whole")


@pytest.fixture
def bundle(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "bundle")


def test_a_bundle_answers_as_its_run_does_wherever_it_lies(trained, bundle):
    row = {"image": trained.folder.parent / "data" / "3.png", "text": "a red thing"}
    assert library.load(bundle).predict(**row) == library.load(trained.folder).predict(**row)


def test_a_bundle_says_nothing_of_where_the_data_lay(trained, bundle):
    for path in bundle.iterdir():
        assert str(trained.folder.parent).encode() not in path.read_bytes(), path.name


def test_opening_leaves_the_chance_of_the_program_alone(bundle):
    state = torch.get_rng_state()
    Bundle.open(bundle)
    assert torch.get_rng_state().equal(state)


def test_answering_from_a_bundle_needs_no_training_code(trained, bundle):
    picture = trained.folder.parent / "data" / "3.png"
    program = (
        "import sys, sensorium\n"
        f"print(sensorium.load({str(bundle)!r}).predict(image={str(picture)!r}, text='red'))\n"
        f"print(sensorium.predict({str(bundle)!r}, text='red', image={str(picture)!r}))\n"
        "folders = ('training', 'run', 'recipe', 'evaluation', 'world')\n"
        "print([m for m in sys.modules if m.split('.')[0] == 'sensorium'"
        " and any(m.split('.')[1:2] == [folder] for folder in folders)])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answer, _, loaded = done.stdout.splitlines()
    assert "contrastive" in answer
    assert loaded == "[]"


def a_file_outside(bundle: Path) -> None:
    (bundle.parent / "secret").write_text("{}")
    change_manifest(bundle, lambda tree: tree["files"].update({"../secret": _nothing()}))


def a_file_from_the_root(bundle: Path) -> None:
    change_manifest(bundle, lambda tree: tree["files"].update({"/etc/passwd": _nothing()}))


def a_link(bundle: Path) -> None:
    target = bundle.parent / "elsewhere"
    shutil.move(bundle / WEIGHTS, target)
    (bundle / WEIGHTS).symlink_to(target)


def a_folder_that_is_a_link(bundle: Path) -> None:
    (bundle.parent / "elsewhere").mkdir()
    (bundle.parent / "elsewhere" / "graph.onnx").write_bytes(b"")
    (bundle / "graphs").symlink_to(bundle.parent / "elsewhere")
    change_manifest(bundle, lambda tree: tree["files"].update({"graphs/graph.onnx": _nothing()}))


def a_changed_file(bundle: Path) -> None:
    content = bytearray((bundle / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (bundle / WEIGHTS).write_bytes(content)


def a_short_file(bundle: Path) -> None:
    (bundle / WEIGHTS).write_bytes((bundle / WEIGHTS).read_bytes()[:-4])


def a_missing_file(bundle: Path) -> None:
    (bundle / "tokenizer.json").unlink()


def a_version_of_tomorrow(bundle: Path) -> None:
    change_manifest(bundle, lambda tree: tree.update(version=2))


def another_format(bundle: Path) -> None:
    change_manifest(bundle, lambda tree: tree.update(format="pickle"))


def an_unknown_key(bundle: Path) -> None:
    change_manifest(bundle, lambda tree: tree.update(run="rm -rf"))


def no_weights(bundle: Path) -> None:
    change_manifest(bundle, lambda tree: tree["files"].pop(WEIGHTS))


def a_manifest_of_nothing(bundle: Path) -> None:
    (bundle / "manifest.json").write_text("[" * 100_000)


def a_huge_manifest(bundle: Path) -> None:
    (bundle / "manifest.json").write_text(" " * (1 << 20) + "{}")


def a_huge_header(bundle: Path) -> None:
    replace_file(bundle, WEIGHTS, (1 << 62).to_bytes(8, "little") + b"{}" * 100)


def no_header(bundle: Path) -> None:
    replace_file(bundle, WEIGHTS, b"")


def a_pickle(bundle: Path) -> None:
    replace_file(bundle, WEIGHTS, (2).to_bytes(8, "little") + b"\x80\x04cos\nsystem\n.")


def weights_of_another_shape(bundle: Path) -> None:
    weights = load_file(bundle / WEIGHTS)
    weights["model.encoders.image.positions"] = torch.zeros(2, 2)
    replace_file(bundle, WEIGHTS, save(weights))


def weights_missing(bundle: Path) -> None:
    weights = load_file(bundle / WEIGHTS)
    del weights["model.encoders.image.positions"]
    replace_file(bundle, WEIGHTS, save(weights))


def a_recipe_too_large_for_any_memory(bundle: Path) -> None:
    recipe = json.loads((bundle / RECIPE).read_text())
    recipe["model"]["encoders"]["image"]["width"] = 2**40
    replace_file(bundle, RECIPE, json.dumps(recipe).encode())


def a_recipe_of_unknown_keys(bundle: Path) -> None:
    recipe = json.loads((bundle / RECIPE).read_text())
    replace_file(bundle, RECIPE, json.dumps(recipe | {"code": "import os"}).encode())


def a_recipe_that_makes_no_model(bundle: Path) -> None:
    recipe = json.loads((bundle / RECIPE).read_text())
    recipe["model"]["encoders"]["image"]["patch_size"] = 7
    replace_file(bundle, RECIPE, json.dumps(recipe).encode())


def _nothing() -> dict[str, object]:
    return {"bytes": 0, "sha256": "0" * 64}


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (a_file_outside, "names '../secret', which leads out of the folder"),
        (a_file_from_the_root, "names '/etc/passwd', which leads out of the folder"),
        (a_link, "is a link; a bundle holds its files itself"),
        (a_folder_that_is_a_link, "graphs is a link"),
        (a_changed_file, "its hash differs"),
        (a_short_file, "bytes, not the"),
        (a_missing_file, "tokenizer.json is missing or cannot be read"),
        (a_version_of_tomorrow, "version 2 of the format is not known here, expected 1"),
        (another_format, "is not the manifest of a bundle"),
        (an_unknown_key, "run: Extra inputs are not permitted"),
        (no_weights, "the manifest lacks weights.safetensors"),
        (a_manifest_of_nothing, "manifest.json is not JSON"),
        (a_huge_manifest, "more than the 1,048,576 allowed"),
        (a_huge_header, "the header is to have 4,611,686,018,427,387,904 bytes, expected 1 to"),
        (no_header, "the header is to have 0 bytes"),
        (a_pickle, "is no safetensors file"),
        (weights_of_another_shape, r"positions is \[2, 2\], expected \[16, 16\]"),
        (weights_missing, "missing model.encoders.image.positions"),
        (a_recipe_too_large_for_any_memory, "are not those of the bundle's model|can be built"),
        (a_recipe_of_unknown_keys, "code: Extra inputs are not permitted"),
        (a_recipe_that_makes_no_model, "no model can be built of this bundle's recipe"),
    ],
)
def test_what_is_damaged_or_means_harm_is_refused(bundle, harm: Callable[[Path], None], said: str):
    harm(bundle)
    with pytest.raises(BundleError, match=said) as refused:
        Bundle.open(bundle)
    assert "\n" not in str(refused.value).strip()
