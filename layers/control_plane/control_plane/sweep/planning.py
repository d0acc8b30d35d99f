"""What a sweep will do: which accounts are to be looked at, and what must wait. Pure: facts in, plan out.

A sweep changes nothing itself. It starts ReconcileAccount for whatever differs, which reads the account anew: so a
list that is old by then does no harm. What a list must never do is make many accounts lose their access at once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from control_plane.account import DEPARTED, Account, Hub
from control_plane.asking import Asked, Terms, Value, asked
from control_plane.brake import latest, limit, room
from control_plane.decision import Action, Step, desired, plan
from control_plane.errors import AccountNotReachable, InvalidTagValue
from control_plane.profiles import Profile
from control_plane.sweep.facts import Memory, Progress
from control_plane.sweep.inventory import Inventory

ADDITIONS = (Action.CONNECT, Action.REBUILD)
DEEPLY = 10  # one account in so many is looked at in full each time; as many sweeps reach every one


class Difference(Value):
    """An account that differs: what is to be done and why, for people; ReconcileAccount decides anew."""

    account_id: str
    name: str
    what: str
    profiles: tuple[str, ...] = ()  # of which something is there that nothing remembers


class Differences(Value):
    """Some of them, written down together."""

    items: tuple[Difference, ...] = ()


class Plan(Value):
    """What a sweep does about each connection it looked at, in numbers and names.

    `hold`: connections whose revocation waits for approval; `withheld`: not taken away, because the list of accounts
    is not whole; `shown`: differences nobody repairs by himself; `deeply`: accounts to be looked at in full;
    `profiles`: those with roles in accounts, when the sweep is of everything; `stack_sets`: how those with our names
    are not what was built, likewise; `known`: the profiles and bodies the next sweep is to know; `foreign`: entries of
    the access policy that are no consumer role's of ours; `unasked`: those that are, and nobody asks for them nor
    remembers them there.
    """

    partial: str = ""
    listed: int = 0
    in_step: int = 0
    start: tuple[Difference, ...] = ()
    hold: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    shown: tuple[Difference, ...] = ()
    failed: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()
    deeply: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    stack_sets: tuple[str, ...] = ()
    known: Memory = Memory()


@dataclass(frozen=True)
class Rules:
    """What a plan is made by, besides facts: the operator's terms, the profiles, and the brake's state.

    `profiles_fault`: why the profiles can't be read; then nothing is connected, and what is to go goes all the same.
    """

    terms: Terms
    hub: Hub
    profiles: Mapping[str, Profile]
    held: frozenset[str]
    recent: Mapping[str, datetime]
    now: datetime
    repairs: bool = True
    profiles_fault: str = ""


def why_partial(progress: Progress, memory: Memory) -> str:
    """Why the list of accounts is not to be trusted with removals; empty when it is.

    An organization that lost many accounts at once is believed the second time it says so.
    """
    if progress.partial or not progress.is_everything:
        return progress.partial
    fewer = memory.whole - progress.listed
    if fewer > limit(memory.whole) and progress.listed < memory.listed:
        return f"the list has {progress.listed} accounts, the last whole one had {memory.whole}"
    return ""


def plan_sweep(
    accounts: Iterable[Account], inventory: Inventory, progress: Progress, partial: str, rules: Rules
) -> Plan:
    """Compare every account with what is there. Accounts we know and the list does not have left the organization."""
    listed = {account.id: account for account in accounts}
    gone = inventory.accounts - set(listed) if progress.is_everything and not partial else set()
    everyone = [*listed.values(), *(Account(id=each, name=each, state=DEPARTED, tags={}) for each in sorted(gone))]
    sorter = _Sorter(inventory, rules, partial)
    for account in everyone:
        sorter.sort(account)
    profiles = {profile for _, profile in inventory.roles} if progress.is_everything else set()
    return sorter.plan(len(listed)).model_copy(update={"profiles": tuple(sorted(profiles))})


class _Sorter:
    """Sorts accounts into a plan, one at a time."""

    def __init__(self, inventory: Inventory, rules: Rules, partial: str) -> None:
        self._inventory, self._rules, self._partial = inventory, rules, partial
        self._lists: dict[str, list[str]] = {
            name: [] for name in ("withheld", "failed", "waiting", "orphans", "deeply", "unasked")
        }
        self._start: dict[str, Difference] = {}
        self._shown: dict[str, Difference] = {}
        self._counted: list[str] = []
        self._rebuilt: list[tuple[Account, Step]] = []
        self._in_step = 0

    def sort(self, account: Account) -> None:
        """Put one account where it belongs."""
        rules = self._rules
        if account.is_active and not account.is_placed:
            # No tag of its own, and nobody knows of which unit's tag: that look reads it, and decides.
            self._note(self._start, account, "look: where it stands in the organization could not be read")
            return
        try:
            wish = asked(account, rules.hub, rules.terms, rules.now)
        except (InvalidTagValue, AccountNotReachable) as error:
            self._refused(account, "", type(error).__name__, str(error))
            return
        if wish.words and rules.profiles_fault:
            self._refused(account, "", "InvalidProfiles", rules.profiles_fault)
            return
        self._compare(account, wish)

    def plan(self, listed: int) -> Plan:
        """Everything sorted. More removals than the brake lets go are all held, not the first few of them."""
        self._place_rebuilds()
        within, counted = latest(self._rules.recent, self._rules.now), set(self._counted)
        free = room(len(self._inventory.allowed), within, counted)
        hold = tuple(sorted(counted)) if len(counted - set(within)) > free else ()
        return Plan(
            partial=self._partial,
            listed=listed,
            in_step=self._in_step,
            start=tuple(self._start.values()),
            hold=hold,
            shown=tuple(self._shown.values()),
            odd=self._inventory.odd,
            foreign=self._inventory.foreign,
            **{name: tuple(each) for name, each in self._lists.items()},
        )

    def _compare(self, account: Account, wish: Asked) -> None:
        wanted = desired(wish, sorted(self._rules.profiles))
        seen = self._inventory.observed(account, wanted.profiles)
        steps = plan(wanted, seen, self._rules.terms, self._rules.now)
        if wish.denied and not steps:
            self._refused(account, "", "AccountNotActive", wish.reason)
        for step in steps:
            self._sort_step(account, step)
        is_connected = any(each.recorded == "connected" for each in seen.values())
        if is_connected and account.id not in self._start and _is_its_turn(account.id, self._rules.now):
            self._lists["deeply"].append(account.id)

    def _sort_step(self, account: Account, step: Step) -> None:
        key = f"{account.id}#{step.profile}"
        if step.action is Action.NOTHING:
            self._in_step += 1
        elif step.action is Action.REFUSE:
            self._refused(account, step.profile, step.error, step.reason)
        elif step.action in ADDITIONS:
            self._add(account, step, key)
        else:
            self._remove(account, step, key)

    def _refused(self, account: Account, profile: str, error: str, why: str) -> None:
        """What failed like this before is not begun again: somebody has to change something first."""
        if self._inventory.failure_of(account.id, profile) == error:
            self._lists["failed"].append(f"{account.id}#{profile}" if profile else account.id)
        else:
            self._note(self._start, account, f"refuse: {why}")

    def _add(self, account: Account, step: Step, key: str) -> None:
        record = self._inventory.records.get((account.id, step.profile))
        is_behind = self._inventory.is_behind(account.id, step.profile)  # no drift, so it is not left alone as one
        is_drift = record is not None and record.status == "connected" and not is_behind
        if record and record.status == "failed":
            self._lists["failed"].append(key)  # and tried again
        if step.action is Action.REBUILD:
            self._rebuilt.append((account, step))
        else:
            self._note(self._shown if is_drift and not self._rules.repairs else self._start, account, _words(step))

    def _place_rebuilds(self) -> None:
        """A role that is built anew loses its access for a while, so many at once are only shown.

        Not all roles were changed by hand in a day: some rule of the organization, or CloudFormation, changed its mind.
        """
        few = len(self._rebuilt) <= limit(len(self._inventory.allowed))
        for account, step in self._rebuilt:
            self._note(self._start if few and self._rules.repairs else self._shown, account, _words(step))

    def _remove(self, account: Account, step: Step, key: str) -> None:
        forgotten = self._inventory.is_orphan(account.id, step.profile)
        if forgotten:
            self._lists["orphans"].append(key)
        if self._inventory.is_unasked(account.id, step.profile):
            self._lists["unasked"].append(key)
        if self._partial:
            self._lists["withheld"].append(key)
            return
        allowed = (account.id, step.profile) in self._inventory.allowed
        if allowed and not step.gone and key in self._rules.held:
            self._lists["waiting"].append(key)
            return
        if allowed and not step.gone:
            self._counted.append(key)
        self._note(self._start, account, _words(step), (step.profile,) if forgotten else ())

    @staticmethod
    def _note(where: dict[str, Difference], account: Account, what: str, profiles: tuple[str, ...] = ()) -> None:
        before = where.get(account.id)
        if before:
            what, profiles = f"{before.what}; {what}", (*before.profiles, *profiles)
        where[account.id] = Difference(account_id=account.id, name=account.name, what=what, profiles=profiles)


def _words(step: Step) -> str:
    return f"{step.action.value} {step.profile}: {step.reason}"


def _is_its_turn(account_id: str, now: datetime) -> bool:
    """A tenth of the accounts, another one each day."""
    return (int(account_id) + now.toordinal()) % DEEPLY == 0
