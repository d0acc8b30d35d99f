"""Tags of assets, by ARN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.aws.gateway import AwsError
from sandbox.aws.services.quick.asset import Asset, answered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.aws.gateway import Call, Handler
    from sandbox.aws.services.quick.asset_store import AssetStore


class Tagging:
    """TagResource, UntagResource and ListTagsForResource, for the stores given by resource type."""

    def __init__(self, stores: Mapping[str, AssetStore[Any]]) -> None:
        self._stores = stores

    def operations(self) -> dict[str, Handler]:
        """What is answered here."""
        return {"TagResource": self._tag, "UntagResource": self._untag, "ListTagsForResource": self._list}

    def _tag(self, call: Call) -> dict[str, Any]:
        self._named(call).tags.update({tag["Key"]: tag["Value"] for tag in call.parameters["Tags"]})
        return answered({})

    def _untag(self, call: Call) -> dict[str, Any]:
        asset = self._named(call)
        for key in call.parameters["TagKeys"]:
            asset.tags.pop(key, None)
        return answered({})

    def _list(self, call: Call) -> dict[str, Any]:
        return answered({"Tags": [{"Key": key, "Value": value} for key, value in self._named(call).tags.items()]})

    def _named(self, call: Call) -> Asset:
        arn = call.parameters["ResourceArn"]
        account, _, resource = arn.split(":", 4)[-1].partition(":")
        store = self._stores.get(resource.partition("/")[0])
        if store is None:
            raise AwsError("ResourceNotFoundException", f"{arn} is not found")
        if account != call.account:
            raise AwsError("AccessDeniedException", f"{call.account} is not the account of {arn}")
        asset: Asset = store.at(arn)
        return asset
