"""EnsureProof: one row of SPICE, what it proves, and what becomes of a refusal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import botocore.session
import pytest

from control_plane import ingestion_errors, propagation
from control_plane.errors import MissingPermission, NotOurs
from control_plane.ingestion_errors import BRIEF, PARTS, ROWS, UNKNOWN, Fault, Part, explain
from control_plane.ports.quick import Refusal
from control_plane.proof import Proof, statement
from control_plane.steps.data_source import RetryState
from control_plane.steps.proof import PATIENCE, Progress, ensure
from tests.fakes import FakeProofDataSets
from tests.unit.control_plane.vocabulary import CONNECTION, CONSUMER, HUB, profile

SINCE = datetime(2026, 11, 24, 8, tzinfo=UTC)
ID = CONNECTION.proof_id
TABLE = profile(databases=["quick_*"], proof_table="quick_sales.orders")
AFTER_ALL = timedelta(minutes=20)  # longer than any delay
DENIED = Refusal("PERMISSION_DENIED", "not authorized to perform: s3:GetObject on resource: arn:aws:s3:::data/x")


class Proving:
    """One connection that is proven, and the time that passes."""

    def __init__(self, *, reads_table: bool = False) -> None:
        self.data_sets = FakeProofDataSets(HUB)
        self.statement = statement(TABLE if reads_table else profile())
        self.now = SINCE
        self.progress = Progress()

    def step(self, after: timedelta = timedelta()) -> Progress:
        """One invocation, so long after the last."""
        self.now += after
        retry_state = RetryState(SINCE, self.now, self.progress.attempt)
        self.progress = ensure(CONNECTION, self.statement, HUB, self.progress, retry_state, self.data_sets)
        return self.progress

    def attempt(self, failure: Refusal | None = None, after: timedelta = timedelta()) -> Progress:
        """Begin an import and see its end."""
        self.data_sets.failures = [failure] if failure else []
        self.step(after)
        self.data_sets.tick()
        return self.step()

    def until_ended(self, failure: Refusal) -> Progress:
        """Try until nothing is tried again."""
        while not self.attempt(failure, timedelta(seconds=self.progress.pause)).ended:
            assert self.now < SINCE + timedelta(hours=1)
        return self.progress


# --- the statement -----------------------------------------------------------------------------------------


def test_without_a_table_a_number_is_selected() -> None:
    assert statement(profile()).sql == "SELECT 1 AS proof"


@pytest.mark.parametrize(
    ("catalog", "path"),
    [("AwsDataCatalog", '"quick_sales"."orders"'), ("lake", '"lake"."quick_sales"."orders"')],
)
def test_of_a_table_no_value_is_selected(catalog: str, path: str) -> None:
    wanted = TABLE.model_copy(update={"catalog": catalog})
    assert statement(wanted).sql.partition(" FROM ")[::2] == ("SELECT 1 AS proof", f"{path} LIMIT 1")


@pytest.mark.parametrize(
    ("reads_table", "rows", "legs"),
    [
        (False, 1, "roles, workgroup, results"),
        (True, 1, "roles, workgroup, results, catalog, data"),
        (True, 0, "roles, workgroup, results, catalog"),
    ],
)
def test_what_is_proven_depends_on_what_was_read(*, reads_table: bool, rows: int, legs: str) -> None:
    there = Proving(reads_table=reads_table)
    there.data_sets.rows = rows
    assert there.attempt() == Progress(ended=True, proof=Proof.QUERIED, legs=legs)


# --- from nothing to proven --------------------------------------------------------------------------------


def test_a_proof_takes_two_looks_and_leaves_nothing() -> None:
    there = Proving()
    begun = there.step()
    assert (begun.ended, begun.pause, begun.ingestion_id, begun.begun) == (False, 8, "ingestion-1", SINCE)
    there.data_sets.tick()
    assert there.step(timedelta(seconds=8)).proof is Proof.QUERIED
    assert (there.data_sets.owned, there.data_sets.calls) == ({}, ["create", "remove"])


def test_an_import_under_way_is_looked_at_less_and_less_often() -> None:
    there = Proving()
    there.step()
    pauses = [there.step(timedelta(seconds=there.progress.pause)).pause for _ in range(6)]
    assert pauses == [8, 16, 32, 60, 60, 60]
    assert there.data_sets.calls == ["create"]


def test_an_import_that_does_not_end_is_given_up_and_is_nobodys_fault() -> None:
    there = Proving()
    there.step()
    ended = there.step(PATIENCE)
    assert (ended.ended, ended.degraded, ended.proof) == (True, False, Proof.CREATED)
    assert ended.finding.startswith("UNFINISHED: the import did not end within 0:30:00")
    assert there.data_sets.owned == {}


def test_what_a_stopped_execution_left_behind_is_replaced() -> None:
    there = Proving()
    there.step()
    there.progress = Progress()
    again = there.step()
    assert (again.ended, again.ingestion_id, there.data_sets.owned) == (False, "", {})
    assert there.attempt(after=timedelta(seconds=again.pause)).proof is Proof.QUERIED


@pytest.mark.parametrize(("tags", "shown"), [({"managed-by": "somebody"}, "'somebody'"), ({}, "None")])
def test_a_data_set_of_somebody_else_is_not_touched(tags: dict[str, str], shown: str) -> None:
    there = Proving()
    there.data_sets.owned[ID] = tags
    with pytest.raises(NotOurs, match=f"the data set {ID} exists already: tag managed-by is {shown}"):
        there.step()
    assert there.data_sets.calls == ["create"]


def test_a_data_set_that_somebody_deletes_meanwhile_is_made_again() -> None:
    there = Proving()
    there.step()
    there.data_sets.remove(ID)
    assert (there.step().ended, there.progress.attempt) == (False, 1)
    assert there.attempt().proof is Proof.QUERIED


# --- refusals ----------------------------------------------------------------------------------------------


def test_a_denial_is_waited_out_and_may_heal() -> None:
    there = Proving()
    pauses = [there.attempt(DENIED, timedelta(seconds=there.progress.pause)).pause for _ in range(4)]
    assert pauses == [8, 10, 20, 40]
    assert there.attempt().proof is Proof.QUERIED


def test_a_denial_that_lasts_degrades_the_connection() -> None:
    there = Proving()
    ended = there.until_ended(DENIED)
    assert there.now - SINCE >= propagation.IAM.budget
    assert (ended.degraded, ended.error, ended.proof) == (True, "PERMISSION_DENIED", Proof.CREATED)
    assert ended.reason == f"account {CONSUMER}: EnsureProof (bucket): PERMISSION_DENIED: {DENIED.message}"
    assert there.data_sets.owned == {}


@pytest.mark.parametrize("kind", [*sorted(ROWS), "SOMETHING_NEW"])
def test_every_kind_ends_as_its_row_says(kind: str) -> None:
    """Nothing is tried longer than its delay; nothing is left; and either the account or the hub is at fault."""
    there, row = Proving(), ROWS.get(kind, UNKNOWN)
    ended = there.until_ended(Refusal(kind, "why"))
    waited = there.now - SINCE
    assert waited == timedelta() if row.delay is None else row.delay.budget <= waited < row.delay.budget * 2
    if row.fault is Fault.HUB:
        assert (ended.degraded, ended.error) == (False, "")
        assert ended.finding == f"{kind}: why. Likely: {row.cause}. Do: {row.remedy}"
    else:
        assert (ended.degraded, ended.finding, ended.error) == (True, "", kind)
        assert (ended.cause, ended.remedy) == (row.cause, row.remedy)
    assert there.data_sets.owned == {}


def test_a_refusal_of_create_data_set_is_explained_alike() -> None:
    there = Proving()
    there.data_sets.refusals = [Refusal("LimitExceededException", "too many data sets")]
    assert there.step().finding.startswith(
        "LimitExceededException: too many data sets. Likely: a limit of Amazon Quick"
    )


def test_a_permission_of_our_own_that_is_missing_is_a_failure_and_not_the_accounts() -> None:
    there = Proving()
    ours = Refusal("AccessDeniedException", "User: x is not authorized to perform: quicksight:CreateDataSet")
    there.data_sets.refusals = [ours] * 20
    assert not there.step().ended
    while there.progress.attempt + 1 < propagation.OWN_ROLE.attempts:
        assert not there.step(timedelta(minutes=1)).ended
    with pytest.raises(MissingPermission, match="quicksight:CreateDataSet"):
        there.step(timedelta(minutes=1))


# --- the table ---------------------------------------------------------------------------------------------


def model() -> botocore.model.ServiceModel:
    return botocore.session.get_session().get_service_model("quicksight")


def test_the_table_has_every_type_of_an_ingestions_error_and_every_error_of_create_data_set() -> None:
    types = set(model().shape_for("IngestionErrorType").enum)  # type: ignore[attr-defined]
    codes = {shape.name for shape in model().operation_model("CreateDataSet").error_shapes}
    raised = {"ThrottlingException", "InternalFailureException"}  # as Throttled
    without_type = {"CANCELLED", "UNFINISHED"}  # an ingestion's status, and what we call one that does not end
    assert set(ROWS) == types | (codes - raised) | without_type


@pytest.mark.parametrize(
    ("message", "part"),
    [
        (
            "User: arn:aws:sts::1:assumed-role/b/x is not authorized to perform: kms:Decrypt on arn:aws:kms:::key/1",
            "key",
        ),
        ("Access Denied (Service: AWSKMS; Status Code: 400): the ciphertext refers to a KMS key", "key"),
        ("Insufficient Lake Formation permission(s) on orders", "Lake Formation"),
        ("not authorized to perform: lakeformation:GetDataAccess on resource: *", "Lake Formation"),
        (
            "User: arn:aws:sts::1:assumed-role/b/x is not authorized to perform: s3:GetObject on arn:aws:s3:::a",
            "bucket",
        ),
        ("Access Denied (Service: Amazon S3; Status Code: 403)", "bucket"),
        ("not authorized to perform: glue:GetTable on resource: arn:aws:glue:::table/a/b", "catalog"),
        ("not authorized to perform: athena:StartQueryExecution on arn:aws:athena:::workgroup/x", "workgroup"),
        ("WorkGroup quick is not found.", "workgroup"),
        ("something else of arn:aws:sts::1:assumed-role/quick-athena-default/s3role", ""),
    ],
)
def test_the_part_that_refused_is_read_from_the_message(message: str, part: str) -> None:
    found = explain(CONSUMER, Refusal("PERMISSION_DENIED", message))
    known: Part | None = next((each for each in PARTS if each.name == part), None)
    assert (found.part, found.cause) == (part, known.cause if known else ROWS["PERMISSION_DENIED"].cause)


def test_of_another_kind_the_message_says_nothing_of_a_part() -> None:
    found = explain(CONSUMER, Refusal("SQL_TABLE_NOT_FOUND", "no table in s3://bucket"))
    assert (found.part, found.cause) == ("", ROWS["SQL_TABLE_NOT_FOUND"].cause)


def test_delays_are_shorter_than_an_execution_may_wait() -> None:
    assert all(row.delay in (None, BRIEF, ingestion_errors.IAM) for row in (*ROWS.values(), UNKNOWN))
