"""An account, the hub, and the names of a connection."""

import pytest
from pydantic import ValidationError

from control_plane.account import Account, Connection
from tests.unit.control_plane.vocabulary import CONNECTION, CONSUMER, HUB, account


@pytest.mark.parametrize(
    "wrong", ["", "22223333444", "2222333344445", "22223333444x", "٢٢٢٢٣٣٣٣٤٤٤٤", "222233334444\n"]
)
def test_an_account_id_is_twelve_digits_and_nothing_else(wrong: str) -> None:
    with pytest.raises(ValidationError):
        Account(id=wrong, name="sales", state="ACTIVE", tags={})


@pytest.mark.parametrize("name", ["a", "7", "default", "sales-eu", "a" * 32])
def test_a_profile_name_has_lower_case_letters_digits_and_inner_hyphens(name: str) -> None:
    assert Connection(account_id=CONSUMER, profile=name).profile == name


@pytest.mark.parametrize("wrong", ["", "-a", "a-", "A", "a_b", "a b", "a" * 33, "a\n", "ä"])
def test_anything_else_is_no_profile_name(wrong: str) -> None:
    with pytest.raises(ValidationError):
        Connection(account_id=CONSUMER, profile=wrong)


def test_only_an_active_account_is_active() -> None:
    assert account().is_active
    states = ("SUSPENDED", "PENDING_CLOSURE", "CLOSED", "PENDING_ACTIVATION", "active", "")
    assert not any(account(state=state).is_active for state in states)


def test_one_connection_has_one_name_everywhere() -> None:
    assert CONNECTION.role_name == "quick-athena-default"
    assert CONNECTION.data_source_id == "quick-athena-222233334444-default"
    assert CONNECTION.consumer_role_arn(HUB) == "arn:aws:iam::222233334444:role/quick-athena-default"
    assert CONNECTION.data_source_arn(HUB) == (
        "arn:aws:quicksight:eu-west-1:444455556666:datasource/quick-athena-222233334444-default"
    )


def test_names_follow_the_partition() -> None:
    china = HUB.model_copy(update={"partition": "aws-cn", "region": "cn-north-1"})
    assert CONNECTION.consumer_role_arn(china).startswith("arn:aws-cn:iam::222233334444:")
    assert CONNECTION.data_source_arn(china).startswith("arn:aws-cn:quicksight:cn-north-1:444455556666:")


def test_the_longest_role_name_is_one_iam_takes() -> None:
    assert len(Connection(account_id=CONSUMER, profile="a" * 32).role_name) <= 64


def test_the_mark_names_the_deployment() -> None:
    assert HUB.ownership_tags == {"managed-by": "quick-onboarding", "quick-onboarding:deployment": "default"}
