"""Values become places: blocks of pixels, bands over moments, words of several tokens."""

import torch

from sensorium.data import TextConfig, Tokenizer
from sensorium.deployment.explain.places import Words, of_sound, sum_blocks
from sensorium.encoders import AudioEncoder, AudioEncoderConfig


def test_blocks_are_summed_and_the_last_may_be_short():
    values = torch.arange(15.0).view(3, 5)
    assert sum_blocks(values, 2, 2).tolist() == [[12.0, 20.0, 13.0], [21.0, 25.0, 14.0]]


def test_a_sound_has_rows_of_bands_the_highest_first():
    config = AudioEncoderConfig(width=8, depth=1, heads=2, patch_frames=4, patch_bins=4)
    encoder = AudioEncoder(config, mel_bins=8, frames=20)
    added = torch.zeros(10, 8)  # frames, bins
    added[9, 0] = 1.0  # late and low
    told = of_sound(encoder, added, hop_seconds=0.01)
    assert told == {"grid": [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]], "seconds": 0.1}


def test_tokens_are_gathered_to_words():
    tokenizer = Tokenizer.train(["a red heart", "a blue star"] * 4, TextConfig(vocabulary=270))
    ids = tokenizer.encode("a red astronaut 红心").tolist()
    told = Words(tokenizer).relevance([*ids, tokenizer.pad], torch.ones(len(ids) + 1, 2))
    assert told["words"] == ["a", "red", "astronaut", "红", "心"]
    assert sum(told["relevance"]) == 2 * (len(ids) - 2), "of start, end and padding nothing is told"
    assert told["relevance"][2] > told["relevance"][0], "a word of many tokens has all of theirs"


def test_no_words_are_no_words():
    tokenizer = Tokenizer.train(["a"], TextConfig(vocabulary=270))
    assert Words(tokenizer).relevance(tokenizer.encode("").tolist(), torch.ones(2, 2)) == {
        "words": [],
        "relevance": [],
    }
