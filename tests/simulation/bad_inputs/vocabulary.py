"""What a case is made of: an input, what it gives, and the stage it is played on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from control_plane import wiring
from control_plane.failure import REMEDIATIONS, Remediation, explain
from tests.simulation.conftest import Story

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.aws.asl.execution import Execution
    from sandbox.organization import Sandbox

ACCOUNT = "222233334444"  # on the page it stands for the account of each case
OF_OTHERS = ("sweep-", "watch-", "approved-")  # looks begun about accounts of earlier cases, perhaps
VARYING = {  # what is another one in each run, and what the page says instead
    r"qa-[0-9a-f]{32}": "qa-<operation>",
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}": "<id>",
    r"(quick-onboarding-\w+?)-[0-9A-Za-z]{12,13}\b": r"\1-<id>",
}


class Stage(Story):
    """One world for many cases; each gets an account of its own."""

    def __init__(self, world: Sandbox, layer: Path) -> None:
        super().__init__(world)
        self.layer = layer
        self.account = ""
        self._before = 0  # executions of other cases

    def enter(self, name: str) -> None:
        """A new account, for a new case."""
        self.account = self.member(name)
        self._before = len(self.world.step_functions.executions)

    def start_cold(self) -> None:
        """Forget what warm functions remember of Quick and of the profiles file."""
        wiring._profiles.cache_clear()
        wiring.quick_account.cache_clear()

    def there(self) -> frozenset[str]:
        """What there is in AWS, a line for each thing."""
        return frozenset(self.generic(line) for line in [*self._sources(), *self._entries(), *self._stack_sets()])

    def generic(self, text: str) -> str:
        """A text with the case's account and other ids as the page has them."""
        if self.account not in (self.world.cloud.topology.management, self.world.cloud.topology.hub):
            text = text.replace(self.account, ACCOUNT)
        for varying, instead in VARYING.items():
            text = re.sub(varying, instead, text)
        return text

    @property
    def worked(self) -> Execution:
        """The last execution of the case that was about an account, or could not find out about which.

        Not one that left the account to its holder, nor one that only started another.
        """
        return next(
            each
            for each in reversed(self.world.step_functions.executions)
            if each.machine_name in ("RouteEvent", "ReconcileAccount")
            and not {"DeferredToHolder", "StartReconcile"} & set(each.path)
            and not each.name.startswith(OF_OTHERS)
        )

    @property
    def swept(self) -> set[str]:
        """What events have had swept since the case began: `all`, or a unit."""
        began = self.world.step_functions.executions[self._before :]
        return {str(each.input["scope"]) for each in began if each.machine_name == "SweepOrganization"}

    def found(self, sort_key: str) -> dict[str, Any] | None:
        """The record of that sort key: of the account, or among events nobody could read."""
        wanted = {(f"account#{self.account}", sort_key), ("unread", self.stored(sort_key))}
        records = [record for record in self.world.records() if (record["pk"], record["sk"]) in wanted]
        return records[0] if records else None

    def records_of_the_account(self) -> list[dict[str, Any]]:
        """What the registry has of it."""
        return [record for record in self.world.records() if record["pk"] == f"account#{self.account}"]

    def stored(self, sort_key: str) -> str:
        """A sort key of the sweep as it is in the table."""
        return sort_key.replace("<execution>", self.worked.name).replace("<root>", self.world.organizations.root_id)

    def failures_counted(self) -> list[str]:
        """The errors RecordFailure has counted since the case began, read from the metrics it printed."""
        lines = [json.loads(line) for line in list(self.world.functions.log.lines) if line.startswith("{")]
        return [str(line["error"]) for line in lines if "FailedSteps" in line and "error" in line]

    def _sources(self) -> list[str]:
        hub = self.world.cloud.topology.hub
        with self.world.cloud.administering(hub):
            pages = self.world.cloud.client("quicksight").get_paginator("list_data_sources").paginate(AwsAccountId=hub)
            found = [source for page in pages for source in page["DataSources"]]
        return [f"data source {each['DataSourceId']}: {each['Status']}" for each in found]

    def _entries(self) -> list[str]:
        return [f"access entry {role}" for role in self.world.allowed_roles()]

    def _stack_sets(self) -> list[str]:
        found = self.world.stack_sets.catalog._sets.get(self.world.cloud.topology.region, {}).values()
        instances = [(each.name, instance) for each in found for instance in each.instances.values()]
        lines = [f"stack set {each.name}" for each in found]
        return lines + [f"stack instance {name} {each.account}: {each.status}" for name, each in instances]


Verb = Callable[[Stage], None]
Trouble = Callable[[Stage], AbstractContextManager[None]]


@dataclass(frozen=True)
class Change:
    """What a case changes in AWS: in words for the page, and as the lines `Stage.there` gains and loses."""

    words: str
    gained: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()


def source(profile: str = "default", status: str = "CREATION_SUCCESSFUL") -> str:
    """A data source, as `Stage.there` says it."""
    return f"data source quick-athena-{ACCOUNT}-{profile}: {status}"


def entry(profile: str = "default") -> str:
    """An access entry."""
    return f"access entry arn:aws:iam::{ACCOUNT}:role/quick-athena-{profile}"


def instance(profile: str = "default", status: str = "CURRENT") -> str:
    """A stack instance."""
    return f"stack instance quick-athena-{profile} {ACCOUNT}: {status}"


NOTHING = Change("nothing")
CONNECTED = Change("the account is connected", frozenset({source(), entry(), instance()}))
SWEPT = Change("nothing by itself: everything is swept")
STAYS = Change("nothing: what was connected stays connected")
ROLE_MADE = Change("the consumer role is made; the run-as role may not assume it", frozenset({instance()}))
TAKEN_BACK = Change(
    "the consumer role is made; the access entry is taken back, and no data source is left", frozenset({instance()})
)
REVOKED = Change("the access entry goes; role and data source stay", lost=frozenset({entry()}))


def tag(value: str) -> Verb:
    """Somebody tags the account."""

    def happens(stage: Stage) -> None:
        stage.world.tag(stage.account, value)

    return happens


def in_turn(*verbs: Verb) -> Verb:
    """One after the other."""

    def happens(stage: Stage) -> None:
        for verb in verbs:
            verb(stage)

    return happens


def connected(stage: Stage) -> None:
    """The account was connected before."""
    stage.world.tag(stage.account, "enabled")
    stage.run()


def nothing(stage: Stage) -> None:
    """Nothing was there before."""


def no_trouble(stage: Stage) -> AbstractContextManager[None]:
    """The world is as it should be."""
    return nullcontext()


@dataclass(frozen=True)
class Case:
    """One bad input. Without `error` it is tolerated, and its record has a `status`."""

    input: str
    error: str = ""
    message: str = ""  # the record's `reason`, or what the record says instead
    where: str = ""  # the record's sort key; empty: the failed execution only
    change: Change = NOTHING
    status: str = ""
    given: Verb = nothing
    trouble: Trouble = no_trouble
    happens: Verb = field(default=tag("enabled"))
    counted: bool = True  # whether RecordFailure has recorded it
    loads: str | None = None  # a profiles file's text, which `make build` is to refuse
    sweeps: str = ""  # what is swept on account of it: `all`, or a unit
    mended: str = "SUCCEEDED"  # how the next look ends, when the trouble is over

    @property
    def plan(self) -> Remediation:
        """Cause and remedy as recorded."""
        if self.where.startswith("unread#") and self.error not in REMEDIATIONS:
            return CANNOT_BE_ASKED
        failure = explain(ACCOUNT, "", {"Error": self.error, "Cause": self.message})
        return Remediation(failure.cause, failure.remedy)


CANNOT_BE_ASKED = Remediation(
    "the function that reads events failed, or could not be invoked",
    "mend what the reason names, then start RouteEvent again with the event as its input",
)
