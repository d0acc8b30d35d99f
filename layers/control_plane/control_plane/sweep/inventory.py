"""The observed state of all accounts' connections, built from the lists of a sweep. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from control_plane.access_policy import Shard
from control_plane.account import Account, Connection, Hub
from control_plane.decision import WITHOUT_ACCESS, Observed, Presence, is_misplaced
from control_plane.ports.quick import DataSourceSettings
from control_plane.profiles import Profile
from control_plane.steps import data_source
from control_plane.sweep.snapshot import DataSourceSummary, RecordSummary, RoleSummary, SnapshotPage

MAX_MALFORMED = 100  # malformed items that are counted and listed
Key = tuple[str, str]  # an account's id and a profile's name


class Inventory:
    """The roles, entries, data sources and records of all accounts.

    `outdated`: profiles whose stack sets are not what was built.

    Lists have less than descriptions (no parameters, permissions, tags). What they don't have is taken as correct.
    """

    def __init__(
        self,
        read: SnapshotPage,
        shards: Iterable[Shard],
        profiles: Mapping[str, Profile],
        hub: Hub,
        outdated: frozenset[str] = frozenset(),
    ) -> None:
        self._profiles, self._hub, self._outdated = profiles, hub, outdated
        shards = tuple(shards)
        entries = {entry: Connection.of_role(entry, hub) for shard in shards for entry in shard.entries}
        self.unexpected_entries = tuple(sorted(entry for entry, connection in entries.items() if connection is None))
        self.roles: Mapping[Key, RoleSummary] = {(each.account_id, each.profile): each for each in read.roles}
        # A data source with our name that is not ours counts as absent, as in an assessment.
        self.unmanaged: Mapping[Key, str] = {
            (each.account_id, each.profile): each.mismatch for each in read.owners if each.mismatch
        }
        self.sources: Mapping[Key, DataSourceSummary] = {
            key: each for each in read.sources if (key := (each.account_id, each.profile)) not in self.unmanaged
        }
        self.records: Mapping[Key, RecordSummary] = {
            (each.account_id, each.profile): each for each in read.records if each.account_id
        }
        self.findings = {
            f"{each.account_id}#{each.profile}": each.finding
            for each in self.records.values()
            if each.finding and each.status == "connected"
        }
        self.claims = {each.account_id for each in read.records if each.account_id and not each.profile}
        self.malformed = tuple(sorted({each.malformed for each in read.records if each.malformed}))[:MAX_MALFORMED]
        self.allowed: dict[Key, set[int]] = defaultdict(set)  # the run-as roles that may assume the consumer role
        for shard in shards:
            for each in filter(None, map(entries.get, shard.entries)):
                self.allowed[each.account_id, each.profile].add(shard.run_as_role)
        self._by_account: dict[str, set[str]] = defaultdict(set)
        for account_id, profile in (*self.roles, *self.sources, *self.records, *self.allowed):
            if profile:
                self._by_account[account_id].add(profile)

    @property
    def accounts(self) -> set[str]:
        """Every account that has a resource of ours or a record."""
        return set(self._by_account)

    def observed(
        self, account: Account, wanted: Iterable[str], fitted: Mapping[str, Profile] | None = None
    ) -> dict[str, Observed]:
        """Every connection the account has, should have, or has a record of, by profile.

        `fitted`: the profiles that the account's tags fit to it.
        """
        names = sorted({*wanted, *self._by_account.get(account.id, ())})
        own = {**self._profiles, **(fitted or {})}
        return {name: self._observe(account, name, own.get(name)) for name in names}

    def failure_of(self, account_id: str, profile: str = "") -> str:
        """The recorded error of a connection or, without a profile, of the account."""
        found = self.records.get((account_id, profile))
        return found.error if found and found.status == "failed" else ""

    def is_orphan(self, account_id: str, profile: str) -> bool:
        """Whether the connection has no record."""
        return (account_id, profile) not in self.records

    def is_behind(self, account_id: str, profile: str) -> bool:
        """Whether the account's role has an older template or older parameters: that is no drift."""
        role = self.roles.get((account_id, profile))
        return role is not None and (not role.is_current or profile in self._outdated)

    def is_unrequested(self, account_id: str, profile: str) -> bool:
        """Whether the access policy allows a connection that by its record must not have access."""
        record = self.records.get((account_id, profile))
        return (account_id, profile) in self.allowed and (record is None or record.status in WITHOUT_ACCESS)

    def _observe(self, account: Account, profile: str, own: Profile | None) -> Observed:
        place = account.id, profile
        record, role = self.records.get(place), self.roles.get(place)
        if record and record.instance_retained and not account.is_active:
            role = None  # AWS still lists the account in the stack set, but there is nothing we could remove
        return Observed(
            profile=profile,
            consumer_role=_presence_of_role(role, is_behind=self.is_behind(account.id, profile)),
            access=place in self.allowed,
            misplaced=is_misplaced(self.allowed.get(place, ()), self._profiles.get(profile)),
            data_source=self._presence_of_source(account, profile, own),
            unmanaged=self.unmanaged.get(place, ""),
            recorded=record.status if record else None,
            remove_after=record.remove_after if record else None,
            since=record.since if record else None,
            stack_id=role.stack_id if role else "",
        )

    def _presence_of_source(self, account: Account, name: str, profile: Profile | None) -> Presence:
        found = self.sources.get((account.id, name))
        if found is None:
            return Presence.ABSENT
        if profile is None:
            return Presence.DIFFERENT
        wanted = data_source.wanted(Connection(account_id=account.id, profile=name), account.name, profile, self._hub)
        seen = DataSourceSettings(found.work_group, found.run_as_role_arn, found.consumer_role_arn)
        shows_settings = bool(found.run_as_role_arn)
        is_right = seen == wanted.settings or not shows_settings
        is_named = found.name == wanted.name or profile.needs_ou  # the lists don't say the name of an OU
        is_current = is_right and is_named and found.state == "successful"
        return Presence.CURRENT if is_current else Presence.DIFFERENT


def _presence_of_role(role: RoleSummary | None, *, is_behind: bool) -> Presence:
    if role is None:
        return Presence.ABSENT
    if role.is_drifted:
        return Presence.DRIFTED
    return Presence.DIFFERENT if is_behind else Presence.CURRENT
