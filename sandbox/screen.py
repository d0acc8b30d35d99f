"""What the demo shows: a line for each thing that happens, a table of where every account stands."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

COLOURS = {"connected": "green", "connecting": "yellow", "quarantined": "magenta", "failed": "red", "removed": "blue"}


@dataclass
class Row:
    """One account as the demo shows it."""

    account_id: str
    name: str
    tag: str = "-"
    status: str = "-"
    state: str = ""
    taken: list[str] = field(default_factory=list)  # how long each change took
    consumer_role: str = ""
    data_source: str = ""
    reason: str = ""


class Screen:
    """Lines above, a live table below. Without a terminal: the lines, and the tables that are asked for."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self._live: Live | None = None

    def headline(self, text: str) -> None:
        """The next chapter."""
        self.console.print()
        self.console.rule(f"[bold]{text}", align="left")

    def line(self, text: str, at: datetime | None = None) -> None:
        """One thing that happened, with the sandbox's time."""
        self.console.print(Text.from_markup(f"[dim]{at:%H:%M:%S}[/dim]  {text}" if at else text))

    @contextmanager
    def live(self, rows: Iterable[Row]) -> Iterator[None]:
        """Keep a table of where every account stands under the lines, while inside."""
        with Live(progress(rows), console=self.console, transient=True, auto_refresh=False) as self._live:
            yield
        self._live = None

    def refresh(self, rows: Iterable[Row]) -> None:
        """Show the table anew."""
        if self._live:
            self._live.update(progress(rows), refresh=True)

    def summary(self, rows: Iterable[Row]) -> None:
        """Everything about every account, at the end."""
        table = Table(title="Where every account ended", title_justify="left", title_style="bold", show_lines=True)
        table.add_column("account", no_wrap=True)
        table.add_column("status")
        table.add_column("time taken", no_wrap=True)
        table.add_column("consumer role, data source, reason", overflow="fold")
        for row in rows:
            facts = [fact for fact in (row.consumer_role, row.data_source, row.reason) if fact]
            name = f"{row.name}\n[dim]{row.account_id}[/]"
            table.add_row(name, coloured(row.status), "\n".join(row.taken), "\n".join(facts))
        self.console.print(table)


def progress(rows: Iterable[Row]) -> Table:
    """Where every account stands now."""
    table = Table(box=None, pad_edge=False)
    for title in ("account", "", "quick-athena =", "status", "now in state"):
        table.add_column(title, no_wrap=True)
    for row in rows:
        table.add_row(row.account_id, row.name, row.tag, coloured(row.status), f"[dim]{row.state}[/dim]")
    return table


def coloured(status: str) -> str:
    """A status in its colour."""
    word = status.split(maxsplit=1)[0]
    return f"[{COLOURS[word]}]{status}[/]" if word in COLOURS else status
