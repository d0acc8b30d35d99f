"""quickctl's own rules: what a history says, what comes next, and how results look."""

from __future__ import annotations

import io
import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
import yaml
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ProfileNotFound

from control_plane.errors import MissingPermission, Throttled
from control_plane.ports.registry import STATUSES, Record
from quickctl.aws import MAX_PAGES, Aws, open_session, problem_of
from quickctl.cli import samconfig
from quickctl.commands.status import ORDER, STATES, Status, render, rows_of
from quickctl.deployment import Deployment
from quickctl.exits import MEANINGS, ExitCode, Problem
from quickctl.outlook import outlook
from quickctl.output import Command, Format, Printer, age, table
from quickctl.resource_policy import SID, merged, statement, without
from quickctl.steps import steps
from quickctl.templates import read_template

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
ACCOUNT = "222233334444"
STACK = "arn:aws:cloudformation:eu-west-1:444455556666:stack/quick-onboarding/1"


def event(number: int, kind: str, previous: int, **details: Any) -> dict[str, Any]:
    return {
        "id": number,
        "type": kind,
        "previousEventId": previous,
        "timestamp": NOW + timedelta(seconds=number),
        **details,
    }


def entered(number: int, previous: int, name: str) -> dict[str, Any]:
    return event(number, "TaskStateEntered", previous, stateEnteredEventDetails={"name": name})


def test_each_attempt_belongs_to_its_step_though_two_iterations_run_at_once() -> None:
    cause = json.dumps({"errorMessage": "no", "errorType": "NotOurs"})
    failure = {"error": "NotOurs", "cause": cause}
    found = steps(
        ACCOUNT,
        [
            event(1, "MapStateStarted", 0),
            entered(2, 1, "First"),
            entered(3, 1, "Second"),
            event(4, "TaskScheduled", 2),
            event(5, "TaskScheduled", 3),
            event(6, "TaskFailed", 4, taskFailedEventDetails=failure),
            event(7, "TaskStateExited", 5),
            event(8, "TaskScheduled", 6),
            event(9, "TaskStateExited", 8),
        ],
    )
    assert [(each.state, each.attempts, len(each.errors)) for each in found] == [("First", 2, 1), ("Second", 1, 0)]
    assert (found[0].errors[0].error, found[0].errors[0].message) == ("NotOurs", "no")
    assert found[1].ended == NOW + timedelta(seconds=7)


def test_a_step_that_waits_is_entered_again_and_has_no_end_while_it_runs() -> None:
    (found,) = steps(ACCOUNT, [entered(1, 0, "Ask"), event(2, "TaskStateExited", 1), entered(3, 2, "Ask")])
    assert (found.visits, found.ended) == (2, None)


@pytest.mark.parametrize("status", STATUSES)
def test_something_is_said_of_what_comes_next_for_each_status(status: str) -> None:
    found = outlook(Record(account_id=ACCOUNT, profile="default", status=status), "rate(1 day)", NOW)
    assert found
    assert "{" not in found


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (Record(account_id=ACCOUNT, status="failed", step="AssessAccount"), "nothing before its cause is gone"),
        (
            Record(account_id=ACCOUNT, status="failed", step="EnsureAccess"),
            "the next sweep (rate(1 day), UTC) tries it",
        ),
        (Record(status="quarantined", remove_after=NOW), "removes its data source and its role"),
        (Record(status="quarantined", remove_after=NOW + timedelta(days=1)), "returns by 2026-11-25 08:00:00Z"),
        (Record(status="connecting", step="EnsureAccess"), "EnsureAccess is at work"),
    ],
)
def test_what_comes_next_follows_the_record(record: Record, says: str) -> None:
    assert says in outlook(record, "rate(1 day)", NOW)


def test_the_most_urgent_comes_first_and_what_a_sweep_reports_is_left_out() -> None:
    records = [
        Record(account_id=ACCOUNT, profile="a", status="connected", since=NOW, proof="created"),
        Record(account_id=ACCOUNT, profile="b", status="failed", updated=NOW.isoformat(), proof="created"),
        Record(account_id=ACCOUNT, status="failed", updated=NOW.isoformat(), reason=f"account {ACCOUNT}: why"),
        Record(account_id=ACCOUNT, generation=1),
        Record(anomaly="its pk has no account id"),
    ]
    rows = rows_of(records, {f"{ACCOUNT}#c": "r-ab12"}, NOW + timedelta(minutes=5))
    assert [(each.profile, each.state, each.proof) for each in rows] == [
        ("", "failed", ""), ("b", "failed", ""), ("c", "awaiting", ""), ("a", "connected", "created"),
    ]  # fmt: skip
    assert (rows[0].reason, rows[0].age_seconds) == ("why", 300)


def test_every_state_has_its_place_in_the_order() -> None:
    assert set(ORDER) == set(STATES)


def shown(output: Format) -> str:
    stream = io.StringIO()
    rows = rows_of([Record(account_id=ACCOUNT, profile="a", status="held", since=NOW, reason="w" * 300)], {}, NOW)
    Printer(output, stream).show(Status(at=NOW, counts={"held": 1}, rows=tuple(rows)), render)
    return stream.getvalue()


def test_a_table_has_no_colour_where_it_is_piped_and_respects_the_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "90")
    text = shown(Format.TABLE)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) == 90
    for narrow in ("60", "20"):
        monkeypatch.setenv("COLUMNS", narrow)
        assert f"{ACCOUNT}        a        held" in shown(Format.TABLE)
        assert shown(Format.TABLE).count("w") == text.count("w")
    monkeypatch.delenv("COLUMNS")
    assert max(map(len, shown(Format.TABLE).splitlines())) == 200


def test_what_others_wrote_neither_steers_the_terminal_nor_becomes_markup() -> None:
    stream = io.StringIO()
    record = Record(account_id=ACCOUNT, profile="a", status="held", reason="[bold]x[/bold] \x1b[31mred\x07", since=NOW)
    Printer(Format.TABLE, stream).show(Status(at=NOW, counts={}, rows=tuple(rows_of([record], {}, NOW))), render)
    Printer(Format.TABLE, stream).show(Status(at=NOW, counts={}, rows=()), lambda _: ["[quick_*] \x9b1m"])
    assert "[bold]x[/bold] ?[31mred?" in stream.getvalue()
    assert stream.getvalue().endswith("[quick_*] ?1m\n")


def test_a_table_without_rows_has_its_columns() -> None:
    stream = io.StringIO()
    Printer(Format.TABLE, stream).show(Status(at=NOW, counts={}, rows=()), lambda _: [table(("A", "B"), [])])
    assert stream.getvalue().split() == ["A", "B"]


def test_a_command_stays_in_one_line_to_be_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stream, line = io.StringIO(), f"  aws {'x' * 60} --and more \x1b[31m"
    Printer(Format.TABLE, stream).show(Status(at=NOW, counts={}, rows=()), lambda _: [Command(line)])
    assert stream.getvalue() == f"{line.replace(chr(27), '?')}\n"


def test_our_statement_joins_those_of_others_and_leaves_them_alone() -> None:
    theirs = {"Sid": "Theirs", "Effect": "Deny"}
    old, ours = {"Sid": SID, "Effect": "Deny"}, statement("444455556666", "111122223333", "o-a", "quick-athena:status")
    for policy in ({"Version": "2012-10-17", "Statement": theirs}, {"Statement": [old, theirs], "Id": "kept"}):
        joined = merged(policy, ours)
        assert joined == {**policy, "Statement": [theirs, ours]}
        assert merged(joined, ours) == joined
        assert without(joined) == {**policy, "Statement": [theirs]}
    assert without(merged(None, ours)) is None


def test_two_spellings_of_a_template_are_equal() -> None:
    short = "A: !Sub x-${B}\nC: !GetAtt D.E.F\nG: !If [H, !Ref I, {J: !Condition K}]"
    long = {
        "A": {"Fn::Sub": "x-${B}"},
        "C": {"Fn::GetAtt": ["D", "E.F"]},
        "G": {"Fn::If": ["H", {"Ref": "I"}, {"J": {"Condition": "K"}}]},
    }
    assert read_template(short) == read_template(json.dumps(long)) == long


def test_json_and_yaml_say_the_same() -> None:
    found = json.loads(shown(Format.JSON))
    assert found == yaml.safe_load(shown(Format.YAML))
    assert found["rows"][0]["since"] == "2026-11-24T08:00:00Z"


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, ""), (0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (200_000, "2 d")]
)
def test_an_age_is_told_in_the_largest_unit_that_fits(seconds: float | None, text: str) -> None:
    assert age(seconds) == text


def refused(code: str, message: str = "no", status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "DescribeStacks")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (refused("AccessDenied"), ExitCode.DENIED),
        (MissingPermission("no"), ExitCode.DENIED),
        (refused("ExpiredToken"), ExitCode.NO_AWS),
        (NoCredentialsError(), ExitCode.NO_AWS),
        (ProfileNotFound(profile="x"), ExitCode.NO_AWS),
        (EndpointConnectionError(endpoint_url="x"), ExitCode.NO_AWS),
        (Throttled("no"), ExitCode.NO_AWS),
        (refused("LimitExceeded"), ExitCode.UNEXPECTED),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error: Exception, code: ExitCode) -> None:
    problem = problem_of(error)
    assert problem
    assert problem.code == code
    assert "An error occurred" not in problem.message


def machines() -> Any:
    """A session in which a machine has more executions than anybody looks through."""
    execution = {"executionArn": "x", "name": "x", "status": "RUNNING", "startDate": NOW}
    outputs = [{"OutputKey": key, "OutputValue": "x"} for key in ("RegistryTableName", "ReconcileConnectionArn")]
    found = mock.MagicMock(region_name="eu-west-1")
    client = found.client.return_value
    client.describe_stacks.return_value = {"Stacks": [{"StackId": STACK, "Outputs": outputs}]}
    pages = itertools.repeat({"executions": [execution], "nextToken": "more"})
    client.get_paginator.return_value.paginate.return_value = pages
    return found


def test_executions_that_were_not_looked_through_are_mentioned() -> None:
    notes: list[str] = []
    assert len(list(Aws(machines, "hub", notes.append).executions("ReconcileConnectionArn"))) == MAX_PAGES
    assert notes == ["only the newest 10000 executions of x were looked through"]


def test_a_defect_of_ours_is_no_problem_of_the_operators() -> None:
    assert problem_of(KeyError("x")) is None


def test_every_exit_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(ExitCode)


def test_the_region_is_found_where_the_aws_cli_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert open_session(None, None).region_name == "eu-west-1"
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert open_session(None, None).region_name == "eu-central-1"
    assert open_session(None, "us-east-1").region_name == "us-east-1"


def test_the_stack_is_named_as_sam_deploy_names_it(tmp_path: Path) -> None:
    assert samconfig(tmp_path) == ("quick-onboarding", None)
    written = '[default.global.parameters]\nstack_name = "hub"\n[default.deploy.parameters]\nregion = "eu-central-1"\n'
    (tmp_path / "samconfig.toml").write_text(written, encoding="utf-8")
    assert samconfig(tmp_path) == ("hub", "eu-central-1")
    (tmp_path / "samconfig.toml").write_text("[", encoding="utf-8")
    with pytest.raises(Problem, match="can't be read"):
        samconfig(tmp_path)


def test_a_stack_of_something_else_is_no_hub() -> None:
    with pytest.raises(Problem, match="has no output RegistryTableName") as caught:
        Deployment.of_stack({"StackId": STACK, "Outputs": [{"OutputKey": "Url", "OutputValue": "x"}]})
    assert caught.value.code == ExitCode.NO_STACK
