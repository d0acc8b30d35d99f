"""Deployed worlds that many tests start from: each is built once in a process of its own, and every test gets a fork.

Deploying a world takes seconds, forking one takes milliseconds, and what a test does to its fork nobody else sees.
`prototype` makes a fixture of a function that builds such a world. A test that uses the fixture runs in a fork of the
process that built it; its reports come back through a pipe, so that nothing else of pytest notices.
"""

from __future__ import annotations

import gc
import os
import pickle
import traceback
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from _pytest.runner import runtestprotocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

_built: dict[Any, Any] = {}  # what this process has built; tests that run in its forks find it here
_nurseries: dict[Any, Nursery] = {}


def prototype(build: Callable[[], Iterator[T]]) -> Any:
    """A fixture that yields what `build` yields, as new for every test. It takes nothing, so that all may share it."""

    def fixture() -> T:
        built: T = _built[build]
        return built

    fixture.__doc__ = build.__doc__
    fixture.build = build  # type: ignore[attr-defined]
    return pytest.fixture(name=build.__name__)(fixture)


def prototype_of(item: pytest.Item) -> Any | None:
    """The function that builds what a test starts from, if it starts from a prototype."""
    info = getattr(item, "_fixtureinfo", None)
    definitions = info.name2fixturedefs if info else {}
    builds = {getattr(found[-1].func, "build", None) for found in definitions.values()} - {None}
    assert len(builds) <= 1, f"{item.nodeid} starts from two worlds; moto's is one for a process"
    return next(iter(builds), None)


def run(item: pytest.Item) -> list[pytest.TestReport]:
    """Run one test in a fork of its prototype; the reports of its phases."""
    build = prototype_of(item)
    if build not in _nurseries:
        _nurseries[build] = Nursery(build, item.session.items)
    return _nurseries[build].run(item)


def close() -> None:
    """End the processes that built prototypes."""
    for nursery in _nurseries.values():
        nursery.close()
    _nurseries.clear()


class Nursery:
    """The process that has built one prototype, and forks itself for each test. It ends with the process that asks."""

    def __init__(self, build: Any, items: list[pytest.Item]) -> None:
        self._items = items
        asks, hears = os.pipe(), os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # xdist's threads do not run tests
            if not os.fork():
                os.close(asks[1])
                os.close(hears[0])
                self._serve(build, asks[0], hears[1])
        os.close(asks[0])
        os.close(hears[1])
        self._asks, self._hears = os.fdopen(asks[1], "wb"), os.fdopen(hears[0], "rb")

    def run(self, item: pytest.Item) -> list[pytest.TestReport]:
        """The reports of one test."""
        pickle.dump(self._items.index(item), self._asks)
        self._asks.flush()
        told = pickle.load(self._hears)  # noqa: S301 - written by our own child
        if isinstance(told, str):
            return [_broken(item, told)]
        hook = item.config.hook
        return [hook.pytest_report_from_serializable(config=item.config, data=each) for each in told]

    def close(self) -> None:
        """Nobody asks any more, so it ends."""
        self._asks.close()
        self._hears.close()

    def _serve(self, build: Any, asks: int, hears: int) -> None:
        """Never returns: this process is a copy, and nothing of what its parent would do next may happen here too."""
        try:
            world = build()
            _built[build] = next(world)
            trouble = ""
        except BaseException:  # noqa: BLE001 - told to whoever asks
            trouble = traceback.format_exc()
        gc.collect()
        gc.freeze()  # what is there stays, and need not be copied to be looked through
        with os.fdopen(asks, "rb") as asked, os.fdopen(hears, "wb") as heard:
            while True:
                try:
                    number = pickle.load(asked)  # noqa: S301 - written by our own parent
                except EOFError:
                    os._exit(0)
                heard.write(pickle.dumps(trouble) if trouble else _in_a_fork(self._items[number]))
                heard.flush()


def _in_a_fork(item: pytest.Item) -> bytes:
    here, there = os.pipe()
    child = os.fork()
    if not child:
        os.close(here)
        with os.fdopen(there, "wb") as answer:
            answer.write(_told(item))
        os._exit(0)  # neither handlers at exit nor buffers of the parent's
    os.close(there)
    with os.fdopen(here, "rb") as answer:
        told = answer.read()
    _, status = os.waitpid(child, 0)
    return told or pickle.dumps(f"the test's process ended without a word, with status {status}")


def _told(item: pytest.Item) -> bytes:
    # What other tests of this worker share (a process, a directory) is not this copy's to take down.
    item.session._setupstate.stack.clear()
    try:
        reports = runtestprotocol(item, log=False, nextitem=None)
        hook = item.config.hook
        return pickle.dumps([hook.pytest_report_to_serializable(config=item.config, report=each) for each in reports])
    except BaseException:  # noqa: BLE001 - told to whoever asks
        return pickle.dumps(traceback.format_exc())


def _broken(item: pytest.Item, why: str) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid=item.nodeid,
        location=item.location,
        keywords={},
        outcome="failed",
        longrepr=why,
        when="call",
    )
