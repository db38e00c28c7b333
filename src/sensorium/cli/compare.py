"""`sensorium compare RECIPE --over KEY=VALUE,VALUE [key=value ...]`, or `--search KEY=RANGE`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sensorium.cli.console import Announcer, print_json, print_table
from sensorium.cli.options import JsonOption, OverridesArgument, RecipeArgument
from sensorium.cli.trained import SIGNAL_EXIT_BASE
from sensorium.cli.tuned import print_trials
from sensorium.errors import RecipeError

if TYPE_CHECKING:
    from sensorium.verbs.compare import Compared
    from sensorium.verbs.tune import Tuned


def compare(
    recipe: RecipeArgument,
    overrides: OverridesArgument = None,
    over: Annotated[
        list[str] | None,
        typer.Option(
            help="KEY=VALUE,VALUE: what is compared; fusion is short for model.fusion. Given "
            "again, every combination.",
            show_default=False,
        ),
    ] = None,
    search: Annotated[
        list[str] | None,
        typer.Option(
            help="KEY=log:1e-4..1e-2, KEY=2..6 or KEY=VALUE,VALUE: where the best is looked for, "
            "instead of --over.",
            show_default=False,
        ),
    ] = None,
    trials: Annotated[
        int | None, typer.Option(min=1, help="Of a search.", show_default="20")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Runs of every variant.", show_default="3")
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            help="Of each run: '300 steps', '5 epochs', '2 minutes', or '20%' of the recipe's "
            "length.",
            show_default="20%",
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(help="The figure that decides, as matching/accuracy.", show_default="by task"),
    ] = None,
    run_dir: Annotated[
        Path | None,
        typer.Option(help="The folder.", show_default="runs/compare-RECIPE, runs/search-RECIPE"),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a comparison there.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Train variants of a recipe on equal terms, and say which is best; again: go on."""
    from sensorium.verbs.compare import compare as compare_verb
    from sensorium.verbs.grid import read_axes
    from sensorium.verbs.space import read_search
    from sensorium.verbs.tune import tune

    _check_form(over, search, trials, seeds)
    with Announcer() as announcer:
        common: dict[str, Any] = {
            "budget": budget,
            "metric": metric,
            "run_dir": run_dir,
            "overwrite": overwrite,
            "listeners": announcer.listeners(),
        }
        if search:
            space = read_search(search)
            done: Compared | Tuned = tune(
                recipe, overrides or [], search=space, trials=trials or 20, **common
            )
        else:
            axes = read_axes(over or [])
            done = compare_verb(recipe, overrides or [], over=axes, seeds=seeds or 3, **common)
    if done.stopped_by is not None:
        typer.echo(
            f"stopped by {done.stopped_by.name}; saved. The same command again goes on", err=True
        )
        raise typer.Exit(SIGNAL_EXIT_BASE + done.stopped_by)
    if as_json:
        print_json({"folder": str(done.folder), **done.facts})
        return
    (print_trials if search else _print)(done.facts)
    typer.echo(f"report: {done.folder}/report.html")


def _check_form(
    over: list[str] | None, search: list[str] | None, trials: int | None, seeds: int | None
) -> None:
    """Refuse options that do not go together."""
    if search and over:
        raise RecipeError("expected --over, to compare all, or --search, to look for the best")
    if search and seeds is not None:
        raise RecipeError(
            "--seeds is of --over: a search trains every trial once; compare the best of them "
            "with --over and several seeds"
        )
    if trials is not None and not search:
        raise RecipeError("--trials is of --search: with --over every combination is trained")


def _print(facts: Mapping[str, Any]) -> None:
    """The figures of every variant, the best first, and what they come to."""
    variants = [v for v in facts["variants"] if v.get("figures")]
    shown = facts["figures"]
    variants.sort(key=lambda v: v["figures"][facts["metric"]]["behind"])
    rows = [
        [
            variant["name"],
            *(_figure(variant["figures"].get(of["metric"])) for of in shown),
            f"{variant['parameters'] / 1e6:.2f} M",
            f"{1000 * variant['seconds_per_step']:.3g}",
            _megabytes(variant["peak_memory_bytes"]),
        ]
        for variant in variants
    ]
    columns = ["", *(of["name"] for of in shown), "parameters", "ms a step", "peak memory"]
    print_table(f"{facts['recipe']}: {', '.join(facts['axes'])}", columns, rows)
    for sentence in facts["verdict"]:
        typer.echo(sentence)


def _figure(of: Mapping[str, Any] | None) -> str:
    if of is None:
        return "-"
    half = "" if of["interval"] is None else f" ± {of['interval'][1] - of['mean']:.3f}"
    return f"{of['mean']:.3f}{half}"


def _megabytes(count: int | None) -> str:
    return "-" if count is None else f"{count / 1e6:,.0f} MB"
