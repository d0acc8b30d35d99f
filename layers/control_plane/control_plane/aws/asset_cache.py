"""What is known of Amazon Quick's assets, in the registry table under pk `quick`: shared by all removals."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from control_plane.aws.calls import code_of, named_errors
from control_plane.dependents import Asset
from control_plane.ports import Listing

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

QUICK = {"S": "quick"}
LISTING: Any = {"pk": QUICK, "sk": {"S": "listing"}}


class DynamoDbAssetCache:
    """Port `AssetCache` over DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client, self._table = client, table

    def take_turn(self, now: datetime, until: datetime) -> bool:
        """Become the one who may ask Quick until then; False while another one may."""
        try:
            with named_errors():
                self._client.update_item(
                    TableName=self._table,
                    Key=LISTING,
                    UpdateExpression="SET turn = :until",
                    ConditionExpression="attribute_not_exists(turn) OR turn <= :now",
                    ExpressionAttributeValues={":until": {"S": _text(until)}, ":now": {"S": _text(now)}},
                )
        except ClientError as error:
            if code_of(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def listing(self) -> Listing:
        """How far the lists are."""
        with named_errors():
            found = self._client.get_item(TableName=self._table, Key=LISTING, ConsistentRead=True).get("Item", {})
        return Listing(*(found.get(name, {}).get("S", "") for name in ("since", "kind", "next_token")))

    def keep_listing(self, listing: Listing) -> None:
        """Remember how far they are."""
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
        """Every asset known."""
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
        """Remember one."""
        with named_errors():
            self._client.put_item(TableName=self._table, Item=_item(asset))

    def forget(self, asset: Asset) -> None:
        """Forget one."""
        with named_errors():
            self._client.delete_item(TableName=self._table, Key=_key(asset))


def _key(asset: Asset) -> Any:
    return {"pk": QUICK, "sk": {"S": f"{asset.kind}#{asset.id}"}}


def _item(asset: Asset) -> Any:
    described = {} if asset.uses is None else {"uses": _list(asset.uses)}
    asked = {"owners": _list(asset.owners), "owners_asked": {"S": asset.owners_asked}} if asset.owners_asked else {}
    text = {"arn": asset.arn, "name": asset.name, "last_updated": asset.updated, "seen": asset.seen}
    return {**_key(asset), **{name: {"S": value} for name, value in text.items()}, **described, **asked}


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
    """A moment in one comparable form: ISO 8601, microseconds."""
    return moment.isoformat(timespec="microseconds")
