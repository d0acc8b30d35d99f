"""From an empty organization on: the first deployment, profiles, settings, an upgrade, a roll-back, the end.

By real clients, from outside: sam builds and deploys, aws tags, quickctl says what is and takes it down. What was
deployed last runs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from sandbox.organization import PROJECT
from tests.commands import program
from tests.integration.sandbox.served import start, stop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.sandbox.served import Outside

SOURCES = ("template.yaml", "samconfig.toml", "stacks", "statemachines", "functions", "layers")
LIMIT = 300  # seconds for one command
HOUR = 3600
UNTAG = ("--tag-keys", "quick-athena", "--resource-id")


class Operator:
    """Somebody with a checkout of their own who changes it and deploys it."""

    def __init__(self, outside: Outside, home: Path) -> None:
        self.outside, self.home = outside, home
        self.hub, self.management = outside.accounts["hub"], outside.accounts["management"]
        for name in SOURCES:
            copy = shutil.copytree if (PROJECT / name).is_dir() else shutil.copy
            copy(PROJECT / name, home / name)

    def run(self, name: str, account: str, *arguments: str, code: int = 0) -> str:
        """Run a command as an administrator of the account; what it prints."""
        keys = self.outside.said["credentials"]
        environment = {
            "AWS_SHARED_CREDENTIALS_FILE": str(self.home / "credentials"),
            "AWS_PROFILE": account,
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "AWS_ENDPOINT_URL": self.outside.said["endpoint_url"],
            "AWS_DEFAULT_REGION": self.outside.said["region"],
            "AWS_REGION": self.outside.said["region"],
            "SAM_CLI_POLL_DELAY": "0.2",
            "SAM_CLI_TELEMETRY": "0",
        }
        profiles = [f"[{each}]\n" + "".join(f"{k} = {v}\n" for k, v in keys[each].items()) for each in keys]
        (self.home / "credentials").write_text("\n".join(profiles), encoding="utf-8")
        done = subprocess.run(
            [program(name), *arguments], env=environment, cwd=self.home, check=False,
            capture_output=True, text=True, timeout=LIMIT,
        )  # fmt: skip
        assert done.returncode == code, f"{arguments}\n{done.stdout[-3_000:]}\n{done.stderr[-3_000:]}"
        return done.stdout

    def sam(self, account: str, *arguments: str) -> str:
        """Run sam; it must succeed."""
        return self.run("sam", account, *arguments)

    def tag(self, account: str, value: str = "enabled") -> None:
        """As the guide says it, with the real aws command."""
        arguments = ("--resource-id", account, "--tags", f"Key=quick-athena,Value={value}")
        self.run("aws", self.management, "organizations", "tag-resource", *arguments)

    def quickctl(self, *arguments: str, code: int = 0) -> Any:
        """What quickctl answers a program."""
        return json.loads(self.run("quickctl", self.hub, "--output", "json", *arguments, code=code))

    def deploy(self, **settings: str) -> str:
        """The hub, as the checkout is now and samconfig.toml has it; what sam prints."""
        self.sam(self.hub, "build")
        organizations = self.outside.organizations
        parameters = {
            "ManagementAccountId": self.management,
            "ForwardingAccounts": self.management,
            "OrganizationId": organizations.describe_organization()["Organization"]["Id"],
            "OrganizationRootId": organizations.list_roots()["Roots"][0]["Id"],
            **settings,
        }
        given = [f"{name}={value}" for name, value in parameters.items()]
        options = ("--no-confirm-changeset", "--no-fail-on-empty-changeset")
        return self.sam(self.hub, "deploy", *options, "--parameter-overrides", *given)

    def forward(self) -> None:
        """The rule in the management account."""
        bus = f"HubBusArn={self.outputs()['HubBusArn']}"
        arguments = ["--config-env", "forwarding", "--no-confirm-changeset", "--no-fail-on-empty-changeset"]
        self.sam(self.management, "deploy", *arguments, "--parameter-overrides", bus)

    def write_profile(self, name: str) -> None:
        """One more profile, like the default one."""
        path = self.home / "layers/consumer/profiles.yaml"
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
        read["profiles"][name] = read["profiles"]["default"]
        path.write_text(yaml.safe_dump(read), encoding="utf-8")

    def roll_back(self) -> None:
        """The profiles as they were."""
        shutil.copy(PROJECT / "layers/consumer/profiles.yaml", self.home / "layers/consumer/profiles.yaml")

    def outputs(self) -> dict[str, str]:
        """The hub stack's."""
        cloudformation = self.outside.client(self.hub, "cloudformation")
        stack = cloudformation.describe_stacks(StackName="quick-onboarding")["Stacks"][0]
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    def record(self, account: str, sort_key: str) -> dict[str, Any]:
        """One item of the account in the registry."""
        table = self.outputs()["RegistryTableName"]
        key = {"pk": {"S": f"account#{account}"}, "sk": {"S": sort_key}}
        item = self.outside.client(self.hub, "dynamodb").get_item(TableName=table, Key=key).get("Item", {})
        return {name: next(iter(value.values())) for name, value in item.items()}

    def status(self, account: str, profile: str = "default") -> str | None:
        """How its connection is."""
        return self.record(account, f"connection#{profile}").get("status")

    def delete(self) -> None:
        """As the guide's last section says: nobody has access any more, then the stacks may go."""
        forwarding = ["--stack-name", "quick-onboarding-forwarding", "--region", "us-east-1"]
        self.sam(self.management, "delete", "--no-prompts", *forwarding)
        iam, role = self.outside.client(self.hub, "iam"), "quick-athena-run-as"
        for shard in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=role, PolicyArn=shard["PolicyArn"])
        self.sam(self.hub, "delete", "--no-prompts", "--stack-name", "quick-onboarding")

    def stacks(self, account: str) -> set[str]:
        """The names of an account's stacks, in both Regions that have some of ours."""
        found = set()
        for region in ("us-east-1", self.outside.said["region"]):
            answer = json.loads(self.run("aws", account, "cloudformation", "describe-stacks", "--region", region))
            found |= {each["StackName"] for each in answer["Stacks"]}
        return found

    def operations_on(self, account: str) -> int:
        """How many operations of the profile's stack set an account was part of."""
        client, named = self.outside.client(self.hub, "cloudformation"), {"StackSetName": "quick-athena-default"}
        named["CallAs"] = "DELEGATED_ADMIN"
        operations = [each["OperationId"] for each in client.list_stack_set_operations(**named)["Summaries"]]
        results = [client.list_stack_set_operation_results(OperationId=each, **named) for each in operations]
        return sum(account in [each["Account"] for each in found["Summaries"]] for found in results)

    def untag(self, account: str) -> None:
        """Take the opt-in tag away."""
        self.outside.organizations.untag_resource(ResourceId=account, TagKeys=[self.outside.said["opt_in_tag"]])

    def executions(self, status: str) -> list[str]:
        """Names of executions of every machine."""
        states = self.outside.client(self.hub, "stepfunctions")
        machines = [each["stateMachineArn"] for each in states.list_state_machines()["stateMachines"]]
        found = [states.list_executions(stateMachineArn=each, statusFilter=status)["executions"] for each in machines]
        return [execution["name"] for executions in found for execution in executions]


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    outside = start("--empty", "--accounts", "5")
    yield Operator(outside, tmp_path_factory.mktemp("checkout"))
    stop(outside)


def test_what_was_deployed_last_runs(operator: Operator) -> None:
    first, second, third, fourth, fifth = operator.outside.accounts["members"]
    operator.deploy()
    operator.forward()
    operator.outside.advance(60)  # new roles' policies take a moment, and time stands still meanwhile
    operator.tag(first)
    operator.outside.advance(600)
    (row,) = operator.quickctl("status")["rows"]
    assert (row["account_id"], row["state"], row["proof"]) == (first, "connected", "queried")
    assert "No changes to deploy" in operator.deploy()
    _upgrade(operator, connected=first, in_progress=second, to_come=third)
    _roll_back(operator, connected=second, to_come=fourth)
    _start_again(operator, to_come=fifth)
    _uninstall(operator, connected=fifth)


def _upgrade(operator: Operator, connected: str, in_progress: str, to_come: str) -> None:
    """A new profile and a new setting, both in force at once; what is under way comes to its end."""
    operator.outside.tag(in_progress)
    for _ in range(30):
        operator.outside.advance(1)
        if operator.executions("RUNNING"):
            break
    assert operator.executions("RUNNING")
    before = operator.operations_on(connected)
    operator.write_profile("extra")
    operator.deploy(GracePeriodDays="0")
    operator.outside.tag(to_come, "extra")
    operator.outside.advance(900)
    assert operator.operations_on(connected) == before  # it has nothing of what was changed
    operator.untag(connected)
    operator.outside.advance(900)
    assert (operator.status(in_progress), operator.status(to_come, "extra")) == ("connected", "connected")
    assert operator.status(connected) == "removed"  # no days of grace
    assert not operator.executions("FAILED")


def _roll_back(operator: Operator, connected: str, to_come: str) -> None:
    """Neither the profile nor the setting."""
    operator.roll_back()
    operator.deploy(GracePeriodDays="7")
    operator.outside.tag(to_come, "extra")
    operator.untag(connected)
    operator.outside.advance(900)
    assert "UnknownProfile" in str(operator.record(to_come, "connection#extra"))
    assert operator.status(connected) == "quarantined"


def _start_again(operator: Operator, to_come: str) -> None:
    """Delete everything and deploy it anew, into an organization that was in use."""
    operator.delete()
    operator.write_profile("extra")
    operator.deploy(GracePeriodDays="0")
    operator.forward()
    operator.outside.advance(60)
    operator.outside.tag(to_come, "extra")
    operator.outside.advance(900)
    assert operator.status(to_come, "extra") == "connected"


def _uninstall(operator: Operator, connected: str) -> None:
    """Without any connection left: nothing is left but what is named."""
    operator.outside.advance(HOUR)  # the revocation budget counts by the hour
    for account in operator.outside.accounts["members"]:
        operator.run("aws", operator.management, "organizations", "untag-resource", *UNTAG, account)
    operator.outside.advance(900)
    assert operator.status(connected, "extra") == "removed"
    operator.quickctl("sweep", "--no-wait")  # what the registry before this one knew
    operator.outside.advance(HOUR)
    answer = operator.quickctl("uninstall", "--remove-access", "--yes", "--management-profile", operator.management)
    assert (answer["finished"], answer["remaining"]) == (True, [])
    named = " ".join(each["what"] for each in answer["retained"])
    stacks = {name for account in (operator.hub, operator.management) for name in operator.stacks(account)}
    assert stacks == {"aws-sam-cli-managed-default"}
    hub = operator.outside.client(operator.hub, "dynamodb")
    tables = hub.list_tables()["TableNames"]
    assert [name in named for name in tables].count(True) == 1  # the other one is of the deployment before
    assert len(tables) == 2
    roles = operator.outside.client(operator.hub, "iam").list_roles()["Roles"]
    assert not [each for each in roles if each["RoleName"].startswith("quick-")]
    assert all(each in named for each in stacks)
