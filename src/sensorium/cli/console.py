"""What people see: results on standard output, everything else on standard error.

So a program that reads `--json` gets JSON alone, and a person still sees how far things are.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

if TYPE_CHECKING:
    from sensorium.training.log import Progress as TrainingProgress
    from sensorium.verbs.listeners import Listeners

SIGNS = str.maketrans(dict.fromkeys("%-–.,"))  # that figures and intervals are written with
SECONDS_BETWEEN_LINES = 10.0  # where standard error is a file, a line now and then


class Announcer:
    """Shows a verb's notes and progress on standard error.

    A context: within it a terminal shows bars; anywhere else a plain line comes now and then.
    """

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False)
        self.live = self.console.is_terminal
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[facts]}"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.live,
        )
        self.rows: dict[str, TaskID] = {}
        self.last_line = 0.0

    def __enter__(self) -> Announcer:
        self.bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.bars.stop()

    def listeners(self) -> Listeners:
        """What a verb takes."""
        from sensorium.verbs.listeners import Listeners

        return Listeners(on_note=self.note, on_training=self.training, on_work=self.work)

    def note(self, sentence: str) -> None:
        """A sentence for people."""
        self.console.print(f"note: {sentence}", markup=False, soft_wrap=True)

    def work(self, what: str, done: int, total: int) -> None:
        """Progress of anything but training."""
        self._row(what, done, total, "")

    def training(self, progress: TrainingProgress) -> None:
        """Progress of the training loop."""
        self._row("training", progress.step, progress.steps, progress.facts())
        now = time.monotonic()
        last = progress.step == progress.steps
        if not self.live and (last or now - self.last_line > SECONDS_BETWEEN_LINES):
            self.last_line = now
            print(progress.line(), file=sys.stderr, flush=True)

    def _row(self, what: str, done: int, total: int, facts: str) -> None:
        if what not in self.rows:
            self.rows[what] = self.bars.add_task(what, total=total, facts=facts)
        self.bars.update(self.rows[what], completed=done, total=total, facts=facts)


def print_json(content: Any) -> None:
    """The result of a verb, for programs."""
    print(json.dumps(content, ensure_ascii=False, indent=1, default=str))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """The result of a verb, for people; columns after the first that hold figures stand right."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for number, column in enumerate(columns):
        figures = all(_is_figure(row[number]) for row in rows)
        justify: Literal["left", "right"] = "right" if figures and number else "left"
        table.add_column(column, justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*(cell.replace("[", r"\[") for cell in row))
    Console(highlight=False).print(table)


def _is_figure(cell: str) -> bool:
    return cell in ("", "-") or cell.translate(SIGNS).isdigit()
