"""`sensorium predict RUN --image a.jpg --text "..."`, `RUN DATA`, or `RUN -` for lines of JSON."""

import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from sensorium.cli.console import Announcer, print_json, print_table
from sensorium.cli.options import DeviceOption, JsonOption, PrecisionOption, RunArgument

SHOWN = 50
"""Answers that the table shows; JSON and file have them all."""
STANDARD_INPUT = "-"


def predict(
    run: RunArgument,
    data: Annotated[
        str | None,
        typer.Argument(
            help="A file or folder of any known kind; - reads JSON lines from standard input.",
            show_default=False,
        ),
    ] = None,
    image: Annotated[
        Path | None, typer.Option(help="A picture, of one row.", show_default=False)
    ] = None,
    text: Annotated[str | None, typer.Option(help="Its words.", show_default=False)] = None,
    audio: Annotated[Path | None, typer.Option(help="Its sound.", show_default=False)] = None,
    video: Annotated[Path | None, typer.Option(help="Its video.", show_default=False)] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the answers there, .jsonl or .parquet.", show_default=False),
    ] = None,
    explain: Annotated[
        Path | None,
        typer.Option(
            help="Write a page there of what the answers rest on: patches, words, sounds, frames.",
            show_default=False,
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            help="Write a page there with the places that are told, drawn on the pictures.",
            show_default=False,
        ),
    ] = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "float32",
    as_json: JsonOption = False,
) -> None:
    """Ask a run's model: which class, which number, which answer, do these belong together?"""
    from sensorium.verbs.predict import predict as predict_verb

    with Announcer() as announcer:
        answers = predict_verb(
            run,
            sys.stdin if data == STANDARD_INPUT else data,
            image=image,
            text=text,
            audio=audio,
            video=video,
            out=out,
            explain=explain,
            html=html,
            device=device,
            precision=precision,
            listeners=announcer.listeners(),
        )
    failed = sum("error" in answer for answer in answers)
    if as_json:
        print_json(answers[0] if data is None else answers)
    elif out is None or data is None:
        _print(answers)
    if out is not None and not as_json:
        typer.echo(f"wrote {len(answers):,} answers to {out}")
    if explain is not None and not as_json:
        typer.echo(f"explained: {explain}")
    if html is not None and not as_json:
        typer.echo(f"drawn: {html}")
    if failed:
        typer.echo(f"{failed:,} of {len(answers):,} rows could not be answered", err=True)
    if failed == len(answers):
        raise typer.Exit(1)


def _print(answers: list[dict[str, Any]]) -> None:
    rows = [dict(_cells(answer)) for answer in answers[:SHOWN]]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    title = "answers"
    if len(answers) > SHOWN:
        title += f"; {SHOWN} of {len(answers):,}, all with --json or --out"
    print_table(title, columns, [[row.get(column, "") for column in columns] for row in rows])


def _cells(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Column -> what stands in it; the whole list of probabilities is for programs."""
    cells = []
    for task, said in answer.items():
        if not isinstance(said, dict):
            cells.append((task, str(said)))
            continue
        if "boxes" in said:
            count = Counter[str](said["labels"]).most_common()
            cells.append((task, ", ".join(f"{n} {label}" for label, n in count) or "nothing"))
            continue
        for name, value in said.items():
            if name != "probabilities":
                cells.append((f"{task} {name}".replace("_", " "), _cell(value)))
    return cells


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 1000 else f"{value:.6g}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
