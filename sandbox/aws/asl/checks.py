"""What must hold between the states of a machine: where they lead, and which variables exist there."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.aws.asl.expression import Expression, NotJsonata, expressions
from sandbox.aws.asl.values import InvalidDefinition, State, StateMachine, states

ALWAYS_THERE = {"states", "", "$"}  # the last two: the context inside a predicate or a map


def check(machine: StateMachine) -> None:
    """Raise `InvalidDefinition` for the first fault."""
    _check_names(machine)
    _check_paths(machine, "")
    _check_variables(machine, set(), "")


def _check_names(machine: StateMachine) -> None:
    count = Counter(state.name for _, state in states(machine))
    for path, state in states(machine):
        if count[state.name] > 1:
            raise InvalidDefinition(path, "another state has this name; names are unique in the whole machine")


def _check_paths(machine: StateMachine, path: str) -> None:
    if machine.start_at not in machine.states:
        raise InvalidDefinition(path.rstrip("/"), f"StartAt names no state: {machine.start_at}")
    for name, state in machine.states.items():
        for target in state.leads_to():
            if target not in machine.states:
                raise InvalidDefinition(path + name, f"leads to {target}, which is no state here")
    for name in machine.states.keys() - _reachable(machine):
        raise InvalidDefinition(path + name, "no state leads here")
    for name, state in machine.states.items():
        if state.processor:
            _check_paths(state.processor, f"{path}{name}/")


def _reachable(machine: StateMachine) -> set[str]:
    reached: set[str] = set()
    left = [machine.start_at]
    while left:
        name = left.pop()
        if name not in reached:
            reached.add(name)
            left.extend(machine.states[name].leads_to())
    return reached


def _check_variables(machine: StateMachine, outer: set[str], path: str) -> None:
    assigned: set[str] = set()
    for name, state in machine.states.items():
        assigned |= _assigned(state)
        if shared := _assigned(state) & outer:
            raise InvalidDefinition(path + name, f"assigns {', '.join(sorted(shared))}, assigned outside its Map")
    for name, state in machine.states.items():
        _check_expressions(state, assigned | outer, path + name)
        if state.processor:
            _check_variables(state.processor, assigned | outer, f"{path}{name}/")


def _check_expressions(state: State, known: set[str], path: str) -> None:
    for expression in _expressions(state):
        try:
            unknown = expression.check() - known - ALWAYS_THERE
        except NotJsonata as error:
            raise InvalidDefinition(path, str(error)) from error
        if unknown:
            raise InvalidDefinition(path, f"{expression.field} reads ${', $'.join(sorted(unknown))}: assigned nowhere")


def _assigned(state: State) -> set[str]:
    return {name for fields in _all_fields(state) for name in fields.get("Assign", {})}


def _expressions(state: State) -> Iterator[Expression]:
    for fields in _all_fields(state):
        yield from expressions(dict(fields))
    yield from (rule.condition for rule in state.choices if isinstance(rule.condition, Expression))


def _all_fields(state: State) -> list[Mapping[str, Any]]:
    return [state.fields, *(branch.fields for branch in (*state.choices, *state.catch))]
