"""`sensorium demo`: the whole life on the embedded world, in minutes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sensorium.cli import page
from sensorium.cli.console import Announcer, print_json, print_table
from sensorium.cli.figures import print_figures
from sensorium.cli.options import JsonOption

if TYPE_CHECKING:
    from sensorium.verbs.demo import Demonstrated


def demo(
    run_dir: Annotated[Path, typer.Option(help="The run folder.")] = Path("runs/demo"),
    serve: Annotated[
        bool,
        typer.Option(
            "--serve",
            help="Then train a second model, of pictures, words, sounds and clips, for about two "
            "minutes, and serve both, with a page to try them.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Draw a world, train a model on it, judge it on unseen scenes, and search them by words."""
    from sensorium.verbs.demo import demo as demo_verb

    if serve:
        import sensorium.deployment.server  # noqa: F401  (says before the training what is missing)

    with Announcer() as announcer:
        result = demo_verb(run_dir, listeners=announcer.listeners())
    if as_json:
        print_json({"run": str(run_dir), **result.summary})
    else:
        _print(result, run_dir)
    if serve:
        _serve(run_dir)


def _print(result: Demonstrated, run_dir: Path) -> None:
    print_figures(result.summary, "test")
    rows = [[str(hit.rank), f"{hit.score:.3f}", hit.text or ""] for hit in result.hits]
    print_table(f'search: "{result.query}"', ["rank", "score", "what the picture shows"], rows)
    typer.echo(f"report: {run_dir}/report.html")
    typer.echo(f"pictures found: {result.sheet}")
    typer.echo(f'next: sensorium search {run_dir} "a large blue star above a small red square"')


def _serve(run_dir: Path) -> None:
    """A second run, of all modalities, and the first beside it, until Ctrl-C."""
    from sensorium.verbs.demo import senses as senses_verb
    from sensorium.verbs.serve import serve as serve_verb

    senses = run_dir.with_name(run_dir.name + "-senses")
    with Announcer() as announcer:
        announcer.note(
            f"for the page a second model, {senses}: pictures, words, sounds and clips in one "
            "space; a short training on few scenes, about two minutes on two cores"
        )
        senses_verb(senses, listeners=announcer.listeners())
    announcer.note(f"to serve both again: sensorium serve {senses} {run_dir}")
    port = page.free_port()
    page.when_up(port, page.show)
    serve_verb(senses, run_dir, host=page.HOST, port=port)
