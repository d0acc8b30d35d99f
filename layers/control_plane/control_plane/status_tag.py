"""The status tag: what became of an account's opt-in, on the account itself, where its owner looks. Pure."""

import re
from collections.abc import Iterator, Sequence

from control_plane.ports.registry import Record

SUFFIX = ":status"  # after the key of the opt-in tag
LONGEST = 256  # characters of a tag's value
FAULTY = ("failed", "degraded")  # states whose record says what is wrong
NOT_ALLOWED = re.compile(r"[^\w .:/=+@-]")  # in a tag's value, by Organizations


def key(opt_in_tag: str) -> str:
    """The key of the status tag."""
    return f"{opt_in_tag}{SUFFIX}"


def text(records: Sequence[Record], assessed: str, *, opted_in: bool) -> str:
    """The value: the state of each connection, or why there is none; empty if there is nothing to say.

    `records`: the account's claim and the records of its connections. `assessed`: what the account asks for, in words.
    `opted_in`: the account itself has the opt-in tag. The value changes only when a state does, so it has no times.
    """
    failures = [_failure(each) for each in records if each.profile is None and each.status == "failed"]
    states = list(_states(records))
    parts = failures + states if failures or states else [assessed] * opted_in
    return _allowed(" / ".join(parts))


def _states(records: Sequence[Record]) -> Iterator[str]:
    """The state of each connection, those that were removed last."""
    valid = [each for each in records if each.profile is not None and each.is_valid]
    for each in sorted(valid, key=lambda record: (record.status == "removed", record.profile)):
        yield f"{each.profile} {_failure(each) if each.status in FAULTY else each.status}{_until(each)}"


def _failure(record: Record) -> str:
    return f"{record.status}: {record.error} at {record.step} - {record.reason}"


def _until(record: Record) -> str:
    ends = record.remove_after if record.status == "quarantined" else None
    return f" until {ends:%Y-%m-%d}" if ends else ""


def _allowed(value: str) -> str:
    """The value in the characters that a tag may have, and as short as it must be."""
    found = " ".join(NOT_ALLOWED.sub(" ", value).split())
    return found if len(found) <= LONGEST else f"{found[: LONGEST - 3].rstrip()}..."
