"""A piece of work, done in a copy of this process of which nothing remains but the answer."""

from __future__ import annotations

import gc
import os
import pickle
import traceback
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class BrokenTrialError(Exception):
    """The work itself failed; the message is its traceback."""


def in_a_fork(work: Callable[[], T]) -> T:
    """What the work answers. Raises `BrokenTrialError`. Only for a process of one thread."""
    here, there = os.pipe()
    child = os.fork()
    if not child:
        os.close(here)
        gc.disable()  # it would touch, and so copy, every page of what both have
        _answer(work, there)
    os.close(there)
    with os.fdopen(here, "rb") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    if not told:
        raise BrokenTrialError("the copy of the process ended without a word")
    well, answer = pickle.loads(told)  # noqa: S301 - written by our own child
    if not well:
        raise BrokenTrialError(answer)
    found: T = answer
    return found


def _answer(work: Callable[[], object], pipe: int) -> None:
    try:
        told = pickle.dumps((True, work()))
    except BaseException:  # noqa: BLE001 - the parent tells it
        told = pickle.dumps((False, traceback.format_exc()))
    with os.fdopen(pipe, "wb") as there:
        there.write(told)
    os._exit(0)  # neither handlers at exit nor buffers of the parent's
