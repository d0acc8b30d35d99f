"""What a check is: a behaviour that the documents assume, what is looked at, and how that is judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from quickctl.selftest.observer import Observer

VERIFIED, OTHERWISE, NOT_SEEN, HIDDEN = "verified", "otherwise", "not seen", "cannot look"


@dataclass(frozen=True)
class Judgement:
    """What was seen of a behaviour, in words that name no account, no resource and nobody."""

    verdict: str
    seen: str


def verified(seen: str) -> Judgement:
    """AWS behaves as the documents say."""
    return Judgement(VERIFIED, seen)


def otherwise(seen: str) -> Judgement:
    """AWS behaves in another way."""
    return Judgement(OTHERWISE, seen)


def not_seen(seen: str) -> Judgement:
    """Nothing has happened yet that would show it."""
    return Judgement(NOT_SEEN, seen)


@dataclass(frozen=True)
class Place:
    """Where the documents say that they only assume it: a page below docs/, and words of the paragraph."""

    page: str
    words: str


@dataclass(frozen=True)
class Check:
    """A behaviour that somebody outside of AWS can see.

    `observe` reads, `judge` is pure. `change`: what to change when it is otherwise. `comes`: what makes it be seen.
    """

    name: str
    behaviour: str
    places: tuple[Place, ...]
    observe: Callable[[Observer], Any]
    judge: Callable[[Any], Judgement]
    change: str
    comes: str
