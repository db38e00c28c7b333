"""Search a run's index by words, or by a picture, a sound or a video."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sensorium.batch import Sample
from sensorium.data import BrokenSample, Modality
from sensorium.deployment.index import SearchIndex
from sensorium.deployment.rerank import can_rerank
from sensorium.deployment.rerank import rerank as sort_anew
from sensorium.deployment.sheet import Hit, write_sheet
from sensorium.errors import DataError
from sensorium.verbs.load import open_trained


def search(
    run: str | Path,
    text: str | None = None,
    *,
    image: str | Path | None = None,
    audio: str | Path | None = None,
    video: str | Path | None = None,
    find: str | None = None,
    top: int = 10,
    rerank: int = 0,
    html: str | Path | None = None,
    device: str = "auto",
) -> list[Hit]:
    """What in the run's index is nearest to some words, or to a file.

    Args:
        run: the folder of a run or of a bundle, indexed before.
        text: the words; or give one of the next.
        image: a picture file.
        audio: a sound file, or a video whose sound is meant.
        video: a video file.
        find: modality of what is looked for; None takes pictures, or, where the run does not know
            them, the first modality that it knows beside that of the query.
        top: how many.
        rerank: so many of the first are sorted anew by matching, for which the run has to have
            learned these modalities.
        html: write the hits as a page of pictures there, too.
        device: where to compute.

    Returns:
        Best first, with the cosine similarity as score, and how likely it matches where it was
        sorted anew.

    Raises:
        SensoriumError: no such run, no index, a modality that the run does not know, or not exactly
            one thing to search by.
    """
    modality, cell = _asked({"text": text, "image": image, "audio": audio, "video": video})
    trained = open_trained(run, device=device)
    modalities, embedder = trained.inputs, trained.embedder()
    known = embedder.modalities
    find = find or embedder.sought_by(modality)
    if find not in known:
        raise DataError(
            f"this run can find {' or '.join(known)}, not {find!r}; choose one with --find"
        )
    if modality not in known:
        raise DataError(f"this run can be searched by {' or '.join(known)}, not by {modality}")
    query = _query(modalities[modality], cell, modality)
    vector = embedder.embed([query], modality)[0]
    if rerank and not can_rerank(embedder, modality, find):
        raise DataError(
            f"cannot re-rank: this run has not learned to contrast and to match {modality} and "
            f"{find}; leave --rerank out"
        )
    hits = SearchIndex(trained.folder / "index").search(vector, find, max(top, rerank))
    if rerank:
        hits = [*sort_anew(embedder, query, modality, find, hits[:rerank]), *hits[rerank:]]
    hits = hits[:top]
    if html is not None:
        query_image = None if image is None else Path(image).read_bytes()
        Path(html).parent.mkdir(parents=True, exist_ok=True)
        write_sheet(Path(html), cell, hits, query_image=query_image)
    return hits


def _asked(given: Mapping[str, str | Path | None]) -> tuple[str, str]:
    """The one modality that is given, and what: words, or the path of a file."""
    asked = {name: str(value) for name, value in given.items() if value is not None}
    if len(asked) != 1 or not next(iter(asked.values())).strip():
        files = ", ".join(f"--{name}" for name in given if name != "text")
        raise DataError(f"expected one thing to search by: words, or a file by one of {files}")
    return next(iter(asked.items()))


def _query(modality: Modality, cell: str, name: str) -> Sample:
    """What is looked for, as a sample of one modality; paths start here."""
    try:
        value = modality.decode(modality.read(cell, Path()))
    except BrokenSample as error:
        raise DataError(f"cannot search by this: {error}") from error
    return Sample(cell, {name: modality.finish(value, None)})
