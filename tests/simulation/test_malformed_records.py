"""Whoever may write the registry's table could write anything: an account stays revocable whatever stands there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.deployed_hub import world
from tests.prototypes import derived
from tests.simulation.conftest import Story

if TYPE_CHECKING:
    from sandbox.organization import Sandbox

LONG = "x" * 3000
ODD_KEYS = ["connection#NOT A PROFILE", "connection#", "connection#default#default", "connection#\U0001f600", "note"]
# Each row stands in the one record, or the one claim, at once; None: the attribute is not there.
QUARANTINED = {"status": {"S": "quarantined"}}
RECORDS: dict[str, dict[str, Any]] = {
    "words and numbers": {
        **QUARANTINED,
        "remove_after": {"S": "tomorrow"},
        "since": {"M": {}},
        "updated": {"S": "yesterday"},
        "generation": {"S": "one"},
        "dependents": {"N": "1"},
        "account_name": {"L": []},
        "error": {"N": "1"},
    },
    "long ago": {
        **QUARANTINED,
        "remove_after": {"S": "1999-01-01T00:00:00Z"},
        "updated": {"S": "1999-01-01"},
        "generation": {"N": "-1"},
        "unsettled": {"S": "in_progress"},
    },
    "without a time zone": {**QUARANTINED, "remove_after": {"S": "1999-01-01"}, "since": {"S": "1998-01-01"}},
    "never": {
        **QUARANTINED,
        "remove_after": {"S": "9999-12-31T23:59:59-14:00"},
        "since": {"S": "0001-01-01T00:00:00+14:00"},
        "updated": {"S": "9998-01-01T00:00:00Z"},
        "generation": {"N": "1E+30"},
        "unsettled": {"S": "failed"},
        "error": {"S": LONG},
        "dependents": {"S": LONG},
    },
    "a grace period over while connected": {"remove_after": {"S": "2026-11-20T00:00:00Z"}, "kept": {"S": "it is"}},
    "over, and never revoked": {**QUARANTINED, "remove_after": {"S": "2026-11-20T00:00:00Z"}, "since": None},
    "no status": {"status": None, "updated": None, "generation": None},
    "a status that is none": {"status": {"S": "frozen"}},
    "a status of another type": {"status": {"N": "1"}, "remove_after": {"N": "5"}},
}
CLAIMS: dict[str, dict[str, Any]] = {
    "no holder's name": {"holder": {"S": "nobody"}, "generation": {"S": "one"}, "updated": {"S": "never"}},
    "a long one": {"holder": {"S": LONG}, "generation": {"N": "1E+30"}, "updated": None},
    "a number": {"holder": {"N": "1"}, "generation": {"N": "9E+125"}, "requeue_requested": {"BOOL": False}},
    "another account's": {
        "holder": {"S": "arn:aws:states:eu-west-1:999999999999:execution:ReconcileAccount:elsewhere"},
        "generation": {"N": "-7"},
        "status": {"N": "1"},
    },
    "another machine's, whose name begins as ours does": {
        "holder": {"S": "arn:aws:states:eu-west-1:444455556666:execution:ReconcileAccountEvil:x"}
    },
    "ours, too long": {"holder": {"S": "{prefix}" + LONG}, "since": {"N": "1"}},
    "ours, unreadable, no count": {"holder": {"S": "{prefix}a b"}, "generation": {"S": "one"}},
    "ours, forgotten, half a count": {"holder": {"S": "{prefix}gone"}, "generation": {"N": "0.5"}},
    "no holder, half a count": {"generation": {"N": "7.5"}, "updated": {"S": "9998-01-01T00:00:00Z"}},
}


class Forger(Story):
    """A world with one connected account, and somebody who may write the registry's table."""

    account_id = ""

    @property
    def prefix(self) -> str:
        """How the ARNs of executions that may hold a claim begin."""
        return self.world.outputs["ReconcileAccountArn"].replace(":stateMachine:", ":execution:") + ":"

    def table(self) -> Any:
        """DynamoDB, as the hub's administrator."""
        session: Any = self.world.boto3_session(self.world.cloud.topology.hub)
        return session.client("dynamodb")

    def forge(self, sort_key: str, name: str, value: Any) -> None:
        """One attribute of one item, as it should not be; None takes it away."""
        key = {"pk": {"S": f"account#{self.account_id}"}, "sk": {"S": sort_key}}
        if value is None:
            self._update(Key=key, UpdateExpression="REMOVE #n", ExpressionAttributeNames={"#n": name})
            return
        if "S" in value:
            value = {"S": value["S"].replace("{prefix}", self.prefix)}
        self._update(
            Key=key,
            UpdateExpression="SET #n = :v",
            ExpressionAttributeNames={"#n": name},
            ExpressionAttributeValues={":v": value},
        )

    def put(self, partition: str, sort_key: str, **attributes: Any) -> None:
        """A whole item."""
        item = {"pk": {"S": partition}, "sk": {"S": sort_key}, **attributes}
        self.table().put_item(TableName=self.world.outputs["RegistryTableName"], Item=item)

    def delete(self, partition: str, sort_key: str) -> None:
        """Take an item away again."""
        key = {"pk": {"S": partition}, "sk": {"S": sort_key}}
        self.table().delete_item(TableName=self.world.outputs["RegistryTableName"], Key=key)

    def _update(self, **request: Any) -> None:
        self.table().update_item(TableName=self.world.outputs["RegistryTableName"], **request)

    def untag_revokes(self) -> bool:
        """Whether an untag takes the access and nothing else; afterwards the account is connected as before."""
        self.world.untag(self.account_id)
        self.run(300)
        revoked = self.role(self.account_id) not in self.world.allowed_roles()
        whole = self.data_source(self.account_id) is not None and self.has_role(self.account_id)
        self.world.tag(self.account_id, "enabled")
        self.run(300)
        assert self.role(self.account_id) in self.world.allowed_roles()
        return revoked and whole


@derived(world)
def forger(world: Sandbox) -> Forger:
    """A deployed sandbox with one connected account."""
    found = Forger(world)
    found.account_id = found.tagged()
    return found


def test_odd_keys_make_no_account_irrevocable(forger: Forger) -> None:
    partition = f"account#{forger.account_id}"
    for sort_key in ODD_KEYS:
        forger.put(partition, sort_key, status={"S": "connected"}, unsettled={"S": "in_progress"})
    revoked = forger.untag_revokes()
    for sort_key in ODD_KEYS:
        forger.delete(partition, sort_key)
    assert revoked


@pytest.mark.parametrize("forged", RECORDS)
def test_an_odd_record_makes_no_account_irrevocable_and_deletes_nothing(forger: Forger, forged: str) -> None:
    for name, value in RECORDS[forged].items():
        forger.forge("connection#default", name, value)
    assert forger.untag_revokes()


@pytest.mark.parametrize("forged", CLAIMS)
def test_an_odd_claim_makes_no_account_irrevocable(forger: Forger, forged: str) -> None:
    for name, value in CLAIMS[forged].items():
        forger.forge("claim", name, value)
    assert forger.untag_revokes()
    assert float(forger.claim(forger.account_id)["generation"]) < 10**15


def test_a_claim_held_in_the_name_of_another_accounts_execution_is_taken_over(forger: Forger) -> None:
    slow = forger.member("slow")
    forger.world.stack_sets.engine.seconds_per_instance = 3600.0
    forger.world.tag(slow, "enabled")
    forger.run(60)
    assert forger.last.status == "RUNNING"
    forger.forge("claim", "holder", {"S": forger.last.arn})
    assert forger.untag_revokes()


def test_odd_items_stop_neither_the_watch_nor_the_sweep_and_are_told(forger: Forger) -> None:
    partition = f"account#{forger.account_id}"
    where = [(partition, key) for key in ODD_KEYS] + [("account#", "claim"), ("account#12", "connection#default")]
    for key in where:
        forger.put(*key, status={"S": "failed"}, unsettled={"S": "in_progress"}, holder={"N": "1"})
    forger.forge("connection#default", "updated", {"S": "never"})
    forger.world.step_functions.start(forger.world.outputs["SweepOrganizationArn"], {})
    forger.run(3600)
    (text,) = [each.text for each in forger.world.sns.published if "sweep" in (each.subject or "")]
    assert "Malformed items in the registry, ignored" in text
    assert f"{partition} connection#NOT A PROFILE: its sk is neither a claim nor a connection" in text
    assert "account#12 connection#default: its pk has no account id" in text
    left = {(record["pk"], record["sk"]) for record in forger.world.records()}
    assert set(where) <= left  # told, never deleted
    assert forger.untag_revokes()
