"""A data set: which tables of which data sources it reads, and what SPICE has of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.aws.services.quick.asset import Asset, invalid
from sandbox.aws.services.quick.lake import OWN_CATALOG

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.aws.services.quick.answer import Answer
    from sandbox.aws.services.quick.ingestion import Ingestion

SHOWN = ("PhysicalTableMap", "LogicalTableMap", "ImportMode")
NAME = r'(?:"[^"]+"|\w+)'
FROM = re.compile(rf"\b(?:from|join)\s+({NAME}(?:\.{NAME}){{0,2}})", re.IGNORECASE)
OUTPUT = {"BIT": "INTEGER", "BOOLEAN": "INTEGER", "JSON": "STRING", "SEMISTRUCT": "STRING"}
SELECT = re.compile(r"\s*(?:select|with)\b", re.IGNORECASE)
LIMIT = re.compile(r"\blimit\s+(\d+)\s*$", re.IGNORECASE)
PARTS = (OWN_CATALOG, "default")  # of a table's name, where SQL leaves them out
Table = tuple[str, str, str, str]  # the ARN of a data source, catalog, database, table; no table: nothing is read


@dataclass(eq=False, kw_only=True)
class DataSet(Asset):
    """One data set. `broken`: the ARN of a data source it used that was deleted."""

    resource: str = "dataset"
    given: Mapping[str, Any]
    broken: str = ""
    imported: Answer | None = None
    ingestions: dict[str, Ingestion] = field(default_factory=dict)

    @property
    def in_spice(self) -> bool:
        """Whether it is imported, and not asked for each time."""
        return bool(self.given["ImportMode"] == "SPICE")

    @property
    def sources(self) -> set[str]:
        """The ARNs of the data sources it names."""
        return {_one(table)["DataSourceArn"] for table in self.given["PhysicalTableMap"].values()}

    def tables(self) -> list[Table]:
        """Everything a query of it reads."""
        return [found for table in self.given["PhysicalTableMap"].values() for found in _tables(table)]

    def asked_columns(self) -> list[str]:
        """The columns it names of its tables. SQL is not looked into."""
        tables = [each.get("RelationalTable", {}) for each in self.given["PhysicalTableMap"].values()]
        return [column["Name"] for table in tables for column in table.get("InputColumns", ())]

    def limited(self, rows: int) -> int:
        """How many of so many rows its SQL asks for."""
        tables = map(_one, self.given["PhysicalTableMap"].values())
        limits = [found[1] for table in tables if (found := LIMIT.search(table.get("SqlQuery", "")))]
        return min([rows, *map(int, limits)])

    def summary(self) -> dict[str, Any]:
        """As lists show it: without its data sources."""
        return {
            "Arn": self.arn,
            "DataSetId": self.id,
            "Name": self.name,
            "CreatedTime": self.created,
            "LastUpdatedTime": self.updated,
            "ImportMode": self.given["ImportMode"],
            "RowLevelPermissionTagConfigurationApplied": False,
            "ColumnLevelPermissionRulesApplied": False,
        }

    def description(self) -> dict[str, Any]:
        """As DescribeDataSet shows it."""
        shown = {name: self.given[name] for name in SHOWN if name in self.given}
        ids = {"Arn": self.arn, "DataSetId": self.id, "Name": self.name}
        times = {"CreatedTime": self.created, "LastUpdatedTime": self.updated}
        return {**ids, **times, **shown, "OutputColumns": self._columns()}

    def _columns(self) -> list[dict[str, str]]:
        tables = [_one(table) for table in self.given["PhysicalTableMap"].values()]
        columns = [each for table in tables for each in table.get("InputColumns", table.get("Columns", ()))]
        return [{"Name": each["Name"], "Type": OUTPUT.get(each["Type"], each["Type"])} for each in columns]


def check(given: Mapping[str, Any]) -> None:
    """Refuses what this Quick knows nothing of."""
    tables = given["PhysicalTableMap"]
    if not tables:
        raise invalid("This Quick knows data sets of physical tables only")
    for name, table in tables.items():
        if len(table) != 1 or not {"RelationalTable", "CustomSql"} & set(table):
            raise invalid(f"Physical table {name} must be a RelationalTable or CustomSql of an Athena data source")
        if "CustomSql" in table and not SELECT.match(_one(table)["SqlQuery"]):
            raise invalid(f"Physical table {name}: its SQL is no SELECT")
    for name, logical in (given.get("LogicalTableMap") or {}).items():
        if "DataSetArn" in logical["Source"]:
            raise invalid(f"Logical table {name}: this Quick knows no data sets made of data sets")


def _one(table: Mapping[str, Any]) -> dict[str, Any]:
    (only,) = table.values()
    return dict(only)


def _tables(table: Mapping[str, Any]) -> list[Table]:
    named = _one(table)
    if "CustomSql" not in table:
        place = named.get("Catalog", OWN_CATALOG), named.get("Schema", "default")
        return [(named["DataSourceArn"], *place, named["Name"])]
    found = [[part.strip('"') for part in re.findall(NAME, path)] for path in FROM.findall(named["SqlQuery"])]
    paths = [(*PARTS[: 3 - len(parts)], *parts) for parts in found]
    return [(named["DataSourceArn"], *path) for path in paths or [("", "", "")]]
