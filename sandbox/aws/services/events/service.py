"""EventBridge's operations, and its routing: from a bus through its rules to their targets.

moto keeps buses, rules and targets; what happens to an event is decided here.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sandbox.aws.cloud import Cloud
from sandbox.aws.event_pattern import InvalidEventPattern, matches, validate
from sandbox.aws.gateway import AwsError, Call
from sandbox.aws.services.events.buses import Bus, add_statement, matching_targets, set_policy
from sandbox.aws.services.events.delivery import Deliveries, Delivery, Undelivered, Watcher
from sandbox.aws.services.events.delivery_faults import DeliveryFaults
from sandbox.aws.services.events.entries import Entries
from sandbox.aws.services.events.errors import TargetError
from sandbox.aws.services.events.inputs import target_input
from sandbox.aws.services.events.permissions import check_role
from sandbox.aws.services.events.queues import send_to_queue

Target = Callable[[str, str | None, Any], None]
ROUTING_SECONDS = 1.0
_ROLE_ACTIONS = {"states": "states:StartExecution"}  # services reached with the target's role


class Events:
    """EventBridge.

    `targets` has, by service (`states`, `lambda`, `sns`, ...), whoever takes an event there: called with the
    target's ARN, its RoleArn and the input, it raises TargetError or an AWS error to refuse. Buses and queues
    are built in. `delivery_faults`, if set, decides which events are lost, repeated or late before their first bus.
    """

    delivery_faults: DeliveryFaults | None = None

    def __init__(self, cloud: Cloud, latency: float = ROUTING_SECONDS) -> None:
        self._cloud = cloud
        self.latency = latency
        self.targets: dict[str, Target] = {}
        self._deliveries = Deliveries(cloud, self._attempt)
        self._own: dict[str, Callable[[Delivery], None]] = {"events": self._to_bus, "sqs": self._to_queue}
        cloud.gateway.before.append(_check_rule)
        cloud.gateway.handle(
            "events",
            PutEvents=Entries(cloud, self._accept).put,
            PutPermission=self.put_permission,
            TestEventPattern=self.test_event_pattern,
        )

    def serve_topics(self, publish: Callable[[str, str, str, str, str], None]) -> None:
        """From now on topics are targets. `publish` takes the service, the rule, the topic, a subject and the text."""

        def to_topic(delivery: Delivery) -> None:
            text = json.dumps(self._input(delivery))
            publish("events.amazonaws.com", delivery.rule_arn, delivery.target_arn, "", text)

        self._own["sns"] = to_topic

    @property
    def undelivered(self) -> list[Undelivered]:
        """Every event a target did not take in the end, with the reason."""
        return self._deliveries.undelivered

    @property
    def watchers(self) -> list[Watcher]:
        """Who is called with what CloudWatch counts of each delivery: the rule's ARN, the metric's name."""
        return self._deliveries.watchers

    def publish(self, account: str, region: str, bus_name: str, envelope: Mapping[str, Any]) -> None:
        """An event for a bus, as an AWS service would put it there."""
        self._accept(Bus(account, region, bus_name), envelope, forwarded=False)

    def put_permission(self, call: Call) -> dict[str, Any]:
        """Changes a bus's policy."""
        bus = Bus.of(call.parameters.get("EventBusName"), call.account, call.region)
        if call.parameters.get("Policy"):
            set_policy(bus, call.parameters["Policy"])
        else:
            add_statement(bus, call.parameters)
        return {}

    def test_event_pattern(self, call: Call) -> dict[str, Any]:
        """Whether a pattern matches an event; moto answers nothing."""
        pattern, event = (json.loads(call.parameters[name]) for name in ("EventPattern", "Event"))
        try:
            return {"Result": matches(pattern, event)}
        except InvalidEventPattern as error:
            raise _invalid(error) from error

    def _accept(self, bus: Bus, envelope: Mapping[str, Any], *, forwarded: bool) -> None:
        for delay in self.delivery_faults.delays() if self.delivery_faults else (0.0,):
            self._route_later(bus, envelope, self.latency + delay, forwarded=forwarded)

    def _route_later(self, bus: Bus, envelope: Mapping[str, Any], seconds: float, *, forwarded: bool) -> None:
        route = partial(self._route, bus, envelope, forwarded=forwarded)
        self._cloud.clock.call_later(seconds, route, f"EventBridge: {envelope.get('detail-type')} on {bus.arn}")

    def _route(self, bus: Bus, envelope: Mapping[str, Any], *, forwarded: bool) -> None:
        now = self._cloud.clock.now()
        if bus.stored is None:  # deleted meanwhile, or never there: EventBridge says nothing
            return
        with self._cloud.gateway.lock:
            found = list(matching_targets(bus, envelope))
        for rule_arn, target in found:
            self._deliveries.begin(Delivery(envelope, rule_arn, target, forwarded, now))

    def _attempt(self, delivery: Delivery) -> None:
        if delivery.service in self._own:
            self._own[delivery.service](delivery)
            return
        if delivery.service not in self.targets:
            raise TargetError("NO_RESOURCE", f"Nobody in this sandbox takes events for {delivery.target_arn}")
        if delivery.service in _ROLE_ACTIONS:
            self._check_role(delivery, _ROLE_ACTIONS[delivery.service])
        handed = self._input(delivery)
        self.targets[delivery.service](delivery.target_arn, delivery.target.get("RoleArn"), handed)

    def _to_bus(self, delivery: Delivery) -> None:
        bus = Bus.of(delivery.target_arn, "", "")
        _check_hop(delivery, bus)
        if bus.stored is None:
            raise TargetError("NO_RESOURCE", f"{bus.arn} does not exist")
        self._check_role(delivery, "events:PutEvents", bus)
        self._route_later(bus, delivery.event, self.latency, forwarded=True)

    def _to_queue(self, delivery: Delivery) -> None:
        group = (delivery.target.get("SqsParameters") or {}).get("MessageGroupId")
        body = json.dumps(self._input(delivery))
        send_to_queue(self._cloud, delivery.target_arn, body, delivery.rule_arn, group=group)

    def _check_role(self, delivery: Delivery, action: str, bus: Bus | None = None) -> None:
        role_arn = delivery.target.get("RoleArn")
        with self._cloud.gateway.lock:
            check_role(role_arn, delivery.rule_arn, action, delivery.target_arn, bus.policy if bus else None)

    def _input(self, delivery: Delivery) -> Any:
        handed = target_input(delivery.target, delivery.event, delivery.rule_arn, self._cloud.clock.now())
        return json.loads(json.dumps(handed))  # a value of its own for each target


def _check_hop(delivery: Delivery, bus: Bus) -> None:
    """Events go on to another bus once (EventBridge User Guide, eb-cross-account: "these events are not sent")."""
    if not delivery.forwarded:
        return
    _, _, _, _, account, _ = delivery.rule_arn.split(":", 5)
    which = "ACCOUNT" if account != bus.account else "REGION"
    raise TargetError(f"THIRD_{which}_HOP_DETECTED", f"The event came from another bus: it is not sent on to {bus.arn}")


def _check_rule(call: Call) -> None:
    """PutRule refuses what is no pattern; moto takes unknown operators."""
    pattern = call.parameters.get("EventPattern")
    if (call.service, call.operation) != ("events", "PutRule") or not pattern:
        return
    try:
        validate(json.loads(pattern))
    except (json.JSONDecodeError, InvalidEventPattern) as error:
        raise _invalid(error) from error


def _invalid(error: Exception) -> AwsError:
    return AwsError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {error}")
