"""The steps of SweepOrganization between reading the lists and releasing the claim."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from control_plane.access_policy import Shard, used
from control_plane.account import Hub
from control_plane.assessment import AssessmentDependencies
from control_plane.errors import InvalidProfiles
from control_plane.grant_budget import MAX_BATCH, GrantState
from control_plane.opt_in import OptInPolicy
from control_plane.ports.access import AccessPolicies, CapacityGauge, RevocationBudget
from control_plane.ports.approvals import Approvals, open_question
from control_plane.ports.grants import GrantBudget
from control_plane.ports.notifications import Notifications
from control_plane.ports.reconciles import Reconciles
from control_plane.ports.registry import Registry
from control_plane.profiles import Profile
from control_plane.publications import fingerprint
from control_plane.steps.access import external_ids
from control_plane.sweep import reporting, stack_sets, starting, unmanaged
from control_plane.sweep.collecting import PROGRESS
from control_plane.sweep.inspecting import inspect
from control_plane.sweep.inventory import Inventory
from control_plane.sweep.outcomes import Now
from control_plane.sweep.planning import PlanningRules, SweepPlan, plan_sweep, why_partial
from control_plane.sweep.ports import SweepStore
from control_plane.sweep.reporting import Report, SweepEnd
from control_plane.sweep.snapshot import Baseline, SnapshotPage, SnapshotProgress, merged
from control_plane.sweep.store import ACROSS_SWEEPS, BASELINE, PLAN, REPORT, load_plan, save_plan

INSPECTIONS_PER_CALL = 8
MAX_READ = 1000  # accounts whose records a report reads; of the others it believes the plan


class SweepDependencies(NamedTuple):
    """The dependencies of the steps of a sweep. `repairs`: drift is repaired, not only reported."""

    opt_in_policy: OptInPolicy
    hub: Hub
    store: SweepStore
    policies: AccessPolicies
    capacity: CapacityGauge
    budget: RevocationBudget
    grants: GrantBudget
    approvals: Approvals
    assessment: AssessmentDependencies
    reconciles: Reconciles
    registry: Registry
    notifications: Notifications
    repairs: bool
    body: str  # the hash of the template of the stack sets


def make_plan(sweep_id: str, now: datetime, deps: SweepDependencies) -> SweepPlan:
    """Compare what was read, store the plan, and record which revocations have to wait."""
    store, budget = deps.store, deps.budget
    progress = store.get(sweep_id, PROGRESS, SnapshotProgress) or SnapshotProgress()
    baseline = store.get(ACROSS_SWEEPS, BASELINE, Baseline) or Baseline()
    partial = why_partial(progress, baseline)
    profiles, fault = _profiles(deps.assessment)
    read = merged(store.every(sweep_id, "page#", SnapshotPage))
    waiting = budget.expected().waiting  # by an earlier sweep, which may have ended before it started all of them
    rules = PlanningRules(
        opt_in_policy=deps.opt_in_policy,
        hub=deps.hub,
        profiles=profiles,
        held=budget.held().connections - waiting,
        recent=budget.revoked(),
        now=now,
        repairs=deps.repairs,
        profiles_fault=fault,
        publishing_changed=baseline.publishing != fingerprint(profiles),
        grants=_grant_state(read, progress.listed if progress.is_everything and not partial else 0, now, deps.grants),
    )
    built = stack_sets.built(deps.body, profiles, deps.hub)
    outdated = stack_sets.outdated(read.stack_sets, built)
    shards = deps.policies.shards()
    _report_capacity(shards, deps)
    inventory = Inventory(read, shards, profiles, deps.hub, outdated)
    plan = plan_sweep(read.accounts, inventory, progress, partial, rules).model_copy(
        update={
            "unmanaged": (
                *unmanaged.data_sources(read.owners),
                *stack_sets.unmanaged(read.stack_sets, None if fault else built, baseline),
            ),
            "reported_before": unmanaged.still_there(baseline.unmanaged, read),
        }
    )
    if progress.is_everything:
        recorded = (each.profile for each in read.records if each.profile)
        known = stack_sets.updated_baseline(baseline, built, read.stack_sets, recorded, fingerprint(profiles))
        differ = stack_sets.differences(read.stack_sets, None if fault else built, known)
        plan = plan.model_copy(update={"stack_sets": differ, "known": known})
    # Before anything is started: a revocation of one of these waits for approval from now on.
    replaces = progress.is_everything and not partial
    budget.expect(frozenset(plan.hold) | (frozenset() if replaces else waiting))
    _request_approval_of_grants(plan, now, deps)
    plan = plan.without_long_lists()
    save_plan(sweep_id, plan, store)
    return plan


def _grant_state(read: SnapshotPage, listed: int, now: datetime, grants: GrantBudget) -> GrantState:
    """The grant budget of every OU with a tag that counts for an account, or whose new connections wait.

    `listed`: accounts of the organization; 0: they are not all known this time.
    """
    if listed:
        grants.set_organization(listed)
    batches = {unit: grants.batches(unit) for unit in grants.waiting_units()}
    held = {unit: open_question(each) for unit, each in batches.items()}
    if (most := grants.limit()) is None:
        return GrantState(held=held)
    units = {account.unit.id for account in read.accounts if account.unit} | set(held)
    approved = {key: unit for unit in units for key in grants.counted(unit, now)}
    for unit, each in batches.items():  # approved just now: perhaps not all of them are recorded yet
        approved |= dict.fromkeys(each.held().connections - held[unit], unit)
    granted = {unit: grants.granted(unit, now) for unit in units}
    return GrantState(limit=most, granted=granted, held=held, approved={**approved, **grants.approved(now)})


def _request_approval_of_grants(plan: SweepPlan, now: datetime, deps: SweepDependencies) -> None:
    """Ask people about the new connections that wait. A list that is too long for one item is approved in parts."""
    for unit, connections in plan.awaiting.items():
        batches = deps.grants.batches(unit)
        if batch := batches.hold(connections[:MAX_BATCH], now.isoformat()):
            deps.approvals.ask(batch, unit)
            batches.record_approval_requested(batch)


def _report_capacity(shards: Sequence[Shard], deps: SweepDependencies) -> None:
    """Measure the access policy's capacity, too: on a day without changes no writer does."""
    deps.capacity.report(used(shards, deps.policies.quota(), external_ids(deps.hub)))


def inspect_some(sweep_id: str, offset: int, now: datetime, deps: SweepDependencies) -> int | None:
    """Check the next few accounts in full. Returns the offset to continue from; None at the end."""
    to_check = (deps.store.get(sweep_id, PLAN, SweepPlan) or SweepPlan()).full_check
    accounts = to_check[offset : offset + INSPECTIONS_PER_CALL]
    if accounts:
        found = inspect(accounts, deps.opt_in_policy, deps.hub, deps.assessment, now)
        deps.store.put(sweep_id, f"checked#{offset:06}", found)
    following = offset + INSPECTIONS_PER_CALL
    return following if following < len(to_check) else None


def start_some(sweep_id: str, offset: int, deps: SweepDependencies) -> int | None:
    """Start to reconcile the next few accounts. Returns the offset to continue from; None at the end."""
    plan = load_plan(sweep_id, deps.store, repairs=deps.repairs)
    following = starting.start(sweep_id, plan.start, offset, deps.reconciles)
    return following if following < len(plan.start) else None


def finish(end: SweepEnd, deps: SweepDependencies, *, is_patient: bool) -> Report | None:
    """Report when all started reconciles have ended, or when not to wait any longer; None: not yet."""
    store, registry, sweep_id = deps.store, deps.registry, end.sweep_id
    plan = load_plan(sweep_id, store, repairs=deps.repairs)
    progress = store.get(sweep_id, PROGRESS, SnapshotProgress) or SnapshotProgress()
    in_progress = frozenset(each.account_id for each in registry.unsettled("in_progress"))
    started = [each.account_id for each in plan.start]
    if is_patient and in_progress & {*started}:
        return None
    records = {each: registry.records(each) for each in started[:MAX_READ]}
    now = Now(registry.unsettled("failed"), in_progress, records, registry.unsettled("degraded"))
    report = reporting.report(end, progress.scope, plan, now)
    if store.get(sweep_id, REPORT, Report) is None:  # otherwise it was sent already, and only the response was lost
        if not report.is_quiet:
            deps.notifications.send(*reporting.message(report))
        store.put(sweep_id, REPORT, reporting.shortened(report))
    _save_baseline(report, progress, plan, store)
    if not in_progress:
        deps.budget.expect(frozenset())  # all expected revocations are held by now
    return report


def _save_baseline(report: Report, progress: SnapshotProgress, plan: SweepPlan, store: SweepStore) -> None:
    store.put(ACROSS_SWEEPS, "last", reporting.shortened(report))
    before = store.get(ACROSS_SWEEPS, BASELINE, Baseline) or Baseline()
    reported = {"unmanaged": unmanaged.known_after(plan.reported_before, plan.unmanaged)}
    if progress.is_everything:
        complete = before.complete if report.partial else progress.listed
        known = {"complete": complete, "listed": progress.listed, **reported}
        store.put(ACROSS_SWEEPS, BASELINE, plan.known.model_copy(update=known))
    elif report.unmanaged:
        store.put(ACROSS_SWEEPS, BASELINE, before.model_copy(update=reported))


def _profiles(deps: AssessmentDependencies) -> tuple[Mapping[str, Profile], str]:
    """The profiles, or why they can't be read: a broken file must keep no access."""
    try:
        return deps.profiles(), ""
    except InvalidProfiles as fault:
        return {}, str(fault)
