"""One account with three profiles: each has a role, an entry and a data source of its own, and a fate of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import yaml

from sandbox.aws.clock import VirtualClock
from sandbox.organization import PROJECT, Sandbox
from tests.prototypes import directory, prototype
from tests.simulation.conftest import START, Story

if TYPE_CHECKING:
    from collections.abc import Iterator

GRACE = timedelta(days=7)
TEAMS = ("finance", "marketing", "sales")
BROKEN = "broken"  # its workgroup does not exist, so Quick refuses its data source


@prototype
def story() -> Iterator[Story]:
    """A deployed sandbox with a profile for each team, and one that can't work."""
    layer = directory("consumer")
    shipped = yaml.safe_load((PROJECT / "layers/consumer/profiles.yaml").read_text(encoding="utf-8"))
    default = shipped["profiles"]["default"]
    theirs = {"work_group": "nowhere", "results_location": "s3://quick-data-{account}/results/"}
    profiles = {"default": default, **dict.fromkeys(TEAMS, default), BROKEN: {**default, **theirs}}
    (layer / "profiles.yaml").write_text(yaml.safe_dump({"profiles": profiles}), encoding="utf-8")
    body = (PROJECT / "layers/consumer/consumer_role.yaml").read_text(encoding="utf-8")
    (layer / "consumer_role.yaml").write_text(body, encoding="utf-8")
    with Sandbox(VirtualClock(START), layer) as world:
        world.create_organization()
        world.deploy()
        world.warm_up()
        yield Story(world)


def _parts(story: Story, account_id: str, profile: str) -> tuple[bool, bool, bool]:
    """Whether there is the consumer role, the entry, the data source."""
    allowed = story.role(account_id, profile) in story.world.allowed_roles()
    return story.has_role(account_id, profile), allowed, story.data_source(account_id, profile) is not None


def _answers(story: Story, account_id: str) -> set[str]:
    """The teams whose data source answers a query."""
    story.world.iam.settle()
    sources = {team: f"quick-athena-{account_id}-{team}" for team in TEAMS}
    there = {team: each for team, each in sources.items() if story.data_source(account_id, team)}
    return {team for team, each in there.items() if story.world.quick.query(each, "quick_sales", "orders").allowed}


def test_each_profile_has_a_role_an_entry_and_a_data_source_of_its_own(story: Story) -> None:
    account_id = story.tagged(value=" ".join(TEAMS))
    assert [story.status(account_id, team) for team in TEAMS] == ["connected"] * 3
    assert [_parts(story, account_id, team) for team in TEAMS] == [(True, True, True)] * 3
    assert len([role for role in story.world.allowed_roles() if account_id in role]) == 3
    assert _answers(story, account_id) == set(TEAMS)


def test_a_dropped_profile_ends_and_the_others_never_stop_answering(story: Story) -> None:
    account_id = story.tagged(value=" ".join(TEAMS))
    story.world.tag(account_id, "finance sales")
    story.run(120)
    assert [story.status(account_id, team) for team in TEAMS] == ["connected", "quarantined", "connected"]
    assert _parts(story, account_id, "marketing") == (True, False, True)
    assert _answers(story, account_id) == {"finance", "sales"}

    story.run((GRACE + timedelta(days=1)).total_seconds())
    assert [story.status(account_id, team) for team in TEAMS] == ["connected", "removed", "connected"]
    assert _parts(story, account_id, "marketing") == (False, False, False)
    assert _answers(story, account_id) == {"finance", "sales"}


def test_a_profile_that_fails_leaves_the_others_connected_and_nothing_of_its_own_allowed(story: Story) -> None:
    account_id = story.tagged(value=f"finance {BROKEN} sales")
    assert [story.status(account_id, each) for each in ("finance", BROKEN, "sales")] == [
        "connected",
        "failed",
        "connected",
    ]
    assert _parts(story, account_id, BROKEN)[1:] == (False, False)
    assert _answers(story, account_id) == {"finance", "sales"}
    record = story.world.record(account_id, BROKEN)
    assert record is not None
    assert (record["error"], record["step"]) == ("DataSourceFailed", "EnsureDataSource")


def test_a_profile_added_later_leaves_the_one_before_as_it_is(story: Story) -> None:
    account_id = story.tagged(value="finance")
    before = story.world.record(account_id, "finance")
    story.world.tag(account_id, "finance marketing")
    story.run()
    assert story.status(account_id, "marketing") == "connected"
    assert story.world.record(account_id, "finance") == before


def test_all_profiles_of_an_account_without_its_tag_lose_their_access_at_once(story: Story) -> None:
    account_id = story.tagged(value=" ".join(TEAMS))
    story.world.untag(account_id)
    story.run(120)
    assert [story.status(account_id, team) for team in TEAMS] == ["quarantined"] * 3
    assert _answers(story, account_id) == set()
