"""Every search against the plain one of its definition, without any state."""

import itertools

import pytest
import torch
from tests.layers.test_decoder import decoder_of, some_context, some_ids

from sensorium.layers.beam_search import beam_search
from sensorium.layers.decoder import Decoder
from sensorium.layers.generation import drawing, generate, keep_likely

END, LONGEST = 3, 6
LENGTHS = torch.tensor([4, 1, 2])


def begun(decoder: Decoder, longest: int = LONGEST):
    """Prompts of different lengths, each with another context."""
    with torch.no_grad():
        logits, state = decoder.begin(some_ids(3, 4), LENGTHS, *some_context(), longest)
    return logits, state, decoder.step


def log_probabilities(decoder: Decoder, row: int, said: list[int]) -> torch.Tensor:
    """Of every token after one of the prompts, and after each that was said: [said + 1, V]."""
    ids = torch.tensor([*some_ids(3, 4)[row, : LENGTHS[row]].tolist(), *said])[None]
    context, mask = (x[row : row + 1] for x in some_context())
    with torch.no_grad():
        logits = decoder.logits(decoder(ids, context, mask))[0, LENGTHS[row] - 1 :]
    return logits.index_fill(1, decoder.never, float("-inf")).log_softmax(dim=1)


def said_by(generated, row: int) -> list[int]:
    return generated.ids[row, generated.mask[row]].tolist()


def total_of(decoder: Decoder, row: int, said: list[int]) -> float:
    each = log_probabilities(decoder, row, said[:-1])
    return each[torch.arange(len(said)), said].sum().item()


def greedily(decoder: Decoder, row: int) -> list[int]:
    said: list[int] = []
    while len(said) < LONGEST and END not in said:
        said.append(log_probabilities(decoder, row, said)[-1].argmax().item())
    return said


def ending_decoder(seed: int) -> Decoder:
    """One whose sequences end now and then, at different lengths."""
    decoder = decoder_of(never=frozenset({0}))
    torch.manual_seed(seed)
    decoder.bias.data = 0.3 * torch.randn(11, dtype=torch.float64)
    decoder.bias.data[END] += 0.6
    decoder.positions.data = 1.5 * torch.randn(12, 8, dtype=torch.float64)
    return decoder


@pytest.mark.parametrize("seed", range(6))
def test_greedy_is_the_likeliest_token_each_time(seed):
    decoder = ending_decoder(seed)
    generated = generate(*begun(decoder), end=END, longest=LONGEST)
    for row in range(3):
        assert said_by(generated, row) == greedily(decoder, row)
        expected = total_of(decoder, row, said_by(generated, row))
        assert generated.log_probability[row].item() == pytest.approx(expected)
    assert (generated.ids[~generated.mask] == END).all()


def test_greedy_sequences_end_at_different_lengths():
    lengths = {
        len(greedily(ending_decoder(seed), row))
        for seed, row in itertools.product(range(6), range(3))
    }
    assert len(lengths) > 2, "else the test above says little"


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_a_beam_of_one_is_greedy(seed, length_penalty):
    decoder = ending_decoder(seed)
    found = beam_search(
        *begun(decoder), end=END, longest=LONGEST, beams=1, length_penalty=length_penalty
    )
    expected = generate(*begun(decoder), end=END, longest=LONGEST)
    assert torch.equal(found.ids, expected.ids)
    assert torch.equal(found.mask, expected.mask)
    torch.testing.assert_close(found.log_probability, expected.log_probability)


def every_sequence(vocabulary: list[int], longest: int):
    """All that can be said: what ends, and what is as long as allowed."""
    words = [token for token in vocabulary if token != END]
    for length in range(1, longest + 1):
        for before in itertools.product(words, repeat=length - 1):
            yield [*before, END]
            if length == longest:
                yield from ([*before, word] for word in words)


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_a_beam_wide_enough_finds_the_best_of_all_sequences(length_penalty):
    decoder = decoder_of(never=frozenset({0, 1, 2, 6, 7, 8, 9, 10}))
    found = beam_search(
        *begun(decoder, 4), end=END, longest=4, beams=32, length_penalty=length_penalty
    )
    sequences = list(every_sequence([3, 4, 5], 4))
    assert len(sequences) < 32
    for row in range(3):
        score = {
            tuple(said): total_of(decoder, row, said) / len(said) ** length_penalty
            for said in sequences
        }
        assert tuple(said_by(found, row)) == max(score, key=score.get)


def beam_by_definition(decoder: Decoder, row: int, beams: int, penalty: float) -> list[int]:
    """One search in plain lists."""
    going_on: list[tuple[float, list[int]]] = [(0.0, [])]
    finished: list[tuple[float, list[int]]] = []
    for length in range(1, LONGEST + 1):
        candidates = [
            (total + step, [*said, token])
            for total, said in going_on
            for token, step in enumerate(log_probabilities(decoder, row, said)[-1].tolist())
        ]
        candidates.sort(key=lambda candidate: -candidate[0])
        is_last = length == LONGEST
        finished += [
            (total / length**penalty, said)
            for total, said in candidates[:beams]
            if said[-1] == END or is_last
        ]
        if len(finished) >= beams:
            break
        going_on = [c for c in candidates[: 2 * beams] if c[1][-1] != END][:beams]
    return max(finished)[1]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("beams", "length_penalty"), [(2, 0.0), (3, 1.0), (4, 0.6)])
def test_beams_are_those_of_the_definition(seed, beams, length_penalty):
    decoder = ending_decoder(seed)
    found = beam_search(
        *begun(decoder), end=END, longest=LONGEST, beams=beams, length_penalty=length_penalty
    )
    for row in range(3):
        said = said_by(found, row)
        assert said == beam_by_definition(decoder, row, beams, length_penalty)
        assert found.log_probability[row].item() == pytest.approx(total_of(decoder, row, said))


def test_ids_that_are_never_said_are_not_said():
    decoder = ending_decoder(0)
    decoder.bias.data[0] = 100.0
    for found in (
        generate(*begun(decoder), end=END, longest=LONGEST),
        beam_search(*begun(decoder), end=END, longest=LONGEST, beams=2),
    ):
        assert not (found.ids == 0).any()


def test_draws_follow_the_seed():
    decoder = ending_decoder(1)

    def draw(seed: int) -> torch.Tensor:
        choose = drawing(torch.Generator().manual_seed(seed))
        ids = generate(*begun(decoder), end=END, longest=LONGEST, choose=choose).ids
        return torch.nn.functional.pad(ids, (0, LONGEST - ids.shape[1]), value=END)

    assert torch.equal(draw(0), draw(0))
    assert len({tuple(draw(seed).flatten().tolist()) for seed in range(5)}) > 1


def test_draws_come_as_often_as_is_likely():
    logits = torch.tensor([[2.0, 1.0, 0.0, -1.0]]).expand(20_000, -1)
    choose = drawing(torch.Generator().manual_seed(0), temperature=0.5, top_k=3)
    shares = torch.bincount(choose(logits), minlength=4) / 20_000
    expected = torch.tensor([4.0, 2.0, 0.0, float("-inf")]).softmax(dim=0)
    torch.testing.assert_close(shares, expected, atol=0.01, rtol=0.0)


def test_a_cold_draw_is_greedy():
    decoder = ending_decoder(2)
    choose = drawing(torch.Generator().manual_seed(0), temperature=1e-6)
    drawn = generate(*begun(decoder), end=END, longest=LONGEST, choose=choose)
    assert torch.equal(drawn.ids, generate(*begun(decoder), end=END, longest=LONGEST).ids)


@pytest.mark.parametrize(
    ("top_k", "top_p", "kept"),
    [
        (None, None, [0, 1, 2, 3]),
        (2, None, [1, 3]),
        (None, 0.49, [1]),
        (None, 0.51, [1, 3]),
        (None, 0.79, [1, 3]),
        (None, 0.81, [0, 1, 3]),
        (None, 1e-9, [1]),
        (3, 0.83, [1, 3]),  # 0.526 and 0.316 of the first three; 0.5 and 0.3 of all would not do
    ],
)
def test_what_is_likely(top_k, top_p, kept):
    logits = torch.tensor([[0.15, 0.5, 0.05, 0.3]]).double().log()
    likely = keep_likely(logits, top_k, top_p)
    assert likely.isfinite()[0].nonzero()[:, 0].tolist() == kept
    assert torch.equal(likely[:, kept], logits[:, kept])
