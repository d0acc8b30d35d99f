"""Analyses and dashboards, as far as which data sets they use and who owns them: they have no content here.

Sources: botocore model, CreateAnalysis ... DeleteDashboard (a definition declares its data sets, a template comes
with references to them; a deleted analysis stays visible until its recovery window ends, 30 days by default).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sandbox.gateway import AwsError
from sandbox.services.quick import searching
from sandbox.services.quick.asset import Asset, Shelf, answered, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sandbox.cloud import Cloud
    from sandbox.gateway import Call, Handler
    from sandbox.services.quick.data_set import DataSet
    from sandbox.services.quick.folders import Folders

RECOVERY_DAYS = 30


@dataclass(eq=False, kw_only=True)
class Board(Asset):
    """An analysis or a dashboard. `goes`: when a deleted analysis is gone for good."""

    given: Mapping[str, Any]
    status: str = "CREATION_IN_PROGRESS"
    errors: tuple[dict[str, str], ...] = ()
    goes: datetime | None = None

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


class Boards:
    """The analyses, or the dashboards, of every account. `word` is Analysis or Dashboard."""

    def __init__(self, cloud: Cloud, folders: Folders, data_sets: Shelf[DataSet], word: str, seconds: float) -> None:
        self._cloud, self._folders, self._data_sets, self._seconds = cloud, folders, data_sets, seconds
        self.shelf: Shelf[Board] = Shelf(word)

    def operations(self) -> dict[str, Handler]:
        """What is answered here."""
        word = self.shelf.word
        plural = {"Analysis": "Analyses", "Dashboard": "Dashboards"}[word]
        show, delete = (_analysis, self._retire) if word == "Analysis" else (_dashboard, self._delete)
        named = {f"Describe{word}": show, f"Describe{word}Definition": self._definition, f"Delete{word}": delete}
        by_id = {name: partial(self._swept, handler) for name, handler in self.shelf.operations(**named).items()}
        return {f"Create{word}": self._create, f"List{plural}": partial(self._swept, self._list), **by_id}

    def _swept(self, handler: Handler, call: Call) -> dict[str, Any]:
        """Analyses whose recovery window is over are gone by now."""
        for board in self.shelf.everything():
            if board.goes and board.goes <= self._cloud.clock.now():
                self._forget(board)
        return handler(call)

    def _create(self, call: Call) -> dict[str, Any]:
        given, now, word = call.parameters, self._cloud.clock.now(), self.shelf.word
        if ("Definition" in given) == ("SourceEntity" in given):
            raise invalid("Either Definition or SourceEntity must be provided, and not both")
        identity = self.shelf.new_id(call)
        board = Board(resource=word.lower(), **identity, name=given["Name"], given=given, created=now, updated=now)
        board.dressed(given)
        self._folders.place(call, board)
        self.shelf.add(board)
        self._cloud.clock.call_later(self._seconds, partial(self._end, board), f"Quick creates {board.arn}")
        version = {"VersionArn": _version_arn(board)} if word == "Dashboard" else {}
        return answered({**self.shelf.ids(board), **version, "CreationStatus": board.status, "Status": 202})

    def _end(self, board: Board) -> None:
        with self._cloud.gateway.lock:
            known = {each.arn for each in self._data_sets.everything()}
            board.errors = tuple(
                {"Type": "DATA_SET_NOT_FOUND", "Message": f"Data set {arn} is not found"}
                for arn in board.data_sets
                if arn not in known
            )
            if board.status == "CREATION_IN_PROGRESS":
                board.status = "CREATION_FAILED" if board.errors else "CREATION_SUCCESSFUL"

    def _list(self, call: Call) -> dict[str, Any]:
        word = self.shelf.word
        extra = _analysis_extra if word == "Analysis" else _dashboard_extra
        return searching.page(
            self.shelf.of(call),
            call,
            f"{word}SummaryList",
            lambda each: {**each.summary(), **self.shelf.ids(each), **extra(each)},
        )

    def _definition(self, _call: Call, board: Board) -> dict[str, Any]:
        if "Definition" not in board.given:
            raise invalid(f"This Quick has no templates, so {board.arn} has no definition")
        named = {f"{self.shelf.word}Id": board.id, "Name": board.name, "ResourceStatus": board.status}
        return {**named, "Definition": board.given["Definition"]}

    def _retire(self, call: Call, board: Board) -> dict[str, Any]:
        if call.parameters.get("ForceDeleteWithoutRecovery"):
            return self._delete(call, board)
        if board.status == "DELETED":
            raise AwsError("ConflictException", f"{board.arn} is deleted already")
        days = int(call.parameters.get("RecoveryWindowInDays", RECOVERY_DAYS))
        board.status, board.goes = "DELETED", self._cloud.clock.now() + timedelta(days=days)
        return {**self.shelf.ids(board), "DeletionTime": board.goes}

    def _delete(self, _call: Call, board: Board) -> dict[str, Any]:
        self._forget(board)
        return self.shelf.ids(board)

    def _forget(self, board: Board) -> None:
        self.shelf.remove(board)
        self._folders.forget(board)


def _analysis(_call: Call, board: Board) -> dict[str, Any]:
    return {"Analysis": {**board.summary(), "AnalysisId": board.id, **board.state()}}


def _dashboard(_call: Call, board: Board) -> dict[str, Any]:
    template = board.given.get("SourceEntity", {}).get("SourceTemplate", {})
    source = {"SourceEntityArn": template["Arn"]} if template else {}
    version = {"VersionNumber": 1, "Arn": _version_arn(board), "CreatedTime": board.created, **source, **board.state()}
    links = {"LinkEntities": board.given["LinkEntities"]} if board.given.get("LinkEntities") else {}
    published = {"LastPublishedTime": board.created}
    return {
        "Dashboard": {**board.summary(), "DashboardId": board.id, "Version": version, **published, **links},
    }


def _analysis_extra(board: Board) -> dict[str, Any]:
    return {"Status": board.status}


def _dashboard_extra(board: Board) -> dict[str, Any]:
    return {"PublishedVersionNumber": 1, "LastPublishedTime": board.created}


def _version_arn(board: Board) -> str:
    return f"{board.arn}/version/1"
