"""One in-memory class for each port: the state a test sets up, and what was done to it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from control_plane.access_policy import Quota, Shard
from control_plane.account import ACTIVE, Account, Connection, Hub
from control_plane.aws.ledger import LEASE, READ_LAG
from control_plane.dependents import Asset
from control_plane.errors import AccountNotFound, NotOurs
from control_plane.ports.access import (
    NO_VERSION,
    AccessChange,
    ApprovalBatch,
    PendingChange,
    PendingChanges,
    RefusedChange,
)
from control_plane.ports.quick import AssetPage, DataSource, DataSourceSettings, ListingProgress, Refusal, Sharing
from control_plane.ports.registry import Record
from control_plane.ports.stack_sets import OperationStatus, StackInstance

IN_PROGRESS = {"creating": "creation_failed", "updating": "update_failed"}
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
        """Create the stack set when it is missing; raises NotOurs when another one has its name."""
        if not self._hub.ownership_tags.items() <= self.tags.setdefault(name, self._hub.ownership_tags).items():
            raise NotOurs(f"the stack set {name} is not ours")
        self.definitions.setdefault(name, (self.body, dict(parameters)))
        return self.is_defined(name, parameters)

    def is_defined(self, name: str, parameters: Mapping[str, str]) -> bool:
        """Whether the stack set's body and parameters are what was built; one nobody read counts as such."""
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

    def check_ownership(self, name: str) -> None:
        """Raise NotOurs when another one has its name."""
        if not self._hub.ownership_tags.items() <= self.tags.get(name, self._hub.ownership_tags).items():
            raise NotOurs(f"the stack set {name} is not ours")

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
        """Put one shard in force (or away, when it has no entries); returns the version now in force."""
        if not self._old_reads:
            self._old = dict(self._policies)
        self._old_reads = self.lag
        self.written.append(shard)
        if shard.entries:
            return self._put(shard).version
        self._policies.pop(shard.number, None)
        return NO_VERSION

    def tidy(self, keep: Collection[int]) -> None:
        """What would be deleted is noted by what stands."""
        self.tidied.append(frozenset(keep))

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
    """Port `AccessLedger`; `malformed`: malformed items among the pending changes."""

    def __init__(self) -> None:
        self.changes: dict[str, AccessChange] = {}
        self.malformed: dict[str, RefusedChange] = {}
        self._since: dict[str, str] = {}
        self.holder: str | None = None
        self._expires = datetime.min.replace(tzinfo=UTC)
        self._known_versions: dict[str, str] = {}
        self._versions_at: datetime | None = None

    def enqueue(self, change: AccessChange, now: str) -> None:
        """Store one change; it replaces one of an earlier generation."""
        key = change.connection.key
        before = self.changes.get(key)
        if before is None:
            self._since[key] = now
        if key not in self.malformed and (before is None or before.generation <= change.generation):
            self.changes[key] = change

    def pending(self) -> PendingChanges:
        """All changes that are requested and not applied."""
        changes = tuple(PendingChange(change, self._since[key]) for key, change in self.changes.items())
        return PendingChanges(changes, tuple(self.malformed.values()))

    def remove_applied(self, changes: Collection[PendingChange]) -> None:
        """Delete changes that are applied, unless they were replaced meanwhile."""
        for each in changes:
            if each.key in self.changes and self.changes[each.key].generation == each.change.generation:
                del self.changes[each.key]

    def discard(self, changes: Collection[RefusedChange]) -> None:
        """Delete malformed items."""
        for each in changes:
            self.malformed.pop(each.key, None)

    def acquire(self, holder: str, now: str) -> bool:
        """Take the lease; False while another writer has it."""
        moment = datetime.fromisoformat(now)
        if self.holder not in (None, holder) and moment <= self._expires:
            return False
        self.holder, self._expires = holder, moment + LEASE
        return True

    def holds(self, holder: str) -> bool:
        """Whether that holder still has the lease."""
        return self.holder == holder

    def recent_versions(self, now: str) -> Mapping[str, str]:
        """The versions that recent writers wrote, by shard name."""
        if self._versions_at is None or self._versions_at < datetime.fromisoformat(now) - READ_LAG:
            return {}
        return dict(self._known_versions)

    def release(self, holder: str, versions: Mapping[str, str], now: str) -> None:
        """Give the lease back and record the versions written."""
        if self.holder != holder:
            return
        self._known_versions = {**self.recent_versions(now), **versions}
        if versions:
            self._versions_at = datetime.fromisoformat(now)
        self.holder = None


class FakeRevocationBudget:
    """Port `RevocationBudget`."""

    def __init__(self) -> None:
        self.revoked_times: dict[str, datetime] = {}
        self.batch = ApprovalBatch()
        self.batches: dict[str, frozenset[str]] = {}
        self.released_batches: set[str] = set()
        self.waiting: frozenset[str] = frozenset()
        self._tokens: dict[str, str] = {}
        self._approval_requested = True

    def revoked(self) -> Mapping[str, datetime]:
        """The times of recent counted revocations."""
        return dict(self.revoked_times)

    def count(self, connections: Collection[str], now: str) -> None:
        """Record counted revocations."""
        self.revoked_times.update(dict.fromkeys(connections, datetime.fromisoformat(now)))

    def expected(self) -> frozenset[str]:
        """Connections whose revocation has to wait."""
        return self.waiting

    def expect(self, connections: Collection[str]) -> None:
        """Replace the expected connections."""
        self.waiting = frozenset(connections)

    def held(self) -> ApprovalBatch:
        """The revocations that wait for approval."""
        return self.batch

    def hold(self, connections: Collection[str], now: str) -> ApprovalBatch | None:
        """Replace the revocations that wait."""
        if self.batch.connections != frozenset(connections):
            before, number = self.batch, len(self.batches) + 1
            superseded = self._tokens.get(before.id, before.superseded_token)
            self.batch = ApprovalBatch(f"{number}-{now}", frozenset(connections), superseded_token=superseded)
            self.batches[self.batch.id] = self.batch.connections
            self._approval_requested = False
        return None if self._approval_requested else self.batch

    def mark_approval_requested(self, batch: ApprovalBatch) -> None:
        """Record that the approval of this batch was requested."""
        self._approval_requested = batch.id == self.batch.id

    def store_token(self, batch_id: str, token: str) -> ApprovalBatch | None:
        """Store the token that approves a batch and return the batch; None when it was replaced meanwhile."""
        if batch_id != self.batch.id or not self.batch.connections:
            return None
        self._tokens[batch_id] = token
        return self.batch

    def connections_of(self, batch_id: str) -> Sequence[str]:
        """The connections of a batch, in order."""
        return sorted(self.batches[batch_id])

    def mark_released(self, batch_id: str) -> None:
        """Record that the revocations of an approved batch were applied."""
        self.released_batches.add(batch_id)
        self.waiting -= self.batches[batch_id]

    def is_released(self, batch_id: str) -> bool:
        """Whether they were applied."""
        return batch_id in self.released_batches


class FakeExemptions:
    """Port `Exemptions`: revocations that need not be counted; `broken`: nobody can tell."""

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


class FakeAnomalies:
    """Port `Anomalies`: what was reported, in order."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.entries: list[str] = []

    def refused(self, changes: Sequence[RefusedChange]) -> None:
        """Malformed items among the pending changes."""
        self.keys += [each.key for each in changes]

    def unexpected(self, entries: Sequence[str]) -> None:
        """Entries of the access policy that are not a consumer role of ours."""
        self.entries += entries


class FakeApprovals:
    """Port `Approvals`: the batches whose approval was requested, and the tokens that were invalidated."""

    def __init__(self) -> None:
        self.batches: list[ApprovalBatch] = []
        self.refused: list[str] = []

    def ask(self, batch: ApprovalBatch) -> None:
        """Request approval of the batch, unless it is empty."""
        if batch.superseded_token:
            self.refused.append(batch.superseded_token)
        if batch.connections:
            self.batches.append(batch)


@dataclass
class QuickSource:
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
        self.sources: dict[str, QuickSource] = {}
        self.refusals: list[tuple[str, str]] = []
        self.answers: list[Refusal | None] = []
        self.calls: list[str] = []

    def find(self, data_source_id: str) -> DataSource | None:
        """The data source, or None."""
        found = self.sources.get(data_source_id)
        if found is None:
            return None
        state = "in_progress" if found.state in IN_PROGRESS else found.state
        kept = found.name, found.settings, found.sharing, found.tags, found.failure_type, found.failure
        return DataSource(state, *kept)

    def create(self, data_source_id: str, name: str, settings: DataSourceSettings, sharing: Sharing) -> Refusal | None:
        """Start to create it."""
        self.calls.append("create")
        if refusal := self._answer():
            return refusal
        self.sources.setdefault(
            data_source_id, QuickSource(name, settings, "creating", sharing, self._hub.ownership_tags)
        )
        return None

    def share(self, data_source_id: str, sharing: Sharing) -> None:
        """Share it with exactly these groups."""
        self.calls.append("share")
        self.sources[data_source_id].sharing = sharing

    def update(self, data_source_id: str, name: str, settings: DataSourceSettings) -> Refusal | None:
        """Start to change its name and where its queries run."""
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
            if ended := IN_PROGRESS.get(source.state):
                refused = self.refusals.pop(0) if self.refusals else None
                source.state = ended if refused else "successful"
                source.failure_type, source.failure = refused or ("", "")


class FakeQuickAssets:
    """Port `QuickAssets`: assets with what they use and who owns them, so many on a page; counts the calls."""

    def __init__(self, *assets: Asset, page: int = 100) -> None:
        self.made = {(asset.kind, asset.id): asset for asset in assets}
        self._page = page
        self.calls: list[str] = []

    def page(self, kind: str, token: str) -> AssetPage:
        """One page of all assets of a kind."""
        self.calls.append(f"list {kind}")
        listed = [replace(asset, uses=None, owners=()) for (of, _), asset in self.made.items() if of == kind]
        start = int(token or 0)
        following = start + self._page
        return AssetPage(tuple(listed[start:following]), str(following) if following < len(listed) else "")

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
        self._listing = ListingProgress()
        self.busy_until = datetime.min.replace(tzinfo=UTC)

    def try_reserve(self, now: datetime, until: datetime) -> bool:
        """Reserve Quick's API until then."""
        if self.busy_until > now:
            return False
        self.busy_until = until
        return True

    def listing(self) -> ListingProgress:
        """How far the listing has come."""
        return self._listing

    def keep_listing(self, listing: ListingProgress) -> None:
        """Store how far the listing has come."""
        self._listing = listing

    def assets(self) -> list[Asset]:
        """All known assets."""
        return list(self.known.values())

    def keep(self, asset: Asset) -> None:
        """Store one asset."""
        self.known[asset.kind, asset.id] = asset

    def forget(self, asset: Asset) -> None:
        """Delete one asset from the cache."""
        self.known.pop((asset.kind, asset.id), None)


class FakeQuickAccount:
    """Port `QuickAccount`: an edition (None: not subscribed) and the groups there are; counts the questions."""

    def __init__(self, edition: str | None = "ENTERPRISE", groups: Iterable[str] = ("owners", "authors")) -> None:
        self.bought, self.groups, self.asked = edition, set(groups), 0

    def edition(self) -> str | None:
        """What was bought; None when nothing was."""
        self.asked += 1
        return self.bought

    def has_group(self, name: str) -> bool:
        """Whether that group exists."""
        return name in self.groups


class FakeRegistry:
    """Port `Registry`; `items` by account and profile, None for the account's claim."""

    def __init__(self, statuses: Iterable[tuple[str, str, str]] = ()) -> None:
        self.items: dict[tuple[str, str | None], dict[str, str]] = {
            (account_id, profile): {"status": status} for account_id, profile, status in statuses
        }
        self.unsettled_records: dict[str, list[Record]] = {"in_progress": [], "failed": []}
        self.held: dict[str, str] = {}
        self.holders: dict[str, str] = {}
        self.unread = 0
        self.until = ""

    def records(self, account_id: str) -> dict[str, Record]:
        """The records of an account's connections, by profile."""
        return {
            profile: Record(
                account_id,
                profile,
                item["status"],
                instance_retained="instance_retained" in item,
                retained=item.get("retained", ""),
                dependents=item.get("dependents", ""),
            )
            for (account, profile), item in self.items.items()
            if account == account_id and profile
        }

    def record_failure(
        self, account_id: str, profile: str | None, failure: Mapping[str, str], now: str, generation: int | None = None
    ) -> None:
        """Record why a connection or, without a profile, the whole account failed."""
        record = self.items.setdefault((account_id, profile), {})
        if generation is None or int(record.get("generation", 0)) <= generation:
            record.update(failure, status="failed", updated=now)

    def record_dependents(self, account_id: str, profile: str, dependents: str, now: str) -> None:
        """Record the assets that stop working with a connection's data source."""
        self.items[account_id, profile].update(dependents=dependents, updated=now)

    def unsettled(self, kind: str) -> list[Record]:
        """Records that are `in_progress` or `failed`."""
        return self.unsettled_records[kind]

    def is_held_by(self, account_id: str, execution: str) -> bool:
        """Whether that execution holds the account's claim."""
        return self.holders.get(account_id) == execution

    def held_since(self, account_id: str) -> str | None:
        """When the holder of an account's claim wrote it last."""
        return self.held.get(account_id)

    def unread_events(self) -> int:
        """How many events are stored in which no account was found."""
        return self.unread

    def last_report(self) -> str:
        """Until when failures have been reported."""
        return self.until

    def set_last_report(self, until: str) -> None:
        """Record until when failures have been reported."""
        self.until = until


class FakeReconciles:
    """Port `Reconciles`: what was started, once for each name."""

    def __init__(self) -> None:
        self.started: dict[str, tuple[str, str]] = {}

    def start(self, account_id: str, reason: str, name: str, profiles: Sequence[str] = ()) -> None:  # noqa: ARG002
        """Start to reconcile an account."""
        self.started.setdefault(name, (account_id, reason))


class FakeNotifications:
    """Port `Notifications`: what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def send(self, subject: str, text: str) -> None:
        """Send one message."""
        self.sent.append((subject, text))
