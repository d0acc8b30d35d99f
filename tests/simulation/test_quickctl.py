"""quickctl in a deployed world: each command on a connected, a quarantined, a failed, a held and a removed account."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
from typer.testing import CliRunner

from control_plane import wiring
from control_plane.failure import REMEDIATIONS
from quickctl.app import app
from quickctl.cli import Surroundings, prepare
from quickctl.commands.report import Reader
from quickctl.doctor.checks import CHECKS, HUB
from quickctl.exits import ExitCode
from quickctl.output import Format
from sandbox.aws.identity import KeepingSession
from sandbox.organization import OPT_IN_TAG, PROJECT, Sandbox
from tests import recordings
from tests.contract import project
from tests.deployed_hub import world
from tests.integration.sandbox.roles import allow, trusting
from tests.prototypes import derived
from tests.simulation.conftest import Story
from tests.simulation.test_revocation_budget import stop_the_watch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest
    from typer.testing import Result

AN_HOUR_TAKES = 5  # revocations, however few connections there are
AN_HOUR_GIVES = 20  # new connections by the tag of one OU
DAY = 86_400


class Operator(Story):
    """A deployed hub whose accounts are in every state there is, and somebody at its command line."""

    def __init__(self, world: Sandbox) -> None:
        super().__init__(world)
        self.session: Any = world.boto3_session(world.cloud.topology.hub)
        self.removed = self._remove()
        self.connected = self.tagged("connected")
        self.refused = self.tagged("refused", "enabled sales")
        self.failed = self.tagged("failed", "sales")
        self.taken = self._take_the_roles_name()
        self.quarantined, self.held = self._untag_one_too_many()
        self.awaiting = self._tag_a_unit_with_one_too_many()
        for command in (("explain", self.connected), ("history", self.connected), ("plan", self.connected), ("plan",)):
            self.call(*command)  # so that every test has the clients it needs

    def _remove(self) -> str:
        account_id = self.tagged("removed")
        self.world.untag(account_id)
        self.run(600)
        stop_the_watch(self)
        self.run(8 * DAY)
        self.start({"account_id": account_id, "reason": "the grace period is over"})
        self.run()
        return account_id

    def _take_the_roles_name(self) -> str:
        account_id = self.member("taken")
        iam: Any = self.world.boto3_session(account_id).client("iam")
        iam.create_role(RoleName="quick-athena-default", AssumeRolePolicyDocument=trusting({"AWS": account_id}))
        self.world.tag(account_id, "enabled")
        self.run()
        return account_id

    def _untag_one_too_many(self) -> tuple[str, str]:
        """The first and the last of those whose tags go within an hour."""
        leaving = [self.member(f"leaving-{number}") for number in range(AN_HOUR_TAKES + 1)]
        for account_id in leaving:
            self.world.tag(account_id, "enabled")
        self.run()
        for account_id in leaving:
            self.world.untag(account_id)
            self.run(300)
        return leaving[0], leaving[-1]

    def _tag_a_unit_with_one_too_many(self) -> list[str]:
        organizations = self.world.organizations
        unit = organizations.create_unit("data")
        accounts = [organizations.create_member(f"new-{number}", parent=unit) for number in range(AN_HOUR_GIVES + 1)]
        self.world.tag(unit, "enabled")
        self.run(1800)
        return accounts

    def call(self, *arguments: str, code: int | None = 0, typed: str = "", **surroundings: Any) -> Result:
        """Type a command, and what it wants to know."""
        given = {"open_session": lambda _profile, _region: self.session, "now": self.clock.now, "sleep": self.run}
        runner = CliRunner(env={"COLUMNS": str(recordings.WIDTH)})
        result = runner.invoke(app, arguments, input=typed, obj=Surroundings(**{**given, **surroundings}))
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert code is None or result.exit_code == code, result.output
        return result

    def add_tag(self, account_id: str, value: str) -> None:
        """Tag an account; its event is lost."""
        events: Any = self.session.client("events")
        rule = {"Name": "quick-onboarding-account-events", "EventBusName": "quick-onboarding"}
        events.disable_rule(**rule)
        self.world.tag(account_id, value)
        self.run(60)
        events.enable_rule(**rule)

    def typed(self, arguments: list[str]) -> str:
        """What a terminal shows of a command: stderr and stdout; some minutes pass after a command that acts."""
        result = self.call(*arguments, code=None, open_session=self._open_session)
        if arguments[0] in ("approve", "reject", "redrive"):
            self.run(300)
        return result.stderr + result.stdout

    def _open_session(self, profile: str | None, _region: str | None) -> Any:
        """With the AWS profile of an account, which is called like the account; otherwise the hub's."""
        named = [each.id for each in self.world.organizations.accounts if each.name == profile]
        return self.world.boto3_session(named[0]) if named else self.session

    def json(self, *arguments: str, code: int = 0) -> Any:
        """What a command answers a program."""
        return json.loads(self.call("--output", "json", *arguments, code=code).stdout)


@derived(world)
def operator(world: Sandbox) -> Operator:
    """The deployed hub."""
    return Operator(world)


def test_status_shows_every_state_and_filters_them(operator: Operator) -> None:
    found = operator.json("status")
    states = {(each["account_id"], each["profile"]): each["state"] for each in found["rows"]}
    assert states[operator.connected, "default"] == "connected"
    assert states[operator.quarantined, "default"] == "quarantined"
    assert states[operator.held, "default"] == "held"
    assert states[operator.removed, "default"] == "removed"
    assert states[operator.refused, ""] == states[operator.failed, "sales"] == "failed"
    assert {states[each, "default"] for each in operator.awaiting} == {"awaiting"}
    assert found["counts"]["quarantined"] == AN_HOUR_TAKES
    one = operator.json("status", "--state", "failed", "--account", operator.failed, "--only", "sales")
    assert [(each["error"], each["account_name"]) for each in one["rows"]] == [("UnknownProfile", "")]


def test_status_shows_people_a_table_and_what_there_is_of_each_state(operator: Operator) -> None:
    text = operator.call("status", "--state", "held", "--state", "removed").stdout
    lines = text.splitlines()
    assert lines[0].split() == ["ACCOUNT", "NAME", "PROFILE", "STATE", "FOR", "REASON"]
    assert lines[1].startswith(f"{operator.held}  leaving-5  default  held")
    assert lines[-1].strip() == "1 held, 1 removed"


def test_status_is_shown_anew_until_somebody_ends_it(operator: Operator) -> None:
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            raise KeyboardInterrupt

    operator.call("status", "--watch", "5", "--state", "held", sleep=sleep)
    assert waits == [5, 5]
    assert "tables only" in operator.call("-o", "json", "status", "--watch", "5", code=ExitCode.USAGE).stderr


def test_report_writes_a_page_about_every_account(operator: Operator, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    written = operator.json("report", str(file))
    text = file.read_text(encoding="utf-8")
    assert (written["file"], written["size"]) == (str(file), len(text.encode()))
    assert written["counts"] == operator.json("status")["counts"]
    assert written["accounts"] == len(operator.world.organizations.directory.backend.accounts) - 1  # the hub
    for heading in ("ConsumerRoleFailed", "UnknownProfile", "new connections (p50)", "EnsureConsumerRole", "% of the"):
        assert heading in text
    assert f"{operator.awaiting[0]}" in text
    assert "KiB) about" in operator.call("report", str(file)).stdout
    assert "can't be written" in operator.call("report", str(tmp_path), code=ExitCode.USAGE).stderr


def test_a_report_reads_again_only_what_may_have_changed(operator: Operator) -> None:
    surroundings = Surroundings(lambda *_: operator.session, operator.clock.now, operator.run)
    reader = Reader(prepare(surroundings, None, None, "quick-onboarding", Format.TABLE))
    calls = operator.world.cloud.gateway.log.entries
    before = len(calls)
    first = reader()
    between = len(calls)
    again = reader()
    named = [each.operation for each in calls[between:]]
    assert again.model_copy(update={"at": first.at}) == first
    assert not {"DescribeExecution", "GetExecutionHistory", "DescribeOrganizationalUnit"} & set(named)
    assert "GetExecutionHistory" in [each.operation for each in calls[before:between]]


def test_a_state_or_an_account_that_can_be_none_is_refused(operator: Operator) -> None:
    assert "is no state" in operator.call("status", "--state", "broken", code=ExitCode.USAGE).stderr
    assert "it has 12 digits" in operator.call("status", "--account", "sales", code=ExitCode.USAGE).stderr
    assert "it has 12 digits" in operator.call("explain", "123", code=ExitCode.USAGE).stderr


def test_explain_a_connected_account(operator: Operator) -> None:
    found = operator.json("explain", operator.connected)
    assert (found["account_name"], found["state"], found["at_work"]) == ("connected", "ACTIVE", "")
    assert found["tag"] == {
        "key": "quick-athena",
        "value": "enabled",
        "place": operator.connected,
        "expires": "",
        "means": "the tag quick-athena says enabled",
    }
    assert found["seen"]["event"].startswith("TagResource (")
    assert found["decision"] == "default is asked for: the tag quick-athena says enabled"
    (connection,) = found["connections"]
    assert (connection["state"], connection["proof"]) == ("connected", "queried")
    assert connection["proven"].startswith("roles, workgroup, results, at 2026-")
    assert "cron(0 3 * * ? *)" in connection["next"]
    tries = {step["state"]: step["attempts"] for step in connection["steps"]}
    assert {"EnsureConsumerRole", "EnsureAccess", "EnsureDataSource", "RecordConnected"} <= set(tries)
    assert all(tries.values())


def test_explain_an_account_that_is_being_connected(operator: Operator) -> None:
    late = operator.member("late")
    operator.world.tag(late, "enabled")
    operator.run(20)
    found = operator.json("explain", late)
    assert ":execution:ReconcileAccount:" in found["at_work"]
    (connection,) = found["connections"]
    assert (connection["state"], connection["step"]) == ("connecting", "EnsureConsumerRole")
    assert connection["next"].startswith("EnsureConsumerRole is at work")
    assert {step["state"] for step in connection["steps"] if step["ended"] is None} == {"EnsureConsumerRole"}
    assert "at work" in operator.call("explain", late).stdout


def test_explain_an_account_whose_tag_is_refused(operator: Operator) -> None:
    found = operator.json("explain", operator.refused)
    assert found["tag"]["means"].startswith("InvalidTagValue: the tag quick-athena mixes")
    (whole,) = found["connections"]
    assert (whole["profile"], whole["error"], whole["step"]) == ("", "InvalidTagValue", "AssessAccount")
    assert whole["remedy"].startswith("correct the tag")
    assert whole["next"].startswith("nothing before its cause is gone")
    (failed,) = [step for step in whole["steps"] if step["errors"]]
    assert (failed["state"], failed["errors"][0]["error"]) == ("AssessAccount", "InvalidTagValue")


def test_explain_a_connection_that_is_refused(operator: Operator) -> None:
    (connection,) = operator.json("explain", operator.failed)["connections"]
    assert (connection["profile"], connection["error"]) == ("sales", "UnknownProfile")
    assert "defines no profile 'sales'" in connection["reason"]


def test_explain_a_connection_that_failed_shows_which_try_and_what_aws_said(operator: Operator) -> None:
    (connection,) = operator.json("explain", operator.taken)["connections"]
    assert (connection["error"], connection["step"]) == ("ConsumerRoleFailed", "EnsureConsumerRole")
    assert connection["next"].startswith("the next sweep (cron(0 3 * * ? *), UTC) tries it again")
    (failed,) = [step for step in connection["steps"] if step["errors"]]
    assert (failed["state"], failed["attempts"]) == ("EnsureConsumerRole", 1)
    assert "Role with name quick-athena-default already exists" in failed["errors"][0]["message"]


def test_explain_says_who_ended_the_access_and_until_when_it_comes_back(operator: Operator) -> None:
    found = operator.json("explain", operator.quarantined)
    assert (found["tag"]["value"], found["tag"]["place"]) == (None, "")
    (connection,) = found["connections"]
    assert connection["revoked_for"].startswith("UntagResource (")
    assert "assumed-role/OrganizationAccountAccessRole" in connection["revoked_for"]
    assert connection["next"].startswith("if its tag returns by 2026-12-")


def test_explain_a_held_an_awaiting_and_a_removed_account(operator: Operator) -> None:
    (held,) = operator.json("explain", operator.held)["connections"]
    assert (held["state"], "quickctl approvals" in held["next"]) == ("held", True)
    found = operator.json("explain", operator.awaiting[0])
    assert found["tag"]["place"].startswith("ou-")
    (new,) = found["connections"]
    assert (new["state"], new["steps"]) == ("awaiting", [])
    (removed,) = operator.json("explain", operator.removed)["connections"]
    assert "the results bucket of the stack" in removed["retained"]


def _tag(key: str, value: str) -> Callable[[Operator], str]:
    """A member that is tagged, and has this tag besides."""

    def tagged(operator: Operator) -> str:
        account_id = operator.member(f"of-{value}")
        client = operator.world.boto3_session(operator.world.cloud.topology.management).client("organizations")
        client.tag_resource(ResourceId=account_id, Tags=[{"Key": f"{OPT_IN_TAG}:{key}", "Value": value}])
        return account_id

    return tagged


def _suspend(operator: Operator) -> str:
    account_id = operator.member("suspended")
    operator.world.organizations.suspend(account_id)
    return account_id


def _delete_the_owners(operator: Operator) -> str:
    names = {"AwsAccountId": operator.world.cloud.topology.hub, "Namespace": "default"}
    operator.session.client("quicksight").delete_group(**names, GroupName="quick-athena-owners")
    return operator.member("without-owners")


def _downgrade(operator: Operator) -> str:
    operator.world.quick.subscription.edition = "STANDARD"
    return operator.member("of-a-standard-edition")


def _take_a_permission(operator: Operator) -> str:
    iam = operator.session.client("iam")
    role = next(
        each["RoleName"] for each in iam.list_roles()["Roles"] if "EnsureDataSourceFunction" in each["RoleName"]
    )
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    operator.run(60)
    return operator.member("without-a-permission")


FAILURES: dict[str, Callable[[Operator], str]] = {  # by error, in this order: what goes wrong, and for which account
    "InvalidTagValue": lambda operator: operator.refused,
    "UnknownProfile": lambda operator: operator.failed,
    "ConsumerRoleFailed": lambda operator: operator.taken,
    "InvalidExpiry": _tag("expires", "soon"),
    "AccountTagRefused": _tag("databases", "private"),
    "AccountNotActive": _suspend,
    "AccountNotReachable": lambda operator: operator.world.cloud.topology.management,
    "MissingPermission": _take_a_permission,
    "GroupNotFound": _delete_the_owners,
    "QuickNotReady": _downgrade,
}


def test_explain_names_cause_and_remedy_of_ten_kinds_of_failure(operator: Operator) -> None:
    recorded = (operator.refused, operator.failed, operator.taken)
    assert len(FAILURES) == 10
    for error, make in FAILURES.items():
        account_id = make(operator)
        if account_id not in recorded:
            wiring.quick_account.cache_clear()  # no function stays warm for ever
            operator.world.tag(account_id, "enabled")
            operator.run(900)
        (found,) = operator.json("explain", account_id)["connections"]
        known = REMEDIATIONS[error]
        assert (found["error"], found["cause"], found["remedy"]) == (error, known.cause, known.remedy)
        text = " ".join(operator.call("explain", account_id).stdout.split())
        assert f"Cause {known.cause} Remedy {known.remedy} Next" in text


def test_explain_shows_people_the_same(operator: Operator) -> None:
    text = operator.call("explain", operator.taken).stdout
    for part in ("ConsumerRoleFailed", "already exists", "Remedy", "Next", "RecordFailure", "TRIES", "TagResource"):
        assert part in text
    assert "No connection is recorded." in operator.call("explain", operator.member("new")).stdout


def test_an_account_nobody_knows_is_not_found(operator: Operator) -> None:
    for command in ("explain", "history", "retry"):
        problem = operator.call(command, "999999999999", code=ExitCode.NOT_FOUND).stderr
        assert problem.startswith("quickctl: ")
        assert "999999999999" in problem


def test_history_has_every_action_the_newest_first(operator: Operator) -> None:
    found = operator.json("history", operator.removed)["passages"]
    assert [each["action"] for each in found] == ["forget", "disconnect", "quarantine", "connect"]
    assert [each["outcome"] for each in found] == ["removed", "disconnected", "quarantined", "connected"]
    assert found[2]["event"].startswith("UntagResource (")
    assert len(operator.json("history", operator.removed, "--limit", "1")["passages"]) == 1
    assert "disconnected" in operator.call("history", operator.removed).stdout


def test_a_corrected_account_is_retried_and_followed_to_its_end(operator: Operator) -> None:
    refused = operator.json("retry", operator.failed, code=ExitCode.FAILED)["executions"]
    assert (refused[0]["status"], refused[0]["error"]) == ("FAILED", "UnknownProfile")
    assert refused[0]["remedy"]
    operator.add_tag(operator.failed, "enabled")
    (ended,) = operator.json("retry", operator.failed)["executions"]
    assert ended["status"] == "SUCCEEDED"
    assert operator.status(operator.failed) == "connected"
    assert "nothing of account" in operator.call("retry", operator.connected, code=ExitCode.NOT_FOUND).stderr
    seen = operator.json("explain", operator.failed)["seen"]
    assert (seen["event"], operator.world.cloud.topology.hub in seen["event_by"]) == ("quickctl retry", True)


def test_what_is_not_followed_any_further_goes_on(operator: Operator) -> None:
    def sleep(_seconds: float) -> None:
        raise KeyboardInterrupt

    text = operator.call("reconcile", operator.connected, sleep=sleep)
    assert "RUNNING" in text.stdout
    assert "it goes on by itself" in text.stderr


def test_accounts_are_reconciled_by_name_by_ou_or_all(operator: Operator) -> None:
    both = operator.json("reconcile", operator.connected, operator.quarantined)["executions"]
    assert [each["status"] for each in both] == ["SUCCEEDED", "SUCCEEDED"]
    for scope in (("--ou", operator.world.organizations.root_id), ("--all",)):
        (sweep,) = operator.json("reconcile", *scope)["executions"]
        assert (":SweepOrganization:" in sweep["execution"], sweep["status"]) == (True, "SUCCEEDED")
    (running,) = operator.json("reconcile", operator.connected, "--no-wait")["executions"]
    assert running["status"] == "RUNNING"
    for wrong in ((), (operator.connected, "--all")):
        operator.call("reconcile", *wrong, code=ExitCode.USAGE)


def batches(operator: Operator) -> dict[str, Any]:
    """The batches that wait, by their kind."""
    return {each["kind"]: each for each in operator.json("approvals")["batches"]}


def test_both_kinds_of_batches_are_listed(operator: Operator) -> None:
    found = batches(operator)
    assert found["revocations"]["connections"] == [f"{operator.held}#default"]
    assert found["new connections"]["connections"] == [f"{each}#default" for each in sorted(operator.awaiting)]
    assert found["new connections"]["unit"].startswith("ou-")
    text = operator.call("approvals").stdout
    assert all(f"quickctl approve {each['batch']}" in text for each in found.values())


def test_revocations_are_approved_after_their_list_was_shown(operator: Operator) -> None:
    batch = batches(operator)["revocations"]["batch"]
    assert operator.held in operator.call("approve", batch, code=ExitCode.CHANGED, typed="n\n").stderr
    assert operator.status(operator.held) == "held"
    answer = json.loads(operator.call("-o", "json", "approve", batch, typed="y\n").stdout)
    assert (answer["answer"], answer["connections"]) == ("approved", [f"{operator.held}#default"])
    operator.run(300)
    assert operator.status(operator.held) == "quarantined"
    assert "no batch" in operator.call("approve", batch, "--yes", code=ExitCode.NOT_FOUND).stderr


def test_new_connections_are_approved(operator: Operator) -> None:
    found = batches(operator)["new connections"]
    (approving,) = [each for each in operator.executions("ApproveBatch") if each.input.get("unit") == found["unit"]]
    assert approving.path[-1] == "AskForApproval"
    answer = operator.json("approve", found["batch"], "--yes")
    assert (answer["answer"], answer["connections"]) == ("approved", found["connections"])
    operator.call("approve", found["batch"], "--yes", code=ExitCode.CHANGED)  # the token was used


def test_a_rejected_batch_can_be_answered_no_more_until_it_is_sent_again(operator: Operator) -> None:
    batch = batches(operator)["revocations"]["batch"]
    assert operator.json("reject", batch, "--yes")["answer"] == "rejected"
    operator.run(60)
    assert "nothing was done" in operator.call("approve", batch, "--yes", code=ExitCode.CHANGED).stderr
    operator.call("approvals", "--ask-again", batch)
    operator.run(120)
    operator.call("approve", batch, "--yes")
    operator.run(300)
    assert operator.status(operator.held) == "quarantined"


def test_a_list_that_has_changed_has_another_name(operator: Operator) -> None:
    before = batches(operator)["new connections"]
    operator.world.organizations.create_member("newest", parent=before["unit"])
    operator.json("reconcile", "--ou", before["unit"], "--no-wait")
    while (later := batches(operator)["new connections"]["batch"]) == before["batch"]:
        operator.run(5)
    assert later in operator.call("approve", before["batch"], "--yes", code=ExitCode.NOT_FOUND).stderr
    assert "was not sent yet" in operator.call("approve", later, "--yes", code=ExitCode.NOT_FOUND).stderr


def test_a_sweep_is_followed_to_its_report(operator: Operator) -> None:
    found = operator.json("sweep")
    (execution,) = found["executions"]
    assert execution["status"] == "SUCCEEDED"
    assert found["report"]["scope"] == ["all"]
    assert found["report"]["held"] == [f"{operator.held} (leaving-5), profile default"]
    assert operator.json("sweep", "--last") == {"executions": [], "report": found["report"]}
    text = operator.call("sweep", "--last").stdout
    assert "Revocations that wait for approval (see the request sent for them): 1" in text


def test_a_sweep_that_finds_another_one_at_work_follows_that_one(operator: Operator) -> None:
    first = operator.json("sweep", "--no-wait")["executions"][0]
    operator.run(3)
    found = operator.json("sweep")
    assert [each["execution"] for each in found["executions"]][1:] == [first["execution"]]
    assert found["report"]["listed"] > len(operator.awaiting)


def test_a_sweep_of_what_is_no_ou_fails_and_says_so(operator: Operator) -> None:
    (execution,) = operator.json("sweep", "--ou", "ou-ab12-nowhere1", code=ExitCode.FAILED)["executions"]
    assert (execution["error"], "check the id" in execution["remedy"]) == ("UnitNotFound", True)
    operator.call("sweep", "--last", "--ou", "r-ab12", code=ExitCode.USAGE)


def test_capacity(operator: Operator) -> None:
    found = operator.json("capacity")
    assert found["connections"] == len(operator.world.allowed_roles()) == 2  # connected, and held
    assert 0 < found["used_percent"] < 1
    assert (found["revocations_limit"], found["revocations_used"], found["revocations_remaining"]) == (5, 5, 0)
    assert found["grants_limit"] == AN_HOUR_GIVES
    assert found["states"] == {"connected": 1, "failed": 2, "held": 1, "quarantined": 5, "removed": 1}
    assert "1 of 20" in operator.call("capacity").stdout


def test_a_profile_is_paused_and_resumed(operator: Operator) -> None:
    assert operator.json("pause", "default", "--reason", "tests") == {
        "stack_set": "quick-athena-default",
        "action": "stop",
        "account_id": "",
        "tag": "",
        "command": "",
    }
    late = operator.member("late")
    operator.add_tag(late, "enabled")
    (refused,) = operator.json("reconcile", late, code=ExitCode.FAILED)["executions"]
    assert (refused["error"], "tests" in refused["reason"]) == ("RolloutStopped", True)
    assert "a sweep starts" in operator.call("resume", "default").stdout
    assert operator.executions("SweepOrganization")[-1].status == "RUNNING"
    assert "has no profile sales" in operator.call("pause", "sales", code=ExitCode.NOT_FOUND).stderr
    assert "is no profile name" in operator.call("pause", "Sales", code=ExitCode.USAGE).stderr


def test_events_that_could_not_be_delivered_are_handled_again(operator: Operator) -> None:
    queue = operator.world.outputs["UndeliveredEventsUrl"]
    body = json.dumps(project.sample("organizations/tag_resource.opt_in"))
    for text in (body, "no event"):
        operator.session.client("sqs").send_message(QueueUrl=queue, MessageBody=text)
    dry = operator.json("redrive", "--dry-run", code=ExitCode.FAILED)["letters"]
    assert [each["outcome"] for each in dry] == ["waits", "it is no event; nothing was started for it"]
    operator.run(60)
    before = len(operator.executions("RouteEvent"))
    letters = operator.json("redrive", code=ExitCode.FAILED)["letters"]
    assert (letters[0]["event"], letters[0]["outcome"]) == ("TagResource", "started again")
    assert len(operator.executions("RouteEvent")) == before + 1
    operator.run(60)
    assert [each["event"] for each in operator.json("redrive", code=ExitCode.FAILED)["letters"]] == ["unknown"]


def test_a_kept_event_is_shown_started_again_and_forgotten(operator: Operator) -> None:
    strange = {"detail": {"eventName": "Something"}}
    for _ in range(2):
        operator.route(strange)
        operator.run(60)
    one, other = operator.json("events")["events"]
    assert (one["error"], one["text"], one["outcome"]) == ("NoAccountInEvent", strange, "kept")
    assert "no account id in" in operator.call("events").stdout
    before = len(operator.executions("RouteEvent"))
    assert operator.json("events", "--again", one["id"])["events"][0]["outcome"] == "started again"
    assert len(operator.executions("RouteEvent")) == before + 1
    assert [each["id"] for each in operator.json("events")["events"]] == [other["id"]]
    operator.call("events", "--forget", other["id"])
    assert operator.call("events").stdout == "No event is kept.\n"
    assert "no event" in operator.call("events", "--forget", other["id"], code=ExitCode.NOT_FOUND).stderr
    assert "exclude" in operator.call("events", "--forget", "a", "--again", "b", code=ExitCode.USAGE).stderr


def test_a_rollout_says_how_far_it_is_and_what_waits(operator: Operator) -> None:
    (before,) = operator.json("rollout")["rollouts"]
    assert (before["profile"], before["succeeded"] > 0, before["waiting"], before["operation_id"]) == (
        "default",
        True,
        [],
        "",
    )
    late = operator.member("late")
    operator.world.tag(late, "enabled")
    while not (now := operator.json("rollout", "default")["rollouts"][0])["operation_id"]:
        operator.run(1)
    assert (now["operation_kind"], now["operation_accounts"]) == ("create", [late])
    operator.call("pause", "default", "--reason", "tests")
    assert "tests" in operator.call("rollout").stdout
    assert "no stack set" in operator.call("rollout", "sales", code=ExitCode.NOT_FOUND).stderr


def calls_of(operator: Operator, *arguments: str) -> set[str]:
    """The operations that a command calls."""
    before = len(operator.world.cloud.gateway.log.entries)
    operator.call(*arguments, code=None)
    return {each.operation for each in operator.world.cloud.gateway.log.entries[before:]}


def test_a_plan_is_what_the_next_sweep_starts(operator: Operator) -> None:
    tagged = {operator.removed, operator.failed}
    for account_id in tagged:
        operator.add_tag(account_id, "enabled")
    planned = operator.json("plan")
    assert {each["account_id"] for each in planned["actions"]} == {*tagged, operator.taken}
    assert planned["hold"] == [f"{operator.held}#default"]
    assert planned["awaiting"] == [f"{each}#default" for each in sorted(operator.awaiting)]
    assert planned["failed"] == [operator.refused, f"{operator.taken}#default"]
    assert planned["profiles_file"].endswith("layers/consumer/profiles.yaml")
    report = operator.json("sweep")["report"]
    assert (report["listed"], report["held"]) == (planned["listed"], [f"{operator.held} (leaving-5), profile default"])
    started = {each.input["account_id"] for each in operator.executions() if each.name.startswith("sweep-")}
    assert started == {*tagged, operator.taken}
    assert [each["account_id"] for each in operator.json("plan")["actions"]] == [operator.taken]


def test_a_saved_plan_is_applied_exactly_or_not_at_all(operator: Operator, tmp_path: Path) -> None:
    operator.add_tag(operator.removed, "enabled")
    file = tmp_path / "plan.json"
    planned = operator.json("plan", "--save", str(file))["actions"]
    operator.world.untag(operator.removed)
    moved = operator.call("apply", str(file), code=ExitCode.CHANGED).stderr
    assert f"{operator.removed}; nothing was done" in moved
    operator.add_tag(operator.removed, "enabled")
    before = len(operator.executions())
    ended = operator.json("apply", str(file), code=ExitCode.FAILED)["executions"]
    assert [each.input["account_id"] for each in operator.executions()[before:]] == [
        each["account_id"] for each in planned
    ]
    assert {each["error"] for each in ended} == {"", "ConsumerRoleFailed"}  # of the account whose role's name is taken
    assert operator.status(operator.removed) == "connected"
    assert "it is not as it was" in operator.call("apply", str(file), code=ExitCode.CHANGED).stderr


def test_a_plan_of_accounts_is_saved_and_one_that_was_edited_is_refused(operator: Operator, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    operator.world.untag(operator.connected)
    operator.call("plan", operator.connected, "--save", str(file))
    edited = json.loads(file.read_text(encoding="utf-8"))
    edited["plan"]["actions"][0]["account_id"] = operator.failed
    (tmp_path / "edited.json").write_text(json.dumps(edited), encoding="utf-8")
    operator.call("apply", str(tmp_path / "edited.json"), code=ExitCode.CHANGED)
    elsewhere = json.dumps({**json.loads(file.read_text(encoding="utf-8")), "hub": "another"})
    (tmp_path / "elsewhere.json").write_text(elsewhere, encoding="utf-8")
    assert "of another hub" in operator.call("apply", str(tmp_path / "elsewhere.json"), code=ExitCode.CHANGED).stderr
    operator.call("apply", str(tmp_path / "none.json"), code=ExitCode.USAGE)
    with_profiles = ("--profiles", str(PROJECT / "layers/consumer/profiles.yaml"), "--save", str(file))
    operator.call("plan", *with_profiles, code=ExitCode.USAGE)
    (ended,) = operator.json("apply", str(file))["executions"]
    # Reconciled by the rules of every reconcile: the budget of this hour is used up, so its revocation waits.
    assert (ended["status"], operator.status(operator.connected)) == ("SUCCEEDED", "held")


def test_status_makes_no_call_for_a_single_account(operator: Operator) -> None:
    log = operator.world.cloud.gateway.log.entries
    before = len(log)
    rows = operator.json("status")["rows"]
    assert len(rows) > 30
    assert [each.operation for each in log[before:]].count("Scan") == 1
    assert len(log) - before < 12


def test_what_only_shows_changes_nothing(operator: Operator) -> None:
    reads = ("Describe", "List", "Get", "Query", "Scan", "BatchGet")
    for command in ("plan", "orphans", "status", "capacity", "approvals", "doctor"):
        called = calls_of(operator, command)
        assert called
        assert all(each.startswith(reads) for each in called), command


def test_a_plan_of_accounts_reads_them_in_full(operator: Operator) -> None:
    found = operator.json("plan", operator.connected, operator.removed, operator.refused)
    assert (found["listed"], found["in_sync"]) == (3, 2)
    (refused,) = found["actions"]
    assert refused["what"].startswith("refuse: InvalidTagValue: ")
    operator.world.untag(operator.connected)
    text = operator.call("plan", operator.connected).stdout
    assert "quarantine default: the account has no tag quick-athena" in text
    for wrong, code in (("ou-ab12-nowhere1", ExitCode.NOT_FOUND), ("nothing", ExitCode.NOT_FOUND)):
        operator.call("plan", "--ou", wrong, code=code)
    operator.call("plan", operator.connected, "--ou", "r-ab12", code=ExitCode.USAGE)


def test_a_plan_shows_what_another_profiles_file_would_do(operator: Operator, tmp_path: Path) -> None:
    text = (PROJECT / "layers/consumer/profiles.yaml").read_text(encoding="utf-8")
    (tmp_path / "profiles.yaml").write_text(text + text.split("profiles:\n")[1].replace("default:", "sales:"))
    planned = operator.json("plan", "--profiles", str(tmp_path / "profiles.yaml"))
    (action,) = [each for each in planned["actions"] if each["account_id"] == operator.failed]
    assert action["what"].startswith("connect sales: ")


def test_a_plan_says_that_a_profile_names_a_run_as_role_that_is_not_deployed(
    operator: Operator, tmp_path: Path
) -> None:
    text = (PROJECT / "layers/consumer/profiles.yaml").read_text(encoding="utf-8")
    (tmp_path / "profiles.yaml").write_text(f"{text}    run_as_role: 2\n", encoding="utf-8")
    planned = operator.json("plan", operator.connected, "--profiles", str(tmp_path / "profiles.yaml"))
    assert "refuse: InvalidProfiles" in planned["actions"][0]["what"]


def test_orphans_are_what_has_no_record_or_is_not_ours(operator: Operator) -> None:
    assert "Nothing is there that should not be." in operator.call("orphans").stdout
    operator.add_entries("arn:aws:iam::777788889999:role/theirs")
    table: Any = operator.session.resource("dynamodb").Table(operator.world.outputs["RegistryTableName"])
    table.delete_item(Key={"pk": f"account#{operator.quarantined}", "sk": "connection#default"})
    found = operator.json("orphans")
    assert found["orphans"] == [f"{operator.quarantined}#default"]
    assert found["unexpected_entries"] == ["arn:aws:iam::777788889999:role/theirs"]
    assert f"{operator.quarantined}  default" in operator.call("orphans").stdout


def test_profiles_are_validated_and_shown(operator: Operator, tmp_path: Path) -> None:
    assert operator.json("profiles", "validate")["profiles"] == ["default"]
    wrong = tmp_path / "profiles.yaml"
    wrong.write_text("profiles: {sales: {description: x, databases: [a*], owners: []}}", encoding="utf-8")
    faults = operator.json("profiles", "validate", str(wrong), code=ExitCode.FAILED)["faults"]
    assert len(faults) == 4
    assert "has 4 faults:" in operator.call("profiles", "validate", str(wrong), code=ExitCode.FAILED).stdout
    shown = operator.json("profiles", "show", "default")["profiles"]["default"]
    assert (shown["databases"], shown["catalog"]) == (["quick_*"], "AwsDataCatalog")
    assert "databases:" in operator.call("profiles", "show").stdout
    assert "it defines default" in operator.call("profiles", "show", "sales", code=ExitCode.NOT_FOUND).stderr
    assert "validate" in operator.call("profiles", "diff", str(wrong), code=ExitCode.FAILED).stderr


def test_profiles_are_compared_with_what_is_rolled_out(operator: Operator, tmp_path: Path) -> None:
    (same,) = operator.json("profiles", "diff")["profiles"]
    assert (same["profile"], same["change"], same["parameters"]) == ("default", "same", [])
    file = tmp_path / "profiles.yaml"
    text = (PROJECT / "layers/consumer/profiles.yaml").read_text(encoding="utf-8")
    file.write_text(text.replace("[quick_*]", "[sales_*]") + text.split("profiles:\n")[1].replace("default:", "sales:"))
    changed, new = operator.json("profiles", "diff", str(file))["profiles"]
    assert (changed["change"], [each["name"] for each in changed["parameters"]]) == ("changed", ["DatabaseArns"])
    assert (new["profile"], new["change"]) == ("sales", "new")
    text = operator.call("profiles", "diff", str(file)).stdout
    assert ("DatabaseArns" in text, "sales_*" in text) == (True, True)


SHOWING = (
    "status",
    "explain {connected}",
    "explain {refused}",
    "history {removed}",
    "plan",
    "plan {connected} {awaiting}",
    "approvals",
    "capacity",
    "orphans",
    "profiles diff",
    "mesh list",
    "sweep --last",
    "rollout",
    "events",
    "doctor",
    "selftest --file /dev/null",
)
ACTING = (
    "reconcile {connected}",
    "retry {refused}",
    "sweep --no-wait",
    "pause default",
    "resume default",
    "redrive",
    "events --forget {kept}",
    "approvals --ask-again {revocations}",
    "approve --yes {revocations}",
    "reject --yes {grants}",
)
# What happens only where AWS leaves something out, or nothing is as it was made.
SELDOM = {"organizations:ListParents", "organizations:ListDelegatedAdministrators", "quicksight:ListTagsForResource"}
SELDOM |= {"cloudformation:DescribeStackSetOperation", "quicksight:DescribeGroup"}
SELDOM |= {"quicksight:DescribeAccountSubscription", "sqs:DeleteMessage"}
# Only for profiles that name users or a folder, or an OU in the name of data sources.
SELDOM |= {"quicksight:DescribeUser", "quicksight:DescribeFolder", "quicksight:ListFoldersForResource"}
SELDOM |= {"organizations:DescribeOrganizationalUnit"}


def person(operator: Operator, *policies: str) -> Any:
    """A session of a role in the hub with these policies of docs/howto/policies."""
    iam: Any = operator.session.client("iam")
    hub = operator.world.cloud.topology.hub
    iam.create_role(RoleName="person", AssumeRolePolicyDocument=trusting({"AWS": hub}))
    for name in policies:
        text = (PROJECT / f"docs/howto/policies/{name}.json").read_text(encoding="utf-8")
        arn = iam.create_policy(PolicyName=name, PolicyDocument=text)["Policy"]["Arn"]
        iam.attach_role_policy(RoleName="person", PolicyArn=arn)
    operator.world.iam.settle()
    role = operator.world.iam.documents_of(f"arn:aws:iam::{hub}:role/person")
    assert role
    credentials: Any = operator.world.cloud.identities.role_session(role.principal).credentials()
    return KeepingSession(region_name=operator.world.cloud.topology.region, **credentials)


def names_of(operator: Operator) -> dict[str, str]:
    """The accounts and batches of this world by the names that commands have for them here."""
    accounts = {name: value for name, value in vars(operator).items() if isinstance(value, str)}
    found = {kind: each["batch"] for kind, each in batches(operator).items()}
    batch = {"revocations": found["revocations"], "grants": found["new connections"]}
    kept = operator.route({"detail": {"eventName": "Something"}}).name
    operator.run(5)
    return {**accounts, **batch, "kept": kept, "awaiting": operator.awaiting[0]}


def actions(*policies: str) -> set[str]:
    """What the policies allow."""
    texts = [(PROJECT / f"docs/howto/policies/{name}.json").read_text(encoding="utf-8") for name in policies]
    return project.actions(*(statement for text in texts for statement in json.loads(text)["Statement"]))


def called(operator: Operator, session: Any, commands: tuple[str, ...], code: int | None = None) -> set[str]:
    """The actions that these commands use, called by that person."""
    log = operator.world.cloud.gateway.log.entries
    used, names = set(), names_of(operator)
    for command in commands:
        before = len(log)
        result = operator.call(*command.format(**names).split(), code=code, open_session=lambda *_: session)
        assert code is not None or result.exit_code in (ExitCode.DONE, ExitCode.FAILED), (command, result.output)
        used |= {(each.service, each.operation) for each in log[before:] if each.role.endswith("/person")}
    prefixes = {"stepfunctions": "states"}
    names = {"Invoke": "InvokeFunction"}
    found = {f"{prefixes.get(service, service)}:{names.get(name, name)}" for service, name in used}
    return found - {"sts:GetCallerIdentity"}  # needs no permission


def test_who_may_only_read_can_use_every_command_that_shows_something(operator: Operator) -> None:
    operator.json("sweep")
    session = person(operator, "operator")
    used = called(operator, session, SHOWING)
    assert used <= actions("operator")
    assert actions("operator") - used <= SELDOM
    assert called(operator, session, ACTING, code=ExitCode.DENIED)


def test_who_may_act_can_use_every_other_command(operator: Operator) -> None:
    session = person(operator, "operator", "operator-act")
    used = called(operator, session, ACTING)
    assert used <= actions("operator", "operator-act")
    assert actions("operator-act") - used <= SELDOM


def findings(operator: Operator, code: int | None = None, **surroundings: Any) -> dict[str, list[Any]]:
    """What doctor found, by check, but what is fine."""
    found = json.loads(operator.call("-o", "json", "doctor", code=code, **surroundings).stdout)["findings"]
    checks: dict[str, list[Any]] = {each["check"]: [] for each in found}
    for each in found:
        if each["verdict"] not in ("fine", "cannot look"):
            checks[each["check"]].append(each)
    return checks


def subscribe(operator: Operator) -> None:
    topic = operator.world.outputs["NotificationsTopicArn"]
    operator.session.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="platform@example.com")


def test_doctor_finds_nothing_wrong_in_a_hub_that_somebody_cares_for(operator: Operator) -> None:
    subscribe(operator)
    scheduler: Any = operator.session.client("scheduler")
    for each in scheduler.list_schedules()["Schedules"]:
        stored = scheduler.get_schedule(Name=each["Name"])
        given = {key: stored[key] for key in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
        scheduler.update_schedule(**given, State="ENABLED")
    found = findings(operator, code=ExitCode.DONE)
    assert {name: [each["verdict"] for each in listed] for name, listed in found.items() if listed} == {
        "records": ["warning"],
        "approvals": ["warning", "warning"],
    }
    assert "quickctl status --state failed" in operator.call("doctor").stdout


def test_doctor_names_each_thing_that_is_wrong_and_what_mends_it(operator: Operator) -> None:
    hub, region = operator.world.cloud.topology.hub, operator.world.cloud.topology.region
    operator.session.client("events").disable_rule(
        Name="quick-onboarding-account-events", EventBusName="quick-onboarding"
    )
    operator.session.client("quicksight").delete_group(
        AwsAccountId=hub, Namespace="default", GroupName="quick-athena-owners"
    )
    queue = operator.world.outputs["UndeliveredEventsUrl"]
    operator.session.client("sqs").send_message(QueueUrl=queue, MessageBody="{}")
    organizations: Any = operator.world.boto3_session(operator.world.cloud.topology.management).client("organizations")
    organizations.deregister_delegated_administrator(
        AccountId=hub, ServicePrincipal="member.org.stacksets.cloudformation.amazonaws.com"
    )
    found = findings(operator, code=ExitCode.FAILED)
    wrong = {name: listed[0] for name, listed in found.items() if listed and listed[0]["verdict"] == "wrong"}
    assert set(wrong) == {"delegated administrator", "quick", "rule", "schedules", "subscribers", "queues"}
    assert len(found["schedules"]) == 2  # stopped, so that time passes quickly
    assert f"register-delegated-administrator --account-id {hub}" in wrong["delegated administrator"]["mend"]
    assert wrong["rule"]["mend"].startswith("aws events enable-rule --event-bus-name quick-onboarding --name quick-")
    assert f"arn:aws:sns:{region}" in wrong["subscribers"]["mend"]
    assert "quick-athena-owners" in wrong["quick"]["what"]
    assert wrong["queues"]["mend"] == "quickctl redrive"
    assert all(each["why"] for each in wrong.values())


def test_what_doctor_prints_mends_what_it_found(operator: Operator) -> None:
    operator.run(3 * DAY)
    (late,) = findings(operator)["sweep"]
    assert (late["verdict"], late["what"]) == ("wrong", "the last sweep ended 3 d ago")
    operator.call(*late["mend"].split()[1:])
    assert findings(operator)["sweep"] == []


def test_doctor_says_what_it_may_not_read(operator: Operator) -> None:
    session = person(operator)
    iam: Any = operator.session.client("iam")
    text = json.dumps({"Version": "2012-10-17", "Statement": [allow("cloudformation:DescribeStacks")]})
    iam.put_role_policy(RoleName="person", PolicyName="little", PolicyDocument=text)
    operator.world.iam.settle()
    found = findings(operator, code=ExitCode.FAILED, open_session=lambda *_: session)
    denied = {name for name, listed in found.items() if [each["verdict"] for each in listed] == ["denied"]}
    assert denied == {each.name for each in CHECKS if each.place == HUB} - {"stack"}
    give = "aws iam put-role-policy --role-name person --policy-name quickctl-operator --policy-document "
    mends = {found[name][0]["mend"] for name in denied}
    assert mends == {give + 'file://docs/howto/policies/operator.json --profile "$ADMINISTRATOR_PROFILE"'}


def test_a_stack_that_is_not_there_is_one_sentence(operator: Operator) -> None:
    problem = operator.call("--stack-name", "hub", "status", code=ExitCode.NO_STACK).stderr
    assert problem.splitlines()[0] == "quickctl: there is no stack hub in eu-west-1 of account 444455556666"
    assert "--region" in problem
    other = operator.call("--stack-name", "quick-onboarding-boundaries", "status", code=ExitCode.NO_STACK).stderr
    assert "has no output RegistryTableName" in other


def test_without_a_region_nothing_is_guessed(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    session: Any = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b")
    problem = operator.call("status", code=ExitCode.NO_AWS, open_session=lambda *_: session).stderr
    assert problem.startswith("quickctl: no Region is set")
