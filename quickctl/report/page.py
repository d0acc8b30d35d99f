"""The report as an HTML page, and its picture as a file of its own. Pure: it reads only the templates beside it.

Names and reasons may come from anybody, so everything is escaped, and the page's own policy lets it load nothing and
run nothing but its own script.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from quickctl.output import age, clock_time
from quickctl.report.model import NONE, Report
from quickctl.report.picture import HUB, narrow_picture, picture

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
MAX_SHOWN = 50  # of each list, so that the page stays readable; what is left out is counted
SHORT = 300  # characters of a reason in the table of everything; all of it is where it needs people
STATE_NAMES = {NONE: "no connection"}


def page(report: Report, refresh: float = 0) -> str:
    """The whole page. `refresh`: after so many seconds it asks whoever serves it for a newer one; 0: never."""
    styles = "".join(_file(name) for name in ("picture.css", "page.css"))
    script = _file("refresh.js") if refresh else ""
    return _render(
        "page.html.jinja",
        report,
        style=styles,
        style_hash=_hash(styles),
        script=script,
        script_hash=_hash(script),
        refresh=refresh,
        most=MAX_SHOWN,
        short=SHORT,
        narrow_drawn=narrow_picture(report.units),
        slowest=max((each.p95 for each in report.times.steps), default=0),
    )


def picture_file(report: Report) -> str:
    """The picture as an SVG file."""
    return _render("picture.svg.jinja", report, style=_file("picture.css"), links=False, with_shapes=True, narrow=False)


def _render(template: str, report: Report, **more: object) -> str:
    """A template with the report, its picture, and what else it needs."""
    return (
        _environment().get_template(template).render(report=report, drawn=picture(report.units), hub_size=HUB, **more)
    )


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"age": age, "clock_time": clock_time, "state_name": state_name, "summary": summary}
    return made


def state_name(state: str) -> str:
    """A state as people read it."""
    return STATE_NAMES.get(state, state)


def summary(counts: Mapping[str, int]) -> str:
    """How many there are of each state, in words."""
    return ", ".join(f"{count} {state_name(state)}" for state, count in counts.items()) or "nothing"


@cache
def _file(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """As a content security policy names what it allows."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
