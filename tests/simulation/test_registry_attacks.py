"""What somebody gains who may write to the registry: as each function's own role, and as a user of the hub."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.identity import acting_as
from sandbox.aws.policy import Request
from sandbox.aws.services.authorization import decide
from tests.contract import project
from tests.contract.project import HUB, MACHINES
from tests.deployed_hub import world
from tests.prototypes import derived
from tests.simulation.conftest import Story

if TYPE_CHECKING:
    from sandbox.aws.identity import Session
    from sandbox.organization import Sandbox

WILD = "arn:aws:iam::*:role/quick-athena-*"
WRITING = ("PutItem", "UpdateItem", "DeleteItem")
EXAMPLES = {"<account id>": "222233334444", "<id>": "20261104030000114"}


class Attacked(Story):
    """A deployed sandbox, and what an attacker holds in it."""

    def __init__(self, world: Sandbox) -> None:
        super().__init__(world)
        self.table = world.outputs["RegistryTableName"]

    def roles(self) -> dict[str, Session]:
        """A session of every role of the hub's, by the identity's name in the template."""
        machines = [project.machine_resource(name)[0] for name in MACHINES]
        made_by_sam = {f"{name}Role": name.removesuffix("Function") for name in (*project.functions(), *machines)}
        ours = {**made_by_sam, **{name: name.removesuffix("Role") for name in project.resources(HUB, "Role")}}
        found = {}
        for role in self.hub("iam").get_paginator("list_roles").paginate().search("Roles[]"):
            made = re.fullmatch(r"quick-onboarding-(\w+)-\w+", role["RoleName"])  # cut to IAM's 64 characters
            named = made[1] if made else "RunAsRole" if role["RoleName"] == "quick-athena-run-as" else "-"
            for who in {who for name, who in ours.items() if name.startswith(named)}:
                documents = self.world.iam.documents_of(role["Arn"])
                assert documents
                found[who] = self.world.cloud.identities.role_session(documents.principal)
        assert set(found) == set(ours.values())
        return found

    def hub(self, service: str) -> Any:
        """A client of a user of the hub who may do everything there."""
        session: Any = self.world.boto3_session(self.world.cloud.topology.hub)
        return session.client(service)

    def put(self, **values: Any) -> None:
        """Write an item as that user, whatever it is."""
        self.hub("dynamodb").put_item(TableName=self.table, Item=values)

    def put_everywhere(self, name: str, **values: Any) -> None:
        """Write an item of the access policy where it is kept, and where it was kept before there were partitions."""
        kinds = {"lease": "access#lease", "revoked": "access#revoked", "expected": "access#expected"}
        self.put(pk={"S": "access"}, sk={"S": name}, **values)
        if name.startswith("pending#"):
            self.put(pk={"S": "access#pending"}, sk={"S": name.removeprefix("pending#")}, **values)
        else:
            self.put(pk={"S": kinds.get(name, "access#batch")}, sk={"S": name}, **values)

    def sweep(self) -> None:
        """One sweep and what follows."""
        self.world.step_functions.start(self.world.outputs["SweepOrganizationArn"], {})
        self.run(900)

    def crowd(self, count: int) -> list[str]:
        """So many connected accounts."""
        known = len(self.world.organizations.directory.backend.accounts)
        accounts = [self.member(f"member-{known + number}") for number in range(count)]
        for account_id in accounts:
            self.world.tag(account_id, "enabled")
        self.run(600)
        assert self.allowed(accounts) == accounts
        return accounts

    def allowed(self, accounts: list[str]) -> list[str]:
        """Those of the accounts whose role may be assumed."""
        roles = self.world.allowed_roles()
        return [each for each in accounts if self.role(each) in roles]

    def went_off(self, metric: str) -> bool:
        """Whether an alarm on that metric has gone off."""
        told = [json.loads(mail.text) for mail in self.world.sns.published if (mail.subject or "").startswith("ALARM")]
        return any(each["Trigger"]["MetricName"] == metric for each in told)


@derived(world)
def attacked(world: Sandbox) -> Attacked:
    """What an attacker finds."""
    return Attacked(world)


# Who may write what --------------------------------------------------------------------------------------


def test_every_role_may_write_exactly_the_kinds_of_items_the_permissions_page_says(attacked: Attacked) -> None:
    rows = project.tables(project.reference("permissions"))["Who may write what in the registry"]
    wanted = {
        (pk.strip("`"), action, who)
        for pk, *cells in rows
        for action, cell in zip(WRITING, cells, strict=True)
        for who in filter(None, cell.split(", "))
    }
    kinds = {pk for pk, _, _ in wanted}
    registry = project.tables(project.reference("registry"))["Keys"]
    assert kinds == {row[0].strip("`") for row in registry}, "the two pages know the same kinds"
    place = attacked.world.cloud.topology
    table = f"arn:aws:dynamodb:{place.region}:{place.hub}:table/{attacked.table}"
    found = set()
    for who, session in attacked.roles().items():
        for kind in kinds | {"access", "access#else", "else"}:
            key = kind
            for placeholder, example in EXAMPLES.items():
                key = key.replace(placeholder, example)
            for action in WRITING:
                context = {"dynamodb:LeadingKeys": [key]}
                request = Request(session.principal, f"dynamodb:{action}", table, context)
                if decide(attacked.world.iam, session, request).allowed:
                    found.add((kind, action, who))
    assert found == wanted


# As a function's own role ----------------------------------------------------------------------------------


def test_no_function_that_reports_can_open_a_quarantined_account_again(attacked: Attacked) -> None:
    other, account_id = attacked.crowd(2)
    attacked.world.untag(account_id)
    attacked.run(600)
    assert attacked.status(account_id) == "quarantined"
    change = {"allow": {"BOOL": True}, "counted": {"BOOL": True}, "generation": {"N": "99"}, "asked": {"S": "2026"}}
    arn = {"S": attacked.role(account_id)}
    for who, session in attacked.roles().items():
        if who not in ("ReportSweep", "PlanSweep", "AskForApproval"):
            continue
        with acting_as(session):
            client = attacked.world.cloud.client("dynamodb")
            for pk, sk in [("access#pending", f"{account_id}#default"), ("access", f"pending#{account_id}#default")]:
                key: Any = {"pk": {"S": pk}, "sk": {"S": sk}}
                _refused(client.put_item, TableName=attacked.table, Item={**key, **change, "arn": arn})
                values: Any = {f":{name}": value for name, value in change.items()}
                expression = "SET " + ", ".join(f"{name} = :{name}" for name in change)
                _refused(
                    client.update_item,
                    TableName=attacked.table,
                    Key=key,
                    UpdateExpression=expression,
                    ExpressionAttributeValues=values,
                )
    attacked.world.untag(other)
    attacked.run(600)
    assert attacked.allowed([other, account_id]) == []


def _refused(call: Any, **request: Any) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        call(**request)


# As a user of the hub who may write the table -----------------------------------------------------------------


def test_forged_removals_that_claim_to_be_uncounted_need_an_approval(attacked: Attacked) -> None:
    accounts = attacked.crowd(8)
    for account_id in accounts[:7]:
        attacked.put_everywhere(
            f"pending#{account_id}#default",
            arn={"S": attacked.role(account_id)},
            allow={"BOOL": False},
            counted={"BOOL": False},
            generation={"N": "99"},
            asked={"S": "2026-11-24T08:00:00.000000+00:00"},
        )
    attacked.crowd(1)
    assert len(attacked.allowed(accounts)) == 8 - 5
    assert [mail for mail in attacked.world.sns.published if "approve 2 revocations" in (mail.subject or "")]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("lease", {"holder": {"S": "me"}, "expires": {"S": "2999-01-01T00:00:00.000000+00:00"}}),
        ("lease", {"holder": {"S": "me"}, "expires": {"N": "1"}}),
        ("lease", {"holder": {"M": {}}}),
        (
            "lease",
            {
                "versions": {"M": {"quick-athena-access-1": {"S": "X/v999999"}}},
                "versions_at": {"S": "2999-01-01T00:00:00.000000+00:00"},
            },
        ),
        (
            "lease",
            {"versions": {"M": {"any": {"S": "X/v1e9"}}}, "versions_at": {"S": "2026-11-24T08:20:00.000000+00:00"}},
        ),
        ("revoked", {"revoked_at": {"M": {f"{n}#a": {"S": "2999-01-01T00:00:00+00:00"} for n in range(9)}}}),
        ("revoked", {"revoked_at": {"M": {"a": {"S": "soon"}, "b": {"N": "1"}, "c": {"S": "2026-11-24T08:00:00"}}}}),
        ("expected", {"connections": {"L": [{"S": "any"}]}}),
        ("expected", {"connections": {"SS": ["any"]}, "approved": {"S": "no batch"}}),
        ("expected", {"connections": {"SS": ["any"]}, "approved": {"S": "1-20261124080000"}}),
        ("held", {"id": {"S": "no plan's id"}, "connections": {"SS": ["any"]}, "number": {"S": "many"}}),
        ("held", {"id": {"N": "1"}, "stale_token": {"N": "1"}, "connections": {"S": "any"}}),
        ("pending#*#default", {"arn": {"S": WILD}, "allow": {"BOOL": True}, "generation": {"N": "1"}}),
        ("pending#odd", {}),
        ("pending#{account}#default", {"allow": {"S": "no"}, "generation": {"N": "9999999999"}}),
        ("pending#{account}#default", {"allow": {"BOOL": True}, "generation": {"N": "1E+30"}}),
    ],
)
def test_whatever_stands_in_the_registry_a_revocation_happens(
    attacked: Attacked, name: str, values: dict[str, Any]
) -> None:
    (account_id,) = attacked.crowd(1)
    attacked.put_everywhere(name.replace("{account}", account_id), **values)
    attacked.world.untag(account_id)
    attacked.run(600)
    assert attacked.allowed([account_id]) == []
    assert attacked.status(account_id) == "quarantined"
    assert attacked.went_off("RefusedChanges") == name.startswith("pending#")


# Entries nobody asked for ---------------------------------------------------------------------------------------


def test_an_entry_for_every_account_goes_and_raises_an_alarm(attacked: Attacked) -> None:
    (account_id,) = attacked.crowd(1)
    attacked.add_entries(WILD)
    attacked.sweep()
    assert WILD not in attacked.world.allowed_roles()
    assert attacked.allowed([account_id]) == [account_id]
    assert attacked.went_off("UnexpectedEntries")
    report = attacked.world.last_sweep()
    assert (report["unexpected"], report["removed_entries"]) == ([WILD], [WILD])


def test_a_quarantined_account_that_somebody_opened_by_hand_is_closed_again_and_told(attacked: Attacked) -> None:
    other, account_id = attacked.crowd(2)
    attacked.world.untag(account_id)
    attacked.run(600)
    assert not attacked.went_off("UnexpectedEntries")
    outsider = "arn:aws:iam::999988887777:role/quick-athena-default"
    attacked.add_entries(attacked.role(account_id), outsider)
    attacked.sweep()
    assert attacked.allowed([other, account_id]) == [other]
    assert outsider not in attacked.world.allowed_roles()
    assert attacked.went_off("UnexpectedEntries")
    ours, theirs = attacked.world.last_sweep()["unexpected"]
    assert ours.startswith(f"{account_id} (member-")
    assert theirs == "999988887777, profile default"


# The queue of stack set changes ----------------------------------------------------------------------------

QUEUE = "stackset#quick-athena-default"


def change(account_id: str, kind: str, answers: str = "nobody") -> dict[str, Any]:
    """A forged change of an account's stack. `answers`: the task token that gets the answer."""
    value = {
        "account_id": account_id,
        "kind": kind,
        "holder": "me",
        "token": answers,
        "version": "any",
        "requested_at": "2026-11-24T08:00:00.000Z",
    }
    return {
        "pk": {"S": QUEUE},
        "sk": {"S": f"change#{account_id}"},
        "value": {"S": json.dumps(value)},
        "token": {"S": answers},
    }


def forge_claim(attacked: Attacked, account_id: str, holder: str) -> None:
    """Let the claim say that this holder has the account."""
    attacked.put(pk={"S": f"account#{account_id}"}, sk={"S": "claim"}, holder={"S": holder}, generation={"N": "1"})


@pytest.mark.parametrize("kind", ["delete", "retain"])
def test_no_forged_change_removes_a_role_that_is_in_use(attacked: Attacked, kind: str) -> None:
    (victim,) = attacked.crowd(1)
    forge_claim(attacked, victim, "me")
    attacked.put(**change(victim, kind))
    attacked.crowd(1)  # somebody else's change starts the operator
    assert attacked.has_role(victim)
    assert attacked.allowed([victim]) == [victim]
    assert not list(attacked.world.cloud.gateway.log.of("DeleteStackInstances"))


def test_a_role_that_a_forged_change_creates_is_of_no_use(attacked: Attacked) -> None:
    victim = attacked.member("victim")
    forge_claim(attacked, victim, "me")
    attacked.put(**change(victim, "create"))
    attacked.crowd(1)
    assert attacked.has_role(victim)
    assert attacked.allowed([victim]) == []


def test_no_forged_change_has_a_function_approve_batch(attacked: Attacked) -> None:
    accounts = attacked.crowd(8)
    for account_id in accounts[:7]:
        attacked.world.untag(account_id)
    attacked.run(300)
    assert len(attacked.allowed(accounts)) == 3
    approval = next(each for each in attacked.world.records() if each["pk"] == "access#approval")
    token = {"S": approval["token"]}
    attacked.put(**{**change(accounts[0], "create", approval["token"]), "token": token})
    attacked.put(
        pk={"S": "access#pending"},
        sk={"S": f"{accounts[7]}#default"},
        allow={"BOOL": True},
        generation={"N": "1"},
        task_token=token,
    )
    attacked.crowd(1)
    assert len(attacked.allowed(accounts)) == 3


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("operator", {"epoch": {"N": "99999999999999999999"}}),
        ("operator", {"epoch": {"S": "many"}}),
        ("operator", {"epoch": {"N": "-7"}}),
        ("rollout", {"value": {"S": "[]"}, "last_kind": {"S": "create"}}),
        ("batch", {"value": {"S": "not JSON"}}),
        ("change#odd", {}),
        ("change#{account}", {"value": {"N": "1"}}),
    ],
)
def test_whatever_stands_in_the_queue_an_account_is_connected(
    attacked: Attacked, name: str, values: dict[str, Any]
) -> None:
    account_id = attacked.member("newcomer")
    attacked.put(pk={"S": QUEUE}, sk={"S": name.format(account=account_id)}, **values)
    attacked.world.tag(account_id, "enabled")
    attacked.run(600)
    assert attacked.allowed([account_id]) == [account_id]


def test_a_forged_batch_is_given_up(attacked: Attacked) -> None:
    batch = {
        "operation_id": "qa-forged",
        "kind": "delete",
        "accounts": ["222233334444"],
        "version": "",
        "started_at": "2026-11-24T08:00:00.000Z",
        "defines": False,
    }
    attacked.put(
        pk={"S": QUEUE}, sk={"S": "batch"}, value={"S": json.dumps(batch)}, operation_id={"S": batch["operation_id"]}
    )
    assert len(attacked.crowd(2)) == 2
    assert not list(attacked.world.cloud.gateway.log.of("DeleteStackInstances"))
