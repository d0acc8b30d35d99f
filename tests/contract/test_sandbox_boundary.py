"""Does the embedded AWS know nothing of the product, and does everybody keep to the side they are on?"""

import ast
import re
from collections.abc import Iterator, Mapping

import pytest

from tests.contract import project
from tests.contract.project import ROOT

ENGINE = "sandbox/aws"
ENGINE_MODULES = project.modules(ENGINE)
HARNESS_MODULES = {path: tree for path, tree in project.modules("sandbox").items() if not path.startswith(f"{ENGINE}/")}
PRODUCT_MODULES = {**project.modules("layers"), **project.modules("functions")}
OPEN_MODULES = {"sandbox.aws.server"}  # besides the names `sandbox.aws` exports
# What only the product's people say. Amazon Quick itself is a service of AWS.
PRODUCT_WORDS = re.compile(
    r"quick[-_ ]?(athena|onboarding)|control_plane|ReconcileAccount|SweepOrganization|layers/|functions/|profiles\.yaml"
    r"|CONSUMER_DIRECTORY",
    re.IGNORECASE,
)


def _module_name(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


MODULES = {_module_name(path): tree for path, tree in project.modules("sandbox").items()}


def _imported(tree: ast.Module) -> Iterator[str]:
    """Every module a file imports, those for type checkers included; `from package import module` is that module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import hides where it leads"
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                yield module if module in MODULES else str(node.module)


def _circle(graph: Mapping[str, set[str]]) -> list[str]:
    """Some modules that import each other in a circle; none if there is no circle."""
    done: set[str] = set()

    def search(module: str, path: list[str]) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        found = next(filter(None, (search(each, [*path, module]) for each in sorted(graph[module]))), [])
        done.add(module)
        return found

    return next(filter(None, (search(module, []) for module in sorted(graph))), [])


@pytest.mark.parametrize("path", sorted(ENGINE_MODULES))
def test_the_engine_never_names_the_product(path: str) -> None:
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if PRODUCT_WORDS.search(line)] == []


@pytest.mark.parametrize("path", sorted(ENGINE_MODULES))
def test_the_engine_imports_nothing_of_the_project_but_itself(path: str) -> None:
    ours = {"sandbox", "control_plane", "functions", "layers", "tests", "bench"}
    found = {name for name in _imported(ENGINE_MODULES[path]) if name.split(".")[0] in ours}
    assert {name for name in found if not name.startswith("sandbox.aws.")} == set()


@pytest.mark.parametrize("path", sorted(HARNESS_MODULES))
def test_the_harness_takes_the_engine_by_its_exported_names(path: str) -> None:
    assert {name for name in _imported(HARNESS_MODULES[path]) if name.startswith("sandbox.aws.")} <= OPEN_MODULES


def test_the_engine_exports_what_the_harness_uses_and_little_more() -> None:
    (exported,) = [
        ast.literal_eval(node.value)
        for node in MODULES["sandbox.aws"].body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    assert len(exported) <= 15


@pytest.mark.parametrize("path", sorted(PRODUCT_MODULES))
def test_the_product_does_not_know_the_sandbox(path: str) -> None:
    assert "sandbox" not in {name.split(".")[0] for name in _imported(PRODUCT_MODULES[path])}


def test_code_is_loaded_by_name_in_one_place() -> None:
    loading = {
        path
        for path, tree in project.modules("sandbox").items()
        if {"importlib", "importlib.util", "runpy"} & set(_imported(tree))
        and "importlib.resources" not in set(_imported(tree))
        and any("spec_from" in ast.unparse(node) or "import_module" in ast.unparse(node) for node in ast.walk(tree))
    }
    assert loading == {"sandbox/handlers.py"}


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {name: {each for each in _imported(tree) if each in MODULES} - {name} for name, tree in MODULES.items()}
    assert _circle(graph) == []


def test_a_circle_would_show() -> None:
    assert _circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
