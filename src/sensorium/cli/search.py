"""`sensorium search RUN "words"`, or `--image x.jpg`, `--audio y.wav`, `--video z.mp4`."""

from pathlib import Path
from typing import Annotated

import typer

from sensorium.cli.console import print_json, print_table
from sensorium.cli.options import DeviceOption, JsonOption, RunArgument

SHOWN = ("rank", "score", "match", "id", "text", "path")
"""Of every hit, in JSON."""


def search(
    run: RunArgument,
    text: Annotated[
        str | None, typer.Argument(help="Words to look for.", show_default=False)
    ] = None,
    image: Annotated[
        Path | None, typer.Option(help="A picture to search by, instead.", show_default=False)
    ] = None,
    audio: Annotated[
        Path | None, typer.Option(help="A sound to search by, instead.", show_default=False)
    ] = None,
    video: Annotated[
        Path | None, typer.Option(help="A video to search by, instead.", show_default=False)
    ] = None,
    find: Annotated[
        str | None,
        typer.Option(
            help="What to look for: image, text, audio or video; pictures where the run knows them."
        ),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many.")] = 10,
    rerank: Annotated[
        int, typer.Option(min=0, help="Sort so many of the first anew by matching.")
    ] = 0,
    html: Annotated[
        Path | None, typer.Option(help="Write a page of the pictures there.", show_default=False)
    ] = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Find what is nearest to words, or to a picture, a sound or a video, in a run's index."""
    from sensorium.verbs.search import search as search_verb

    asked = {"image": image, "audio": audio, "video": video}
    hits = search_verb(
        run, text, **asked, find=find, top=top, rerank=rerank, html=html, device=device
    )
    if as_json:
        print_json([{name: getattr(hit, name) for name in SHOWN} for hit in hits])
        return
    rows = [
        [
            str(hit.rank),
            f"{hit.score:.3f}",
            "" if hit.match is None else f"{hit.match:.2f}",
            hit.id,
            hit.text or "",
            hit.path or "",
        ]
        for hit in hits
    ]
    columns = ["rank", "score", "match", "id", "text", "file"]
    if all(hit.match is None for hit in hits):
        columns.remove("match")
        rows = [[*row[:2], *row[3:]] for row in rows]
    title = text or str(image or audio or video)
    print_table(title, columns, rows)
    if html is not None:
        typer.echo(f"picture sheet: {html}")
