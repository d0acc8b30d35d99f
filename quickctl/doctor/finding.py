"""What doctor says of one thing it looked at. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from quickctl.output import Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FINE, WARNING, WRONG, DENIED, UNSEEN = "fine", "warning", "wrong", "denied", "cannot look"


@dataclass(frozen=True)
class Found:
    """What one check found: a verdict, what it is, why it matters, and the command line that mends it."""

    verdict: str
    what: str
    why: str = ""
    mend: str = ""


def fine(what: str) -> Found:
    """As it should be."""
    return Found(FINE, what)


def warning(what: str, why: str, mend: str) -> Found:
    """It works, but not for long, or not for everybody."""
    return Found(WARNING, what, why, mend)


def wrong(what: str, why: str, mend: str) -> Found:
    """It is broken."""
    return Found(WRONG, what, why, mend)


def unless_fine(found: Iterable[Found], otherwise: str) -> Iterator[Found]:
    """What was found; if that is nothing, that all is well."""
    listed = list(found)
    yield from listed or [fine(otherwise)]


class Finding(Result):
    """What a check found."""

    check: str = Field(description="what was checked")
    verdict: str = Field(
        description=f"`{FINE}`; `{WARNING}`; `{WRONG}`; `{DENIED}`: a permission to look is missing; "
        f"`{UNSEEN}`: it is in the management account, and no --management-profile was named"
    )
    what: str = Field(description="what was found")
    why: str = Field(description="why it matters; empty if it is fine")
    mend: str = Field(description="the command line that mends it; empty if it is fine")
    needs: tuple[str, ...] = Field(
        description="the shell variables of that command, and what only a person knows to set them to"
    )


class Diagnosis(Result):
    """All findings, in the order of the checks."""

    findings: tuple[Finding, ...] = Field(description="the findings")

    @property
    def failed(self) -> bool:
        """Whether something is wrong, or somebody who was to look may not."""
        return any(each.verdict in (WRONG, DENIED) for each in self.findings)
