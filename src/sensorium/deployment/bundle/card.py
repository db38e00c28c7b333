"""The model card: what the model is, what it was judged to do, and what nobody has looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sensorium.deployment.bundle.recipe import BundleRecipe
from sensorium.deployment.graphs.proof import COLUMNS, Compared

NO_LICENCE = "Not stated. The data that the model learned from may bind it; ask who made it."


def card(
    recipe: BundleRecipe,
    summary: Mapping[str, Any] | None,
    facts: Mapping[str, Any],
    proof: Sequence[Compared],
    licence: str | None,
) -> str:
    """README.md of a bundle.

    Args:
        recipe: of the model.
        summary: the run's final figures; None before it has ended.
        facts: what the run says of its data.
        proof: lines of the comparison, where there are graphs.
        licence: as said on export.
    """
    modalities = list(recipe.model.encoders.chosen())
    summary = summary or {}
    parts = [
        f"# {recipe.name}\n\nA model of {', '.join(modalities)}, made with Sensorium. Tasks: "
        f"{', '.join(recipe.tasks.chosen())}. Fusion: "
        f"{recipe.model.fusion.name if recipe.model.fusion else 'none'}. Parameters: "
        f"{summary.get('parameters', 'not recorded')}.",
        '## Use\n\n```python\nimport sensorium\n\nmodel = sensorium.load(".")\n```\n\n'
        "`signature.json` says what goes in and comes out, for any other program.",
        f"## Data\n\n{_data(facts)}",
        f"## Figures\n\n{_figures(summary)}",
    ]
    if proof:
        parts.append(f"## Graphs against the model\n\n{proof_table(proof)}")
    parts.append(
        "## Limits\n\nThe figures hold for data like that of the sets above. Nothing was looked at "
        "beyond them: no other language, no other camera or microphone, no group of people by "
        "itself. Text is cut to "
        f"{recipe.data.text.context_tokens} tokens. A probability is the model's own, and may be "
        "too sure."
    )
    parts.append(f"## Licence\n\n{licence or NO_LICENCE}")
    return "\n\n".join(parts) + "\n"


def proof_table(proof: Sequence[Compared]) -> str:
    """As Markdown."""
    rows = [COLUMNS, ["---"] * len(COLUMNS), *(line.cells for line in proof)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _data(facts: Mapping[str, Any]) -> str:
    prints = facts.get("fingerprints", {})
    lines = [f"- {split}: SHA-256 `{value}`" for split, value in prints.items()]
    return "\n".join(lines) or "Not recorded."


def _figures(summary: Mapping[str, Any]) -> str:
    figures, intervals = summary.get("metrics", {}), summary.get("intervals", {})
    if not figures:
        return "The run has none yet."
    lines = ["| figure | value | interval |", "|---|---|---|"]
    for name, value in figures.items():
        said = f"{value:.4g}" if isinstance(value, float) else str(value)
        lines.append(f"| {name} | {said} | {_interval(intervals.get(name))} |")
    return "\n".join(lines)


def _interval(found: Any) -> str:
    if isinstance(found, list | tuple) and len(found) == 2:
        return f"{found[0]:.4g} to {found[1]:.4g}"
    return ""
