"""Does every module import only what its place allows?"""

import ast
import sys

import pytest

from tests.contract import project

LAYER = "layers/control_plane/control_plane"
AWS = {"boto3", "botocore"}
OUTSIDE = {"sandbox", "quickctl", "tests", "moto"}
# Facts in, plan out: what these reach, directly or not, may read no file, clock or network.
PURE = (
    "text",
    "account",
    "errors",
    "events",
    "access_policy",
    "opt_in",
    "contradictions",
    "lake_grants",
    "narrowing",
    "publications",
    "revocation_budget",
    "grant_budget",
    "decision",
    "dependents",
    "published_events",
    "failure",
    "status_tag",
    "ports/access",
    "ports/approvals",
    "ports/grants",
    "ports/notifications",
    "ports/organization",
    "ports/quick",
    "ports/reconciles",
    "ports/registry",
    "ports/stack_sets",
    "sweep/snapshot",
    "sweep/inventory",
    "sweep/unmanaged",
    "sweep/planning",
    "sweep/outcomes",
    "sweep/reporting",
)
PURE_LIBRARIES = {"pydantic", "yaml"}
# Modules that also do something, with a path or a port they are handed; a pure module may use these names of them.
OF_OTHERS = {
    "profiles": {
        *{"Profile", "BUCKET", "DATABASE", "GROUP", "RULES", "WORD"},
        *{"LONGEST", "OF_PUBLISHERS", "PUBLISHER_PLACES", "glue_arns"},
    },
    "steps/data_source": {"wanted"},
}
DOING = {"now", "today", "utcnow", "open", "read_text", "read_bytes", "load", "getenv", "environ"}

LOADS_HANDLERS = "sandbox/serve.py"  # reads a profiles file as the product does


def _imports(path: str, tree: ast.Module) -> set[str]:
    found = project.imported(tree)
    assert "None" not in found, f"{path}: a relative import hides where it leads"
    return found


def _tops(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def _third_party(names: set[str]) -> set[str]:
    return _tops(names) - set(sys.stdlib_module_names) - {"control_plane"}


LAYER_IMPORTS = {path: _imports(path, tree) for path, tree in project.modules(LAYER).items()}
in_layer = pytest.mark.parametrize("path", sorted(LAYER_IMPORTS))


def _ours(name: str) -> set[str]:
    """The modules of the layer a module imports, by name: `account`, `sweep/snapshot`."""
    found = ast.walk(project.modules(LAYER)[f"{LAYER}/{name}.py"])
    froms = [
        node for node in found if isinstance(node, ast.ImportFrom) and str(node.module).startswith("control_plane")
    ]
    named = {str(node.module) for node in froms} | {
        f"{node.module}.{alias.name}" for node in froms for alias in node.names
    }
    paths = {each.removeprefix("control_plane").lstrip(".").replace(".", "/") for each in named}
    return {path for path in paths if f"{LAYER}/{path}.py" in LAYER_IMPORTS}


def _reached(name: str) -> set[str]:
    reached, left = set(), {name}
    while left:
        reached |= (now := {left.pop()})
        left |= {each for one in now for each in _ours(one)} - reached - set(OF_OTHERS)
    return reached


@pytest.mark.parametrize("name", PURE)
def test_a_pure_module_reaches_only_pure_modules(name: str) -> None:
    assert _reached(name) <= set(PURE)


@pytest.mark.parametrize("name", PURE)
def test_a_pure_module_uses_of_others_only_what_is_pure(name: str) -> None:
    tree = project.modules(LAYER)[f"{LAYER}/{name}.py"]
    for other in sorted(_ours(name) & set(OF_OTHERS)):
        assert _used(tree, other) <= OF_OTHERS[other], other


def _used(tree: ast.Module, other: str) -> set[str]:
    """The names a file uses of a module: those it imports from there, and `module.name`."""
    module = "control_plane." + other.replace("/", ".")
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == module]
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    dotted = {node.attr for node in attributes if ast.unparse(node.value) == module.rsplit(".", maxsplit=1)[1]}
    return {alias.name for node in froms for alias in node.names} | dotted


def test_what_pure_modules_use_of_others_is_used() -> None:
    for other, names in OF_OTHERS.items():
        users = [name for name in PURE if other in _ours(name)]
        assert {each for name in users for each in _used(project.modules(LAYER)[f"{LAYER}/{name}.py"], other)} == names


@pytest.mark.parametrize("name", PURE)
def test_a_pure_module_names_nothing_that_reads_a_clock_or_a_file(name: str) -> None:
    nodes = list(ast.walk(project.modules(LAYER)[f"{LAYER}/{name}.py"]))
    called = {node.func.attr for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)}
    called |= {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not called & DOING


def test_a_module_in_a_folder_is_followed() -> None:
    assert {"sweep/snapshot", "sweep/inventory", "revocation_budget"} <= _reached("sweep/planning")
    assert "steps/dependents" in _reached("steps/data_source")


@pytest.mark.parametrize("name", PURE)
def test_a_pure_module_imports_only_pydantic_besides_the_standard_library(name: str) -> None:
    assert _third_party(LAYER_IMPORTS[f"{LAYER}/{name}.py"]) <= {"pydantic"}


def test_profiles_imports_no_more_than_yaml_besides() -> None:
    assert _third_party(LAYER_IMPORTS[f"{LAYER}/profiles.py"]) <= PURE_LIBRARIES


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
    assert _third_party(LAYER_IMPORTS[path]) - typing_only <= {*AWS, "pydantic", "yaml", "aws_lambda_powertools"}


@pytest.mark.parametrize("path", sorted(project.modules("functions")))
def test_a_function_imports_powertools_pydantic_and_the_control_plane_alone(path: str) -> None:
    found = _imports(path, project.modules("functions")[path])
    assert _third_party(found) <= {"aws_lambda_powertools", "pydantic"}
    assert not {name for name in found if name.startswith("control_plane.aws")}


@pytest.mark.parametrize("path", sorted(project.modules("sandbox")))
def test_the_sandbox_does_not_know_the_product_it_runs(path: str) -> None:
    found = _tops(_imports(path, project.modules("sandbox")[path]))
    assert "control_plane" not in found or path.startswith(LOADS_HANDLERS)
    assert not found & {"tests", "quickctl"}


in_quickctl = pytest.mark.parametrize("path", sorted(project.modules("quickctl")))


@in_quickctl
def test_only_three_modules_of_quickctl_call_aws(path: str) -> None:
    found = _imports(path, project.modules("quickctl")[path])
    adapters = {name for name in found if name.startswith("control_plane.aws") or _tops({name}) & AWS}
    typing_only = {"boto3"} if path == "quickctl/cli.py" else set()
    assert adapters <= typing_only or path in ("quickctl/aws.py", "quickctl/administrator.py", "quickctl/owner.py")


@in_quickctl
def test_quickctl_knows_nothing_of_the_sandbox_and_the_tests(path: str) -> None:
    found = _imports(path, project.modules("quickctl")[path])
    assert not _tops(found) & {"sandbox", "tests", "moto"}
    assert not {name for name in found if name.startswith("control_plane.wiring")}, "settings come from the stack"


@in_quickctl
def test_quickctl_imports_only_what_is_installed_with_it(path: str) -> None:
    found = _third_party(_imports(path, project.modules("quickctl")[path]))
    assert found - {"quickctl"} <= {*AWS, "jinja2", "pydantic", "yaml", "rich", "typer"}
