"""What the demo shows: a line for each thing that happens, a table of where every account stands."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

COLOURS = {"connected": "green", "connecting": "yellow", "quarantined": "magenta", "failed": "red", "removed": "blue"}
FRAMES = 10  # in a second


@dataclass
class Row:
    """One account as the demo shows it."""

    account_id: str
    name: str
    tag: str = "-"
    status: str = "-"
    queried: bool = False  # whether a query of Quick's went through since it has this status
    state: str = ""
    taken: list[str] = field(default_factory=list)  # how long each change took
    consumer_role: str = ""
    data_source: str = ""
    reason: str = ""


class Screen:
    """Lines above, a live table below. Without a terminal: the lines, and the tables that are asked for."""

    def __init__(self, now: Callable[[], datetime], console: Console | None = None) -> None:
        self._now = now
        self.console = console or Console(highlight=False)

    def headline(self, text: str) -> None:
        """The next chapter."""
        self.console.print()
        self.console.rule(f"[bold]{text}", align="left")

    def line(self, text: str) -> None:
        """Something about the demo itself."""
        self.console.print(text)

    def event(self, text: str) -> None:
        """One thing that happened, with the sandbox's time."""
        self.console.print(_beside(f"[dim]{self._now():%H:%M:%S}[/]", text))

    @contextmanager
    def live(self, what: str, rows: Callable[[], Iterable[Row]]) -> Iterator[None]:
        """While inside, show where every account stands and what is waited for; the frames are drawn by a thread.

        Standard output stays as it is: rich would lead to the screen whatever is printed, and so what functions print.
        """
        spinner = Spinner("dots")

        def frame() -> Group:
            waiting = f"[dim]{self._now():%H:%M:%S}[/]  waiting until {what}"
            return Group(progress(rows()), Text(), _beside(spinner, waiting))

        with Live(
            get_renderable=frame,
            console=self.console,
            transient=True,
            refresh_per_second=FRAMES,
            redirect_stdout=False,
            redirect_stderr=False,
        ):
            yield

    def summary(self, rows: Iterable[Row]) -> None:
        """Everything about every account, at the end. An ARN fits into a line of 80 characters."""
        table = Table(title="Where every account ended", title_justify="left", title_style="bold", show_lines=True)
        table.add_column("account", no_wrap=True)
        table.add_column("time taken, consumer role, data source, reason", overflow="fold")
        for row in rows:
            facts = (", ".join(row.taken), row.consumer_role, row.data_source, row.reason)
            account = f"[bold]{row.name}[/]\n[dim]{row.account_id}[/]\n{coloured(row.status, proof(row))}"
            table.add_row(account, "\n".join(filter(None, facts)))
        self.console.print(table)


def progress(rows: Iterable[Row]) -> Table:
    """Where every account stands now."""
    table = Table(box=None, pad_edge=False)
    for title in ("account", "", "quick-athena =", "status", "now in state"):
        table.add_column(title, no_wrap=True)
    for row in rows:
        table.add_row(row.account_id, row.name, row.tag, coloured(row.status), f"[dim]{row.state}[/dim]")
    return table


def proof(row: Row) -> str:
    """How far a connection is proven: by the record, then by the demo's own queries."""
    if row.status != "connected":
        return ""
    return ", queried" if row.queried else ", not queried"


def coloured(status: str, more: str = "") -> str:
    """A status in its colour."""
    return f"[{COLOURS[status]}]{status}{more}[/]" if status in COLOURS else status


def _beside(first: Spinner | str, text: str) -> Table:
    """What stands before a text, and the text with all its lines to the right of it."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(first, text)
    return grid
