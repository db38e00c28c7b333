import pytest
import torch
from tests.conftest import small_batch, small_model
from torch import Tensor

from sensorium.batch import Encoding, Tokens
from sensorium.evaluation.rerank import KeptEncodings, Reranker, join
from sensorium.model import Model
from sensorium.tasks import Contrastive, ContrastiveConfig, Matching, MatchingConfig
from sensorium.tasks.retrieval import Retrieval

SAMPLES = 6
PAIR = ("image", "text")


class KnowsPartners(Matching):
    """Says yes where both vectors are the same."""

    def score(self, model: Model, pair: tuple[str, str], encodings: dict[str, Encoding]) -> Tensor:
        a, b = (encodings[modality].pooled for modality in pair)
        return torch.where((a == b).all(dim=1), 5.0, -5.0)


def numbered(first: int, last: int) -> dict[str, Encoding]:
    """Encodings of samples whose vector is their number; texts get longer with the batch."""
    numbers = torch.arange(first, last).float()[:, None]
    present = torch.ones(len(numbers), dtype=torch.bool)
    tokens = Tokens(numbers[:, None].expand(-1, last, 1), present[:, None].expand(-1, last))
    return dict.fromkeys(PAIR, Encoding(tokens, numbers, present))


def retrieval(similarity: Tensor, query: str = "image", candidate: str = "text") -> Retrieval:
    own = torch.eye(len(similarity), dtype=torch.bool)
    rows = torch.arange(len(similarity))
    return Retrieval(query, candidate, rows, rows, similarity, own)


def reranker(matching: type[Matching] = KnowsPartners, **pairs) -> Reranker:
    model, encodings = small_model().eval(), KeptEncodings()
    encodings.add(numbered(0, 4), first_row=0)
    encodings.add(numbered(4, SAMPLES), first_row=4)
    contrastive = Contrastive(ContrastiveConfig(temperature=1.0), model)
    return Reranker(model, contrastive, matching(MatchingConfig(**pairs), model).eval(), encodings)


def ranks(similarity: Tensor, candidates: int) -> list[int]:
    return reranker().ranks(retrieval(similarity), candidates).tolist()


def test_the_partner_comes_first_where_matching_says_so():
    partner_is_third = torch.eye(SAMPLES) * 0.5 + torch.eye(SAMPLES).roll(1, 1) * 0.9
    partner_is_third += torch.eye(SAMPLES).roll(2, 1) * 0.8
    assert ranks(partner_is_third, candidates=3) == [1] * SAMPLES
    assert ranks(partner_is_third.T, candidates=3) == [1] * SAMPLES


def test_a_partner_that_is_not_among_the_candidates_keeps_its_rank():
    similarity = torch.linspace(1.0, -1.0, SAMPLES).expand(SAMPLES, SAMPLES)
    assert ranks(similarity, candidates=2) == [1, 1, 3, 4, 5, 6]


def test_more_candidates_than_there_are_mean_all():
    assert ranks(-torch.eye(SAMPLES), candidates=100) == [1] * SAMPLES


def test_queries_and_candidates_are_looked_up_by_their_samples():
    """Two queries and three candidates, which are samples 1, 4 and 0, 4, 1."""
    relevant = torch.tensor([[False, False, True], [False, True, False]])
    rows = torch.tensor([1, 4]), torch.tensor([0, 4, 1])
    found = Retrieval("image", "text", *rows, torch.zeros(2, 3), relevant)
    assert reranker().ranks(found, candidates=3).tolist() == [1, 1]


@torch.no_grad()
@pytest.mark.parametrize("pair", [PAIR, PAIR[::-1]])
def test_every_pair_is_scored_by_the_model_whatever_the_order_of_the_pair(pair):
    again = reranker(Matching, pairs=[pair])
    torch.nn.init.normal_(again.matching.heads[f"{pair[0]}_and_{pair[1]}"].weight)
    encodings = again.model.encode(small_batch(SAMPLES))
    again.encodings._parts.clear()
    again.encodings._rows.clear()
    again.encodings.add(encodings, first_row=0)
    found = again.ranks(retrieval(torch.zeros(SAMPLES, SAMPLES)), candidates=SAMPLES)
    for i, rank in enumerate(found.tolist()):
        image = encodings["image"].rows(torch.full((SAMPLES,), i))
        scores = again.matching.score(
            again.model, pair, {"text": encodings["text"], "image": image}
        )
        assert rank == (scores >= scores[i]).sum()


def test_only_pairs_that_both_tasks_have_learned_are_sorted_anew():
    found = [retrieval(torch.eye(SAMPLES)), retrieval(torch.eye(SAMPLES), "image", "audio")]
    figures, tallies = reranker().figures(found, candidates=2)
    assert {name.split("/")[1] for name in figures} == {"reranked_image_to_text"}
    for name, of_figure in tallies.items():
        assert of_figure.figure == figures[name]


def test_only_those_that_have_a_modality_are_kept():
    kept, model = KeptEncodings(), small_model().eval()
    for first_row in (0, 4):
        batch = small_batch(4, text=[True, False, True, False], seed=first_row)
        kept.add(model.encode(batch), first_row)
    encoding, rows = kept.joined("text")
    assert rows.tolist() == [0, 2, 4, 6]
    assert encoding.present.tolist() == [True] * 4


def test_joining_pads_to_the_longest():
    whole = join([numbered(0, 4)["text"], numbered(4, 6)["text"]])
    assert whole.tokens.values.shape == (6, 6, 1)
    assert whole.tokens.mask.sum(dim=1).tolist() == [4] * 4 + [6] * 2
    assert whole.pooled[:, 0].tolist() == pytest.approx(range(6))
