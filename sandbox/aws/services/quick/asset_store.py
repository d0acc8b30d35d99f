"""Where the assets of one kind are kept, and what is answered of any of them.

An id is given once for each account and Region (botocore model, CreateDataSource, CreateDataSet).
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sandbox.aws.gateway import AwsError
from sandbox.aws.services.quick import sharing
from sandbox.aws.services.quick.asset import Asset, answered

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.aws.gateway import Call, Handler

A = TypeVar("A", bound=Asset)


class AssetStore(Generic[A]):
    """The assets of one kind. `word` is the kind as operations name it: `DataSource` for DescribeDataSource."""

    def __init__(self, word: str) -> None:
        self.word = word
        self._assets: dict[tuple[str, str, str], A] = {}

    def new_id(self, call: Call) -> dict[str, Any]:
        """Account, Region and id of a new asset, as the request gives them; refuses a wrong or a taken id."""
        wanted = call.parameters[f"{self.word}Id"]
        if not re.fullmatch(r"[\w-]{1,512}", wanted):
            message = f"The {self.word} ID {wanted!r} has characters other than letters, digits, - and _"
            raise AwsError("InvalidParameterValueException", message)
        if (call.account, call.region, wanted) in self._assets:
            raise AwsError("ResourceExistsException", f"{self.word} {wanted} already exists")
        return {"account": call.account, "region": call.region, "id": wanted}

    def add(self, asset: A) -> None:
        """Keep a new asset."""
        self._assets[asset.account, asset.region, asset.id] = asset

    def remove(self, asset: A) -> None:
        """Forget an asset."""
        del self._assets[asset.account, asset.region, asset.id]

    def holds(self, asset: A) -> bool:
        """Whether it is still this very asset that has its id."""
        return self._assets.get((asset.account, asset.region, asset.id)) is asset

    def find(self, account: str, region: str, asset_id: str) -> A:
        """The asset of that id; ResourceNotFoundException if there is none."""
        found = self._assets.get((account, region, asset_id))
        if found is None:
            raise AwsError("ResourceNotFoundException", f"{self.word} {asset_id} is not found")
        return found

    def at(self, arn: str) -> A:
        """The asset of that ARN; ResourceNotFoundException if there is none."""
        _, _, _, region, account, resource = (arn + ":::::").split(":", 5)
        return self.find(account, region, resource.rstrip(":").partition("/")[2])

    def of(self, call: Call) -> list[A]:
        """The assets of the calling account in the call's Region, in the order they were made."""
        return [
            each
            for (account, region, _), each in self._assets.items()
            if (account, region) == (call.account, call.region)
        ]

    def everything(self) -> list[A]:
        """The assets of all accounts and Regions."""
        return list(self._assets.values())

    def operations(self, **named: Callable[[Call, A], dict[str, Any]]) -> dict[str, Handler]:
        """Operations on the one asset a request names: these, and Describe...Permissions."""
        named |= {f"Describe{self.word}Permissions": self._described_permissions}
        return {name: partial(self._with_asset, operation) for name, operation in named.items()}

    def ids(self, asset: A) -> dict[str, str]:
        """ARN and id, as many answers have them."""
        return {"Arn": asset.arn, f"{self.word}Id": asset.id}

    def shared(self, call: Call, asset: A) -> dict[str, Any]:
        """Update...Permissions."""
        sharing.grant(asset, call.parameters.get("GrantPermissions") or ())
        sharing.revoke(asset, call.parameters.get("RevokePermissions") or ())
        return {f"{self.word}Arn": asset.arn, f"{self.word}Id": asset.id}

    def _described_permissions(self, _call: Call, asset: A) -> dict[str, Any]:
        permissions = sharing.shown(asset)
        return {f"{self.word}Arn": asset.arn, f"{self.word}Id": asset.id, "Permissions": permissions}

    def _with_asset(self, operation: Callable[[Call, A], dict[str, Any]], call: Call) -> dict[str, Any]:
        asset = self.find(call.account, call.region, call.parameters[f"{self.word}Id"])
        return answered(operation(call, asset))


def share_and_tag(asset: Asset, given: dict[str, Any]) -> None:
    """Take the permissions and tags of a request that creates an asset."""
    sharing.grant(asset, given.get("Permissions") or ())
    asset.tags.update({tag["Key"]: tag["Value"] for tag in given.get("Tags") or ()})
