"""May every identity do what it must, and no more?"""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

import pytest

from tests.contract import project
from tests.contract.filled import documents
from tests.contract.project import HUB, MACHINES, TEMPLATES

DELEGATED = "organizations:ListDelegatedAdministrators"  # CallAs: DELEGATED_ADMIN
# What AWS asks for besides the operation's own action, and why.
BESIDES = {
    "cloudformation:CreateStackSet": {"cloudformation:TagResource", DELEGATED},  # Tags in the request
    "cloudformation:DescribeStackSetOperation": {DELEGATED},
    "cloudformation:DetectStackSetDrift": {DELEGATED},
    # A child execution: to follow and to stop it, and the managed rule that reports its end.
    "states:StartExecution.sync:2": {
        "states:StartExecution",
        "states:DescribeExecution",
        "states:StopExecution",
        "events:PutTargets",
        "events:PutRule",
        "events:DescribeRule",
    },
    "iam:CreatePolicy": {"iam:TagPolicy"},  # Tags in the request
    "quicksight:CreateDataSet": {
        "quicksight:TagResource",  # Tags in the request
        "quicksight:PassDataSource",  # the data source that its SQL names
    },
    "quicksight:CreateDataSource": {
        "quicksight:TagResource",  # Tags in the request
        "iam:PassRole",  # RoleArn in the request
    },
}
IAM_PREFIXES = {"stepfunctions": "states"}  # where boto3's name of a service is not IAM's
# Condition keys that keep a service from being used by an outsider against us.
AGAINST_CONFUSED_DEPUTIES = {"aws:SourceAccount", "aws:SourceArn"}


# The code's calls ----------------------------------------------------------------------------------


def test_the_functions_may_do_exactly_what_the_adapters_call() -> None:
    called = {action for adapter in _adapters() for action in _calls(adapter)}
    allowed = {action for f in project.functions().values() for action in project.actions(*project.granted(f))}
    assert allowed == _with_besides(called)


WIRING = "layers/control_plane/control_plane/wiring.py"
# Calls of one service may need a permission of another one (BESIDES).
SERVICES_BESIDES = {"cloudformation": {"organizations"}, "quicksight": {"iam"}}


@pytest.mark.parametrize("function", sorted(project.functions()))
def test_a_function_has_policies_for_the_services_it_reaches_and_for_no_other(function: str) -> None:
    reached = _reached(function)
    granted = project.granted(project.functions()[function])
    services = {action.partition(":")[0] for action in project.actions(*granted)}
    assert bool(granted) == bool(reached), f"{function} reaches {sorted(reached)}"
    assert services <= reached.union(*(SERVICES_BESIDES.get(each, set()) for each in reached))


def _reached(function: str) -> set[str]:
    """The services, in IAM's words, of the clients that wiring.py may create for a function's handler."""
    handler = project.functions()[function]["Properties"]["Handler"].removesuffix(".handler")
    wired = {node.name: node for node in _tree(WIRING).body if isinstance(node, ast.FunctionDef)}
    found: set[str] = set()
    waiting = [node.attr for node in ast.walk(_tree(f"functions/{handler}.py")) if _is_wired(node)]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in wired and name not in seen:
            seen.add(name)
            calls = [node for node in ast.walk(wired[name]) if isinstance(node, ast.Call)]
            names = [call.func.id for call in calls if isinstance(call.func, ast.Name)]
            found |= {
                _client_of(call) for call in calls if isinstance(call.func, ast.Name) and call.func.id == "_client"
            }
            waiting += names
    return found


def _tree(path: str) -> ast.Module:
    return project.modules(path.rpartition("/")[0])[path]


def _is_wired(node: ast.AST) -> TypeGuard[ast.Attribute]:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "wiring"


def _client_of(call: ast.Call) -> str:
    service = str(ast.literal_eval(call.args[0]))
    return IAM_PREFIXES.get(service, service)


def _with_besides(called: set[str]) -> set[str]:
    return called | {extra for action in called for extra in BESIDES.get(action, set())}


def _adapters() -> list[ast.Module]:
    return list(project.modules("layers/control_plane/control_plane/aws").values())


def _calls(tree: ast.Module) -> Iterator[str]:
    """The IAM actions of the boto3 methods an adapter names on its client."""
    service = IAM_PREFIXES.get(_service(tree) or "", _service(tree))
    for node in ast.walk(tree):
        if _is_on_client(node) and node.attr != "get_paginator":
            yield f"{service}:{_pascal(node.attr)}"
        if isinstance(node, ast.Call) and _is_on_client(node.func) and node.func.attr == "get_paginator":
            yield f"{service}:{_pascal(ast.literal_eval(node.args[0]))}"


def _is_on_client(node: ast.AST) -> TypeGuard[ast.Attribute]:
    return isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("self._client", "self._regional")


def _service(tree: ast.Module) -> str | None:
    names = {name.split(".")[0] for name in project.imported(tree) if name.startswith("mypy_boto3_")}
    return names.pop().removeprefix("mypy_boto3_") if names else None


def _pascal(operation: str) -> str:
    return "".join(word.capitalize() for word in operation.split("_"))


@pytest.mark.parametrize("name", MACHINES)
def test_a_state_machine_may_do_exactly_what_its_tasks_call(name: str) -> None:
    allowed = project.actions(*project.granted(project.machine_resource(name)[1]))
    called = _with_besides({_action_of(raw["Resource"]) for raw in project.tasks(name).values()})
    wanted = {action for action in called if not action.endswith(".sync:2")}
    assert {action for action in allowed if not action.startswith("logs:")} == wanted


def _action_of(resource: str) -> str:
    child = resource.endswith(".sync:2")
    service, operation = resource.removesuffix(".waitForTaskToken").removesuffix(".sync:2").split(":")[-2:]
    if service == "lambda":
        return "lambda:InvokeFunction"
    return f"{service.replace('sfn', 'states')}:{operation[0].upper()}{operation[1:]}{'.sync:2' if child else ''}"


@pytest.mark.parametrize("name", MACHINES)
def test_a_state_machine_may_invoke_its_own_functions_only(name: str) -> None:
    resource = project.machine_resource(name)[1]
    (invoke,) = [s for s in project.granted(resource) if "lambda:InvokeFunction" in project.actions(s)]
    substitutions = resource["Properties"]["DefinitionSubstitutions"]
    wanted = [substitutions[placeholder] for placeholder in project.invocations(name).values()]
    assert sorted(map(str, project.as_list(invoke["Resource"]))) == sorted(set(map(str, wanted)))


# Every policy in every template ---------------------------------------------------------------------


def _allowing(name: str) -> Iterator[Mapping[str, Any]]:
    """Statements of identity policies that allow something."""
    for logical_id, resource in project.template(name)["Resources"].items():
        if logical_id not in project.boundaries(name):
            for document in documents(resource["Properties"]):
                yield from (s for s in project.statements(document) if s["Effect"] == "Allow" and "Principal" not in s)


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_statement_allows_a_whole_service(name: str) -> None:
    for statement in _allowing(name):
        assert not [action for action in project.actions(statement) if "*" in action], statement["Sid"]


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_roles_trust_is_narrowed_by_conditions(name: str) -> None:
    for logical_id, role in project.resources(name, "Role").items():
        for statement in project.statements(role["Properties"]["AssumeRolePolicyDocument"]):
            keys = _condition_keys(statement["Condition"])
            is_service = "Service" in statement["Principal"]
            wanted = AGAINST_CONFUSED_DEPUTIES if is_service else {"aws:PrincipalArn", "sts:ExternalId"}
            assert all(wanted <= each for each in keys), logical_id


def _condition_keys(condition: Mapping[str, Any]) -> list[set[str]]:
    """The condition keys of a statement, once for each branch of its !If."""
    branches = condition["Fn::If"][1:] if "Fn::If" in condition else [condition]
    return [{key for operator in branch.values() for key in operator} for branch in branches]


def test_a_condition_in_every_branch_is_looked_at() -> None:
    one = {"StringEquals": {"aws:PrincipalArn": "x"}}
    assert _condition_keys({"Fn::If": ["Any", one, {}]}) == [{"aws:PrincipalArn"}, set()]


def test_nobody_but_quick_may_assume_the_run_as_role_and_nobody_of_ours_any_role() -> None:
    allowed = {action for name in TEMPLATES for statement in _allowing(name) for action in project.actions(statement)}
    assert not {action for action in allowed if re.match(r"sts:", action)}
    trust = project.template(HUB)["Resources"]["RunAsRole"]["Properties"]["AssumeRolePolicyDocument"]
    assert [s["Principal"] for s in project.statements(trust)] == [{"Service": "quicksight.amazonaws.com"}]


def test_a_consumer_role_can_never_be_more_than_its_boundary() -> None:
    for name, role in [(HUB, "RunAsRole"), (TEMPLATES[2], "ConsumerRole")]:
        assert "PermissionsBoundary" in project.template(name)["Resources"][role]["Properties"]
