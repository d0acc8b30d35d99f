"""RouteEvent asks the holder of the tagged account's claim, before FindAccount runs: never another account's."""

import copy
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.errors import NoAccountInEvent
from control_plane.events import SubjectKind, describe, find_subject, requested_at, requested_by
from sandbox.aws.asl.effects import StateError
from sandbox.aws.asl.expression import fill
from sandbox.aws.asl.machine import State, parse, states
from tests.contract import project

MANAGEMENT, ACCOUNT = "111122223333", "222233334444"
CLAIM = re.compile(r"account#([0-9]{12})")
TAG_EVENTS = ("TagResource", "UntagResource")


@cache
def _state(name: str) -> State:
    text = project.machine_text("route_event.asl.yaml")
    values = {**dict.fromkeys(re.findall(r"\$\{(\w+)\}", text), "value"), "Partition": "aws"}
    return next(state for _, state in states(parse(text, values)) if state.name == name)


def _requested(event: Any) -> dict[str, Any] | None:
    """What RequestRequeue sends to DynamoDB, if it is about an account's claim; else None."""
    variables = {"states": {"context": {"Execution": {"Input": event, "Name": "it", "Id": "machine:it"}}}}
    try:
        arguments: dict[str, Any] = fill(_state("RequestRequeue").fields["Arguments"], variables)
    except StateError:
        return None
    return arguments if CLAIM.fullmatch(str(arguments["Key"]["pk"]["S"])) else None


def _account(request: dict[str, Any]) -> str:
    return str(request["Key"]["pk"]["S"]).removeprefix("account#")


def _agree(event: Any) -> None:
    if requested := _requested(event):
        found = find_subject(event, MANAGEMENT)
        assert _account(requested) in (found.id, *found.scope)


@pytest.mark.parametrize("name", project.samples())
def test_the_claim_of_a_sample_is_that_of_the_account_the_code_finds(name: str) -> None:
    event = project.sample(name)
    requested = _requested(event)
    try:
        subject = find_subject(event, MANAGEMENT)
    except NoAccountInEvent:
        assert requested is None
        return
    tagged = subject.kind is SubjectKind.ACCOUNT and event["detail"]["eventName"] in TAG_EVENTS
    assert (requested is not None) == tagged, "every documented tag event about an account needs no function"
    if requested:
        values = requested["ExpressionAttributeValues"]
        assert _account(requested) == subject.id
        assert values[":reason"]["S"] == describe(event)
        assert values[":who"]["S"] == requested_by(event) == event["detail"]["userIdentity"]["arn"]
        assert values[":at"]["S"] == requested_at(event) == event["detail"]["eventTime"]


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        ACCOUNT,
        {},
        {"account_id": ACCOUNT},
        {"detail": []},
        {"detail": {"eventName": "TagResource"}},
        {"detail": {"eventName": "TagResource", "requestParameters": {"resourceId": f"{ACCOUNT}\n"}}},
        {"detail": {"eventName": "TagResource", "requestParameters": {"resourceId": [ACCOUNT]}}},
        {
            "detail": {
                "eventName": "TagResource",
                "eventID": "e-1",
                "userIdentity": {"arn": "arn"},
                "requestParameters": {"resourceId": 222233334444},
            }
        },
        {"detail": {"eventName": "TagResource", "requestParameters": {"resourceId": {"id": ACCOUNT}}}},
        {"detail": {"eventName": "TagResource", "requestParameters": {"resourceId": "ou-ab12-consumers1"}}},
        {"detail": {"eventName": "TagResource", "eventID": "e", "requestParameters": {"resourceId": ACCOUNT}}},
        {"detail": {"eventName": "MoveAccount", "requestParameters": {"accountId": ACCOUNT, "resourceId": ACCOUNT}}},
        {"account": ACCOUNT, "detail": {"recipientAccountId": ACCOUNT, "userIdentity": {"accountId": ACCOUNT}}},
    ],
)
def test_whatever_is_no_tag_of_an_account_is_left_to_the_function(event: Any) -> None:
    assert _requested(event) is None


ids = st.sampled_from([ACCOUNT, MANAGEMENT, "333344445555", "22223333444", "ou-ab12-consumers1", f"{ACCOUNT}\n"])
keys = st.sampled_from(["accountId", "resourceId", "memberAccountId", "account", "account_id", "x", 'a"b', ACCOUNT])
scalars = ids | st.none() | st.booleans() | st.integers() | st.just(222233334444) | st.text(st.characters(), max_size=6)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=3), max_leaves=6
)
details = st.fixed_dictionaries(
    {"eventName": st.sampled_from(TAG_EVENTS) | values, "eventID": st.just("e-1") | values},
    optional={
        "requestParameters": st.fixed_dictionaries({"resourceId": ids | values}) | values,
        "serviceEventDetails": values,
        "userIdentity": st.just({"arn": "arn"}) | values,
    },
)
events = st.fixed_dictionaries({}, optional={"detail": details | values, "account_id": values, "reason": values})


@settings(max_examples=150)
@given(event=events | values)
def test_the_machine_never_asks_the_holder_of_an_account_the_event_is_not_about(event: Any) -> None:
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
def test_nor_does_it_for_a_sample_that_was_changed(name: str, value: Any, change: Callable[..., None]) -> None:
    event = copy.deepcopy(project.sample(name))
    change(event["detail"], value)
    _agree(event)
