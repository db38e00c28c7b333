import math
import random
from collections.abc import Sequence

import pytest
from sacrebleu.metrics import BLEU

from sensorium.tasks.bleu import Words, bleu_counts, bleu_of_counts


def bleu(captions: Sequence[Words], references: Sequence[Sequence[Words]]) -> list[float]:
    """BLEU-1 to BLEU-4 of a whole set."""
    sums = bleu_counts(captions, references).sum(dim=0)
    return [bleu_of_counts(sums, longest).item() for longest in range(1, 5)]


def of(text: str) -> list[str]:
    return text.split()


def test_two_captions_by_hand():
    captions = [of("the the the cat"), of("a dog runs")]
    references = [[of("the cat is on the mat"), of("there is a cat")], [["a", "dog"]]]
    # The first reference has "the" twice, so two of three count: 3 + 2 of 7 words; the pairs "the
    # cat" and "a dog" of 3 + 2; no three. The nearest lengths are 4 and 2, and 7 words are enough.
    expected = [5 / 7, math.sqrt(5 / 7 * 2 / 5), 0.0, 0.0]
    assert bleu(captions, references) == pytest.approx(expected)


def test_what_is_too_short_pays_for_it():
    assert bleu([["a", "b"]], [[of("a b c d e")]])[0] == pytest.approx(math.exp(1 - 5 / 2))
    references = [[of("a b c d e"), of("a"), of("a b c")]]  # one word is as near to two as three
    assert bleu([["a", "b"]], references)[0] == 1.0


def test_nothing_said_is_zero():
    assert bleu([[], []], [[["a"]], [["b"]]]) == [0.0] * 4


@pytest.mark.parametrize("seed", range(5))
def test_equals_sacrebleu(seed):
    draw = random.Random(seed)

    def text() -> list[str]:
        return draw.choices("abcd", k=draw.randint(1, 9))

    captions = [text() for _ in range(40)]
    references = [[text() for _ in range(draw.randint(1, 3))] for _ in captions]
    streams = [[" ".join(r[i]) if i < len(r) else None for r in references] for i in range(3)]
    for n, figure in enumerate(bleu(captions, references), start=1):
        theirs = BLEU(max_ngram_order=n, tokenize="none", smooth_method="none", force=True)
        expected = theirs.corpus_score([" ".join(caption) for caption in captions], streams).score
        assert 100 * figure == pytest.approx(expected)
