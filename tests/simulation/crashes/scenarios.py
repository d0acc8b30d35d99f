"""Where a story starts, and what sets it going."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.conftest import Story

    Verb = Callable[[Story, str], None]

GRACE_DAYS = 1


@dataclass(frozen=True)
class Scenario:
    """How an account comes to where the story starts, and what happens then; `wanted`: it ends connected.

    `beside`: another account is connected already, so that the first stack set and shard are not the account's.
    """

    name: str
    prepare: Verb
    act: Verb
    wanted: bool
    beside: bool = False


def _nothing(story: Story, account: str) -> None:
    """The account is there, and untagged."""


def _tag(story: Story, account: str) -> None:
    story.world.tag(account, "enabled")


def _untag(story: Story, account: str) -> None:
    story.world.untag(account)


def _reconcile(story: Story, account: str) -> None:
    story.start({"account_id": account})


def _connected(story: Story, account: str) -> None:
    _tag(story, account)
    story.run()


def _quarantined(story: Story, account: str) -> None:
    _connected(story, account)
    _untag(story, account)
    story.run()


def _due(story: Story, account: str) -> None:
    """Quarantined, and the grace period is over."""
    _quarantined(story, account)
    story.run(GRACE_DAYS * 86_400 + 60)


def _drifted(story: Story, account: str) -> None:
    """Connected, and somebody changed the role by hand."""
    _connected(story, account)
    iam = story.world.boto3_session(account).client("iam")
    iam.update_role(RoleName="quick-athena-default", MaxSessionDuration=43200)
    with story.world.cloud.administering(story.world.cloud.topology.hub):
        story.world.cloud.client("cloudformation").detect_stack_set_drift(
            StackSetName="quick-athena-default", CallAs="DELEGATED_ADMIN"
        )
    story.run()


def _unproven(story: Story, account: str) -> None:
    """Connected, and its last proof was stopped."""
    _connected(story, account)
    table: Any = story.world.boto3_session(story.world.cloud.topology.hub).resource("dynamodb")
    key = {"pk": f"account#{account}", "sk": "connection#default"}
    registry = table.Table(story.world.outputs["RegistryTableName"])
    registry.update_item(Key=key, UpdateExpression="REMOVE proof_at")


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("connect", _nothing, _tag, wanted=True),
        Scenario("connect beside others", _nothing, _tag, wanted=True, beside=True),
        Scenario("restore", _quarantined, _tag, wanted=True),
        Scenario("quarantine", _connected, _untag, wanted=False),
        Scenario("quarantine beside others", _connected, _untag, wanted=False, beside=True),
        Scenario("disconnect", _due, _reconcile, wanted=False),
        Scenario("prove", _unproven, _reconcile, wanted=True),
        Scenario("rebuild", _drifted, _reconcile, wanted=True, beside=True),
    )
}
