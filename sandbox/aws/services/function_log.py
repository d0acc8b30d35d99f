"""What functions print: kept line by line, and read for metrics in the embedded metric format.

Lambda gives each execution environment its own standard output and its own copy of every module. Here functions of
several threads share both: so each thread's prints are led to the log, and Powertools' values are kept by thread. What
was loaded for an AWS that is gone is not loaded again: its loggers are led to the log of whichever function runs.
"""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

from aws_lambda_powertools import Metrics
from typing_extensions import override

Embedded = Callable[[str, Mapping[str, Any]], None]
_running: ContextVar[str | None] = ContextVar("running", default=None)


class Log(io.TextIOBase):
    """Every function's lines. `embedded` listeners are called with each metric document, and the ARN of whose it is."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=20_000)
        self.embedded: list[Embedded] = []
        self._open = threading.local()  # of each thread: the line it has not ended yet
        self._lock = threading.Lock()
        self._inside = 0
        self._outside: Any = None

    @override
    def write(self, text: str) -> int:
        *lines, self._open.rest = (getattr(self._open, "rest", "") + text).split("\n")
        for line in filter(None, lines):
            self._keep(line)
        return len(text)

    def _keep(self, line: str) -> None:
        self.lines.append(line)
        if '"CloudWatchMetrics"' in line and (function_arn := _running.get()):
            for listener in self.embedded:
                listener(function_arn, json.loads(line))

    @contextmanager
    def of(self, function_arn: str) -> Iterator[None]:
        """What this thread prints inside is this function's."""
        token = _running.set(function_arn)
        self._enter()
        try:
            yield
        finally:
            self._leave()
            _running.reset(token)

    def _enter(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._outside, sys.stdout = sys.stdout, cast(Any, _Switch(self, sys.stdout))
            self._inside += 1

    def _leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                sys.stdout = self._outside


class _Switch:
    """Standard output while functions run: theirs goes to the log, everybody else's where it went before."""

    def __init__(self, log: Log, outside: Any) -> None:
        self._log, self._outside = log, outside

    def write(self, text: str) -> int:
        """Where it goes depends on the thread."""
        return int((self._log if _running.get() else self._outside).write(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outside, name)


class _ByThread(MutableMapping[str, Any]):
    """A dictionary for each thread."""

    def __init__(self) -> None:
        self._own = threading.local()

    @property
    def _data(self) -> dict[str, Any]:
        data: dict[str, Any] = vars(self._own)
        return data

    @override
    def __getitem__(self, key: str) -> Any:
        return self._data[key]

    @override
    def __setitem__(self, key: str, value: Any) -> None:
        self._data[key] = value

    @override
    def __delitem__(self, key: str) -> None:
        del self._data[key]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    @override
    def __len__(self) -> int:
        return len(self._data)


def separate_metrics() -> None:
    """From now on a new Metrics object keeps what each thread adds for itself, and nothing from before."""
    for name in ("_metrics", "_dimensions", "_metadata"):
        setattr(Metrics, name, _ByThread())


class _Current:
    """Standard output as it is when something is written: a handler would keep the one it was made with."""

    def write(self, text: str) -> int:
        """Where prints go now."""
        return sys.stdout.write(text)

    def flush(self) -> None:
        """What was printed is there already."""


def lead_loggers() -> None:
    """From now on Powertools' loggers of before write where prints go."""
    for found in logging.root.manager.loggerDict.values():
        if getattr(found, "init", False):  # what Powertools marks its own with
            for handler in getattr(found, "handlers", ()):
                handler.setStream(_Current())
