"""Do the state machine files agree with the template, the functions, the errors and the names in the code?"""

import ast
import importlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from control_plane.account import Connection
from control_plane.aws.calls import BY_CODE
from control_plane.aws.registry import FENCE, DynamoDbRegistry, fence_values
from control_plane.decision import Action
from control_plane.failure import REMEDIATIONS
from control_plane.profiles import LONGEST
from sandbox.aws.asl.expression import Expression, expressions, fill
from sandbox.aws.asl.machine import State, parse, states
from tests.contract import project
from tests.contract.project import MACHINES
from tests.contract.recorder import Recorder

AWS_ERROR = re.compile(r"^(States|Lambda|Runtime|Sandbox|DynamoDB|CloudFormation|QuickSight|Sfn|StepFunctions)\.\w+$")
INTEGRATIONS = {
    "lambda": "functions",
    "dynamodb": "DynamoDB",
    "cloudformation": "CloudFormation",
    "sfn": "Step Functions",
    "quicksight": "Quick",
    "states": "child executions",
    "events": "EventBridge",
}
# State names are unique in a machine, so a function invoked from two places is named like one of them only.
SECOND_CALLERS = {
    "AbandonAccountList": "CollectSnapshot",
    "RecordAccountFailure": "RecordFailure",
    "RecordConnectionFailure": "RecordFailure",
    "RollBackAccess": "RevokeAccess",
}
ROUTE, RECONCILE, CONNECTION_MACHINE = (
    "route_event.asl.yaml",
    "reconcile_account.asl.yaml",
    "reconcile_connection.asl.yaml",
)
ANSWERS = {"Rejected"}  # what a person may fail a task with
CONNECTION = Connection(account_id="222233334444", profile="sales-eu")
VARIABLES = {"account_id": CONNECTION.account_id, "profile": CONNECTION.profile}

every_machine = pytest.mark.parametrize("name", MACHINES)


def _substitutions(name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = project.machine_resource(name)[1]["Properties"]["DefinitionSubstitutions"]
    return found


def _parsed(name: str) -> dict[str, State]:
    """Every state of the file, as the strict reader of the sandbox takes it."""
    values = {**dict.fromkeys(_substitutions(name), "value"), "Partition": "aws"}
    return {state.name: state for _, state in states(parse(project.machine_text(name), values))}


def _errors() -> dict[str, ast.ClassDef]:
    tree = project.modules("layers/control_plane/control_plane")["layers/control_plane/control_plane/errors.py"]
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def _named_errors(name: str) -> set[str]:
    found = list(_parsed(name).values())
    retried = {error for state in found for block in state.retry for error in block.error_equals}
    return retried | {error for state in found for block in state.catch for error in block.error_equals}


@every_machine
def test_every_state_is_reachable_and_leads_somewhere(name: str) -> None:
    assert _parsed(name)  # the strict reader raises otherwise; also for variables unknown or assigned outside a Map


@every_machine
def test_placeholders_are_the_templates_substitutions(name: str) -> None:
    used = set(re.findall(r"\$\{(\w+)\}", project.machine_text(name)))
    assert used == set(_substitutions(name))


@every_machine
def test_a_state_machine_is_named_like_its_file(name: str) -> None:
    logical_id, resource = project.machine_resource(name)
    assert resource["Properties"]["Name"] == logical_id == _camel(name.removesuffix(".asl.yaml"))


@every_machine
def test_a_step_has_one_name_as_state_placeholder_function_and_file(name: str) -> None:
    functions = project.functions()
    for state, placeholder in project.invocations(name).items():
        step = SECOND_CALLERS.get(state, state)
        assert placeholder == f"{step}Arn"
        assert _substitutions(name)[placeholder] == {"Fn::GetAtt": [f"{step}Function", "Arn"]}
        assert functions[f"{step}Function"]["Properties"]["Handler"] == f"{_snake(step)}.handler"
        assert (project.ROOT / "functions" / f"{_snake(step)}.py").is_file()


@every_machine
def test_every_task_is_retried_and_fails_into_a_known_place(name: str) -> None:
    for state, raw in project.tasks(name).items():
        assert raw.get("Retry"), f"{state} has no Retry"
        assert raw["Catch"][-1]["ErrorEquals"] == ["States.ALL"], state


@every_machine
def test_every_function_call_has_a_timeout(name: str) -> None:
    for state in project.invocations(name):
        assert "TimeoutSeconds" in project.tasks(name)[state], state


@every_machine
def test_error_names_are_ours_or_awss(name: str) -> None:
    unknown = {error for error in _named_errors(name) if not AWS_ERROR.match(error)}
    assert unknown - ANSWERS <= set(_errors())


def test_every_error_has_a_plan_and_every_plan_an_error() -> None:
    assert set(REMEDIATIONS) == set(_errors())


def test_every_error_is_raised_somewhere() -> None:
    by_machines = {word for name in MACHINES for word in re.findall(r"\bError: (\w+)", project.machine_text(name))}
    assert {*_raised(), *by_machines, *(error.__name__ for error in BY_CODE.values())} >= set(_errors())


def _raised() -> Iterator[str]:
    trees = [*project.modules("layers/control_plane").values(), *project.modules("functions").values()]
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
                yield node.exc.func.id
            # The operator of a stack set gives its errors to those who wait.
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_errors(node.func.value):
                yield node.func.attr


def _is_errors(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "errors"


def test_errors_are_a_flat_list() -> None:
    # Step Functions compares names and knows no inheritance
    bases = {ast.unparse(base) for error in _errors().values() for base in error.bases}
    assert bases == {"Exception"}


@every_machine
def test_retries_are_those_of_the_reference(name: str) -> None:
    documented = _documented_retries()
    for state, raw in project.tasks(name).items():
        wanted = [row for kind in _kinds(raw) for row in documented[kind]]
        assert [_row(each) for each in raw["Retry"]] == wanted, state


def test_every_retry_of_the_reference_is_used() -> None:
    tasks = [raw for name in MACHINES for raw in project.tasks(name).values()]
    assert {kind for raw in tasks for kind in _kinds(raw)} == set(_documented_retries())


# What Step Functions calls an error the service's model has no class for, and how often that is tried at most.
UNMODELLED = {
    "DynamoDB": "DynamoDB.AmazonDynamoDBException",
    "CloudFormation": "CloudFormation.CloudFormationException",
    "Step Functions": "Sfn.SfnException",
    "child executions": "StepFunctions.AWSStepFunctionsException",
    "Quick": "QuickSight.QuickSightException",
    "EventBridge": "States.ALL",
    "functions": "Lambda.AWSLambdaException",
    "functions that answer later": "Lambda.AWSLambdaException",
}
FEW = {"functions": 6, "functions that answer later": 6, "Quick": 2, "EventBridge": 3}


@every_machine
def test_an_error_without_a_class_is_retried_but_a_missing_permission_is_no_half_hour(name: str) -> None:
    for state, raw in project.tasks(name).items():
        kind = _kinds(raw)[-1]
        found = [each for each in raw["Retry"] if UNMODELLED[kind] in each["ErrorEquals"]]
        assert [each["MaxAttempts"] for each in found] == [FEW.get(kind, 5)], state
        assert _longest(found[0]) <= 120, state


def _longest(retrier: Mapping[str, Any]) -> float:
    waits = (retrier["IntervalSeconds"] * retrier["BackoffRate"] ** n for n in range(retrier["MaxAttempts"]))
    return float(sum(min(each, retrier["MaxDelaySeconds"]) for each in waits))


def _kinds(raw: Mapping[str, Any]) -> list[str]:
    """What a task calls, as the reference names it; a function may stand for a person who answers."""
    called = INTEGRATIONS[raw["Resource"].removesuffix(".sync:2").split(":")[-2]]
    if not raw["Resource"].endswith(".waitForTaskToken"):
        return [called]
    asks_people = "AskForApproval" in raw["Arguments"]["FunctionName"]
    return ["people", called] if asks_people else ["functions that answer later"]


def _documented_retries() -> dict[str, list[tuple[str, ...]]]:
    found: dict[str, list[tuple[str, ...]]] = {}
    for kind, errors, *numbers in project.tables(project.reference("errors"))["Retries"]:
        found.setdefault(kind, []).append((" ".join(sorted(project.codes(errors))), *numbers))
    return found


def _row(retrier: Mapping[str, Any]) -> tuple[str, ...]:
    fields = ("IntervalSeconds", "BackoffRate", "MaxDelaySeconds", "MaxAttempts", "JitterStrategy")
    assert set(retrier) == {"ErrorEquals", *fields}
    return (" ".join(sorted(retrier["ErrorEquals"])), *(str(retrier[field]).lower() for field in fields))


@pytest.mark.parametrize("folder", ["functions", "layers/control_plane"])
def test_only_wait_states_wait(folder: str) -> None:
    for path, tree in project.modules(folder).items():
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not names & {"sleep", "get_waiter"}, path
        assert "time" not in project.imported(tree), path


@every_machine
def test_expressions_are_one_line(name: str) -> None:
    for state, expression in _expressions(name):
        assert "\n" not in expression.source, state


def _expressions(name: str) -> Iterator[tuple[str, Expression]]:
    for state in _parsed(name).values():
        templates = [state.fields, *(branch.fields for branch in (*state.choices, *state.catch))]
        rules = [rule.condition for rule in state.choices if isinstance(rule.condition, Expression)]
        yield from ((state.name, each) for fields in templates for each in expressions(dict(fields)))
        yield from ((state.name, each) for each in rules)


@every_machine
def test_the_readers_ban_on_clock_chance_and_digest_is_in_force(name: str) -> None:
    text = project.machine_text(name).replace("$states.context.State.EnteredTime", "$uuid()", 1)
    with pytest.raises(ValueError, match=r"\$uuid"):
        parse(text, dict.fromkeys(_substitutions(name), "value"))


def _arguments(state: str) -> Any:
    """What a Task of ReconcileConnection sends for CONNECTION."""
    return fill(_parsed(CONNECTION_MACHINE)[state].fields["Arguments"], _values())


def _values() -> dict[str, Any]:
    context = {"context": {"State": {"EnteredTime": "now"}}}
    proof = json.loads((project.ROOT / "events/steps/ensure_proof.json").read_text(encoding="utf-8"))["so_far"]
    failure = dict.fromkeys(("error", "reason", "cause", "remedy"), "any")
    recorded = {
        "reason": "tagged",
        "generation": 4,
        "version": "1-2",
        "since": None,
        "finding": "",
        "proof": {**proof, **failure},
    }
    return {**recorded, **VARIABLES, "states": context}


def test_the_machine_records_the_names_the_code_uses() -> None:
    for state in ("RecordConnected", "RecordDegraded"):
        values = _arguments(state)["ExpressionAttributeValues"]
        assert values[":data_source"]["S"] == CONNECTION.data_source_id
        hub = LONGEST.model_copy(update={"partition": "aws"})
        assert values[":consumer_role"]["S"] == CONNECTION.consumer_role_arn(hub)
    assert _arguments("DiscardProof")["DataSetId"] == CONNECTION.proof_id


@pytest.mark.parametrize(
    ("name", "state", "profile"),
    [
        (CONNECTION_MACHINE, "RecordConnected", CONNECTION.profile),
        (CONNECTION_MACHINE, "RenewClaim", None),
        (RECONCILE, "Claim", None),
    ],
)
def test_the_machine_and_the_code_write_the_same_registry_keys(name: str, state: str, profile: str | None) -> None:
    client: Any = Recorder()
    DynamoDbRegistry(client, "table").record_failure(CONNECTION.account_id, profile, {"step": "Any"}, "now")
    assert fill(_parsed(name)[state].fields["Arguments"]["Key"], VARIABLES) == client.requests[0]["Key"]


def test_the_machine_and_the_code_fence_records_alike() -> None:
    recording = {
        name: raw["Arguments"]
        for name, raw in project.tasks(CONNECTION_MACHINE).items()
        if name.startswith("Record") and raw["Resource"].endswith(":dynamodb:updateItem")
    }
    assert recording
    for state, arguments in recording.items():
        assert arguments["ConditionExpression"] == FENCE, state
        values = {**_values(), "remove_after": "later", "retained": "", "account_name": "sales"}
        values |= {"event": "UntagResource (e-1)", "event_by": "ann", "event_at": "2026-11-24T08:00:00Z"}
        given = fill(_parsed(CONNECTION_MACHINE)[state].fields["Arguments"], values)
        wanted = fence_values(4)
        assert {name: given["ExpressionAttributeValues"][name] for name in wanted} == wanted, state


def test_an_event_without_an_account_is_kept_with_the_cause_and_remedy_of_its_plan() -> None:
    catch = project.tasks(ROUTE)["FindAccount"]["Catch"][0]
    assert catch["ErrorEquals"] == ["NoAccountInEvent"]
    assert (catch["Assign"]["unread"]["cause"], catch["Assign"]["unread"]["remedy"]) == REMEDIATIONS["NoAccountInEvent"]


def test_every_action_of_a_plan_has_a_path_in_the_machine() -> None:
    conditions = [
        choice["Condition"] for choice in project.machine(CONNECTION_MACHINE)["States"]["ChooseStep"]["Choices"]
    ]
    handled = {word for condition in conditions for word in re.findall(r"\$step = '([a-z]+)'", condition)}
    # `refuse` takes the default path, `nothing` is dropped by the state AssessAccount
    assert handled | {"refuse", "nothing"} == {action.value for action in Action}


def _assigned(state: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The literal values of `step` and `failed_step` that a state assigns, on any of its ways out."""
    for way in (state, *state.get("Choices", []), *state.get("Catch", [])):
        for variable in ("step", "failed_step"):
            value = str(way.get("Assign", {}).get(variable, "{%"))
            if not value.startswith("{%"):
                yield variable, value


@every_machine
def test_a_step_that_is_assigned_is_the_state_itself_or_another_state(name: str) -> None:
    known = {state for each in MACHINES for state, _ in project.states(project.machine(each))}
    for state, raw in project.states(project.machine(name)):
        for variable, value in _assigned(raw):
            assert value in ({state} if raw["Type"] == "Task" and state not in SECOND_CALLERS else known), (
                f"{state} assigns {variable}: {value}"
            )


@every_machine
def test_a_step_that_a_machine_records_is_a_state(name: str) -> None:
    known = {state for each in MACHINES for state, _ in project.states(project.machine(each))}
    recorded = set(
        re.findall(r"^ +(?:step: |\":step\": \{S: )(\w+)\}?$", project.machine_text(name), flags=re.MULTILINE)
    )
    assert recorded <= known


@pytest.mark.parametrize("name", [name for name in MACHINES if "ChooseStep" in project.machine(name)["States"]])
def test_choose_step_leads_to_every_step_that_is_assigned(name: str) -> None:
    document = project.machine(name)
    hub = document["States"]["ChooseStep"]
    lines = [(re.fullmatch(r"\{% \$step = '(\w+)' %\}", each["Condition"]), each["Next"]) for each in hub["Choices"]]
    ways = {found[1]: target for found, target in lines if found}
    assert len(ways) == len(hub["Choices"])
    states_of_machine = dict(project.states(document))
    assert {step: to for step, to in ways.items() if step in states_of_machine and step != to} == {}
    assigned = {
        value for _, raw in project.states(document) for variable, value in _assigned(raw) if variable == "step"
    }
    assert assigned
    assert assigned <= {*ways, hub["Default"]}


@pytest.mark.parametrize("function", sorted(path.stem for path in (project.ROOT / "functions").glob("*.py")))
def test_the_sample_input_of_a_step_is_what_the_machine_sends_and_the_function_takes(function: str) -> None:
    sample = project.sample(f"steps/{function}")
    if isinstance(sent := _payload(_camel(function)), dict):
        assert set(sample) == set(sent)
    module = importlib.import_module(function)
    if request := getattr(module, "Request", None) or getattr(module, "AccessRequest", None):
        request.model_validate(sample)


# What people send to functions that nothing of ours invokes, as the how-to says it.
BY_PEOPLE = {"ControlRollout": re.findall(r"--payload '(.+?)'", project.howto("roll-out-a-change"))}


def _payload(state: str) -> Any:
    found = [
        raw["Arguments"]["Payload"] for name in MACHINES for key, raw in project.tasks(name).items() if key == state
    ]
    found += [json.loads(each["Input"]) for each in project.scheduled().get(f"{state}Function", [])]
    found += [json.loads(each) for each in BY_PEOPLE.get(state, [])]
    assert found, f"nothing invokes {state}"
    return found[0]


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))
