"""What the checks look at: the hub, its files of connections and, if a profile was named, the management account."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from quickctl.administrator import FORWARDING, ORGANIZATIONS_REGION
from quickctl.cli import management_of
from quickctl.doctor.command_lines import Commands
from quickctl.doctor.expected import Place, place_of
from quickctl.output import age, elapsed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quickctl.administrator import Administrator, Stack
    from quickctl.cli import Cli
    from quickctl.files import ConsumerFiles
    from quickctl.inspector import Resources


class Management:
    """The management account, in the Region of the organization's events."""

    def __init__(self, account: Administrator, place: Place, bus: str) -> None:
        """`bus`: the ARN of the hub's."""
        self.account, self.place, self._bus = account, place, bus
        self.inspector = account.inspector(place.region)

    @cached_property
    def stack(self) -> Stack | None:
        """The forwarding stack: the one for this hub, if there are several."""
        found = self.account.stacks(self.place.region, FORWARDING)
        return min(found, key=lambda each: each.parameters.get("HubBusArn") != self._bus, default=None)

    @cached_property
    def resources(self) -> Mapping[str, str]:
        """The physical ids of what it made, by their logical ids; empty without such a stack."""
        return self.inspector.resources(self.stack.name).ids if self.stack else {}


class Patient:
    """What the checks look at. What several of them need is read once."""

    def __init__(self, cli: Cli, files: ConsumerFiles, management_profile: str | None) -> None:
        self.aws, self.files, self.now = cli.aws, files, cli.now()
        hub = self.aws.deployment.hub
        found = management_of(cli, management_profile, hub.management_account_id)
        place = Place(hub.partition, ORGANIZATIONS_REGION, hub.management_account_id)
        bus = self.aws.deployment.output("HubBusArn")
        self.management = Management(found, place, bus) if found else None
        self.commands = Commands(hub.region, self.aws.deployment.stack_name, management_profile, cli.options)

    @cached_property
    def place(self) -> Place:
        """Where the hub is."""
        return place_of(self.aws.deployment)

    @cached_property
    def resources(self) -> Resources:
        """What the hub's stack has made."""
        return self.aws.inspector.resources(self.aws.deployment.stack_name)

    @cached_property
    def last_event(self) -> float | None:
        """Seconds since the last organization event; None: AWS knows of none any more."""
        newest = next(self.aws.executions("RouteEventArn"), None)
        return elapsed(newest.started, self.now) if newest else None

    @property
    def last_event_said(self) -> str:
        """The same for people."""
        if self.last_event is None:
            return "no organization event has arrived in the last 90 days"
        return f"the last organization event came {age(self.last_event)} ago"
