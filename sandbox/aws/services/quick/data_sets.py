"""Quick's API for data sets, and what reading one answers.

moto knows only CreateDataSet, and forgets all but the name. Sources: botocore model, CreateDataSet ... SearchDataSets;
DeleteDataSource ("breaks all the datasets that reference the deleted data source"). That a broken data set stays
broken when a data source of the same id is made anew, or when the data set is updated, is an assumption; so is that
what SPICE has of it can't be read any more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from sandbox.aws.services.quick import data_set as data_set_module
from sandbox.aws.services.quick import searching
from sandbox.aws.services.quick.answer import SQL_FAILURE, Refused, refusal
from sandbox.aws.services.quick.asset import answered
from sandbox.aws.services.quick.asset_store import AssetStore, share_and_tag
from sandbox.aws.services.quick.data_set import DataSet
from sandbox.aws.services.quick.ingestion import arn
from sandbox.aws.services.quick.ingestions import Ingestions

if TYPE_CHECKING:
    from sandbox.aws.cloud import Cloud
    from sandbox.aws.gateway import Call, Handler
    from sandbox.aws.services.quick.answer import Answer
    from sandbox.aws.services.quick.data_source import DataSource
    from sandbox.aws.services.quick.data_sources import DataSources
    from sandbox.aws.services.quick.engine import Engine
    from sandbox.aws.services.quick.folders import Folders
    from sandbox.aws.services.quick.subscription import Subscription


class DataSets:
    """The data sets of every account."""

    def __init__(
        self,
        cloud: Cloud,
        engine: Engine,
        folders: Folders,
        sources: DataSources,
        subscription: Subscription,
        seconds: float,
    ) -> None:
        self._cloud, self._engine, self._folders, self._sources = cloud, engine, folders, sources
        self.ingestions = Ingestions(cloud, subscription, self._read_sources, seconds)
        self.store: AssetStore[DataSet] = AssetStore("DataSet")
        sources.deleted.append(self._break)

    def operations(self) -> dict[str, Handler]:
        """What is answered here."""
        return {
            "CreateDataSet": self._create,
            "ListDataSets": self._list,
            "SearchDataSets": self._search,
            **self.store.operations(
                DescribeDataSet=lambda _call, found: {"DataSet": found.description()},
                UpdateDataSet=self._update,
                DeleteDataSet=self._delete,
                UpdateDataSetPermissions=self.store.shared,
                **self.ingestions.operations(),
            ),
        }

    def read(self, found: DataSet) -> Answer:
        """What SPICE has, or what the sources answer now."""
        try:
            _check_whole(found)
            if not found.in_spice:
                return self._read_sources(found)
        except Refused as refused:
            return refusal(refused)
        nothing = Refused("SPICE_TABLE_NOT_FOUND", f"SPICE has nothing of DataSet {found.id}")
        return found.imported or refusal(nothing)

    def _read_sources(self, found: DataSet) -> Answer:
        _check_whole(found)
        answers = [self._read_table(*table) for table in found.tables()]
        columns = tuple(column for answer in answers for column in answer.columns)
        for name in found.asked_columns():
            if name not in columns:
                hidden = "cannot be resolved or requester is not authorized to access requested resources"
                raise Refused(SQL_FAILURE, f"COLUMN_NOT_FOUND: line 1:8: Column '{name}' {hidden}")
        imported = self._cloud.clock.now() if found.in_spice else None
        return replace(answers[0], columns=columns, rows=found.limited(answers[0].rows), imported=imported)

    def _read_table(self, arn: str, catalog: str, database: str, table: str) -> Answer:
        source = self._sources.store.at(arn)
        return self._engine.query(source, database, table, catalog) if table else self._engine.run(source)

    def _break(self, source: DataSource) -> None:
        for found in self.store.everything():
            if source.arn in found.sources:
                found.broken = source.arn

    def _create(self, call: Call) -> dict[str, Any]:
        given, now = call.parameters, self._cloud.clock.now()
        identity = self.store.new_id(call)
        found = DataSet(**identity, name=given["Name"], given=self._checked(given), created=now, updated=now)
        share_and_tag(found, given)
        self._folders.place(call, found)
        self.store.add(found)
        return answered({**self.store.ids(found), **self._import(found, "INITIAL_INGESTION"), "Status": 201})

    def _update(self, call: Call, found: DataSet) -> dict[str, Any]:
        found.given = self._checked(call.parameters)
        found.name, found.updated = call.parameters["Name"], self._cloud.clock.now()
        if not found.in_spice:
            found.imported = None
        return {**self.store.ids(found), **self._import(found, "EDIT")}

    def _delete(self, _call: Call, found: DataSet) -> dict[str, Any]:
        self.store.remove(found)
        self._folders.forget(found)
        found.ingestions.clear()
        return self.store.ids(found)

    def _checked(self, given: dict[str, Any]) -> dict[str, Any]:
        data_set_module.check(given)
        for table in given["PhysicalTableMap"].values():
            for named in table.values():
                self._sources.store.at(named["DataSourceArn"])
        return given

    def _import(self, found: DataSet, why: str) -> dict[str, str]:
        if not found.in_spice:
            return {}
        ingestion_id = str(uuid5(NAMESPACE_URL, f"{found.arn} {found.created.isoformat()} {len(found.ingestions)}"))
        self.ingestions.begin(found, ingestion_id, why)
        return {"IngestionArn": arn(found.arn, ingestion_id), "IngestionId": ingestion_id}

    def _list(self, call: Call) -> dict[str, Any]:
        return searching.page(self.store.of(call), call, "DataSetSummaries", DataSet.summary)

    def _search(self, call: Call) -> dict[str, Any]:
        found = [each for each in self.store.of(call) if searching.matches(each, call.parameters["Filters"])]
        return searching.page(found, call, "DataSetSummaries", DataSet.summary)


def _check_whole(found: DataSet) -> None:
    if found.broken:
        message = f"The data source {found.broken} of DataSet {found.id} was deleted"
        raise Refused("DATA_SOURCE_NOT_FOUND", message)
