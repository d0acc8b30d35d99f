"""What is looked at, as plain values, and how it is read out of AWS's answers. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from quickctl.output import parsed
from quickctl.steps import FAILED, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MARGIN = timedelta(seconds=2)  # CloudTrail's times are whole seconds


@dataclass(frozen=True)
class Passage:
    """An execution that connected an account, or was to. `requested`: when the call was made that it followed."""

    account_id: str
    profile: str
    status: str
    started: datetime
    ended: datetime | None
    requested: datetime | None
    outcome: str
    error: str
    steps: tuple[Step, ...]
    failed_with: tuple[str, ...] = ()  # the errors of its attempts, as Step Functions spells them

    def step(self, name: str) -> Step | None:
        """One of its steps."""
        return next((each for each in self.steps if each.state == name), None)


@dataclass(frozen=True)
class Assumed:
    """An AssumeRole in CloudTrail's words. `by`: a service, or the ARN of a session."""

    at: datetime
    role: str
    by: str
    external_id: str = ""
    refused: bool = False


@dataclass(frozen=True)
class Chain:
    """What CloudTrail says of the roles that were assumed while a connection was made."""

    passage: Passage
    external_id: str  # what is expected
    run_as_roles: tuple[str, ...]
    run_as: tuple[Assumed, ...]
    consumer: tuple[Assumed, ...]


@dataclass(frozen=True)
class Event:
    """An event of the organization as it was received, or as CloudTrail keeps it."""

    name: str
    detail: Mapping[str, Any]


def assumed(record: Mapping[str, Any], roles: Iterable[str]) -> Assumed | None:
    """The AssumeRole of one of these roles that a record is about. A refused one names its role in the message only."""
    role = next((each for each in roles if each in _named(record)), None)
    at = parsed(str(record.get("eventTime", "")).replace("Z", "+00:00"))
    if role is None or at is None:
        return None
    who, asked = record.get("userIdentity") or {}, record.get("requestParameters") or {}
    return Assumed(
        at=at,
        role=role,
        by=str(who.get("arn") or who.get("invokedBy") or ""),
        external_id=str(asked.get("externalId", "")),
        refused="errorCode" in record,
    )


def _named(record: Mapping[str, Any]) -> set[str]:
    asked = record.get("requestParameters") or {}
    listed = {str(each.get("ARN", "")) for each in record.get("resources") or ()}
    return {str(asked.get("roleArn", "")), *listed, *str(record.get("errorMessage", "")).split()}


def failures(events: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The names of the errors in an execution's history, as Step Functions spells them."""
    found = (event.get(FAILED[event["type"]], {}).get("error") for event in events if event["type"] in FAILED)
    return tuple(each for each in found if each)


def expected_errors(definitions: Iterable[str]) -> frozenset[str]:
    """The names of errors that the state machines retry or catch."""
    lists = (found for text in definitions for found in re.findall(r'"ErrorEquals"\s*:\s*\[([^\]]*)\]', text))
    return frozenset(name for each in lists for name in re.findall(r'"([^"]+)"', each))


def paths(value: Any, before: str = "") -> Iterable[str]:
    """Where the values of a record are, without the values: `requestParameters.tags[].key`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, f"{before}.{key}" if before else str(key))
    elif isinstance(value, list):
        for inner in value[:1]:
            yield from paths(inner, f"{before}[]")
    else:
        yield before


def seconds(numbers: Sequence[float]) -> str:
    """Their median and the largest."""
    ordered = sorted(numbers)
    return f"{ordered[len(ordered) // 2]:.0f} s at the median, {ordered[-1]:.0f} s at most, of {len(ordered)}"
