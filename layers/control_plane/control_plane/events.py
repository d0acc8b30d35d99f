"""What an event asks us to look at. An event is trusted for nothing else."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from control_plane.errors import NoAccountInEvent

ACCOUNT_ID = re.compile(r"[0-9]{12}")
UNIT = re.compile(r"^(ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|r-[0-9a-z]{4,32})$")
KNOWN = re.compile(r"^(ou|r|p|rp|car|h|o)-")  # what else the Organizations API tags and names
ID_KEYS = ("account_id", "accountId", "resourceId")  # ours (sweep, operator); AWS's own spellings
PARTS = ("requestParameters", "serviceEventDetails")
MOST, LONGEST = 5, 80  # of what was found instead of an id, in a message


class Kind(StrEnum):
    """What an event is about."""

    ACCOUNT = "account"
    UNIT = "unit"
    OTHER = "other"


@dataclass(frozen=True)
class Subject:
    """An account, by its 12 digits; an organizational unit or the root; or something nothing follows from."""

    kind: Kind
    id: str


def find_subject(event: Any) -> Subject:
    """What an event, or whatever else an execution was started with, asks us to look at.

    The input of our own starters names it directly; CloudTrail envelopes carry it in the request's parameters or,
    for asynchronous results, somewhere in serviceEventDetails (whose exact shapes AWS does not all document).
    """
    named = _candidates(event)
    if accounts := [value for value in named if isinstance(value, str) and ACCOUNT_ID.fullmatch(value)]:
        return Subject(Kind.ACCOUNT, accounts[0])
    if named and all(isinstance(value, str) and KNOWN.match(value) for value in named):
        units = [value for value in named if UNIT.fullmatch(value)]
        return Subject(Kind.UNIT, units[0]) if units else Subject(Kind.OTHER, named[0])
    raise NoAccountInEvent(
        f"no account id in {describe(event)}: looked for 12 digits in quotes under {', '.join(ID_KEYS)} in "
        f"{' and '.join(PARTS)}; found {_listed(named)}"
    )


def describe(event: Any) -> str:
    """The event in a few words, for records and logs."""
    if not isinstance(event, Mapping):
        return f"an input that is no object ({type(event).__name__})"
    detail = event.get("detail")
    if isinstance(detail, Mapping) and "eventName" in detail:
        return f"{detail['eventName']} ({detail.get('eventID') or event.get('id', 'no id')})"
    return str(event.get("reason") or event.get("detail-type") or "an input without detail")


def _listed(values: list[Any]) -> str:
    """The first few values, each cut short: an event may hold anything."""
    shown = [repr(value)[:LONGEST] for value in values[:MOST]]
    more = f" and {len(values) - MOST} more" if len(values) > MOST else ""
    return (", ".join(shown) or "nothing") + more


def _candidates(event: Any) -> list[Any]:
    if not isinstance(event, Mapping):
        return []
    detail = event.get("detail")
    parts = [detail.get(part) for part in PARTS] if isinstance(detail, Mapping) else []
    return [value for part in ({key: event.get(key) for key in ID_KEYS}, *parts) for value in _ids(part)]


def _ids(part: Any) -> Iterator[Any]:
    """Every plain value under one of the keys, however deep."""
    if isinstance(part, list):
        for item in part:
            yield from _ids(item)
    if not isinstance(part, Mapping):
        return
    yield from (part[key] for key in ID_KEYS if isinstance(part.get(key), str | int | float))
    for value in part.values():
        yield from _ids(value)
