from dataclasses import replace

import torch
from tests.conftest import END, MASK, PAD, START, VOCABULARY, small_batch, small_model

from sensorium.batch import WordEdges
from sensorium.tasks.masked_language import MASKED_TEXT, MaskedLanguage, MaskedLanguageConfig
from sensorium.tasks.task import Encoded

SPECIAL = frozenset({PAD, START, END, MASK})


def task_and_model(**config):
    model = small_model()
    return MaskedLanguage(MaskedLanguageConfig(**config), model, MASK, SPECIAL), model


def test_only_words_are_hidden_and_at_least_one_in_every_text(generator):
    task, _ = task_and_model(hidden=0.01)
    batch = small_batch(50)
    masked = task.prepare(batch, generator).inputs[MASKED_TEXT].values
    text = batch.inputs["text"].values
    hidden = masked == MASK
    assert hidden.any(dim=1).all()
    assert not (hidden & torch.isin(text, torch.tensor(sorted(SPECIAL)))).any()
    assert torch.equal(masked[~hidden], text[~hidden])


def test_the_share_that_is_hidden(generator):
    task, _ = task_and_model(hidden=0.5)
    batch = small_batch(400)
    words = ~torch.isin(batch.inputs["text"].values, torch.tensor(sorted(SPECIAL)))
    hidden = task.count(task.prepare(batch, generator)) / words.sum().item()
    assert 0.45 < hidden < 0.58


WORDS = WordEdges(
    begins=torch.arange(VOCABULARY) % 3 != 2,  # a third of all tokens goes on with a word
    ends=torch.arange(VOCABULARY) % 5 == 0,  # a fifth is followed by another word in any case
    blank=torch.arange(VOCABULARY) == 10,
)


def hidden_and_first_tokens(text, hidden):
    """Of every token that may be hidden, (is hidden, row, where its word begins)."""
    for row, (ids, real) in enumerate(zip(text.values.tolist(), text.mask, strict=True)):
        first = 0
        for place, id in enumerate(ids):
            before = ids[place - 1] if place else PAD
            if WORDS.begins[id] or WORDS.ends[before] or id in SPECIAL or before in SPECIAL:
                first = place
            if real[place] and id not in SPECIAL and id != 10:
                yield bool(hidden[row, place]), row, first


def test_words_are_hidden_whole(generator):
    words = replace(WORDS, begins=WORDS.begins.clone(), ends=WORDS.ends.clone())
    for id in SPECIAL:
        words.begins[id] = words.ends[id] = True
    model = small_model()
    task = MaskedLanguage(MaskedLanguageConfig(hidden=0.3), model, MASK, SPECIAL, words)
    batch = small_batch(200)
    text = batch.inputs["text"]
    hidden = task.prepare(batch, generator).inputs[MASKED_TEXT].values == MASK
    assert hidden.any(dim=1).all()
    assert not hidden[text.values == 10].any()
    told = list(hidden_and_first_tokens(text, hidden))
    lots = {(row, first): is_hidden for is_hidden, row, first in told}
    assert len(lots) < len(told)
    assert all(lots[row, first] == is_hidden for is_hidden, row, first in told)
    assert 0.25 < sum(is_hidden for is_hidden, *_ in told) / len(told) < 0.45
    alone = MaskedLanguageConfig(hidden=0.3, whole_words=False)
    task = MaskedLanguage(alone, model, MASK, SPECIAL, words)
    hidden = task.prepare(batch, generator).inputs[MASKED_TEXT].values == MASK
    told = list(hidden_and_first_tokens(text, hidden))
    lots = {(row, first): is_hidden for is_hidden, row, first in told}
    assert any(lots[row, first] != is_hidden for is_hidden, row, first in told)


def test_a_share_of_the_samples_in_training_and_all_in_evaluation(generator):
    task, _ = task_and_model(share=0.5)
    batch = small_batch(10)
    hidden = task.train().prepare(batch, generator).inputs[MASKED_TEXT].values == MASK
    assert hidden.any(dim=1).tolist() == [True] * 5 + [False] * 5
    hidden = task.eval().prepare(batch, generator).inputs[MASKED_TEXT].values == MASK
    assert hidden.any(dim=1).all()


def test_the_encoding_of_the_unmasked_text_is_never_seen(generator):
    task, model = task_and_model()
    batch = task.prepare(small_batch(6), generator)
    encoded = Encoded(model.encode(batch))
    loss = task.loss(model, encoded, batch, generator).total
    with torch.no_grad():
        encoded.encodings["text"].tokens.values.fill_(9)
    assert torch.equal(task.loss(model, encoded, batch, generator).total, loss)


def test_accuracy_stands_beside_that_without_the_picture(generator):
    task, model = task_and_model()
    task.eval(), model.eval()
    batch = task.prepare(small_batch(6), generator)
    predicted = task.predict(model, Encoded(model.encode(batch)), batch, generator)
    figures = task.metrics(predicted)
    assert figures.keys() == {"accuracy", "accuracy_withheld"}
    without = batch.without("image")
    alone = task.predict(model, Encoded(model.encode(without)), without, generator)
    assert torch.equal(alone["right"], predicted["right_withheld"])
