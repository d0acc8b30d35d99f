"""Does docs/reference/role-chain.md have every statement of the role chain, each with a test that fails without it?"""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from control_plane.access_policy import document
from tests.contract import project
from tests.contract.project import ROOT
from tests.simulation.test_role_chain import STATEMENTS

TABLES = project.tables(project.reference("role-chain"))
BODY = "layers/consumer/consumer_role.yaml"
TEST = re.compile(r"\[`(\w+)(?:\[(.+)\])?`\]\(\.\./\.\./(tests/.+\.py)\)")
KEY = re.compile(r"'((?:aws|sts|kms):\w+)'")
ROWS = [row for rows in TABLES.values() for row in rows]


def _sids(value: Any) -> Iterator[str]:
    """The names of all statements in a part of a template, in whichever case they are there."""
    if isinstance(value, Mapping):
        if "Effect" in value:
            yield str(value["Sid"])
        value = list(value.values())
    for each in value if isinstance(value, list) else []:
        yield from _sids(each)


def _named(table: str) -> list[str]:
    return [row[0].strip("`") for row in TABLES[table]]


def test_every_statement_of_the_run_as_role_is_on_the_page() -> None:
    trust = project.template(project.HUB)["Resources"]["RunAsRole"]["Properties"]
    boundary = project.template(project.BOUNDARIES)["Resources"]["RunAsBoundary"]
    assert _named("The run-as role") == [*_sids(trust), *_sids(document(["any"], "any")), *_sids(boundary)]


def test_every_statement_of_the_consumer_role_is_on_the_page() -> None:
    assert _named("The consumer role") == list(_sids(project.template(BODY)["Resources"]))


@pytest.mark.parametrize("sid", STATEMENTS)
def test_the_page_says_what_quick_is_refused_without_a_statement(sid: str) -> None:
    (row,) = [row for row in TABLES["The consumer role"] if row[0] == f"`{sid}`"]
    assert row[2] == f"`{STATEMENTS[sid]}`"
    assert row[3].startswith(f"[`test_without_a_statement_of_consumer_role_quick_is_refused[{sid}]`]")


@pytest.mark.parametrize("row", ROWS, ids=[row[0].strip("`") for row in ROWS])
def test_the_test_that_a_row_names_exists(row: list[str]) -> None:
    found = TEST.fullmatch(row[-1])
    assert found, row[-1]
    name, parameter, path = found.groups()
    written = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = {each.name: each for each in written.body if isinstance(each, ast.FunctionDef)}
    assert name in functions
    decorators = " ".join(ast.unparse(each) for each in functions[name].decorator_list)
    if parameter:
        assert parameter in STATEMENTS or repr(parameter) in decorators


def _conditions(value: Any) -> Iterator[str]:
    """The keys of all conditions in a part of a template."""
    if isinstance(value, Mapping):
        if "Effect" in value and "Condition" in value:
            yield from KEY.findall(str(value["Condition"]))
        value = list(value.values())
    for each in value if isinstance(value, list) else []:
        yield from _conditions(each)


def test_every_condition_of_the_two_roles_is_on_the_page() -> None:
    run_as = project.template(project.HUB)["Resources"]["RunAsRole"]
    parts = [run_as, document(["any"], "any"), project.template(BODY)["Resources"]]
    assert {key for part in parts for key in _conditions(part)} == set(_named("The conditions"))
