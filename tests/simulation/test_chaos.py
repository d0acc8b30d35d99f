"""Events lost, repeated and late at random, while tags come and go: who was reached is right, the rest is known."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from control_plane.events import find_subject
from sandbox.aws.services.events import DeliveryFaults

if TYPE_CHECKING:
    from datetime import datetime

    from tests.simulation.conftest import Story

ACCOUNTS = 24
ROUNDS = 8
JOIN, LEAVE = 5, 2  # in each round


def looked_at_since(story: Story, changed: dict[str, datetime]) -> set[str]:
    """The accounts some execution has looked at since their last change."""
    found = set()
    for execution in story.world.step_functions.executions:
        if execution.machine_name not in ("RouteEvent", "ReconcileAccount"):
            continue
        account_id = find_subject(execution.input).id
        if account_id in changed and execution.started and execution.started >= changed[account_id]:
            found.add(account_id)
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_every_account_reached_by_an_event_is_right_and_the_rest_is_named(story: Story, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - a seeded experiment, no secret
    story.world.events.delivery_faults = DeliveryFaults(seed, drop=0.3, repeat=0.3, delay=300.0)
    accounts = [story.world.organizations.create_member(f"member-{number}") for number in range(ACCOUNTS)]
    wanted: dict[str, bool] = dict.fromkeys(accounts, False)
    changed: dict[str, datetime] = {}
    for _ in range(ROUNDS):
        joining = random.sample(accounts, JOIN)
        leaving = [each for each in accounts if wanted[each] and each not in joining][:LEAVE]
        for account_id in (*joining, *leaving):
            wanted[account_id] = account_id in joining
            if wanted[account_id]:
                story.world.tag(account_id, "enabled")
            else:
                story.world.untag(account_id)
            changed[account_id] = story.clock.now()
            story.run(random.uniform(0, 60))
        story.run(3600)  # the revocation budget counts by the hour
    story.run(3600)
    reached, allowed = looked_at_since(story, changed), story.world.allowed_roles()
    wrong = {each for each in changed if (story.role(each) in allowed) != wanted[each]}
    assert wrong & reached == set()
    assert all(story.status(each) == "connected" for each in reached if wanted[each])
    assert all(story.status(each) in ("quarantined", "removed", None) for each in reached if not wanted[each])
    assert 0 < len(changed.keys() - reached) < len(changed), "some events were lost, and not all"
