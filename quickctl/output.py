"""What a command prints: a result as JSON or YAML for programs, or as tables for people."""

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import IO, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

PIPED_WIDTH = 200  # columns where nobody's terminal sets a width: programs such as grep read lines
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # but tabs and ends of lines
WHOLE = 20  # characters that are never broken: an id, a name, a time
COLOURS = {
    "connected": "green",
    "connecting": "cyan",
    "disconnecting": "cyan",
    "quarantined": "yellow",
    "degraded": "yellow",
    "held": "magenta",
    "awaiting": "magenta",
    "failed": "red",
    "removed": "dim",
}


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


class Result(BaseModel):
    """What a command answers. Its fields are the command's JSON, so they stay as they are."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Command(str):
    """A line that people copy: it is broken by nothing but the terminal itself."""

    __slots__ = ()


R = TypeVar("R", bound=Result)
Rendering = Iterable[RenderableType]


class Printer:
    """Prints results in the chosen format. Colours only on a terminal; NO_COLOR and COLUMNS are respected."""

    def __init__(self, output: Format, stream: IO[str] | None = None) -> None:
        self.format, self._stream = output, stream

    @property
    def console(self) -> Console:
        """Where tables go."""
        stream = self._stream or sys.stdout
        width = None if stream.isatty() or "COLUMNS" in os.environ else PIPED_WIDTH
        return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)

    def show(self, result: R, render: Callable[[R], Rendering]) -> None:
        """Print a result; `render` makes tables of it."""
        stream = self._stream or sys.stdout
        if self.format is Format.TABLE:
            for each in render(result):
                if isinstance(each, Command):
                    stream.write(f"{harmless(each)}\n")
                    continue
                self._print(harmless(each) if isinstance(each, str) else each)
        elif self.format is Format.JSON:
            stream.write(json.dumps(result.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n")
        else:
            yaml.safe_dump(result.model_dump(mode="json"), stream, sort_keys=False, allow_unicode=True)

    def _print(self, each: RenderableType) -> None:
        """Print it. A terminal that is too narrow breaks the lines itself: nothing is cut."""
        console = self.console
        needed = each.min_width if isinstance(each, Table) else None
        console.width = max(console.width, needed or 0)
        console.print(each)

    def note(self, text: str) -> None:
        """Tell people what is going on. It goes to stderr, so that stdout has the result alone."""
        sys.stderr.write(harmless(text) + "\n")

    def confirm(self, question: str) -> bool:
        """Whether somebody types yes. The question goes to stderr, too."""
        sys.stderr.write(f"{question} [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def choose(self, question: str, *answers: str) -> str:
        """Which of the answers somebody types; empty: none of them."""
        sys.stderr.write(f"{question} [{'/'.join(answers)}] ")
        sys.stderr.flush()
        typed = sys.stdin.readline().strip().lower()
        return typed if typed in answers else ""


def harmless(text: str) -> str:
    """The text without characters that would steer a terminal: names and messages may come from anybody."""
    return CONTROL.sub("?", text)


def _cell(value: str | Text) -> Text:
    return value if isinstance(value, Text) else Text(harmless(value))


def table(columns: Sequence[str], rows: Iterable[Sequence[str | Text]], *, title: str = "") -> Table:
    """A plain table. Where it does not fit, long cells take more lines, and what is short stays whole."""
    cells = [[_cell(value) for value in row] for row in rows]
    whole = [min(max([len(name), *(row[at].cell_len for row in cells)]), WHOLE) for at, name in enumerate(columns)]
    made = Table(title=title or None, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name, least in zip(columns, whole, strict=True):
        made.add_column(name, overflow="fold", min_width=least, header_style="bold")
    made.min_width = sum(whole) + 2 * (len(whole) - 1)  # two spaces between columns
    for row in cells:
        made.add_row(*row)
    return made


def pairs(rows: Iterable[tuple[str, str | Text]]) -> Table:
    """Names and values, without those that are empty."""
    made = Table(show_header=False, box=None, pad_edge=False)
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in rows:
        if value:
            made.add_row(name, _cell(value))
    return made


def state_text(state: str, proof: str = "") -> Text:
    """A connection's state in its colour, and how far it is proven."""
    return Text(harmless(f"{state} ({proof})" if proof else state), style=COLOURS.get(state, ""))


def age(seconds: float | None) -> str:
    """How long that is, in the largest unit that fits."""
    if seconds is None:
        return ""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


def clock_time(when: datetime | None) -> str:
    """A time as people read it, UTC, to the second."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ") if when else ""


def parsed(text: str) -> datetime | None:
    """A time of the registry; None when it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def elapsed(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds from one time to another; None when one of them is missing."""
    return max((end - start) / timedelta(seconds=1), 0) if start and end else None
