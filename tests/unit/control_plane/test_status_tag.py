"""The status tag: what it says, and that it is written only when that changes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.ports.registry import Record
from control_plane.status_tag import LONGEST, text
from control_plane.steps.status_tag import StatusTagDependencies, write

ACCOUNT = "222233334444"
ASSESSED = "default is asked for: the tag quick-athena says enabled"
CLAIM = Record(account_id=ACCOUNT)


def record(profile: str, status: str, **more: Any) -> Record:
    return Record(account_id=ACCOUNT, profile=profile, status=status, **more)


FAILED: dict[str, Any] = {"error": "NotOurs", "step": "EnsureConsumerRole", "reason": "the role (of 'x') is not ours"}


@pytest.mark.parametrize(
    ("records", "opted_in", "expected"),
    [
        ([CLAIM, record("default", "connected")], True, "default connected"),
        (
            [record("b", "connecting"), record("a", "removed"), record("c", "held")],
            True,
            "b connecting / c held / a removed",
        ),
        (
            [record("default", "quarantined", remove_after=datetime(2026, 12, 5, 8, tzinfo=UTC))],
            False,
            "default quarantined until 2026-12-05",
        ),
        (
            [record("default", "failed", **FAILED)],
            True,
            "default failed: NotOurs at EnsureConsumerRole - the role of x is not ours",
        ),
        (
            [record("default", "degraded", error="ProofFailed", step="EnsureProof", reason="access denied")],
            True,
            "default degraded: ProofFailed at EnsureProof - access denied",
        ),
        (
            [Record(account_id=ACCOUNT, status="failed", **FAILED), record("default", "connected")],
            True,
            "failed: NotOurs at EnsureConsumerRole - the role of x is not ours / default connected",
        ),
        ([CLAIM], True, ASSESSED),
        ([CLAIM], False, ""),
        ([record("default", "nonsense")], False, ""),
    ],
)
def test_what_it_says(records: list[Record], opted_in: bool, expected: str) -> None:  # noqa: FBT001
    assert text(records, ASSESSED, opted_in=opted_in) == expected


@given(st.text(max_size=600), st.text(max_size=600))
def test_it_never_has_more_or_other_characters_than_a_tag_may_have(reason: str, assessed: str) -> None:
    for value in (
        text([record("default", "failed", reason=reason)], "", opted_in=True),
        text([], assessed, opted_in=True),
    ):
        assert len(value) <= LONGEST
        assert all(each.isalnum() or each in "_ .:/=+-@" or not each.isascii() for each in value)
        assert value == value.strip()


class Tags:
    """Port `AccountTags`: the tags of one account, and what was written."""

    def __init__(self, **tags: str) -> None:
        self.there, self.written = dict(tags), 0

    def tags(self, account_id: str) -> dict[str, str]:
        """Those of the account."""
        assert account_id == ACCOUNT
        return dict(self.there)

    def set_tag(self, account_id: str, key: str, value: str) -> None:
        """Set or remove one."""
        assert account_id == ACCOUNT
        self.written += 1
        self.there[key] = value
        if not value:
            del self.there[key]


class Records:
    """The registry, with these records."""

    def __init__(self, *records: Record) -> None:
        self.there = records

    def account(self, account_id: str) -> tuple[Record, ...]:
        """Those of the account."""
        assert account_id == ACCOUNT
        return self.there


def test_it_is_written_once_and_again_when_it_changes() -> None:
    tags, records = Tags(**{"quick-athena": "enabled"}), Records(record("default", "connected"))
    deps = StatusTagDependencies(records, tags, "quick-athena")
    assert [write(ACCOUNT, ASSESSED, deps) for _ in range(3)] == [True, False, False]
    records.there = (record("default", "held"),)
    assert (write(ACCOUNT, ASSESSED, deps), tags.written) == (True, 2)
    assert tags.there == {"quick-athena": "enabled", "quick-athena:status": "default held"}


def test_it_goes_when_there_is_nothing_to_say_any_more() -> None:
    tags = Tags(**{"quick-athena:status": "default removed"})
    assert write(ACCOUNT, ASSESSED, StatusTagDependencies(Records(CLAIM), tags, "quick-athena"))
    assert tags.there == {}


def test_an_account_that_never_opted_in_gets_none() -> None:
    tags = Tags()
    assert not write(ACCOUNT, "nothing is asked for", StatusTagDependencies(Records(CLAIM), tags, "quick-athena"))
    assert tags.written == 0
