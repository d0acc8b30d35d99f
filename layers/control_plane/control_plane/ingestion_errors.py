"""Why SPICE did not take the one row of a proof: whose fault it is, how long it may be a delay, cause and remedy.

A kind is a type of an ingestion's ErrorInfo, or the error code by which CreateDataSet refuses. AWS documents neither
which type answers which fault nor the messages, so a missing permission is told apart by the service that AWS's message
names. An unknown kind counts as the account's.
"""

import re
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from control_plane import propagation
from control_plane.failure import RETRY
from control_plane.ports.quick import Refusal
from control_plane.propagation import Delay
from control_plane.text import LONGEST, bounded


class Fault(StrEnum):
    """Who has to do something: the account's owner (the connection is degraded), or us and AWS (it stays as it is)."""

    ACCOUNT = "account"
    HUB = "hub"


class Row(NamedTuple):
    """What is known of one kind of error. `delay`: how long the same query may succeed later; None: it is final."""

    fault: Fault
    delay: Delay | None
    cause: str
    remedy: str


class Explanation(NamedTuple):
    """One refusal in words. `part`: what refused, as far as AWS's message shows it."""

    fault: Fault
    part: str
    reason: str
    cause: str
    remedy: str


IAM = propagation.IAM
BRIEF = Delay(timedelta(minutes=2), 2)  # for what passes by itself, or what somebody did meanwhile
ASK_AGAIN = f"nothing, if the next sweep proves it; otherwise read AWS's message, {RETRY}"


def _same(kinds: Iterable[str], *row: Fault | Delay | str | None) -> dict[str, Row]:
    return dict.fromkeys(kinds, Row(*row))  # type: ignore[arg-type]


ROWS: dict[str, Row] = {
    **_same(
        ("FAILURE_TO_ASSUME_ROLE", "IAM_ROLE_NOT_AVAILABLE", "DATA_SOURCE_AUTH_FAILED"),
        Fault.ACCOUNT,
        IAM,
        "Quick can't assume the run-as role or the consumer role: a trust policy, a service or resource control "
        "policy, or the consumer role was changed",
        f"read which AssumeRole AWS's message names; undo what denies it, {RETRY}",
    ),
    **_same(
        ("PERMISSION_DENIED", "PERMISSION_NOT_FOUND", "AccessDeniedException"),
        Fault.ACCOUNT,
        IAM,
        "something denies the consumer role an action: a service control, bucket, key or Lake Formation policy, or a "
        "database that the profile does not name",
        f"read which action AWS's message names; allow it there, or correct the profile and deploy, {RETRY}",
    ),
    **_same(
        ("SQL_TABLE_NOT_FOUND",),
        Fault.ACCOUNT,
        None,
        "the profile's proof_table does not exist in this account, or Lake Formation hides it from the consumer role",
        f"create the table or have it shared, or name another proof_table and deploy, {RETRY}",
    ),
    **_same(
        ("SQL_EXCEPTION", "CUSTOMER_ERROR", "InvalidParameterValueException", "InvalidDataSetParameterValueException"),
        Fault.ACCOUNT,
        IAM,
        "Athena could not run the query: no workgroup or no place for its results, or a table whose data it can't read",
        f"run the same query in that account's Athena, in the profile's workgroup; fix what it says, {RETRY}",
    ),
    **_same(
        ("QUERY_TIMEOUT", "CONNECTION_FAILURE", "DATA_SOURCE_CONNECTION_FAILED", "SOURCE_API_LIMIT_EXCEEDED_FAILURE"),
        Fault.ACCOUNT,
        BRIEF,
        "Athena did not answer in time: the account's query queue is full, or the table has very many partitions",
        f"look at the workgroup's queue and quota in that account, or name a smaller proof_table and deploy, {RETRY}",
    ),
    **_same(
        ("SOURCE_RESOURCE_LIMIT_EXCEEDED",),
        Fault.ACCOUNT,
        BRIEF,
        "a limit of Athena in that account, for example the workgroup's limit of scanned bytes",
        f"raise the limit, or name a smaller proof_table and deploy, {RETRY}",
    ),
    **_same(
        ("ACCOUNT_CAPACITY_LIMIT_EXCEEDED",),
        Fault.HUB,
        None,
        "SPICE has no capacity left in this Region; only Quick's home Region begins with some",
        "buy SPICE capacity for this Region in Quick, or delete data sets; the next sweeps prove the connections. "
        "Without SPICE set ProofQueries to disabled",
    ),
    **_same(
        ("LimitExceededException", "UnsupportedUserEditionException", "DATA_SET_SIZE_LIMIT_EXCEEDED"),
        Fault.HUB,
        None,
        "a limit of Amazon Quick in the hub: its number of data sets, or an edition without SPICE",
        "raise the limit that AWS's message names; the next sweeps prove the connections",
    ),
    **_same(
        (
            "INGESTION_SUPERSEDED",
            "INGESTION_CANCELED",
            "CANCELLED",
            "DATA_SET_DELETED",
            "DATA_SET_NOT_SPICE",
            "SPICE_TABLE_NOT_FOUND",
            "REFRESH_SUPPRESSED_BY_EDIT",
            "ResourceExistsException",
            "ConflictException",
        ),
        Fault.HUB,
        BRIEF,
        "somebody changed, cancelled or deleted the data set of the proof while it ran",
        ASK_AGAIN,
    ),
    **_same(
        ("DATA_SOURCE_NOT_FOUND", "INVALID_DATA_SOURCE_CONFIG", "ResourceNotFoundException"),
        Fault.HUB,
        BRIEF,
        "somebody deleted or changed the data source while its proof ran",
        f"nothing: the next assessment of the account mends the data source; {ASK_AGAIN}",
    ),
    **_same(
        ("INTERNAL_SERVICE_ERROR",),
        Fault.HUB,
        BRIEF,
        "Amazon Quick failed",
        f"see in AWS Health whether Quick is down; {ASK_AGAIN}",
    ),
    **_same(
        ("UNFINISHED",),
        Fault.HUB,
        None,
        "SPICE queued the import behind others, or Athena queued the query",
        ASK_AGAIN,
    ),
    **_same(
        (
            "S3_UPLOADED_FILE_DELETED",
            "S3_MANIFEST_ERROR",
            "S3_FILE_INACCESSIBLE",
            "DATA_TOLERANCE_EXCEPTION",
            "ROW_SIZE_LIMIT_EXCEEDED",
            "SSL_CERTIFICATE_VALIDATION_FAILURE",
            "OAUTH_TOKEN_FAILURE",
            "PASSWORD_AUTHENTICATION_FAILURE",
            "SQL_SCHEMA_MISMATCH_ERROR",
            "INVALID_DATE_FORMAT",
            "INVALID_DATAPREP_SYNTAX",
            "SQL_INVALID_PARAMETER_VALUE",
            "SQL_NUMERIC_OVERFLOW",
            "UNRESOLVABLE_HOST",
            "UNROUTABLE_HOST",
            "IOT_FILE_NOT_FOUND",
            "IOT_DATA_SET_FILE_EMPTY",
            "FAILURE_TO_PROCESS_JSON_FILE",
            "ELASTICSEARCH_CURSOR_NOT_ENABLED",
            "CURSOR_NOT_ENABLED",
            "DUPLICATE_COLUMN_NAMES_FOUND",
        ),
        Fault.ACCOUNT,
        BRIEF,
        "an error that an Athena query of one number should never have",
        f"run the same query in that account's Athena, in the profile's workgroup; read AWS's message, {RETRY}",
    ),
}
UNKNOWN = Row(
    Fault.ACCOUNT,
    IAM,
    "an error of Quick that this control plane does not know",
    f"run the same query in that account's Athena, in the profile's workgroup; read AWS's message, {RETRY}",
)


class Part(NamedTuple):
    """A service that refused, and what to look at there."""

    name: str
    pattern: re.Pattern[str]
    cause: str
    remedy: str


# In this order: a message about a key or a bucket names Athena's role, too.
PARTS = (
    Part(
        "key",
        re.compile(r"\bkms:|\bKMS\b"),
        "the consumer role may not use a KMS key: the profile's kms_key_aliases lack it, or its key policy",
        "add the key's alias to the profile and deploy, or allow the role in the key policy",
    ),
    Part(
        "Lake Formation",
        re.compile(r"\blakeformation:|Lake ?Formation"),
        "Lake Formation does not let the consumer role read the table",
        "grant the consumer role SELECT on the table in Lake Formation, or set the profile's lake_formation and "
        "lake_formation_grants and deploy",
    ),
    Part(
        "bucket",
        re.compile(r"\bs3:|\bS3\b"),
        "the consumer role may not read the data's bucket or write the results: the profile's data_buckets lack it, "
        "or a bucket policy denies it",
        "add the bucket to the profile and deploy, or allow the role in the bucket policy",
    ),
    Part(
        "catalog",
        re.compile(r"\bglue:|\bGlue\b"),
        "the consumer role may not read the table's description: the profile's databases lack it, or a Glue resource "
        "policy denies it",
        "add the database to the profile and deploy, or allow the role in the Glue Data Catalog's policy",
    ),
    Part(
        "workgroup",
        re.compile(r"\bathena:|\bWorkGroup\b"),
        "the consumer role may not use the Athena workgroup, or there is no such workgroup",
        "name an existing workgroup in the profile and deploy, or undo what denies athena: actions in that account",
    ),
)
DENIALS = ("PERMISSION_DENIED", "PERMISSION_NOT_FOUND", "AccessDeniedException", "SQL_EXCEPTION", "CUSTOMER_ERROR")


def row(refusal: Refusal) -> Row:
    """What is known of its kind."""
    return ROWS.get(refusal.kind, UNKNOWN)


def explain(account_id: str, refusal: Refusal) -> Explanation:
    """Cause and remedy of a refusal."""
    found, part = row(refusal), _part(refusal)
    where = f" ({part.name})" if part else ""
    return Explanation(
        fault=found.fault,
        part=part.name if part else "",
        reason=bounded(f"account {account_id}: EnsureProof{where}: {refusal.kind}: {refusal.message}", LONGEST),
        cause=part.cause if part else found.cause,
        remedy=f"{part.remedy}, {RETRY}" if part else found.remedy,
    )


def _part(refusal: Refusal) -> Part | None:
    """The service that refused, by AWS's message."""
    if refusal.kind not in DENIALS:
        return None
    return next((part for part in PARTS if part.pattern.search(refusal.message)), None)
