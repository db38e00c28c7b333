import pytest
import torch
from tests.conftest import small_batch, small_model
from torch import Tensor

from sensorium.batch import Encoding, Tokens
from sensorium.evaluation.rerank import join, reranked_ranks
from sensorium.model import Model
from sensorium.tasks import Matching
from sensorium.tasks.matching import MatchingConfig

SAMPLES = 6
PAIR = ("image", "text")


class KnowsPartners(Matching):
    """Says yes where both vectors are the same."""

    def score(self, model: Model, a: Encoding, b: Encoding) -> Tensor:
        return torch.where((a.pooled == b.pooled).all(dim=1), 5.0, -5.0)


def numbered(first: int, last: int) -> dict[str, Encoding]:
    """Encodings of samples whose vector is their number; texts get longer with the batch."""
    numbers = torch.arange(first, last).float()[:, None]
    present = torch.ones(len(numbers), dtype=torch.bool)
    tokens = Tokens(numbers[:, None].expand(-1, last, 1), present[:, None].expand(-1, last))
    return dict.fromkeys(PAIR, Encoding(tokens, numbers, present))


def ranks(similarity: Tensor, candidates: int, matching: type[Matching] = KnowsPartners):
    model = small_model()
    encodings = [numbered(0, 4), numbered(4, SAMPLES)]
    task = matching(MatchingConfig(), model)
    found = reranked_ranks(model, task, encodings, PAIR, similarity, candidates)
    return {direction: of_queries.tolist() for direction, of_queries in found.items()}


def test_the_partner_comes_first_where_matching_says_so():
    partner_is_third = torch.eye(SAMPLES) * 0.5 + torch.eye(SAMPLES).roll(1, 1) * 0.9
    partner_is_third += torch.eye(SAMPLES).roll(2, 1) * 0.8
    assert ranks(partner_is_third, candidates=3) == {
        "image_to_text": [1] * SAMPLES,
        "text_to_image": [1] * SAMPLES,
    }


def test_a_partner_that_is_not_among_the_candidates_keeps_its_rank():
    similarity = torch.linspace(1.0, -1.0, SAMPLES).expand(SAMPLES, SAMPLES)
    assert ranks(similarity, candidates=2)["image_to_text"] == [1, 1, 3, 4, 5, 6]


def test_more_candidates_than_there_are_mean_all():
    worst = -torch.eye(SAMPLES)
    assert ranks(worst, candidates=100)["image_to_text"] == [1] * SAMPLES


@torch.no_grad()
def test_every_pair_is_scored_by_the_model_whatever_the_order_of_the_pair():
    model = small_model().eval()
    matching = Matching(MatchingConfig(modalities=("text", "image")), model).eval()
    torch.nn.init.normal_(matching.head.weight)
    encodings = model.encode(small_batch(SAMPLES))
    anything = torch.zeros(SAMPLES, SAMPLES)
    found = reranked_ranks(model, matching, [encodings], PAIR, anything, candidates=SAMPLES)
    for i, rank in enumerate(found["image_to_text"].tolist()):
        image = encodings["image"].rows(torch.full((SAMPLES,), i))
        scores = matching.score(model, encodings["text"], image)
        assert rank == (scores >= scores[i]).sum()


def test_joining_pads_to_the_longest():
    whole = join([numbered(0, 4)["text"], numbered(4, 6)["text"]])
    assert whole.tokens.values.shape == (6, 6, 1)
    assert whole.tokens.mask.sum(dim=1).tolist() == [4] * 4 + [6] * 2
    assert whole.pooled[:, 0].tolist() == pytest.approx(range(6))
