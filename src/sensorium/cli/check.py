"""`sensorium check DATA`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sensorium.cli.console import Announcer, print_json, print_table
from sensorium.cli.options import JsonOption

if TYPE_CHECKING:
    from sensorium.data.check import Report

SHOWN = 10
"""Findings of a kind that the tables show; JSON and page have them all."""


def check(
    data: Annotated[str, typer.Argument(help="A file, a folder or a recipe.", show_default=False)],
    against: Annotated[
        str | None,
        typer.Option(help="A set that should share nothing with DATA.", show_default=False),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 also where sets share samples.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option(help="Write the report as a page there.", show_default=False)
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes; as many as cores by default.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Decode all of some data; report what is broken, suspicious, duplicated or leaking."""
    from sensorium.verbs.check import check as check_verb

    with Announcer() as announcer:
        report = check_verb(
            data, against=against, html=html, workers=workers, listeners=announcer.listeners()
        )
    if as_json:
        print_json(report.as_dict())
    else:
        _print(report, html)
    if report.broken or (strict and report.leaks):
        raise typer.Exit(1)


def _print(report: "Report", html: Path | None) -> None:
    from sensorium.data.check import words

    rows = [
        [
            one.name,
            c.name,
            c.modality,
            f"{c.samples:,}",
            f"{one.samples - c.samples:,}",
            words.holds(c),
        ]
        for one in report.sets
        for c in one.columns
    ]
    print_table("what there is", ["set", "column", "modality", "samples", "absent", "what"], rows)
    rows = [
        [one.name, name, f"{file.seconds:.2f}", "\n".join(file.streams)]
        for one in report.sets
        for name, file in one.media.items()
    ]
    _print_some("files", ["set", "file", "seconds", "streams"], rows)
    rows = [
        [one.name, name, words.classes(counts)]
        for one in report.sets
        for name, counts in one.labels.items()
    ]
    _print_some("labels", ["set", "column", "classes"], rows)
    rows = [[one.name, b.id, b.reason] for one in report.sets for b in one.broken]
    _print_some("broken", ["set", "sample", "reason"], rows)
    rows = [
        [one.name, s.id, s.column, s.suspicion.kind, s.suspicion.detail]
        for one in report.sets
        for s in one.suspicious
    ]
    _print_some("suspicious", ["set", "sample", "column", "what", "seen"], rows)
    for leaks in (True, False):
        rows = [words.group(group) for group in report.groups if group.leaks is leaks]
        _print_some(
            "leaks: in several sets" if leaks else "duplicates", ["what", "how", "samples"], rows
        )
    rows = [[one.name, words.giveaway(g)] for one in report.sets for g in one.giveaways]
    _print_some("labels that names or order give away", ["set", "how"], rows)
    for line in words.conclusion(report):
        typer.echo(line)
    if html is not None:
        typer.echo(f"page: {html}")


def _print_some(title: str, columns: list[str], rows: list[list[str]]) -> None:
    if not rows:
        return
    more = f"; {SHOWN} of {len(rows):,}, all with --json" if len(rows) > SHOWN else ""
    print_table(title + more, columns, rows[:SHOWN])
