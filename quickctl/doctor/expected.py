"""What the templates deploy, as AWS describes it: doctor compares it with what is there. Pure.

tests/contract/test_doctor.py compares it with template.yaml and stacks/forwarding.yaml.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quickctl.deployment import Deployment

ACCOUNT_EVENTS, FORWARD = "quick-onboarding-account-events", "quick-onboarding-forward"
DEFAULT_BUS = "default"
PUT_EVENTS = "PutEventsOnTheHubBus"  # the policy in the role of the forwarding rule
SUFFIXES = ("", ":expires", ":workgroup", ":databases", ":buckets", ":groups")  # of the opt-in tag's key
RUN_AS = "RunAsRole"  # how the logical ids of the run-as roles begin
SOURCES = {
    "source": ["aws.organizations", "aws.controltower"],
    "detail-type": ["AWS API Call via CloudTrail", "AWS Service Event via CloudTrail"],
}
COMPLETED = {
    "CreateAccountResult": "createAccountStatus",
    "CreateManagedAccount": "createManagedAccountStatus",
    "UpdateManagedAccount": "updateManagedAccountStatus",
}  # events that also tell of failures, and where their outcome is
MOVED = (
    "AccountJoinedOrganization",
    "AccountDepartedOrganization",
    "CloseAccountResult",
    "MoveAccount",
    "RemoveAccountFromOrganization",
)


@dataclass(frozen=True)
class Place:
    """An account and a Region, in which names become ARNs."""

    partition: str
    region: str
    account_id: str

    def role(self, name: str) -> str:
        """A role's ARN."""
        return f"arn:{self.partition}:iam::{self.account_id}:role/{name}"

    def policy(self, name: str) -> str:
        """A managed policy's ARN; its name with its path."""
        return f"arn:{self.partition}:iam::{self.account_id}:policy/{name}"

    def function(self, name: str) -> str:
        """A function's ARN."""
        return f"arn:{self.partition}:lambda:{self.region}:{self.account_id}:function:{name}"

    def queue(self, url: str) -> str:
        """The ARN of the queue with that URL."""
        return f"arn:{self.partition}:sqs:{self.region}:{self.account_id}:{url.rsplit('/', 1)[-1]}"


@dataclass(frozen=True)
class Role:
    """A role with its permissions boundary, and who may assume it; None: that is not compared."""

    name: str
    boundary: str
    trust: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Rule:
    """A rule of EventBridge with its one target."""

    name: str
    bus: str
    description: str
    pattern: Mapping[str, Any]
    target: Mapping[str, Any]


@dataclass(frozen=True)
class Schedule:
    """A schedule of EventBridge Scheduler."""

    name: str
    expression: str
    window: Mapping[str, Any]
    target: Mapping[str, Any] = field(default_factory=dict)


def place_of(deployment: Deployment) -> Place:
    """Where the hub is."""
    return Place(deployment.partition, deployment.region, deployment.account_id)


def account_events(deployment: Deployment, resources: Mapping[str, str]) -> Rule:
    """The hub's rule: what starts RouteEvent. `resources`: physical ids by logical ids."""
    place = place_of(deployment)
    succeeded = [
        {"eventName": [name], "serviceEventDetails": {status: {"state": ["SUCCEEDED"]}}}
        for name, status in COMPLETED.items()
    ]
    return Rule(
        name=ACCOUNT_EVENTS,
        bus=deployment.output("HubBusArn").rsplit("/", 1)[-1],
        description="Every event that may change what an account is to have starts RouteEvent, with the whole event.",
        pattern=_pattern(deployment.opt_in_policy.opt_in_tag, [*succeeded, {"eventName": list(MOVED)}]),
        target={
            "Id": "RouteEvent",
            "Arn": deployment.output("RouteEventArn"),
            "RoleArn": place.role(resources["StartRouteRole"]),
            "DeadLetterConfig": {"Arn": place.queue(deployment.output("UndeliveredEventsUrl"))},
        },
    )


def forwarding(place: Place, bus_arn: str, tag: str, resources: Mapping[str, str]) -> Rule:
    """The forwarding stack's rule, which hands events over to the hub's bus."""
    completed = ["CreateAccountResult", *MOVED, "CreateManagedAccount", "UpdateManagedAccount"]
    return Rule(
        name=FORWARD,
        bus=DEFAULT_BUS,
        description="Account events for Quick Onboarding, in one hop to the hub's bus.",
        pattern=_pattern(tag, [{"eventName": completed}]),
        target={
            "Id": "HubBus",
            "Arn": bus_arn,
            "RoleArn": place.role(resources["ForwardRole"]),
            "DeadLetterConfig": {"Arn": place.queue(resources["UndeliveredEvents"])},
        },
    )


def forward_permission(bus_arn: str) -> dict[str, Any]:
    """What the forwarding rule's role may do."""
    allowed = {"Effect": "Allow", "Action": "events:PutEvents", "Resource": bus_arn}
    return {"Version": "2012-10-17", "Statement": [allowed]}


def _pattern(tag: str, events: list[Any]) -> dict[str, Any]:
    keys = [f"{tag}{suffix}" for suffix in SUFFIXES]
    tagged = {"eventName": ["TagResource"], "requestParameters": {"tags": {"key": keys}}}
    untagged = {"eventName": ["UntagResource"], "requestParameters": {"tagKeys": keys}}
    return {**SOURCES, "detail": {"errorCode": [{"exists": False}], "$or": [*events, tagged, untagged]}}


def schedules(deployment: Deployment, resources: Mapping[str, str]) -> tuple[Schedule, ...]:
    """The hub's schedules: the daily sweep, and the watch."""
    place = place_of(deployment)
    shared = {
        "RoleArn": place.role(resources["ScheduleRole"]),
        "DeadLetterConfig": {"Arn": place.queue(deployment.output("FailedRunsUrl"))},
    }
    return (
        Schedule(
            resources["SweepDaily"],
            deployment.sweep_schedule,
            {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 60},
            {
                "Arn": deployment.output("SweepOrganizationArn"),
                "Input": '{"scope": "all"}',
                "RetryPolicy": {"MaximumRetryAttempts": 20, "MaximumEventAgeInSeconds": 21600},
                **shared,
            },
        ),
        Schedule(
            resources["WatchSchedule"],
            "rate(15 minutes)",
            {"Mode": "OFF"},
            {
                "Arn": place.function(resources["WatchRegistryFunction"]),
                "Input": '{"now": "<aws.scheduler.scheduled-time>"}',
                "RetryPolicy": {"MaximumRetryAttempts": 5, "MaximumEventAgeInSeconds": 900},
                **shared,
            },
        ),
    )


def role(logical_id: str, name: str, place: Place) -> Role:
    """One of the hub's roles, with that name."""
    is_run_as = logical_id.startswith(RUN_AS)
    boundary = "quick-athena-run-as" if is_run_as else "quick-onboarding-hub"
    trust = _run_as_trust(place) if is_run_as else None
    return Role(name, place.policy(f"quick-athena/boundary/{boundary}"), trust)


def _run_as_trust(place: Place) -> dict[str, Any]:
    """Who may assume a run-as role: Quick, for our data sources of this account and Region."""
    source = f"arn:{place.partition}:quicksight:{place.region}:{place.account_id}:datasource/quick-athena-*"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "QuickForOurDataSources",
                "Effect": "Allow",
                "Principal": {"Service": "quicksight.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": place.account_id},
                    "ArnLike": {"aws:SourceArn": source},
                },
            }
        ],
    }
