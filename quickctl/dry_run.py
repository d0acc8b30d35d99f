"""Plan a sweep without doing anything: the sweep's own steps, on what AWS says now, over ports that only read."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from control_plane import grant_budget
from control_plane.assessment import AssessmentDependencies
from control_plane.observation import ObservationDependencies
from control_plane.sweep.collecting import SnapshotSources, collect
from control_plane.sweep.run import SweepDependencies, make_plan
from control_plane.sweep.snapshot import EVERYTHING, SnapshotKind
from control_plane.sweep.store import ACROSS_SWEEPS, load_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from control_plane.opt_in import Value
    from control_plane.sweep.planning import SweepPlan
    from control_plane.sweep.ports import SweepStore
    from quickctl.aws import Aws
    from quickctl.files import ConsumerFiles

SWEEP = "dry-run"
# As the state machine: the whole organization shares Organizations' rate for tags.
PAUSE_OF_ACCOUNTS, PAUSE = 5, 0


class ReadOnly:
    """A port of which only these methods may be called. `instead`: methods that write, and what they do here."""

    def __init__(self, port: object, reads: tuple[str, ...], **instead: Callable[..., Any]) -> None:
        self._methods = {**{name: getattr(port, name) for name in reads}, **instead}

    def __getattr__(self, name: str) -> Any:
        try:
            return self._methods[name]
        except KeyError:
            raise AttributeError(f"a plan may not use {name}") from None


class MemoryStore:
    """What a sweep stores, in this process. What the last real sweep stored for the next one is read."""

    def __init__(self, stored: SweepStore) -> None:
        self._stored = stored
        self._values: dict[tuple[str, str], Any] = {}

    def put(self, sweep_id: str, name: str, value: Value) -> None:
        """Keep one value."""
        self._values[sweep_id, name] = value

    def get(self, sweep_id: str, name: str, model: Any) -> Any:
        """One value, or None."""
        found = self._values.get((sweep_id, name))
        return self._stored.get(sweep_id, name, model) if found is None and sweep_id == ACROSS_SWEEPS else found

    def every(self, sweep_id: str, prefix: str, model: Any) -> Iterator[Any]:
        """The values whose names start with the prefix, in order of their names."""
        del model
        yield from (
            self._values[key] for key in sorted(self._values) if key[0] == sweep_id and key[1].startswith(prefix)
        )


def plan(aws: Aws, files: ConsumerFiles, scope: str, now: datetime, pause: Callable[[float, str], object]) -> SweepPlan:
    """What a sweep would do now, if it was deployed with these files. `pause`: between two readings of lists."""
    store: Any = MemoryStore(aws.sweeps)
    lists = SnapshotSources(aws.accounts, aws.roles, aws.sources, aws.registry, store)
    policy = aws.deployment.opt_in_policy
    while (progress := collect(SWEEP, (scope or EVERYTHING,), policy, lists)).kind is not None:
        seconds = PAUSE_OF_ACCOUNTS if progress.kind is SnapshotKind.ACCOUNTS else PAUSE
        pause(seconds, f"read {progress.listed} accounts; reading {progress.kind}")
    deps = _dependencies(aws, files, store)
    make_plan(SWEEP, now, deps)
    return load_plan(SWEEP, store, repairs=deps.repairs)


def assessment_dependencies(aws: Aws, files: ConsumerFiles) -> AssessmentDependencies:
    """The dependencies of an assessment; it only reads."""
    observation = ObservationDependencies(
        aws.stack_sets(files.template_file), aws.policies, aws.data_sources, aws.registry, aws.quick_account
    )
    profiles = partial(files.deployable, aws.deployment.hub)
    return AssessmentDependencies(aws.organization, observation, profiles, aws.deployment.proves)


def _dependencies(aws: Aws, files: ConsumerFiles, store: Any) -> SweepDependencies:
    def nothing(*_: object) -> None:
        """What a plan does instead of writing."""

    ports: Any = {
        "policies": ReadOnly(aws.policies, ("shards", "quota")),
        "budget": ReadOnly(aws.revocations, ("held", "revoked", "expected"), expect=nothing),
        "grants": _grants(aws),
        **dict.fromkeys(
            ("capacity", "approvals", "reconciles", "notifications"), ReadOnly(None, (), report=nothing, ask=nothing)
        ),
    }
    return SweepDependencies(
        opt_in_policy=aws.deployment.opt_in_policy,
        hub=aws.deployment.hub,
        store=store,
        assessment=assessment_dependencies(aws, files),
        registry=aws.registry,
        repairs=aws.deployment.repairs,
        body=files.body,
        **ports,
    )


def _grants(aws: Aws) -> ReadOnly:
    """The grant budget. How many accounts there are is known from the list that was just read."""
    counted: list[int] = []

    def limit() -> int | None:
        percent = aws.deployment.grant_budget_percent
        return grant_budget.limit(counted[-1], percent) if counted else aws.grants.limit()

    def batches(unit: str) -> ReadOnly:
        return ReadOnly(aws.batches(unit), ("held", "is_applied"), hold=lambda *_: None)

    reads = ("granted", "counted", "approved", "waiting_units")
    return ReadOnly(aws.grants, reads, set_organization=counted.append, limit=limit, batches=batches)
