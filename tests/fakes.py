"""One in-memory class for each port: the world a test sets up, and what was done to it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from control_plane.access_policy import Quota, Shard
from control_plane.account import ACTIVE, Account, Connection, Hub
from control_plane.aws.ledger import LEASE, READ_LAG
from control_plane.dependents import Asset
from control_plane.errors import AccountNotFound, NotOurs
from control_plane.ports import (
    GONE,
    Attention,
    DataSource,
    DataSourceSettings,
    HeldPlan,
    Listing,
    OperationStatus,
    Page,
    PendingChange,
    Record,
    Refusal,
    RefusedChange,
    Sharing,
    StackInstance,
    Wish,
    Wishes,
)

UNDER_WAY = {"creating": "creation_failed", "updating": "update_failed"}
QUOTA = Quota(policy_size=6144, policies_per_role=20, versions_per_policy=5)


class FakeOrganization:
    """Port `Organization`."""

    def __init__(self, *accounts: Account) -> None:
        self.accounts = {account.id: account for account in accounts}

    def account(self, account_id: str, opt_in_tag: str) -> Account:  # noqa: ARG002 - the unit is written in
        """One account with its tags and the unit that counts; or AccountNotFound."""
        if account_id not in self.accounts:
            raise AccountNotFound(f"no account {account_id}")
        return self.accounts[account_id]

    def is_active(self, account_id: str) -> bool:
        """Whether the account is in the organization, and active."""
        return account_id in self.accounts and self.accounts[account_id].state == ACTIVE


@dataclass
class Operation:
    """A deployment to one account, or a removal from it; it ends after so many ticks."""

    account_id: str
    parameters: Mapping[str, str]
    ticks: int
    failure: str = ""
    removes: bool = False
    retain: bool = False
    updates: bool = False


class FakeStackSets:
    """Port `StackSets`; `tick` lets time pass for operations, `failing` names accounts whose stacks fail, and why.

    `keeping`: accounts whose instances stay although they are to be forgotten.
    """

    def __init__(self, hub: Hub, ticks: int = 1) -> None:
        self._hub, self._ticks = hub, ticks
        self.tags: dict[str, Mapping[str, str]] = {}
        self.instances: dict[tuple[str, str], StackInstance] = {}
        self.operations: dict[tuple[str, str], Operation] = {}
        self.failing: dict[str, str] = {}
        self.keeping: set[str] = set()
        self.body = "built"
        self.definitions: dict[str, tuple[str, Mapping[str, str]]] = {}

    def ensure_stack_set(self, name: str, parameters: Mapping[str, str]) -> bool:
        """Create the stack set when it is missing; raises NotOurs when a stranger's has its name."""
        if not self._hub.mark.items() <= self.tags.setdefault(name, self._hub.mark).items():
            raise NotOurs(f"the stack set {name} is a stranger's")
        self.definitions.setdefault(name, (self.body, dict(parameters)))
        return self.is_defined(name, parameters)

    def is_defined(self, name: str, parameters: Mapping[str, str]) -> bool:
        """Whether the stack set's body and parameters are what was built; one nobody looked at counts as such."""
        built = self.body, dict(parameters)
        return self.definitions.get(name, built) == built

    def start_update(self, name: str, account_id: str, parameters: Mapping[str, str] | None, operation_id: str) -> None:
        """Bring the account's instance to the definition; a new definition leaves all others behind it."""
        if (name, operation_id) in self.operations:
            return
        if parameters is not None:
            self.definitions[name] = self.body, dict(parameters)
            for place, each in self.instances.items():
                self.instances[place] = replace(each, is_current=each.is_current and place[0] != name)
        self.operations[name, operation_id] = Operation(account_id, {}, self._ticks, updates=True)
        if there := self.instances.get((name, account_id)):
            self.instances[name, account_id] = replace(
                there, is_current=False, in_progress=True, operation_id=operation_id
            )

    def instance(self, name: str, account_id: str) -> StackInstance | None:
        """The account's instance, or None."""
        return self.instances.get((name, account_id))

    def operation(self, name: str, operation_id: str) -> OperationStatus:
        """How an operation stands."""
        found = self.operations.get((name, operation_id))
        if found is None:
            return OperationStatus.UNKNOWN
        return OperationStatus.RUNNING if found.ticks > 0 else OperationStatus.ENDED

    def failure(self, name: str, operation_id: str, account_id: str) -> str:
        """Why an operation left the account without a current instance."""
        operation = self.operations[name, operation_id]
        assert operation.account_id == account_id
        return f"FAILED: {operation.failure}"

    def start_deployment(
        self, name: str, account_id: str, parameters: Mapping[str, str], operation_id: str, *, exists: bool
    ) -> None:
        """Create (or, when it `exists`, update) the account's instance; the operation id makes it idempotent."""
        if (name, operation_id) in self.operations:
            return
        assert exists == ((name, account_id) in self.instances), "create and update are two calls of CloudFormation"
        self.operations[name, operation_id] = Operation(account_id, dict(parameters), self._ticks)
        self.instances[name, account_id] = StackInstance(
            is_current=False, in_progress=True, parameters=dict(parameters), operation_id=operation_id, reason=""
        )

    def check_mark(self, name: str) -> None:
        """Raise NotOurs when a stranger's has its name."""
        if not self._hub.mark.items() <= self.tags.get(name, self._hub.mark).items():
            raise NotOurs(f"the stack set {name} is a stranger's")

    def start_removal(self, name: str, account_id: str, operation_id: str, *, retain: bool) -> None:
        """Delete the account's instance; the operation id makes it idempotent."""
        if (name, operation_id) in self.operations:
            return
        self.operations[name, operation_id] = Operation(account_id, {}, self._ticks, removes=True, retain=retain)
        place = name, account_id
        self.instances[place] = replace(
            self.instances[place], is_current=False, in_progress=True, operation_id=operation_id
        )

    def tick(self) -> None:
        """Let every running operation come nearer its end, and its account's instance with it."""
        for (name, _), operation in self.operations.items():
            operation.ticks -= 1
            if operation.ticks == 0:
                self._end((name, operation.account_id), operation)

    def _end(self, place: tuple[str, str], operation: Operation) -> None:
        reason = operation.failure = self.failing.get(operation.account_id, "")
        if operation.removes and not reason and operation.account_id not in self.keeping:
            del self.instances[place]
            return
        if operation.updates and place not in self.instances:
            return
        is_current = not reason and not operation.removes
        self.instances[place] = replace(self.instances[place], is_current=is_current, in_progress=False, reason=reason)


@dataclass(frozen=True)
class Policy:
    """One shard as IAM keeps it: a policy made anew gets a new id and counts its versions from one."""

    policy_id: str
    number: int
    entries: tuple[str, ...]

    @property
    def version(self) -> str:
        """The port's version."""
        return f"{self.policy_id}/v{self.number}"


class FakeAccessPolicies:
    """Port `AccessPolicies`; after each write, `lag` reads still show what was before."""

    def __init__(self, *shards: Shard, quota: Quota = QUOTA, lag: int = 0) -> None:
        self._quota, self.lag = quota, lag
        self._made = 0
        self._policies: dict[int, Policy] = {}
        for shard in shards:
            self._put(shard)
        self._old, self._old_reads = self._policies, 0
        self._versions: dict[str, str] = {}
        self.written: list[Shard] = []
        self.tidied: list[frozenset[int]] = []

    @property
    def entries(self) -> frozenset[str]:
        """Every entry truly in force."""
        return frozenset(entry for policy in self._policies.values() for entry in policy.entries)

    def quota(self) -> Quota:
        """What IAM grants this account."""
        return self._quota

    def shards(self) -> list[Shard]:
        """The shards in force, or what was in force before the last write."""
        shown = self._old if self._old_reads else self._policies
        self._old_reads = max(0, self._old_reads - 1)
        self._versions = {Shard(number, ()).name: policy.version for number, policy in shown.items()}
        return [Shard(number, policy.entries) for number, policy in sorted(shown.items())]

    def versions(self) -> Mapping[str, str]:
        """Version in force by shard name, as of the last `shards`."""
        return self._versions

    def write(self, shard: Shard) -> str:
        """Put one shard in force (or away, when it has no entries); answers the version now in force."""
        if not self._old_reads:
            self._old = dict(self._policies)
        self._old_reads = self.lag
        self.written.append(shard)
        if shard.entries:
            return self._put(shard).version
        self._policies.pop(shard.number, None)
        return GONE

    def tidy(self, standing: Collection[int]) -> None:
        """What would be deleted is noted by what stands."""
        self.tidied.append(frozenset(standing))

    def show_once(self, old: Policy, number: int = 1) -> None:
        """Let the next read still show this policy as one shard."""
        self._old, self._old_reads = {**self._policies, number: old}, 1

    def _put(self, shard: Shard) -> Policy:
        before = self._policies.get(shard.number)
        self._made += before is None
        policy_id, number = (before.policy_id, before.number + 1) if before else (f"ANPA{self._made}", 1)
        self._policies[shard.number] = Policy(policy_id, number, tuple(sorted(shard.entries)))
        return self._policies[shard.number]


class FakeAccessLedger:
    """Port `AccessLedger`; `odd`: items among the pending changes that are none."""

    def __init__(self) -> None:
        self.wishes: dict[str, Wish] = {}
        self.odd: dict[str, RefusedChange] = {}
        self._since: dict[str, str] = {}
        self.holder: str | None = None
        self._expires = datetime.min.replace(tzinfo=UTC)
        self._left: dict[str, str] = {}
        self._left_at: datetime | None = None

    def ask(self, wish: Wish, now: str) -> None:
        """Note one wish; a later generation's replaces it."""
        key = wish.connection.key
        before = self.wishes.get(key)
        if before is None:
            self._since[key] = now
        if key not in self.odd and (before is None or before.generation <= wish.generation):
            self.wishes[key] = wish

    def pending(self) -> Wishes:
        """Everything asked for and not applied."""
        changes = tuple(PendingChange(wish, self._since[key]) for key, wish in self.wishes.items())
        return Wishes(changes, tuple(self.odd.values()))

    def applied(self, changes: Collection[PendingChange]) -> None:
        """Forget changes that hold now, unless they were replaced meanwhile."""
        for each in changes:
            if each.key in self.wishes and self.wishes[each.key].generation == each.wish.generation:
                del self.wishes[each.key]

    def refuse(self, changes: Collection[RefusedChange]) -> None:
        """Forget items that are no change."""
        for each in changes:
            self.odd.pop(each.key, None)

    def acquire(self, holder: str, now: str) -> bool:
        """Become the one writer; False while another one is."""
        moment = datetime.fromisoformat(now)
        if self.holder not in (None, holder) and moment <= self._expires:
            return False
        self.holder, self._expires = holder, moment + LEASE
        return True

    def holds(self, holder: str) -> bool:
        """Whether the holder still is the one writer."""
        return self.holder == holder

    def written(self, now: str) -> Mapping[str, str]:
        """The versions recent writers left, by shard name."""
        if self._left_at is None or self._left_at < datetime.fromisoformat(now) - READ_LAG:
            return {}
        return dict(self._left)

    def release(self, holder: str, versions: Mapping[str, str], now: str) -> None:
        """Let others write, and say what was left."""
        if self.holder != holder:
            return
        self._left = {**self.written(now), **versions}
        if versions:
            self._left_at = datetime.fromisoformat(now)
        self.holder = None


class FakeBrake:
    """Port `Brake`."""

    def __init__(self) -> None:
        self.went: dict[str, datetime] = {}
        self.plan = HeldPlan()
        self.plans: dict[str, frozenset[str]] = {}
        self.gone: set[str] = set()
        self.waiting: frozenset[str] = frozenset()
        self._tokens: dict[str, str] = {}
        self._asked = True

    def revoked(self) -> Mapping[str, datetime]:
        """When each counted revocation of the last while went."""
        return dict(self.went)

    def count(self, connections: Collection[str], now: str) -> None:
        """Counted revocations go now."""
        self.went.update(dict.fromkeys(connections, datetime.fromisoformat(now)))

    def expected(self) -> frozenset[str]:
        """Connections whose revocation has to wait."""
        return self.waiting

    def expect(self, connections: Collection[str]) -> None:
        """These, and no others."""
        self.waiting = frozenset(connections)

    def held(self) -> HeldPlan:
        """The revocations that wait for approval."""
        return self.plan

    def hold(self, connections: Collection[str], now: str) -> HeldPlan | None:
        """These wait for approval now, and no others."""
        if self.plan.connections != frozenset(connections):
            before, number = self.plan, len(self.plans) + 1
            stale = self._tokens.get(before.id, before.stale_token)
            self.plan = HeldPlan(f"{number}-{now}", frozenset(connections), stale_token=stale)
            self.plans[self.plan.id] = self.plan.connections
            self._asked = False
        return None if self._asked else self.plan

    def asked(self, plan: HeldPlan) -> None:
        """People are being asked about that plan."""
        self._asked = plan.id == self.plan.id

    def approvable(self, plan_id: str, token: str) -> HeldPlan | None:
        """Remember what approves a plan and answer the plan; None when it was replaced meanwhile."""
        if plan_id != self.plan.id or not self.plan.connections:
            return None
        self._tokens[plan_id] = token
        return self.plan

    def listed(self, plan_id: str) -> Sequence[str]:
        """The connections of a plan, in order."""
        return sorted(self.plans[plan_id])

    def released(self, plan_id: str) -> None:
        """An approved plan's revocations have gone."""
        self.gone.add(plan_id)
        self.waiting -= self.plans[plan_id]

    def is_released(self, plan_id: str) -> bool:
        """Whether they have."""
        return plan_id in self.gone


class FakeExemptions:
    """Port `Exemptions`: whose revocation takes nothing from anybody; `broken`: nobody can tell."""

    def __init__(self) -> None:
        self.exempt: set[str] = set()
        self.broken = False
        self.asked: list[str] = []

    def is_exempt(self, connection: Connection) -> bool:
        """Whether it is so."""
        self.asked.append(connection.key)
        if self.broken:
            raise ConnectionError("no network")
        return connection.key in self.exempt


class FakeOddities:
    """Port `Oddities`: what was told, in order."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.entries: list[str] = []

    def refused(self, changes: Sequence[RefusedChange]) -> None:
        """Pending changes that are none."""
        self.keys += [each.key for each in changes]

    def unexpected(self, entries: Sequence[str]) -> None:
        """Entries of the access policy that are no consumer role's of ours."""
        self.entries += entries


class FakeApprovals:
    """Port `Approvals`: the plans people were asked about, and the tokens refused from then on."""

    def __init__(self) -> None:
        self.plans: list[HeldPlan] = []
        self.refused: list[str] = []

    def ask(self, plan: HeldPlan) -> None:
        """Ask about the plan, unless it is empty."""
        if plan.stale_token:
            self.refused.append(plan.stale_token)
        if plan.connections:
            self.plans.append(plan)


@dataclass
class Source:
    """One data source as Quick keeps it."""

    name: str
    settings: DataSourceSettings
    state: str
    sharing: Sharing
    tags: Mapping[str, str]
    failure_type: str = ""
    failure: str = ""


class FakeDataSources:
    """Port `DataSources`; `tick` ends what is in progress, with the next of `refusals` (type, message) or well.

    Creating and updating is answered with the next of `answers`; without one they begin.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.sources: dict[str, Source] = {}
        self.refusals: list[tuple[str, str]] = []
        self.answers: list[Refusal | None] = []
        self.calls: list[str] = []

    def find(self, data_source_id: str) -> DataSource | None:
        """The data source, or None."""
        found = self.sources.get(data_source_id)
        if found is None:
            return None
        state = "in_progress" if found.state in UNDER_WAY else found.state
        kept = found.name, found.settings, found.sharing, found.tags, found.failure_type, found.failure
        return DataSource(state, *kept)

    def create(self, data_source_id: str, name: str, settings: DataSourceSettings, sharing: Sharing) -> Refusal | None:
        """Begin to create it."""
        self.calls.append("create")
        if refusal := self._answer():
            return refusal
        self.sources.setdefault(data_source_id, Source(name, settings, "creating", sharing, self._hub.mark))
        return None

    def share(self, data_source_id: str, sharing: Sharing) -> None:
        """Share it with exactly these groups."""
        self.calls.append("share")
        self.sources[data_source_id].sharing = sharing

    def update(self, data_source_id: str, name: str, settings: DataSourceSettings) -> Refusal | None:
        """Begin to change its name and where its queries run."""
        self.calls.append("update")
        if refusal := self._answer():
            return refusal
        source = self.sources[data_source_id]
        source.name, source.settings, source.state = name, settings, "updating"
        return None

    def _answer(self) -> Refusal | None:
        return self.answers.pop(0) if self.answers else None

    def remove(self, data_source_id: str) -> None:
        """Delete it; one that is gone already is no error."""
        self.calls.append("remove")
        self.sources.pop(data_source_id, None)

    def tick(self) -> None:
        """End every creation and update under way."""
        for source in self.sources.values():
            if ended := UNDER_WAY.get(source.state):
                refused = self.refusals.pop(0) if self.refusals else None
                source.state = ended if refused else "successful"
                source.failure_type, source.failure = refused or ("", "")


class FakeQuickAssets:
    """Port `QuickAssets`: assets with what they use and who owns them, so many on a page; counts the calls."""

    def __init__(self, *assets: Asset, page: int = 100) -> None:
        self.made = {(asset.kind, asset.id): asset for asset in assets}
        self._page = page
        self.calls: list[str] = []

    def page(self, kind: str, token: str) -> Page:
        """One page of all assets of a kind."""
        self.calls.append(f"list {kind}")
        listed = [replace(asset, uses=None, owners=()) for (of, _), asset in self.made.items() if of == kind]
        start = int(token or 0)
        following = start + self._page
        return Page(tuple(listed[start:following]), str(following) if following < len(listed) else "")

    def uses(self, kind: str, asset_id: str) -> tuple[str, ...]:
        """ARNs of what an asset is made of."""
        self.calls.append(f"describe {asset_id}")
        found = self.made.get((kind, asset_id))
        return found.uses or () if found else ()

    def owners(self, kind: str, asset_id: str) -> tuple[str, ...]:
        """Who may say who sees an asset."""
        self.calls.append(f"owners {asset_id}")
        found = self.made.get((kind, asset_id))
        return found.owners if found else ()


class FakeAssetCache:
    """Port `AssetCache`."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], Asset] = {}
        self._listing = Listing()
        self.turn = datetime.min.replace(tzinfo=UTC)

    def take_turn(self, now: datetime, until: datetime) -> bool:
        """Become the one who may ask Quick until then."""
        if self.turn > now:
            return False
        self.turn = until
        return True

    def listing(self) -> Listing:
        """How far the lists are."""
        return self._listing

    def keep_listing(self, listing: Listing) -> None:
        """Remember how far they are."""
        self._listing = listing

    def assets(self) -> list[Asset]:
        """Every asset known."""
        return list(self.known.values())

    def keep(self, asset: Asset) -> None:
        """Remember one."""
        self.known[asset.kind, asset.id] = asset

    def forget(self, asset: Asset) -> None:
        """Forget one."""
        self.known.pop((asset.kind, asset.id), None)


class FakeQuickAccount:
    """Port `QuickAccount`: an edition (None: not subscribed) and the groups there are; counts the questions."""

    def __init__(self, edition: str | None = "ENTERPRISE", groups: Iterable[str] = ("owners", "authors")) -> None:
        self.said, self.groups, self.asked = edition, set(groups), 0

    def edition(self) -> str | None:
        """What was bought; None when nothing was."""
        self.asked += 1
        return self.said

    def has_group(self, name: str) -> bool:
        """Whether that group exists."""
        return name in self.groups


class FakeRegistry:
    """Port `Registry`; `items` by account and profile, None for the account's claim."""

    def __init__(self, statuses: Iterable[tuple[str, str, str]] = ()) -> None:
        self.items: dict[tuple[str, str | None], dict[str, str]] = {
            (account_id, profile): {"status": status} for account_id, profile, status in statuses
        }
        self.attention: dict[str, list[Attention]] = {"moving": [], "failed": []}
        self.held: dict[str, str] = {}
        self.unread = 0
        self.until = ""

    def records(self, account_id: str) -> dict[str, Record]:
        """What is remembered of an account's connections, by profile."""
        return {
            profile: Record(item["status"], is_kept="kept" in item, dependents=item.get("dependents", ""))
            for (account, profile), item in self.items.items()
            if account == account_id and profile
        }

    def record_failure(self, account_id: str, profile: str | None, failure: Mapping[str, str], now: str) -> None:
        """Keep what stopped a connection (or, without a profile, the whole account)."""
        record = self.items.setdefault((account_id, profile), {})
        record.update(failure, status="failed", updated=now)

    def record_dependents(self, account_id: str, profile: str, dependents: str, now: str) -> None:
        """Keep what stops working with a connection's data source."""
        self.items[account_id, profile].update(dependents=dependents, updated=now)

    def needing_attention(self, kind: str) -> list[Attention]:
        """Records that are `moving` or `failed`."""
        return self.attention[kind]

    def held_since(self, account_id: str) -> str | None:
        """When the holder of an account's claim gave its last sign of life."""
        return self.held.get(account_id)

    def unread_events(self) -> int:
        """How many events are kept in which no account was found."""
        return self.unread

    def last_report(self) -> str:
        """Until when failures have been reported."""
        return self.until

    def reported(self, until: str) -> None:
        """Failures recorded until then have been reported."""
        self.until = until


class FakeReconciles:
    """Port `Reconciles`: what was asked for, once for each name."""

    def __init__(self) -> None:
        self.started: dict[str, tuple[str, str]] = {}

    def start(self, account_id: str, reason: str, name: str, profiles: Sequence[str] = ()) -> None:  # noqa: ARG002
        """Ask for a look at an account."""
        self.started.setdefault(name, (account_id, reason))


class FakeNotifications:
    """Port `Notifications`: what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def send(self, subject: str, text: str) -> None:
        """Tell them."""
        self.sent.append((subject, text))
