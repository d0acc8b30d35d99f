"""Drift: how the resources of a stack differ from what its template asked for.

Only properties written in the template count, and changes made through CloudFormation are none (CloudFormation User
Guide, using-cfn-stack-drift, stacksets-drift; shapes: botocore model, PropertyDifference).
"""

import json
from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.aws.gateway import AwsError
from sandbox.aws.services.cloudformation.resource import CheckedType, Properties, Resource
from sandbox.aws.services.cloudformation.resources import failing_as
from sandbox.aws.services.cloudformation.scope import Scope
from sandbox.aws.services.cloudformation.stack import Stack

DETECTABLE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"}
DOCUMENTS = {"AssumeRolePolicyDocument", "PolicyDocument"}  # compared whole: what was added counts as well
NAMES = ("Key", "Id")  # by which elements of a list are identified, whatever their order
NOTHING = "null"
Parts = dict[Hashable, tuple[str | int, Any]]  # of an object or a list: what identifies it, its step in a path, it


@dataclass(frozen=True)
class Difference:
    """One property that is not as the template says."""

    path: str
    expected: str
    actual: str
    kind: str  # ADD, REMOVE or NOT_EQUAL


@dataclass(frozen=True)
class ResourceDrift:
    """What detection found of one resource."""

    logical_id: str
    physical_id: str
    resource_type: str
    status: str  # IN_SYNC, MODIFIED or DELETED
    differences: tuple[Difference, ...] = ()


def detect(stack: Stack) -> list[ResourceDrift]:
    """Every resource of a type that can be checked; the others are left out. Raises ValidationError."""
    if stack.status not in DETECTABLE:
        raise AwsError(
            "ValidationError",
            f"Drift detection cannot be performed on stack [{stack.stack_id}] in state {stack.status}",
        )
    return [
        _check(stack.scope, resource, resource.kind)
        for resource in stack.stack_resources
        if isinstance(resource.kind, CheckedType)
    ]


def _check(scope: Scope, resource: Resource, kind: CheckedType) -> ResourceDrift:
    names = resource.logical_resource_id, resource.physical_resource_id, resource.cf_resource_type
    with failing_as(resource.logical_resource_id, resource.cf_resource_type, "check"):
        live = kind.read(scope, resource.made, resource.properties)
    if live is None:
        return ResourceDrift(*names, "DELETED")
    wanted = {name: value for name, value in resource.properties.items() if name in kind.compared}
    found = tuple(differences(wanted, live))
    return ResourceDrift(*names, "MODIFIED" if found else "IN_SYNC", found)


def differences(wanted: Properties, live: Properties) -> Iterator[Difference]:
    """What the template says and is not so."""
    for name, value in wanted.items():
        whole = name in DOCUMENTS
        yield from _Comparison(whole).of(f"/{name}", _plain(value, parse=whole), _plain(live.get(name), parse=whole))


def _plain(value: Any, *, parse: bool) -> Any:
    """As JSON has it; documents may be given as text."""
    return json.loads(value if parse and isinstance(value, str) else json.dumps(value, default=str))


@dataclass(frozen=True)
class _Comparison:
    """Of a document (whole, in order), or of a property, where only what the template writes is looked at."""

    whole: bool

    def of(self, path: str, expected: Any, actual: Any) -> Iterator[Difference]:
        if actual is None:
            yield Difference(path, _text(expected), NOTHING, "REMOVE")
        elif isinstance(expected, dict) and isinstance(actual, dict):
            extra = actual.keys() - expected.keys() if self.whole else set()
            yield from self._parts(path, _members(expected), _members(actual), extra)
        elif isinstance(expected, list) and isinstance(actual, list):
            wanted, found = self._elements(expected), self._elements(actual)
            yield from self._parts(path, wanted, found, found.keys() - wanted.keys())
        elif _text(expected) != _text(actual):
            yield Difference(path, _text(expected), _text(actual), "NOT_EQUAL")

    def _parts(self, path: str, wanted: Parts, found: Parts, extra: Collection[Hashable]) -> Iterator[Difference]:
        for label, (step, part) in wanted.items():
            yield from self.of(f"{path}/{step}", part, found.get(label, (step, None))[1])
        for label, (step, part) in found.items():
            if label in extra:
                yield Difference(f"{path}/{step}", NOTHING, _text(part), "ADD")

    def _elements(self, elements: list[Any]) -> Parts:
        return {self._label(number, element): (number, element) for number, element in enumerate(elements)}

    def _label(self, number: int, element: Any) -> Hashable:
        """What identifies an element among the others: its place, or in a property its name if it has one."""
        if self.whole:
            return number
        if isinstance(element, dict):
            return next((element[name] for name in NAMES if name in element), number)
        return _text(element)


def _members(given: Mapping[str, Any]) -> Parts:
    return {name: (name, value) for name, value in given.items()}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
