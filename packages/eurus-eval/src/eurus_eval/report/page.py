"""The report: one self-contained HTML page of a run, from what its stages left behind.

Knows the blocks, not the stages: whatever a third-party stage shows is rendered the same way. Every word of data is escaped,
and the page's content security policy lets no script run but its own and loads nothing.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from eurus_core.files.atomic import whole
from eurus_eval.report import plots
from eurus_eval.report.cells import cells, duration, figure, load, right_aligned
from eurus_eval.report.drawing import lay_out
from eurus_eval.report.figures import shown
from eurus_eval.report.glossary import Glossary
from eurus_eval.report.run_view import FIRST_GROUPS, RunView, gather

NAME = "report.html"


def write_page(folder: Path) -> Path:
    """Write ``report.html`` into a run folder, whole or not at all, and return its path; InputError where it is no run."""
    text = render(gather(folder))
    path = folder / NAME
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")  # models write lone surrogates
    return path


def render(run: RunView) -> str:
    """Return the page's HTML."""
    script, style = _asset("page.js"), _asset("page.css")
    environment = Environment(
        loader=PackageLoader("eurus_eval", "report/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    keys = itertools.count()
    environment.filters |= {"cells": cells, "duration": duration, "lay_out": lay_out, "load": load}
    environment.globals |= {
        "right_aligned": right_aligned,
        "figure_text": figure,
        "series_colour": plots.series_colour,
        "draw": lambda plots: shown(plots, keys),
        "glossary": Glossary(run.terms),
    }
    return environment.get_template("page.html.j2").render(
        run=run,
        first_groups=FIRST_GROUPS,
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _asset(name: str) -> str:
    return (files("eurus_eval") / "report" / "templates" / name).read_text(encoding="utf-8")
