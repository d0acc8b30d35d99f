"""Buses, their policies and their rules, as moto keeps them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from moto.events.models import EventBusPolicyStatement, events_backends

from sandbox.aws.event_pattern import matches
from sandbox.aws.gateway import AwsError
from sandbox.aws.policy import Document, MalformedPolicyDocument, validate

LONGEST_POLICY = 10_240
_ON = {"ENABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"}


@dataclass(frozen=True)
class Bus:
    """Names one bus."""

    account: str
    region: str
    name: str

    @classmethod
    def of(cls, name_or_arn: str | None, account: str, region: str) -> "Bus":
        """The bus a caller means: the default one, one of its own, or any by ARN."""
        if name_or_arn and name_or_arn.startswith("arn:"):
            _, _, _, region, account, resource = name_or_arn.split(":", 5)
            return cls(account, region, resource.removeprefix("event-bus/"))
        return cls(account, region, name_or_arn or "default")

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:aws:events:{self.region}:{self.account}:event-bus/{self.name}"

    @property
    def stored(self) -> Any | None:
        """Moto's own bus, if there is one of this name."""
        return events_backends[self.account][self.region].event_buses.get(self.name)

    @property
    def policy(self) -> Document | None:
        """Its resource policy."""
        text = self.stored.policy if self.stored else None
        return json.loads(text) if text else None


def existing(bus: Bus) -> Any:
    """Moto's own bus; raises ResourceNotFoundException."""
    stored = bus.stored
    if stored is None:
        raise AwsError("ResourceNotFoundException", f"Event bus {bus.name} does not exist.")
    return stored


def matching_targets(bus: Bus, event: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rule ARN and target, for each enabled rule of the bus that matches.

    moto's matcher finds nothing in arrays of objects, and its disabled rules go on delivering.
    """
    for rule in list(existing(bus).rules.values()):
        pattern = rule.event_pattern.get_pattern()
        if pattern and rule.state in _ON and matches(pattern, event):
            yield from ((rule.arn, dict(target)) for target in rule.targets)


def set_policy(bus: Bus, text: str) -> None:
    """Replaces the whole policy, as PutPermission with a Policy does; moto merges by principal.

    Raises PolicyLengthExceededException or ValidationException.
    """
    if len(text) > LONGEST_POLICY:
        raise AwsError("PolicyLengthExceededException", "The event bus policy is too long.")
    try:
        document = json.loads(text)
        validate(document, "resource")
    except (json.JSONDecodeError, MalformedPolicyDocument) as error:
        raise AwsError("ValidationException", f"Invalid policy: {error}") from error
    listed = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    named = {each.get("Sid", f"Statement{number}"): each for number, each in enumerate(listed)}
    existing(bus)._statements = {sid: _statement({**each, "Sid": sid}) for sid, each in named.items()}


def add_statement(bus: Bus, parameters: Mapping[str, Any]) -> None:
    """One statement from PutPermission's Principal, Action, StatementId and Condition."""
    principal, condition = parameters["Principal"], parameters.get("Condition")
    sid = parameters["StatementId"]
    statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": "*" if principal == "*" else {"AWS": f"arn:aws:iam::{principal}:root"},
        "Action": parameters["Action"],
        "Resource": bus.arn,
    } | ({"Condition": {condition["Type"]: {condition["Key"]: condition["Value"]}}} if condition else {})
    existing(bus)._statements[sid] = _statement(statement)


def _statement(statement: Mapping[str, Any]) -> EventBusPolicyStatement:
    return EventBusPolicyStatement.from_dict(dict(statement))
