"""EventBridge and Scheduler resources. moto ignores bus policies and schedules in a template."""

import json
from typing import Any

from typing_extensions import override

from sandbox.aws.services.cloudformation.resource import (
    Created,
    Properties,
    ReplacementNeededError,
    ResourceType,
    pick,
    tag_list,
)
from sandbox.aws.services.cloudformation.scope import Scope


class EventBus(ResourceType):
    """AWS::Events::EventBus. Ref is the name; moto answers the object itself."""

    name_property = "Name"
    longest_name = 256
    tagged = True

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """A bus of our own."""
        options = pick(properties, "EventSourceName", "Description", "KmsKeyIdentifier", "DeadLetterConfig")
        bus = scope.call("events", "create_event_bus", Name=name, Tags=tag_list(properties), **options)
        if "Policy" in properties:
            scope.call("events", "put_permission", EventBusName=name, Policy=properties["Policy"])
        return Created(name, {"Arn": bus["EventBusArn"], "Name": name})

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """The bus must have no rules any more."""
        scope.call("events", "delete_event_bus", Name=made.physical_id)


class EventBusPolicy(ResourceType):
    """AWS::Events::EventBusPolicy: one statement of a bus's policy. moto leaves it out with a warning."""

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """The statement, beside the others the bus already has."""
        bus, sid = properties.get("EventBusName", "default"), properties["StatementId"]
        statements = [each for each in self._statements(scope, bus) if each.get("Sid") != sid]
        policy = {"Version": "2012-10-17", "Statement": [*statements, {**self._own(properties), "Sid": sid}]}
        scope.call("events", "put_permission", EventBusName=bus, Policy=policy)
        return Created(name)

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """The statement is replaced where it is."""
        if pick(old, "EventBusName", "StatementId") != pick(new, "EventBusName", "StatementId"):
            raise ReplacementNeededError
        return self.create(scope, made.physical_id, new)

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """Only this statement goes."""
        bus = properties.get("EventBusName", "default")
        scope.call("events", "remove_permission", EventBusName=bus, StatementId=properties["StatementId"])

    @staticmethod
    def _own(properties: Properties) -> dict[str, Any]:
        if "Statement" in properties:
            return dict(properties["Statement"])
        principal = properties["Principal"]
        named = principal if principal == "*" else {"AWS": f"arn:aws:iam::{principal}:root"}
        return {"Effect": "Allow", "Principal": named, "Action": properties["Action"], "Resource": "*"}

    @staticmethod
    def _statements(scope: Scope, bus: str) -> list[dict[str, Any]]:
        policy = scope.call("events", "describe_event_bus", Name=bus).get("Policy")
        return list(json.loads(policy)["Statement"]) if policy else []


class Rule(ResourceType):
    """AWS::Events::Rule with its targets."""

    name_property = "Name"

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """Ref is the name, with the bus before it unless that is the default bus."""
        bus = properties.get("EventBusName", "default")
        options = pick(properties, "EventPattern", "ScheduleExpression", "State", "Description", "RoleArn")
        rule = scope.call("events", "put_rule", Name=name, EventBusName=bus, Tags=tag_list(properties), **options)
        targets = properties.get("Targets")
        if targets:
            answer = scope.call("events", "put_targets", Rule=name, EventBusName=bus, Targets=targets)
            if answer.get("FailedEntryCount"):
                raise ValueError(json.dumps(answer["FailedEntries"]))
        return Created(name if bus == "default" else f"{bus}|{name}", {"Arn": rule["RuleArn"]})

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """PutRule replaces what is there; targets that are gone are removed."""
        if pick(old, "Name", "EventBusName") != pick(new, "Name", "EventBusName"):
            raise ReplacementNeededError
        self._remove_targets(scope, made, old, keeping=new)
        return self.create(scope, self._name(made), new)

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """Targets first, as EventBridge asks."""
        self._remove_targets(scope, made, properties, keeping={})
        bus = properties.get("EventBusName", "default")
        scope.call("events", "delete_rule", Name=self._name(made), EventBusName=bus)

    def _remove_targets(self, scope: Scope, made: Created, old: Properties, keeping: Properties) -> None:
        kept = {target["Id"] for target in keeping.get("Targets", [])}
        gone = [target["Id"] for target in old.get("Targets", []) if target["Id"] not in kept]
        if gone:
            bus = old.get("EventBusName", "default")
            scope.call("events", "remove_targets", Rule=self._name(made), EventBusName=bus, Ids=gone)

    @staticmethod
    def _name(made: Created) -> str:
        return made.physical_id.rsplit("|", 1)[-1]


class Schedule(ResourceType):
    """AWS::Scheduler::Schedule. moto leaves it out with a warning."""

    name_property = "Name"

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """A schedule in its group."""
        answer = scope.call("scheduler", "create_schedule", **{**properties, "Name": name})
        return Created(name, {"Arn": answer["ScheduleArn"]})

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """UpdateSchedule replaces everything but name and group."""
        if pick(old, "Name", "GroupName") != pick(new, "Name", "GroupName"):
            raise ReplacementNeededError
        scope.call("scheduler", "update_schedule", **{**new, "Name": made.physical_id})
        return made

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """From its group."""
        scope.call("scheduler", "delete_schedule", Name=made.physical_id, **pick(properties, "GroupName"))


class ScheduleGroup(ResourceType):
    """AWS::Scheduler::ScheduleGroup. moto leaves it out with a warning."""

    name_property = "Name"
    tagged = True

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """An empty group."""
        answer = scope.call("scheduler", "create_schedule_group", Name=name, Tags=tag_list(properties))
        return Created(name, {"Arn": answer["ScheduleGroupArn"]})

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """With the schedules in it."""
        scope.call("scheduler", "delete_schedule_group", Name=made.physical_id)
