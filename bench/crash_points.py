"""Every crash point of every scenario: killed, died, throttled, stood still, two at once; is the end the same?

.venv/bin/python -m bench.crash_points
.venv/bin/python -m bench.crash_points --scenario connect --kind killed
.venv/bin/python -m bench.crash_points --budget 600    as many as fit into so many seconds, drawn by a seed
.venv/bin/python -m bench.crash_points --resume FILE   go on where an earlier run ended (of the same commit)
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path  # noqa: TC003 - typer reads it
from random import Random
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from tests.simulation.crashes.kinds import KINDS
from tests.simulation.crashes.scenarios import SCENARIOS
from tests.simulation.crashes.stem import Stem
from tests.simulation.crashes.trial import Result

if TYPE_CHECKING:
    from tests.simulation.crashes.stem import Trial

SEED = 1
WIDTH = 150  # of the table, wherever it is written


class Survey:
    """What was tried, what there is, and what came of it; shared by the threads that talk to the processes."""

    def __init__(self, kinds: list[str], budget: float | None, file: Path | None) -> None:
        self.kinds, self.budget, self._file = kinds, budget, file
        self.there: Counter[tuple[str, str]] = Counter()
        self.results = _recorded(file)
        self.problems: list[str] = []
        self._done = {(each.scenario, each.kind, each.point) for each in self.results}

    def work(self, names: queue.SimpleQueue[str]) -> None:
        """Try one scenario after the other in a process of our own."""
        try:
            with Stem() as stem:
                while True:
                    self._try(stem, names.get_nowait())
        except queue.Empty:
            pass
        except Exception as problem:  # noqa: BLE001 - told at the end
            self.problems.append(repr(problem))

    def _try(self, stem: Stem, name: str) -> None:
        with stem.scenario(name) as trials:
            chosen = [trial for trial in trials if trial[0] in self.kinds]
            self.there.update((name, kind) for kind, _, _ in chosen)
            deadline = None if self.budget is None else time.monotonic() + self.budget
            for trial in _mixed(chosen):
                if deadline and time.monotonic() > deadline:
                    break
                if (name, *trial[:2]) not in self._done:
                    self._keep(stem.attempt(trial))

    def _keep(self, result: Result) -> None:
        self.results.append(result)
        if self._file:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(result)) + "\n")


def _recorded(file: Path | None) -> list[Result]:
    """What an earlier run found."""
    if file is None or not file.exists():
        return []
    lines = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return [Result(**{**line, "differences": tuple(line["differences"])}) for line in lines]


def _mixed(trials: list[Trial]) -> list[Trial]:
    """In an order drawn by a seed, so that what fits into a budget is from everywhere."""
    return Random(SEED).sample(trials, len(trials))  # noqa: S311 - no secret


def main(
    scenario: Annotated[list[str] | None, typer.Option(help="only these")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="only these")] = None,
    budget: Annotated[float | None, typer.Option(help="seconds for all of it, about")] = None,
    processes: Annotated[int, typer.Option(min=1)] = 2,
    resume: Annotated[Path | None, typer.Option(help="keep results here, and skip those that are")] = None,
) -> None:
    """Try the points, tell how it goes, and fail when an end differs."""
    wanted, console = scenario or list(SCENARIOS), Console(width=WIDTH)
    survey = Survey(kind or list(KINDS), budget and budget * processes / len(wanted), resume)
    names: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name in wanted:
        names.put(name)
    threads = [threading.Thread(target=survey.work, args=(names,)) for _ in range(processes)]
    for thread in threads:
        thread.start()
    _follow(threads, survey, console)
    console.print(_table(survey))
    for problem in survey.problems:
        console.print(f"BROKEN {problem}", highlight=False)
    red = [result for result in survey.results if result.differences]
    for result in red:
        console.print(f"RED {result.scenario}, {result.kind}, point {result.point} ({result.where})", highlight=False)
    raise typer.Exit(1 if red or survey.problems or not survey.results else 0)


def _follow(threads: list[threading.Thread], survey: Survey, console: Console) -> None:
    """Tell how far it is, and every difference as soon as it is known."""
    shown = len(survey.results)
    while any(thread.is_alive() for thread in threads):
        time.sleep(1)
        for result in survey.results[shown:]:
            shown += 1
            if result.differences:
                console.print(f"RED {result}", highlight=False)
            elif shown % 50 == 0:
                console.print(f"{shown} points", highlight=False)


def _table(survey: Survey) -> Table:
    """Tried of all points, kind by scenario, and what is red."""
    scenarios = list(dict.fromkeys(name for name, _ in survey.there))
    table = Table("tried of all points", *scenarios, "all", "red", title="Crash points")
    tried = Counter((each.scenario, each.kind) for each in survey.results)
    red = Counter(each.kind for each in survey.results if each.differences)
    for kind in survey.kinds:
        pairs = [(tried[name, kind], survey.there[name, kind]) for name in scenarios]
        total = tuple(map(sum, zip(*pairs, strict=True)))
        table.add_row(kind, *(f"{some}/{there}" for some, there in [*pairs, total]), str(red[kind]))
    table.add_row("all", *[""] * len(scenarios), f"{len(survey.results)}/{survey.there.total()}", str(red.total()))
    return table


if __name__ == "__main__":
    typer.run(main)
