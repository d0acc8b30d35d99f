"""The SQL of docs/howto/queries on a sample of AWS's cost export (CUR 2.0), in AWS's column names."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sandbox.organization import PROJECT

QUERIES = PROJECT / "docs/howto/queries"
SAMPLE = Path(__file__).with_name("cur2_sample.csv")
TYPES = {"line_item_usage_account_id": "VARCHAR"}  # an account id is no number: it may begin with a zero


def rows(query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The columns and rows of a query's answer."""
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE cur2 AS SELECT * FROM read_csv(?, types = ?)", [str(SAMPLE), TYPES])
        answer = connection.execute((QUERIES / query).read_text(encoding="utf-8"))
        return [column[0] for column in answer.description or ()], answer.fetchall()


def test_the_cost_of_each_connection_is_told_by_account_profile_and_day() -> None:
    columns, found = rows("cost-per-connection.sql")
    assert columns == ["usage_date", "account_id", "profile", "terabytes_scanned", "cost", "currency"]
    assert found == [
        (date(2026, 11, 24), "222233334444", "default", 0.5, 2.5, "USD"),
        (date(2026, 11, 24), "222233334444", "sales-eu", 0.02, pytest.approx(0.1), "USD"),
        (date(2026, 11, 24), "333344445555", "default", 0.1, 0.5, "USD"),
        (date(2026, 11, 25), "222233334444", "default", 0.5, 2.5, "USD"),
    ]


def test_what_others_run_is_told_apart() -> None:
    columns, found = rows("cost-outside-our-workgroups.sql")
    assert columns[1:] == ["account_id", "work_group", "terabytes_scanned", "cost", "currency"]
    assert [row[1:] for row in found] == [("333344445555", "primary", 3.0, 15.0, "USD")]


def test_every_query_of_the_page_is_tried_here() -> None:
    assert {path.name for path in QUERIES.iterdir()} == {"cost-per-connection.sql", "cost-outside-our-workgroups.sql"}


def test_the_workgroups_are_named_as_the_queries_expect() -> None:
    body = (PROJECT / "layers/consumer/consumer_role.yaml").read_text(encoding="utf-8")
    assert "Name: !Sub quick-athena-${Profile}" in body
    assert ":workgroup/quick-athena-" in (QUERIES / "cost-per-connection.sql").read_text(encoding="utf-8")
