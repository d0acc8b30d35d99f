"""Where an account stands, when Organizations does not say it in the answer that shows the account."""

from types import SimpleNamespace
from typing import Any

import pytest

from control_plane.aws.organizations import AwsOrganization
from control_plane.errors import ParentsUnknown
from tests.unit.control_plane.vocabulary import CONSUMER, TAG

UNIT, ROOT = "ou-ab12-sales0001", "r-ab12"


class Client:
    """Organizations, with one account below one tagged unit; answers carry only those members a test asks for."""

    def __init__(self, parents: dict[str, list[str]], **members: Any) -> None:
        self._parents, self._members = parents, members

    def describe_account(self, **_calls: str) -> Any:
        """The account, active."""
        return {"Account": {"Id": CONSUMER, "Name": "sales", "State": "ACTIVE", **self._members}}

    def get_paginator(self, operation: str) -> Any:
        """Tags of the unit only; parents as given."""

        def tags(**calls: str) -> list[Any]:
            return [{"Tags": [{"Key": TAG, "Value": "enabled"}] if calls["ResourceId"] == UNIT else []}]

        def parents(**calls: str) -> list[Any]:
            return [{"Parents": [{"Id": each} for each in self._parents[calls["ChildId"]]]}]

        return SimpleNamespace(paginate=tags if operation == "list_tags_for_resource" else parents)


def unit_of(client: Any) -> str | None:
    found = AwsOrganization(client).account(CONSUMER, TAG).unit
    return found.id if found else None


@pytest.mark.parametrize("members", [{}, {"Paths": []}, {"Paths": [""]}, {"Paths": [f"o-exampleorgid/{CONSUMER}/"]}])
def test_an_answer_without_a_path_does_not_mean_below_no_unit(members: dict[str, Any]) -> None:
    assert unit_of(Client({CONSUMER: [UNIT], UNIT: [ROOT]}, **members)) == UNIT


def test_a_path_that_is_told_needs_no_further_question() -> None:
    assert unit_of(Client({}, Paths=[f"o-exampleorgid/{ROOT}/{UNIT}/{CONSUMER}/"])) == UNIT


@pytest.mark.parametrize("parents", [{CONSUMER: []}, {CONSUMER: ["ou-ab12-a"], "ou-ab12-a": ["ou-ab12-a"]}])
def test_a_place_that_can_not_be_learnt_is_an_error_and_no_answer(parents: dict[str, list[str]]) -> None:
    with pytest.raises(ParentsUnknown):
        unit_of(Client(parents))
