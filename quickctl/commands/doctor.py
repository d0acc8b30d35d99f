"""`quickctl doctor`: prerequisites and common mistakes, looked for in the live accounts. It only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from quickctl.cli import ReadingManagementOption, cli_of
from quickctl.commands.plans import FilesOption  # noqa: TC001 - Typer reads it
from quickctl.doctor.checks import NAMES, diagnose
from quickctl.doctor.finding import DENIED, FINE, UNSEEN, WARNING, WRONG, Diagnosis, Finding
from quickctl.doctor.patient import Patient
from quickctl.exits import ExitCode
from quickctl.files import consumer_files
from quickctl.output import Command, Rendering, table

if TYPE_CHECKING:
    from collections.abc import Iterator

STYLES = {FINE: "green", WARNING: "yellow", WRONG: "red", DENIED: "red", UNSEEN: "dim"}


def _known(names: list[str]) -> list[str]:
    for each in names:
        if each not in NAMES:
            raise typer.BadParameter(f"{each!r} is no check: {', '.join(NAMES)}")
    return names


OnlyOption = Annotated[
    list[str],
    typer.Option("--only", metavar="CHECK", callback=_known, help="This check only; can be given several times."),
]


def doctor(
    context: typer.Context,
    profiles: FilesOption = None,
    management_profile: ReadingManagementOption = None,
    only: OnlyOption = [],  # noqa: B006 - Typer's way to say none
) -> None:
    """Check prerequisites and common mistakes, and print the command that mends what is wrong. Nothing is changed."""
    cli = cli_of(context)
    found = diagnose(Patient(cli, consumer_files(profiles), management_profile), only or NAMES)
    cli.printer.show(found, render)
    if found.failed:
        raise typer.Exit(ExitCode.FAILED)


def render(found: Diagnosis) -> Rendering:
    """A line for each finding, then how to mend what is not fine."""
    yield table(
        ("CHECK", "VERDICT", "FOUND"),
        ((each.check, Text(each.verdict, style=STYLES[each.verdict]), each.what) for each in found.findings),
    )
    unseen = [each for each in found.findings if each.verdict == UNSEEN]
    for each in found.findings:
        if each.verdict not in (FINE, UNSEEN):
            yield from _mended(each, f"{each.check}: {each.what}")
    if unseen:
        yield from _mended(unseen[0], f"not looked at: {', '.join(each.check for each in unseen)}")


def _mended(each: Finding, title: str) -> Iterator[str]:
    yield ""
    yield title
    yield f"  why: {each.why}"
    yield "  do:"
    yield Command(f"    {each.mend}")
    for variable in each.needs:
        yield f"    set {variable}"
