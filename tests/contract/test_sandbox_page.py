"""Do the pages on the sandbox name every module, test, endpoint and duration there is, and none there is not?"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.contract import project
from tests.contract.project import ROOT

PAGES = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs/sandbox").glob("*.md"))}
SANDBOX = ROOT / "sandbox/aws"
TEST_FOLDERS = ("integration/sandbox", "unit/sandbox", "simulation")
PARTS = {"moto", "code", "source", "tests"}
LONGEST_CELL = 250


def differences(page: str) -> list[dict[str, str]]:
    """The items under "Differences from moto": what AWS does, and the named parts below it."""
    section = project.sections(page).get("Differences from moto", "")
    items = re.split(r"^- ", section, flags=re.MULTILINE)[1:]
    split = [re.split(r"\n  - (\w+): ", item) for item in items]
    return [{"aws": first, **dict(zip(rest[::2], rest[1::2], strict=True))} for first, *rest in split]


DIFFERENCES = [item for page in PAGES.values() for item in differences(page)]
MODULES = {code for item in DIFFERENCES for code in project.codes(item["code"])}
TESTS = sorted({code for item in DIFFERENCES for code in project.codes(item["tests"])})


def page(name: str) -> str:
    """The text of one page."""
    return PAGES[ROOT / "docs/sandbox" / name]


@cache
def functions(file: str) -> set[str]:
    """The functions of the one test file of that name in the sandbox's test folders."""
    (found,) = [path for folder in TEST_FOLDERS if (path := ROOT / "tests" / folder / file).is_file()]
    return _functions(found)


def _functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def described_modules() -> set[str]:
    """Every module that answers for AWS."""
    found = [path for folder in ("services", "permissions") for path in (SANDBOX / folder).rglob("*.py")]
    return {str(path.relative_to(SANDBOX)) for path in found if path.name != "__init__.py"}


def test_every_difference_has_code_a_source_and_a_test() -> None:
    faulty = [item for item in DIFFERENCES if not PARTS - {"moto"} <= item.keys() <= PARTS | {"aws"}]
    assert faulty == []
    assert len(DIFFERENCES) > 200


def test_no_cell_of_a_table_is_long() -> None:
    cells = [cell for text in PAGES.values() for rows in project.tables(text).values() for row in rows for cell in row]
    assert [cell for cell in cells if len(cell) > LONGEST_CELL] == []


def test_the_overview_lists_every_page() -> None:
    linked = set(re.findall(r"^\| \[[^]]+\]\((\w+\.md)\) \|", page("README.md"), flags=re.MULTILINE))
    assert linked == {path.name for path in PAGES} - {"README.md"}


@pytest.mark.parametrize("named", TESTS)
def test_a_test_named_on_a_page_exists(named: str) -> None:
    file, _, function = named.partition("::")
    assert function.startswith("test_")
    assert function in functions(file)


def test_every_module_that_answers_for_aws_is_named() -> None:
    assert described_modules() - MODULES == set()


def test_every_module_named_exists() -> None:
    assert [name for name in sorted(MODULES) if not (SANDBOX / name).is_file()] == []


def test_every_integration_test_of_the_sandbox_is_named() -> None:
    files = {path.name for path in (ROOT / "tests/integration/sandbox").glob("test_*.py")}
    assert files - {named.partition("::")[0] for named in TESTS} == set()


def test_every_test_of_moto_alone_is_named() -> None:
    canaries = {
        f"{path.name}::{name}"
        for path in (ROOT / "tests/integration/sandbox").glob("test_*.py")
        for name in _functions(path)
        if name.startswith("test_moto_alone")
    }
    assert canaries - set(TESTS) == set()


def test_the_page_names_every_endpoint_of_the_server() -> None:
    text = (SANDBOX / "server.py").read_text(encoding="utf-8")
    served = set(re.findall(r'\("(GET|POST|PUT|DELETE)", "(/sandbox/\w+)"\)', text))
    assert set(re.findall(r"`(GET|POST|PUT|DELETE) (/sandbox/\w+)`", page("serve.md"))) == served


def test_the_page_names_every_option_of_serve() -> None:
    tree = ast.parse((ROOT / "sandbox/__main__.py").read_text(encoding="utf-8"))
    (run_server,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "run_server"]
    options = {f"`--{argument.arg.replace('_', '-')}`" for argument in run_server.args.args}
    assert {row[0] for row in project.tables(page("serve.md"))["Serve it"] if row[0].startswith("`--")} == options


def _constant(module: str, name: str) -> float:
    tree = ast.parse((SANDBOX / module).read_text(encoding="utf-8"))
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    (value,) = [node.value for node in assigned if ast.unparse(node.targets[0]) == name]
    return float(ast.literal_eval(value))


def test_what_takes_time_takes_as_long_as_the_page_says() -> None:
    rows = [row for row in project.tables(page("time.md"))["Time"] if row[1].isdigit()]
    told = {where: float(seconds) for _, seconds, where in rows}
    assert len(told) == 11
    assert told == {where: _constant(*re.findall(r"`([^`]+)`", where)) for where in told}
