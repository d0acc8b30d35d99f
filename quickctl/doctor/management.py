"""Checks that need the management account: do Organizations' events leave it, and may the hub do its work?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from quickctl.aws import STACK_SETS
from quickctl.doctor import expected
from quickctl.doctor.command_lines import Variable, compact, then
from quickctl.doctor.finding import Found, fine, unless_fine, warning, wrong
from quickctl.doctor.hub import undelivered
from quickctl.doctor.rules import rule_differences
from quickctl.resource_policy import merged, statement, statements
from quickctl.same import same

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from quickctl.administrator import Stack
    from quickctl.doctor.command_lines import Commands
    from quickctl.doctor.patient import Management, Patient
    from quickctl.inspector import Trail

FORWARDING_STACK, TEMPLATE = "quick-onboarding-forwarding", "stacks/forwarding.yaml"
NOTHING_ARRIVES = "no event reaches the hub; only the daily sweep finds changes"


# What the hub needs of the organization --------------------------------------------------------------------------


def administrator(patient: Patient) -> Iterator[Found]:
    """Whether the hub is a delegated administrator for StackSets.

    The management account makes it one, but the hub can see it.
    """
    hub = patient.place.account_id
    yield delegation(hub, patient.commands, is_one=hub in patient.aws.stack_set_administrators())


def delegation(hub: str, commands: Commands, *, is_one: bool) -> Found:
    """What it means that the hub is a delegated administrator, or is not."""
    if is_one:
        return fine("the hub is a delegated administrator for StackSets")
    named = ("--account-id", hub, "--service-principal", STACK_SETS)
    return wrong(
        "the hub is no delegated administrator for StackSets",
        "no consumer role can be made or removed",
        commands.management("organizations", "register-delegated-administrator", *named),
    )


def trusted_access(patient: Patient, management: Management) -> Iterator[Found]:
    """Whether StackSets may work in the organization's accounts."""
    yield trust_of_stack_sets(patient.commands, is_given=management.account.trusts_stack_sets())


def trust_of_stack_sets(commands: Commands, *, is_given: bool) -> Found:
    """What it means that StackSets has trusted access, or has not."""
    if is_given:
        return fine("StackSets has trusted access to the organization")
    activate = commands.management("cloudformation", "activate-organizations-access", region=commands.region)
    return wrong(
        "StackSets has no trusted access to the organization", "no consumer role can be made or removed", activate
    )


def resource_policy(patient: Patient, management: Management) -> Iterator[Found]:
    """Whether the organization's resource policy lets the hub write its status tag, if it is to."""
    deployment = patient.aws.deployment
    if deployment.parameters.get("StatusTag") != "enabled":
        yield fine("the hub writes no status tag, so it needs no statement in the organization's resource policy")
        return
    hub, key = deployment.hub, f"{deployment.opt_in_policy.opt_in_tag}:status"
    ours = statement(hub.account_id, hub.management_account_id, hub.organization_id, key, hub.partition)
    yield status_statement(management.account.resource_policy(), ours, patient.commands)


def status_statement(policy: Mapping[str, Any] | None, ours: Mapping[str, Any], commands: Commands) -> Found:
    """Whether our statement is in the policy. The command keeps what everybody else put there."""
    if any(same(each, ours) for each in statements(policy or {})):
        return fine("the organization's resource policy lets the hub write its status tag")
    content = ("--content", compact(merged(policy, ours)))
    return wrong(
        "the organization's resource policy does not let the hub write its status tag",
        "no account's tag says what became of its opt-in",
        commands.management("organizations", "put-resource-policy", *content),
    )


def tag_policies(patient: Patient, management: Management) -> Iterator[Found]:
    """Whether a tag policy forbids what the opt-in tag is to say."""
    key = patient.aws.deployment.opt_in_policy.opt_in_tag
    found = management.inspector.tag_policies()
    differ = (each for id_, content in found.items() for each in tag_policy(id_, content, key, patient.commands))
    yield from unless_fine(differ, f"no tag policy says anything against the tag {key}")


def tag_policy(policy: str, content: Mapping[str, Any], key: str, commands: Commands) -> Iterator[Found]:
    """Whether a tag policy names the key otherwise, or lists values. Its other tags stay as they are."""
    for name, tag in content.get("tags", {}).items():
        spelled = tag.get("tag_key", {}).get("@@assign", name)
        if spelled.lower() == key.lower() and (spelled != key or "tag_value" in tag):
            kept = {part: value for part, value in tag.items() if part not in ("tag_key", "tag_value")}
            ours = {**kept, "tag_key": {"@@assign": key}}
            mended = {**content, "tags": {**content["tags"], name: ours}}
            yield warning(
                f"the tag policy {policy} wants the tag {spelled}, {_values_of(tag)}",
                "where it is enforced, accounts can't be tagged with every profile",
                commands.management(
                    "organizations", "update-policy", "--policy-id", policy, "--content", compact(mended)
                ),
            )


def _values_of(tag: Mapping[str, Any]) -> str:
    return f"with the values {json.dumps(tag['tag_value'])}" if "tag_value" in tag else "with any value"


# Whether events leave the management account -----------------------------------------------------------------------


def trail(patient: Patient, management: Management) -> Iterator[Found]:
    """Whether a trail logs the changes of the organization, so that EventBridge hears of them."""
    yield logging(management.inspector.trails(), patient.commands)


def logging(found: Iterable[Trail], commands: Commands) -> Found:
    """Whether one of the trails is enough; if not, what lets the one that needs least be enough."""
    trails = sorted(found, key=lambda each: (each.is_logging, each.has_management_events), reverse=True)
    if not trails:
        return wrong("no trail logs what happens in us-east-1", NOTHING_ARRIVES, _create_trail(commands))
    best = trails[0]
    if any(each.is_enough for each in trails):
        return fine("a trail logs the management events of us-east-1")
    start = commands.management("cloudtrail", "start-logging", "--name", best.arn, region=best.home_region)
    if best.has_management_events:
        return wrong(f"the trail {best.arn} is off", NOTHING_ARRIVES, start)
    selectors = ("--event-selectors", compact([{"ReadWriteType": "All", "IncludeManagementEvents": True}]))
    put = ("cloudtrail", "put-event-selectors", "--trail-name", best.arn, *selectors)
    choose = commands.management(*put, region=best.home_region)
    return wrong(
        f"the trail {best.arn} logs no management events that change something",
        NOTHING_ARRIVES,
        choose if best.is_logging else then(choose, start),
    )


def _create_trail(commands: Commands) -> str:
    name = ("--name", "organization")
    where = ("--s3-bucket-name", Variable("TRAIL_BUCKET"), "--is-multi-region-trail", "--is-organization-trail")
    return then(
        commands.management("cloudtrail", "create-trail", *name, *where),
        commands.management("cloudtrail", "start-logging", *name),
    )


def forwarding(patient: Patient, management: Management) -> Iterator[Found]:
    """Whether the forwarding stack hands events over to the hub's bus."""
    deployment, inspector, stack = patient.aws.deployment, management.inspector, management.stack
    bus, tag = deployment.output("HubBusArn"), deployment.opt_in_policy.opt_in_tag
    if stack is None or not {"ForwardRole", "UndeliveredEvents"} <= set(management.resources):
        yield without_stack(stack, _deploy(bus, tag, patient.commands), patient.commands)
        return
    other = tuple(other_parameters(stack, {"HubBusArn": bus, "OptInTag": tag}, patient.commands))
    if other:  # its rule and its role follow from them
        yield from other
        return
    wanted = expected.forwarding(management.place, bus, tag, management.resources)
    found = inspector.rule(wanted.bus, wanted.name)
    targets = inspector.targets(wanted.bus, wanted.name) if found else ()
    role = management.resources["ForwardRole"]
    differences = (
        *rule_differences(found, targets, wanted, NOTHING_ARRIVES, patient.commands.management),
        *forward_policy(role, inspector.role_policy(role, expected.PUT_EVENTS), bus, patient.commands),
    )
    yield from unless_fine(differences, f"the rule {wanted.name} hands events over to {bus}")


def without_stack(stack: Stack | None, deploy: str, commands: Commands) -> Found:
    """What it means that there is no forwarding stack, or only what is left of a deployment that failed."""
    if stack is None:
        return wrong("there is no forwarding stack in us-east-1", NOTHING_ARRIVES, deploy)
    name = ("--stack-name", stack.name)
    return wrong(
        f"the forwarding stack {stack.name} is {stack.status} and forwards nothing",
        NOTHING_ARRIVES,
        then(
            commands.management("cloudformation", "delete-stack", *name),
            commands.management("cloudformation", "wait", "stack-delete-complete", *name),
            deploy,
        ),
    )


def _deploy(bus: str, tag: str, commands: Commands) -> str:
    """In a checkout."""
    given = ("--parameter-overrides", f"HubBusArn={bus}", f"OptInTag={tag}", "--capabilities", "CAPABILITY_IAM")
    named = ("--stack-name", FORWARDING_STACK, "--template-file", TEMPLATE)
    return commands.management("cloudformation", "deploy", *named, *given)


def other_parameters(stack: Stack, wanted: Mapping[str, str], commands: Commands) -> Iterator[Found]:
    """The parameters of the forwarding stack that are not the hub's, and one update that makes all of them so."""
    differ = {key: value for key, value in wanted.items() if stack.parameters.get(key) != value}
    if not differ:
        return
    kept = [f"ParameterKey={key},UsePreviousValue=true" for key in stack.parameters if key not in differ]
    given = [f"ParameterKey={key},ParameterValue={value}" for key, value in differ.items()]
    name = ("--stack-name", stack.name)
    update = ("update-stack", *name, "--use-previous-template", "--capabilities", "CAPABILITY_IAM")
    said = ", ".join(f"{key} is {stack.parameters.get(key)}, not {value}" for key, value in differ.items())
    yield wrong(
        f"the forwarding stack {stack.name} belongs to another hub: {said}",
        NOTHING_ARRIVES,
        then(
            commands.management("cloudformation", *update, "--parameters", *given, *kept),
            commands.management("cloudformation", "wait", "stack-update-complete", *name),
        ),
    )


def forward_policy(role: str, found: Any, bus: str, commands: Commands) -> Iterator[Found]:
    """Whether the rule's role may put events on the hub's bus."""
    wanted = expected.forward_permission(bus)
    if found is None or not same(found, wanted):
        named = ("--role-name", role, "--policy-name", expected.PUT_EVENTS, "--policy-document", compact(wanted))
        yield wrong(
            f"the role {role} may not put events on {bus}, or may do more than that",
            NOTHING_ARRIVES,
            commands.management("iam", "put-role-policy", *named),
        )


def dead_letters(patient: Patient, management: Management) -> Iterator[Found]:
    """Whether an event could not be handed over."""
    url = management.resources.get("UndeliveredEvents")
    count = management.inspector.messages(url) if url else 0
    waiting = undelivered(count, patient.commands.quickctl_of_both("redrive"))
    yield from unless_fine(waiting, "no event waits in the forwarding stack's queue")
