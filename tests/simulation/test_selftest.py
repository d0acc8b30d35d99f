"""quickctl selftest in a deployed world: it verifies what the sandbox does, and sees when that is otherwise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from typer.testing import CliRunner

from quickctl.app import app
from quickctl.cli import Surroundings
from quickctl.exits import ExitCode
from quickctl.selftest.check import HIDDEN, NOT_SEEN, OTHERWISE, VERIFIED
from quickctl.selftest.checks import CHECKS
from sandbox.aws.asl import integration
from tests.deployed_hub import world
from tests.integration.sandbox.roles import trusting
from tests.prototypes import derived
from tests.simulation.conftest import Story

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    from sandbox.organization import Sandbox

DAY = 86_400
STACK_SET = "quick-athena-default"
# What a sandbox of a few hours can't show: they need a thousand executions, and weeks.
NEVER_SEEN_HERE = {"pages of executions", "expiry of items"}


class Observed(Story):
    """A hub that writes status tags, and somebody who looks at what AWS does."""

    def hub(self, service: str) -> Any:
        """A client of an administrator of the hub."""
        return self.world.boto3_session(self.world.cloud.topology.hub).client(service)  # type: ignore[call-overload]

    def call(self, *arguments: str, code: int = 0, typed: str = "", sleep: Any = None) -> Result:
        """Type the command; its AWS profile `management` is of the management account."""
        place = self.world.cloud.topology
        accounts = {"management": place.management}

        def session(profile: str | None, _region: str | None) -> Any:
            return self.world.boto3_session(accounts.get(profile or "", place.hub))

        surroundings = Surroundings(open_session=session, now=self.clock.now, sleep=sleep or self.run)
        runner = CliRunner(env={"COLUMNS": "150"})
        result = runner.invoke(app, ["--output", "json", "selftest", *arguments], input=typed, obj=surroundings)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    def found(self, folder: Path, *arguments: str, code: int = 0) -> dict[str, Any]:
        """What was seen of each behaviour."""
        file = str(folder / "report.json")
        result = self.call("--management-profile", "management", "--file", file, *arguments, code=code)
        return {each["check"]: each for each in json.loads(result.stdout)["behaviours"]}

    def connect(self, *names: str) -> list[str]:
        """Accounts that are tagged at once, and the minutes until CloudTrail shows what was done."""
        accounts = [self.member(name) for name in names]
        for each in accounts:
            self.world.tag(each, "enabled")
        self.run()
        self.run(600)
        return accounts

    def meet(self, accounts: list[str]) -> None:
        """Two operations of the stack set, the second while the first one runs, about different accounts."""
        for each in accounts:
            self.hub("cloudformation").update_stack_instances(
                StackSetName=STACK_SET,
                CallAs="DELEGATED_ADMIN",
                DeploymentTargets={
                    "Accounts": [each],
                    "OrganizationalUnitIds": [self.world.organizations.root_id],
                    "AccountFilterType": "INTERSECTION",
                },
                Regions=[self.world.cloud.topology.region],
            )
            self.run(10)
        self.run(600)

    def sweep(self, seconds: float = 1200) -> None:
        """Have everything compared, and drift detected."""
        arn = self.world.outputs["SweepOrganizationArn"]
        self.hub("stepfunctions").start_execution(stateMachineArn=arn, input=json.dumps({"scope": "all"}))
        self.run(seconds)


@derived(world)
def observed(world: Sandbox) -> Observed:
    """The management account lets the hub write status tags."""
    world.deploy(StatusTag="enabled")
    world.organizations.taggers.add(world.cloud.topology.hub)
    return Observed(world)


def test_everything_is_verified_in_a_world_in_which_everything_has_happened(observed: Observed, tmp_path: Path) -> None:
    observed.world.stack_sets.engine.seconds_more = 30
    observed.connect("first")
    accounts = observed.connect("sales", "finance", "audit")
    observed.world.create_account("new")
    observed.meet(accounts[:2])
    observed.sweep()
    found = observed.found(tmp_path)
    assert {name: each["seen"] for name, each in found.items() if each["verdict"] == NOT_SEEN}.keys() == NEVER_SEEN_HERE
    assert {each["verdict"] for name, each in found.items() if name not in NEVER_SEEN_HERE} == {VERIFIED}
    assert found["external id"]["seen"].endswith("times Quick sent exactly the data source's ARN as ExternalId")


# How the sandbox is told to behave otherwise, before or after an account is connected, by the check that has to see it.


def external_id(story: Observed) -> None:
    story.world.quick.assumptions.after_external_id = "/1"
    story.connect("sales")


def role_chain(story: Observed) -> None:
    story.world.quick.assumptions.service = "quick.amazonaws.com"
    story.connect("sales")


def creation(story: Observed) -> None:
    story.world.quick.assumptions.tests_connections = False
    story.connect("sales")


def refusals(story: Observed) -> None:
    story.world.faults.order(
        service="quicksight", operation="CreateDataSource", code="LimitExceededException", message="no more", times=None
    )
    story.connect("sales")


def proof(story: Observed) -> None:
    story.world.quick.spice_is_full = True
    story.connect("sales")


def permissions(story: Observed) -> None:
    story.world.faults.order(
        service="cloudformation",
        operation="CreateStackInstances",
        code="AccessDenied",
        message="User: it is not authorized to perform: cloudformation:CreateStackInstances",
        times=None,
    )
    story.connect("sales")


def coming(story: Observed) -> None:
    def without_account(detail: dict[str, Any]) -> dict[str, Any]:
        return {**detail, "serviceEventDetails": {"joined": {"member": "222233334444"}}}

    story.world.organizations.trail.reshaped["AccountJoinedOrganization"] = without_account
    story.world.create_account("new")
    story.run(900)


def changes(story: Observed) -> None:
    def with_arn(detail: dict[str, Any]) -> dict[str, Any]:
        given = detail["requestParameters"]
        return {**detail, "requestParameters": {"resource": given["resourceId"], "tags": given["tags"]}}

    story.world.organizations.trail.reshaped["TagResource"] = with_arn
    story.connect("sales")


def listing(story: Observed) -> None:
    story.world.organizations.directory.shows_paths = False


def status_tag(story: Observed) -> None:
    story.world.organizations.taggers.clear()
    story.connect("sales")


def boundaries(story: Observed) -> None:
    """CloudFormation of the sandbox always sends it, so somebody makes a role of the hub without one."""
    story.hub("iam").create_role(
        RoleName="quick-onboarding-Bare", AssumeRolePolicyDocument=trusting({"Service": "lambda.amazonaws.com"})
    )
    story.run(600)


def queue(story: Observed) -> None:
    story.world.stack_sets.assumptions.runs_side_by_side = True
    story.meet(story.connect("sales", "finance"))


def answers(story: Observed) -> None:
    story.world.faults.order(
        service="stepfunctions",
        operation="SendTaskSuccess",
        code="TaskTimedOut",
        message="too late",
        seconds=900,
        times=None,
    )
    story.connect("sales")


def early_results(story: Observed) -> None:
    story.world.stack_sets.assumptions.shows_early_results = False
    story.world.stack_sets.engine.seconds_more = 30
    story.connect("first")
    story.connect("sales", "finance", "audit")


def drift(story: Observed) -> None:
    story.connect("sales")
    story.world.stack_sets.engine.seconds_per_instance = 25 * 3600
    story.sweep(26 * 3600)


def error_names(story: Observed) -> None:
    integration.OPTIMISED["dynamodb"] = "DynamoDb"  # of this test's process alone
    story.connect("sales")


def pages(story: Observed) -> None:
    story.connect("sales", "finance")
    story.world.step_functions.largest_page = 1


def expiry(story: Observed) -> None:
    expired = {"N": str(int(story.clock.now().timestamp()) - 5 * DAY)}
    story.hub("dynamodb").put_item(
        TableName=story.world.outputs["RegistryTableName"],
        Item={"pk": {"S": "sweep#old"}, "sk": {"S": "item"}, "expires_at": expired},
    )


def functions_at_once(story: Observed) -> None:
    story.world.functions.at_once = 10


def durations(story: Observed) -> None:
    story.world.iam.propagation_seconds = 3600
    story.connect("sales")


OTHERWISES: dict[str, Callable[[Observed], None]] = {
    "external id": external_id,
    "role chain": role_chain,
    "creation tries the roles": creation,
    "refusals while IAM propagates": refusals,
    "proof": proof,
    "delegated administrator": permissions,
    "accounts that come and go": coming,
    "events of tags and moves": changes,
    "list of accounts": listing,
    "status tag": status_tag,
    "boundary of roles": boundaries,
    "queue of operations": queue,
    "answers to task tokens": answers,
    "early results": early_results,
    "detection of drift": drift,
    "names of errors": error_names,
    "pages of executions": pages,
    "expiry of items": expiry,
    "functions at once": functions_at_once,
    "durations": durations,
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_each_behaviour_is_seen_to_be_otherwise_when_the_sandbox_is(
    observed: Observed, tmp_path: Path, check: Any
) -> None:
    OTHERWISES[check.name](observed)
    found = observed.found(tmp_path, code=ExitCode.FAILED)[check.name]
    assert (found["verdict"], found["do"]) == (OTHERWISE, check.change), found["seen"]


def test_a_report_names_no_account_and_nobody(observed: Observed, tmp_path: Path) -> None:
    (account_id,) = observed.connect("sales-of-example")
    file = tmp_path / "report.yaml"
    observed.call("--file", str(file))
    text = file.read_text(encoding="utf-8")
    place = observed.world.cloud.topology
    organization = observed.world.organizations
    secrets = (account_id, place.hub, place.management, organization.organization_id, organization.root_id)
    assert [each for each in (*secrets, "arn:", "@", "sales-of-example") if each in text] == []
    assert len(yaml.safe_load(text)["behaviours"]) == len(CHECKS)
    assert "can't be written" in observed.call("--file", str(tmp_path), code=ExitCode.USAGE).stderr


def test_one_account_is_connected_watched_and_left_as_it_was(observed: Observed, tmp_path: Path) -> None:
    (other,) = observed.connect("other")
    account_id = observed.member("trial")
    arguments = ("--management-profile", "management", "--file", str(tmp_path / "report.json"), "--with", account_id)
    assert "nothing was done" in observed.call(*arguments, typed="n\n", code=ExitCode.USAGE).stderr
    assert observed.status(account_id) is None
    result = observed.call(*arguments, typed="y\n")
    behaviours = {each["check"]: each for each in json.loads(result.stdout)["behaviours"]}
    assert {behaviours[name]["verdict"] for name in ("external id", "proof", "delegated administrator")} == {VERIFIED}
    assert behaviours["durations"]["seen"].count("of 1") == 5, "of this account's connection alone"
    assert observed.status(account_id) == "quarantined"
    assert observed.status(other) == "connected"
    again = observed.call(*arguments, "--yes", code=ExitCode.USAGE)
    assert "has been connected; nothing was done" in again.stderr


def test_without_the_management_account_it_says_what_to_type_there(observed: Observed, tmp_path: Path) -> None:
    account_id = observed.member("trial")
    tagged: list[float] = []

    def sleep(seconds: float) -> None:
        if not tagged:
            observed.world.tag(account_id, "enabled")
        tagged.append(seconds)
        observed.run(seconds)

    result = observed.call(
        "--file", str(tmp_path / "report.json"), "--with", account_id, code=ExitCode.FAILED, sleep=sleep
    )
    asked = f"--resource-id {account_id} --tags 'Key=quick-athena,Value=enabled'"
    assert f"  aws organizations tag-resource {asked}\n" in result.stderr
    assert f"  aws organizations untag-resource --resource-id {account_id} --tag-keys quick-athena\n" in result.stderr
    assert "waited in vain until its access has ended" in result.stderr, "nobody typed the second command"
    assert "is not as it was: it can still be queried" in result.stderr
    assert json.loads(result.stdout)["counts"][VERIFIED] > 10, "what was seen is reported all the same"
    assert observed.status(account_id) == "connected"


def test_what_may_not_be_looked_at_is_said(observed: Observed, tmp_path: Path) -> None:
    observed.connect("sales")
    observed.world.faults.order(
        service="cloudtrail", operation="LookupEvents", code="AccessDenied", message="not authorized", times=None
    )
    found = observed.found(tmp_path, code=ExitCode.FAILED)
    hidden = {name for name, each in found.items() if each["verdict"] == HIDDEN}
    assert hidden == {
        "external id",
        "role chain",
        "creation tries the roles",
        "refusals while IAM propagates",
        "accounts that come and go",
        "events of tags and moves",
        "status tag",
        "boundary of roles",
    }
    assert "docs/howto/policies/operator.json" in found["external id"]["do"]
