"""`sensorium search RUN "words"`, or `--image x.jpg`, `--audio y.wav`, `--video z.mp4`."""

from pathlib import Path
from typing import Annotated

import typer

from sensorium.cli.console import print_json, print_table
from sensorium.cli.options import DeviceOption, JsonOption, RunArgument


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
    html: Annotated[
        Path | None, typer.Option(help="Write a page of the pictures there.", show_default=False)
    ] = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Find what is nearest to words, or to a picture, a sound or a video, in a run's index."""
    from sensorium.verbs.search import search as search_verb

    asked = {"image": image, "audio": audio, "video": video}
    hits = search_verb(run, text, **asked, find=find, top=top, html=html, device=device)
    if as_json:
        print_json(
            [
                {"rank": h.rank, "score": h.score, "id": h.id, "text": h.text, "path": h.path}
                for h in hits
            ]
        )
        return
    rows = [[str(h.rank), f"{h.score:.3f}", h.id, h.text or "", h.path or ""] for h in hits]
    title = text or str(image or audio or video)
    print_table(title, ["rank", "score", "id", "text", "file"], rows)
    if html is not None:
        typer.echo(f"picture sheet: {html}")
