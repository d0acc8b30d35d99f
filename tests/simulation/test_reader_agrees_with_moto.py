"""The reader cannot drift: every machine runs on moto's engine too, and both must agree."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.aws.asl.document import PLACEHOLDER
from sandbox.aws.asl.drivers import Execution, start
from sandbox.aws.asl.effects import Call, Invoke
from sandbox.aws.asl.machine import StateMachine, parse, states
from sandbox.aws.asl.tokens import Tokens
from sandbox.aws.clock import VirtualClock
from sandbox.aws.yaml_loader import SafeLoader
from tests.simulation.moto_engine import moto_engine
from tests.simulation.outcome import (
    EXECUTION,
    EXECUTION_ARN,
    MACHINE,
    MACHINE_ARN,
    ROLE,
    Outcome,
    Scenario,
    Script,
    WithToken,
)
from tests.simulation.scenarios import REAL, SMALL, SUBSTITUTIONS

HERE = Path(__file__).parent
SMALL_MACHINES = HERE / "machines"
REAL_MACHINES = HERE.parents[1] / "statemachines"
CASES = [
    pytest.param(folder / file, scenario, id=f"{file}: {scenario.name}")
    for folder, table in ((SMALL_MACHINES, SMALL), (REAL_MACHINES, REAL))
    for file, scenarios in table.items()
    for scenario in scenarios
]

MotoEngine = Callable[[str, Any, Script], Outcome]


@pytest.fixture
def on_moto() -> Iterator[MotoEngine]:
    with moto_engine() as engine:
        yield engine


@pytest.mark.parametrize(("file", "scenario"), CASES)
def test_reader_and_moto_agree(file: Path, scenario: Scenario, on_moto: MotoEngine) -> None:
    definition = _definition(file)
    inside_maps = {state.name for path, state in states(_machine(definition)) if "/" in path}

    ours = _on_reader(definition, scenario).comparable(inside_maps)
    motos = on_moto(definition, scenario.input, Script(scenario)).comparable(inside_maps)

    assert ours == motos


@pytest.mark.parametrize(("folder", "table"), [(SMALL_MACHINES, SMALL), (REAL_MACHINES, REAL)], ids=["small", "real"])
def test_every_machine_has_scenarios(folder: Path, table: dict[str, list[Scenario]]) -> None:
    assert {file.name for file in folder.glob("*.yaml")} == {file for file, scenarios in table.items() if scenarios}


@pytest.mark.parametrize("file", REAL)
def test_every_state_is_visited_by_a_scenario(file: str) -> None:
    definition = _definition(REAL_MACHINES / file)
    visited = {state for scenario in REAL[file] for state in _on_reader(definition, scenario).path}
    assert {state.name for _, state in states(parse(definition, {}))} == visited


def test_a_difference_would_show(on_moto: MotoEngine) -> None:
    scenario = Scenario("fails", {"error": "Refused", "account": "1"})
    definition = _definition(SMALL_MACHINES / "fail.yaml")

    ours = _on_reader(definition.replace("Account ", "The account "), scenario).comparable(set())
    motos = on_moto(definition, scenario.input, Script(scenario)).comparable(set())

    assert ours["error"] == motos["error"]
    assert ours["cause"] != motos["cause"]


def test_moto_alone_makes_no_array_of_a_range_of_one(on_moto: MotoEngine) -> None:
    one = {"Type": "Pass", "Output": "{% $range(7, 7, 1) %}", "End": True}
    definition = json.dumps({"QueryLanguage": "JSONata", "StartAt": "One", "States": {"One": one}})
    scenario = Scenario("one", {})

    assert _on_reader(definition, scenario).output == [7]
    assert on_moto(definition, scenario.input, Script(scenario)).output == 7


@cache
def _definition(file: Path) -> str:
    text = PLACEHOLDER.sub(lambda found: SUBSTITUTIONS.get(found[1], found[1]), file.read_text())
    return json.dumps(yaml.load(text, SafeLoader))  # noqa: S506 - it is one


@cache
def _machine(definition: str) -> StateMachine:
    return parse(definition, {})


def _on_reader(definition: str, scenario: Scenario) -> Outcome:
    clock, script = VirtualClock(datetime(2026, 11, 23, tzinfo=UTC)), Script(scenario)
    execution = Execution(EXECUTION_ARN, EXECUTION, scenario.input, MACHINE_ARN, MACHINE, ROLE)
    tokens = Tokens()

    def tasks(_: Execution, task: Invoke | Call) -> Any:
        answer = script.payload(task.state, task.arguments)
        if isinstance(answer, WithToken):
            clock.call_later(1, partial(tokens.answer, str(task.token), answer.answer), "the token comes back")
        return answer

    start(_machine(definition), execution, tasks, clock, tokens=tokens)
    clock.run(limit=10_000)
    return Outcome(
        execution.status, execution.output, execution.error, execution.cause, execution.path, script.requested
    )
