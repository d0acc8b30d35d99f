"""A connection is proven by a query of Quick's own, again and again; what fails says which part of the way it was."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from control_plane.account import has_turn
from sandbox.aws.clock import VirtualClock
from sandbox.organization import Sandbox
from tests.prototypes import directory, prototype
from tests.simulation.conftest import START, Story, deployed
from tests.simulation.sealed import PROFILE, encrypt, layer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WHOLE = "roles, workgroup, results, catalog, data"
DAY = 86_400
TOMORROW = START.replace(hour=0, minute=1) + timedelta(days=1)  # its sweep is at three


class Proving:
    """An account that is connected through the sealed profile, and what one does to the way from Quick to its data."""

    def __init__(self, story: Story, account_id: str, other: str) -> None:
        self.story, self.world, self.account_id, self.other = story, story.world, account_id, other
        self.hub = self.world.cloud.topology.hub

    @property
    def record(self) -> dict[str, Any]:
        """The connection's record."""
        found = self.world.record(self.account_id, PROFILE)
        assert found is not None
        return found

    def iam(self) -> Any:
        """IAM of the account, as its administrator."""
        return self.world.boto3_session(self.account_id).client("iam")

    def without(self, sid: str) -> None:
        """Somebody takes a statement away from the consumer role."""
        name = {"RoleName": f"quick-athena-{PROFILE}", "PolicyName": "query-athena"}
        policy = self.iam().get_role_policy(**name)["PolicyDocument"]
        policy["Statement"] = [each for each in policy["Statement"] if each["Sid"] != sid]
        self.iam().put_role_policy(**name, PolicyDocument=json.dumps(policy))
        self.world.iam.settle()

    def untrusted(self) -> None:
        """Somebody takes the run-as role out of the consumer role's trust."""
        name = f"quick-athena-{PROFILE}"
        trust = json.dumps(self.iam().get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"])
        trust = trust.replace("role/quick-athena-run-as", "role/somebody")
        self.iam().update_assume_role_policy(RoleName=name, PolicyDocument=trust)
        self.world.iam.settle()

    def under_lake_formation(self) -> None:
        """The table is governed by Lake Formation, which the consumer role may not ask."""
        self.world.quick.lake_formation_locations.add(f"arn:aws:s3:::quick-data-{self.account_id}")
        self.without("LakeFormation")

    def without_table(self) -> None:
        """Somebody deletes the table."""
        glue: Any = self.world.boto3_session(self.account_id).client("glue")
        glue.delete_table(DatabaseName="quick_sales", Name="orders")

    def reconcile(self, seconds: float | None = 3600) -> None:
        """The account is reconciled, and so much time passes."""
        self.story.start({"account_id": self.account_id})
        self.story.run(seconds)

    def until(self, happened: Callable[[], bool]) -> None:
        """Second by second, until that has happened."""
        for _ in range(600):
            if happened():
                return
            self.story.run(1)
        raise AssertionError("it did not happen within ten minutes")


@prototype
def proving() -> Iterator[Proving]:
    """An account whose proof reads a table with a key of its own, on the day of its turn; and another account."""
    consumer = layer(directory("consumer"))
    with Sandbox(VirtualClock(START), consumer) as world:
        world.create_organization()
        world.deploy(GracePeriodDays="1")
        world.warm_up()
        story = Story(world)
        account_id = _member_with_turn(story)
        encrypt(world, account_id)
        world.tag(account_id, PROFILE)
        other = story.tagged("other")
        assert not has_turn(other, TOMORROW)
        story.clock.run(until=TOMORROW)
        yield Proving(story, account_id, other)


def _member_with_turn(story: Story) -> str:
    """A member whose turn it is tomorrow."""
    account_id = story.member()
    while not has_turn(account_id, TOMORROW):
        account_id = story.member()
    return account_id


@prototype
def without_queries() -> Iterator[Story]:
    """A deployed sandbox that sends no queries."""
    yield from deployed(ProofQueries="disabled")


# --- connected means that a query went through ---------------------------------------------------------------


def test_connected_says_what_is_proven_and_nothing_is_left(proving: Proving) -> None:
    record = proving.record
    assert (record["status"], record["proof"], record["proven_legs"]) == ("connected", "queried", WHOLE)
    assert (record["proof_finding"], record["proof_at"], "error" in record) == ("", record["since"], False)
    assert proving.story.proofs() == []


def test_without_a_table_nothing_is_said_of_the_data(story: Story) -> None:
    record = story.world.record(story.tagged())
    assert record is not None
    assert (record["proof"], record["proven_legs"]) == ("queried", "roles, workgroup, results")


def test_an_empty_table_proves_no_data(proving: Proving) -> None:
    s3: Any = proving.world.boto3_session(proving.account_id).client("s3")
    s3.delete_object(Bucket=f"quick-data-{proving.account_id}", Key="quick_sales/orders/part-00000.csv")
    proving.reconcile()
    assert proving.record["proven_legs"] == "roles, workgroup, results, catalog"


def test_with_queries_switched_off_the_record_says_so(without_queries: Story) -> None:
    story = without_queries
    account_id = _member_with_turn(story)
    story.world.tag(account_id, "enabled")
    story.clock.run(until=TOMORROW)
    record = story.world.record(account_id)
    assert record is not None
    assert (record["status"], record["proof"], record["proven_legs"]) == ("connected", "created", "")
    assert record["proof_finding"] == "ProofQueries is disabled"
    assert "EnsureProof" not in story.last_connection.path
    story.start({"account_id": account_id})
    story.run(60)
    assert len(story.executions("ReconcileConnection")) == 1


def test_a_region_without_spice_capacity_is_a_finding_and_not_the_accounts_fault(proving: Proving) -> None:
    proving.world.quick.spice_is_full = True
    proving.reconcile()
    record = proving.record
    assert (record["status"], record["proof"], record["proven_legs"]) == ("connected", "created", "")
    assert record["proof_finding"].startswith("ACCOUNT_CAPACITY_LIMIT_EXCEEDED: ")
    assert "Do: buy SPICE capacity for this Region in Quick" in record["proof_finding"]
    assert proving.story.last.status == "SUCCEEDED"


# --- a proof that fails for each part, and heals ---------------------------------------------------------------

BREAKS: dict[str, tuple[Callable[[Proving], None], str, str]] = {  # what somebody does, the error and the cause
    "roles": (Proving.untrusted, "FAILURE_TO_ASSUME_ROLE", "Quick can't assume the run-as role or the consumer role"),
    "workgroup": (
        lambda proving: proving.without("AthenaWorkGroup"),
        "PERMISSION_DENIED",
        "the consumer role may not use the Athena workgroup",
    ),
    "results": (
        lambda proving: proving.without("ResultsObjects"),
        "PERMISSION_DENIED",
        "the consumer role may not read the data's bucket or write the results",
    ),
    "catalog": (
        lambda proving: proving.without("GlueDatabases"),
        "PERMISSION_DENIED",
        "the consumer role may not read the table's description",
    ),
    "bucket": (
        lambda proving: proving.without("OwnDataObjects"),
        "PERMISSION_DENIED",
        "the consumer role may not read the data's bucket",
    ),
    "key": (
        lambda proving: proving.without("KmsKeysThroughS3"),
        "PERMISSION_DENIED",
        "the consumer role may not use a KMS key",
    ),
    "Lake Formation": (
        Proving.under_lake_formation,
        "PERMISSION_DENIED",
        "Lake Formation does not let the consumer role read the table",
    ),
    "table": (Proving.without_table, "SQL_TABLE_NOT_FOUND", "the profile's proof_table does not exist"),
}


@pytest.mark.parametrize("part", BREAKS)
def test_a_proof_that_fails_degrades_the_connection_with_its_cause(proving: Proving, part: str) -> None:
    break_it, error, cause = BREAKS[part]
    break_it(proving)
    proving.reconcile()
    record = proving.record
    assert (record["status"], record["unsettled"], record["error"]) == ("degraded", "degraded", error)
    assert record["cause"].startswith(cause)
    assert f": EnsureProof{f' ({part})' if part in ('key', 'catalog', 'Lake Formation') else ''}" in record["reason"]
    assert (record["proof"], "proven_legs" in record, record["step"]) == ("created", False, "EnsureProof")
    # It is not hidden: access and data source stay, and people are told.
    assert proving.story.role(proving.account_id, PROFILE) in proving.world.allowed_roles()
    assert proving.story.data_source(proving.account_id, PROFILE) is not None
    assert proving.story.proofs() == []
    (mail,) = [each for each in proving.world.sns.published if "1 degraded" in (each.subject or "")]
    assert (error in mail.text, record["remedy"] in mail.text) == (True, True)


def test_a_degraded_connection_is_tried_by_each_sweep_and_heals(proving: Proving) -> None:
    policy = {"RoleName": f"quick-athena-{PROFILE}", "PolicyName": "query-athena"}
    before = proving.iam().get_role_policy(**policy)["PolicyDocument"]
    proving.without("KmsKeysThroughS3")
    proving.reconcile()
    since = proving.record["since"]
    proving.story.run(DAY)
    assert (proving.record["status"], proving.record["since"] > since) == ("degraded", True)
    assert any("EnsureProof (key)" in each for each in proving.world.last_sweep()["degraded"])
    proving.iam().put_role_policy(**policy, PolicyDocument=json.dumps(before))
    proving.story.run(DAY)
    record = proving.record
    assert (record["status"], record["proven_legs"], "error" in record) == ("connected", WHOLE, False)
    assert "degraded" not in proving.world.last_sweep()


def test_a_denial_that_passes_is_waited_out(proving: Proving) -> None:
    since = _time_of(proving, "since")
    proving.without("KmsKeysThroughS3")
    proving.reconcile(120)
    assert proving.record["status"] == "connected"
    proving.world.quick.lake_formation_locations.add(f"arn:aws:s3:::quick-data-{proving.account_id}")  # asks for no key
    proving.story.run(600)
    record = proving.record
    assert (record["status"], record["proven_legs"], _time_of(proving, "since")) == ("connected", WHOLE, since)
    assert _time_of(proving, "proof_at") > since + timedelta(hours=1)


def _time_of(proving: Proving, name: str) -> datetime:
    return datetime.fromisoformat(proving.record[name])


# --- again, every ten days -------------------------------------------------------------------------------------


def test_a_sweep_proves_those_whose_turn_it_is(proving: Proving) -> None:
    before = {name: _time_of(proving, name) for name in ("since", "proof_at")}
    other = proving.world.record(proving.other)
    proving.story.run(4 * 3600)
    assert _time_of(proving, "since") == before["since"]
    assert _time_of(proving, "proof_at") > before["proof_at"] + timedelta(hours=12)
    assert proving.world.record(proving.other) == other
    assert "outcomes" not in proving.world.last_sweep()


def test_several_reconciles_on_the_day_prove_once(proving: Proving) -> None:
    for _ in range(3):
        proving.reconcile(60)
    proofs = [each for each in proving.story.executions("ReconcileConnection") if "RecordProving" in each.path]
    assert len(proofs) == 1


# --- stopped in the middle -------------------------------------------------------------------------------------


def test_an_untag_during_a_proof_does_not_wait_for_it_and_leaves_nothing(
    proving: Proving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proving.world.quick._sets.ingestions, "_seconds", 300.0)
    proving.story.start({"account_id": proving.account_id})
    proving.until(lambda: bool(proving.story.proofs()))
    proving.world.untag(proving.account_id)
    proving.story.run(60)  # SPICE is still importing
    assert proving.record["status"] == "quarantined"
    assert "DiscardProof" in proving.story.executions("ReconcileConnection")[-2].path
    assert proving.story.proofs() == []
    assert proving.story.role(proving.account_id, PROFILE) not in proving.world.allowed_roles()
    assert "proof" not in proving.record
    proving.world.tag(proving.account_id, PROFILE)
    proving.story.run(600)
    assert (proving.record["status"], proving.record["proof"]) == ("connected", "queried")


@pytest.mark.parametrize("seconds", [20, 200, 500])
def test_an_untag_does_not_wait_for_denials_that_are_waited_out(proving: Proving, seconds: int) -> None:
    proving.untrusted()
    proving.reconcile(seconds)
    proving.world.untag(proving.account_id)
    proving.story.run(150)  # the longest wait between two tries is two minutes
    assert proving.record["status"] == "quarantined"
    assert proving.story.proofs() == []


def _stopped(proving: Proving) -> None:
    """An execution ends in the middle of a proof: nobody could clean up."""
    proving.story.start({"account_id": proving.account_id})
    proving.until(lambda: bool(proving.story.proofs()))
    for execution in (proving.story.last, proving.story.last_connection):
        states: Any = proving.world.boto3_session(proving.hub).client("stepfunctions")
        states.stop_execution(executionArn=execution.arn)
    assert proving.story.proofs() == [f"quick-athena-{proving.account_id}-{PROFILE}-proof"]
    assert "proof_at" not in proving.record


def test_after_a_crash_the_next_proof_replaces_what_is_left(proving: Proving) -> None:
    _stopped(proving)
    proving.story.run(2 * 3600)  # the watch finds the claim
    assert (proving.record["status"], proving.record["proof"]) == ("connected", "queried")
    assert _time_of(proving, "proof_at") > _time_of(proving, "since") + timedelta(hours=1)
    assert proving.story.proofs() == []


def test_after_a_crash_a_removal_deletes_what_is_left_and_reports_no_dependent(proving: Proving) -> None:
    _stopped(proving)
    proving.world.untag(proving.account_id)
    proving.story.run(60)
    assert (proving.record["status"], len(proving.story.proofs())) == ("quarantined", 1)
    proving.story.run(2 * DAY)
    assert (proving.record["status"], "dependents" in proving.record) == ("removed", False)
    assert proving.story.proofs() == []
    assert not [each for each in proving.world.sns.published if "stop working" in (each.subject or "")]


def test_a_data_set_of_somebody_elses_with_that_name_is_a_failure_and_stays(story: Story) -> None:
    account_id = story.member()
    hub = story.world.cloud.topology.hub
    source = f"arn:aws:quicksight:eu-west-1:{hub}:datasource/quick-athena-{account_id}-default"
    query = {"DataSourceArn": source, "Name": "x", "SqlQuery": "SELECT 1"}
    quick: Any = story.world.boto3_session(hub).client("quicksight")
    story.world.tag(account_id, "enabled")
    while story.data_source(account_id) is None:
        story.run(1)
    name = f"quick-athena-{account_id}-default-proof"
    tables: Any = {"x": {"CustomSql": query}}
    quick.create_data_set(AwsAccountId=hub, DataSetId=name, Name="x", PhysicalTableMap=tables, ImportMode="SPICE")
    story.run()
    record = story.world.record(account_id)
    assert record is not None
    assert (record["status"], record["error"], record["step"]) == ("failed", "NotOurs", "EnsureProof")
    assert story.proofs() == [name]
    assert story.role(account_id) in story.world.allowed_roles()


# --- what AWS refuses us ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("CreateDataSet", "ThrottlingException"),
        ("DescribeIngestion", "InternalFailureException"),
        ("DeleteDataSet", "ThrottlingException"),
        ("CreateDataSet", "ConflictException"),
    ],
)
def test_a_service_that_is_busy_for_a_while_is_waited_for(proving: Proving, operation: str, code: str) -> None:
    proving.world.faults.order(
        service="quicksight", operation=operation, code=code, message="slow", times=None, seconds=90
    )
    proving.reconcile()
    assert (proving.record["status"], proving.record["proof"]) == ("connected", "queried")
    assert _time_of(proving, "proof_at") > _time_of(proving, "since") + timedelta(hours=1)
    assert proving.story.proofs() == []


def test_a_permission_of_our_own_that_is_missing_is_a_failure_that_keeps_the_access(story: Story) -> None:
    iam: Any = story.world.boto3_session(story.world.cloud.topology.hub).client("iam")
    role = next(each["RoleName"] for each in iam.list_roles()["Roles"] if "EnsureProofFunction" in each["RoleName"])
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    story.run(60)
    account_id = story.tagged()
    record = story.world.record(account_id)
    assert record is not None
    assert (record["status"], record["error"], record["step"]) == ("failed", "MissingPermission", "EnsureProof")
    assert "quicksight:CreateDataSet" in record["reason"]
    assert story.role(account_id) in story.world.allowed_roles()


def test_a_long_queue_is_a_finding(proving: Proving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving.world.quick._sets.ingestions, "_seconds", 2 * 3600.0)
    proving.reconcile(35 * 60)
    assert (proving.record["status"], proving.record["proof"]) == ("connected", "created")
    assert proving.record["proof_finding"].startswith("UNFINISHED: ")
    assert proving.story.proofs() == []
