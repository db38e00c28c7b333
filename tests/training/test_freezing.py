import pytest
import torch
from tests.conftest import small_batch, small_mixture, small_model, small_model_config
from torch import nn

from sensorium.batch import Representation
from sensorium.layers.lora import LowRankLinear
from sensorium.tasks import Mixture
from sensorium.training.finetune import FinetuneConfig
from sensorium.training.freezing import Thaw, adapt, relative_rates, stages_of, to_training

DEPTH = 2  # of the tiny encoders
STAGES = 1 + 1 + DEPTH + 1  # heads, fusion, layers, what embeds


def adapted(pooling: str = "mean", **settings: object) -> Mixture:
    model = small_model(small_model_config(pooling=pooling, dropout=0.5))
    mixture = small_mixture("contrastive", "matching", model=model)
    adapt(mixture, FinetuneConfig.model_validate(settings))
    return mixture


def learning(mixture: Mixture) -> set[str]:
    """The parts that learn, as deep as names tell them apart."""
    names = [name for name, p in mixture.named_parameters() if p.requires_grad]
    return {".".join(name.split(".")[:5]) for name in names}


def parts(mixture: Mixture, start: str) -> set[str]:
    return {name for name in learning(mixture) if name.startswith(start)}


def test_without_settings_everything_learns():
    mixture = adapted()
    assert all(parameter.requires_grad for parameter in mixture.parameters())


def test_encoders_are_frozen_by_name_or_all():
    one, both = adapted(freeze={"encoders": ["image"]}), adapted(freeze={"encoders": "all"})
    assert not parts(one, "model.encoders.image")
    assert parts(one, "model.encoders.text")
    assert not parts(both, "model.encoders")
    assert parts(both, "model.fusion")
    assert parts(both, "tasks")


def test_the_fusion_is_frozen_where_asked_for():
    mixture = adapted(freeze={"fusion": True})
    assert not parts(mixture, "model.fusion")
    assert parts(mixture, "model.encoders")


@pytest.mark.parametrize("pooling", ["mean", "class", "attention"])
def test_the_lowest_layers_are_frozen_with_what_embeds(pooling):
    mixture = adapted(pooling, freeze={"layers": 1})
    left = parts(mixture, "model.encoders.image")
    expected = {f"model.encoders.image.transformer.{part}" for part in ("layers", "norm")}
    if pooling == "attention":
        expected |= {f"model.encoders.image.attention_pool.{p}" for p in ("query", "norm")}
        expected |= {"model.encoders.image.attention_pool.attention"}
    assert left == expected
    first, last = mixture.model.encoders["image"].transformer.layers
    assert not any(parameter.requires_grad for parameter in first.parameters())
    assert all(parameter.requires_grad for parameter in last.parameters())


@pytest.mark.parametrize("pooling", ["mean", "class", "attention"])
def test_every_parameter_is_in_one_stage(pooling):
    mixture = adapted(pooling)
    stages = stages_of(mixture)
    assert len(stages) == STAGES
    counted = [parameter for stage in stages for parameter in stage]
    assert len(counted) == len(set(counted)) == len(list(mixture.parameters()))
    assert set(stages[0]) == set(mixture.tasks.parameters())
    assert mixture.model.encoders["text"].embedding.weight in set(stages[-1])


def test_encoders_of_different_depth_meet_at_the_top():
    model = small_model(small_model_config(depth=0))
    encoder = small_model().encoders["text"]
    model.encoders["text"] = encoder
    stages = stages_of(small_mixture("contrastive", model=model))
    shallow, deep = model.encoders["image"].transformer, encoder.transformer
    assert {shallow.norm.weight, deep.norm.weight} < set(stages[2])
    assert deep.layers[0].attention.output.weight in set(stages[3])
    assert len(stages) == STAGES


def test_every_stage_learns_at_its_share_of_the_rate():
    mixture = adapted()
    rates = relative_rates(mixture, 0.5)
    encoder = mixture.model.encoders["image"]
    assert rates[mixture.tasks["contrastive"].log_scales] == 1.0
    assert rates[mixture.model.fusion.norm.weight] == 0.5
    assert rates[encoder.transformer.norm.weight] == 0.25
    assert rates[encoder.transformer.layers[1].attention.output.weight] == 0.25
    assert rates[encoder.transformer.layers[0].attention.output.weight] == 0.125
    assert rates[encoder.positions] == 0.0625


def test_with_lora_only_updates_and_heads_learn():
    mixture = adapted(lora={"rank": 2}, freeze={"encoders": ["text"], "layers": 1})
    model = mixture.model
    for name, parameter in model.named_parameters():
        assert parameter.requires_grad == name.endswith((".up", ".down")), name
    updated = {
        name.partition(".attention")[0]
        for name, part in model.named_modules()
        if isinstance(part, LowRankLinear)
    }
    assert "encoders.image.transformer.layers.1" in updated
    assert "encoders.image.transformer.layers.0" not in updated
    assert not any(name.startswith("encoders.text") for name in updated)
    assert any(name.startswith("fusion") for name in updated)
    assert parts(mixture, "tasks")


def test_stages_join_in_one_after_the_other_from_the_top():
    mixture = adapted()
    thaw = Thaw(mixture, share=0.5, steps=100)
    joined = []
    for step in range(100):
        thaw.advance(step)
        stages = stages_of(mixture)
        joined.append([all(p.requires_grad for p in stage) for stage in stages])
        assert joined[-1] == [any(p.requires_grad for p in stage) for stage in stages]
    counts = [sum(of_step) for of_step in joined]
    assert counts == [min(STAGES, 1 + step // 10) for step in range(100)]
    assert all(of_step[0] for of_step in joined)


def test_what_is_frozen_never_joins_in():
    mixture = adapted(freeze={"encoders": ["image"]})
    thaw = Thaw(mixture, share=0.5, steps=10)
    for step in (0, 9):
        thaw.advance(step)
    assert not parts(mixture, "model.encoders.image")
    assert parts(mixture, "model.encoders.text")


def test_a_later_step_can_be_gone_to_at_once():
    one, other = adapted(), adapted()
    slow, quick = Thaw(one, share=1.0, steps=20), Thaw(other, share=1.0, steps=20)
    for step in range(13):
        slow.advance(step)
    quick.advance(12)
    assert learning(one) == learning(other)


def encoded(mixture: Mixture) -> Representation:
    return mixture.model(small_batch(), torch.Generator().manual_seed(0))


def test_what_is_frozen_computes_without_dropout():
    mixture = adapted(freeze={"encoders": ["image"]})
    to_training(mixture)
    one, other = encoded(mixture), encoded(mixture)
    assert torch.equal(one.encodings["image"].pooled, other.encodings["image"].pooled)
    assert not torch.equal(one.encodings["text"].pooled, other.encodings["text"].pooled)
    assert mixture.model.encoders["text"].training
    assert not mixture.model.encoders["image"].training


def test_what_joins_in_computes_with_dropout_from_then_on():
    mixture = adapted()
    thaw = Thaw(mixture, share=0.5, steps=10)
    thaw.advance(0)
    assert not any(d.training for d in dropouts(mixture))
    thaw.advance(9)
    assert all(d.training for d in dropouts(mixture))


def dropouts(mixture: Mixture) -> list[nn.Module]:
    return [part for part in mixture.modules() if isinstance(part, nn.Dropout)]
