"""Events that RouteEvent could not use and kept, in the registry table under pk `unread`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from control_plane.aws.dynamodb import Item, Table, item_key, string
from control_plane.events import KeptEvent

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PARTITION, PREFIX = "unread", "unread#"


class DynamoDbKeptEvents:
    """What people read, and delete when they have dealt with it."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

    def every(self) -> Iterator[KeptEvent]:
        """All that are kept."""
        yield from map(_read, self._table.query("pk = :unread", {":unread": {"S": PARTITION}}))

    def find(self, event_id: str) -> KeptEvent | None:
        """One of them; None when it is not kept."""
        found = self._table.get(item_key(PARTITION, f"{PREFIX}{event_id}"))
        return _read(found) if found else None

    def forget(self, event_id: str) -> None:
        """Delete it."""
        self._table.delete(item_key(PARTITION, f"{PREFIX}{event_id}"))


def _read(item: Item) -> KeptEvent:
    return KeptEvent(
        id=string(item, "sk").removeprefix(PREFIX),
        at=string(item, "updated"),
        error=string(item, "error"),
        reason=string(item, "reason"),
        remedy=string(item, "remedy"),
        text=string(item, "event"),
    )
