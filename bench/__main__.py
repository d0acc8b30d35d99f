"""Make every measurement that this commit does not have yet, store each at once, and write the page and the plot.

make bench
.venv/bin/python -m bench --only "cold start"
.venv/bin/python -m bench --budget 10    begin no measurement that would end later than in about 10 minutes
.venv/bin/python -m bench --budget 0     only write the page and the plot anew
"""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench import measurements, page, plot, results
from bench.measurements import Measurement, NotMeasured


def main(
    only: Annotated[list[str] | None, typer.Option(help="only these; may be given several times")] = None,
    budget: Annotated[float | None, typer.Option(help="minutes for all of it, about")] = None,
) -> None:
    """Measure what is missing; exit 1 when something could not be measured."""
    known = {each.name: each for each in measurements.ALL}
    if unknown := set(only or ()) - set(known):
        raise typer.BadParameter(f"no such measurement: {', '.join(sorted(unknown))}. There are: {', '.join(known)}")
    console = Console()
    failed = _measure([known[name] for name in only or known], budget, console)
    entries = results.read()
    page.write(entries)
    plot.write(entries)
    raise typer.Exit(1 if failed else 0)


def _measure(wanted: list[Measurement], budget: float | None, console: Console) -> int:
    """Make those that are missing, one after the other. Returns how many failed."""
    began, failed = time.monotonic(), 0
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=len(wanted))
        for each in wanted:
            progress.update(task, description=each.name)
            entries = results.read()
            if each.is_current(entries.get(each.name), entries):
                console.print(f"{each.name}: known already")
            elif budget is not None and (time.monotonic() - began) / 60 + each.minutes > budget:
                console.print(f"{each.name}: not in this budget")
            else:
                failed += not _made(each, console)
            progress.advance(task)
    return failed


def _made(measurement: Measurement, console: Console) -> bool:
    began = time.monotonic()
    try:
        results.store(measurement.name, measurement.make())
    except NotMeasured as problem:
        console.print(f"{measurement.name}: [red]failed[/]\n{problem}", highlight=False)
        return False
    console.print(f"{measurement.name}: measured in {time.monotonic() - began:.0f} s")
    return True


if __name__ == "__main__":
    typer.run(main)
