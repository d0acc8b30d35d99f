"""An operation's progress, pure: which targets may start now, when it has failed too often, how it ends.

Rules: botocore model, StackSetOperationPreferences, StackSetOperation. moto's operations are
SUCCEEDED at once and have no results.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from sandbox.aws.services.cloudformation.drift import ResourceDrift

Target = tuple[str, str]  # account, Region


@dataclass(frozen=True)
class Preferences:
    """How many accounts at a time, and how many may fail. AWS's defaults are one at a time and none."""

    given: Mapping[str, Any]

    @property
    def tolerates_softly(self) -> bool:
        """Whether failures leave the concurrency alone."""
        return bool(self.given.get("ConcurrencyMode") == "SOFT_FAILURE_TOLERANCE")

    @property
    def parallel_regions(self) -> bool:
        """Whether all Regions are worked on at once."""
        return bool(self.given.get("RegionConcurrencyType") == "PARALLEL")

    def tolerance(self, accounts: int) -> int:
        """How many of these accounts may fail; percentages round down."""
        percentage = int(self.given.get("FailureTolerancePercentage", 0))
        return int(self.given.get("FailureToleranceCount", percentage * accounts // 100))

    def concurrency(self, accounts: int) -> int:
        """How many of these accounts at a time; a percentage rounds down, but not to zero."""
        if "MaxConcurrentPercentage" in self.given:
            return max(1, int(self.given["MaxConcurrentPercentage"]) * accounts // 100)
        return int(self.given.get("MaxConcurrentCount", 1))


@dataclass
class Result:
    """What an operation did in one account and Region."""

    status: str = "PENDING"
    reason: str | None = None


@dataclass
class Operation:
    """One operation on a stack set. Whoever runs it asks `startable`, and calls `start` and `finish`."""

    identity: str
    action: str  # CREATE, UPDATE, DELETE or DETECT_DRIFT
    targets: Sequence[Target]
    preferences: Preferences
    created: datetime
    retain: bool = False
    brings_template: bool = True  # else it only sets parameters, of the template each stack has
    overrides: Sequence[Mapping[str, Any]] | None = None  # of parameters, for the instances it creates or updates
    units: Mapping[Target, str] = field(default_factory=dict)  # of instances it creates: through which OU
    deployment_targets: Mapping[str, Any] = field(default_factory=dict)
    drifts: dict[Target, list[ResourceDrift]] = field(default_factory=dict)  # what a detection found, where it could
    status: str = "QUEUED"
    ended: datetime | None = None
    results: dict[Target, Result] = field(init=False)

    def __post_init__(self) -> None:
        self.results = {target: Result() for target in self.targets}
        self._waiting: dict[str, dict[Target, None]] = {region: {} for region in self._regions()}
        for target in self.targets:
            self._waiting[target[1]][target] = None
        self._sizes = {region: len(waiting) for region, waiting in self._waiting.items()}
        self._running = dict.fromkeys(self._waiting, 0)
        self._failed = dict.fromkeys(self._waiting, 0)

    @property
    def failures(self) -> int:
        """How many targets failed so far."""
        return sum(self._failed.values())

    @property
    def deploys(self) -> bool:
        """Whether an instance it does not finish is left behind its set."""
        return self.action in {"CREATE", "UPDATE"}

    @property
    def detects_drift(self) -> bool:
        """Whether it only looks."""
        return self.action == "DETECT_DRIFT"

    def drifted(self, target: Target) -> bool:
        """Whether the detection found a resource of this instance changed or gone."""
        return any(drift.status != "IN_SYNC" for drift in self.drifts[target])

    def conflicts_with(self, other: "Operation") -> bool:
        """Two operations must not work on one account at the same time; nor may two detections on one set."""
        if self.detects_drift and other.detects_drift:
            return True
        return not {account for account, _ in self.targets}.isdisjoint(account for account, _ in other.targets)

    def startable(self) -> list[Target]:
        """The targets that may start now, in order."""
        if self.status != "RUNNING":
            return []
        chosen: list[Target] = []
        for region in self._regions():
            waiting = self._waiting[region]
            chosen += list(islice(waiting, self._free_slots(region)))
            if not self.preferences.parallel_regions and (waiting or self._running[region]):
                break
        return chosen

    def start(self, target: Target) -> None:
        """The work on this target began."""
        del self._waiting[target[1]][target]
        self._running[target[1]] += 1
        self.results[target].status = "RUNNING"

    def finish(self, target: Target, reason: str | None) -> list[Target]:
        """The work on this target ended, badly if there is a reason; the targets cancelled because of that."""
        self.results[target] = Result("FAILED" if reason else "SUCCEEDED", reason)
        self._running[target[1]] -= 1
        self._failed[target[1]] += bool(reason)
        if not self._exceeded(target[1]):
            return []
        regions = [target[1]] if self.preferences.parallel_regions else self._regions()
        return self._cancel("Cancelled since failure tolerance has exceeded", regions)

    def stop(self) -> list[Target]:
        """The user gave up: what runs goes on, what waits is cancelled."""
        self.status = "STOPPING"
        return self._cancel("Cancelled since operation was stopped", self._regions())

    def settle(self, now: datetime) -> bool:
        """End the operation if nothing of it waits or runs; whether it ended."""
        busy = any(self._waiting.values()) or any(self._running.values())
        if busy or self.status not in {"RUNNING", "STOPPING"}:
            return False
        exceeded = any(map(self._exceeded, self._waiting))
        self.status = "STOPPED" if self.status == "STOPPING" else "FAILED" if exceeded else "SUCCEEDED"
        self.ended = now
        return True

    def _free_slots(self, region: str) -> int:
        size = self._sizes[region]
        limit = self.preferences.concurrency(size)
        if not self.preferences.tolerates_softly:
            limit = min(limit, self.preferences.tolerance(size) + 1 - self._failed[region])
        return max(0, limit - self._running[region])

    def _exceeded(self, region: str) -> bool:
        return self._failed[region] > self.preferences.tolerance(self._sizes[region])

    def _regions(self) -> list[str]:
        used = list(dict.fromkeys(region for _, region in self.targets))
        order = list(self.preferences.given.get("RegionOrder", []))
        return sorted(used, key=lambda region: order.index(region) if region in order else len(order))

    def _cancel(self, reason: str, regions: list[str]) -> list[Target]:
        cancelled = [target for region in regions for target in self._waiting[region]]
        for target in cancelled:
            self.results[target] = Result("CANCELLED", reason)
            del self._waiting[target[1]][target]
        return cancelled
