import pytest
import torch
from tests.conftest import small_batch, small_mixture

from sensorium.batch import Batch
from sensorium.evaluation.evaluate import EvaluationConfig, evaluate
from sensorium.tasks import Mixture

SAMPLES = 12


@pytest.fixture(scope="module")
def mixture() -> Mixture:
    return small_mixture("contrastive", "matching", "masked_language").eval()


def batches(size: int, **present: list[bool]) -> list[Batch]:
    """The same samples, cut into batches of a size."""
    return [
        small_batch(SAMPLES, **present).rows(rows) for rows in torch.arange(SAMPLES).split(size)
    ]


def test_figures_are_named_by_task_and_what(mixture):
    found = evaluate(mixture, batches(6), EvaluationConfig(rerank=4))
    recalls = [f"recall_at_{k}" for k in (1, 5, 10)]
    whats = (*recalls, "median_rank", "chance")
    directions = ("image_to_text", "text_to_image")
    assert found.metrics.keys() == {
        *(f"contrastive/{d}/{what}" for d in directions for what in whats),
        *(f"matching/reranked_{d}/{what}" for d in directions for what in whats),
        "matching/accuracy",
        "masked_language/accuracy",
        "masked_language/accuracy_withheld",
    }
    assert found.samples == SAMPLES


def test_two_evaluations_agree(mixture):
    settings = EvaluationConfig(rerank=4)
    first = evaluate(mixture, batches(6), settings, seed=3)
    torch.rand(1)  # what else is drawn does not matter
    again = evaluate(mixture, batches(6), settings, seed=3)
    assert again.metrics == first.metrics
    assert torch.equal(again.retrieved[0].similarity, first.retrieved[0].similarity)


def contrastive_figures(mixture: Mixture, size: int) -> dict[str, float]:
    found = evaluate(mixture, batches(size), EvaluationConfig()).metrics
    return {name: figure for name, figure in found.items() if name.startswith("contrastive")}


def test_retrieval_does_not_depend_on_the_batch_size(mixture):
    whole = contrastive_figures(mixture, SAMPLES)
    assert contrastive_figures(mixture, 5) == whole
    assert contrastive_figures(mixture, 1) == whole


def test_the_first_pictures_are_reconstructed_where_patches_were_hidden(mixture):
    masked = small_mixture("masked_image", "masked_language").eval()
    lacking = {"image": [n != 1 for n in range(SAMPLES)]}
    found = evaluate(masked, batches(10, **lacking), EvaluationConfig(), seed=3)
    assert [one.id for one in found.reconstructed] == [
        f"made.jsonl:{n}" for n in (1, 3, 4, 5, 6, 7, 8)
    ]
    for one in found.reconstructed:
        assert not torch.equal(one.left, one.whole)
    again = evaluate(masked, batches(10, **lacking), EvaluationConfig(), seed=3)
    assert torch.equal(again.reconstructed[0].left, found.reconstructed[0].left)
    assert found.metrics["masked_image/error"] > 0
    assert evaluate(mixture, batches(6), EvaluationConfig()).reconstructed == []
    nobody = evaluate(masked, batches(6, image=[False] * SAMPLES), EvaluationConfig())
    assert nobody.reconstructed == []


@pytest.mark.parametrize("training", [True, False])
def test_the_training_mode_is_restored(mixture, training):
    mixture.train(training)
    evaluate(mixture, batches(6), EvaluationConfig())
    assert all(module.training == training for module in mixture.modules())


def test_no_patch_is_dropped_and_nothing_is_learned_in_evaluation(mixture):
    mixture.model.encoders["image"].drop_patches = 0.5
    with_dropping = evaluate(mixture, batches(6), EvaluationConfig())
    mixture.model.encoders["image"].drop_patches = 0.0
    assert evaluate(mixture, batches(6), EvaluationConfig()).metrics == with_dropping.metrics
    assert not with_dropping.retrieved[0].similarity.requires_grad


def test_samples_that_lack_one_of_the_pair_are_not_retrieved(mixture):
    text = [True] * 3 + [False] * 2 + [True] * 7
    found = evaluate(mixture, batches(4, text=text), EvaluationConfig())
    expected = [f"made.jsonl:{i + 1}" for i in range(SAMPLES) if text[i]]
    there, back = found.retrieved
    assert [found.ids[row] for row in there.query_rows] == expected
    assert [found.ids[row] for row in back.query_rows] == expected
    assert there.similarity.shape == (10, 10)
    assert found.samples == SAMPLES


def test_progress_is_told_after_every_batch(mixture):
    told = []
    evaluate(mixture, batches(5), EvaluationConfig(), on_batch=told.append)
    assert told == [5, 10, 12]


def test_withholding_leaves_the_figures_of_the_rest_as_they_are(mixture):
    plain = evaluate(mixture, batches(6), EvaluationConfig(rerank=4))
    sets = [("image",), ("text",), ("image", "text"), ("audio",)]
    judged = evaluate(mixture, batches(6), EvaluationConfig(rerank=4), withheld=sets)
    assert judged.metrics == plain.metrics
    assert judged.withheld == {
        "image": {
            "masked_language/accuracy": plain.metrics["masked_language/accuracy_withheld"],
            "masked_language/accuracy_withheld": plain.metrics["masked_language/accuracy_withheld"],
        },
        "text": {},
        "image+text": {},
    }


def test_withheld_is_as_if_nobody_had_it(mixture):
    whole = batches(SAMPLES)
    judged = evaluate(mixture, whole, EvaluationConfig(), withheld=[("image",)])
    nobody = evaluate(mixture, [whole[0].without("image")], EvaluationConfig())
    assert judged.withheld["image"] == nobody.metrics
