"""Search a run's index by words or by a picture."""

from __future__ import annotations

from pathlib import Path

from sensorium.batch import Sample
from sensorium.data import BrokenSample, decode_image
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
    embedder = Embedder(mixture, tokenizer.pad)
    if find not in embedder.modalities:
        raise DataError(
            f"this run can find {' or '.join(embedder.modalities)}, not {find!r}; choose one with "
            "--find"
        )
    if text is not None:
        query = Sample(text, {"text": tokenizer.encode(text)})
        vector = embedder.embed([query], "text")[0]
    else:
        path = Path(str(image))
        try:
            query = Sample(str(path), {"image": decode_image(path, opened.recipe.data.image)})
        except BrokenSample as error:
            raise DataError(f"{path}: {error}") from error
        vector = embedder.embed([query], "image")[0]
    hits = SearchIndex(opened.folder / "index").search(vector, find, top)
    if html is not None:
        query_image = None if image is None else Path(image).read_bytes()
        Path(html).parent.mkdir(parents=True, exist_ok=True)
        write_sheet(Path(html), text or str(image), hits, query_image=query_image)
    return hits
