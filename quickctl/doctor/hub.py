"""Checks of the hub's stack: what the template made, and somebody may have changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quickctl.doctor import expected
from quickctl.doctor.command_lines import Variable, compact, then
from quickctl.doctor.finding import Found, fine, unless_fine, warning, wrong
from quickctl.doctor.rules import rule_differences
from quickctl.same import covers, same

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from quickctl.doctor.command_lines import Commands
    from quickctl.doctor.expected import Schedule
    from quickctl.doctor.patient import Patient
    from quickctl.inspector import Role

DEPLOYED = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
NOBODY_STARTS = "no event starts anything; only the daily sweep finds changes"
LATE = "lost events, stuck records and removals that are due are found late or not at all"


# The stack and its roles ---------------------------------------------------------------------------------------


def stack(patient: Patient) -> Iterator[Found]:
    """Whether the last deployment went well."""
    yield stack_status(patient.aws.deployment.status, patient.commands)


def stack_status(status: str, commands: Commands) -> Found:
    """What a stack's status means."""
    what, name = f"the stack {commands.stack_name} is {status}", ("--stack-name", commands.stack_name)
    if status in DEPLOYED:
        return fine(what)
    if status.endswith("_IN_PROGRESS"):
        wait = commands.hub("cloudformation", "wait", f"stack-{_operation(status)}-complete", *name)
        return warning(what, "what follows may change meanwhile", wait)
    if status == "UPDATE_ROLLBACK_FAILED":
        return wrong(what, "nothing can be deployed", commands.hub("cloudformation", "continue-update-rollback", *name))
    if status.startswith("DELETE"):
        return wrong(what, "what is left of it neither works nor can be deployed", commands.quickctl("uninstall"))
    return wrong(what, "the last deployment did not go well", commands.sam_deploy())


def _operation(status: str) -> str:
    """What is waited for."""
    if status.startswith("UPDATE_ROLLBACK"):
        return "rollback"
    return {"CREATE": "create", "DELETE": "delete"}.get(status.partition("_")[0], "update")


def roles(patient: Patient) -> Iterator[Found]:
    """Whether the stack's roles have their boundaries, and the run-as roles their trust."""
    resources, commands = patient.resources, patient.commands
    restore = commands.restore(patient.aws.deployment.parameters)
    wanted = [expected.role(each, resources.ids[each], patient.place) for each in resources.roles]
    found = (
        difference
        for role in wanted
        for difference in role_differences(role, patient.aws.inspector.role(role.name), restore, commands)
    )
    yield from unless_fine(
        found, f"{len(wanted)} roles have their permissions boundaries, and the run-as roles their trust"
    )


def role_differences(wanted: expected.Role, found: Role | None, restore: str, commands: Commands) -> Iterator[Found]:
    """How a role differs from what was deployed. `restore`: has CloudFormation make what is gone."""
    name = wanted.name
    if found is None:
        yield wrong(f"the role {name} is gone", "what ran as it can do nothing", restore)
        return
    if found.boundary != wanted.boundary:
        named = ("--role-name", name, "--permissions-boundary", wanted.boundary)
        yield wrong(
            f"the permissions boundary of the role {name} is {found.boundary or 'gone'}",
            "whoever can attach a policy to it can give it any permission",
            commands.hub("iam", "put-role-permissions-boundary", *named),
        )
    if wanted.trust is not None and not same(found.trust, wanted.trust):
        document = ("--policy-document", compact(wanted.trust))
        yield wrong(
            f"the trust policy of the role {name} is not the one that was deployed",
            "Quick can't assume it, or somebody else can",
            commands.hub("iam", "update-assume-role-policy", "--role-name", name, *document),
        )


# Events and schedules ------------------------------------------------------------------------------------------


def rule(patient: Patient) -> Iterator[Found]:
    """Whether organization events start RouteEvent."""
    wanted = expected.account_events(patient.aws.deployment, patient.resources.ids)
    inspector = patient.aws.inspector
    found = inspector.rule(wanted.bus, wanted.name)
    targets = inspector.targets(wanted.bus, wanted.name) if found else ()
    differences = rule_differences(found, targets, wanted, NOBODY_STARTS, patient.commands.hub)
    yield from unless_fine(differences, f"the rule {wanted.name} starts RouteEvent")


def bus(patient: Patient) -> Iterator[Found]:
    """Whether the forwarding accounts may put events on the hub's bus."""
    name = patient.aws.deployment.output("HubBusArn").rsplit("/", 1)[-1]
    accounts = [each.strip() for each in patient.aws.deployment.parameters.get("ForwardingAccounts", "").split(",")]
    policy = patient.aws.inspector.bus_policy(name)
    missing = bus_differences(name, policy, [each for each in accounts if each], patient.commands)
    yield from unless_fine(missing, f"{' and '.join(accounts)} may put events on the bus {name}")


def bus_differences(
    name: str, policy: Mapping[str, Any], accounts: Sequence[str], commands: Commands
) -> Iterator[Found]:
    """The accounts that a bus does not let put events."""
    allowed = {each for statement in _statements(policy) for each in _accounts_of(statement)}
    for account in accounts:
        if account not in allowed:
            named = ("--event-bus-name", name, "--statement-id", f"Forwarding-{account}")
            granted = ("--action", "events:PutEvents", "--principal", account)
            yield wrong(
                f"the bus {name} takes no events of account {account}",
                "its events are lost, or wait in the queue of its forwarding stack",
                commands.hub("events", "put-permission", *named, *granted),
            )


def _statements(policy: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = policy.get("Statement", [])
    return found if isinstance(found, list) else [found]


def _accounts_of(statement: Mapping[str, Any]) -> Iterator[str]:
    """The accounts that a statement lets put events, without a condition."""
    actions, principal = statement.get("Action"), statement.get("Principal", {})
    listed = principal.get("AWS", []) if isinstance(principal, dict) else []
    if statement.get("Effect") == "Allow" and "Condition" not in statement and "events:PutEvents" in _listed(actions):
        yield from (each.split(":")[4] if each.startswith("arn:") else each for each in _listed(listed))


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def schedules(patient: Patient) -> Iterator[Found]:
    """Whether the sweep and the watch are started."""
    wanted = expected.schedules(patient.aws.deployment, patient.resources.ids)
    found = (
        each
        for schedule in wanted
        for each in schedule_differences(patient.aws.inspector.schedule(schedule.name), schedule, patient.commands)
    )
    yield from unless_fine(found, "the schedules of the sweep and of the watch are enabled")


def schedule_differences(found: Mapping[str, Any] | None, wanted: Schedule, commands: Commands) -> Iterator[Found]:
    """How a schedule differs from what was deployed."""
    if found is None:
        yield wrong(f"the schedule {wanted.name} is gone", LATE, _put_schedule("create-schedule", wanted, commands))
        return
    update = _put_schedule("update-schedule", wanted, commands)
    if found["State"] != "ENABLED":
        yield wrong(f"the schedule {wanted.name} is disabled", LATE, update)
    elif found["ScheduleExpression"] != wanted.expression or not covers(found["Target"], wanted.target):
        yield wrong(f"the schedule {wanted.name} is not as it was deployed", LATE, update)


def _put_schedule(operation: str, wanted: Schedule, commands: Commands) -> str:
    """A schedule is always written as a whole."""
    return commands.hub(
        "scheduler",
        operation,
        *("--name", wanted.name, "--state", "ENABLED", "--schedule-expression", wanted.expression),
        *("--flexible-time-window", compact(wanted.window), "--target", compact(wanted.target)),
    )


# People and dead letters ---------------------------------------------------------------------------------------


def subscribers(patient: Patient) -> Iterator[Found]:
    """Whether anybody hears of failures and questions."""
    topic = patient.aws.deployment.output("NotificationsTopicArn")
    yield subscriptions(topic, patient.aws.inspector.subscriptions(topic), patient.commands)


def subscriptions(topic: str, found: Iterable[str], commands: Commands) -> Found:
    """What the subscriptions of a topic mean; one that nobody confirmed does not count."""
    confirmed = [each for each in found if each != "PendingConfirmation"]
    if confirmed:
        return fine(f"{len(confirmed)} subscribe to failures, alarms and questions")
    endpoint = ("--protocol", "email", "--notification-endpoint", Variable("EMAIL"))
    return wrong(
        "nobody subscribes to the topic of notifications, or nobody confirmed it",
        "nobody hears of failures, and nobody is asked to approve anything",
        commands.hub("sns", "subscribe", "--topic-arn", topic, *endpoint),
    )


def queues(patient: Patient) -> Iterator[Found]:
    """Whether an event or a scheduled run waits in a queue of dead letters."""
    deployment, inspector = patient.aws.deployment, patient.aws.inspector
    events, runs = deployment.output("UndeliveredEventsUrl"), deployment.output("FailedRunsUrl")
    found = (
        *undelivered(inspector.messages(events), patient.commands.quickctl("redrive")),
        *failed_runs(runs, inspector.messages(runs), patient.commands),
    )
    yield from unless_fine(found, "the dead-letter queues are empty")


def undelivered(count: int, redrive: str) -> Iterator[Found]:
    """What events mean that could not be delivered."""
    if count:
        yield wrong(f"{count} events could not be delivered", "their accounts wait for the next sweep", redrive)


def failed_runs(url: str, count: int, commands: Commands) -> Iterator[Found]:
    """What failed runs mean. The command shows why they failed, makes up for them and only then forgets them."""
    if count:
        messages = ("--visibility-timeout", "0", "--max-number-of-messages", "10", "--message-attribute-names", "All")
        yield wrong(
            f"{count} scheduled runs failed, or could not be started",
            "a sweep or a run of the watch was left out",
            then(
                commands.hub("sqs", "receive-message", "--queue-url", url, *messages),
                commands.quickctl("sweep"),
                commands.hub("sqs", "purge-queue", "--queue-url", url),
            ),
        )
