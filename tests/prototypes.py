"""Deployed worlds that many tests start from: each is built once in a process of its own, and every test gets a fork.

Deploying a world takes seconds, forking one takes milliseconds, and what a test does to its fork nobody else sees.
`prototype` makes a fixture of a function that builds such a world; `derived` one of a function that goes on from the
world of another prototype. A test that uses the fixture runs in a fork of the process that built it; its reports come
back through pipes, so that nothing else of pytest notices.

    the process of the tests
        a process that has seen one world come and go, so that everything all worlds need is loaded; it is forked before
        tests that deploy nothing are imported, because a fork takes the longer, the more its process has
            for each prototype, a process that has built it
                for each prototype derived from it, a process that has gone on from there
                for each test, a process that runs it
"""

from __future__ import annotations

import gc
import os
import pickle
import traceback
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from _pytest import assertion
from _pytest.runner import runtestprotocol

from tests import warm_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

T = TypeVar("T")
EARLY, LATE = "early", "late"  # the first process, and one for tests that were collected after it was forked

_bases: dict[Any, Any] = {}  # by what builds a derived prototype: what builds the one it goes on from
_built: dict[Any, Any] = {}  # what this process has built; tests that run in its forks find it here
_servers: dict[Any, ForkServer] = {}  # those this process has started
_temporary: list[pytest.TempPathFactory] = []  # none, or one
_items: list[pytest.Item] = []  # all that were collected so far; processes name a test by its place here


def prototype(build: Callable[[], Iterator[T]]) -> Any:
    """A fixture that yields what `build` yields, as new for every test. It takes nothing, so that all may share it."""
    return _fixture(build)


def derived(base: Any) -> Callable[[Callable[[Any], T]], Any]:
    """Makes a fixture that yields what the function makes of the base's world, as new for every test."""

    def decorate(build: Callable[[Any], T]) -> Any:
        _bases[build] = _build_of(base)
        return _fixture(build)

    return decorate


def _fixture(build: Callable[..., Any]) -> Any:
    def fixture() -> Any:
        return _built[build]

    fixture.__doc__ = build.__doc__
    fixture.build = build  # type: ignore[attr-defined]
    return pytest.fixture(name=build.__name__)(fixture)


def _build_of(fixture: Any) -> Any:
    return fixture._get_wrapped_function().build


def prototype_of(item: pytest.Item) -> Any | None:
    """The function that builds what a test starts from, if it starts from a prototype."""
    info = getattr(item, "_fixtureinfo", None)
    definitions = info.name2fixturedefs if info else {}
    builds = {getattr(found[-1].func, "build", None) for found in definitions.values()} - {None}
    assert len(builds) <= 1, f"{item.nodeid} starts from two worlds; moto's is one for a process"
    return next(iter(builds), None)


def directory(name: str) -> Path:
    """A new directory for what a prototype is made of; it goes when tests' own temporary directories go."""
    return _temporary[-1].mktemp(name)


def collected(item: pytest.Item) -> None:
    """A test was collected."""
    _items.append(item)


def fork_early(config: pytest.Config) -> None:
    """Fork the first process now, if a test that was collected starts from a prototype and tests are to be run."""
    if not (_servers or config.option.collectonly) and any(map(prototype_of, _items)):
        _first(config, _items[-1])


def run(item: pytest.Item) -> list[pytest.TestReport]:
    """Run one test in a fork of its prototype; the reports of its phases."""
    answer = pickle.loads(_first(item.config, item).run(item))  # noqa: S301 - written by our own child
    if isinstance(answer, str):
        return [_broken(item, answer)]
    hook = item.config.hook
    return [hook.pytest_report_from_serializable(config=item.config, data=each) for each in answer]


def _first(config: pytest.Config, item: pytest.Item) -> ForkServer:
    """The process from which all others for a test descend."""
    if not _temporary:
        _temporary.append(config._tmp_path_factory)  # type: ignore[attr-defined]
        _temporary[-1].getbasetemp()  # one for all processes
    early = _servers.get(EARLY)
    key = EARLY if not early or early.knows(item) else LATE
    return _server(key, warm_up.once, partial(_descend, 0))


def close() -> None:
    """End the processes this one has started."""
    for server in _servers.values():
        server.close()
    _servers.clear()


def _server(key: Any, prepare: Callable[[], None], answer: Callable[[pytest.Item], bytes]) -> ForkServer:
    if key not in _servers:
        _servers[key] = ForkServer(prepare, answer)
    return _servers[key]


class ForkServer:
    """A process that prepares something once and then answers for one test after another; it ends with its asker."""

    def __init__(self, prepare: Callable[[], None], answer: Callable[[pytest.Item], bytes]) -> None:
        self._known = len(_items)
        requested, answered = os.pipe(), os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # xdist's threads do not run tests
            self._process = os.fork()
        if not self._process:
            os.close(requested[1])
            os.close(answered[0])
            self._serve(prepare, answer, requested[0], answered[1])
        os.close(requested[0])
        os.close(answered[1])
        self._ask, self._answer = os.fdopen(requested[1], "wb"), os.fdopen(answered[0], "rb")

    def knows(self, item: pytest.Item) -> bool:
        """Whether the test had been collected when this process was forked."""
        return _items.index(item) < self._known

    def run(self, item: pytest.Item) -> bytes:
        """The answer for one test."""
        pickle.dump(_items.index(item), self._ask)
        self._ask.flush()
        answer: bytes = pickle.load(self._answer)  # noqa: S301 - written by our own child
        return answer

    def close(self) -> None:
        """Nobody asks any more, so it ends."""
        self._hang_up()
        os.waitpid(self._process, 0)

    def _hang_up(self) -> None:
        self._ask.close()
        self._answer.close()

    def _serve(
        self, prepare: Callable[[], None], answer: Callable[[pytest.Item], bytes], requested: int, answered: int
    ) -> None:
        """Never returns: this process is a copy, and nothing of what its parent would do next may happen here too."""
        for sibling in _servers.values():  # each ends when its pipe has no other end left
            sibling._hang_up()
        _servers.clear()
        broken = b""
        try:
            prepare()
        except BaseException:  # noqa: BLE001 - told to whoever asks
            broken = pickle.dumps(traceback.format_exc())
        gc.collect()
        gc.freeze()  # what is there stays, and need not be copied to be looked through
        with os.fdopen(requested, "rb") as questions, os.fdopen(answered, "wb") as answers:
            while True:
                try:
                    number = pickle.load(questions)  # noqa: S301 - written by our own parent
                except EOFError:
                    close()
                    os._exit(0)
                pickle.dump(broken or answer(_items[number]), answers)
                answers.flush()


def _descend(depth: int, item: pytest.Item) -> bytes:
    """The answer for a test, from the process that has built the first so many of what its prototype is made of."""
    builds = _line(prototype_of(item))
    if depth == len(builds):
        return _in_a_fork(item)
    build = builds[depth]
    return _server(build, partial(_build, build), partial(_descend, depth + 1)).run(item)


def _line(build: Any) -> list[Any]:
    """What is built one after the other for a prototype, the prototype itself last."""
    return [*(_line(_bases[build]) if build in _bases else []), build]


def _build(build: Any) -> None:
    if build in _bases:
        _built[build] = build(_built[_bases[build]])
        return
    world = build()
    _built[build] = next(world)
    _built[world] = world  # or it would be closed


def _in_a_fork(item: pytest.Item) -> bytes:
    here, there = os.pipe()
    child = os.fork()
    if not child:
        os.close(here)
        with os.fdopen(there, "wb") as answer:
            answer.write(_reports(item))
        os._exit(0)  # neither handlers at exit nor buffers of the parent's
    os.close(there)
    with os.fdopen(here, "rb") as answer:
        reports = answer.read()
    _, status = os.waitpid(child, 0)
    return reports or pickle.dumps(f"the test's process ended without a word, with status {status}")


def _reports(item: pytest.Item) -> bytes:
    # What other tests of this worker share (a process, a directory) is not this copy's to take down.
    item.session._setupstate.stack.clear()
    comparisons = assertion.pytest_runtest_protocol(item)  # explains those that fail, as for tests that are not forked
    next(comparisons)
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
