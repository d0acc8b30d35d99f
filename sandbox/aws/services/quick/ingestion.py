"""One import of a data set into SPICE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.aws.services.quick.answer import Refused


@dataclass(eq=False)
class Ingestion:
    """One import into SPICE."""

    id: str
    request_type: str
    created: datetime
    status: str = "INITIALIZED"
    ended: datetime | None = None
    failure: Refused | None = None
    rows: int | None = None

    def description(self, data_set_arn: str) -> dict[str, Any]:
        """As DescribeIngestion shows it."""
        failure = self.failure and {"Type": self.failure.ingestion_type, "Message": self.failure.message}
        took = self.ended and {"IngestionTimeInSeconds": int((self.ended - self.created).total_seconds())}
        return {
            "Arn": arn(data_set_arn, self.id),
            "IngestionId": self.id,
            "IngestionStatus": self.status,
            "CreatedTime": self.created,
            "RequestSource": "MANUAL",
            "RequestType": self.request_type,
            **(took or {}),
            **({} if self.rows is None else {"RowInfo": {"RowsIngested": self.rows, "RowsDropped": 0}}),
            **({"ErrorInfo": failure} if failure else {}),
        }


def arn(data_set_arn: str, ingestion_id: str) -> str:
    """An ingestion's ARN."""
    return f"{data_set_arn}/ingestion/{ingestion_id}"
