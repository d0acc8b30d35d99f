"""Broken worlds: doctor names what is broken, and after the command that it prints the finding is gone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from quickctl.app import app
from quickctl.cli import Surroundings
from quickctl.doctor.checks import CHECKS
from quickctl.exits import ExitCode
from sandbox.aws.identity import KeepingSession
from sandbox.organization import PROJECT, Sandbox
from tests.contract import project
from tests.deployed_hub import world
from tests.integration.sandbox.roles import trusting
from tests.prototypes import derived, directory
from tests.shell import MANAGEMENT, Shell
from tests.simulation.conftest import Story

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

RULE = {"Name": "quick-onboarding-account-events", "EventBusName": "quick-onboarding"}
FORWARD, RUN_AS = "quick-onboarding-forward", "quick-athena-run-as"
SHARD = "arn:aws:iam::444455556666:policy/quick-athena/quick-athena-access-1"
TRAIL = "organization"
STACK_SETS = "member.org.stacksets.cloudformation.amazonaws.com"
ANYBODY = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
DAY = 86_400
SET = {"EMAIL": "platform@example.com", "TRAIL_BUCKET": "trail-111122223333", "MANAGEMENT_PROFILE": MANAGEMENT}


class Clinic(Story):
    """A hub that somebody cares for: a connected account, a subscriber, a trail, a sweep that ended."""

    def __init__(self, world: Sandbox) -> None:
        super().__init__(world)
        self._shell = Shell(world, self._quickctl, directory("shell"))
        world.create_trail()
        self.connected = self.tagged("connected")
        topic = world.outputs["NotificationsTopicArn"]
        self.hub("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="platform@example.com")
        self._quickctl(["sweep"])
        assert self.findings("--management-profile", MANAGEMENT) == []  # and every test has the clients it needs

    def hub(self, service: str) -> Any:
        """A client of an administrator of the hub."""
        session: Any = self.world.boto3_session(self.world.cloud.topology.hub)
        return session.client(service)

    def management(self, service: str) -> Any:
        """A client of an administrator of the management account, where Organizations' events are."""
        session: Any = self.world.boto3_session(self.world.cloud.topology.management)
        return session.client(service, "us-east-1")

    def made(self, logical_id: str) -> str:
        """The physical id of what the hub's stack made."""
        named = {"StackName": "quick-onboarding", "LogicalResourceId": logical_id}
        found = self.hub("cloudformation").describe_stack_resource(**named)["StackResourceDetail"]
        return str(found["PhysicalResourceId"])

    def call(self, *arguments: str, **surroundings: Any) -> Any:
        """Type a command of quickctl."""

        def open_session(profile: str | None, _region: str | None) -> Any:
            place = self.world.cloud.topology
            return self.world.boto3_session(place.management if profile == MANAGEMENT else place.hub)

        given = {"open_session": open_session, "now": self.clock.now, "sleep": self.run, **surroundings}
        result = CliRunner().invoke(app, arguments, input="y\n", obj=Surroundings(**given))
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def findings(self, *arguments: str, **surroundings: Any) -> list[dict[str, Any]]:
        """What doctor found but what is fine."""
        result = self.call("-o", "json", "doctor", *arguments, **surroundings)
        found = json.loads(result.stdout)["findings"]
        fails = any(each["verdict"] in ("wrong", "denied") for each in found)
        assert result.exit_code == (ExitCode.FAILED if fails else ExitCode.DONE)
        return [each for each in found if each["verdict"] != "fine"]

    def mend(self, finding: Mapping[str, Any]) -> None:
        """Run what doctor printed."""
        self._shell.run(finding["mend"], {name: SET[name] for name in _variables(finding)})

    def _quickctl(self, arguments: list[str]) -> None:
        result = self.call(*arguments)
        assert result.exit_code == ExitCode.DONE, (arguments, result.output)


def _variables(finding: Mapping[str, Any]) -> list[str]:
    return [each.partition(":")[0] for each in finding["needs"]]


@derived(world)
def clinic(world: Sandbox) -> Clinic:
    """The deployed hub."""
    return Clinic(world)


def test_where_all_is_well_every_check_says_so(clinic: Clinic) -> None:
    result = clinic.call("-o", "json", "doctor", "--management-profile", MANAGEMENT)
    found = json.loads(result.stdout)["findings"]
    assert result.exit_code == ExitCode.DONE
    assert {each["check"] for each in found} == {each.name for each in CHECKS}
    assert {(each["verdict"], each["mend"]) for each in found} == {("fine", "")}


def test_one_thing_can_be_checked_alone(clinic: Clinic) -> None:
    disable_the_rule(clinic)
    unsubscribe(clinic)
    assert [each["check"] for each in clinic.findings("--only", "rule")] == ["rule"]
    assert "is no check: stack, roles" in clinic.call("doctor", "--only", "rules").stderr.replace("\n", " ")


# Worlds and who breaks them ----------------------------------------------------------------------------------------


def disable_the_rule(clinic: Clinic) -> None:
    clinic.hub("events").disable_rule(**RULE)


def delete_the_rule(clinic: Clinic) -> None:
    events = clinic.hub("events")
    events.remove_targets(Rule=RULE["Name"], EventBusName=RULE["EventBusName"], Ids=["RouteEvent"])
    events.delete_rule(**RULE)


def narrow_the_rule(clinic: Clinic) -> None:
    clinic.hub("events").put_rule(**RULE, EventPattern=json.dumps({"source": ["aws.organizations"]}))


def close_the_bus(clinic: Clinic) -> None:
    clinic.hub("events").remove_permission(EventBusName="quick-onboarding", StatementId="ForwardingAccounts")


def aim_at_another_account(clinic: Clinic) -> None:
    events = clinic.management("events")
    (target,) = events.list_targets_by_rule(Rule=FORWARD)["Targets"]
    other = target["Arn"].replace(clinic.world.cloud.topology.hub, "999988887777")
    events.put_targets(Rule=FORWARD, Targets=[{**target, "Arn": other}])


def forward_for_another_hub(clinic: Clinic) -> None:
    stack = {"StackName": "quick-onboarding-forwarding", "UsePreviousTemplate": True}
    other = clinic.world.outputs["HubBusArn"].replace("eu-west-1", "eu-central-1")
    parameters = [{"ParameterKey": "HubBusArn", "ParameterValue": other}]
    cloudformation = clinic.management("cloudformation")
    cloudformation.update_stack(**stack, Parameters=parameters, Capabilities=["CAPABILITY_IAM"])
    clinic.run(60)


def delete_the_forwarding_rule(clinic: Clinic) -> None:
    events = clinic.management("events")
    events.remove_targets(Rule=FORWARD, Ids=["HubBus"])
    events.delete_rule(Name=FORWARD)


def take_the_forwarding_rules_permission(clinic: Clinic) -> None:
    events, iam = clinic.management("events"), clinic.management("iam")
    (target,) = events.list_targets_by_rule(Rule=FORWARD)["Targets"]
    iam.delete_role_policy(RoleName=target["RoleArn"].split("/")[-1], PolicyName="PutEventsOnTheHubBus")


def turn_the_trail_off(clinic: Clinic) -> None:
    clinic.management("cloudtrail").stop_logging(Name=TRAIL)


def have_the_trail_log_reads_only(clinic: Clinic) -> None:
    selectors = [{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}]
    clinic.management("cloudtrail").put_event_selectors(TrailName=TRAIL, EventSelectors=selectors)


def delete_the_trail(clinic: Clinic) -> None:
    clinic.management("cloudtrail").delete_trail(Name=TRAIL)


def trust_anybody(clinic: Clinic) -> None:
    document = json.dumps({"Version": "2012-10-17", **ANYBODY})
    clinic.hub("iam").update_assume_role_policy(RoleName=RUN_AS, PolicyDocument=document)


def take_a_boundary(clinic: Clinic) -> None:
    clinic.hub("iam").delete_role_permissions_boundary(RoleName=clinic.made("EnsureAccessFunctionRole"))


def detach_the_access_policy(clinic: Clinic) -> None:
    clinic.hub("iam").detach_role_policy(RoleName=RUN_AS, PolicyArn=SHARD)


def rewrite_the_access_policy(clinic: Clinic) -> None:
    iam = clinic.hub("iam")
    for _ in range(5 - len(iam.list_policy_versions(PolicyArn=SHARD)["Versions"])):  # IAM keeps five
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": clinic.role(clinic.connected)}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.create_policy_version(PolicyArn=SHARD, PolicyDocument=document, SetAsDefault=True)


def replace_an_entry(clinic: Clinic) -> None:
    clinic.tagged("another")
    iam = clinic.hub("iam")
    version = iam.get_policy(PolicyArn=SHARD)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=SHARD, VersionId=version)["PolicyVersion"]["Document"]
    document["Statement"][0]["Resource"].remove(clinic.role(clinic.connected))
    iam.create_policy_version(PolicyArn=SHARD, PolicyDocument=json.dumps(document), SetAsDefault=True)


def fill_the_access_policy(clinic: Clinic) -> None:
    """Others attach all the policies that a role may have besides ours, and ours is full."""
    iam = clinic.hub("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
    for number in range(19):
        arn = iam.create_policy(PolicyName=f"theirs-{number}", PolicyDocument=document)["Policy"]["Arn"]
        iam.attach_role_policy(RoleName=RUN_AS, PolicyArn=arn)
    clinic.add_entries(*(clinic.role(f"{number:012}") for number in range(1, 109)))


def delete_a_group(clinic: Clinic) -> None:
    hub = clinic.world.cloud.topology.hub
    clinic.hub("quicksight").delete_group(AwsAccountId=hub, Namespace="default", GroupName="quick-athena-owners")


def stop_a_reconcile(clinic: Clinic) -> None:
    """The execution that holds an account's claim ends without giving it back."""
    clinic.world.tag(clinic.member("late"), "enabled")
    clinic.run(20)
    clinic.hub("stepfunctions").stop_execution(executionArn=clinic.last.arn)


def withdraw_the_administrator(clinic: Clinic) -> None:
    hub = clinic.world.cloud.topology.hub
    organizations = clinic.management("organizations")
    organizations.deregister_delegated_administrator(AccountId=hub, ServicePrincipal=STACK_SETS)


def withdraw_trusted_access(clinic: Clinic) -> None:
    clinic.management("organizations").disable_aws_service_access(ServicePrincipal=STACK_SETS)


def deploy_other_profiles(clinic: Clinic) -> None:
    """The stack set has what another version of the file said."""
    cloudformation = clinic.hub("cloudformation")
    named = {"StackSetName": "quick-athena-default", "CallAs": "DELEGATED_ADMIN"}
    found = cloudformation.describe_stack_set(**named)["StackSet"]
    values = {each["ParameterKey"]: each["ParameterValue"] for each in found["Parameters"]}
    values["DatabaseArns"] = values["DatabaseArns"].replace("quick", "older")
    parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
    given = {"Parameters": parameters, "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    cloudformation.update_stack_set(**named, **given, UsePreviousTemplate=True)
    clinic.run(300)


def disable_a_schedule(clinic: Clinic) -> None:
    scheduler = clinic.hub("scheduler")
    found = scheduler.get_schedule(Name=clinic.made("SweepDaily"))
    given = {key: found[key] for key in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
    scheduler.update_schedule(**given, State="DISABLED")


def delete_a_schedule(clinic: Clinic) -> None:
    clinic.hub("scheduler").delete_schedule(Name=clinic.made("WatchSchedule"))


def unsubscribe(clinic: Clinic) -> None:
    sns = clinic.hub("sns")
    for each in sns.list_subscriptions()["Subscriptions"]:
        sns.unsubscribe(SubscriptionArn=each["SubscriptionArn"])


def leave_an_event_undelivered(clinic: Clinic) -> None:
    _send(clinic.hub("sqs"), clinic.world.outputs["UndeliveredEventsUrl"])


def leave_an_event_behind(clinic: Clinic) -> None:
    stack = {"StackName": "quick-onboarding-forwarding", "LogicalResourceId": "UndeliveredEvents"}
    found = clinic.management("cloudformation").describe_stack_resource(**stack)["StackResourceDetail"]
    _send(clinic.management("sqs"), found["PhysicalResourceId"])


def _send(sqs: Any, url: str) -> None:
    text = (PROJECT / "events/organizations/tag_resource.opt_in.json").read_text(encoding="utf-8")
    sqs.send_message(QueueUrl=url, MessageBody=text)


def leave_a_run_failed(clinic: Clinic) -> None:
    clinic.hub("sqs").send_message(QueueUrl=clinic.world.outputs["FailedRunsUrl"], MessageBody="{}")


def let_days_pass(clinic: Clinic) -> None:
    scheduler = clinic.hub("scheduler")
    for each in scheduler.list_schedules()["Schedules"]:
        found = scheduler.get_schedule(Name=each["Name"])
        given = {key: found[key] for key in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
        scheduler.update_schedule(**given, State="DISABLED")
    clinic.run(3 * DAY)


def stop_the_roll_out(clinic: Clinic) -> None:
    clinic.call("pause", "default", "--reason", "queries fail")


def send_what_nobody_can_read(clinic: Clinic) -> None:
    clinic.route({"detail": {"eventName": "MoveAccount", "requestParameters": {}}})
    clinic.run(300)


def forbid_the_status_tag(clinic: Clinic) -> None:
    clinic.world.deploy(StatusTag="enabled")


def list_values_in_a_tag_policy(clinic: Clinic) -> None:
    tag = {"tag_key": {"@@assign": "Quick-Athena"}, "tag_value": {"@@assign": ["enabled"]}}
    other = {"tag_key": {"@@assign": "cost-center"}}
    organizations = clinic.management("organizations")
    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.enable_policy_type(RootId=root, PolicyType="TAG_POLICY")
    content = json.dumps({"tags": {"quick-athena": tag, "cost-center": other}})
    organizations.create_policy(Name="tags", Description="", Type="TAG_POLICY", Content=content)


# Who breaks the world, the check that sees it, and words of what it says. Those in one list do it at the same time.
WORLDS: Mapping[str, Sequence[tuple[Callable[[Clinic], None], str, str]]] = {
    "something is switched off": (
        (disable_the_rule, "rule", "is disabled"),
        (aim_at_another_account, "forwarding", "arn:aws:events:eu-west-1:999988887777:event-bus/quick-onboarding, not"),
        (turn_the_trail_off, "trail", "is off"),
        (disable_a_schedule, "schedules", "is disabled"),
        (close_the_bus, "bus", "takes no events of account 111122223333"),
        (unsubscribe, "subscribers", "nobody subscribes"),
    ),
    "something is deleted": (
        (delete_the_rule, "rule", "is gone"),
        (delete_the_forwarding_rule, "forwarding", "is gone"),
        (delete_the_trail, "trail", "no trail logs"),
        (delete_a_schedule, "schedules", "is gone"),
        (delete_a_group, "quick", "no group quick-athena-owners, which the profile default names"),
    ),
    "something is another one": (
        (narrow_the_rule, "rule", "another pattern"),
        (forward_for_another_hub, "forwarding", "belongs to another hub"),
        (have_the_trail_log_reads_only, "trail", "logs no management events that change something"),
        (list_values_in_a_tag_policy, "tag policies", "wants the tag Quick-Athena"),
        (trust_anybody, "roles", "the trust policy of the role quick-athena-run-as"),
    ),
    "a permission is gone": (
        (take_a_boundary, "roles", "the permissions boundary of the role quick-onboarding-EnsureAccessFunctionRole-"),
        (detach_the_access_policy, "access policy", "is not attached to quick-athena-run-as"),
        (take_the_forwarding_rules_permission, "forwarding", "may not put events"),
        (withdraw_the_administrator, "delegated administrator", "is no delegated administrator"),
        (withdraw_trusted_access, "trusted access", "has no trusted access"),
    ),
    "something waits": (
        (stop_the_roll_out, "roll-outs", "are stopped: queries fail"),
        (leave_an_event_undelivered, "queues", "1 events could not be delivered"),
        (leave_an_event_behind, "forwarding queue", "1 events could not be delivered"),
        (leave_a_run_failed, "queues", "1 scheduled runs failed"),
        (send_what_nobody_can_read, "records", "1 events are kept"),
    ),
    "the access policy is rewritten": ((rewrite_the_access_policy, "access policy", "its statement is another one"),),
    "an entry is replaced": ((replace_an_entry, "access policy", "1 connected accounts are missing"),),
    "the access policy is full": ((fill_the_access_policy, "capacity", "% of the access policy are used"),),
    "a claim is stale": ((stop_a_reconcile, "claims", "is claimed by an execution that is ABORTED"),),
    "the profiles are others": ((deploy_other_profiles, "profiles", "profiles.yaml says: DatabaseArns"),),
    "days pass": ((let_days_pass, "sweep", "the last sweep ended 3 d ago"),),
    "the status tag is forbidden": (
        (forbid_the_status_tag, "resource policy", "does not let the hub write its status tag"),
    ),
}


@pytest.mark.parametrize("broken", WORLDS.values(), ids=WORLDS)
def test_what_is_broken_is_named_and_mended_by_what_is_printed(
    clinic: Clinic, broken: Sequence[tuple[Callable[[Clinic], None], str, str]]
) -> None:
    for break_it, *_ in broken:
        break_it(clinic)
    clinic.world.iam.settle()
    found = clinic.findings("--management-profile", MANAGEMENT)
    for _, check, says in broken:
        (finding,) = [each for each in found if each["check"] == check and says in each["what"]]
        assert finding["why"]
        clinic.mend(finding)
    clinic.world.iam.settle()
    left = clinic.findings("--management-profile", MANAGEMENT)
    for _, check, says in broken:
        assert [each for each in left if each["check"] == check and says in each["what"]] == []


# What it may look at -------------------------------------------------------------------------------------------------


def test_without_a_profile_of_the_management_account_it_says_what_it_can_not_see(clinic: Clinic) -> None:
    delete_the_trail(clinic)
    found = clinic.findings()
    assert {each["check"] for each in found} == {each.name for each in CHECKS if each.place == MANAGEMENT}
    assert {each["verdict"] for each in found} == {"cannot look"}
    assert all(each["what"].startswith("the last organization event came ") for each in found)
    assert [each["check"] for each in _after(clinic, found[0])] == ["trail"]
    text = clinic.call("doctor").stdout
    assert text.count('quickctl doctor --management-profile "$MANAGEMENT_PROFILE"') == 1
    assert "set MANAGEMENT_PROFILE: an AWS profile of the management account" in text


def _after(clinic: Clinic, finding: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What doctor finds when it is called as a finding says."""
    words = finding["mend"].replace('"$MANAGEMENT_PROFILE"', MANAGEMENT).split()
    return clinic.findings(*words[2:])


def test_who_may_only_read_the_management_account_sees_everything_there(clinic: Clinic) -> None:
    list_values_in_a_tag_policy(clinic)
    have_the_trail_log_reads_only(clinic)
    clinic.world.deploy(StatusTag="enabled")
    text = (PROJECT / "docs/howto/policies/doctor-management.json").read_text(encoding="utf-8")
    found, used = _seen_with(clinic, text)
    assert {each["check"]: each["verdict"] for each in found} == {
        "resource policy": "wrong",
        "tag policies": "warning",
        "trail": "wrong",
    }
    assert used == project.actions(*json.loads(text)["Statement"])


def test_a_permission_that_is_missing_in_the_management_account_is_a_finding(clinic: Clinic) -> None:
    statement = {"Effect": "Allow", "Action": "organizations:DescribeResourcePolicy", "Resource": "*"}
    found, _ = _seen_with(clinic, json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    assert {each["verdict"] for each in found} == {"denied"}
    assert {each["check"] for each in found} == {
        "trusted access", "tag policies", "trail", "forwarding", "forwarding queue",
    }  # fmt: skip
    (mend,) = {each["mend"] for each in found}
    policy = "--policy-document file://docs/howto/policies/doctor-management.json"
    assert mend.startswith(
        f"aws iam put-role-policy --role-name reader --policy-name quickctl-doctor-management {policy}"
    )


def _seen_with(clinic: Clinic, policy: str) -> tuple[list[dict[str, Any]], set[str]]:
    """What doctor finds when the management account's profile is of somebody with that policy, and what it used."""
    management, cloud = clinic.world.cloud.topology.management, clinic.world.cloud
    iam = clinic.management("iam")
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument=trusting({"AWS": management}))
    iam.put_role_policy(RoleName="reader", PolicyName="reader", PolicyDocument=policy)
    clinic.world.iam.settle()
    role = clinic.world.iam.documents_of(f"arn:aws:iam::{management}:role/reader")
    assert role
    credentials: Any = cloud.identities.role_session(role.principal).credentials()
    reader = KeepingSession(region_name=cloud.topology.region, **credentials)
    hub = clinic.world.boto3_session(cloud.topology.hub)

    def open_session(profile: str | None, _region: str | None) -> Any:
        return reader if profile == MANAGEMENT else hub

    before = len(cloud.gateway.log.entries)
    found = clinic.findings("--management-profile", MANAGEMENT, open_session=open_session)
    calls = [each for each in cloud.gateway.log.entries[before:] if each.role.endswith("/reader")]
    return found, {f"{each.service}:{each.operation}" for each in calls} - {"sts:GetCallerIdentity"}
