import pytest
import torch
import torch.nn.functional as F

from sensorium.tasks.retrieval import retrievals

WORDS = ("one", "two", "three")


def spoken(recordings: int = 30, noise: float = 0.0) -> dict[str, torch.Tensor]:
    """Predictions over recordings of three words, whose embeddings lie near their word's."""
    word = torch.arange(recordings) % len(WORDS)
    text = F.one_hot(word, 8).float()
    draw = torch.Generator().manual_seed(0)
    audio = F.normalize(text + noise * torch.randn(recordings, 8, generator=draw), dim=-1)
    everybody = torch.ones(recordings, dtype=torch.bool)
    return {
        "audio": audio,
        "audio present": everybody,
        "audio key": torch.arange(recordings) + 100,
        "text": text,
        "text present": everybody.clone(),
        "text key": 7 - word,
    }


def test_equal_candidates_count_once():
    there, back = retrievals(spoken(), ("audio", "text"))
    assert (there.direction, back.direction) == ("audio_to_text", "text_to_audio")
    assert there.similarity.shape == (30, len(WORDS))
    assert there.candidate_rows.tolist() == [0, 1, 2]
    assert there.figures()["recall_at_1"] == 1.0
    assert there.figures()["chance"] == pytest.approx(1 / 3)


def test_any_sample_that_holds_the_query_is_a_hit():
    predictions = spoken()
    # Of all recordings of a word only the last, which no first sample points to, is well said.
    predictions["audio"][:27] = F.one_hot(torch.tensor(7), 8).float()
    _, back = retrievals(predictions, ("audio", "text"))
    assert back.relevant.sum(dim=1).tolist() == [10, 10, 10]
    assert back.figures()["recall_at_1"] == 1.0
    assert back.figures()["chance"] == pytest.approx(1 / 3)


def test_samples_that_lack_one_of_the_two_are_left_out():
    predictions = spoken()
    predictions["text present"][::3] = False
    there, back = retrievals(predictions, ("audio", "text"))
    assert there.query_rows.tolist() == [row for row in range(30) if row % 3]
    assert back.query_rows.tolist() == [1, 2]
    predictions["audio present"][:] = False
    assert retrievals(predictions, ("audio", "text")) == []


def test_every_item_is_found_by_chance_as_often_as_by_a_random_order():
    predictions = spoken(300)
    draw = torch.Generator().manual_seed(1)
    predictions["audio"] = torch.randn(300, 8, generator=draw)
    there, _ = retrievals(predictions, ("audio", "text"))
    assert there.figures()["recall_at_1"] == pytest.approx(there.figures()["chance"], abs=0.08)
