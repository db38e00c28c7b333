import torch
from tests.conftest import END, MASK, PAD, START, small_batch, small_model

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
