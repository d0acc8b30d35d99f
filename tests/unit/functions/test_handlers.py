"""Handlers parse, call and return: what is not a request never reaches a step."""

from __future__ import annotations

import importlib
import json
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from control_plane import wiring
from control_plane.errors import NoAccountInEvent, UnknownProfile
from control_plane.ports.registry import Record
from control_plane.sweep.reporting import Report
from tests.contract.project import ROOT
from tests.unit.control_plane.stack_set_world import StackSetWorld
from tests.unit.control_plane.vocabulary import HUB, MANAGEMENT, profile

CONTEXT = SimpleNamespace(
    function_name="f", memory_limit_in_mb=512, invoked_function_arn="arn:aws:lambda:x", aws_request_id="1"
)
HANDLERS = sorted(file.stem for file in (ROOT / "functions").glob("*.py"))
OF_A_SWEEP = (
    "collect_snapshot",
    "plan_sweep",
    "remove_unexpected_entries",
    "inspect_connections",
    "start_reconciles",
    "report_sweep",
)
OF_NO_ACCOUNT = (
    "advance_operation",
    "find_account",
    "watch_registry",
    "ask_for_approval",
    "apply_revocations",
    "apply_grants",
    "control_rollout",
    *OF_A_SWEEP,
)
PARSING = [name for name in HANDLERS if name not in OF_NO_ACCOUNT]


def call(name: str, event: Any) -> Any:
    return importlib.import_module(name).handler(event, CONTEXT)


@pytest.fixture(autouse=True)
def nothing_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler that got as far as asking for a port has taken a wrong request for a right one."""

    def reached() -> None:
        raise AssertionError("the request should have been refused")

    for port in (
        "organization",
        "stack_sets",
        "access_policies",
        "access_dependencies",
        "role_dependencies",
        "operator_dependencies",
        "revocation_budget",
        "stack_set_queue",
        "sweeps",
        "grant_budget",
        "approval_batches",
        "admission_dependencies",
        "data_sources",
        "proof_data_sets",
        "removal_dependencies",
        "registry",
        "snapshot_sources",
        "sweep_store",
        "sweep_dependencies",
    ):
        monkeypatch.setattr(wiring, port, reached)
    monkeypatch.setattr(wiring, "hub", lambda: HUB)


@pytest.mark.parametrize("name", PARSING)
@pytest.mark.parametrize("account_id", ["12", "o-a1b2c3d4e5", "1234567890123", 123456789012, None])
def test_an_account_id_that_is_none_is_refused(name: str, account_id: Any) -> None:
    sample = json.loads((ROOT / f"events/steps/{name}.json").read_text(encoding="utf-8"))
    with pytest.raises(ValidationError, match="account_id"):
        call(name, {**sample, "account_id": account_id})


@pytest.mark.parametrize("name", PARSING)
def test_an_empty_request_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="account_id"):
        call(name, {})


@pytest.mark.parametrize("name", OF_A_SWEEP)
def test_a_request_that_names_no_sweep_is_refused(name: str) -> None:
    sample = json.loads((ROOT / f"events/steps/{name}.json").read_text(encoding="utf-8"))
    del sample["sweep"]
    with pytest.raises(ValidationError, match="sweep"):
        call(name, sample)


def test_a_sweep_that_is_not_done_counts_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = json.loads((ROOT / "events/steps/report_sweep.json").read_text(encoding="utf-8"))
    module = importlib.import_module("report_sweep")
    monkeypatch.setattr(wiring, "sweep_dependencies", lambda: None)
    monkeypatch.setattr(module.metrics.provider, "namespace", "QuickOnboarding")
    monkeypatch.setattr(module, "finish", lambda *_, **__: None)
    assert call("report_sweep", sample) == {"done": False}
    assert "PartialListings" not in capsys.readouterr().out
    partial = Report(sweep_id=sample["sweep"], at="now", scope=("all",), partial="a page failed")
    monkeypatch.setattr(module, "finish", lambda *_, **__: partial)
    assert call("report_sweep", sample) == {"done": True}
    assert '"PartialListings":[1.0]' in capsys.readouterr().out


@pytest.mark.parametrize("profile", ["Sales", "sales_2", "-sales", "", "a" * 33])
@pytest.mark.parametrize("name", [name for name in PARSING if name.startswith(("ensure", "revoke", "remove"))])
def test_a_profile_name_that_is_none_is_refused(name: str, profile: str) -> None:
    sample = json.loads((ROOT / f"events/steps/{name}.json").read_text(encoding="utf-8"))
    with pytest.raises(ValidationError, match="profile"):
        call(name, {**sample, "profile": profile})


def test_an_event_names_its_account() -> None:
    event = json.loads((ROOT / "events/organizations/tag_resource.opt_in.json").read_text(encoding="utf-8"))
    answer = call("find_account", event)
    assert (answer["kind"], answer["id"]) == ("account", event["detail"]["requestParameters"]["resourceId"])


def test_an_event_names_who_caused_it_and_when() -> None:
    event = json.loads((ROOT / "events/organizations/tag_resource.opt_in.json").read_text(encoding="utf-8"))
    answer, unknown = call("find_account", event), call("find_account", {"account_id": "222233334444"})
    assert answer["requested_by"] == event["detail"]["userIdentity"]["arn"]
    assert answer["requested_at"] == event["detail"]["eventTime"]
    assert unknown["requested_by"] == "unknown"
    assert "requested_at" not in unknown


@pytest.mark.parametrize("changes", [{"stack_set": "somebody-elses"}, {"stack_set": None}, {"epoch": None}])
def test_an_operator_of_another_stack_set_is_refused(changes: dict[str, Any]) -> None:
    sample = json.loads((ROOT / "events/steps/advance_operation.json").read_text(encoding="utf-8"))
    with pytest.raises(ValidationError, match=next(iter(changes))):
        call("advance_operation", {**sample, **changes})


def test_an_operator_with_nothing_to_do_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    world = StackSetWorld()
    monkeypatch.setattr(wiring, "operator_dependencies", lambda: world.operator_dependencies)
    sample = json.loads((ROOT / "events/steps/advance_operation.json").read_text(encoding="utf-8"))
    assert call("advance_operation", sample) == {"done": True, "pause": 0}


@pytest.mark.parametrize(
    ("name", "answer"), [("ensure_consumer_role", {"done": False}), ("remove_consumer_role", {"answered": True})]
)
def test_who_needs_a_consumer_role_or_not_gets_its_answer_by_its_token(
    name: str, answer: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = StackSetWorld()
    monkeypatch.setattr(wiring, "role_dependencies", lambda: world.role_dependencies)
    monkeypatch.setattr(wiring, "profile", lambda _: profile())
    sample = json.loads((ROOT / f"events/steps/{name}.json").read_text(encoding="utf-8"))
    world.registry.put(Record(sample["account_id"], None, holder=sample["execution"]))
    assert call(name, sample) == answer
    waits = [each.token for each in world.queue.changes.values()]
    assert [*waits, *world.waiting.answers] == [sample["token"]]


def test_an_event_about_an_organizational_unit_names_the_unit() -> None:
    event = json.loads((ROOT / "events/organizations/tag_resource.organizational_unit.json").read_text("utf-8"))
    answer = call("find_account", event)
    assert (answer["kind"], answer["id"]) == ("unit", event["detail"]["requestParameters"]["resourceId"])


def test_the_management_account_beside_a_member_account_is_not_the_subject() -> None:
    details = {"accountId": MANAGEMENT, "memberAccountId": "222233334444"}
    answer = call("find_account", {"detail": {"eventName": "Something", "serviceEventDetails": details}})
    assert (answer["kind"], answer["id"]) == ("account", "222233334444")


def test_an_event_about_several_accounts_names_them_all_as_what_is_to_be_swept() -> None:
    details = {"accountId": "333344445555", "memberAccountId": "222233334444"}
    answer = call("find_account", {"detail": {"eventName": "Something", "serviceEventDetails": details}})
    assert (answer["kind"], answer["scope"]) == ("accounts", ["222233334444", "333344445555"])


@pytest.mark.parametrize("event", [{}, {"detail": None}, {"detail": {"requestParameters": {"resourceId": "12"}}}])
def test_an_event_without_an_account_is_an_error_of_its_own(event: Any) -> None:
    with pytest.raises(NoAccountInEvent, match="no account id"):
        call("find_account", event)


def test_a_profile_that_is_not_there_can_not_be_believed_to_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "stack_set_queue", lambda: None)
    monkeypatch.setattr(wiring, "known_profiles", dict)
    with pytest.raises(UnknownProfile, match="no profile 'defualt'"):
        call("control_rollout", {"profile": "defualt", "action": "stop"})
