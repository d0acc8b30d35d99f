"""The whole life of an account, with boto3 as the only client and time that moves when it is asked to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.organization import PROJECT
from tests.integration.sandbox.served import start, stop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.sandbox.served import Outside

DAY, HOUR = 86_400, 3600
DELETING = {("quicksight", "DeleteDataSource"), ("cloudformation", "DeleteStackInstances")}
REVOKING = {("iam", "CreatePolicyVersion"), ("iam", "DetachRolePolicy")}


class Life:
    """A served sandbox, and the questions these stories ask of it."""

    def __init__(self, outside: Outside) -> None:
        self.outside, self.hub = outside, outside.accounts["hub"]
        self.members: list[str] = list(outside.accounts["members"])

    def tag(self, account_id: str) -> None:
        """Tag it, and wait until whatever follows has happened."""
        self.outside.tag(account_id)
        self.outside.advance(900)

    def untag(self, account_id: str) -> None:
        """Take the tag away; two minutes pass."""
        self.outside.organizations.untag_resource(ResourceId=account_id, TagKeys=[self.outside.said["opt_in_tag"]])
        self.outside.advance(120)

    def connected(self) -> str:
        """A member that was never touched before, connected."""
        account_id = self.members.pop()
        self.outside.advance(HOUR)  # the revocation budget counts by the hour
        self.tag(account_id)
        assert self.status(account_id) == "connected"
        return account_id

    def record(self, account_id: str) -> dict[str, str]:
        """Its connection's record."""
        client = self.outside.client(self.hub, "dynamodb")
        key: Any = {"pk": {"S": f"account#{account_id}"}, "sk": {"S": "connection#default"}}
        found = client.get_item(TableName=self.outside.said["registry_table"], Key=key).get("Item", {})
        return {name: value["S"] for name, value in found.items() if "S" in value}

    def status(self, account_id: str) -> str:
        """Its status; empty without a record."""
        return self.record(account_id).get("status", "")

    def there(self, account_id: str) -> tuple[bool, bool, bool]:
        """Whether the run-as role may assume its consumer role, its stack instance is there, and its data source."""
        sources = self.outside.client(self.hub, "quicksight").list_data_sources(AwsAccountId=self.hub)["DataSources"]
        ids = [each["DataSourceId"] for each in sources]
        instances = self.outside.client(self.hub, "cloudformation").list_stack_instances(
            StackSetName="quick-athena-default", CallAs="DELEGATED_ADMIN"
        )["Summaries"]
        allowed = any(account_id in entry for entry in self.entries())
        return allowed, account_id in [i["Account"] for i in instances], f"quick-athena-{account_id}-default" in ids

    def entries(self) -> list[str]:
        """The roles the run-as role may assume."""
        iam = self.outside.client(self.hub, "iam")
        found: list[str] = []
        for policy in iam.list_attached_role_policies(RoleName="quick-athena-run-as")["AttachedPolicies"]:
            version = iam.get_policy(PolicyArn=policy["PolicyArn"])["Policy"]["DefaultVersionId"]
            document = iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId=version)["PolicyVersion"]
            for statement in document["Document"]["Statement"]:
                found += [statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"]
        return found

    def stop_daily_sweep(self) -> None:
        """No sweep but one that is started. What time it is when a test runs depends on when all of them began."""
        client = self.outside.client(self.hub, "scheduler")
        schedules = client.list_schedules()["Schedules"]
        (daily,) = [each for each in schedules if "SweepOrganization" in str(each["Target"])]
        found = client.get_schedule(Name=daily["Name"], GroupName=daily["GroupName"])
        names = ("Name", "GroupName", "ScheduleExpression", "FlexibleTimeWindow", "Target")
        client.update_schedule(**{name: found[name] for name in names}, State="DISABLED")

    def calls_since(self, before: int) -> list[tuple[str, str]]:
        """Service and operation of each call since then that went well."""
        fresh = self.outside.calls()[before:]
        return [(each["service"], each["operation"]) for each in fresh if each["outcome"] == "OK"]


@pytest.fixture(scope="module")
def life() -> Iterator[Life]:
    """Nine members that were never tagged."""
    served = start("--accounts", "9")
    yield Life(served)
    stop(served)


ALL, REVOKED, NOTHING = (True, True, True), (False, True, True), (False, False, False)


def test_untagged_it_is_revoked_in_two_minutes_and_gone_after_the_grace_period(life: Life) -> None:
    account_id = life.connected()
    before = len(life.outside.calls())
    life.untag(account_id)
    assert (life.status(account_id), life.there(account_id)) == ("quarantined", REVOKED)
    assert life.record(account_id)["reason"] == "the account has no tag quick-athena"
    for _ in range(7):
        life.outside.advance(DAY)
    assert life.there(account_id) == REVOKED or life.status(account_id) == "removed"
    for _ in range(2):  # the sweep comes once a day
        life.outside.advance(DAY)
    assert (life.status(account_id), life.there(account_id)) == ("removed", NOTHING)
    calls = life.calls_since(before)
    assert set(calls) >= DELETING
    assert min(calls.index(each) for each in DELETING) > min(calls.index(e) for e in REVOKING if e in calls)
    life.tag(account_id)
    assert (life.status(account_id), life.there(account_id)) == ("connected", ALL)


def test_tagged_again_within_the_grace_period_nothing_is_deployed_anew(life: Life) -> None:
    account_id = life.connected()
    life.untag(account_id)
    before = len(life.outside.calls())
    life.tag(account_id)
    assert (life.status(account_id), life.there(account_id)) == ("connected", ALL)
    deployed = {("cloudformation", name) for name in ("CreateStackInstances", "UpdateStackInstances")}
    assert not (deployed | {("quicksight", "CreateDataSource")}) & set(life.calls_since(before))


def test_tag_untag_tag_in_one_breath_ends_connected_once(life: Life) -> None:
    account_id = life.members.pop()
    life.outside.tag(account_id)
    life.outside.organizations.untag_resource(ResourceId=account_id, TagKeys=[life.outside.said["opt_in_tag"]])
    life.tag(account_id)
    assert (life.status(account_id), life.there(account_id)) == ("connected", ALL)
    assert len([entry for entry in life.entries() if account_id in entry]) == 1


def test_a_tagged_unit_connects_who_moves_in_and_quarantines_who_moves_out(life: Life) -> None:
    account_id, organizations = life.members.pop(), life.outside.organizations
    life.outside.advance(HOUR)
    (parent,) = organizations.list_parents(ChildId=account_id)["Parents"]
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name="data")["OrganizationalUnit"]["Id"]
    life.tag(unit)
    assert life.status(account_id) == ""
    organizations.move_account(AccountId=account_id, SourceParentId=parent["Id"], DestinationParentId=unit)
    life.outside.advance(900)
    assert (life.status(account_id), life.there(account_id)) == ("connected", ALL)
    organizations.move_account(AccountId=account_id, SourceParentId=unit, DestinationParentId=parent["Id"])
    life.outside.advance(120)
    assert (life.status(account_id), life.there(account_id)) == ("quarantined", REVOKED)


def test_a_closed_account_loses_access_and_its_stack_is_left_to_it(life: Life) -> None:
    account_id = life.connected()
    life.outside.organizations.close_account(AccountId=account_id)
    life.outside.advance(900)
    assert life.status(account_id) == "quarantined"
    assert life.there(account_id)[0] is False
    assert "PENDING_CLOSURE" in life.record(account_id)["reason"] or "SUSPENDED" in life.record(account_id)["reason"]


def test_an_account_removed_from_the_organization_loses_access(life: Life) -> None:
    account_id = life.connected()
    life.outside.organizations.remove_account_from_organization(AccountId=account_id)
    life.outside.advance(900)
    assert (life.status(account_id), life.there(account_id)[0]) == ("quarantined", False)
    assert life.record(account_id)["reason"] == "the account is not in the organization"


def installed(folder: Path) -> Path:
    """Quickctl as `pip install .` installs it from a checkout, with its dependencies left to this environment."""
    source, target = folder / "source", folder / "target"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "quickctl", "layers/control_plane", "layers/consumer"):
        copy = shutil.copytree if (PROJECT / name).is_dir() else shutil.copy
        (source / name).parent.mkdir(exist_ok=True)
        copy(PROJECT / name, source / name)
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--no-compile", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(source)], check=True, timeout=120)
    return target


def test_the_installed_command_line_says_what_happened(life: Life, tmp_path: Path) -> None:
    account_id = life.connected()
    target, credentials = installed(tmp_path), life.outside.said["credentials"][life.hub]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": str(target),
        "AWS_ENDPOINT_URL": life.outside.said["endpoint_url"],
        "AWS_REGION": life.outside.said["region"],
        **{name.upper(): value for name, value in credentials.items()},
    }

    def quickctl(*arguments: str, code: int = 0) -> str:
        command = [str(target / "bin/quickctl"), *arguments]
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == code, done.stderr
        return done.stdout or done.stderr

    rows = json.loads(quickctl("--output", "json", "status", "--account", account_id))["rows"]
    assert [(each["account_id"], each["state"], each["proof"]) for each in rows] == [
        (account_id, "connected", "queried")
    ]
    assert "in us-east-1 of account" in quickctl("--region", "us-east-1", "status", code=4)


def test_with_every_event_lost_a_sweep_asked_for_by_hand_connects(life: Life) -> None:
    account_id = life.members.pop()
    life.stop_daily_sweep()
    assert life.outside.ask("POST", "/sandbox/events", {"drop": 1.0})[0] == 200
    life.tag(account_id)
    assert life.status(account_id) == ""
    client = life.outside.client(life.hub, "stepfunctions")
    machines = {each["name"]: each["stateMachineArn"] for each in client.list_state_machines()["stateMachines"]}
    client.start_execution(stateMachineArn=machines["SweepOrganization"], input="{}")
    life.outside.advance(900)
    assert (life.status(account_id), life.there(account_id)) == ("connected", ALL)
