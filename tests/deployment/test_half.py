"""A model in bfloat16 says nearly the same, keeps its counts exact, and is taken only if proved."""

import pytest
import torch
from tests.conftest import small_batch, small_mixture, small_model, small_model_config

import sensorium as library
from sensorium.batch import Batch
from sensorium.deployment import half
from sensorium.deployment.half import HalfModel, difference_of, settle_precision
from sensorium.errors import DataError
from sensorium.run import Run
from sensorium.tasks import Mixture

TASKS = ("contrastive", "matching", "classification", "regression")


@pytest.fixture
def mixture() -> Mixture:
    return small_mixture(*TASKS, model=small_model(small_model_config("cross_attention"))).eval()


def test_what_people_are_told_is_nearly_the_same(mixture):
    other = Mixture(HalfModel(mixture.model), dict(mixture.tasks.items()), mixture.weights).eval()
    assert 0 < difference_of(mixture, other, small_batch(6)) < half.TOLERANCE
    assert all(p.dtype == torch.float32 for p in mixture.parameters())
    assert {p.dtype for p in other.model.parameters()} == {torch.bfloat16}
    assert {p.dtype for p in other.tasks.parameters()} == {torch.float32}
    batch = small_batch(6, image=[True, False] * 3)
    for one, two in zip(mixture.tell(batch), other.tell(batch), strict=True):
        assert one.keys() == two.keys()


def test_float32_stays_as_it_is_without_a_look(mixture):
    before = mixture.model

    def nobody_asks() -> Batch:
        raise AssertionError

    assert settle_precision(mixture, "float32", nobody_asks) == "float32 by PyTorch"
    assert mixture.model is before


def test_auto_takes_it_where_it_is_faster_and_proved(mixture, monkeypatch):
    monkeypatch.setattr(half, "bfloat16_speed", lambda device: 3.0)
    before, batch = mixture.model, small_batch(4)
    speeds = iter([1.0, 1.0])
    monkeypatch.setattr(half, "_seconds", lambda mixture, batch: next(speeds))
    assert "1.0 times as fast" in settle_precision(mixture, "auto", lambda: batch)
    assert mixture.model is before
    monkeypatch.setattr(half, "TOLERANCE", 1e-9)
    speeds = iter([2.0, 1.0])
    assert "says something else by" in settle_precision(mixture, "auto", lambda: batch)
    assert mixture.model is before
    monkeypatch.setattr(half, "TOLERANCE", 1e-2)
    speeds = iter([2.0, 1.0])
    assert settle_precision(mixture, "auto", lambda: batch).startswith("bfloat16 by PyTorch: 2.0")
    assert isinstance(mixture.model, HalfModel)


def test_a_run_in_bfloat16_answers_as_it_does_in_float32(trained: Run):
    row = {"image": trained.folder.parent / "data" / "3.png", "text": "a red thing"}
    exact = library.load(trained.folder).predict(**row)
    rounded = library.load(trained.folder, precision="bfloat16").predict(**row)
    for task, told in exact.items():
        assert rounded[task] == pytest.approx(told, abs=half.TOLERANCE)
    assert library.load(trained.folder, precision="auto").predict(**row).keys() == exact.keys()
    with pytest.raises(DataError, match="auto or float32 or bfloat16 as precision, got 'half'"):
        library.load(trained.folder, precision="half")


def test_a_model_in_bfloat16_is_explained(trained):
    row = {"image": torch.full((16, 16, 3), 90, dtype=torch.uint8).numpy(), "text": "a red thing"}
    whole, half = (
        library.load(trained.folder, device="cpu", precision=precision).explain(**row)
        for precision in ("float32", "bfloat16")
    )
    assert half.keys() == whole.keys()
    for task, told in whole.items():
        assert half[task]["score"] == pytest.approx(told["score"], abs=0.05)
        words = told["modalities"]["text"]["relevance"]
        assert half[task]["modalities"]["text"]["relevance"] == pytest.approx(words, abs=0.05)
