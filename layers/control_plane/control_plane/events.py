"""Which account an event asks us to look at. An event is trusted for nothing else."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from control_plane.errors import NoAccountInEvent

ACCOUNT_ID = re.compile(r"[0-9]{12}")
OTHER_RESOURCE = re.compile(r"^(ou|r|p|rp|car|h|o)-")  # what else the Organizations API tags and names
ID_KEYS = ("account_id", "accountId", "resourceId")  # ours (sweep, operator); AWS's own spellings
PARTS = ("requestParameters", "serviceEventDetails")


def find_account(event: Mapping[str, Any]) -> str | None:
    """The 12-digit id of the account an event is about; None when it is about an OU, the root or a policy.

    The input of our own starters names it directly; CloudTrail envelopes carry it in the request's parameters or,
    for asynchronous results, somewhere in serviceEventDetails (whose exact shapes AWS does not all document).
    """
    named = _candidates(event)
    if found := [value for value in named if ACCOUNT_ID.fullmatch(value)]:
        return found[0]
    if named and all(OTHER_RESOURCE.match(value) for value in named):
        return None
    raise NoAccountInEvent(
        f"no account id in {describe(event)}: looked for 12 digits under {', '.join(ID_KEYS)} in "
        f"{' and '.join(PARTS)}; found {', '.join(named) or 'nothing'}"
    )


def describe(event: Mapping[str, Any]) -> str:
    """The event in a few words, for records and logs."""
    detail = event.get("detail")
    if isinstance(detail, Mapping) and "eventName" in detail:
        return f"{detail['eventName']} ({detail.get('eventID') or event.get('id', 'no id')})"
    return str(event.get("reason") or event.get("detail-type") or "an input without detail")


def _candidates(event: Mapping[str, Any]) -> list[str]:
    detail = event.get("detail")
    parts = [detail.get(part) for part in PARTS] if isinstance(detail, Mapping) else []
    return [value for part in ({key: event.get(key) for key in ID_KEYS}, *parts) for value in _ids(part)]


def _ids(part: Any) -> Iterator[str]:
    if not isinstance(part, Mapping):
        return
    for key in ID_KEYS:
        if isinstance(part.get(key), str):
            yield part[key]
    for value in part.values():
        yield from _ids(value)
