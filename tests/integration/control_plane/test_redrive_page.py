"""What docs/howto/redrive-dead-letters.md says, done word for word: its own commands, typed into a shell."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.commands import program
from tests.contract import project
from tests.contract.project import ROOT
from tests.integration.sandbox.served import Outside, start, stop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = "docs/howto/redrive-dead-letters.md"
PROFILE = "management"  # as the page calls it


class Operator:
    """Somebody at a shell with the page open: profiles for the hub and for the management account, nothing else."""

    def __init__(self, outside: Outside, home: Path) -> None:
        self.outside, self.home = outside, home
        self.hub, self.management = outside.accounts["hub"], outside.accounts["management"]
        sections = project.sections((ROOT / PAGE).read_text(encoding="utf-8"))
        self.commands = {heading: _commands(text) for heading, text in sections.items()}
        (home / ".aws").mkdir()
        profiles = {"default": self.hub, PROFILE: self.management}
        lines = [line for name, account in profiles.items() for line in (f"[{name}]", *self._keys(account))]
        (home / ".aws/credentials").write_text("\n".join(lines), encoding="utf-8")
        (home / "bin").mkdir()  # aws 1 has another endpoint in mind for SQS: only an option changes its mind
        aws = home / "bin/aws"
        real, endpoint = program("aws"), outside.said["endpoint_url"]
        aws.write_text(f'#!/bin/sh\nexec {shlex.quote(str(real))} --endpoint-url {endpoint} "$@"\n', encoding="utf-8")
        aws.chmod(0o755)

    def type(self, *commands: str) -> str:
        """What a shell prints; the commands must all go well."""
        done = subprocess.run(
            ["/bin/bash", "-e", "-u", "-c", "\n".join(commands)], env=self._environment(), cwd=self.home, check=False,
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def alarm(self, account: str, name: str) -> str:
        """The state of an alarm, by its account and its logical id."""
        _, answer = self.outside.ask("GET", "/sandbox/alarms")
        named = [each for each in answer["alarms"] if each["account"] == account and f"-{name}-" in each["name"]]
        (state,) = [str(each["state"]) for each in named]
        return state

    def is_connected(self, account_id: str) -> bool:
        """Whether the registry says so."""
        key = {"pk": {"S": f"account#{account_id}"}, "sk": {"S": "connection#default"}}
        table = self.outside.said["registry_table"]
        found = self.outside.client(self.hub, "dynamodb").get_item(TableName=table, Key=key).get("Item", {})
        return bool(found.get("status", {}).get("S") == "connected")

    def stop_reconciles(self) -> None:
        """Stop each one that runs, and its children: a child goes on when only its parent is stopped."""
        client = self.outside.client(self.hub, "stepfunctions")
        machines = {each["name"]: each["stateMachineArn"] for each in client.list_state_machines()["stateMachines"]}
        for name in ("ReconcileAccount", "ReconcileConnection"):
            running = client.list_executions(stateMachineArn=machines[name], statusFilter="RUNNING")["executions"]
            assert running, name
            for execution in running:
                client.stop_execution(executionArn=execution["executionArn"])

    def stop_the_sweep(self) -> None:
        """Disable the daily sweep: served time begins at the real time of day, and a sweep would find what was lost."""
        client = self.outside.client(self.hub, "scheduler")
        name = next(each["Name"] for each in client.list_schedules()["Schedules"] if "SweepDaily" in each["Name"])
        kept = client.get_schedule(Name=name)
        given = {each: kept[each] for each in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
        client.update_schedule(**given, State="DISABLED")

    def _keys(self, account: str) -> list[str]:
        return [f"{name} = {value}" for name, value in self.outside.said["credentials"][account].items()]

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.home / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "AWS_DEFAULT_REGION": self.outside.said["region"],
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_PAGER": "",
        }


class Taken:
    """A permission that was taken from a role: the inline policies that give it are gone until they are put back."""

    def __init__(self, operator: Operator, account: str, role: str, action: str) -> None:
        self._outside, self._iam = operator.outside, operator.outside.client(account, "iam")
        self._role = next(each["RoleName"] for each in self._iam.list_roles()["Roles"] if role in each["RoleName"])
        policies = map(self._policy, self._named("list_role_policies")["PolicyNames"])
        self._policies = [each for each in policies if action in json.dumps(each["PolicyDocument"])]
        assert self._policies, f"{role} was never allowed {action}"
        for policy in self._policies:
            self._named("delete_role_policy", PolicyName=policy["PolicyName"])
        self._outside.advance(60)  # until all of AWS knows

    def put_back(self) -> None:
        """As the template has it."""
        for policy in self._policies:
            text = json.dumps(policy["PolicyDocument"])
            self._named("put_role_policy", PolicyName=policy["PolicyName"], PolicyDocument=text)
        self._outside.advance(60)

    def _policy(self, name: str) -> dict[str, Any]:
        return dict(self._named("get_role_policy", PolicyName=name))

    def _named(self, operation: str, **given: Any) -> Any:
        return getattr(self._iam, operation)(RoleName=self._role, **given)


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    outside = start("--accounts", "5")
    operator = Operator(outside, tmp_path_factory.mktemp("home"))
    operator.stop_the_sweep()
    yield operator
    stop(outside)


def _commands(section: str) -> list[str]:
    """The commands of a section: each run of indented lines is one text to type."""
    found = re.findall(r"(?:^    .+\n)+", section, flags=re.MULTILINE)
    return [re.sub(r"^    ", "", each, flags=re.MULTILINE) for each in found]


def test_events_that_could_not_start_the_machine_are_looked_at_after_all(operator: Operator) -> None:
    first, second, *_ = operator.outside.accounts["members"]
    taken = Taken(operator, operator.hub, "StartRouteRole", "states:StartExecution")
    for account_id in (first, second):
        operator.outside.tag(account_id)
    operator.outside.advance(600)
    assert operator.alarm(operator.hub, "EventsUndelivered") == "ALARM"
    assert not operator.is_connected(first)
    taken.put_back()
    begin, why, redrive = operator.commands["In the hub"]
    said = operator.type(begin, why, redrive)
    assert "states:StartExecution" in said
    operator.outside.advance(600)
    assert operator.is_connected(first)
    assert operator.is_connected(second)
    assert operator.alarm(operator.hub, "EventsUndelivered") == "OK"


def test_events_that_could_not_reach_the_hub_are_looked_at_there(operator: Operator) -> None:
    account_id = operator.outside.accounts["members"][2]
    taken = Taken(operator, operator.management, "ForwardRole", "events:PutEvents")
    operator.outside.tag(account_id)
    operator.outside.advance(600)
    assert operator.alarm(operator.management, "EventsUndelivered") == "ALARM"
    taken.put_back()
    begin, why, redrive = operator.commands["In the hub"]
    (elsewhere,) = operator.commands["In a forwarding account"]
    said = operator.type(begin, elsewhere, why, redrive)
    assert "events:PutEvents" in said
    operator.outside.advance(600)
    assert operator.is_connected(account_id)
    assert operator.alarm(operator.management, "EventsUndelivered") == "OK"


def test_the_next_run_does_the_work_of_those_that_failed(operator: Operator) -> None:
    account_id = operator.outside.accounts["members"][3]
    operator.outside.tag(account_id)
    operator.outside.advance(10)
    operator.stop_reconciles()  # only the watch will look again
    taken = Taken(operator, operator.hub, "WatchRegistryFunctionRole", "dynamodb:Query")
    operator.outside.advance(3_600)
    assert operator.alarm(operator.hub, "RunsFailed") == "ALARM"
    assert not operator.is_connected(account_id)
    taken.put_back()
    read, empty = operator.commands["Failed runs"]
    said = operator.type(read, empty)
    assert "dynamodb:Query" in said
    operator.outside.advance(1_800)
    assert operator.is_connected(account_id)
    assert operator.alarm(operator.hub, "RunsFailed") == "OK"
