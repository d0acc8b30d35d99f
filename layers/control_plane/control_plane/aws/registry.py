"""The registry table: one record for each connection and one claim for each account (docs/reference/registry.md)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from control_plane.aws.calls import named_errors

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CONNECTION = "connection#"
CLAIM = "claim"


class DynamoDbRegistry:
    """Port `Registry` over DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client, self._table = client, table

    def statuses(self, account_id: str) -> dict[str, str]:
        """Recorded status by profile."""
        with named_errors():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :account AND begins_with(sk, :connection)",
                ExpressionAttributeValues={
                    ":account": {"S": f"account#{account_id}"},
                    ":connection": {"S": CONNECTION},
                },
                ConsistentRead=True,
            )
            items = [item for page in pages for item in page["Items"]]
        return {item["sk"]["S"].removeprefix(CONNECTION): item["status"]["S"] for item in items}

    def record_failure(self, account_id: str, profile: str | None, failure: Mapping[str, str], now: str) -> None:
        """Keep what stopped a connection (or, without a profile, the whole account: on its claim)."""
        key = {
            "pk": {"S": f"account#{account_id}"},
            "sk": {"S": f"{CONNECTION}{profile}" if profile else CLAIM},
        }
        values = {**failure, "status": "failed", "updated": now}
        names = {f"#{name}": name for name in values}
        with named_errors():
            self._client.update_item(
                TableName=self._table,
                Key=key,
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={f":{name}": {"S": value} for name, value in values.items()},
            )
