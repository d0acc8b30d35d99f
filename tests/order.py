"""The order tests run in: what takes long begins first, so that at the end no worker waits for another's long test.

xdist gives each worker an equal part of the list, by number of tests, and lets who is done take from the end of another
one's part. So each part begins with tests that take long and ends with some of those that take milliseconds.
"""

from __future__ import annotations

import os
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

# Modules with tests of ten seconds and more.
LONGEST = (
    "test_crashes",
    "test_chaos",
    "test_sweep",
    "test_sweep_report",
    "test_mutants",
    "test_reconcile_account",
    "test_disconnecting",
)
LONG = ("simulation", "e2e", "integration", "behaviour")  # folders; whatever is elsewhere takes milliseconds
HERE = Path(__file__).parent


def deal(items: list[pytest.Item]) -> list[pytest.Item]:
    """The tests as this run's workers should get them."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    modules = [list(tests) for _, tests in groupby(items, lambda item: item.path)]
    long = sorted((tests for tests in modules if is_long(tests[0].path)), key=lambda tests: _rank(tests[0]))
    short = [item for tests in modules if not is_long(tests[0].path) for item in tests]
    dealt: list[pytest.Item] = []
    for worker in range(workers):
        dealt += [item for tests in long[worker::workers] for item in tests]
        missing = max(0, len(items) * (worker + 1) // workers - len(dealt))
        dealt += short[:missing]
        del short[:missing]
    return dealt + short


def is_long(path: Path) -> bool:
    """Whether the tests of a module take long."""
    return path.is_relative_to(HERE) and path.relative_to(HERE).parts[0] in LONG


def _rank(item: pytest.Item) -> int:
    return LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST)
