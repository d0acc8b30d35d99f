"""A stack set and its instances: what the service remembers of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.aws.services.cloudformation.stack import Stack
from sandbox.aws.services.stack_sets.operation import Operation

Target = tuple[str, str]  # account, Region
Json = dict[str, Any]


@dataclass
class Instance:
    """One account and Region of a stack set; it can exist without a stack."""

    account: str
    region: str
    unit: str  # the root or OU it was deployed through
    overrides: dict[str, str]
    status: str = "OUTDATED"
    detailed_status: str = "PENDING"
    reason: str | None = None
    last_operation: str = ""
    stack: Stack | None = None
    body: str | None = None  # the template its stack was last deployed with
    drift_status: str = "NOT_CHECKED"
    drift_checked: datetime | None = None

    @property
    def target(self) -> Target:
        """Its key in the stack set."""
        return self.account, self.region


@dataclass
class StackSet:
    """A template, its parameters, and where it is deployed."""

    name: str
    identity: str  # <name>:<uuid>
    arn: str
    body: str
    parameters: dict[str, str]
    capabilities: list[str]
    tags: dict[str, str]
    description: str = ""
    managed_execution: bool = False
    automatic_deployment: bool = False  # nobody can ask for it here; a test may say that somebody had
    instances: dict[Target, Instance] = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)  # in request order

    def unfinished(self) -> list[Operation]:
        """Running and queued operations, in request order."""
        return [operation for operation in self.operations.values() if not operation.ended]


def resolved(given: Sequence[Mapping[str, Any]], previous: Mapping[str, str]) -> dict[str, str]:
    """Parameters as given; UsePreviousValue takes the previous one, and is left to the default where there is none."""
    values: dict[str, str] = {}
    for each in given:
        key = each["ParameterKey"]
        if each.get("UsePreviousValue"):
            values.update({key: previous[key]} if key in previous else {})
        else:
            values[key] = each.get("ParameterValue", "")
    return values
