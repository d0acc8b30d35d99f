"""Does every module import only what its place allows?"""

import ast
import sys

import pytest

from tests.contract import project

LAYER = "layers/control_plane/control_plane"
AWS = {"boto3", "botocore"}
OUTSIDE = {"sandbox", "quickctl", "tests", "moto"}
# Facts in, plan out: what these reach, directly or not, may read no file, clock or network.
PURE = ("account", "errors", "events", "access_policy", "asking", "decision", "dependents", "failure")
PURE_LIBRARIES = {"pydantic", "yaml"}

LOADS_HANDLERS = "sandbox/services/functions"  # runs the functions in process


def _imports(path: str, tree: ast.Module) -> set[str]:
    found = project.imported(tree)
    assert "None" not in found, f"{path}: a relative import hides where it leads"
    return found


def _tops(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def _strangers(names: set[str]) -> set[str]:
    return _tops(names) - set(sys.stdlib_module_names) - {"control_plane"}


LAYER_IMPORTS = {path: _imports(path, tree) for path, tree in project.modules(LAYER).items()}
in_layer = pytest.mark.parametrize("path", sorted(LAYER_IMPORTS))


def _ours(name: str) -> set[str]:
    """The modules of the layer a module imports, by name."""
    parts = {each.split(".")[1] for each in LAYER_IMPORTS[f"{LAYER}/{name}.py"] if each.startswith("control_plane.")}
    return {part for part in parts if f"{LAYER}/{part}.py" in LAYER_IMPORTS}


def _reached(name: str) -> set[str]:
    reached, left = set(), {name}
    while left:
        reached |= (now := {left.pop()})
        left |= {each for one in now for each in _ours(one)} - reached
    return reached


@pytest.mark.parametrize("name", PURE)
def test_a_pure_module_reaches_only_pure_modules(name: str) -> None:
    assert _reached(name) <= set(PURE)


@pytest.mark.parametrize("name", PURE)
def test_a_pure_module_imports_only_pydantic_besides_the_standard_library(name: str) -> None:
    assert _strangers(LAYER_IMPORTS[f"{LAYER}/{name}.py"]) <= {"pydantic"}


def test_profiles_imports_no_more_than_yaml_besides() -> None:
    assert _strangers(LAYER_IMPORTS[f"{LAYER}/profiles.py"]) <= PURE_LIBRARIES


@pytest.mark.parametrize("name", PURE)
def test_a_pure_module_asks_no_clock_no_chance_and_no_environment(name: str) -> None:
    asked = LAYER_IMPORTS[f"{LAYER}/{name}.py"]
    assert not _tops(asked) & {"os", "time", "random", "uuid", "secrets", "socket", "subprocess"}


@in_layer
def test_only_the_adapters_import_boto3_and_the_wiring_makes_its_clients(path: str) -> None:
    is_allowed = path.startswith(f"{LAYER}/aws/")
    allowed = AWS if is_allowed else {"boto3"} if path == f"{LAYER}/wiring.py" else set()
    assert _tops(LAYER_IMPORTS[path]) & AWS <= allowed


@in_layer
def test_only_the_adapters_know_the_types_of_boto3(path: str) -> None:
    typed = {name for name in _tops(LAYER_IMPORTS[path]) if name.startswith("mypy_boto3")}
    assert not typed or path.startswith(f"{LAYER}/aws/")


@in_layer
def test_only_the_wiring_imports_the_adapters(path: str) -> None:
    adapters = {name for name in LAYER_IMPORTS[path] if name.startswith("control_plane.aws")}
    assert not adapters or path.startswith((f"{LAYER}/aws/", f"{LAYER}/wiring.py"))


@in_layer
def test_the_layer_knows_nothing_of_sandbox_command_line_and_tests(path: str) -> None:
    assert not _tops(LAYER_IMPORTS[path]) & OUTSIDE


@in_layer
def test_the_layer_imports_only_what_the_dependencies_layer_brings(path: str) -> None:
    typing_only = {name for name in _tops(LAYER_IMPORTS[path]) if name.startswith("mypy_boto3")}
    assert _strangers(LAYER_IMPORTS[path]) - typing_only <= {*AWS, "pydantic", "yaml", "aws_lambda_powertools"}


@pytest.mark.parametrize("path", sorted(project.modules("functions")))
def test_a_function_imports_powertools_pydantic_and_the_control_plane_alone(path: str) -> None:
    found = _imports(path, project.modules("functions")[path])
    assert _strangers(found) <= {"aws_lambda_powertools", "pydantic"}
    assert not {name for name in found if name.startswith("control_plane.aws")}


@pytest.mark.parametrize("path", sorted(project.modules("sandbox")))
def test_the_sandbox_does_not_know_the_product_it_runs(path: str) -> None:
    found = _tops(_imports(path, project.modules("sandbox")[path]))
    assert "control_plane" not in found or path.startswith(LOADS_HANDLERS)
    assert not found & {"tests", "quickctl"}
