"""The measurements of `make bench`, in the order they are made. Each is a command that prints one JSON object last."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bench.results import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT = Path(__file__).parent.parent
SOURCES = ("functions", "layers", "statemachines", "stacks", "template.yaml", "sandbox")  # what is measured
AT_ONCE = (1, 10, 100, 1000)
INSTANCE_SECONDS = 90


class NotMeasured(Exception):  # noqa: N818 - it says what happened
    """A command failed; the message is the end of what it said."""


@dataclass(frozen=True)
class Measurement:
    """One command: a module of bench and its arguments. `minutes`: about how long it takes, on two idle cores."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    minutes: float = 1
    needs: tuple[str, ...] = ()  # results that it reads

    @property
    def command(self) -> str:
        """As one types it."""
        return " ".join([".venv/bin/python", "-m", f"bench.{self.module}", *self.arguments])

    def make(self) -> Entry:
        """Run it in a process of its own, so that its peak memory is its own. Raises NotMeasured."""
        command = [sys.executable, "-m", f"bench.{self.module}", *self.arguments]
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)  # noqa: S603 - our own code
        lines = done.stdout.strip().splitlines()
        if done.returncode or not lines:
            raise NotMeasured((done.stdout + done.stderr)[-2000:])
        today = datetime.now(UTC).date().isoformat()
        return Entry(self.command, commit(self), today, machine(), json.loads(lines[-1]))

    def is_current(self, entry: Entry | None, entries: Mapping[str, Entry]) -> bool:
        """Whether there is a result of this commit, and nothing that it was made from is newer."""
        if entry is None or entry.command != self.command or entry.commit != commit(self):
            return False
        return all(entries[each].commit == entry.figures["inputs"].get(each) for each in self.needs if each in entries)


def _connect(name: str, accounts: int, seconds: int, *more: str) -> Measurement:
    arguments = ("--accounts", str(accounts), "--instance-seconds", str(seconds), *more, "--json")
    return Measurement(name, "connect_accounts", arguments, minutes=0.3 + accounts / 250)


def connect_name(accounts: int, seconds: int = INSTANCE_SECONDS, *, side_by_side: bool = False) -> str:
    """The name of the measurement of so many accounts at once."""
    return f"connect {accounts}, {seconds} s" + (", side by side" if side_by_side else "")


ONE_AFTER_THE_OTHER = tuple(_connect(connect_name(n), n, INSTANCE_SECONDS) for n in AT_ONCE)
SIDE_BY_SIDE = tuple(
    _connect(connect_name(n, side_by_side=True), n, INSTANCE_SECONDS, "--side-by-side") for n in AT_ONCE
)
OTHER_SECONDS = tuple(_connect(connect_name(100, seconds), 100, seconds) for seconds in (40, 300))
COLD_START = Measurement("cold start", "cold_start", ("--json",), minutes=5)
SERVED = Measurement("served", "serve_accounts", ("--accounts", "300", "--speed", "100", "--json"), minutes=1.5)
MODEL = Measurement("model", "model", ("--json",), minutes=2, needs=(connect_name(100), connect_name(1000)))
ALL = (COLD_START, *ONE_AFTER_THE_OTHER, *OTHER_SECONDS, MODEL, SERVED, *SIDE_BY_SIDE)


def commit(measurement: Measurement) -> str:
    """The last commit that changed what is measured, or how; with a + when something of it is not committed."""
    paths = [*SOURCES, f"bench/{measurement.module}.py"]
    changed = _git("status", "--porcelain", "--", *paths)
    return _git("log", "-1", "--format=%h", "--", *paths) + ("+" if changed else "")


def machine() -> str:
    """The machine, as far as it matters for figures of real time."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=PROJECT, capture_output=True, text=True, check=True)  # noqa: S603, S607
    return done.stdout.strip()
