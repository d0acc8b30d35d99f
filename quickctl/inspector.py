"""What doctor reads in one account and Region, with whatever permissions its caller has. It changes nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROLE = "AWS::IAM::Role"


@dataclass(frozen=True)
class Resources:
    """The physical ids of a stack's resources by their logical ids, and the logical ids of its roles."""

    ids: Mapping[str, str]
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Role:
    """A role: who may assume it, and its permissions boundary (empty: it has none)."""

    name: str
    trust: Any
    boundary: str


@dataclass(frozen=True)
class ManagedPolicy:
    """A managed policy as it is in force, how often it is attached, and its other versions, the oldest first."""

    arn: str
    document: Any
    attachments: int
    older_versions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trail:
    """A trail, as far as it concerns whether EventBridge hears of changes."""

    arn: str
    home_region: str
    is_logging: bool
    has_management_events: bool

    @property
    def is_enough(self) -> bool:
        """Whether EventBridge hears of changes through it."""
        return self.is_logging and self.has_management_events


class Inspector:
    """One account in one Region."""

    def __init__(self, client: Callable[[str, str], Any], region: str) -> None:
        """`client`: makes a client of a service in a Region."""
        self._client, self.region = client, region

    # Stacks and roles ------------------------------------------------------------------------------------------

    def resources(self, stack: str) -> Resources:
        """What a stack has made."""
        pages = self._of("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
        found = [each for page in pages for each in page["StackResourceSummaries"] if "PhysicalResourceId" in each]
        return Resources(
            ids={each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found},
            roles=tuple(each["LogicalResourceId"] for each in found if each["ResourceType"] == ROLE),
        )

    def role(self, name: str) -> Role | None:
        """A role; None: there is none."""
        client = self._of("iam")
        try:
            found = client.get_role(RoleName=name)["Role"]
        except client.exceptions.NoSuchEntityException:
            return None
        boundary = found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", "")
        return Role(name, found["AssumeRolePolicyDocument"], boundary)

    def role_policy(self, role: str, name: str) -> Any:
        """A policy that is written into a role; None: there is none, or no such role."""
        client = self._of("iam")
        try:
            return client.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        except client.exceptions.NoSuchEntityException:
            return None

    def attached(self, role: str) -> list[str]:
        """The ARNs of the managed policies of a role; none when there is no such role."""
        client = self._of("iam")
        pages = client.get_paginator("list_attached_role_policies").paginate(RoleName=role)
        try:
            return [each["PolicyArn"] for page in pages for each in page["AttachedPolicies"]]
        except client.exceptions.NoSuchEntityException:
            return []

    def policy(self, arn: str) -> ManagedPolicy | None:
        """A managed policy; None: there is none."""
        client = self._of("iam")
        try:
            found = client.get_policy(PolicyArn=arn)["Policy"]
            version = client.get_policy_version(PolicyArn=arn, VersionId=found["DefaultVersionId"])["PolicyVersion"]
            versions = client.list_policy_versions(PolicyArn=arn)["Versions"]
        except client.exceptions.NoSuchEntityException:
            return None
        older = sorted((v for v in versions if not v["IsDefaultVersion"]), key=lambda v: int(v["VersionId"][1:]))
        names = tuple(each["VersionId"] for each in older)
        return ManagedPolicy(arn, version["Document"], found.get("AttachmentCount", 0), names)

    # Events, schedules, queues, topics -----------------------------------------------------------------------------

    def rule(self, bus: str, name: str) -> Mapping[str, Any] | None:
        """A rule as DescribeRule answers; None: there is none."""
        client = self._of("events")
        try:
            found: Mapping[str, Any] = client.describe_rule(Name=name, EventBusName=bus)
        except client.exceptions.ResourceNotFoundException:
            return None
        return found

    def targets(self, bus: str, name: str) -> Sequence[Mapping[str, Any]]:
        """The targets of a rule that is there."""
        found: Sequence[Mapping[str, Any]] = self._of("events").list_targets_by_rule(Rule=name, EventBusName=bus)[
            "Targets"
        ]
        return found

    def bus_policy(self, name: str) -> Mapping[str, Any]:
        """The policy of an event bus; empty when it has none."""
        found: Mapping[str, Any] = json.loads(self._of("events").describe_event_bus(Name=name).get("Policy") or "{}")
        return found

    def schedule(self, name: str) -> Mapping[str, Any] | None:
        """A schedule as GetSchedule answers; None: there is none."""
        client = self._of("scheduler")
        try:
            found: Mapping[str, Any] = client.get_schedule(Name=name)
        except client.exceptions.ResourceNotFoundException:
            return None
        return found

    def subscriptions(self, topic: str) -> list[str]:
        """The subscriptions of a topic; one that nobody confirmed is `PendingConfirmation`."""
        pages = self._of("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        return [each["SubscriptionArn"] for page in pages for each in page["Subscriptions"]]

    def messages(self, url: str) -> int:
        """About how many messages are in a queue."""
        name = "ApproximateNumberOfMessages"
        return int(self._of("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])

    # The organization, from its management account -----------------------------------------------------------------

    def trails(self) -> list[Trail]:
        """The trails that log what happens in this Region."""
        found = self._of("cloudtrail").describe_trails()["trailList"]
        return [self._trail(each) for each in found if each.get("IsMultiRegionTrail") or self._is_here(each)]

    def _is_here(self, trail: Mapping[str, Any]) -> bool:
        return bool(trail["HomeRegion"] == self.region)

    def _trail(self, found: Mapping[str, Any]) -> Trail:
        client, arn = self._of("cloudtrail"), found["TrailARN"]
        is_logging = client.get_trail_status(Name=arn)["IsLogging"]
        # A trail without selectors of its own logs all management events.
        chosen = client.get_event_selectors(TrailName=arn) if found.get("HasCustomEventSelectors") else None
        return Trail(arn, found["HomeRegion"], is_logging, chosen is None or logs_writes(chosen))

    def tag_policies(self) -> dict[str, Mapping[str, Any]]:
        """The contents of the organization's tag policies, by their ids."""
        client = self._of("organizations")
        pages = client.get_paginator("list_policies").paginate(Filter="TAG_POLICY")
        ids = [each["Id"] for page in pages for each in page["Policies"]]
        return {each: json.loads(client.describe_policy(PolicyId=each)["Policy"]["Content"]) for each in ids}

    def _of(self, service: str) -> Any:
        return self._client(service, self.region)


def logs_writes(selectors: Mapping[str, Any]) -> bool:
    """Whether a trail with these selectors logs the management events that change something."""
    basic, advanced = selectors.get("EventSelectors") or (), selectors.get("AdvancedEventSelectors") or ()
    if any(each.get("IncludeManagementEvents") and each.get("ReadWriteType") != "ReadOnly" for each in basic):
        return True
    return any(_selects_writes({each["Field"]: each for each in one["FieldSelectors"]}) for one in advanced)


def _selects_writes(fields: Mapping[str, Mapping[str, Any]]) -> bool:
    is_management = "Management" in fields.get("eventCategory", {}).get("Equals", ())
    reads_only = "true" in fields.get("readOnly", {}).get("Equals", ())
    excluded = "organizations.amazonaws.com" in fields.get("eventSource", {}).get("NotEquals", ())
    return is_management and not reads_only and not excluded
