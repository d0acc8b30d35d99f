"""The steps of SweepOrganization between reading the lists and releasing the claim."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from control_plane.account import Hub
from control_plane.asking import Terms
from control_plane.assessment import World
from control_plane.errors import InvalidProfiles
from control_plane.ports import Brake, Notifications, Reconciles, Registry, Shards
from control_plane.profiles import Profile
from control_plane.sweep import reporting, stack_sets, starting
from control_plane.sweep.collecting import PROGRESS
from control_plane.sweep.facts import Memory, Page, Progress, joined
from control_plane.sweep.inspecting import inspect
from control_plane.sweep.inventory import Inventory
from control_plane.sweep.papers import LASTING, MEMORY, PLAN, REPORT, keep_plan, kept_plan
from control_plane.sweep.planning import Plan, Rules, plan_sweep, why_partial
from control_plane.sweep.ports import Papers
from control_plane.sweep.reporting import End, Report

INSPECTED_AT_ONCE = 8


@dataclass(frozen=True)
class Office:
    """What the steps of a sweep work with. `repairs`: what drifted is repaired, not only shown."""

    terms: Terms
    hub: Hub
    papers: Papers
    policies: Shards
    brake: Brake
    world: World
    reconciles: Reconciles
    registry: Registry
    notifications: Notifications
    repairs: bool
    body: str  # the hash of what stack sets are made of


def make_plan(sweep_id: str, now: datetime, office: Office) -> Plan:
    """Compare what was read, write the plan down, and tell the brake what has to wait."""
    papers, brake = office.papers, office.brake
    progress = papers.get(sweep_id, PROGRESS, Progress) or Progress()
    memory = papers.get(LASTING, MEMORY, Memory) or Memory()
    partial = why_partial(progress, memory)
    profiles, fault = _profiles(office.world)
    read = joined(papers.every(sweep_id, "page#", Page))
    rules = Rules(
        terms=office.terms,
        hub=office.hub,
        profiles=profiles,
        held=brake.held().connections,
        recent=brake.revoked(),
        now=now,
        repairs=office.repairs,
        profiles_fault=fault,
    )
    built = stack_sets.built(office.body, profiles, office.hub)
    outdated = stack_sets.outdated(read.stack_sets, built)
    inventory = Inventory(read, office.policies.shards(), profiles, office.hub, outdated)
    plan = plan_sweep(read.accounts, inventory, progress, partial, rules)
    if progress.is_everything:
        recorded = (each.profile for each in read.records if each.profile)
        known = stack_sets.remembering(memory, built, read.stack_sets, recorded)
        differ = stack_sets.differences(read.stack_sets, None if fault else built, known)
        plan = plan.model_copy(update={"stack_sets": differ, "known": known})
    # Before anything is started: whoever asks for one of these from now on waits for approval.
    replaces = progress.is_everything and not partial
    brake.expect(frozenset(plan.hold) | (frozenset() if replaces else brake.expected()))
    keep_plan(sweep_id, plan, papers)
    return plan


def inspect_some(sweep_id: str, offset: int, now: datetime, office: Office) -> int | None:
    """Look at the next few accounts in full; answers from where to go on, None at the end."""
    turn = (office.papers.get(sweep_id, PLAN, Plan) or Plan()).deeply
    accounts = turn[offset : offset + INSPECTED_AT_ONCE]
    if accounts:
        found = inspect(accounts, office.terms, office.hub, office.world, now)
        office.papers.put(sweep_id, f"found#{offset:06}", found)
    following = offset + INSPECTED_AT_ONCE
    return following if following < len(turn) else None


def start_some(sweep_id: str, offset: int, office: Office) -> int | None:
    """Have the next few accounts of the plan looked at; answers from where to go on, None at the end."""
    plan = kept_plan(sweep_id, office.papers, repairs=office.repairs)
    following = starting.start(sweep_id, plan.start, offset, office.reconciles)
    return following if following < len(plan.start) else None


def finish(end: End, office: Office, *, is_patient: bool) -> Report | None:
    """Report, once what was started has come to rest or nobody waits any longer; None: not yet."""
    papers, registry, sweep_id = office.papers, office.registry, end.sweep_id
    plan = kept_plan(sweep_id, papers, repairs=office.repairs)
    progress = papers.get(sweep_id, PROGRESS, Progress) or Progress()
    moving = {each.account_id for each in registry.needing_attention("moving")}
    if is_patient and moving & {each.account_id for each in plan.start}:
        return None
    failed = {each.account_id for each in registry.needing_attention("failed")}
    report = reporting.report(end, progress.scope, plan, failed, moving)
    if papers.get(sweep_id, REPORT, Report) is None:  # else it was told already, and only the answer was lost
        if not report.is_quiet:
            office.notifications.send(*reporting.message(report))
        papers.put(sweep_id, REPORT, reporting.shortened(report))
    _remember(report, progress, plan.known, papers)
    if not moving:
        office.brake.expect(frozenset())  # whoever was to be held is held by now
    return report


def _remember(report: Report, progress: Progress, known: Memory, papers: Papers) -> None:
    papers.put(LASTING, "last", reporting.shortened(report))
    if progress.is_everything:
        before = papers.get(LASTING, MEMORY, Memory) or Memory()
        whole = before.whole if report.partial else progress.listed
        papers.put(LASTING, MEMORY, known.model_copy(update={"whole": whole, "listed": progress.listed}))


def _profiles(world: World) -> tuple[Mapping[str, Profile], str]:
    """The profiles, or why there are none: a broken file keeps no access alive."""
    try:
        return world.profiles(), ""
    except InvalidProfiles as fault:
        return {}, str(fault)
