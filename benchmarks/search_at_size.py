"""How fast, and how completely, does an index of many rows find what an exact search finds?

    python benchmarks/search_at_size.py RUN
    python benchmarks/search_at_size.py RUN --rows 100000 --queries 200 --json out.json

RUN is a trained run of the embedded world, as that of `sensorium demo`. Its text encoder embeds so
many different captions of scenes, and its image encoder pictures of other scenes, which are the
queries. Recall counts a hit that is as near as the tenth of the exact search: captions of the same
scene are often equally near.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

import numpy as np
import pyarrow
import torch
from side_by_side import describe_machine
from torch import Tensor

from sensorium.batch import Sample
from sensorium.data.modalities import Modality
from sensorium.deployment.embedder import Embedder
from sensorium.deployment.index import SearchIndex
from sensorium.verbs.load import open_trained
from sensorium.world.captions import ENGLISH, all_captions
from sensorium.world.picture import draw_picture
from sensorium.world.splits import plan_scenes

TOP = 10
AT_A_TIME = 512
CAPTIONS_OF_A_SCENE = 4
PACKAGES = ("torch", "lancedb")


def captions(rows: int, seed: int) -> list[str]:
    """So many different ones."""
    found: dict[str, None] = {}
    for number in itertools.count():
        scenes = rows // CAPTIONS_OF_A_SCENE
        for scene in plan_scenes(seed + number, train=scenes, validation=0, test=0)["train"]:
            found |= dict.fromkeys(all_captions(scene, ENGLISH))
            if len(found) >= rows:
                return list(found)[:rows]
    raise AssertionError


def embed_words(embedder: Embedder, text: Modality, words: list[str]) -> Tensor:
    parts = []
    for start in range(0, len(words), AT_A_TIME):
        some = words[start : start + AT_A_TIME]
        parts.append(embedder.embed([Sample(w, {"text": text.decode(w)}) for w in some], "text"))
    return torch.cat(parts)


def embed_pictures(embedder: Embedder, count: int, size: int) -> Tensor:
    scenes = plan_scenes(12345, train=count, validation=0, test=0)["train"]
    pixels = [np.array(draw_picture(scene, size).convert("RGB")) for scene in scenes]
    samples = [
        Sample(str(n), {"image": torch.from_numpy(p).permute(2, 0, 1).contiguous()})
        for n, p in enumerate(pixels)
    ]
    return embedder.embed(samples, "image")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", help="a run of the embedded world with contrastive")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures there, too")
    options = parser.parse_args()
    trained = open_trained(options.run, device="cpu")
    embedder = trained.embedder()
    started = time.perf_counter()
    words = captions(options.rows, seed=7)
    vectors = embed_words(embedder, trained.inputs["text"], words)
    queries = embed_pictures(embedder, options.queries, trained.data.image.size)
    facts = describe_machine(torch.device("cpu"), PACKAGES)
    facts |= {"rows": f"{len(words):,}", "width": str(vectors.shape[1])}
    facts["embedding"] = f"{time.perf_counter() - started:.0f} s"
    folder = Path(tempfile.mkdtemp())
    try:
        figures = measure(folder, words, vectors, queries)
    finally:
        shutil.rmtree(folder)
    for what, said in (facts | figures).items():
        print(f"{what}: {said}")
    if options.json is not None:
        options.json.write_text(json.dumps(facts | figures, indent=1))


def measure(folder: Path, words: list[str], vectors: Tensor, queries: Tensor) -> dict[str, str]:
    """Fill an index, search it, and compare with all similarities."""
    index = SearchIndex(folder)
    table = index.create(vectors.shape[1])
    for start in range(0, len(words), 10_000):
        some = slice(start, start + 10_000)
        table.add(rows_of(words[some], vectors[some], table.schema))
    figures = {"exact search": timed(index, queries)[1]}
    started = time.perf_counter()
    index.settle()
    figures["building"] = f"{time.perf_counter() - started:.0f} s"
    found, figures["search"] = timed(index, queries)
    nearest = (queries @ vectors.T).topk(TOP, dim=1).values[:, -1]
    right = sum(
        score >= least - 1e-6
        for scores, least in zip(found, nearest.tolist(), strict=True)
        for score in scores
    )
    figures[f"recall@{TOP}"] = f"{right / (TOP * len(queries)):.4f}"
    return figures


def rows_of(words: list[str], vectors: Tensor, schema: pyarrow.Schema) -> pyarrow.Table:
    rows = [
        {"id": word, "modality": "text", "text": word, "vector": vector}
        for word, vector in zip(words, vectors.numpy(), strict=True)
    ]
    return pyarrow.Table.from_pylist(rows, schema=schema)


def timed(index: SearchIndex, queries: Tensor) -> tuple[list[list[float]], str]:
    """The exact similarities of what was found, and how long one search takes."""
    seconds, found = [], []
    index.search(queries[0], "text", TOP)
    for query in queries:
        started = time.perf_counter()
        hits = index.search(query, "text", TOP)
        seconds.append(time.perf_counter() - started)
        found.append([hit.score for hit in hits])
    slow = quantiles(seconds, n=20)[-1]
    return found, f"median {1e3 * median(seconds):.1f} ms, 95 of 100 below {1e3 * slow:.1f} ms"


if __name__ == "__main__":
    main()
