"""The status tag: the owner of an account sees on it what became of the opt-in, and it starts nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.deployed_hub import world
from tests.prototypes import derived
from tests.simulation.conftest import Story

if TYPE_CHECKING:
    from sandbox.organization import Sandbox

KEY = "quick-athena:status"


class Answered(Story):
    """A hub that writes status tags."""

    def organizations(self) -> Any:
        """Organizations, as an administrator of the management account."""
        session: Any = self.world.boto3_session(self.world.cloud.topology.management)
        return session.client("organizations", region_name="us-east-1")

    def tags(self, account_id: str) -> dict[str, str]:
        """An account's tags, as the management account sees them."""
        found = self.organizations().list_tags_for_resource(ResourceId=account_id)["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found}

    def writes(self) -> int:
        """How often WriteStatusTag wrote a tag."""
        written = self.world.cloud.gateway.log.of("TagResource", "UntagResource")
        return len([each for each in written if "WriteStatusTag" in each.role])


@derived(world)
def answered(world: Sandbox) -> Answered:
    """The management account lets the hub write tags."""
    world.deploy(StatusTag="enabled")
    world.organizations.taggers.add(world.cloud.topology.hub)
    return Answered(world)


def test_each_state_is_shown_once_and_the_tag_starts_nothing(answered: Answered) -> None:
    account_id = answered.tagged()
    assert answered.tags(account_id) == {"quick-athena": "enabled", KEY: "default connected"}
    assert len(answered.executions("RouteEvent")) == 1, "for the opt-in tag only"
    answered.start({"account_id": account_id})
    answered.run(600)
    assert answered.writes() == 1, "nothing changed"
    answered.world.untag(account_id)
    answered.run(600)
    assert answered.tags(account_id)[KEY].startswith("default quarantined until 2026-12-0")
    assert (answered.writes(), len(answered.executions("RouteEvent"))) == (2, 2)


def test_a_status_tag_that_somebody_else_writes_starts_nothing_and_is_put_right(answered: Answered) -> None:
    account_id = answered.tagged()
    client = answered.organizations()
    client.tag_resource(ResourceId=account_id, Tags=[{"Key": KEY, "Value": "all is lost"}])
    client.untag_resource(ResourceId=answered.member("other"), TagKeys=[KEY])
    answered.run(600)
    assert len(answered.executions("RouteEvent")) == 1
    answered.start({"account_id": account_id})
    answered.run(600)
    assert answered.tags(account_id)[KEY] == "default connected"


def test_a_tag_that_can_not_be_read_is_answered_where_it_was_written(answered: Answered) -> None:
    account_id = answered.member()
    answered.world.tag(account_id, "default=1")
    answered.run(600)
    assert answered.tags(account_id)[KEY].startswith("failed: InvalidTagValue at AssessAccount - account")
    answered.world.tag(account_id, "enabled")
    answered.run(600)
    assert answered.tags(account_id)[KEY] == "default connected"


def test_a_management_account_that_refuses_stops_no_reconcile(answered: Answered) -> None:
    answered.world.organizations.taggers.clear()
    account_id = answered.tagged()
    assert answered.status(account_id) == "connected"
    assert answered.last.status == "SUCCEEDED"
    assert KEY not in answered.tags(account_id)


def test_without_the_parameter_no_tag_is_written_and_no_state_is_entered(story: Story) -> None:
    account_id = story.tagged()
    assert story.status(account_id) == "connected"
    assert not {"WriteStatusTag", "HasAccountFailed"} & set(story.last.path)
