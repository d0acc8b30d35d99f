"""A cache of Amazon Quick's assets in the registry table, under pk `quick`. All removals share it."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from control_plane.aws.dynamodb import Table, item_key, string
from control_plane.dependents import Asset
from control_plane.ports.quick import ListingProgress

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

QUICK = "quick"
LISTING = item_key(QUICK, "listing")


class DynamoDbAssetCache:
    """Port `AssetCache` over DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

    def try_reserve(self, now: datetime, until: datetime) -> bool:
        """Reserve Quick's API until then; False while somebody else has it reserved."""
        return self._table.update(
            LISTING,
            "SET busy_until = :until",
            {":until": {"S": _text(until)}, ":now": {"S": _text(now)}},
            condition="attribute_not_exists(busy_until) OR busy_until <= :now",
        )

    def listing(self) -> ListingProgress:
        """How far the listing has come."""
        found = self._table.get(LISTING)
        return ListingProgress(*(string(found, name) for name in ("since", "kind", "next_token")))

    def keep_listing(self, listing: ListingProgress) -> None:
        """Store how far the listing has come."""
        values = {":since": listing.since, ":kind": listing.kind, ":token": listing.token}
        self._table.update(
            LISTING,
            "SET since = :since, kind = :kind, next_token = :token",
            {name: {"S": value} for name, value in values.items()},
        )

    def assets(self) -> list[Asset]:
        """All known assets."""
        items = self._table.query("pk = :quick", {":quick": {"S": QUICK}})
        return [_asset(item) for item in items if item["sk"] != LISTING["sk"]]

    def keep(self, asset: Asset) -> None:
        """Store one asset."""
        self._table.put(_item(asset))

    def forget(self, asset: Asset) -> None:
        """Delete one asset from the cache."""
        self._table.delete(_key(asset))


def _key(asset: Asset) -> Any:
    return item_key(QUICK, f"{asset.kind}#{asset.id}")


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
        owners_asked=string(item, "owners_asked"),
    )


def _list(texts: tuple[str, ...]) -> Any:
    return {"L": [{"S": text} for text in texts]}


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(each["S"] for each in value["L"])


def _text(timestamp: datetime) -> str:
    """A time as comparable text: ISO 8601 with microseconds."""
    return timestamp.isoformat(timespec="microseconds")
