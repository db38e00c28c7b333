"""`sensorium search RUN "words"` or `--image x.jpg`."""

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
        Path | None, typer.Option(help="A picture to look for, instead.", show_default=False)
    ] = None,
    find: Annotated[str, typer.Option(help="What to look for: image or text.")] = "image",
    top: Annotated[int, typer.Option(min=1, help="How many.")] = 10,
    html: Annotated[
        Path | None, typer.Option(help="Write a page of the pictures there.", show_default=False)
    ] = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Find pictures by words, or by a picture, in a run's index."""
    from sensorium.verbs.search import search as search_verb

    hits = search_verb(run, text, image=image, find=find, top=top, html=html, device=device)
    if as_json:
        print_json(
            [
                {"rank": h.rank, "score": h.score, "id": h.id, "text": h.text, "path": h.path}
                for h in hits
            ]
        )
        return
    rows = [[str(h.rank), f"{h.score:.3f}", h.id, h.text or "", h.path or ""] for h in hits]
    print_table(text or str(image), ["rank", "score", "id", "text", "picture"], rows)
    if html is not None:
        typer.echo(f"picture sheet: {html}")
