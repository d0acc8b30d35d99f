"""How many revocations an hour go through before a person has seen the list."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.approval import MAX_LISTED, approval_message, batch_name, grant_message
from control_plane.revocation_budget import ALWAYS, WINDOW, Revocation, decide, limit
from tests.unit.control_plane.vocabulary import TODAY


@pytest.mark.parametrize(("connected", "allowed"), [(0, 5), (1, 5), (50, 5), (59, 5), (60, 6), (200, 20), (2180, 218)])
def test_a_tenth_may_go_and_five_always(connected: int, allowed: int) -> None:
    assert limit(connected) == allowed


def revocation(number: int, *, counted: bool = True, requested_at: str = "2026-11-24T08:00:00") -> Revocation:
    return Revocation(f"{number:012}#default", f"arn:{number}", counted, requested_at)


revocations = st.lists(st.integers(0, 60), unique=True, max_size=40)


@given(
    requested=revocations,
    held=revocations,
    counted=st.sampled_from([True, False]),
    ages=st.dictionaries(st.integers(0, 60), st.integers(0, 7200)),
)
def test_never_more_than_the_limit_goes_in_an_hour(
    requested: list[int],
    held: list[int],
    counted: bool,  # noqa: FBT001
    ages: dict[int, int],
) -> None:
    recent = {revocation(number).key: TODAY - timedelta(seconds=age) for number, age in ages.items()}
    wanted = [revocation(number, counted=counted) for number in requested]
    waiting = frozenset(revocation(number).key for number in held)
    verdict = decide(wanted, 100, recent, waiting, TODAY)
    within = {key for key, moment in recent.items() if TODAY - moment < WINDOW}
    assert not verdict.hold & verdict.count
    assert verdict.hold | verdict.count <= {each.key for each in wanted}
    assert len(verdict.count - within) <= max(0, limit(100 + len(within)) - len(within))
    assert not verdict.count & waiting
    if not counted:
        assert verdict.hold == verdict.count == frozenset()


def test_more_that_is_said_to_have_gone_than_ever_could_lets_nobody_go_without_approval() -> None:
    wanted = [revocation(number) for number in range(100)]
    forged = {each.key: TODAY for each in wanted}
    verdict = decide(wanted, 100, forged, frozenset(), TODAY)
    assert verdict.hold == {each.key for each in wanted}


def test_first_asked_is_first_served() -> None:
    early, late = revocation(9, requested_at="2026-11-24T07:59:59"), [revocation(number) for number in range(ALWAYS)]
    verdict = decide([*late, early], 10, {}, frozenset(), TODAY)
    assert early.key in verdict.count
    assert verdict.hold == {late[-1].key}


def test_the_question_says_what_would_go_and_how_to_let_exactly_that_go() -> None:
    subject, text = approval_message(
        "3-20261124080000", ["222233334444#default", "333344445555#sales"], "the-token", "eu-west-1"
    )
    assert subject == "Quick Onboarding: approve 2 revocations?"
    assert "  account 222233334444, profile default\n  account 333344445555, profile sales\n" in text
    assert "send-task-success --region eu-west-1 --task-output '{}' --task-token 'the-token'" in text
    assert "send-task-failure --region eu-west-1 --error Rejected --task-token 'the-token'" in text
    assert "  quickctl approve 3-20261124080000\n" in text
    assert "  quickctl reject 3-20261124080000\n" in text


def test_the_question_about_an_ou_names_the_batch_as_quickctl_does() -> None:
    _, text = grant_message("ou-ab12-consumers1", "3-20261124080000", ["222233334444#default"], "t", "eu-west-1")
    assert f"  quickctl approve {batch_name('3-20261124080000', 'ou-ab12-consumers1')}\n" in text


def test_a_long_list_is_cut_and_counted() -> None:
    _, text = approval_message("1", [f"{number:012}#default" for number in range(1000)], "t", "eu-west-1")
    assert text.count("  account ") == MAX_LISTED
    assert f"... and {1000 - MAX_LISTED} more" in text
