"""The commands as a page: docs/reference/quickctl.md, below its marker. `python -m quickctl.reference` writes it.

It also writes the table of what selftest looks at: docs/reference/not-verified.md.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from typer.main import get_command

from quickctl import following
from quickctl.app import app
from quickctl.commands import (
    approvals,
    bootstrap,
    capacity,
    explain,
    history,
    kept_events,
    mesh,
    plans,
    profiles,
    redrive,
    report,
    rollouts,
    selftest,
    status,
    sweeps,
    uninstall,
)
from quickctl.doctor.checks import CHECKS
from quickctl.doctor.finding import Diagnosis
from quickctl.exits import MEANINGS
from quickctl.output import Result
from quickctl.selftest.checks import CHECKS as BEHAVIOURS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quickctl.selftest.check import Check

PAGE = Path(__file__).parents[1] / "docs/reference/quickctl.md"
MARKER = "<!-- What follows is written by `python -m quickctl.reference`. -->"
CHECKS_PAGE = PAGE.with_name("not-verified.md")
CHECKS_BEGIN = "<!-- The next table is written by `python -m quickctl.reference`. -->\n\n"
CHECKS_END = "\n## What selftest can't see"
RESULTS: dict[str, type[Result]] = {
    "status": status.Status,
    "explain": explain.Explanation,
    "history": history.History,
    "reconcile": following.Started,
    "retry": following.Started,
    "plan": plans.Plan,
    "apply": following.Started,
    "sweep": sweeps.Swept,
    "approvals": approvals.Approvals,
    "approve": approvals.Answer,
    "reject": approvals.Answer,
    "capacity": capacity.Capacity,
    "report": report.Written,
    "orphans": plans.Orphans,
    "rollout": rollouts.Rollouts,
    "pause": rollouts.Controlled,
    "resume": rollouts.Controlled,
    "redrive": redrive.Redriven,
    "events": kept_events.KeptEvents,
    "doctor": Diagnosis,
    "selftest": selftest.SelfTest,
    "bootstrap": bootstrap.Bootstrap,
    "uninstall": uninstall.Uninstalled,
    "profiles validate": profiles.Validated,
    "profiles show": profiles.Shown,
    "profiles diff": profiles.Difference,
    "mesh list": mesh.Publications,
    "mesh statements": mesh.OwnersPart,
}


def text() -> str:
    """The generated part of the page."""
    root: Any = get_command(app)
    lines = [*_exit_codes(), "", "## Options of all commands", "", *_parameters(root)]
    for name, command in commands(root):
        lines += ["", f"## {name}", "", command.help or "", "", f"    {_usage(name, command)}", ""]
        lines += _parameters(command)
        lines += _checks() if name == "doctor" else []
        lines += _json(RESULTS[name])
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def checks_table() -> str:
    """What selftest looks at, as a table."""
    head = "| check | the documents assume | where | it is seen after | if it is otherwise |\n|---|---|---|---|---|\n"
    return head + "".join(f"| {' | '.join(_row(each))} |\n" for each in BEHAVIOURS)


def _row(check: Check) -> tuple[str, ...]:
    where = " ".join(map(_link, dict.fromkeys(place.page for place in check.places)))
    return check.name, check.behaviour, where, check.comes, check.change


def _link(page: str) -> str:
    name = page.rpartition("/")[2].removesuffix(".md")
    return f"[{name[:4] if page.startswith('decisions/') else name}](../{page})"


def commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every command with its whole name."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def _exit_codes() -> list[str]:
    rows = [f"| {code.value} | {meaning} |" for code, meaning in MEANINGS.items()]
    return ["## Exit codes", "", "| code | means |", "|---|---|", *rows]


def _usage(name: str, command: Any) -> str:
    arguments = [each.metavar or each.name.upper() for each in command.params if each.param_type_name == "argument"]
    options = ["[OPTIONS]"] if any(each.param_type_name == "option" for each in command.params) else []
    return " ".join(["quickctl", name, *options, *arguments])


def _parameters(command: Any) -> list[str]:
    rows = [_parameter(each) for each in command.params if not each.is_eager]
    return ["| argument or option | meaning |", "|---|---|", *rows, ""] if rows else []


def _parameter(each: Any) -> str:
    if each.param_type_name == "argument":
        return f"| `{each.metavar}` | {each.help or 'account ids, 12 digits each'} |"
    names = ", ".join(f"`{name}`" for name in (*each.opts, *each.secondary_opts))
    default = (
        f" Default: `{each.default}`."
        if isinstance(each.default, str | int) and each.default and not each.is_flag
        else ""
    )
    if each.is_flag and each.secondary_opts:
        default = f" Default: `{(each.opts if each.default else each.secondary_opts)[0]}`."
    value = f" `{each.metavar}`" if each.metavar else ""
    return f"| {names}{value} | {each.help}{default} |"


def _checks() -> list[str]:
    """What doctor finds out, in its order."""
    rows = [f"| `{each.name}` | {each.place} | {each.question} |" for each in CHECKS]
    return ["| check | account | what it finds out |", "|---|---|---|", *rows, ""]


def _json(model: type[Result]) -> list[str]:
    """A table of the fields of each model of a result, the result itself first."""
    lines = []
    for each in _models(model):
        title = "With `--output json` or `yaml`:" if each is model else f"`{each.__name__}`: {_summary(each)}"
        rows = [f"| `{name}` | {field.description} |" for name, field in each.model_fields.items()]
        lines += [title, "", "| field | meaning |", "|---|---|", *rows, ""]
    return lines


def _models(model: type[Result]) -> list[type[Result]]:
    """A model and those that its fields are made of, each once."""
    found = [model]
    for each in found:
        for field in each.model_fields.values():
            found += [part for part in _parts(field.annotation) if part not in found]
    return found


def _parts(annotation: Any) -> Iterator[type[Result]]:
    if isinstance(annotation, type) and issubclass(annotation, Result):
        yield annotation
    for each in get_args(annotation):
        yield from _parts(each)


def _summary(model: type[Result]) -> str:
    return " ".join((model.__doc__ or "").split())


def main() -> None:
    """Write the generated parts of both pages anew."""
    written, _, _ = PAGE.read_text(encoding="utf-8").partition(MARKER)
    PAGE.write_text(f"{written}{MARKER}\n\n{text()}", encoding="utf-8")
    before, _, rest = CHECKS_PAGE.read_text(encoding="utf-8").partition(CHECKS_BEGIN)
    after = rest[rest.index(CHECKS_END) :]
    CHECKS_PAGE.write_text(f"{before}{CHECKS_BEGIN}{checks_table()}{after}", encoding="utf-8")
    sys.stderr.write(f"wrote {PAGE} and {CHECKS_PAGE}\n")


if __name__ == "__main__":
    main()
