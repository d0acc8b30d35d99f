"""A cache of Amazon Quick's assets in the registry table, under pk `quick`. All removals share it."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from control_plane.aws.calls import code_of, named_errors
from control_plane.dependents import Asset
from control_plane.ports.quick import ListingProgress

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

QUICK = {"S": "quick"}
LISTING: Any = {"pk": QUICK, "sk": {"S": "listing"}}


class DynamoDbAssetCache:
    """Port `AssetCache` over DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client, self._table = client, table

    def try_reserve(self, now: datetime, until: datetime) -> bool:
        """Reserve Quick's API until then; False while somebody else has it reserved."""
        try:
            with named_errors():
                self._client.update_item(
                    TableName=self._table,
                    Key=LISTING,
                    UpdateExpression="SET busy_until = :until",
                    ConditionExpression="attribute_not_exists(busy_until) OR busy_until <= :now",
                    ExpressionAttributeValues={":until": {"S": _text(until)}, ":now": {"S": _text(now)}},
                )
        except ClientError as error:
            if code_of(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def listing(self) -> ListingProgress:
        """How far the listing has come."""
        with named_errors():
            found = self._client.get_item(TableName=self._table, Key=LISTING, ConsistentRead=True).get("Item", {})
        return ListingProgress(*(found.get(name, {}).get("S", "") for name in ("since", "kind", "next_token")))

    def keep_listing(self, listing: ListingProgress) -> None:
        """Store how far the listing has come."""
        with named_errors():
            self._client.update_item(
                TableName=self._table,
                Key=LISTING,
                UpdateExpression="SET since = :since, kind = :kind, next_token = :token",
                ExpressionAttributeValues={
                    ":since": {"S": listing.since},
                    ":kind": {"S": listing.kind},
                    ":token": {"S": listing.token},
                },
            )

    def assets(self) -> list[Asset]:
        """All known assets."""
        with named_errors():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :quick",
                ExpressionAttributeValues={":quick": QUICK},
                ConsistentRead=True,
            )
            items: list[Any] = [item for page in pages for item in page["Items"]]
        return [_asset(item) for item in items if item["sk"] != LISTING["sk"]]

    def keep(self, asset: Asset) -> None:
        """Store one asset."""
        with named_errors():
            self._client.put_item(TableName=self._table, Item=_item(asset))

    def forget(self, asset: Asset) -> None:
        """Delete one asset from the cache."""
        with named_errors():
            self._client.delete_item(TableName=self._table, Key=_key(asset))


def _key(asset: Asset) -> Any:
    return {"pk": QUICK, "sk": {"S": f"{asset.kind}#{asset.id}"}}


def _item(asset: Asset) -> Any:
    described = {} if asset.uses is None else {"uses": _list(asset.uses)}
    owned = {"owners": _list(asset.owners), "owners_asked": {"S": asset.owners_asked}} if asset.owners_asked else {}
    text = {"arn": asset.arn, "name": asset.name, "last_updated": asset.updated, "seen": asset.seen}
    return {**_key(asset), **{name: {"S": value} for name, value in text.items()}, **described, **owned}


def _asset(item: Any) -> Asset:
    kind, _, asset_id = item["sk"]["S"].partition("#")
    return Asset(
        kind=kind,
        id=asset_id,
        arn=item["arn"]["S"],
        name=item["name"]["S"],
        updated=item["last_updated"]["S"],
        seen=item["seen"]["S"],
        uses=_strings(item["uses"]) if "uses" in item else None,
        owners=_strings(item["owners"]) if "owners" in item else (),
        owners_asked=item.get("owners_asked", {}).get("S", ""),
    )


def _list(texts: tuple[str, ...]) -> Any:
    return {"L": [{"S": text} for text in texts]}


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(each["S"] for each in value["L"])


def _text(moment: datetime) -> str:
    """A time as comparable text: ISO 8601 with microseconds."""
    return moment.isoformat(timespec="microseconds")
