"""What a sweep stores between its steps, in the registry table under pk `sweep#<id>`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from control_plane.aws.dynamodb import Table, item_key
from control_plane.opt_in import Value

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

RETENTION = timedelta(days=14)
V = TypeVar("V", bound=Value)


class DynamoDbSweepStore:
    """Port `SweepStore` over DynamoDB, which deletes an item some time after its `expires_at`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

    def put(self, sweep_id: str, name: str, value: Value) -> None:
        """Store one value; it replaces an older one of that name."""
        expires: Any = {"expires_at": {"N": str(_expiry(sweep_id))}} if sweep_id else {}
        text = value.model_dump_json(exclude_defaults=True)
        self._table.put({**_key(sweep_id, name), "value": {"S": text}, **expires})

    def get(self, sweep_id: str, name: str, model: type[V]) -> V | None:
        """One value, or None."""
        found = self._table.get(_key(sweep_id, name))
        return model.model_validate_json(found["value"]["S"]) if found else None

    def every(self, sweep_id: str, prefix: str, model: type[V]) -> Iterator[V]:
        """The values whose names start with the prefix, in order of their names."""
        values = {":sweep": _key(sweep_id, "")["pk"], ":prefix": {"S": prefix}}
        for item in self._table.query("pk = :sweep AND begins_with(sk, :prefix)", values):
            yield model.model_validate_json(item["value"]["S"])


def _key(sweep_id: str, name: str) -> Any:
    """The key of a value. What outlives a sweep has no id, and a partition that other steps can't write."""
    return item_key(f"sweep#{sweep_id}" if sweep_id else "report", name)


def _expiry(sweep_id: str) -> int:
    """When a sweep's values expire. A sweep's id starts with its start time: YYYYMMDDhhmmss."""
    started = datetime.strptime(sweep_id[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    return int((started + RETENTION).timestamp())
