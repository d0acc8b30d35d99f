"""The machine finds most ids by itself (AskToLookAgain), the code finds the rest: do the two ever differ?"""

import copy
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.errors import NoAccountInEvent
from control_plane.events import Kind, describe, find_subject
from control_plane.words import SHORT
from sandbox.aws.asl.effects import StateError
from sandbox.aws.asl.expression import fill
from sandbox.aws.asl.machine import State, parse, states
from tests.contract import project

MANAGEMENT, ACCOUNT = "111122223333", "222233334444"
PK = "account#"


@cache
def _state(name: str) -> State:
    text = project.machine_text("reconcile_account.asl.yaml")
    values = {**dict.fromkeys(re.findall(r"\$\{(\w+)\}", text), "value"), "Partition": "aws"}
    return next(state for _, state in states(parse(text, values)) if state.name == name)


def _asked(event: Any) -> dict[str, Any] | None:
    """What the machine asks DynamoDB for that input; None where it leaves finding the id to FindAccount."""
    variables = {"states": {"context": {"Execution": {"Input": event, "Name": "it", "Id": "machine:it"}}}}
    try:
        arguments: dict[str, Any] = fill(_state("AskToLookAgain").fields["Arguments"], variables)
    except StateError:
        return None
    claimed = fill(_state("AskToLookAgain").catch[0].fields["Assign"], variables)
    assert arguments["Key"]["pk"]["S"] == PK + claimed["account_id"], "asked about one account, claimed another"
    assert arguments["ExpressionAttributeValues"][":event"]["S"] == claimed["event"]
    return arguments


def _agree(event: Any) -> None:
    asked = _asked(event)
    if asked is None:
        return
    found = find_subject(event, MANAGEMENT)
    assert (found.kind, asked["Key"]["pk"]["S"]) == (Kind.ACCOUNT, PK + found.id)
    values = asked["ExpressionAttributeValues"]
    assert all(len(values[name]["S"].encode()) <= SHORT for name in (":event", ":who"))


@pytest.mark.parametrize("name", project.samples())
def test_the_machine_finds_in_a_sample_what_the_code_finds(name: str) -> None:
    event = project.sample(name)
    try:
        subject = find_subject(event, MANAGEMENT)
    except NoAccountInEvent:
        assert _asked(event) is None
        return
    asked = _asked(event)
    assert (asked is not None) == (subject.kind is Kind.ACCOUNT), "every documented event about an account is plain"
    if asked:
        assert asked["Key"]["pk"]["S"] == PK + subject.id
        assert asked["ExpressionAttributeValues"][":event"]["S"] == describe(event)


@pytest.mark.parametrize(
    "event",
    [
        {"account_id": ACCOUNT, "reason": "the watch found its record stuck"},
        {"account_id": ACCOUNT},
        {"account_id": ACCOUNT, "reason": "x" * 1000},
        {"account_id": ACCOUNT, "reason": "half \ud800 a pair, ünïcödé"},
        {"account_id": ACCOUNT, "detail": {"requestParameters": {"accountId": "333344445555"}}},
        {"account_id": ACCOUNT, "reason": None, "detail": None},
        {"account_id": ACCOUNT, "detail": {"eventName": {"a": ["b"] * 1000}, "userIdentity": {"arn": ["c" * 1000]}}},
    ],
)
def test_who_asks_for_an_account_by_its_id_needs_no_function(event: Any) -> None:
    assert _asked(event) is not None
    _agree(event)


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        [{"account_id": ACCOUNT}],
        ACCOUNT,
        {},
        {"account_id": 222233334444},
        {"account_id": [ACCOUNT]},
        {"account_id": {"accountId": ACCOUNT}},
        {"account_id": f"{ACCOUNT}\n"},
        {"account_id": "٢٢٢٢٣٣٣٣٤٤٤٤"},
        {"detail": [{"requestParameters": {"resourceId": ACCOUNT}}]},
        {"detail": {"requestParameters": {"resourceId": f"{ACCOUNT}\n"}}},
        {"detail": {"requestParameters": {"resourceId": [ACCOUNT]}}},
        {"detail": {"requestParameters": {"note": ACCOUNT}}},
        {"detail": {"requestParameters": {"note": f'"accountId":"{ACCOUNT}"'}}},
        {"detail": {"requestParameters": {"accountId": MANAGEMENT, "memberAccountId": ACCOUNT}}},
        {"detail": {"requestParameters": {"resourceId": ACCOUNT, "tags": [{"key": "k", "value": "333344445555"}]}}},
        {"account": ACCOUNT, "detail": {"recipientAccountId": ACCOUNT, "userIdentity": {"accountId": ACCOUNT}}},
    ],
)
def test_what_is_not_plain_is_left_to_the_function(event: Any) -> None:
    assert _asked(event) is None


def test_who_asked_is_named_whatever_the_event_says_of_him() -> None:
    event = project.sample("organizations/tag_resource.opt_in")
    values = [{"arn": "arn:aws:iam::111122223333:user/x"}, {"principalId": "AIDA"}, {}, None, {"arn": "é" * 1000}]
    told = []
    for identity in values:
        event["detail"]["userIdentity"] = identity
        told.append((_asked(event) or {})["ExpressionAttributeValues"][":who"]["S"])
    assert told == ["arn:aws:iam::111122223333:user/x", "AIDA", "unknown", "unknown", "?" * SHORT]


ids = st.sampled_from(
    [ACCOUNT, MANAGEMENT, "333344445555", "22223333444", "ou-ab12-consumers1", f"{ACCOUNT}\n", "r-ab12"]
)
keys = st.sampled_from(
    [
        "accountId",
        "resourceId",
        "memberAccountId",
        "AccountId",
        "accountid",
        "account",
        "account_id",
        "x",
        'a"b',
        ACCOUNT,
    ]
)
scalars = ids | st.none() | st.booleans() | st.integers() | st.just(222233334444) | st.text(st.characters(), max_size=6)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=3), max_leaves=6
)
variants = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("requestParameters", "serviceEventDetails", "eventName", "userIdentity"), values)
)
events = st.fixed_dictionaries({}, optional={"detail": variants | values, "account_id": values, "reason": values})


@settings(max_examples=150)
@given(event=events | values)
def test_the_machine_and_the_code_never_name_different_accounts(event: Any) -> None:
    _agree(event)


CHANGES: list[Callable[[dict[str, Any], Any], None]] = [
    lambda detail, value: detail.update(requestParameters=value),
    lambda detail, value: detail.update(serviceEventDetails=value),
    lambda detail, value: detail.update(serviceEventDetails={"accountId": value}),
    lambda detail, value: (detail.get("requestParameters") or {}).update(accountId=value),
    lambda detail, value: (detail.get("requestParameters") or {}).update(tags=[{"key": "k", "value": value}]),
    lambda detail, value: detail.update(eventName=value, eventID=value, userIdentity={"arn": value}),
]


@settings(max_examples=100)
@given(name=st.sampled_from(project.samples()), value=values, change=st.sampled_from(CHANGES))
def test_nor_do_they_for_a_sample_that_was_changed(name: str, value: Any, change: Callable[..., None]) -> None:
    event = copy.deepcopy(project.sample(name))
    change(event["detail"], value)
    _agree(event)
