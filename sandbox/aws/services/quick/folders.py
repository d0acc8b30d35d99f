"""Shared folders, and what lies in them.

Sources: botocore model, CreateFolder ... ListFolderMembers ("Deletes an empty folder"); Quick User Guide, folders and
folders-limitations (two assets of one name cannot be in one folder). Which error a name or a full folder gets is one
of the model's; which one is an assumption.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.aws.gateway import AwsError
from sandbox.aws.services.quick import searching
from sandbox.aws.services.quick.asset import Asset, answered, invalid
from sandbox.aws.services.quick.asset_store import AssetStore, share_and_tag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.aws.cloud import Cloud
    from sandbox.aws.gateway import Call, Handler


@dataclass(eq=False, kw_only=True)
class Folder(Asset):
    """A folder; `path` are the ARNs of the folders it is in, the outermost first."""

    resource: str = "folder"
    type: str = "SHARED"
    sharing_model: str = "ACCOUNT"
    path: tuple[str, ...] = ()
    members: list[Asset] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """As lists show it."""
        return {
            "Arn": self.arn,
            "FolderId": self.id,
            "Name": self.name,
            "FolderType": self.type,
            "SharingModel": self.sharing_model,
            "CreatedTime": self.created,
            "LastUpdatedTime": self.updated,
        }

    def take(self, asset: Asset) -> None:
        """Put an asset in."""
        self.check(asset)
        self.members.append(asset)

    def check(self, asset: Asset) -> None:
        """Refuses a second asset of one name, and one that is here already."""
        if any(each.name == asset.name for each in self.members):
            raise AwsError("ResourceExistsException", f"Folder {self.id} already has an asset named {asset.name}")


class Folders:
    """The folders of every account. `stores` are where members are, by MemberType."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.store: AssetStore[Folder] = AssetStore("Folder")
        self.stores: Mapping[str, AssetStore[Any]] = {}

    def operations(self) -> dict[str, Handler]:
        """What is answered here."""
        return {
            "CreateFolder": self._create,
            "ListFoldersForResource": self._of_resource,
            "ListFolders": lambda call: searching.page(self.store.of(call), call, "FolderSummaryList", Folder.summary),
            **self.store.operations(
                DescribeFolder=_describe,
                DeleteFolder=self._delete,
                CreateFolderMembership=self._put,
                DeleteFolderMembership=self._take_out,
                ListFolderMembers=_members,
            ),
        }

    def place(self, call: Call, asset: Asset) -> None:
        """Put a new asset where its request's FolderArns say."""
        folders = [self.store.at(arn) for arn in call.parameters.get("FolderArns") or ()]
        for folder in folders:
            folder.check(asset)
        for folder in folders:
            folder.take(asset)

    def forget(self, asset: Asset) -> None:
        """A deleted asset is in no folder."""
        for folder in self.store.everything():
            if asset in folder.members:
                folder.members.remove(asset)

    def _create(self, call: Call) -> dict[str, Any]:
        given, now = call.parameters, self._cloud.clock.now()
        identity = self.store.new_id(call)
        parent = self.store.at(given["ParentFolderArn"]) if given.get("ParentFolderArn") else None
        folder = Folder(
            **identity,
            name=given.get("Name", identity["id"]),
            created=now,
            updated=now,
            type=given.get("FolderType", "SHARED"),
            sharing_model=given.get("SharingModel", "ACCOUNT"),
            path=(*parent.path, parent.arn) if parent else (),
        )
        share_and_tag(folder, given)
        self.store.add(folder)
        return answered(self.store.ids(folder))

    def _delete(self, _call: Call, folder: Folder) -> dict[str, Any]:
        if folder.members or any(folder.arn in each.path for each in self.store.everything()):
            raise AwsError("PreconditionNotMetException", f"Folder {folder.id} is not empty")
        self.store.remove(folder)
        return self.store.ids(folder)

    def _put(self, call: Call, folder: Folder) -> dict[str, Any]:
        folder.take(self._member(call))
        named = {name: call.parameters[name] for name in ("MemberId", "MemberType")}
        return {"FolderMember": named}

    def _take_out(self, call: Call, folder: Folder) -> dict[str, Any]:
        asset = self._member(call)
        if asset not in folder.members:
            raise AwsError("ResourceNotFoundException", f"{asset.arn} is not in folder {folder.id}")
        folder.members.remove(asset)
        return {}

    def _of_resource(self, call: Call) -> dict[str, Any]:
        arn = call.parameters["ResourceArn"]
        found = [each for each in self.store.of(call) if any(member.arn == arn for member in each.members)]
        return searching.page(found, call, "Folders", lambda folder: folder.arn)

    def _member(self, call: Call) -> Asset:
        store = self.stores.get(call.parameters["MemberType"])
        if store is None:
            raise invalid(f"This Quick knows no {call.parameters['MemberType']}")
        asset: Asset = store.find(call.account, call.region, call.parameters["MemberId"])
        return asset


def _describe(_call: Call, folder: Folder) -> dict[str, Any]:
    path = {"FolderPath": list(folder.path)} if folder.path else {}
    return {"Folder": {**folder.summary(), **path}}


def _members(call: Call, folder: Folder) -> dict[str, Any]:
    return searching.page(
        folder.members, call, "FolderMemberList", lambda each: {"MemberId": each.id, "MemberArn": each.arn}
    )
