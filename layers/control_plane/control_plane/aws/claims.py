"""Who holds an account's claim, read from the registry table."""

from typing import TYPE_CHECKING

from control_plane.aws.calls import named_errors
from control_plane.aws.items import ACCOUNT, CLAIM, text

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDbClaims:
    """Port `Claims` over DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client, self._table = client, table

    def is_held_by(self, account_id: str, execution: str) -> bool:
        """Whether that execution holds the account's claim now, read consistently."""
        with named_errors():
            found = self._client.get_item(
                TableName=self._table,
                Key={"pk": {"S": f"{ACCOUNT}{account_id}"}, "sk": {"S": CLAIM}},
                ProjectionExpression="holder",
                ConsistentRead=True,
            )
        return text(found.get("Item", {}), "holder") == execution
