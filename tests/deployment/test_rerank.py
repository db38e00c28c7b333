from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.pairs import write_pairs

from sensorium.batch import Sample
from sensorium.data import Dataset, Quarantine, build_modalities, collate, open_dataset
from sensorium.deployment.embedder import Embedder
from sensorium.deployment.index import SearchIndex
from sensorium.deployment.rerank import can_rerank, rerank
from sensorium.run import Run


@pytest.fixture(scope="module")
def embedder(trained: Run) -> Embedder:
    mixture, tokenizer = trained.mixture(torch.device("cpu"))
    return Embedder(mixture, build_modalities(trained.recipe.data, tokenizer))


@pytest.fixture(scope="module")
def dataset(trained: Run, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = write_pairs(tmp_path_factory.mktemp("data"), train=1, test=5)
    quarantine = Quarantine(None, 0, budget=1)
    return open_dataset(folder / "test.jsonl", trained.recipe.data, trained.tokenizer(), quarantine)


def hits_for(query: Sample, embedder: Embedder, dataset: Dataset, folder: Path, find: str):
    index = SearchIndex(folder / "index")
    index.build(dataset, embedder, Quarantine(None, len(dataset), budget=0))
    (modality,) = query.values
    (vector,) = embedder.embed([query], modality)
    return index.search(vector, find, top=len(dataset))


@pytest.mark.parametrize(("asked", "find"), [("text", "image"), ("image", "text")])
def test_the_order_is_that_of_similarity_and_matching_together(
    embedder, dataset, tmp_path, asked, find
):
    samples = [dataset.sample(row, 0) for row in range(len(dataset))]
    query = Sample("query", {asked: samples[2].values[asked]})
    hits = hits_for(query, embedder, dataset, tmp_path, find)
    pairs = [Sample(s.id, {**query.values, find: s.values[find]}) for s in samples]
    batch = collate(pairs, embedder.inputs)
    model, matching = embedder.mixture.model, embedder.mixture.tasks["matching"]
    with torch.no_grad():
        log_odds = matching.score(model, ("image", "text"), model.encode(batch))
    expected = {
        sample.id: embedder.contrastive.scale(("image", "text")).item() * hit_score + odds
        for sample, odds in zip(samples, log_odds.tolist(), strict=True)
        for hit_score in [next(hit.score for hit in hits if hit.id == sample.id)]
    }
    anew = rerank(embedder, query, asked, find, hits)
    assert [hit.id for hit in anew] == sorted(expected, key=expected.__getitem__, reverse=True)
    assert [hit.rank for hit in anew] == [1, 2, 3, 4, 5]
    probability = dict(zip((s.id for s in samples), log_odds.sigmoid().tolist(), strict=True))
    for hit in anew:
        assert hit.match == pytest.approx(probability[hit.id], abs=1e-4)


def test_a_hit_that_cannot_be_read_any_more_keeps_its_similarity(embedder, dataset, tmp_path):
    query = Sample("query", {"text": dataset.sample(0, 0).values["text"]})
    first, *others = hits_for(query, embedder, dataset, tmp_path, "image")
    anew = rerank(embedder, query, "text", "image", [replace(first, image=None), *others])
    assert {hit.id for hit in anew} == {first.id, *(hit.id for hit in others)}
    assert [hit.id for hit in anew if hit.match is None] == [first.id]


def test_what_was_not_learned_together_is_not_sorted_anew(embedder):
    assert can_rerank(embedder, "text", "image")
    assert not can_rerank(embedder, "image", "image")
