"""How many new connections one tag on an OU or the root brings without an approval."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.grant_budget import GrantState, hours, limit, waiting

UNIT = "ou-ab12-consumers1"
KEYS = [f"{number:012}#default" for number in range(30)]


@pytest.mark.parametrize(
    ("accounts", "percent", "most"), [(0, 10, 20), (199, 10, 20), (210, 10, 21), (10_000, 10, 1_000), (10_000, 0, None)]
)
def test_a_tenth_of_the_organization_but_twenty_always(accounts: int, percent: int, most: int | None) -> None:
    assert limit(accounts, percent) == most


@given(st.integers(0, 3 * 86_400), st.integers(0, 3599))
def test_all_of_an_hour_counts_together(at: int, seconds: int) -> None:
    end = datetime(2026, 12, 31, tzinfo=UTC) + timedelta(seconds=at)
    assert hours(end - timedelta(seconds=seconds))[0] in hours(end)


def test_none_waits_as_long_as_all_have_room_and_else_all_wait() -> None:
    assert waiting(UNIT, KEYS[:20], GrantState(limit=20), is_complete=True) == ()
    assert waiting(UNIT, KEYS[:21], GrantState(limit=20), is_complete=True) == tuple(KEYS[:21])


def test_what_the_unit_had_within_the_hour_leaves_less_room() -> None:
    state = GrantState(limit=20, granted={UNIT: 15})
    assert waiting(UNIT, KEYS[:5], state, is_complete=True) == ()
    assert waiting(UNIT, KEYS[:6], state, is_complete=True) == tuple(KEYS[:6])


def test_an_approval_counts_for_its_own_unit_only() -> None:
    assert waiting(UNIT, KEYS[:25], GrantState(20, approved=dict.fromkeys(KEYS, UNIT)), is_complete=True) == ()
    other = GrantState(20, approved=dict.fromkeys(KEYS, "r-ab12"))
    assert waiting(UNIT, KEYS[:25], other, is_complete=True) == tuple(KEYS[:25])


def test_a_part_of_the_unit_does_not_shorten_the_list_that_waits() -> None:
    state = GrantState(limit=20, held={UNIT: frozenset(KEYS[:21])})
    assert waiting(UNIT, KEYS[21:22], state, is_complete=False) == tuple(KEYS[:22])
    assert waiting(UNIT, KEYS[21:22], state, is_complete=True) == ()


def test_without_a_limit_nothing_waits() -> None:
    assert waiting(UNIT, KEYS, GrantState(limit=None), is_complete=True) == ()


def test_a_list_without_connections_is_no_question() -> None:
    assert waiting(UNIT, [], GrantState(limit=20, granted={UNIT: 30}), is_complete=True) == ()
