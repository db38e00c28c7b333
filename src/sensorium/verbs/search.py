"""Search a run's index by words or by a picture."""

from __future__ import annotations

from pathlib import Path

from sensorium.batch import Sample
from sensorium.data import BrokenSample, Modality, build_modalities
from sensorium.deployment.embedder import Embedder
from sensorium.deployment.index import SearchIndex
from sensorium.deployment.sheet import Hit, write_sheet
from sensorium.errors import DataError
from sensorium.run import Run, choose_device


def search(
    run: str | Path,
    text: str | None = None,
    *,
    image: str | Path | None = None,
    find: str = "image",
    top: int = 10,
    html: str | Path | None = None,
    device: str = "auto",
) -> list[Hit]:
    """What in the run's index is nearest to some words, or to a picture.

    Args:
        run: the run folder, indexed before.
        text: the words; or give `image`.
        image: a picture file.
        find: modality of what is looked for: `image` or `text`.
        top: how many.
        html: write the hits as a page of pictures there, too.
        device: where to compute.

    Returns:
        Best first, with the cosine similarity as score.

    Raises:
        SensoriumError: no such run, no index, or not exactly one of words and picture.
    """
    if (text is None) == (image is None) or (text is not None and not text.strip()):
        raise DataError("expected either words or a picture to search by, one of the two")
    opened = Run.open(run)
    mixture, tokenizer = opened.mixture(choose_device(device))
    modalities = build_modalities(opened.recipe.data, tokenizer)
    embedder = Embedder(mixture, modalities)
    if find not in embedder.modalities:
        raise DataError(
            f"this run can find {' or '.join(embedder.modalities)}, not {find!r}; choose one with "
            "--find"
        )
    modality = "image" if text is None else "text"
    query = _query(modalities[modality], text or str(image), modality)
    vector = embedder.embed([query], modality)[0]
    hits = SearchIndex(opened.folder / "index").search(vector, find, top)
    if html is not None:
        query_image = None if image is None else Path(image).read_bytes()
        Path(html).parent.mkdir(parents=True, exist_ok=True)
        write_sheet(Path(html), text or str(image), hits, query_image=query_image)
    return hits


def _query(modality: Modality, cell: str, name: str) -> Sample:
    """What is looked for, as a sample of one modality; paths start here."""
    try:
        value = modality.decode(modality.read(cell, Path()))
    except BrokenSample as error:
        raise DataError(f"cannot search by this: {error}") from error
    return Sample(cell, {name: modality.finish(value, None)})
