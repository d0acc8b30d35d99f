"""os.environ as each function sees it: the process's own, and over it what is its function's.

On AWS every function has a process. Here functions of several threads share one: so who reads os.environ inside
`of(variables)` reads those first, and what is written there stays there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar

from typing_extensions import override

_variables: ContextVar[MutableMapping[str, str] | None] = ContextVar("variables", default=None)


class Environment(MutableMapping[str, str]):
    """Stands for os.environ."""

    def __init__(self, process: MutableMapping[str, str]) -> None:
        self._process = process

    @override
    def __getitem__(self, name: str) -> str:
        own = _variables.get()
        return own[name] if own and name in own else self._process[name]

    @override
    def __setitem__(self, name: str, value: str) -> None:
        self._writable()[name] = value

    @override
    def __delitem__(self, name: str) -> None:
        del self._writable()[name]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter({**self._process, **(_variables.get() or {})})

    @override
    def __len__(self) -> int:
        return len(list(iter(self)))

    def copy(self) -> dict[str, str]:
        """As a dictionary."""
        return dict(self)

    def _writable(self) -> MutableMapping[str, str]:
        own = _variables.get()
        return self._process if own is None else own


def separate() -> None:
    """From now on os.environ is an `Environment`; nobody notices who is in none."""
    if not isinstance(os.environ, Environment):
        os.environ = Environment(os.environ)  # type: ignore[assignment]  # noqa: B003 - os.getenv reads this name


@contextmanager
def of(variables: MutableMapping[str, str]) -> Iterator[None]:
    """Inside, on this thread, these variables come before the process's own."""
    token = _variables.set(variables)
    try:
        yield
    finally:
        _variables.reset(token)
