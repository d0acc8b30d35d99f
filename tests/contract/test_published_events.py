"""Does the state machine publish what the model of our own events says, and do the schema and the page say the same?"""

import json
import re
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from pydantic import ValidationError

from control_plane.published_events import STATUS_OF, Detail, Kind, PublishedEvent
from tests.contract import event_pages, project

WRITE = "run PYTHONPATH=layers/control_plane python -m tests.contract.event_pages"
MACHINE = "reconcile_connection.asl.yaml"
CONNECTED = {
    "source": "quick-onboarding",
    "detail-type": "Account Connected",
    "detail": {
        "version": "1",
        "account_id": "222233334444",
        "account_name": "sales",
        "profile": "default",
        "action": "connect",
        "status": "connected",
        "reason": "the tag quick-athena says enabled",
        "error": "",
        "cause": "",
        "remedy": "",
        "execution": "arn:aws:states:eu-west-1:444455556666:execution:ReconcileConnection:222233334444-default-1",
    },
}
EXPLAINED = {"status": "failed", "error": "NotOurs", "cause": "somebody made it", "remedy": "rename it"}


def _changed(kind: str = "Account Connected", **detail: str) -> dict[str, Any]:
    return {**CONNECTED, "detail-type": kind, "detail": {**CONNECTED["detail"], **detail}}  # type: ignore[dict-item]


def _entry(state: str) -> dict[str, Any]:
    """What a state puts on the bus."""
    states = dict(project.states(project.machine(MACHINE)))
    (entry,) = states[state]["Arguments"]["Entries"]
    return dict(entry)


def _page() -> dict[str, list[str]]:
    """The rows of the page's tables about what is published, by their first column."""
    lines = project.sections(project.reference("events"))["What the hub publishes"].splitlines()
    rows = [line for line in lines if line.startswith("| `")]
    is_kind = re.compile(r"\| `(Account|Connection) ")
    return {
        "kinds": [line for line in rows if is_kind.match(line)],
        "fields": [line for line in rows if not is_kind.match(line)],
    }


def test_the_schema_is_the_models() -> None:
    assert event_pages.SCHEMA.read_text(encoding="utf-8") == event_pages.schema(), WRITE


def test_the_page_has_a_row_for_every_field_and_every_kind() -> None:
    assert _page()["fields"] == event_pages.rows(), WRITE
    assert {code for line in _page()["kinds"] for code in project.codes(line.split("|")[1])} == {*Kind}


@pytest.mark.parametrize("state", ["PublishOutcome", "PublishFailure"])
def test_the_machine_writes_the_models_fields(state: str) -> None:
    entry = _entry(state)
    assert set(entry["Detail"]) == set(Detail.model_fields)
    assert entry["Source"] == CONNECTED["source"]
    assert entry["Detail"]["version"] == "1"


def test_the_machine_publishes_the_models_kinds_for_the_statuses_they_stand_for() -> None:
    told = dict(re.findall(r"'(\w+)': '(\w+ \w+)'", _entry("PublishOutcome")["DetailType"]))
    failure = _entry("PublishFailure")
    told[failure["Detail"]["status"]] = failure["DetailType"]
    assert told == {status: kind.value for kind, status in STATUS_OF.items()}


@pytest.mark.parametrize(
    ("event", "is_valid"),
    [
        pytest.param(CONNECTED, True, id="connected"),
        pytest.param(_changed("Connection Failed", **EXPLAINED), True, id="failed"),
        pytest.param(_changed(added="later"), True, id="a field of a later version"),
        pytest.param(_changed("Account Removed"), False, id="another status than its kind's"),
        pytest.param(_changed(error="NotOurs"), False, id="connected with an error"),
        pytest.param(_changed("Connection Failed", **{**EXPLAINED, "remedy": ""}), False, id="no remedy"),
        pytest.param(_changed(version="2"), False, id="another version"),
        pytest.param(_changed(account_id="sales"), False, id="no account"),
        pytest.param(_changed(action="delete"), False, id="an unknown action"),
        pytest.param({**CONNECTED, "source": "aws.organizations"}, False, id="another source"),
    ],
)
def test_model_and_schema_agree_on_what_an_event_of_ours_is(event: dict[str, Any], is_valid: bool) -> None:  # noqa: FBT001
    schema = jsonschema.Draft202012Validator(json.loads(event_pages.schema()))
    assert schema.is_valid(event) == is_valid
    try:
        PublishedEvent.model_validate(event)
    except ValidationError:
        assert not is_valid
    else:
        assert is_valid
