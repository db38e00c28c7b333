"""Most of a picture or a sound is hidden, and nothing of it reaches who has to tell it."""

from dataclasses import replace

import pytest
import torch
from tests.conftest import small_batch, small_mixture, small_model, small_model_config
from tests.encoders.test_image import side_by_side

from sensorium.batch import Batch, Inputs
from sensorium.encoders import EncodersConfig
from sensorium.errors import RecipeError
from sensorium.model import Model, ModelConfig
from sensorium.recipe import load_recipe
from sensorium.tasks.masked_patches import (
    MaskedAudio,
    MaskedAudioConfig,
    MaskedImage,
    MaskedImageConfig,
    MaskedPatches,
    normalised,
)
from sensorium.tasks.reconstruction import reconstruct
from sensorium.tasks.task import Encoded

SIZES = {"width": 16, "depth": 2, "heads": 2}
DECODER = {"width": 8, "depth": 1, "heads": 2}
STEMS = {"image": [6, 8], "audio": [4]}
KINDS = ["image", "image of its own shape", "audio"]


def model_of(kind: str, **encoder: object) -> Model:
    modality = kind.split()[0]
    patch = {"image": {"patch_size": 4}, "audio": {"patch_frames": 4, "patch_bins": 4}}[modality]
    if encoder.pop("stem", False):
        encoder["stem_widths"] = STEMS[modality]
    encoders = {modality: {**SIZES, **patch, **encoder}}
    return small_model(ModelConfig(encoders=EncodersConfig.model_validate(encoders)))


def task_of(kind: str, model: Model, **config: object) -> MaskedPatches:
    torch.manual_seed(1)
    settings = DECODER | config
    if kind == "audio":
        return MaskedAudio(MaskedAudioConfig(**settings), model)
    return MaskedImage(MaskedImageConfig(**settings), model)


def batch_of(kind: str, seed: int = 0) -> Batch:
    """Four samples, of whose kind the second has none."""
    has = [True, False, True, True]
    if kind != "image of its own shape":
        batch = small_batch(4, image=has, audio=has, seed=seed)
        return batch.without(*{"image", "text", "audio"} - {kind})
    draw = torch.Generator().manual_seed(seed)
    shapes = [(8, 24), (20, 8), (16, 16)]
    pictures = [torch.randint(0, 256, (3, *s), generator=draw).to(torch.uint8) for s in shapes]
    inputs = replace(side_by_side(pictures), present=torch.tensor(has))
    return Batch([f"made:{i}" for i in range(4)], {"image": inputs})


def hidden_of(task: MaskedPatches, prepared: Batch) -> torch.Tensor:
    drawn = prepared.inputs[task.key]
    return drawn.mask & ~drawn.values


def with_other(prepared: Batch, task: MaskedPatches, changed: torch.Tensor) -> Batch:
    """The batch in which the patches `changed` [P, N] hold something else."""
    inputs = prepared.inputs[task.modality]
    rows = len(inputs.values)
    if task.modality == "image":
        sides = [side // 4 for side in inputs.values.shape[2:]]
        of_pixels = changed.view(rows, *sides).repeat_interleave(4, 1).repeat_interleave(4, 2)
        values = torch.where(of_pixels[:, None], 255 - inputs.values, inputs.values)
    else:
        of_frames = changed.view(rows, -1, 2).repeat_interleave(4, 1).repeat_interleave(4, 2)
        values = torch.where(of_frames[:, : inputs.values.shape[1]], 9.0, inputs.values)
    return replace(
        prepared, inputs=prepared.inputs | {task.modality: replace(inputs, values=values)}
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stem", [False, True])
@pytest.mark.parametrize("pooling", ["mean", "class"])
def test_nothing_of_what_is_hidden_is_seen(kind, stem, pooling, generator):
    model = model_of(kind, stem=stem, pooling=pooling)
    task = task_of(kind, model)
    prepared = task.prepare(batch_of(kind), generator)
    hidden = hidden_of(task, prepared)
    guesses = task.guess(model, prepared)
    other = task.guess(model, with_other(prepared, task, hidden))
    assert torch.equal(other.guess, guesses.guess)
    assert not torch.equal(other.target, guesses.target)
    visible = prepared.inputs[task.key].values
    assert not torch.equal(
        task.guess(model, with_other(prepared, task, visible)).guess, guesses.guess
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stem", [False, True])
def test_with_everything_visible_tokens_are_those_of_the_encoder(kind, stem):
    model = model_of(kind, stem=stem).eval()
    encoder, inputs = model.encoders[kind.split()[0]], batch_of(kind).inputs[kind.split()[0]]
    if kind == "audio" and stem:  # the norms of a whole sound take in what pads its window
        whole = torch.ones_like(inputs.mask)
        inputs = replace(inputs, values=torch.rand_like(inputs.values), mask=whole)
    tokens, there = encoder.encode_visible(inputs, encoder.real_patches(inputs))
    expected = encoder(inputs).rows(inputs.present.nonzero()[:, 0]).tokens
    for row in range(3):
        real = expected.values[row][expected.mask[row]]
        torch.testing.assert_close(tokens[row][there[row]], real, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_share_of_the_real_patches_is_hidden(kind, generator):
    model = model_of(kind)
    task = task_of(kind, model, hidden=0.75)
    prepared = task.prepare(batch_of(kind), generator)
    hidden, real = hidden_of(task, prepared), prepared.inputs[task.key].mask
    for row in range(3):
        whole = int(real[row].sum())
        assert int(hidden[row].sum()) == whole - max(1, round(whole / 4))
    assert task.count(prepared) == hidden.sum()
    assert not (prepared.inputs[task.key].values & ~real).any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("normalise", [False, True])
def test_the_loss_is_its_formula(kind, normalise, generator):
    model = model_of(kind)
    task = task_of(kind, model, normalise=normalise)
    prepared = task.prepare(batch_of(kind), generator)
    loss = task.loss(model, Encoded({}), prepared, generator)
    hidden, visible = hidden_of(task, prepared), prepared.inputs[task.key].values
    guess = iter(task.guess(model, prepared).guess)
    patches = model.encoders[task.modality].patches_of(prepared.inputs[task.modality]).values
    expected, nearer = 0.0, 0
    for row, place in hidden.nonzero().tolist():
        target = patches[row]
        if normalise:
            deviation = (target.var(dim=1, keepdim=True, correction=0) + 1e-6).sqrt()
            target = (target - target.mean(dim=1, keepdim=True)) / deviation
        error = (next(guess) - target[place]).square().mean()
        mean = target[visible[row]].mean(dim=0)
        nearer += bool(error < (mean - target[place]).square().mean())
        expected += error
    torch.testing.assert_close(loss.total, expected)
    assert loss.correct == nearer


def test_a_patch_less_its_mean_over_its_deviation():
    patches = torch.tensor([[1.0, 3.0], [5.0, 5.0]])
    torch.testing.assert_close(
        normalised(patches), torch.tensor([[-1.0, 1.0], [0.0, 0.0]]), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_is_told_alone_as_among_others(kind, generator):
    model = model_of(kind, stem=True).eval()
    task = task_of(kind, model).eval()
    prepared = task.prepare(batch_of(kind), generator)
    together = task.guess(model, prepared)
    of_rows = together.guess.split(together.hidden.sum(dim=1).tolist())
    for sample, expected in zip((0, 2, 3), of_rows, strict=True):
        alone = task.guess(model, prepared.rows(torch.tensor([sample])))
        torch.testing.assert_close(alone.guess, expected, rtol=1e-4, atol=1e-5)


def test_a_long_sound_is_looked_at_in_its_first_window(generator):
    model = model_of("audio")
    task = task_of("audio", model)
    batch = batch_of("audio")
    sounds = batch.inputs["audio"]
    twice = Inputs(sounds.values.repeat(1, 2, 1), sounds.mask.repeat(1, 2), sounds.present)
    long = replace(batch, inputs={"audio": twice})
    state = generator.get_state()
    short, long = task.prepare(batch, generator), task.prepare(long, generator.set_state(state))
    assert torch.equal(task.guess(model, long).guess, task.guess(model, short).guess)


def test_patches_can_be_learned(generator):
    """Pictures of stripes, whose colour a quarter of the patches tells."""
    model = model_of("image")
    task = task_of("image", model, normalise=False)
    rows = torch.arange(16)[None, None, :, None]
    colour = torch.randint(60, 256, (64, 3, 1, 1), generator=generator)
    stripes = ((rows % 8 < 4) * colour).expand(-1, -1, -1, 16).to(torch.uint8)
    inputs = {"image": Inputs(stripes, None, torch.ones(64, dtype=torch.bool))}
    batch = Batch([str(n) for n in range(64)], inputs)
    optimizer = torch.optim.Adam([*model.parameters(), *task.parameters()], lr=0.01)
    for _ in range(60):
        prepared = task.prepare(batch, generator)
        loss = task.loss(model, Encoded({}), prepared, generator).total / task.count(prepared)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    prepared = task.prepare(batch, generator)
    with torch.no_grad():
        figures = task.metrics(task.predict(model, Encoded({}), prepared, generator))
    assert figures["explained"] > 0.6
    assert figures["explained"] == pytest.approx(
        1 - figures["error"] / figures["error_of_mean_patch"]
    )


@pytest.mark.parametrize("kind", ["image", "image of its own shape"])
@pytest.mark.parametrize("normalise", [False, True])
def test_a_reconstruction_shows_what_was_left_what_was_told_and_the_whole(
    kind, normalise, generator
):
    model = model_of(kind).eval()
    task = task_of(kind, model, normalise=normalise)
    prepared = task.prepare(batch_of(kind), generator)
    shown = reconstruct(task, model, prepared)
    assert [one.id for one in shown] == [id for n, id in enumerate(prepared.ids) if n != 1]
    image, drawn = prepared.inputs["image"], prepared.inputs[task.key]
    columns = image.values.shape[3] // 4
    for row, one in enumerate(shown):
        _, height, width = one.whole.shape
        assert torch.equal(one.whole, image.values[row, :, :height, :width])
        assert height * width == 16 * int(drawn.mask[row].sum())
        for place in drawn.mask[row].nonzero()[:, 0].tolist():
            y, x = (4 * at for at in divmod(place, columns))
            patch = (slice(None), slice(y, y + 4), slice(x, x + 4))
            seen = bool(drawn.values[row, place])
            assert torch.equal(one.told[patch], one.whole[patch]) == seen
            assert bool((one.left[patch] == 128).all()) != seen
            if normalise and not seen:
                told, whole = one.told[patch].float().mean(), one.whole[patch].float().mean()
                assert abs(told - whole) < 50


def test_whole_samples_are_encoded_only_where_a_task_reads_them(generator, monkeypatch):
    model = small_model(small_model_config(modalities=("image", "text")))
    monkeypatch.setattr(model, "encode_modality", lambda *_: pytest.fail("encoded for nobody"))
    alone = small_mixture("masked_image", model=model)
    prepared = alone.prepare(small_batch(4), generator)
    assert alone(prepared, generator).keys() == {"masked_image"}
    predictions, encodings = alone.eval().predict(small_batch(4), generator)
    assert (predictions[0].keys(), encodings) == ({"masked_image"}, {})


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (
            "tasks.masked_audio={}",
            "tasks.masked_audio needs the modality audio, but model.encoders",
        ),
        ("tasks.masked_image={width: 18}", r"width: input should be a multiple of 4; got 18"),
        ("tasks.masked_image={heads: 5}", r"heads=5 must divide width=96"),
    ],
)
def test_what_the_recipe_refuses(override, said):
    with pytest.raises(RecipeError, match=said):
        load_recipe("emoji", [override])
