"""Analyses and dashboards, as far as which data sets they use and who owns them: they have no content here.

Sources: botocore model, CreateAnalysis ... DeleteDashboard (a definition declares its data sets, a template comes
with references to them; a deleted analysis stays visible until its recovery window ends, 30 days by default).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sandbox.aws.gateway import AwsError
from sandbox.aws.services.quick import searching
from sandbox.aws.services.quick.asset import Asset, answered, invalid
from sandbox.aws.services.quick.asset_store import AssetStore, share_and_tag

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sandbox.aws.cloud import Cloud
    from sandbox.aws.gateway import Call, Handler
    from sandbox.aws.services.quick.data_set import DataSet
    from sandbox.aws.services.quick.folders import Folders

RECOVERY_DAYS = 30


@dataclass(eq=False, kw_only=True)
class AnalysisOrDashboard(Asset):
    """An analysis or a dashboard. `gone_at`: when a deleted analysis is gone for good."""

    given: Mapping[str, Any]
    status: str = "CREATION_IN_PROGRESS"
    errors: tuple[dict[str, str], ...] = ()
    gone_at: datetime | None = None

    @property
    def data_sets(self) -> list[str]:
        """The ARNs of the data sets it uses."""
        declared = self.given.get("Definition", {}).get("DataSetIdentifierDeclarations", ())
        references = self.given.get("SourceEntity", {}).get("SourceTemplate", {}).get("DataSetReferences", ())
        return list(dict.fromkeys(each["DataSetArn"] for each in (*declared, *references)))

    def state(self) -> dict[str, Any]:
        """What both kinds show of it."""
        return {
            "Status": self.status,
            "DataSetArns": self.data_sets,
            **({"Errors": list(self.errors)} if self.errors else {}),
        }

    def summary(self) -> dict[str, Any]:
        """What both kinds' lists show of it."""
        return {"Arn": self.arn, "Name": self.name, "CreatedTime": self.created, "LastUpdatedTime": self.updated}


class AnalysesOrDashboards:
    """The analyses, or the dashboards, of every account. `word` is Analysis or Dashboard."""

    def __init__(
        self, cloud: Cloud, folders: Folders, data_sets: AssetStore[DataSet], word: str, seconds: float
    ) -> None:
        self._cloud, self._folders, self._data_sets, self._seconds = cloud, folders, data_sets, seconds
        self.store: AssetStore[AnalysisOrDashboard] = AssetStore(word)

    def operations(self) -> dict[str, Handler]:
        """What is answered here."""
        word = self.store.word
        plural = {"Analysis": "Analyses", "Dashboard": "Dashboards"}[word]
        show, delete = (_analysis, self._delete_with_recovery) if word == "Analysis" else (_dashboard, self._delete)
        named = {f"Describe{word}": show, f"Describe{word}Definition": self._definition, f"Delete{word}": delete}
        by_id = {
            name: partial(self._without_expired, handler) for name, handler in self.store.operations(**named).items()
        }
        return {f"Create{word}": self._create, f"List{plural}": partial(self._without_expired, self._list), **by_id}

    def _without_expired(self, handler: Handler, call: Call) -> dict[str, Any]:
        """Analyses whose recovery window is over are gone by now."""
        for asset in self.store.everything():
            if asset.gone_at and asset.gone_at <= self._cloud.clock.now():
                self._forget(asset)
        return handler(call)

    def _create(self, call: Call) -> dict[str, Any]:
        given, now, word = call.parameters, self._cloud.clock.now(), self.store.word
        if ("Definition" in given) == ("SourceEntity" in given):
            raise invalid("Either Definition or SourceEntity must be provided, and not both")
        identity = self.store.new_id(call)
        asset = AnalysisOrDashboard(
            resource=word.lower(), **identity, name=given["Name"], given=given, created=now, updated=now
        )
        share_and_tag(asset, given)
        self._folders.place(call, asset)
        self.store.add(asset)
        self._cloud.clock.call_later(self._seconds, partial(self._end, asset), f"Quick creates {asset.arn}")
        version = {"VersionArn": _version_arn(asset)} if word == "Dashboard" else {}
        return answered({**self.store.ids(asset), **version, "CreationStatus": asset.status, "Status": 202})

    def _end(self, asset: AnalysisOrDashboard) -> None:
        with self._cloud.gateway.lock:
            known = {each.arn for each in self._data_sets.everything()}
            asset.errors = tuple(
                {"Type": "DATA_SET_NOT_FOUND", "Message": f"Data set {arn} is not found"}
                for arn in asset.data_sets
                if arn not in known
            )
            if asset.status == "CREATION_IN_PROGRESS":
                asset.status = "CREATION_FAILED" if asset.errors else "CREATION_SUCCESSFUL"

    def _list(self, call: Call) -> dict[str, Any]:
        word = self.store.word
        extra = _analysis_extra if word == "Analysis" else _dashboard_extra
        return searching.page(
            self.store.of(call),
            call,
            f"{word}SummaryList",
            lambda each: {**each.summary(), **self.store.ids(each), **extra(each)},
        )

    def _definition(self, _call: Call, asset: AnalysisOrDashboard) -> dict[str, Any]:
        if "Definition" not in asset.given:
            raise invalid(f"This Quick has no templates, so {asset.arn} has no definition")
        named = {f"{self.store.word}Id": asset.id, "Name": asset.name, "ResourceStatus": asset.status}
        return {**named, "Definition": asset.given["Definition"]}

    def _delete_with_recovery(self, call: Call, asset: AnalysisOrDashboard) -> dict[str, Any]:
        if call.parameters.get("ForceDeleteWithoutRecovery"):
            return self._delete(call, asset)
        if asset.status == "DELETED":
            raise AwsError("ConflictException", f"{asset.arn} is deleted already")
        days = int(call.parameters.get("RecoveryWindowInDays", RECOVERY_DAYS))
        asset.status, asset.gone_at = "DELETED", self._cloud.clock.now() + timedelta(days=days)
        return {**self.store.ids(asset), "DeletionTime": asset.gone_at}

    def _delete(self, _call: Call, asset: AnalysisOrDashboard) -> dict[str, Any]:
        self._forget(asset)
        return self.store.ids(asset)

    def _forget(self, asset: AnalysisOrDashboard) -> None:
        self.store.remove(asset)
        self._folders.forget(asset)


def _analysis(_call: Call, asset: AnalysisOrDashboard) -> dict[str, Any]:
    return {"Analysis": {**asset.summary(), "AnalysisId": asset.id, **asset.state()}}


def _dashboard(_call: Call, asset: AnalysisOrDashboard) -> dict[str, Any]:
    template = asset.given.get("SourceEntity", {}).get("SourceTemplate", {})
    source = {"SourceEntityArn": template["Arn"]} if template else {}
    version = {"VersionNumber": 1, "Arn": _version_arn(asset), "CreatedTime": asset.created, **source, **asset.state()}
    links = {"LinkEntities": asset.given["LinkEntities"]} if asset.given.get("LinkEntities") else {}
    published = {"LastPublishedTime": asset.created}
    return {
        "Dashboard": {**asset.summary(), "DashboardId": asset.id, "Version": version, **published, **links},
    }


def _analysis_extra(asset: AnalysisOrDashboard) -> dict[str, Any]:
    return {"Status": asset.status}


def _dashboard_extra(asset: AnalysisOrDashboard) -> dict[str, Any]:
    return {"PublishedVersionNumber": 1, "LastPublishedTime": asset.created}


def _version_arn(asset: AnalysisOrDashboard) -> str:
    return f"{asset.arn}/version/1"
