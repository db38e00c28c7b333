"""The first hits of a search sorted anew by matching, where a run has learned to match.

    s(query, hit) = cosine similarity / temperature + log-odds that the two belong together

The similarity compares two vectors; matching lets the fusion read query and hit together, which
sees finer and costs more, so that it looks only at the first few. A hit whose file cannot be read
any more is judged by its similarity alone.

Shapes: K hits.

Source: Li et al. 2021, "Align before Fuse" (ALBEF), section 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from sensorium.batch import Sample
from sensorium.data import BrokenSample, collate
from sensorium.deployment.embedder import Embedder
from sensorium.deployment.sheet import Hit
from sensorium.tasks import Matching
from sensorium.tasks.pairs import Pair


def can_rerank(embedder: Embedder, modality: str, find: str) -> bool:
    """Whether the run has learned both to contrast and to match the two modalities."""
    return bool(_matching_pair(embedder, modality, find)) and bool(embedder.pair(modality, find))


@torch.no_grad()
def rerank(
    embedder: Embedder, query: Sample, modality: str, find: str, hits: Sequence[Hit]
) -> list[Hit]:
    """The same hits in a new order, each with the probability that it matches.

    Args:
        embedder: of a run that `can_rerank`.
        query: what was looked for.
        modality: of the query.
        find: modality of the hits.
        hits: K of them, best first by similarity.
    """
    found = {hit.id: sample for hit in hits if (sample := _read(embedder, hit, find)) is not None}
    log_odds = _log_odds(embedder, query, modality, find, found) if found else {}
    scale = embedder.scale(modality, find)
    matched = [replace(hit, match=_probability(log_odds.get(hit.id))) for hit in hits]
    matched.sort(key=lambda hit: hit.score * scale + log_odds.get(hit.id, 0.0), reverse=True)
    return [replace(hit, rank=rank) for rank, hit in enumerate(matched, start=1)]


def _log_odds(
    embedder: Embedder, query: Sample, modality: str, find: str, found: Mapping[str, Sample]
) -> dict[str, float]:
    """Of every sample that was found, by its id, that it belongs to the query."""
    model, matching = embedder.mixture.model, embedder.mixture.tasks["matching"]
    pair = _matching_pair(embedder, modality, find)
    assert isinstance(matching, Matching), "a task is what its name says"
    assert pair is not None, "the caller has asked"
    samples = {modality: [query] * len(found), find: list(found.values())}
    encodings = {}
    for name in pair:
        inputs = collate(samples[name], embedder.inputs).to(embedder.device).inputs[name]
        encodings[name] = model.encode_modality(name, inputs)
    return dict(zip(found, matching.score(model, pair, encodings).tolist(), strict=True))


def _matching_pair(embedder: Embedder, modality: str, find: str) -> Pair | None:
    """The two as the matching task names their pair; None where it has not learned it."""
    matching = dict(embedder.mixture.tasks).get("matching")
    pairs = matching.pairs if isinstance(matching, Matching) else ()
    return next((pair for pair in pairs if set(pair) == {modality, find}), None)


def _read(embedder: Embedder, hit: Hit, find: str) -> Sample | None:
    """The hit as the model sees it; None where it is not to be had any more."""
    cell = {"text": hit.text, "image": hit.image}.get(find, hit.path)
    if cell is None:
        return None
    modality = embedder.inputs[find]
    try:
        value = modality.decode(modality.read(cell, Path()))
    except BrokenSample:
        return None
    return Sample(hit.id, {find: modality.finish(value, None)})


def _probability(log_odds: float | None) -> float | None:
    return None if log_odds is None else torch.tensor(log_odds).sigmoid().item()
