"""Plan a sweep: which accounts to reconcile, and which revocations have to wait. Pure.

A sweep changes nothing itself. It starts ReconcileAccount for every account that differs, which reads the account
again, so an outdated list does no harm. But a list must never make many accounts lose their access at once.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import Field

from control_plane.account import DEPARTED, Account, Hub, has_turn
from control_plane.decision import Action, PlannedAction, desired, needs_parents, plan
from control_plane.errors import AccountNotActive, AccountNotReachable, InvalidExpiry, InvalidProfiles, InvalidTagValue
from control_plane.grant_budget import GrantState, waiting
from control_plane.opt_in import OptInPolicy, OptInRequest, Value, read_opt_in
from control_plane.profiles import Profile
from control_plane.publications import is_reader
from control_plane.revocation_budget import latest, limit, remaining
from control_plane.sweep.inventory import Inventory
from control_plane.sweep.snapshot import Baseline, SnapshotProgress

ADDITIONS = (Action.CONNECT, Action.REBUILD)
CONNECTED, RESTORED, REPAIRED = "connected", "restored", "repaired"
QUARANTINED, REMOVED, REFUSED = "quarantined", "removed", "refused"
OUTCOMES = {  # of planned actions; connect has several
    Action.REBUILD: REPAIRED,
    Action.QUARANTINE: QUARANTINED,
    Action.DISCONNECT: REMOVED,
    Action.FORGET: REMOVED,
    Action.REFUSE: REFUSED,
}
RETURNING = ("held", "quarantined", "disconnecting")  # statuses of connections that a returning tag restores
LONGEST_REASON = 300  # characters of a reason in a plan
LONGEST_WHAT = 1000  # characters of what is to be done about an account
PARENTS_UNKNOWN = "assess: its parents in the organization could not be read"
REPORTED = 100  # items of each list that a report keeps


class Expected(Value):
    """What a reconcile is expected to do about a connection (no profile: about the account): its outcome, and why."""

    profile: str
    outcome: str
    reason: str


class Difference(Value):
    """An account that differs: what to do and why, for people. ReconcileAccount decides again."""

    account_id: str
    name: str
    what: str
    profiles: tuple[str, ...] = ()  # profiles that have resources but no record
    expected: tuple[Expected, ...] = ()


class Differences(Value):
    """Several differences, stored together."""

    items: tuple[Difference, ...] = ()


class SweepPlan(Value):
    """What a sweep does about the connections it compared, in numbers and names.

    `hold`: connections whose revocation waits for approval. `awaiting`: new connections that wait for approval, by the
    OU or the root whose tag asks for them; none of a unit: no more are waiting. `withheld`: not removed, because the
    list of accounts is incomplete. `reported_only`: differences that are not repaired. `full_check`: accounts to check
    in full. `findings`: what a connection lacks that works all the same (a part of its profile in Quick, a place for a
    publisher), by connection. `profiles`: those with roles in accounts, in a sweep of everything. `stack_sets`: how
    stack sets with our names differ from what was built. `known`: the baseline for the next sweep.
    `unexpected_entries`: entries of the access policy that are not a consumer role of ours. `unrequested`: consumer
    roles of ours in the access policy that must not have access. `unmanaged`: resources with our names that are not
    ours. `reported_before`: those of them that an earlier sweep reported. `names`: of the accounts that the report
    names.
    """

    partial: str = ""
    listed: int = 0
    in_sync: int = 0
    start: tuple[Difference, ...] = ()
    hold: tuple[str, ...] = ()
    awaiting: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    awaiting_count: int = 0
    withheld: tuple[str, ...] = ()
    reported_only: tuple[Difference, ...] = ()
    failed: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()
    unmanaged: tuple[str, ...] = ()
    reported_before: tuple[str, ...] = ()
    malformed: tuple[str, ...] = ()
    findings: Mapping[str, str] = Field(default_factory=dict)
    unexpected_entries: tuple[str, ...] = ()
    unrequested: tuple[str, ...] = ()
    full_check: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    stack_sets: tuple[str, ...] = ()
    known: Baseline = Baseline()
    names: Mapping[str, str] = Field(default_factory=dict)

    def without_long_lists(self) -> "SweepPlan":
        """The plan with no more new connections that wait than a report names: it is stored in one item."""
        shown = {unit: keys[:REPORTED] for unit, keys in list(self.awaiting.items())[:REPORTED]}
        return self.model_copy(update={"awaiting": shown})


@dataclass(frozen=True)
class PlanningRules:
    """What a plan depends on besides the snapshot: the operator's settings, the profiles and the revocation budget.

    `profiles_fault`: why the profiles can't be read. Then nothing is connected, but removals are made all the same.
    `publishing_changed`: profiles publish other things, or to others, than at the last sweep of everything.
    """

    opt_in_policy: OptInPolicy
    hub: Hub
    profiles: Mapping[str, Profile]
    held: frozenset[str]
    recent: Mapping[str, datetime]
    now: datetime
    repairs: bool = True
    profiles_fault: str = ""
    publishing_changed: bool = False
    grants: GrantState = field(default_factory=GrantState)


def why_partial(progress: SnapshotProgress, baseline: Baseline) -> str:
    """Why the list of accounts must not lead to removals; empty when it may.

    If many accounts are missing at once, only the second list in a row that lacks them is believed.
    """
    if progress.partial or not progress.is_everything:
        return progress.partial
    fewer = baseline.complete - progress.listed
    if fewer > limit(baseline.complete) and progress.listed < baseline.listed:
        return f"the list has {progress.listed} accounts, the last complete one had {baseline.complete}"
    return ""


def plan_sweep(
    accounts: Iterable[Account], inventory: Inventory, progress: SnapshotProgress, partial: str, rules: PlanningRules
) -> SweepPlan:
    """Compare every account with its observed state. Known accounts missing in a complete list have left."""
    listed = {account.id: account for account in accounts}
    gone = inventory.accounts - set(listed) if progress.is_everything and not partial else set()
    everyone = [*listed.values(), *(Account(id=each, name=each, state=DEPARTED, tags={}) for each in sorted(gone))]
    planner = _Planner(inventory, rules, progress, partial)
    for account in everyone:
        planner.add(account)
    if progress.is_everything and not partial:
        for account_id in sorted(inventory.claims - set(listed) - inventory.accounts):
            planner.clear(account_id)
    profiles = {profile for _, profile in inventory.roles} if progress.is_everything else set()
    return planner.plan(len(listed)).model_copy(update={"profiles": tuple(sorted(profiles))})


class _Planner:
    """Builds a plan, one account at a time."""

    def __init__(self, inventory: Inventory, rules: PlanningRules, progress: SnapshotProgress, partial: str) -> None:
        self._inventory, self._rules, self._progress, self._partial = inventory, rules, progress, partial
        self._lists: dict[str, list[str]] = {
            name: [] for name in ("withheld", "failed", "waiting", "orphans", "full_check", "unrequested")
        }
        self._start: dict[str, Difference] = {}
        self._reported_only: dict[str, Difference] = {}
        self._counted: list[str] = []
        self._rebuilt: list[tuple[Account, PlannedAction]] = []
        self._new: dict[str, list[tuple[Account, PlannedAction]]] = defaultdict(list)  # by unit
        self._in_sync = 0
        self._names: dict[str, str] = {}

    def add(self, account: Account) -> None:
        """Add one account to the plan."""
        rules = self._rules
        self._names[account.id] = account.name
        if account.is_active and not account.is_placed:
            # It has no tag of its own and its parents are not known: its reconcile reads them.
            self._note(self._start, account, PARENTS_UNKNOWN)
            return
        try:
            request = read_opt_in(account, rules.hub, rules.opt_in_policy, rules.now)
        except (InvalidTagValue, InvalidExpiry, AccountNotReachable) as error:
            self._refused(account, "", type(error).__name__, str(error))
            return
        if request.profile_names and rules.profiles_fault:
            self._refused(account, "", InvalidProfiles.__name__, rules.profiles_fault)
            return
        self._compare(account, request)

    def clear(self, account_id: str) -> None:
        """Start an account that is neither in the organization nor ours: its reconcile deletes its claim."""
        account = Account(id=account_id, name=account_id, state=DEPARTED, tags={})
        self._note(self._start, account, "clear its claim: it is not in the organization, and nothing of ours is left")

    def plan(self, listed: int) -> SweepPlan:
        """The finished plan. If the removals exceed the revocation budget, all of them are held, not only some."""
        self._place_rebuilds()
        awaiting = self._place_new_connections()
        within, counted = latest(self._rules.recent, self._rules.now), set(self._counted)
        free = remaining(len(self._inventory.allowed), within, counted)
        findings = dict(sorted(self._inventory.findings.items())[:REPORTED])
        hold = tuple(sorted(counted)) if len(counted - set(within)) > free else ()
        return SweepPlan(
            partial=self._partial,
            listed=listed,
            in_sync=self._in_sync,
            start=tuple(self._start.values()),
            hold=hold,
            awaiting=awaiting,
            awaiting_count=sum(map(len, awaiting.values())),
            reported_only=tuple(self._reported_only.values()),
            malformed=self._inventory.malformed,
            findings=findings,
            unexpected_entries=self._inventory.unexpected_entries,
            names=self._reported_names(
                *self._lists.values(), list(hold), list(findings), *map(list, awaiting.values())
            ),
            **{name: tuple(each) for name, each in self._lists.items()},
        )

    def _reported_names(self, *lists: list[str]) -> dict[str, str]:
        keys = {key for each in lists for key in (*each[:REPORTED], *sorted(each)[:REPORTED])}
        accounts = sorted({key.partition("#")[0] for key in keys})
        return {each: self._names[each] for each in accounts if self._names.get(each, each) != each}

    def _compare(self, account: Account, request: OptInRequest) -> None:
        if needs_parents(request, account, self._rules.profiles):
            self._note(self._start, account, PARENTS_UNKNOWN)
            return
        wanted = desired(request, account, self._rules.profiles)
        seen = self._inventory.observed(account, wanted.profiles, wanted.fitted)
        actions = plan(wanted, seen, self._rules.opt_in_policy, self._rules.now)
        if request.denied and not actions:
            self._refused(account, "", AccountNotActive.__name__, request.reason)
        for planned in actions:
            self._sort_action(account, planned)
        is_connected = any(each.recorded == "connected" for each in seen.values())
        if is_connected and account.id not in self._start and self._is_due(account):
            self._lists["full_check"].append(account.id)

    def _is_due(self, account: Account) -> bool:
        """Whether it is the account's turn, or the lists cannot tell whether it reads what it is to read."""
        rules = self._rules
        is_turn = rules.publishing_changed or has_turn(account.id, rules.now)
        return is_turn or is_reader(account.id, account.above, rules.profiles)

    def _sort_action(self, account: Account, planned: PlannedAction) -> None:
        key = f"{account.id}#{planned.profile}"
        if planned.action is Action.NOTHING:
            self._in_sync += 1
        elif planned.action is Action.REFUSE:
            self._refused(account, planned.profile, planned.error, planned.reason)
        elif planned.action in ADDITIONS:
            self._add(account, planned, key)
        else:
            self._remove(account, planned, key)

    def _refused(self, account: Account, profile: str, error: str, why: str) -> None:
        """An account that failed with the same error before is not started again: somebody has to fix it first."""
        if self._inventory.failure_of(account.id, profile) == error:
            self._lists["failed"].append(f"{account.id}#{profile}" if profile else account.id)
        else:
            expected = Expected(profile=profile, outcome=REFUSED, reason=why[:LONGEST_REASON])
            self._note(self._start, account, f"refuse: {why}", expected)

    def _add(self, account: Account, planned: PlannedAction, key: str) -> None:
        record = self._inventory.records.get((account.id, planned.profile))
        is_behind = self._inventory.is_behind(account.id, planned.profile)  # no drift: always repaired
        is_drift = record is not None and record.status == "connected" and not is_behind
        if record and record.status == "failed":
            self._lists["failed"].append(key)  # it is also tried again
        if planned.action is Action.REBUILD:
            self._rebuilt.append((account, planned))
        elif planned.unit:
            self._new[planned.unit].append((account, planned))
        else:
            where = self._reported_only if is_drift and not self._rules.repairs else self._start
            self._note(where, account, _describe(planned), self._expected(account, planned))

    def _place_rebuilds(self) -> None:
        """A role loses its access while it is rebuilt. So if many roles drifted at once, they are only reported.

        Nobody changes that many roles by hand in a day: a policy of the organization, or CloudFormation, did it.
        """
        few = len(self._rebuilt) <= limit(len(self._inventory.allowed))
        for account, planned in self._rebuilt:
            where = self._start if few and self._rules.repairs else self._reported_only
            self._note(where, account, _describe(planned), self._expected(account, planned))

    def _place_new_connections(self) -> dict[str, tuple[str, ...]]:
        """Start the new connections that the grant budget allows. Returns those that wait for approval, by unit."""
        awaiting = {}
        for unit in sorted({*self._new, *self._rules.grants.held}):
            requested = {f"{account.id}#{planned.profile}": (account, planned) for account, planned in self._new[unit]}
            is_complete = not self._partial and (self._progress.is_everything or unit in self._progress.scope)
            waits = waiting(unit, sorted(requested), self._rules.grants, is_complete=is_complete)
            if waits or is_complete:
                awaiting[unit] = waits
            for key in sorted(set(requested) - set(waits)):
                account, planned = requested[key]
                self._note(self._start, account, _describe(planned), self._expected(account, planned))
        return awaiting

    def _remove(self, account: Account, planned: PlannedAction, key: str) -> None:
        is_orphan = self._inventory.is_orphan(account.id, planned.profile)
        if is_orphan:
            self._lists["orphans"].append(key)
        if self._inventory.is_unrequested(account.id, planned.profile):
            self._lists["unrequested"].append(key)
        if self._partial:
            self._lists["withheld"].append(key)
            return
        allowed = (account.id, planned.profile) in self._inventory.allowed
        if allowed and not planned.account_inactive and key in self._rules.held:
            self._lists["waiting"].append(key)
            return
        if allowed and not planned.account_inactive:
            self._counted.append(key)
        expected = self._expected(account, planned)
        self._note(self._start, account, _describe(planned), expected, (planned.profile,) if is_orphan else ())

    def _expected(self, account: Account, planned: PlannedAction) -> Expected:
        """What the planned action leads to, if nothing changes meanwhile."""
        record = self._inventory.records.get((account.id, planned.profile))
        status = record.status if record else ""
        outcome = OUTCOMES.get(planned.action, CONNECTED)
        if outcome == CONNECTED and status in RETURNING:
            outcome = RESTORED
        elif outcome == CONNECTED and (
            status == "connected" or (account.id, planned.profile) in self._inventory.allowed
        ):
            outcome = REPAIRED
        return Expected(profile=planned.profile, outcome=outcome, reason=planned.reason[:LONGEST_REASON])

    @staticmethod
    def _note(
        where: dict[str, Difference],
        account: Account,
        what: str,
        expected: Expected | None = None,
        profiles: tuple[str, ...] = (),
    ) -> None:
        before = where.get(account.id) or Difference(account_id=account.id, name=account.name, what="")
        where[account.id] = Difference(
            account_id=account.id,
            name=account.name,
            what=(f"{before.what}; {what}" if before.what else what)[:LONGEST_WHAT],
            profiles=(*before.profiles, *profiles),
            expected=(*before.expected, *([expected] if expected else [])),
        )


def _describe(planned: PlannedAction) -> str:
    return f"{planned.action.value} {planned.profile}: {planned.reason}"
