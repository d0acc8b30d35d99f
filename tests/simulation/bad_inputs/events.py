"""Inputs of an execution that are no account, or not the way we write one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.simulation.bad_inputs.vocabulary import ACCOUNT, CONNECTED, SWEPT, Case, Change, Stage, Verb

SAMPLES = Path(__file__).parents[3] / "events"
LOOKED = (
    "looked for 12 digits in quotes under account_id, resourceId and keys that end in accountId in requestParameters "
    "and serviceEventDetails; found"
)
NO_INPUT = "no account id in an input without detail"


def start(payload: Any) -> Verb:
    """Somebody, or some rule, starts RouteEvent with that; the page's account in it is the case's."""

    def happens(stage: Stage) -> None:
        stage.route(json.loads(json.dumps(payload).replace(ACCOUNT, stage.account)))

    return happens


def sample(name: str) -> Any:
    """A sample of AWS's envelopes."""
    return json.loads((SAMPLES / f"organizations/{name}.json").read_text(encoding="utf-8"))


def about(resource: str) -> Any:
    """A TagResource of some resource."""
    return {"detail": {"eventName": "TagResource", "requestParameters": {"resourceId": resource}}}


def nested(depth: int) -> Any:
    """So many objects, each in the next."""
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


def unread(words: str, payload: Any, message: str) -> Case:
    """An input without an account."""
    case = Case(words, "NoAccountInEvent", message, "unread#<execution>", happens=start(payload), counted=False)
    return replace(case, change=SWEPT, sweeps="all")


CASES = [
    unread("nothing: `{}`", {}, f"{NO_INPUT}: {LOOKED} nothing"),
    unread("`null`", None, f"no account id in an input that is no object (NoneType): {LOOKED} nothing"),
    unread("a list of accounts", [ACCOUNT], f"no account id in an input that is no object (list): {LOOKED} nothing"),
    unread("an id and nothing else", ACCOUNT, f"no account id in an input that is no object (str): {LOOKED} nothing"),
    unread("an account's id as a number", {"account_id": 222233334444}, f"{NO_INPUT}: {LOOKED} 222233334444"),
    unread("eleven digits", {"account_id": "22223333444"}, f"{NO_INPUT}: {LOOKED} '22223333444'"),
    unread("thirteen digits", {"account_id": "2222333344445"}, f"{NO_INPUT}: {LOOKED} '2222333344445'"),
    unread("an id with a space", {"account_id": "222233334444 "}, f"{NO_INPUT}: {LOOKED} '222233334444 '"),
    unread("an id with hyphens", {"account_id": "2222-3333-4444"}, f"{NO_INPUT}: {LOOKED} '2222-3333-4444'"),
    unread("digits of another script", {"account_id": "٢٢٢٢٣٣٣٣٤٤٤٤"}, f"{NO_INPUT}: {LOOKED} '٢٢٢٢٣٣٣٣٤٤٤٤'"),
    unread("several accounts", {"account_id": [ACCOUNT, "333344445555"]}, f"{NO_INPUT}: {LOOKED} nothing"),
    unread(
        "an event nobody knows",
        {"id": "e-1", "detail": {"eventName": "SomethingNew", "text": "no account"}},
        f"no account id in SomethingNew (e-1): {LOOKED} nothing",
    ),
    unread(
        "an event whose `detail` is text",
        {"detail-type": "Scheduled Event", "detail": ACCOUNT},
        f"no account id in Scheduled Event: {LOOKED} nothing",
    ),
    unread(
        "an account that could not be created (a rule let it pass)",
        sample("create_account_result.failed"),
        f"no account id in CreateAccountResult (<id>): {LOOKED} nothing",
    ),
    unread(
        "a resource of a kind nobody knows",
        about("x-unknown"),
        f"no account id in TagResource (no id): {LOOKED} 'x-unknown'",
    ),
    unread(
        "an event whose name is 200,871 characters long",
        {"detail": {"eventName": "x" * 200_871}},
        f"no account id in {'x' * 77}... (200871 characters) (no id): {LOOKED} nothing",
    ),
    unread(
        "an event nested 2,000 deep",
        {"detail": {"eventName": "SomethingNew", "requestParameters": nested(2_000)}},
        f"no account id in SomethingNew (no id): {LOOKED} nothing",
    ),
    unread(
        "an event with half a surrogate pair",
        {"detail": {"eventName": "New \udc00"}},
        f"no account id in New ? (no id): {LOOKED} nothing",
    ),
    Case(
        "an account the organization does not know",
        "AccountNotFound",
        counted=False,
        given=lambda stage: setattr(stage, "account", "999999999999"),
        happens=start({"account_id": ACCOUNT}),
    ),
    Case(
        "the root was tagged",
        change=Change("nothing by itself: every account is swept"),
        sweeps="<root>",
        happens=lambda stage: start(about(stage.world.organizations.root_id))(stage),
    ),
    Case(
        "an OU was tagged",
        change=Change("nothing by itself: the accounts below it are swept"),
        sweeps="ou-ab12-consumers",
        happens=start(about("ou-ab12-consumers")),
    ),
    Case("a policy was tagged", change=Change("nothing; nothing is recorded"), happens=start(about("p-examplepolicy"))),
    Case(
        "an id with unknown fields beside it",
        message="the tag quick-athena says enabled",
        where="connection#default",
        status="connected",
        change=CONNECTED,
        given=lambda stage: stage.world.organizations.directory.find(stage.account).tags.update(  # type: ignore[union-attr]
            {"quick-athena": "enabled"}
        ),
        happens=start({"account_id": ACCOUNT, "profile": "default", "force": True, "detail": None}),
    ),
]
