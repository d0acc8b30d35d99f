"""The project's own files as data: templates, state machines, code, documents. Read once, never changed."""

import ast
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from sandbox.aws.services.cloudformation.template import read
from sandbox.aws.yaml_loader import SafeLoader

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers/control_plane/control_plane"
CONSUMER = ROOT / "layers/consumer"
REFERENCE = ROOT / "docs/reference"
HUB = "template.yaml"
FORWARDING = "stacks/forwarding.yaml"
BOUNDARIES = "stacks/boundaries.yaml"
TEMPLATES = (HUB, FORWARDING, "layers/consumer/consumer_role.yaml", BOUNDARIES)
MACHINES = sorted(path.name for path in (ROOT / "statemachines").glob("*.asl.yaml"))

Resource = Mapping[str, Any]


@cache
def template(name: str) -> Mapping[str, Any]:
    """A CloudFormation template with short intrinsics written out (`!Ref x` is {"Ref": "x"})."""
    return read((ROOT / name).read_text(encoding="utf-8"))


def resources(name: str, of_type: str) -> dict[str, Resource]:
    """A template's resources of one type by logical id; the last word of the type is enough."""
    return {key: r for key, r in template(name)["Resources"].items() if r["Type"].endswith(f"::{of_type}")}


def boundaries(name: str) -> set[str]:
    """Policies that only ever limit: the permissions boundaries, by logical id."""
    if name == BOUNDARIES:
        return set(template(name)["Resources"])
    written = [r["Properties"] for r in template(name)["Resources"].values()]
    return {ref for each in written for ref in _refs(each.get("PermissionsBoundary", ""))}


def _refs(value: Any) -> Iterator[str]:
    """What a value refers to, in whichever case."""
    if isinstance(value, Mapping) and "Ref" in value:
        yield value["Ref"]
    elif isinstance(value, Mapping):
        yield from (ref for each in value.get("Fn::If", ())[1:] for ref in _refs(each))


def default(name: str, parameter: str) -> str:
    """What a template's parameter is when nobody says otherwise."""
    return str(template(name)["Parameters"][parameter]["Default"])


@cache
def machine(name: str) -> Mapping[str, Any]:
    """A state machine file as it is written."""
    found: Mapping[str, Any] = yaml.load(machine_text(name), SafeLoader)  # noqa: S506 - it is one
    return found


def machine_text(name: str) -> str:
    """The text of a state machine file."""
    return (ROOT / "statemachines" / name).read_text(encoding="utf-8")


def machine_resource(name: str) -> tuple[str, Resource]:
    """The template's resource that deploys a state machine file, with its logical id."""
    uri = f"statemachines/{name}"
    found = [(key, r) for key, r in resources(HUB, "StateMachine").items() if r["Properties"]["DefinitionUri"] == uri]
    assert len(found) == 1, f"{uri}: deployed {len(found)} times"
    return found[0]


def states(definition: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every state of a machine with its name, those inside Maps too."""
    for name, state in definition["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"])


def tasks(name: str) -> dict[str, Mapping[str, Any]]:
    """The Task states of a machine file by name."""
    return {key: state for key, state in states(machine(name)) if state["Type"] == "Task"}


def invocations(name: str) -> dict[str, str]:
    """Task states that invoke a function: state name to the placeholder (`EnsureAccessArn`)."""
    return {
        key: state["Arguments"]["FunctionName"].removeprefix("${").removesuffix("}")
        for key, state in tasks(name).items()
        if state["Resource"].removesuffix(".waitForTaskToken").endswith(":lambda:invoke")
    }


def strings(value: Any) -> Iterator[str]:
    """Every string in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings(item)


def functions() -> dict[str, Resource]:
    """The hub's Lambda functions by logical id."""
    return resources(HUB, "Function")


def scheduled() -> dict[str, list[Resource]]:
    """The targets of the hub's schedules, by the logical id of what they start."""
    found: dict[str, list[Resource]] = {}
    for schedule in resources(HUB, "Schedule").values():
        target = schedule["Properties"]["Target"]
        arn = target["Arn"]  # of a function, or of a state machine
        found.setdefault(arn["Fn::GetAtt"][0] if "Fn::GetAtt" in arn else arn["Ref"], []).append(target)
    return found


def statements(policy: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A policy document's statements; conditional ones as if their condition holds."""
    written = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    return [each["Fn::If"][1] if "Fn::If" in each else each for each in written]


def granted(resource: Resource) -> list[Mapping[str, Any]]:
    """The statements of a SAM resource's Policies, policies of this template written out."""
    documents = [_document(each) for each in resource["Properties"].get("Policies", [])]
    return [statement for document in documents for statement in statements(document)]


def _document(policy: Any) -> Mapping[str, Any]:
    if "Ref" in policy:
        policy = template(HUB)["Resources"][policy["Ref"]]["Properties"]
    found: Mapping[str, Any] = policy.get("PolicyDocument", policy)
    return found


def actions(*of: Mapping[str, Any]) -> set[str]:
    """The actions that statements name."""
    return {action for statement in of for action in as_list(statement["Action"])}


def as_list(value: Any) -> list[Any]:
    """One or many, as policies write it."""
    return value if isinstance(value, list) else [value]


@cache
def samconfig() -> Mapping[str, Any]:
    """What `sam` deploys where."""
    return tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))


def sample(name: str) -> Any:
    """One file below events/, without its ending: `organizations/tag_resource.opt_in`."""
    return json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))


def samples() -> list[str]:
    """The names of all envelopes; inputs of single steps are none."""
    found = (path.relative_to(ROOT / "events") for path in (ROOT / "events").glob("*/*.json"))
    return sorted(str(path).removesuffix(".json") for path in found if path.parts[0] != "steps")


@cache
def modules(folder: str) -> Mapping[str, ast.Module]:
    """The Python files below a folder, parsed, by path from the project's root."""
    paths = sorted((ROOT / folder).rglob("*.py"))
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def imported(tree: ast.Module) -> set[str]:
    """The dotted names of the modules a file imports, those for type checkers included."""
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return plain | {
        f"{node.module}.{alias.name}" if node.module == "control_plane" else str(node.module)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@cache
def files() -> list[Path]:
    """Every file somebody wrote; what tools made or installed is left out."""
    tops = [path for path in ROOT.iterdir() if path.name == ".ci" or not path.name.startswith(".")]
    tops = [path for path in tops if path.suffix != ".egg-info"]  # what installing from here writes
    found = [path for top in tops for path in ([top] if top.is_file() else top.rglob("*")) if path.is_file()]
    return sorted(path for path in found if path.suffix != ".pyc")


def howto(name: str) -> str:
    """The text of one page of docs/howto."""
    return (ROOT / "docs/howto" / f"{name}.md").read_text(encoding="utf-8")


def reference(name: str) -> str:
    """The text of one page of docs/reference."""
    return (REFERENCE / f"{name}.md").read_text(encoding="utf-8")


def tables(text: str) -> dict[str, list[list[str]]]:
    """A page's tables by the heading above them: rows of cells, without the header; tables of one heading joined."""
    found: dict[str, list[list[str]]] = {}
    heading, lines = "", text.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("#"):
            heading = line.lstrip("# ")
        is_header = number + 1 < len(lines) and re.match(r"^\|[\s|:-]+$", lines[number + 1])
        if line.startswith("|") and not is_header and not re.match(r"^\|[\s|:-]+$", line):
            found.setdefault(heading, []).append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return found


def codes(text: str) -> set[str]:
    """What stands between back-ticks."""
    return set(re.findall(r"`([^`\n]+)`", text))


def sections(text: str) -> dict[str, str]:
    """A page's second-level sections by heading."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))
