"""What the control plane needs from outside, in its own words. `aws/` gives it, tests fake it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from control_plane.access_policy import Quota, Shard
from control_plane.account import Account, Connection
from control_plane.dependents import Asset

# What a connection's record may say of it (docs/reference/registry.md).
STATUSES = ("connecting", "connected", "held", "quarantined", "disconnecting", "removed", "failed")
GONE = ""  # the version of a shard that is not there


class OperationStatus(StrEnum):
    """A stack set operation: still going, or over. Over says nothing of one account's result."""

    UNKNOWN = "unknown"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True)
class StackInstance:
    """One account's stack of a stack set. `is_drifted`: only making it anew mends it."""

    is_current: bool
    in_progress: bool
    parameters: Mapping[str, str]
    operation_id: str
    reason: str
    stack_id: str = ""
    is_drifted: bool = False


@dataclass(frozen=True)
class DataSource:
    """A Quick data source, as described now. `failure` is AWS's type and message, when it failed."""

    state: str  # in_progress | successful | creation_failed | update_failed
    name: str
    settings: "DataSourceSettings"
    sharing: "Sharing"
    tags: Mapping[str, str]
    failure_type: str = ""
    failure: str = ""


@dataclass(frozen=True)
class DataSourceSettings:
    """What decides where a data source's queries run."""

    work_group: str
    run_as_role_arn: str
    consumer_role_arn: str


@dataclass(frozen=True)
class Wish:
    """One connection's entry, wanted or not wanted, by one generation of its account's claim.

    `counted`: the brake counts it, when it is not wanted. That it does not is a claim, which the writer verifies.
    """

    connection: Connection
    allow: bool
    generation: int
    counted: bool = True


@dataclass(frozen=True)
class Sharing:
    """Who sees a data source: groups by name; `others`: principals beyond our groups, or with odd actions."""

    owners: frozenset[str]
    viewers: frozenset[str]
    others: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Page:
    """One page of a list of assets, and where the next begins; empty: it was the last."""

    assets: tuple[Asset, ...]
    token: str = ""


@dataclass(frozen=True)
class Listing:
    """How far the lists of Quick's assets are: begun when, and what comes next; no kind: all done."""

    since: str = ""
    kind: str = ""
    token: str = ""


@dataclass(frozen=True)
class PendingChange:
    """A wish in the ledger, and since when it waits. `asked` sorts by time."""

    wish: Wish
    asked: str

    @property
    def key(self) -> str:
        """Its connection, as `account#profile`."""
        return self.wish.connection.key


@dataclass(frozen=True)
class RefusedChange:
    """An item among the pending changes that is none: its key, why, and the values it is recognised by."""

    key: str
    why: str
    values: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Wishes:
    """Everything asked for and not applied yet, and the items among it that are no change at all."""

    changes: tuple[PendingChange, ...] = ()
    refused: tuple[RefusedChange, ...] = ()


@dataclass(frozen=True)
class HeldPlan:
    """Revocations that wait for approval, as `account#profile`, under an id that is new for every other list.

    What is no connection of ours is named by its ARN. `stale_token` approved the list before it, and must not any more.
    """

    id: str = ""
    connections: frozenset[str] = frozenset()
    stale_token: str = ""


@dataclass(frozen=True)
class Record:
    """What the registry remembers of one connection.

    `remove_after`: when its quarantine ends; `since`: since when it has this status. `is_kept`: AWS keeps the
    instance's record of an account that left.
    `dependents`: what stopped working with its data source, as people were told.
    """

    status: str
    remove_after: datetime | None = None
    since: datetime | None = None
    is_kept: bool = False
    dependents: str = ""


@dataclass(frozen=True)
class Attention:
    """A record that is not at rest: a claim (no profile) or a connection that moves, or that failed.

    `updated` is the last sign of life; `held` says of a claim that an execution holds it, `requests` how often it was
    asked to look again since, `requested_by` who asked last.
    """

    account_id: str
    profile: str | None
    updated: str
    held: bool = False
    generation: int = 0
    account_name: str = ""
    error: str = ""
    reason: str = ""
    cause: str = ""
    remedy: str = ""
    requests: int = 0
    requested_by: str = ""


class Organization(Protocol):
    """The organization's accounts."""

    def account(self, account_id: str, opt_in_tag: str) -> Account:
        """One account and its tags; the nearest unit above with the tag, if it has none itself. Or AccountNotFound."""


class StackSets(Protocol):
    """Service-managed stack sets, seen as the delegated administrator."""

    def ensure_stack_set(self, name: str, parameters: Mapping[str, str]) -> bool:
        """Create the stack set when it is missing; raises NotOurs when one of its name is not as we make it.

        Answers whether body and parameters are what was built: else `start_update` brings them.
        """

    def is_defined(self, name: str, parameters: Mapping[str, str]) -> bool:
        """Whether the stack set's body and parameters are what was built."""

    def start_update(self, name: str, account_id: str, parameters: Mapping[str, str] | None, operation_id: str) -> None:
        """Bring the account's instance to the stack set's definition; idempotent by the operation id.

        With `parameters` the stack set is given the body and the parameters that were built first; the account may
        have no instance then. Nobody else's instance is updated, but AWS shows them as not current from then on.
        """

    def instance(self, name: str, account_id: str) -> StackInstance | None:
        """The account's instance, or None."""

    def operation(self, name: str, operation_id: str) -> OperationStatus:
        """How an operation stands."""

    def failure(self, name: str, operation_id: str, account_id: str) -> str:
        """Why an operation left the account without a current instance, in AWS's words."""

    def start_deployment(
        self, name: str, account_id: str, parameters: Mapping[str, str], operation_id: str, *, exists: bool
    ) -> None:
        """Create (or, when it `exists`, update) the account's instance; the operation id makes it idempotent."""

    def check_mark(self, name: str) -> None:
        """Raise NotOurs when the stack set does not carry our mark."""

    def start_removal(self, name: str, account_id: str, operation_id: str, *, retain: bool) -> None:
        """Delete the account's instance, and its stack unless that is to be `retain`ed; idempotent by the id."""


class Shards(Protocol):
    """The shards attached to the run-as role, to look at."""

    def shards(self) -> list[Shard]:
        """The shards in force."""


class AccessPolicies(Shards, Protocol):
    """The shards attached to the run-as role, to change."""

    def quota(self) -> Quota:
        """What IAM grants this account."""

    def versions(self) -> Mapping[str, str]:
        """Version in force (policy id and number) by shard name, as of the last `shards`."""

    def write(self, shard: Shard) -> str:
        """Put one shard in force (or away, when it has no entries); answers the version now in force, or GONE."""

    def tidy(self, standing: Collection[int]) -> None:
        """Delete what is left of emptied shards; those with these numbers stand."""


class AccessLedger(Protocol):
    """Who may write the access policy, and what waits to be written. See steps/access.py."""

    def ask(self, wish: Wish, now: str) -> None:
        """Note one wish; a later generation's replaces it."""

    def pending(self) -> Wishes:
        """Everything asked for and not applied."""

    def applied(self, changes: Collection[PendingChange]) -> None:
        """Forget changes that hold now, unless they were replaced meanwhile."""

    def refuse(self, changes: Collection[RefusedChange]) -> None:
        """Forget items that are no change, unless somebody put one in their place meanwhile."""

    def acquire(self, holder: str, now: str) -> bool:
        """Become the one writer; False while another one is."""

    def holds(self, holder: str) -> bool:
        """Whether the holder still is the one writer, read consistently."""

    def written(self, now: str) -> Mapping[str, str]:
        """The versions recent writers left, by shard name: IAM may still answer older ones."""

    def release(self, holder: str, versions: Mapping[str, str], now: str) -> None:
        """Let others write, and say what was left."""


class Brake(Protocol):
    """What the brake remembers. Only the holder of the lease writes it, but for what is expected."""

    def revoked(self) -> Mapping[str, datetime]:
        """When each counted revocation of the last while went, by connection."""

    def count(self, connections: Collection[str], now: str) -> None:
        """Counted revocations go now."""

    def expected(self) -> frozenset[str]:
        """Connections whose revocation has to wait as soon as anybody asks for it."""

    def expect(self, connections: Collection[str]) -> None:
        """These, and no others: a sweep found more to revoke than may go without approval. Needs no lease."""

    def held(self) -> HeldPlan:
        """The revocations that wait for approval; without connections when none does."""

    def hold(self, connections: Collection[str], now: str) -> HeldPlan | None:
        """These wait for approval now, and no others; answers the plan while people have not been asked about it."""

    def asked(self, plan: HeldPlan) -> None:
        """People are being asked about that plan."""

    def approvable(self, plan_id: str, token: str) -> HeldPlan | None:
        """Remember what approves a plan and answer the plan; None when it was replaced meanwhile."""

    def listed(self, plan_id: str) -> Sequence[str]:
        """The connections of a plan, whether they wait still or not, in order."""

    def released(self, plan_id: str) -> None:
        """An approved plan's revocations have gone."""

    def is_released(self, plan_id: str) -> bool:
        """Whether they have."""


class AccountStates(Protocol):
    """Whether accounts are members that can do anything."""

    def is_active(self, account_id: str) -> bool:
        """Whether the account is in the organization, and active."""


class DataSourceStates(Protocol):
    """Whether connections have a data source."""

    def is_usable(self, data_source_id: str) -> bool:
        """Whether Quick has the data source, and did not fail to make it."""


class Exemptions(Protocol):
    """What takes nothing from anybody when it is revoked, so that the brake need not count it. Read from AWS."""

    def is_exempt(self, connection: Connection) -> bool:
        """Whether the account is not active in the organization, or Quick has no data source for the connection."""


class Oddities(Protocol):
    """What should not be there and was found by the writer of the access policy: counted, so that an alarm tells."""

    def refused(self, changes: Sequence[RefusedChange]) -> None:
        """Pending changes that are none."""

    def unexpected(self, entries: Sequence[str]) -> None:
        """Entries of the access policy that are no consumer role's of ours."""


class Approvals(Protocol):
    """Questions to people: may these revocations go?"""

    def ask(self, plan: HeldPlan) -> None:
        """Ask about the plan, unless it is empty; what would have approved the one before is refused from now on."""


class Refusal(NamedTuple):
    """Why Quick did not create or update a data source: its error's code or type, and the message."""

    kind: str
    message: str


class DataSources(Protocol):
    """Amazon Quick's data sources."""

    def find(self, data_source_id: str) -> DataSource | None:
        """The data source, or None."""

    def create(self, data_source_id: str, name: str, settings: DataSourceSettings, sharing: Sharing) -> Refusal | None:
        """Begin to create it, or say why Quick would not."""

    def update(self, data_source_id: str, name: str, settings: DataSourceSettings) -> Refusal | None:
        """Begin to change its name and where its queries run, or say why Quick would not."""

    def share(self, data_source_id: str, sharing: Sharing) -> None:
        """Share it with exactly these groups: grant what is missing, revoke what is too much."""

    def remove(self, data_source_id: str) -> None:
        """Delete it; one that is gone already is no error."""


class QuickAssets(Protocol):
    """What people made in Amazon Quick: data sets, analyses, dashboards."""

    def page(self, kind: str, token: str) -> Page:
        """One page of all assets of a kind; an empty token: the first."""

    def uses(self, kind: str, asset_id: str) -> tuple[str, ...]:
        """ARNs of what an asset is made of; nothing when it is gone meanwhile, or of a sort the API can't describe."""

    def owners(self, kind: str, asset_id: str) -> tuple[str, ...]:
        """Who may say who sees an asset; nobody when it is gone meanwhile."""


class AssetCache(Protocol):
    """What is known of Quick's assets, and whose turn it is to ask for more. See steps/dependents.py."""

    def take_turn(self, now: datetime, until: datetime) -> bool:
        """Become the one who may ask Quick until then; False while another one may."""

    def listing(self) -> Listing:
        """How far the lists are."""

    def keep_listing(self, listing: Listing) -> None:
        """Remember how far they are."""

    def assets(self) -> list[Asset]:
        """Every asset known."""

    def keep(self, asset: Asset) -> None:
        """Remember one."""

    def forget(self, asset: Asset) -> None:
        """Forget one."""


class QuickAccount(Protocol):
    """The hub account's Amazon Quick as a whole."""

    def edition(self) -> str | None:
        """STANDARD, ENTERPRISE or ENTERPRISE_AND_Q; None when the account is not subscribed."""

    def has_group(self, name: str) -> bool:
        """Whether that group exists."""


class Registry(Protocol):
    """What we remember of accounts: for people and for speed, never as the truth."""

    def records(self, account_id: str) -> dict[str, Record]:
        """What is remembered of an account's connections, by profile."""

    def record_failure(self, account_id: str, profile: str | None, failure: Mapping[str, str], now: str) -> None:
        """Keep what stopped a connection (or, without a profile, the whole account)."""

    def record_dependents(self, account_id: str, profile: str, dependents: str, now: str) -> None:
        """Keep what stops working with a connection's data source."""

    def needing_attention(self, kind: str) -> list[Attention]:
        """Records that are `moving` or `failed`, the one written longest ago first."""

    def held_since(self, account_id: str) -> str | None:
        """When the holder of an account's claim gave its last sign of life; None when nobody holds it."""

    def unread_events(self) -> int:
        """How many events are kept in which no account was found."""

    def last_report(self) -> str:
        """Until when failures have been reported; empty at first."""

    def reported(self, until: str) -> None:
        """Failures recorded until then have been reported."""


class Reconciles(Protocol):
    """Executions of ReconcileAccount, started by us."""

    def start(self, account_id: str, reason: str, name: str, profiles: Sequence[str] = ()) -> None:
        """Ask for a look at an account; a name used already is no error, it has been asked for.

        `profiles`: those to look for although nothing remembers them.
        """


class Notifications(Protocol):
    """Where people are told something."""

    def send(self, subject: str, text: str) -> None:
        """Tell them."""
