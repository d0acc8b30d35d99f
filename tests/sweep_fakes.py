"""One in-memory class for each of the sweep's ports."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from control_plane.account import Connection
from control_plane.opt_in import Value
from control_plane.ports.listing import ListPage
from control_plane.ports.registry import Record
from control_plane.sweep.ports import ListedAccount
from control_plane.sweep.snapshot import DataSourceSummary, RoleSummary, SourceOwnership, StackSetSummary

T = TypeVar("T")
V = TypeVar("V", bound=Value)


def in_pages(items: Sequence[T], size: int, token: str) -> ListPage[T]:
    """The page that begins at the token, a number."""
    first = int(token or 0)
    more = first + size < len(items)
    return ListPage(items[first : first + size], str(first + size) if more else "")


@dataclass
class FakeAccountListing:
    """Port `AccountListing`. `repeats`: the token every page gives; `tags_read`: whose tags were read."""

    places: list[ListedAccount] = field(default_factory=list)
    tagged: dict[str, dict[str, str]] = field(default_factory=dict)
    size: int = 20
    repeats: str = ""
    tags_read: list[str] = field(default_factory=list)
    above: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def page(self, token: str) -> ListPage[ListedAccount]:
        """At most `size` accounts."""
        read = in_pages(self.places, self.size, token)
        return ListPage(read.items, self.repeats) if self.repeats else read

    def units_above(self, account_id: str) -> tuple[str, ...] | None:
        """The units above an account whose place the list does not tell."""
        return self.above.get(account_id)

    def tags(self, resource_id: str) -> Mapping[str, str]:
        """The tags of an account, a unit or the root."""
        self.tags_read.append(resource_id)
        return self.tagged.get(resource_id, {})

    def has_unit(self, unit_id: str) -> bool:
        """Whether an account is below it."""
        return any(unit_id in (each.units or ()) for each in self.places) or unit_id in sum(self.above.values(), ())


@dataclass
class FakeRoleListing:
    """Port `RoleListing`."""

    roles: list[RoleSummary] = field(default_factory=list)
    size: int = 100
    strange: list[StackSetSummary] = field(default_factory=list)

    def stack_sets(self, token: str) -> ListPage[StackSetSummary]:
        """One for each profile that has roles, and the strange ones."""
        names = sorted({f"quick-athena-{role.profile}" for role in self.roles})
        ours = [StackSetSummary(name=name, body="", values="") for name in names]
        return in_pages([*ours, *self.strange], 2, token)

    def page(self, profile: str, token: str) -> ListPage[RoleSummary]:
        """At most `size` instances."""
        return in_pages([role for role in self.roles if role.profile == profile], self.size, token)


@dataclass
class FakeSourceListing:
    """Port `SourceListing`. `mismatches`: data sources that are not ours, by key; `tags_read`: whose tags were read."""

    sources: list[DataSourceSummary] = field(default_factory=list)
    mismatches: dict[str, str] = field(default_factory=dict)
    tags_read: list[str] = field(default_factory=list)

    def page(self, token: str) -> ListPage[DataSourceSummary]:
        """At most 100 data sources."""
        return in_pages(self.sources, 100, token)

    def ownership(self, connection: Connection) -> SourceOwnership | None:
        """What was given for it, or that it is ours."""
        mismatch = self.mismatches.get(connection.key, "")
        self.tags_read.append(connection.key)
        return SourceOwnership(account_id=connection.account_id, profile=connection.profile, mismatch=mismatch)


@dataclass
class FakeRecordListing:
    """Port `RecordListing`."""

    records: list[Record] = field(default_factory=list)

    def page(self, token: str) -> ListPage[Record]:
        """Some records."""
        return in_pages(self.records, 100, token)


class FakeSweepStore:
    """Port `SweepStore`: values as JSON, so that what can't be written down fails. A sweep's id begins with a time."""

    def __init__(self) -> None:
        self.written: dict[tuple[str, str], str] = {}

    def put(self, sweep_id: str, name: str, value: Value) -> None:
        """Write one value down."""
        assert not sweep_id or datetime.strptime(sweep_id[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        self.written[sweep_id, name] = value.model_dump_json(exclude_defaults=True)

    def get(self, sweep_id: str, name: str, model: type[V]) -> V | None:
        """One value, or None."""
        found = self.written.get((sweep_id, name))
        return model.model_validate_json(found) if found else None

    def every(self, sweep_id: str, prefix: str, model: type[V]) -> Iterator[V]:
        """The values whose names begin like that."""
        for owner, name in sorted(self.written):
            if owner == sweep_id and name.startswith(prefix):
                yield model.model_validate_json(self.written[owner, name])
