"""The access ledger: pending wishes and the writer's lease, in the registry table under pk `access`."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from control_plane.access_policy import Changes
from control_plane.aws.calls import code_of, named_errors
from control_plane.brake import Removal
from control_plane.ports import Wish, Wishes

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LEASE = timedelta(seconds=90)  # longer than the writing function's timeout: a live writer never loses it
READ_LAG = timedelta(minutes=5)  # after that a version we wrote and don't see was taken away, not delayed
ACCESS = {"S": "access"}
PENDING = "pending#"
LEASE_KEY: Any = {"pk": ACCESS, "sk": {"S": "lease"}}


class DynamoDbLedger:
    """Port `AccessLedger` over DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client, self._table = client, table

    def ask(self, wish: Wish, arn: str, now: str) -> None:
        """Note one wish; a later generation's replaces it, an earlier one's comes too late."""
        self._attempt(
            self._client.update_item,
            Key={"pk": ACCESS, "sk": {"S": f"{PENDING}{wish.connection.key}"}},
            # Who waits keeps the place it has had since it asked first.
            UpdateExpression=(
                "SET arn = :arn, allow = :allow, counted = :counted, generation = :generation, "
                "asked = if_not_exists(asked, :now)"
            ),
            ConditionExpression="attribute_not_exists(pk) OR generation <= :generation",
            ExpressionAttributeValues={
                ":arn": {"S": arn},
                ":allow": {"BOOL": wish.allow},
                ":counted": {"BOOL": wish.counted},
                ":generation": {"N": str(wish.generation)},
                ":now": {"S": _after(now)},
            },
        )

    def pending(self) -> Wishes:
        """Everything asked for and not applied."""
        with named_errors():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :access AND begins_with(sk, :pending)",
                ExpressionAttributeValues={":access": ACCESS, ":pending": {"S": PENDING}},
                ConsistentRead=True,
            )
            items: list[Any] = [item for page in pages for item in page["Items"]]
        going = [item for item in items if not item["allow"]["BOOL"]]
        return Wishes(
            Changes(
                add=frozenset(item["arn"]["S"] for item in items if item["allow"]["BOOL"]),
                remove=frozenset(item["arn"]["S"] for item in going),
            ),
            receipt=tuple((item["sk"]["S"], int(item["generation"]["N"])) for item in items),
            removals=tuple(
                Removal(
                    key=item["sk"]["S"].removeprefix(PENDING),
                    arn=item["arn"]["S"],
                    counted=item["counted"]["BOOL"],
                    asked=item["asked"]["S"],
                )
                for item in going
            ),
        )

    def applied(self, wishes: Wishes) -> None:
        """Forget wishes that hold now, unless they were replaced meanwhile."""
        for sort_key, generation in wishes.receipt:
            self._attempt(
                self._client.delete_item,
                Key={"pk": ACCESS, "sk": {"S": sort_key}},
                ConditionExpression="generation = :generation",
                ExpressionAttributeValues={":generation": {"N": str(generation)}},
            )

    def acquire(self, holder: str, now: str) -> bool:
        """Become the one writer; False while another one is. A lease outlived by its holder is taken over."""
        return self._attempt(
            self._client.update_item,
            Key=LEASE_KEY,
            UpdateExpression="SET holder = :holder, expires = :expires",
            ConditionExpression="attribute_not_exists(holder) OR holder = :holder OR expires < :now",
            ExpressionAttributeValues={
                ":holder": {"S": holder},
                ":expires": {"S": _after(now, LEASE)},
                ":now": {"S": _after(now)},
            },
        )

    def holds(self, holder: str) -> bool:
        """Whether the holder still is the one writer, read consistently."""
        return bool(self._lease().get("holder", {}).get("S") == holder)

    def written(self, now: str) -> Mapping[str, str]:
        """The versions recent writers left, by shard name: IAM may still answer older ones."""
        lease = self._lease()
        if "left_at" not in lease or lease["left_at"]["S"] < _after(now, -READ_LAG):
            return {}
        return {name: version["S"] for name, version in lease["left"]["M"].items()}

    def release(self, holder: str, versions: Mapping[str, str], now: str) -> None:
        """Let others write, and say what was left. A lease taken over meanwhile is the other's."""
        left = {**self.written(now), **versions}
        self._attempt(
            self._client.update_item,
            Key=LEASE_KEY,
            UpdateExpression="REMOVE holder, expires SET #left = :left" + (", left_at = :now" if versions else ""),
            ConditionExpression="holder = :holder",
            ExpressionAttributeNames={"#left": "left"},
            ExpressionAttributeValues={
                ":holder": {"S": holder},
                ":left": {"M": {name: {"S": version} for name, version in left.items()}},
                **({":now": {"S": _after(now)}} if versions else {}),
            },
        )

    def _lease(self) -> dict[str, Any]:
        with named_errors():
            found = self._client.get_item(TableName=self._table, Key=LEASE_KEY, ConsistentRead=True)
        return dict(found.get("Item", {}))

    def _attempt(self, write: Any, **request: Any) -> bool:
        """Whether a conditional write's condition held."""
        try:
            with named_errors():
                write(TableName=self._table, **request)
        except ClientError as error:
            if code_of(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True


def _after(moment: str, delay: timedelta = timedelta()) -> str:
    """A moment in one comparable form: ISO 8601, UTC, microseconds."""
    return (datetime.fromisoformat(moment) + delay).isoformat(timespec="microseconds")
