"""The whole sandbox on a virtual clock: real template, real state machine, real handlers, one thread."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.aws.clock import VirtualClock
from sandbox.organization import Sandbox
from tests.deployed_hub import world
from tests.prototypes import derived

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.aws.asl.execution import Execution

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


class Story:
    """A sandbox and the few verbs tests tell their stories with."""

    def __init__(self, world: Sandbox) -> None:
        self.world = world
        self.clock: Any = world.clock

    def member(self, name: str = "sales") -> str:
        """An account that has been there before, with a lake of its own."""
        account_id = self.world.organizations.create_member(name)
        self.world.quick.seed_lake(account_id, "quick_sales", "orders", f"quick-data-{account_id}")
        return account_id

    def run(self, seconds: float | None = None) -> None:
        """Let everything happen, or so many seconds of it."""
        self.clock.run(until=None if seconds is None else self.clock.now() + timedelta(seconds=seconds))

    def tagged(self, name: str = "sales", value: str = "enabled") -> str:
        """A member, tagged, and everything that follows has happened."""
        account_id = self.member(name)
        self.world.tag(account_id, value)
        self.run()
        return account_id

    def start(self, payload: Any) -> Execution:
        """Start ReconcileAccount by hand."""
        return self.world.step_functions.start(self.world.outputs["ReconcileAccountArn"], payload)

    def route(self, event: Any) -> Execution:
        """Start RouteEvent by hand, as the rule for organization events does."""
        return self.world.step_functions.start(self.world.outputs["RouteEventArn"], event)

    def executions(self, machine: str = "ReconcileAccount") -> list[Execution]:
        """Every execution of one state machine, oldest first."""
        return [each for each in self.world.step_functions.executions if each.machine_name == machine]

    @property
    def last(self) -> Execution:
        """The execution of ReconcileAccount that was started last."""
        return self.executions()[-1]

    @property
    def last_connection(self) -> Execution:
        """The execution of ReconcileConnection that was started last."""
        return self.executions("ReconcileConnection")[-1]

    def status(self, account_id: str, profile: str = "default") -> str | None:
        """A connection's recorded status."""
        record = self.world.record(account_id, profile)
        return str(record["status"]) if record else None

    def claim(self, account_id: str) -> dict[str, Any]:
        """An account's claim."""
        found = [r for r in self.world.records() if (r["pk"], r["sk"]) == (f"account#{account_id}", "claim")]
        return found[0]

    def role(self, account_id: str, profile: str = "default") -> str:
        """The ARN a connection's consumer role has."""
        return f"arn:aws:iam::{account_id}:role/quick-athena-{profile}"

    def data_source(self, account_id: str, profile: str = "default") -> dict[str, Any] | None:
        """The connection's data source as Quick describes it."""
        quick: Any = self.world.boto3_session(self.world.cloud.topology.hub).client("quicksight")
        try:
            found: dict[str, Any] = quick.describe_data_source(
                AwsAccountId=self.world.cloud.topology.hub, DataSourceId=f"quick-athena-{account_id}-{profile}"
            )["DataSource"]
        except quick.exceptions.ResourceNotFoundException:
            return None
        return found

    def proofs(self) -> list[str]:
        """The ids of the data sets of proofs: none, unless a proof is under way or was stopped."""
        hub = self.world.cloud.topology.hub
        quick: Any = self.world.boto3_session(hub).client("quicksight")
        pages = quick.get_paginator("list_data_sets").paginate(AwsAccountId=hub)
        ids = [each["DataSetId"] for page in pages for each in page["DataSetSummaries"]]
        return [each for each in ids if each.endswith("-proof")]

    def add_entries(self, *entries: str) -> None:
        """Write entries into the access policy, as a user of the hub who may."""
        session: Any = self.world.boto3_session(self.world.cloud.topology.hub)
        iam = session.client("iam")
        arn = f"arn:aws:iam::{self.world.cloud.topology.hub}:policy/quick-athena/quick-athena-access-1"
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        document["Statement"][0]["Resource"] = [*document["Statement"][0]["Resource"], *entries]
        for each in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
            if not each["IsDefaultVersion"]:  # IAM keeps five
                iam.delete_policy_version(PolicyArn=arn, VersionId=each["VersionId"])
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(document), SetAsDefault=True)
        self.run(60)

    def has_role(self, account_id: str, profile: str = "default") -> bool:
        """Whether the consumer role is there."""
        iam = self.world.boto3_session(account_id).client("iam")
        try:
            iam.get_role(RoleName=f"quick-athena-{profile}")
        except iam.exceptions.NoSuchEntityException:
            return False
        return True


def deployed(**parameters: str) -> Iterator[Story]:
    """A sandbox on a virtual clock whose hub was deployed with these parameters."""
    with Sandbox(VirtualClock(START)) as world:
        world.create_organization()
        world.deploy(**parameters)
        world.warm_up()
        yield Story(world)


@derived(world)
def story(world: Sandbox) -> Story:
    """A deployed sandbox on a virtual clock."""
    return Story(world)
