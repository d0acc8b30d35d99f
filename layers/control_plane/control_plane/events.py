"""Find which account an event is about. An event is trusted for nothing else."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from control_plane.errors import NoAccountInEvent
from control_plane.text import SHORT, bounded, plain, printable, quoted

ACCOUNT_ID = re.compile(r"[0-9]{12}")
UNIT = re.compile(r"^(ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|r-[0-9a-z]{4,32})$")
TIME = re.compile(r"[0-9TZ:.+-]{8,40}")
KNOWN = re.compile(r"^(ou|r|p|rp|car|h|o)-")  # what else the Organizations API tags and names
OWN_KEY = "account_id"  # set by our own starters: the sweep, WatchRegistry, a person
AWS_KEYS = re.compile(r"resourceId|.*[aA]ccountId", re.DOTALL)  # memberAccountId, targetAccountId, ...
PREFERRED = "memberAccountId"
PARTS = ("requestParameters", "serviceEventDetails")
MOST, LONGEST = 5, 80  # values found instead of an id that a message lists, and the length of each
MAX_NAMED_ACCOUNTS = 100  # accounts of one event that a sweep gets by id; if there are more, everything is swept
EVERYTHING = "all"


class SubjectKind(StrEnum):
    """What an event is about."""

    ACCOUNT = "account"
    ACCOUNTS = "accounts"
    UNIT = "unit"
    OTHER = "other"


class Subject(NamedTuple):
    """An account by its 12 digits, an organizational unit or the root, or something that needs no action.

    For several accounts, `scope` is what to sweep: their ids, or everything.
    """

    kind: SubjectKind
    id: str
    scope: tuple[str, ...] = ()


class KeptEvent(NamedTuple):
    """An event that led nowhere, as it came, and why. `id`: the name of the execution that kept it."""

    id: str
    at: str
    error: str
    reason: str
    remedy: str
    text: str


def find_subject(event: Any, management: str = "") -> Subject:
    """What an event, or any other input of an execution, is about.

    Our own starters name the account directly. CloudTrail events have it in the request parameters or, for
    asynchronous results, somewhere in serviceEventDetails (AWS does not document all of its shapes). The management
    account makes most of the calls, so it is the subject only when no other account is named.
    """
    if isinstance(event, Mapping) and _is_account(event.get(OWN_KEY)):
        return Subject(SubjectKind.ACCOUNT, event[OWN_KEY])
    named = _candidates(event)
    accounts = list(dict.fromkeys(value for value in named if _is_account(value)))
    if members := [value for value in accounts if value != management] or accounts:
        return _accounts(members)
    if named and all(isinstance(value, str) and KNOWN.match(value) for value in named):
        units = [value for value in named if UNIT.fullmatch(value)]
        return Subject(SubjectKind.UNIT, units[0]) if units else Subject(SubjectKind.OTHER, bounded(named[0], SHORT))
    raise NoAccountInEvent(
        f"no account id in {describe(event)}: looked for 12 digits in quotes under account_id, resourceId and keys "
        f"that end in accountId in {' and '.join(PARTS)}; found {_shown(named)}"
    )


def describe(event: Any) -> str:
    """A short description of the event for records and logs; its length is limited."""
    if not isinstance(event, Mapping):
        return f"an input that is no object ({type(event).__name__})"
    detail = event.get("detail")
    if isinstance(detail, Mapping) and "eventName" in detail:
        name, known_as = plain(detail["eventName"], 100), detail.get("eventID") or event.get("id") or "no id"
        return f"{name} ({plain(known_as, 100)})"
    return plain(event.get("reason") or event.get("detail-type") or "an input without detail")


def requested_by(event: Any) -> str:
    """Who caused the event: the caller's ARN or principal id, else the given reason. Printable ASCII, bounded."""
    if not isinstance(event, Mapping):
        return "unknown"
    detail = event.get("detail")
    caller = detail.get("userIdentity") if isinstance(detail, Mapping) else None
    named = (caller.get("arn"), caller.get("principalId")) if isinstance(caller, Mapping) else ()
    found = (each for each in (*named, event.get("reason")) if isinstance(each, str) and each)
    return printable(next(found, "unknown"), SHORT)


def requested_at(event: Any) -> str:
    """When that was, as CloudTrail or else the envelope says it; empty if neither says a time."""
    if not isinstance(event, Mapping):
        return ""
    detail = event.get("detail")
    named = (detail.get("eventTime") if isinstance(detail, Mapping) else None, event.get("time"))
    return next((each for each in named if isinstance(each, str) and TIME.fullmatch(each)), "")


def _accounts(members: list[str]) -> Subject:
    if len(members) == 1:
        return Subject(SubjectKind.ACCOUNT, members[0])
    return Subject(
        SubjectKind.ACCOUNTS, members[0], tuple(members) if len(members) <= MAX_NAMED_ACCOUNTS else (EVERYTHING,)
    )


def _is_account(value: Any) -> bool:
    return isinstance(value, str) and ACCOUNT_ID.fullmatch(value) is not None


def _shown(values: list[Any]) -> str:
    """The first few values, each cut: an event may contain anything."""
    shown = [quoted(value, LONGEST) for value in values[:MOST]]
    more = f" and {len(values) - MOST} more" if len(values) > MOST else ""
    return (", ".join(shown) or "nothing") + more


def _candidates(event: Any) -> list[Any]:
    """Every value that may be the id. Of a CloudTrail event only the parts that name its subject are searched."""
    if not isinstance(event, Mapping):
        return []
    detail = event.get("detail")
    if isinstance(detail, Mapping):
        own = _plain_ids({OWN_KEY: event.get(OWN_KEY)})
        found = [*own, *(pair for part in PARTS for pair in _ids(detail.get(part)))]
    else:
        found = list(_plain_ids(event))
    return [value for _, value in sorted(found, key=lambda pair: pair[0] != PREFERRED)]


def _ids(part: Any) -> Iterator[tuple[str, Any]]:
    """Every plain value under one of the keys, at any depth. Not recursive: deep nesting could exhaust the stack."""
    todo = [part]
    while todo:
        here = todo.pop()
        if isinstance(here, Mapping):
            yield from _plain_ids(here)
            todo.extend(reversed(list(here.values())))
        elif isinstance(here, list):
            todo.extend(reversed(here))


def _plain_ids(mapping: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in mapping.items():
        if (key == OWN_KEY or AWS_KEYS.fullmatch(str(key))) and isinstance(value, str | int | float):
            yield key, value
