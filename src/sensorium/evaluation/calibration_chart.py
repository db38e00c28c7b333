"""How far probabilities can be believed, as a chart: said along, true upwards."""

from __future__ import annotations

from typing import Any

from sensorium.evaluation.curves import Chart, Line
from sensorium.tasks.calibration import Calibration

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


def calibration_chart(task: str, calibration: Calibration) -> Chart:
    """The bins that hold any answer, beside the line on which they should lie."""
    there = calibration.counts > 0
    confidence, accuracy = calibration.confidence[there], calibration.accuracy[there]
    points = " ".join(
        f"{100 * x:.2f},{100 - 100 * y:.2f}"
        for x, y in zip(confidence.tolist(), accuracy.tolist(), strict=True)
    )
    return Chart(
        title=f"Right by how sure: {task.replace('_', ' ')}",
        lines=[
            Line("the model, off by", f"{100 * calibration.error:.1f}%", points),
            Line("as it should be", "", "0,100 100,0"),
        ],
        steps=[(100 * share, f"{share:.0%}") for share in SHARES],
        values=[(100 - 100 * share, f"{share:.0%}") for share in SHARES],
    )


def calibration_facts(calibration: Calibration) -> dict[str, Any]:
    """The bins, for `summary.json`."""
    return {
        "counts": calibration.counts.tolist(),
        "confidence": calibration.confidence.tolist(),
        "accuracy": calibration.accuracy.tolist(),
    }
