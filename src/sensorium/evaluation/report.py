"""`report.html`: what a run learned, on one page that needs nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sensorium.data.specimen import Specimen
from sensorium.evaluation.calibration_chart import calibration_chart
from sensorium.evaluation.class_panel import class_panel
from sensorium.evaluation.curves import charts
from sensorium.evaluation.examples import Shown, directions
from sensorium.evaluation.figures import figures_by_split
from sensorium.evaluation.places import galleries
from sensorium.evaluation.probe.panel import probe_panel
from sensorium.evaluation.samples import albums
from sensorium.evaluation.strips import strips
from sensorium.page import write_page
from sensorium.tasks.calibration import Calibration
from sensorium.tasks.class_report import ClassReport
from sensorium.tasks.mistakes import Mistake
from sensorium.tasks.places import Located
from sensorium.tasks.ranking import RECALL_AT
from sensorium.tasks.reconstruction import Reconstruction
from sensorium.tasks.retrieval import Retrieval
from sensorium.tasks.written import Written

__all__ = ["Shown", "write_report"]


def write_report(
    path: Path,
    *,
    title: str,
    summary: Mapping[str, Any],
    curves: Sequence[Mapping[str, float]],
    retrieved: Sequence[Retrieval] = (),
    written: Mapping[str, list[Written]] | None = None,
    reconstructed: Sequence[Reconstruction] = (),
    mistakes: Mapping[str, list[Mistake]] | None = None,
    classes: Mapping[str, ClassReport] | None = None,
    calibrations: Mapping[str, Calibration] | None = None,
    located: Mapping[str, Sequence[Located]] | None = None,
    show: Callable[[int], Shown] = lambda row: Shown(str(row), None, None),
    look: Callable[[int], Specimen] = lambda row: Specimen("", str(row)),
    examples: int = 8,
) -> None:
    """Write the report of a run. What the run does not have leaves its section out.

    Args:
        path: the page.
        title: the run's name.
        summary: what `summary.json` holds.
        curves: the rows of `metrics.jsonl`.
        retrieved: every direction of retrieval over the split that was judged last.
        written: task -> what it wrote of that split.
        reconstructed: pictures of which most was hidden.
        mistakes: task -> the samples of that split that it is most wrong about.
        classes: task -> how well it tells each class.
        calibrations: task -> how far its probabilities can be believed.
        located: task -> the places that it said of every picture of that split.
        show: number of a sample -> what is shown of it.
        look: number of a sample -> all that can be seen and heard of it.
        examples: best and worst retrievals, of each direction, and texts.
    """
    write_page(
        path,
        "evaluation/report.html.jinja",
        title=title,
        splits=figures_by_split(summary),
        recall_at=RECALL_AT,
        probes=[probe_panel(split, of) for split, of in summary.get("probe", {}).items()],
        charts=charts(curves),
        directions=directions(retrieved, show, examples),
        albums=albums(dict(written or {}), show, examples),
        galleries=galleries(located or {}, show),
        strips=strips(reconstructed),
        mistakes=[
            (task.replace("_", " "), [(one, look(one.row)) for one in of_task])
            for task, of_task in (mistakes or {}).items()
        ],
        classes=[class_panel(task, of) for task, of in (classes or {}).items()],
        calibrations=[calibration_chart(task, of) for task, of in (calibrations or {}).items()],
        facts=[(name, say(summary[key])) for name, key, say in FACTS if key in summary],
    )


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes} min {seconds} s"


def _versions(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


FACTS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("Training time", "train_seconds", _duration),
    ("Speed", "samples_per_second", "{:,.0f} samples/s".format),
    ("Steps", "steps", "{:,}".format),
    ("Parameters", "parameters", "{:,}".format),
    ("Device", "device", str),
    ("Processes", "processes", "{:,}".format),
    ("Precision", "precision", str),
    ("Quarantined", "quarantined", "{:,}".format),
    ("Versions", "versions", _versions),
)
"""Name, key in the summary, and how its value is said."""
