"""A page that stands alone: one look for all that people read in a browser.

It asks nothing of the network and runs no script, and its pictures are data URIs, so it can be
mailed, kept beside a run and opened years later.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def write_page(path: Path, template: str, **values: Any) -> None:
    """Fill a template and write the page; whatever the values hold is shown, never obeyed.

    Args:
        path: the page.
        template: a path inside this package, as in `evaluation/report.html.jinja`.
        values: what the template names.
    """
    pages = Environment(
        loader=PackageLoader("sensorium", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = pages.get_template(template).render(values)
    # Text from a command line or a manifest may hold halves of characters, which UTF-8 has not.
    path.write_text(page, encoding="utf-8", errors="replace")
