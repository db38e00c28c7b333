import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError
from tests.conftest import (
    CONTEXT_TOKENS,
    END,
    FUSION_CONFIGS,
    MASK,
    PAD,
    START,
    TASK_SETTINGS,
    WORDS,
    small_batch,
    small_model,
    small_model_config,
)

from sensorium.fusion import FUSIONS
from sensorium.layers.generation import generate
from sensorium.tasks.captioning import Captioning, CaptioningConfig
from sensorium.tasks.task import Encoded

TEXT = [True, False, True, True, True]
IMAGE = [True, True, False, True, True]


def task_and_model(fusion: str | None = "cross_attention", modalities=("image", "text"), **config):
    model_config = small_model_config(fusion or "sum", modalities=modalities)
    if fusion is None:
        model_config = model_config.model_copy(update={"fusion": None})
    model = small_model(model_config).eval()
    settings = TASK_SETTINGS["captioning"] | config
    return Captioning(CaptioningConfig.model_validate(settings), model, WORDS).eval(), model


def loss_of(task, model, batch, generator):
    return task.loss(model, Encoded(model.encode(batch)), batch, generator)


def predictions_of(task, model, batch, generator):
    with torch.no_grad():
        return task.predict(model, Encoded(model.encode(batch)), batch, generator)


def test_every_token_after_the_first_counts_and_the_end_too(generator):
    task, model = task_and_model()
    batch = small_batch(5, image=IMAGE, text=TEXT)
    text = batch.inputs["text"]
    assert task.count(batch) == (text.mask.sum(dim=1) - 1).sum()
    total = loss_of(task, model, batch, generator).total
    context = task.context(model, model.encode(batch), text.present.nonzero()[:, 0])
    expected = 0.0
    for row, ids in enumerate(text.values):
        real = int(text.mask[row].sum())
        seen = context.values[row : row + 1], context.mask[row : row + 1]
        states = task.decoder(ids[None, : real - 1], *seen)[0]
        expected += F.cross_entropy(task.decoder.logits(states), ids[1:real], reduction="sum")
    torch.testing.assert_close(total, expected)


def test_the_text_is_never_seen_but_as_what_is_to_be_said(generator):
    task, model = task_and_model()
    batch = small_batch(5)
    encoded = Encoded(model.encode(batch))
    loss = task.loss(model, encoded, batch, generator).total
    with torch.no_grad():
        encoded.encodings["text"].tokens.values.fill_(9)
        encoded.encodings["text"].pooled.fill_(9)
    assert torch.equal(task.loss(model, encoded, batch, generator).total, loss)


@pytest.mark.parametrize("fusion", [*FUSIONS, None])
def test_what_is_seen_matters_with_every_fusion_and_without(fusion, generator):
    assert set(FUSION_CONFIGS) == set(FUSIONS)
    task, model = task_and_model(fusion)
    batch, other = small_batch(5, seed=0), small_batch(5, seed=1)
    swapped = replace(batch, inputs=batch.inputs | {"image": other.inputs["image"]})
    losses = [loss_of(task, model, b, generator).total.item() for b in (batch, swapped)]
    assert losses[0] != pytest.approx(losses[1], abs=1e-4)


@pytest.mark.parametrize("fusion", ["self_attention", "gated", None])
def test_absent_is_the_same_as_not_there_at_all(fusion, generator):
    task, model = task_and_model(fusion, ("image", "text", "audio"))
    batch = small_batch(5, text=TEXT, audio=[True] * 5)
    nobody = batch.keep(
        {"audio": torch.zeros(5, dtype=torch.bool)}
        | {m: torch.ones(5, dtype=torch.bool) for m in ("image", "text")}
    )
    losses = [loss_of(task, model, b, generator).total for b in (nobody, batch.without("audio"))]
    torch.testing.assert_close(*losses)


def test_a_text_alone_teaches_what_captions_are_like(generator):
    task, model = task_and_model()
    batch = small_batch(4, image=[True, False, True, False])
    parts = [batch.rows(torch.tensor(rows)) for rows in ([0, 2], [1, 3])]
    assert task.count(parts[1]) > 0
    losses = [loss_of(task, model, b, generator).total for b in (batch, *parts)]
    torch.testing.assert_close(losses[0], losses[1] + losses[2])


@pytest.mark.parametrize("prompt_tokens", [0, 2, 30])
def test_a_prompt_is_given_and_the_rest_asked_for(prompt_tokens, generator):
    task, model = task_and_model(prompt_tokens=prompt_tokens)
    batch = small_batch(5, text=TEXT)
    text = batch.inputs["text"]
    words = text.mask.sum(dim=1) - 2
    asked = (words - prompt_tokens).clamp(min=0) + 1  # the end always is
    assert task.count(batch) == asked.sum()
    said = predictions_of(task, model, batch, generator)["said"][text.present]
    for row, ids in enumerate(said):
        given = 1 + min(prompt_tokens, int(words[row]))
        assert torch.equal(ids[:given], text.values[row, :given])


def test_what_is_written_is_the_greedy_text_of_what_is_seen(generator):
    task, model = task_and_model()
    batch = small_batch(5, image=IMAGE, text=TEXT)
    predicted = predictions_of(task, model, batch, generator)
    assert predicted["said"].shape == (5, CONTEXT_TOKENS)
    assert predicted["present"].tolist() == TEXT
    assert (predicted["said"][1] == PAD).all()
    for row in (0, 2, 3, 4):
        with torch.no_grad():
            one = torch.tensor([row])
            seen = task.context(model, model.encode(batch), one)
            start, length = torch.tensor([[START]]), torch.tensor([1])
            longest = CONTEXT_TOKENS - 1
            begun = task.decoder.begin(start, length, seen.values, seen.mask, longest)
            expected = generate(*begun, task.decoder.step, end=END, longest=longest)
        said = predicted["said"][row]
        assert said[0] == START
        assert torch.equal(said[1:][said[1:] != PAD], expected.ids[0, expected.mask[0]])
        assert not torch.isin(said[1:][said[1:] != PAD], torch.tensor([START, MASK])).any()


def test_blind_is_what_is_written_with_nothing_to_see(generator):
    task, model = task_and_model()
    batch = small_batch(5)
    predicted = predictions_of(task, model, batch, generator)
    without = predictions_of(task, model, batch.without("image"), generator)
    for what in ("said", "right", "log probability"):
        torch.testing.assert_close(without[what], predicted[f"{what} blind"])
        torch.testing.assert_close(without[f"{what} blind"], predicted[f"{what} blind"])
    assert (predicted["said blind"] == predicted["said blind"][0]).all()


@pytest.mark.parametrize(
    "generation", [{"beams": 3}, {"temperature": 1.0, "top_k": 5}, {"max_tokens": 2}]
)
def test_settings_of_the_search_are_followed(generation, generator):
    task, model = task_and_model(generation=generation)
    plain, _ = task_and_model()
    plain.load_state_dict(task.state_dict())
    batch = small_batch(5)
    said = predictions_of(task, model, batch, generator)["said"]
    greedy = predictions_of(plain, model, batch, generator)["said"]
    assert not torch.equal(said, greedy)
    if "max_tokens" in generation:
        assert torch.equal(said[:, :3], greedy[:, :3])
        assert (said[:, 3:] == PAD).all()


def test_draws_follow_the_generator():
    task, model = task_and_model(generation={"temperature": 2.0})
    batch = small_batch(5)
    drawn = [
        predictions_of(task, model, batch, torch.Generator().manual_seed(seed))["said"]
        for seed in (0, 0, 1)
    ]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_label_smoothing_spreads_a_share_over_all_tokens(generator):
    smooth, model = task_and_model(label_smoothing=0.1)
    batch = small_batch(5)
    text = batch.inputs["text"]
    context = smooth.context(model, model.encode(batch), torch.arange(5))
    states = smooth.decoder(text.values[:, :-1], context.values, context.mask)
    likely = smooth.decoder.logits(states).log_softmax(dim=2)[text.mask[:, 1:]]
    right = text.values[:, 1:][text.mask[:, 1:]]
    expected = 0.9 * likely.gather(1, right[:, None]).sum() + 0.1 * likely.mean(dim=1).sum()
    torch.testing.assert_close(loss_of(smooth, model, batch, generator).total, -expected)


def perfect(task, model, batch, generator):
    """Predictions of a decoder that says the right words."""
    predicted = predictions_of(task, model, batch, generator)
    return predicted | {"said": predicted["right words"], "right": predicted["asked"].float()}


def test_figures_of_the_right_words_and_of_none(generator):
    task, model = task_and_model()
    predicted = perfect(task, model, small_batch(5, text=TEXT), generator)
    figures = task.metrics(predicted)
    for name in ("bleu_1", "bleu_2", "exact_match", "accuracy"):
        assert figures[name] == 1.0
    assert figures["cider"] > 4
    assert figures["cider_without_image"] < 1
    assert figures["accuracy_without_image"] < 0.5
    nothing = task.metrics(predicted | {"said": torch.full_like(predicted["said"], PAD)})
    assert [nothing[n] for n in ("bleu_1", "cider", "exact_match")] == [0.0, 0.0, 0.0]


def test_perplexity_is_that_of_the_loss(generator):
    task, model = task_and_model()
    batch = small_batch(5, text=TEXT)
    figures = task.metrics(predictions_of(task, model, batch, generator))
    mean = loss_of(task, model, batch, generator).total.item() / task.count(batch)
    assert figures["perplexity"] == pytest.approx(math.exp(mean))


def test_any_of_several_captions_is_right(generator):
    task, model = task_and_model()
    batch = small_batch(4, text=[True, True, False, True])
    others = torch.full((4, 2, 5), PAD)
    others[0, 0, :3] = torch.tensor([START, 7, END])
    others[3, 0, :4] = torch.tensor([START, 8, 9, END])
    others[3, 1, :3] = torch.tensor([START, 5, END])
    batch = replace(batch, targets=batch.targets | {"captions": others})
    predicted = predictions_of(task, model, batch, generator)
    own = [task.text_of(ids) for ids in batch.inputs["text"].values]
    said = predicted["right words"].clone()
    said[0, :4] = torch.tensor([START, 7, END, PAD])
    said[0, 4:] = PAD
    written = task.written(predicted | {"said": said})
    assert [one.row for one in written] == [0, 1, 3]
    assert [one.references for one in written] == [(own[0], "7"), (own[1],), (own[2], "8 9", "5")]
    assert [one.text for one in written] == ["7", own[1], own[2]]
    assert task.metrics(predicted | {"said": said})["exact_match"] == 1.0


def test_figures_of_batches_joined_are_those_of_one(generator):
    task, model = task_and_model()
    batch = small_batch(6, text=[True, False, True, True, False, True])
    whole = predictions_of(task, model, batch, generator)
    parts = [predictions_of(task, model, part, generator) for part in batch.split(2)]
    joined = {what: torch.cat([part[what] for part in parts]) for what in whole}
    assert task.metrics(joined) == pytest.approx(task.metrics(whole))
    assert [w.text for w in task.written(joined)] == [w.text for w in task.written(whole)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"beams": 2, "temperature": 1.0}, "beams=2 looks for the likeliest and temperature=1"),
        ({"top_k": 5}, "top_k and top_p narrow a draw; give a temperature"),
    ],
)
def test_searches_that_contradict_each_other_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        CaptioningConfig.model_validate({"generation": settings})
