"""Quick's API for data sources.

moto's Quick says yes to everything at once. Here creation and update take time and end by what the role chain allows
then; ids are unique; lists have pages; permissions and search exist. Source: botocore model of quicksight 2018-04-01.

How Quick says that it may not assume a role (yet) is not documented: the request itself may be refused, or the creation
may fail later. By default it is refused at once and nothing is made, the reading that is worse for whoever takes a
refused request for the last word; `refuses_as` orders another.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from sandbox.aws.gateway import AwsError
from sandbox.aws.services.quick import searching
from sandbox.aws.services.quick.answer import ACCESS_DENIED, SQL_FAILURE, Refused
from sandbox.aws.services.quick.asset_store import AssetStore, share_and_tag
from sandbox.aws.services.quick.data_source import DataSource, athena_parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.aws.cloud import Cloud
    from sandbox.aws.gateway import Call, Handler
    from sandbox.aws.services.quick.engine import Engine
    from sandbox.aws.services.quick.folders import Folders


IMMEDIATE_REFUSALS = ("AccessDeniedException", "InvalidParameterValueException")
DELAYED_REFUSALS = (
    ACCESS_DENIED,
    SQL_FAILURE,
    "UNKNOWN",
    "TIMEOUT",
    "CONFLICT",
    "UNKNOWN_HOST",
    "COPY_SOURCE_NOT_FOUND",
    "ENGINE_VERSION_NOT_SUPPORTED",
)


class DataSources:
    """The data sources of every account. `deleted` are called with each that is deleted.

    `refuses_as`: how it reports that the chain of roles is refused. An error code: the request fails with it; one of
    the types of ErrorInfo: the creation or update fails with it later.
    """

    def __init__(self, cloud: Cloud, engine: Engine, folders: Folders, seconds: float) -> None:
        self._cloud, self._engine, self._folders, self._seconds = cloud, engine, folders, seconds
        self.store: AssetStore[DataSource] = AssetStore("DataSource")
        self.deleted: list[Callable[[DataSource], None]] = []
        self.refuses_as = IMMEDIATE_REFUSALS[0]

    def operations(self) -> dict[str, Handler]:
        """What is answered here."""
        return {
            "CreateDataSource": self._create,
            "ListDataSources": self._list,
            "SearchDataSources": self._search,
            **self.store.operations(
                DescribeDataSource=lambda _call, source: {"DataSource": source.description()},
                UpdateDataSource=self._update,
                DeleteDataSource=self._delete,
                UpdateDataSourcePermissions=self.store.shared,
            ),
        }

    def _create(self, call: Call) -> dict[str, Any]:
        given, now = call.parameters, self._cloud.clock.now()
        athena = athena_parameters(call.account, given.get("DataSourceParameters") or {})
        source = DataSource(**self.store.new_id(call), name=given["Name"], athena=athena, created=now, updated=now)
        self._refuse(source)
        share_and_tag(source, given)
        self._folders.place(call, source)
        self.store.add(source)
        self._begin(source, "CREATION")
        return {**self.store.ids(source), "CreationStatus": source.status, "Status": 202, "RequestId": "sandbox"}

    def _update(self, call: Call, source: DataSource) -> dict[str, Any]:
        if source.is_pending:
            raise AwsError("ConflictException", f"Another change of DataSource {source.id} is under way")
        if "DataSourceParameters" in call.parameters:
            athena = athena_parameters(call.account, call.parameters["DataSourceParameters"])
            self._refuse(replace(source, athena=athena))
            source.athena = athena
        source.name, source.updated = call.parameters["Name"], self._cloud.clock.now()
        self._begin(source, "UPDATE")
        return {**self.store.ids(source), "UpdateStatus": source.status, "Status": 202}

    def _delete(self, _call: Call, source: DataSource) -> dict[str, Any]:
        self.store.remove(source)
        self._folders.forget(source)
        self._engine.forget(source)
        for tell in self.deleted:
            tell(source)
        return self.store.ids(source)

    def _refuse(self, source: DataSource) -> None:
        """Refuse the request itself, if that is how this Quick says no."""
        if self.refuses_as in IMMEDIATE_REFUSALS:
            try:
                self._engine.check_chain(source)
            except Refused as refused:
                raise AwsError(self.refuses_as, refused.message) from refused

    def _begin(self, source: DataSource, what: str) -> None:
        source.status, source.failure, source.change = f"{what}_IN_PROGRESS", None, source.change + 1
        end = partial(self._end, source, source.change, what)
        self._cloud.clock.call_later(self._seconds, end, f"Quick ends the {what.lower()} of {source.id}")

    def _end(self, source: DataSource, change: int, what: str) -> None:
        with self._cloud.gateway.lock:
            if not self.store.holds(source) or source.change != change:
                return  # deleted meanwhile
            try:
                self._engine.test(source)
                source.status = f"{what}_SUCCESSFUL"
            except Refused as refused:
                source.status, source.failure = f"{what}_FAILED", self._as_ordered(refused)
            source.updated = self._cloud.clock.now()

    def _as_ordered(self, refused: Refused) -> Refused:
        ordered = refused.by_chain and self.refuses_as in DELAYED_REFUSALS
        return Refused(self.refuses_as, refused.message, by_chain=True) if ordered else refused

    def _list(self, call: Call) -> dict[str, Any]:
        return searching.page(self.store.of(call), call, "DataSources", DataSource.description)

    def _search(self, call: Call) -> dict[str, Any]:
        found = [each for each in self.store.of(call) if searching.matches(each, call.parameters["Filters"])]
        return searching.page(found, call, "DataSourceSummaries", DataSource.summary)
