from pathlib import Path

import pytest
import torch
from tests.conftest import small_batch, small_mixture, small_model, small_model_config

from sensorium.batch import Batch
from sensorium.tasks import Mixture
from sensorium.training import TrainConfig
from sensorium.training.loop import Loop

TASKS = ("contrastive", "matching", "masked_language")


class Nothing:
    """No supply: steps are taken by hand."""

    batches_per_epoch = 1


def mixture_of_three(**encoder: object) -> Mixture:
    model = small_model(small_model_config(**encoder))
    mixture = small_mixture(*TASKS, model=model).train()
    mixture.weights |= {"matching": 0.5}
    return mixture


def loop_of(mixture: Mixture, folder: Path, **settings: object) -> Loop:
    settings = {"precision": "float32", "steps": 9} | settings
    return Loop(mixture, Nothing(), TrainConfig.model_validate(settings), folder, seed=0)


def norms_of_a_step(folder: Path, batch: Batch, parts: int = 1) -> dict[str, float | None]:
    loop = loop_of(mixture_of_three(), folder, accumulate=parts, gradient_norms_every_steps=1)
    return {name: loss.gradient_norm for name, loss in loop.step(batch).items()}


def test_each_norm_is_that_of_a_step_with_this_task_alone(tmp_path):
    norms = norms_of_a_step(tmp_path, small_batch(6))
    for task in TASKS:
        mixture = mixture_of_three()
        mixture.weights |= {other: 0.0 for other in TASKS if other != task}
        loop = loop_of(mixture, tmp_path, gradient_norms_every_steps=None, clip_gradient=1e9)
        loop.optimizer = torch.optim.SGD(mixture.parameters(), lr=1.0)
        before = [p.detach().clone() for p in mixture.model.parameters()]
        loop.optimizer.param_groups[0]["lr"] = 1.0
        loop._rate = lambda: 1.0
        loop.step(small_batch(6))
        after = mixture.model.parameters()
        moved = torch.stack([(b - a).norm() for b, a in zip(before, after, strict=True)]).norm()
        assert norms[task] == pytest.approx(moved.item(), rel=1e-3)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("checkpoint", [False, True])
def test_measuring_leaves_the_steps_as_they_are(tmp_path, precision, checkpoint):
    def weights(every: int | None) -> list[torch.Tensor]:
        mixture = mixture_of_three(dropout=0.1, checkpoint_activations=checkpoint)
        settings = {"precision": precision, "accumulate": 2, "gradient_norms_every_steps": every}
        loop = loop_of(mixture, tmp_path, **settings)
        for seed in range(3):
            measured = loop.step(small_batch(6, seed=seed))
            assert (measured["matching"].gradient_norm is None) == (every is None)
        return [p.detach() for p in mixture.parameters()]

    for one, other in zip(weights(None), weights(1), strict=True):
        assert torch.equal(one, other)


def test_parts_of_a_batch_have_the_norm_of_the_whole(tmp_path):
    batch = small_batch(6, image=[False] * 6)  # words alone: nothing depends on who else is there
    whole, parts = (norms_of_a_step(tmp_path, batch, parts) for parts in (1, 3))
    assert whole.keys() == {"masked_language"}
    assert parts == pytest.approx(whole, rel=1e-4)


def test_it_is_done_now_and_then_and_not_where_it_tells_nothing(tmp_path):
    loop = loop_of(mixture_of_three(), tmp_path, gradient_norms_every_steps=2)
    measured = [loop.step(small_batch(4))["contrastive"].gradient_norm for _ in range(4)]
    assert [norm is not None for norm in measured] == [False, True, False, True]
    alone = loop_of(small_mixture("contrastive"), tmp_path, gradient_norms_every_steps=1)
    assert alone.step(small_batch(4))["contrastive"].gradient_norm is None
    frozen = mixture_of_three()
    frozen.model.requires_grad_(False)
    loop = loop_of(frozen, tmp_path, gradient_norms_every_steps=1)
    assert loop.step(small_batch(4))["contrastive"].gradient_norm is None
