"""The cases as rows of docs/reference/bad-input.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.bad_inputs import GROUPS

if TYPE_CHECKING:
    from tests.simulation.bad_inputs.vocabulary import Case

HEADER = "| input | error | recorded, word for word | in | what it changes |\n|---|---|---|---|---|"


def rows(cases: list[Case]) -> list[str]:
    """A table's rows."""
    return [f"| {' | '.join(cells(case))} |" for case in cases]


def cells(case: Case) -> list[str]:
    """A row's cells."""
    error = f"`{case.error}`" if case.error else "none: tolerated"
    where = f"`{case.where}`" if case.where else "nowhere"
    words = _code(case.message) if case.message else "nothing"
    if case.error and case.where:
        words += f"<br>cause: {case.plan.cause}<br>remedy: {case.plan.remedy}"
    return [case.input.replace("|", "\\|"), error, words, where, case.change.words]


def tables() -> str:
    """All tables, by group."""
    return "\n\n".join("\n".join([f"## {name}", "", HEADER, *rows(cases)]) for name, cases in GROUPS.items())


def _code(text: str) -> str:
    """A text as code; one with back-ticks in it needs two of them around."""
    mark, gap = ("``", " ") if "`" in text else ("`", "")
    return f"{mark}{gap}{text}{gap}{mark}".replace("|", "\\|")
