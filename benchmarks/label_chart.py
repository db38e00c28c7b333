"""Draw what `label_efficiency.py` measured: accuracy by labels of each class, a panel a file.

    python benchmarks/label_chart.py emoji.json world.json --to labels.svg

Points are means over the draws of labels, whiskers one standard deviation.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import matplotlib
from matplotlib.figure import Figure

COLOURS = {"fine-tuned": "#4c8fd6", "head alone": "#5aa66a", "from scratch": "#e2954a"}
PANEL_INCHES = (3.6, 3.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("measured", type=Path, nargs="+", help="JSON files of label_efficiency.py")
    parser.add_argument("--titles", nargs="+", help="of the panels; else the names of the runs")
    parser.add_argument("--to", type=Path, required=True, metavar="PATH", help="an SVG file")
    arguments = parser.parse_args()
    reports = [json.loads(path.read_text()) for path in arguments.measured]
    titles = arguments.titles or [f"{of['recipe']}, from {of['run']}" for of in reports]
    draw(reports, titles, arguments.to)


def draw(reports: list[dict[str, Any]], titles: list[str], to: Path) -> None:
    settings = {"svg.fonttype": "none", "svg.hashsalt": "labels", "font.size": 9}
    with matplotlib.rc_context(settings):
        width, height = PANEL_INCHES
        figure = Figure(figsize=(width * len(reports), height), layout="constrained")
        panels = figure.subplots(1, len(reports), squeeze=False, sharey=True)
        for panel, report, title in zip(panels[0], reports, titles, strict=True):
            draw_panel(panel, report["figures"])
            panel.set_title(title, fontsize=10)
        panels[0][0].set_ylabel("accuracy on the test set")
        panels[0][0].legend(frameon=False, loc="upper left")
        figure.savefig(to, format="svg", metadata={"Date": None})


def draw_panel(panel: Any, figures: dict[str, dict[str, list[float]]]) -> None:
    for way, by_count in figures.items():
        spread = [stdev(seeds) if len(seeds) > 1 else 0.0 for seeds in by_count.values()]
        panel.errorbar(
            range(len(by_count)),
            [mean(seeds) for seeds in by_count.values()],
            yerr=spread,
            label=way,
            color=COLOURS[way],
            marker="o",
            markersize=4,
            capsize=3,
        )
    counts = list(next(iter(figures.values())))
    panel.set_xticks(range(len(counts)), ["all" if one == "0" else one for one in counts])
    panel.set_xlabel("labels of each class")
    panel.set_ylim(0, 1)
    panel.grid(axis="y", alpha=0.3)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)


if __name__ == "__main__":
    main()
