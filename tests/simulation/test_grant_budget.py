"""One tag on an OU that asks for many connections: nothing is made before somebody has seen the list."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.deployed_hub import world
from tests.prototypes import derived
from tests.simulation.conftest import Story
from tests.simulation.test_revocation_budget import questions, token

if TYPE_CHECKING:
    from sandbox.organization import Sandbox

AN_HOUR_MAY_HAVE = 20  # however few accounts there are


class Crowd(Story):
    """An OU with one account more than an hour may have, none of them tagged, and people on the topic."""

    def __init__(self, world: Sandbox) -> None:
        super().__init__(world)
        self.unit = world.organizations.create_unit("data")
        self.accounts = [
            world.organizations.create_member(f"member-{number}", parent=self.unit)
            for number in range(AN_HOUR_MAY_HAVE + 1)
        ]
        topic = world.outputs["NotificationsTopicArn"]
        self.hub("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="platform@example.com")

    def wait(self) -> None:
        """Half an hour, in which people are asked but do not answer. (A question may be open for a year.)."""
        self.run(1800)

    def hub(self, service: str) -> Any:
        """A client of an administrator of the hub."""
        session: Any = self.world.boto3_session(self.world.cloud.topology.hub)
        return session.client(service)

    def questions(self) -> list[str]:
        """The e-mails that ask for approval."""
        return questions(self)

    def answer(self, question: str, output: str = "{}") -> None:
        """Approve the list in the e-mail."""
        self.hub("stepfunctions").send_task_success(taskToken=token(question), output=output)
        self.wait()

    def move(self, account_id: str, source: str = "", destination: str = "") -> None:
        """Move an account into the OU, or from one to another, and let two minutes pass."""
        with self.world.cloud.administering(self.world.cloud.topology.management):
            self.world.cloud.client("organizations", "us-east-1").move_account(
                AccountId=account_id,
                SourceParentId=source or self.world.organizations.root_id,
                DestinationParentId=destination or self.unit,
            )
        self.run(120)

    def connected(self) -> set[str]:
        """The accounts that Quick may query."""
        return {each for each in self.accounts if self.role(each) in self.world.allowed_roles()}

    def traces(self) -> list[str]:
        """What exists in or for the accounts: records of connections, roles, entries."""
        found = [r["pk"] for r in self.world.records() if r["sk"].startswith("connection#")]
        return [*found, *self.world.allowed_roles()]


@derived(world)
def crowd(world: Sandbox) -> Crowd:
    """A deployed hub and the OU."""
    return Crowd(world)


def test_nothing_is_made_before_the_approval_and_exactly_the_list_with_it(crowd: Crowd) -> None:
    own = crowd.tagged("own")
    crowd.world.tag(crowd.unit, "enabled")
    crowd.wait()
    assert [pk for pk in crowd.traces() if own not in pk] == []
    (question,) = crowd.questions()
    assert set(re.findall(r"account (\d{12}), profile default", question)) == set(crowd.accounts)
    assert f"The tag of {crowd.unit} asks for 21 new connections" in question
    late = crowd.world.organizations.create_member("late", parent=crowd.unit)
    crowd.answer(question)
    assert crowd.connected() == set(crowd.accounts)
    assert crowd.world.record(late, "default") is None


def test_a_tag_that_is_taken_back_ends_the_question(crowd: Crowd) -> None:
    crowd.world.tag(crowd.unit, "enabled")
    crowd.wait()
    (question,) = crowd.questions()
    crowd.world.untag(crowd.unit)
    crowd.wait()
    with pytest.raises(ClientError, match="TaskTimedOut"):
        crowd.answer(question)
    assert (crowd.traces(), len(crowd.questions())) == ([], 1)


def test_a_list_that_grew_refuses_the_old_token_and_asks_anew(crowd: Crowd) -> None:
    crowd.world.tag(crowd.unit, "enabled")
    crowd.wait()
    crowd.move(late := crowd.member("late"))
    crowd.wait()
    first, second = crowd.questions()
    assert (late in first, late in second, crowd.traces()) == (False, True, [])
    with pytest.raises(ClientError, match="TaskTimedOut"):
        crowd.answer(first)
    assert crowd.traces() == []


def test_accounts_that_come_one_by_one_wait_too_once_the_hour_has_no_more(crowd: Crowd) -> None:
    empty = crowd.world.organizations.create_unit("new")
    crowd.world.tag(empty, "enabled")
    crowd.wait()
    for account_id in crowd.accounts:
        crowd.move(account_id, crowd.unit, empty)
    crowd.wait()
    *earlier, last = crowd.accounts
    assert crowd.connected() == set(earlier)
    (question,) = crowd.questions()
    assert re.findall(r"account (\d{12}), profile default", question) == [last]
    assert (
        f"default waits for approval: too many new connections within an hour come from the tag of {empty}"
        in (crowd.claim(last)["reason"])
    )
    crowd.answer(question)
    assert crowd.connected() == set(crowd.accounts)


def test_without_a_limit_one_tag_connects_all(crowd: Crowd) -> None:
    crowd.world.deploy(GrantBudgetPercent="0")
    crowd.world.tag(crowd.unit, "enabled")
    crowd.wait()
    assert crowd.connected() == set(crowd.accounts)
    assert crowd.questions() == []
