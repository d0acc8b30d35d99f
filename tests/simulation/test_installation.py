"""quickctl bootstrap and uninstall: what is made before the first deployment, and what is left after the last."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from quickctl.exits import ExitCode
from quickctl.resource_policy import SID
from sandbox.organization import PROJECT
from sandbox.product import BOUNDARIES_STACK, FORWARDING_STACK, HUB_STACK
from tests.integration.sandbox.roles import trusting
from tests.simulation.test_quickctl import batches, operator

if TYPE_CHECKING:
    from tests.simulation.test_quickctl import Operator

__all__ = ["operator"]

HOUR = 3600
STATUS_TAG = "quick-athena:status"


def as_both(operator: Operator) -> dict[str, Any]:
    """Whoever has a profile of each account: `management`, and the hub's without a name."""
    sessions = {"management": operator.world.boto3_session(operator.world.cloud.topology.management)}
    return {"open_session": lambda profile, _region: sessions.get(profile or "", operator.session)}


def clients(operator: Operator, service: str, region: str) -> dict[str, Any]:
    """A client in the hub and one in the management account."""
    place = operator.world.cloud.topology
    accounts = {"hub": place.hub, "management": place.management}
    return {
        name: operator.world.boto3_session(account).client(service, region)  # type: ignore[call-overload]  # any service
        for name, account in accounts.items()
    }


def stacks(operator: Operator) -> set[tuple[str, str]]:
    """The stacks there are in both accounts."""
    found = set()
    for region in ("us-east-1", operator.world.cloud.topology.region):
        for name, client in clients(operator, "cloudformation", region).items():
            found |= {(name, each["StackName"]) for each in client.describe_stacks()["Stacks"]}
    return found


def uninstall(operator: Operator, *arguments: str, code: int, typed: str = "") -> tuple[dict[str, Any], str]:
    """What it answers, and what it said before."""
    given = ("-o", "json", "uninstall", *arguments)
    done = operator.call(*given, code=code, typed=typed, **as_both(operator))
    return json.loads(done.stdout or "{}"), done.stderr


def test_it_says_what_it_will_do_and_asks_before_it_does_anything(operator: Operator) -> None:
    before = len(operator.world.cloud.gateway.log.entries)
    _, said = uninstall(operator, code=ExitCode.CHANGED, typed="maybe\n")
    assert "Keep the access that Quick has now, or remove it? [keep/remove]" in said
    _, said = uninstall(operator, code=ExitCode.CHANGED, typed="remove\nno\n")
    assert f"{operator.connected}#default  connected" in said
    assert "only commands are printed" in said
    calls = operator.world.cloud.gateway.log.entries[before:]
    assert not [each for each in calls if each.operation.startswith(("Delete", "Update", "Start", "Untag"))]
    uninstall(operator, "--keep-access", "--remove-access", code=ExitCode.USAGE)


def test_with_access_removed_nothing_is_left_but_what_it_names(operator: Operator) -> None:
    organizations = clients(operator, "organizations", "us-east-1")["management"]
    organizations.tag_resource(ResourceId=operator.connected, Tags=[{"Key": STATUS_TAG, "Value": "default connected"}])
    options = ("--remove-access", "--management-profile", "management", "--yes")
    batch = batches(operator)["revocations"]["batch"]
    answer, said = uninstall(operator, *options, code=ExitCode.DONE)
    assert (answer["finished"], answer["remaining"]) == (True, [])
    assert f"approved {batch}: 1 revocations" in said
    assert stacks(operator) == set()
    iam = operator.session.client("iam")
    assert not [each for each in iam.list_roles()["Roles"] if each["RoleName"].startswith("quick-")]
    assert not iam.list_policies(Scope="Local")["Policies"]
    cloudformation = clients(operator, "cloudformation", operator.world.cloud.topology.region)["hub"]
    assert not cloudformation.list_stack_sets(Status="ACTIVE", CallAs="DELEGATED_ADMIN")["Summaries"]
    assert not operator.world.has_data_source(operator.connected)
    assert organizations.list_tags_for_resource(ResourceId=operator.connected)["Tags"] == []
    tables = operator.session.client("dynamodb").list_tables()["TableNames"]
    retained = {each["what"]: each for each in answer["retained"]}
    assert [f"the table {name} in the hub" in retained for name in tables] == [True]
    assert any(operator.removed in what and "results bucket" in what for what in retained)


def test_without_the_management_account_it_prints_what_is_to_be_done_there(operator: Operator) -> None:
    answer, _ = uninstall(operator, "--remove-access", "--yes", code=ExitCode.FAILED)
    untag = f"aws organizations untag-resource --resource-id {operator.connected} --tag-keys quick-athena"
    assert untag in answer["remaining"]
    assert operator.status(operator.connected) == "connected"
    assert ("hub", HUB_STACK) in stacks(operator)


def test_a_connection_that_cannot_be_removed_stops_it_and_is_named(operator: Operator) -> None:
    data_source = f"quick-athena-{operator.connected}-default"
    operator.session.client("quicksight").untag_resource(
        ResourceArn=f"arn:aws:quicksight:{operator.world.cloud.topology.region}:{operator.world.cloud.topology.hub}:"
        f"datasource/{data_source}",
        TagKeys=["managed-by"],
    )
    options = ("--remove-access", "--management-profile", "management", "--yes")
    answer, _ = uninstall(operator, *options, code=ExitCode.FAILED)
    assert [each.partition(";")[0] for each in answer["remaining"]] == [
        f"{operator.connected}#default is failed: NotOurs"
    ]
    assert {("hub", HUB_STACK), ("management", FORWARDING_STACK)} <= stacks(operator)


def test_with_access_kept_connections_work_and_nothing_manages_them(operator: Operator) -> None:
    allowed = operator.world.allowed_roles()
    options = ("--keep-access", "--management-profile", "management", "--yes")
    answer, _ = uninstall(operator, *options, code=ExitCode.DONE)
    assert stacks(operator) == {("hub", BOUNDARIES_STACK)}
    assert operator.world.allowed_roles() == allowed
    assert operator.world.has_data_source(operator.connected)
    assert any(
        each["what"].startswith("the role quick-athena-run-as and its access policy") for each in answer["retained"]
    )


def test_with_access_kept_it_waits_for_what_is_at_work(operator: Operator) -> None:
    late = operator.member("late")
    operator.world.tag(late, "enabled")
    operator.run(20)
    answer, _ = uninstall(operator, "--keep-access", "--yes", code=ExitCode.FAILED)
    assert answer["remaining"] == [f"{late}#default is at work; wait until it is settled: quickctl status"]
    assert ("hub", HUB_STACK) in stacks(operator)


def test_a_profile_of_another_account_is_refused(operator: Operator) -> None:
    for command in (("uninstall", "--keep-access"), ("bootstrap",)):
        text = operator.call(*command, "--management-profile", "another", code=ExitCode.USAGE).stderr
        assert "nothing was done" in text


def test_one_account_is_paused_and_resumed_by_its_tag(operator: Operator) -> None:
    account, before = operator.connected, ("-o", "json")
    command = json.loads(operator.call(*before, "pause", account).stdout)["command"]
    assert command.endswith(f"--resource-id {account} --tags 'Key=quick-athena,Value=paused'")
    assert operator.status(account) == "connected"
    as_management = ("--management-profile", "management")
    operator.run(HOUR)  # the revocation budget counts by the hour
    operator.call("pause", account, *as_management, **as_both(operator))
    operator.run(300)
    assert operator.status(account) == "quarantined"
    assert "the tag says enabled" in operator.call("resume", account, *as_management, **as_both(operator)).stdout
    operator.run(300)
    assert operator.status(account) == "connected"
    assert (
        "nothing that could be given back" in operator.call("resume", operator.removed, code=ExitCode.NOT_FOUND).stderr
    )


# --- bootstrap


@pytest.fixture
def checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Called in a checkout."""
    monkeypatch.chdir(PROJECT)


def bootstrap(operator: Operator, *arguments: str, code: int) -> dict[str, Any]:
    """The state of each prerequisite, by account and what it is."""
    given = ("-o", "json", "bootstrap", "--management-profile", "management", *arguments)
    found = json.loads(operator.call(*given, code=code, **as_both(operator)).stdout)["prerequisites"]
    return {f"{each['account']}: {each['what']}": each for each in found}


def test_bootstrap_makes_what_is_missing_once_and_keeps_what_others_wrote(operator: Operator, checkout: None) -> None:
    place, theirs = operator.world.cloud.topology, {"Sid": "Theirs", "Effect": "Allow", "Principal": {"AWS": "*"}}
    theirs |= {"Action": "organizations:ListAccounts", "Resource": "*"}
    operator.world.create_trail()
    organizations = clients(operator, "organizations", "us-east-1")["management"]
    organizations.put_resource_policy(Content=json.dumps({"Version": "2012-10-17", "Statement": theirs}))
    organizations.deregister_delegated_administrator(
        AccountId=place.hub, ServicePrincipal="member.org.stacksets.cloudformation.amazonaws.com"
    )
    organizations.disable_aws_service_access(ServicePrincipal="member.org.stacksets.cloudformation.amazonaws.com")
    for client in clients(operator, "iam", "us-east-1").values():
        client.create_role(RoleName="deployer", AssumeRolePolicyDocument=trusting({"AWS": place.hub}))
    operator.session.client("quicksight").delete_group(
        AwsAccountId=place.hub, Namespace="default", GroupName="quick-athena-authors"
    )
    options = ("--hub", place.hub, "--status-tag", STATUS_TAG, "--deployer", "deployer")
    before = bootstrap(operator, *options, code=ExitCode.FAILED)
    assert {each["state"] for each in before.values()} == {"in place", "missing"}
    assert before["hub: the stack quick-onboarding-boundaries"]["state"] == "in place"
    after = bootstrap(operator, *options, "--apply", code=ExitCode.DONE)
    missing = {what for what, each in before.items() if each["state"] == "missing"}
    assert {what for what, each in after.items() if each["state"] == "done"} == missing
    assert len(missing) == 7
    statements = json.loads(organizations.describe_resource_policy()["ResourcePolicy"]["Content"])["Statement"]
    assert [each["Sid"] for each in statements] == ["Theirs", SID]
    assert statements[0] == theirs
    again = bootstrap(operator, *options, "--apply", code=ExitCode.DONE)
    assert {each["state"] for each in again.values()} == {"in place"}


def test_bootstrap_prints_the_commands_of_an_account_it_may_not_look_into(operator: Operator, checkout: None) -> None:
    text = operator.call("bootstrap", code=ExitCode.FAILED).stdout
    hub = operator.world.cloud.topology.hub
    assert "cannot look" in text
    assert f"aws organizations register-delegated-administrator --account-id {hub}" in text


def test_bootstrap_refuses_the_wrong_account_and_the_wrong_folder(
    operator: Operator, checkout: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = operator.world.cloud.topology
    as_management: dict[str, Any] = {"open_session": lambda *_: operator.world.boto3_session(place.management)}
    assert "can't be the hub" in operator.call("bootstrap", code=ExitCode.USAGE, **as_management).stderr
    wrong = operator.call("bootstrap", "--apply", "--hub", operator.connected, code=ExitCode.USAGE).stderr
    assert f"credentials of account {place.hub}, not of {operator.connected}" in wrong
    assert "add --hub" in operator.call("bootstrap", "--apply", code=ExitCode.USAGE).stderr
    monkeypatch.chdir(os.sep)
    assert "in a checkout" in operator.call("bootstrap", code=ExitCode.USAGE).stderr
