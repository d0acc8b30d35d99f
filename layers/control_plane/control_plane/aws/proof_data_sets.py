"""The data sets of proofs, in Amazon Quick. They have no permissions, so nobody sees them there."""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from control_plane.account import Hub
from control_plane.aws.calls import code_of, named_errors, tolerating, unless_missing
from control_plane.ports.quick import Ingestion, Refusal
from control_plane.proof import COLUMN

if TYPE_CHECKING:
    from mypy_boto3_quicksight import QuickSightClient

MISSING = "ResourceNotFoundException"
OVER = ("COMPLETED", "FAILED", "CANCELLED")
# Errors by which CreateDataSet refuses a request; any other error is raised.
REFUSALS = (
    MISSING,
    "AccessDeniedException",
    "ConflictException",
    "InvalidDataSetParameterValueException",
    "InvalidParameterValueException",
    "LimitExceededException",
    "ResourceExistsException",
    "UnsupportedUserEditionException",
)


class AwsProofDataSets:
    """Port `ProofDataSets` over Amazon Quick."""

    def __init__(self, client: "QuickSightClient", hub: Hub) -> None:
        self._client, self._hub = client, hub

    def tags(self, data_set_id: str) -> dict[str, str] | None:
        """The tags of a data set; None when it does not exist."""
        hub = self._hub
        arn = f"arn:{hub.partition}:quicksight:{hub.region}:{hub.account_id}:dataset/{data_set_id}"
        found = unless_missing(MISSING, self._client.list_tags_for_resource, ResourceArn=arn)
        return None if found is None else {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}

    def create(self, data_set_id: str, data_source_arn: str, sql: str) -> str | Refusal:
        """Create it with our ownership tags. Returns the id of the ingestion that Quick starts then, or its refusal."""
        columns = [{"Name": COLUMN, "Type": "INTEGER"}]
        query = {"DataSourceArn": data_source_arn, "Name": COLUMN, "SqlQuery": sql, "Columns": columns}
        tags = [{"Key": key, "Value": value} for key, value in self._hub.ownership_tags.items()]
        request: Any = {"Name": data_set_id, "PhysicalTableMap": {COLUMN: {"CustomSql": query}}, "Tags": tags}
        with named_errors():
            try:
                made = self._client.create_data_set(**self._named(data_set_id), ImportMode="SPICE", **request)
            except ClientError as error:
                if code_of(error) not in REFUSALS:
                    raise
                return Refusal(code_of(error), str(error))
        return made["IngestionId"]

    def ingestion(self, data_set_id: str, ingestion_id: str) -> Ingestion | None:
        """How an ingestion stands; None when it, or its data set, does not exist any more."""
        named = {**self._named(data_set_id), "IngestionId": ingestion_id}
        answer = unless_missing(MISSING, self._client.describe_ingestion, **named)
        return None if answer is None else _ingestion(answer["Ingestion"])

    def remove(self, data_set_id: str) -> None:
        """Delete a data set; no error when it does not exist."""
        with named_errors(), tolerating(MISSING):
            self._client.delete_data_set(**self._named(data_set_id))

    def _named(self, data_set_id: str) -> Any:
        return {"AwsAccountId": self._hub.account_id, "DataSetId": data_set_id}


def _ingestion(found: Any) -> Ingestion:
    status = found["IngestionStatus"]
    if status not in OVER:
        return Ingestion(is_over=False)
    if status == "COMPLETED":
        return Ingestion(is_over=True, rows=found.get("RowInfo", {}).get("RowsIngested", 0))
    error = found.get("ErrorInfo", {})
    return Ingestion(is_over=True, failure=Refusal(error.get("Type", status), error.get("Message", "")))
