"""A story that people watch: both stacks have an address to write to, and what the alarms wrote there is read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.aws.cloud import ORGANIZATIONS_REGION
from sandbox.aws.deployment import deploy
from sandbox.organization import PROJECT
from tests.contract import project
from tests.contract.project import FORWARDING, HUB
from tests.simulation.conftest import Story

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.organization import Sandbox

ADDRESS = "platform@example.com"
STACKS = {HUB: "quick-onboarding", FORWARDING: "quick-onboarding-forwarding"}
Alarm = tuple[str, str]  # the template it stands in, and its logical id there


class Watched(Story):
    """A deployed sandbox, the administrators' hands in it, and the mailbox of whoever is on call."""

    def __init__(self, world: Sandbox) -> None:
        super().__init__(world)
        self.places = {
            HUB: (world.cloud.topology.hub, world.cloud.topology.region),
            FORWARDING: (world.cloud.topology.management, ORGANIZATIONS_REGION),
        }
        world.create_organization()
        world.deploy(NotificationEmail=ADDRESS)
        given = {"HubBusArn": world.outputs["HubBusArn"], "NotificationEmail": ADDRESS}
        deploy(world.cloud, *self.places[FORWARDING], PROJECT / FORWARDING, STACKS[FORWARDING], given)
        world.iam.settle()

        self.made = {template: self._made(template) for template in STACKS}

    def ask(self, service: str, operation: str, template: str = HUB, **given: Any) -> Any:
        """An API call by an administrator of where a template is deployed."""
        account, region = self.places[template]
        with self.world.cloud.administering(account):
            return getattr(self.world.cloud.client(service, region), operation)(**given)

    def states(self) -> dict[Alarm, str]:
        """Every alarm AWS has where the templates are deployed, and its state."""
        return {
            (template, self.made[template][alarm["AlarmName"]]): alarm["StateValue"]
            for template in STACKS
            for alarm in self.ask("cloudwatch", "describe_alarms", template)["MetricAlarms"]
        }

    def mails(self) -> dict[Alarm, list[Mapping[str, Any]]]:
        """What the alarms have written to the address: of each, the messages that it went off."""
        found: dict[Alarm, list[Mapping[str, Any]]] = {}
        for mail in self.world.sns.outbox:
            if mail.subject.startswith("ALARM: "):
                assert mail.endpoint == ADDRESS
                told = json.loads(mail.text)
                template = next(each for each, (account, _) in self.places.items() if account == told["AWSAccountId"])
                found.setdefault((template, self.made[template][told["AlarmName"]]), []).append(told)
        return found

    def named(self, logical: str, template: str = HUB) -> str:
        """The physical id of one of a stack's resources."""
        return next(physical for physical, found in self.made[template].items() if found == logical)

    def forbid(self, role: str, action: str, template: str = HUB) -> None:
        """Take an action from the role of that logical id, as somebody who tidies up permissions would."""
        name, taken = self.named(role, template), 0
        for policy in self.ask("iam", "list_role_policies", template, RoleName=name)["PolicyNames"]:
            of_policy = {"RoleName": name, "PolicyName": policy}
            document = self.ask("iam", "get_role_policy", template, **of_policy)["PolicyDocument"]
            left = [each for each in (_without(action, given) for given in document["Statement"]) if each["Action"]]
            taken += left != document["Statement"]
            self.ask("iam", "delete_role_policy", template, **of_policy)
            if left:
                text = json.dumps({**document, "Statement": left})
                self.ask("iam", "put_role_policy", template, **of_policy, PolicyDocument=text)
        assert taken, f"{role} was never allowed {action}"
        self.run(60)  # until all of AWS knows

    def stop(self, machine: str) -> None:
        """Stop what runs of a state machine, as somebody in the console would."""
        given = {"stateMachineArn": self.named(machine), "statusFilter": "RUNNING"}
        running = self.ask("stepfunctions", "list_executions", **given)["executions"]
        assert running, f"nothing of {machine} runs"
        for execution in running:
            self.ask("stepfunctions", "stop_execution", executionArn=execution["executionArn"])

    def stop_the_clock(self) -> None:
        """Disable the schedules, as somebody in the console would."""
        for listed in self.ask("scheduler", "list_schedules")["Schedules"]:
            self.disable(listed["Name"])

    def disable(self, schedule: str) -> None:
        """Disable one schedule."""
        kept = self.ask("scheduler", "get_schedule", Name=schedule)
        given = {name: kept[name] for name in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
        self.ask("scheduler", "update_schedule", **given, State="DISABLED")

    def _made(self, template: str) -> dict[str, str]:
        """What a stack has made: logical id by physical id."""
        found = self.ask("cloudformation", "describe_stack_resources", template, StackName=STACKS[template])
        return {each["PhysicalResourceId"]: each["LogicalResourceId"] for each in found["StackResources"]}


def alarms() -> list[Alarm]:
    """Every alarm of the templates."""
    return [(template, alarm) for template in STACKS for alarm in sorted(project.resources(template, "Alarm"))]


def _without(action: str, statement: Mapping[str, Any]) -> dict[str, Any]:
    named = statement["Action"]
    left = [] if named == action else named if isinstance(named, str) else [each for each in named if each != action]
    return {**statement, "Action": left}
