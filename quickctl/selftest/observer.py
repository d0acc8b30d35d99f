"""Looks at what happened in AWS. Each thing is read once, when a check first wants it."""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from control_plane.account import Connection
from control_plane.events import ACCOUNT_ID
from quickctl.commands.history import children
from quickctl.output import parsed
from quickctl.selftest.evidence import MARGIN, Assumed, Chain, Event, Passage, assumed, expected_errors, failures
from quickctl.steps import steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from control_plane.ports.registry import Record
    from quickctl.administrator import Administrator
    from quickctl.aws import Aws, Execution
    from quickctl.observing import Operation, Trail

ORGANIZATIONS_REGION = "us-east-1"
ORGANIZATIONS = "organizations.amazonaws.com"
MACHINES = ("RouteEventArn", "ReconcileAccountArn", "ReconcileConnectionArn", "SweepOrganizationArn")
MAKES_SOURCE = "EnsureDataSource"  # in the name of the function's role
CONNECTING = ("connect", "rebuild")
MOST_EXECUTIONS = 50  # that are read of each machine, the newest
MOST_CHAINS = 5  # connections whose AssumeRole calls are looked up: CloudTrail answers twice a second
OF_ACCOUNTS = (  # the events that the forwarding rule sends
    "TagResource",
    "UntagResource",
    "MoveAccount",
    "RemoveAccountFromOrganization",
    "CreateAccountResult",
    "CloseAccountResult",
    "AccountJoinedOrganization",
    "AccountDepartedOrganization",
)


class Observer:
    """What is looked at. `account`: only this one's connections. `management`: its event history is read, too."""

    def __init__(
        self, aws: Aws, now: datetime, since: datetime, management: Administrator | None = None, account: str = ""
    ) -> None:
        """`since`: what happened before is not looked at."""
        self.aws, self.now, self.since, self.account = aws, now, since, account
        self._management = management

    @cached_property
    def records(self) -> list[Record]:
        """What the registry has of connections and accounts."""
        found = (each for each in self.aws.registry.every() if each.is_valid)
        return [each for each in found if self.account in ("", each.account_id)]

    @cached_property
    def passages(self) -> list[Passage]:
        """The newest executions that made connections, or were to."""
        named = children(self.aws, self.account) if self.account else children(self.aws)
        recent = (each for each in islice(named, MOST_EXECUTIONS) if each[2].started >= self.since)
        return [found for account, profile, each in recent if (found := self._passage(account, profile, each))]

    def _passage(self, account: str, profile: str, named: Execution) -> Passage | None:
        execution = self.aws.execution(named.arn)
        given = execution.input if execution and isinstance(execution.input, dict) else {}
        planned = given.get("planned") or {}
        if execution is None or planned.get("action") not in CONNECTING:
            return None
        events = self.aws.history(execution.arn)
        return Passage(
            account_id=account,
            profile=profile,
            status=execution.status,
            started=execution.started,
            ended=execution.stopped,
            requested=parsed(str(given.get("event_at", ""))) if planned.get("first_connection") is True else None,
            outcome=str(execution.output.get("outcome", "")) if isinstance(execution.output, dict) else "",
            error=execution.error,
            steps=steps(account, events),
            failed_with=failures(events),
        )

    # CloudTrail --------------------------------------------------------------------------------------------------

    @cached_property
    def chains(self) -> list[Chain]:
        """The roles that were assumed while the newest connections were made."""
        return [self._chain(each) for each in self.passages[:MOST_CHAINS]]

    def _chain(self, passage: Passage) -> Chain:
        hub = self.aws.deployment.hub
        connection = Connection(account_id=passage.account_id, profile=passage.profile)
        consumer = connection.consumer_role_arn(hub)
        run_as = tuple(hub.run_as_role(number) for number in range(1, hub.run_as_roles + 1))
        records = self.during(passage, "AssumeRole")
        found = [each for record in records if (each := assumed(record, [consumer, *run_as]))]
        return Chain(passage, connection.data_source_arn(hub), run_as, _of(found, run_as), _of(found, [consumer]))

    @cached_property
    def changes_of_sources(self) -> list[dict[str, Any]]:
        """Our calls that create or change data sources, while the newest connections were made; each once."""
        found = (
            record
            for passage in self.passages[:MOST_CHAINS]
            for name in ("CreateDataSource", "UpdateDataSource")
            for record in self.during(passage, name)
            if MAKES_SOURCE in str((record.get("userIdentity") or {}).get("arn"))
        )
        return list({str(record["eventID"]): record for record in found}.values())

    def during(self, passage: Passage, name: str) -> list[dict[str, Any]]:
        """The hub's events of that name while an execution ran."""
        until = (passage.ended or self.now) + MARGIN
        return [each for trail in self._trails for each in trail.events(name, passage.started - MARGIN, until)]

    @cached_property
    def _trails(self) -> list[Trail]:
        """Quick's Region and, for calls of STS's global endpoint, us-east-1."""
        return [self.aws.trail(region) for region in dict.fromkeys((self.aws.region, ORGANIZATIONS_REGION))]

    def hub_events(self, name: str) -> list[dict[str, Any]]:
        """The hub's events of that name in the Region of IAM and Organizations."""
        return self.aws.trail(ORGANIZATIONS_REGION).events(name, self.since, self.now)

    @cached_property
    def events(self) -> list[Event]:
        """The organization's events: those that reached the hub and, where it may be read, those CloudTrail keeps."""
        routed = (each.input for each, _ in self._routed if isinstance(each.input, dict))
        received = [event for each in routed if (event := _event(each.get("detail")))]
        return [*received, *self._kept_by_the_management_account()]

    @property
    def reads_management(self) -> bool:
        """Whether the management account's event history is looked at."""
        return self._management is not None

    def _kept_by_the_management_account(self) -> Iterator[Event]:
        if self._management is None:
            return
        trail = self._management.trail()
        for name in OF_ACCOUNTS:
            for record in trail.events(name, self.since, self.now):
                is_meant = record.get("eventSource") == ORGANIZATIONS and "errorCode" not in record
                if is_meant and (event := _event(record)):
                    yield event

    @cached_property
    def _routed(self) -> list[tuple[Execution, tuple[str, ...]]]:
        """The newest executions that read an event, with their failed attempts."""
        named = islice(self.aws.executions("RouteEventArn"), MOST_EXECUTIONS)
        found = (self.aws.execution(each.arn) for each in named if each.started >= self.since)
        return [(each, failures(self.aws.history(each.arn))) for each in found if each]

    # State machines, stack sets, the rest --------------------------------------------------------------------------

    @cached_property
    def failed_attempts(self) -> list[str]:
        """The errors of all attempts that failed, as Step Functions spells them."""
        routed = [name for _, names in self._routed for name in names]
        return [*routed, *(name for each in self.passages for name in each.failed_with)]

    @cached_property
    def expected_errors(self) -> frozenset[str]:
        """The names of errors that the state machines retry or catch."""
        return expected_errors(map(self.aws.observing.definition, MACHINES))

    @cached_property
    def operations(self) -> list[Operation]:
        """The newest operations of our stack sets."""
        names = [each.name for each in self.aws.stack_sets_of_ours()]
        found = [each for name in names for each in self.aws.observing.operations(name)]
        return [each for each in found if each.created >= self.since]

    @cached_property
    def names(self) -> set[str]:
        """The names of accounts: no report may have them."""
        recorded = {each.account_name for each in self.aws.registry.every()}
        return {each for each in recorded if not ACCOUNT_ID.fullmatch(each)} | {self.aws.deployment.stack_name}


def _of(found: Iterable[Assumed], roles: Iterable[str]) -> tuple[Assumed, ...]:
    wanted = set(roles)
    return tuple(each for each in found if each.role in wanted)


def _event(detail: Any) -> Event | None:
    if not isinstance(detail, dict) or not isinstance(detail.get("eventName"), str):
        return None
    return Event(detail["eventName"], detail)
