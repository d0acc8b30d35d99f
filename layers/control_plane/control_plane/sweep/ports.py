"""What a sweep needs from outside, besides the ports of the steps (control_plane/ports)."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol, TypeVar

from control_plane.account import Connection
from control_plane.opt_in import Value
from control_plane.ports.listing import ListPage
from control_plane.ports.registry import Record
from control_plane.sweep.snapshot import DataSourceSummary, RoleSummary, SourceOwnership, StackSetSummary

V = TypeVar("V", bound=Value)


class ListedAccount(NamedTuple):
    """An account and its parents, nearest first, the root last; None: the list does not have them."""

    account_id: str
    name: str
    state: str
    units: tuple[str, ...] | None


class AccountListing(Protocol):
    """The organization's accounts, a page at a time."""

    def page(self, token: str) -> ListPage[ListedAccount]:
        """At most 20 accounts; an empty token: the first page."""

    def units_above(self, account_id: str) -> tuple[str, ...] | None:
        """The parents of an account whose parents are not in the list; None when they can't be read now."""

    def tags(self, resource_id: str) -> Mapping[str, str]:
        """The tags of an account, an OU or the root."""

    def has_unit(self, unit_id: str) -> bool:
        """Whether the organization has that OU or root."""


class RoleListing(Protocol):
    """Our stack sets and their instances, a page at a time."""

    def stack_sets(self, token: str) -> ListPage[StackSetSummary]:
        """At most 20 stack sets; returns those with a name of ours."""

    def page(self, profile: str, token: str) -> ListPage[RoleSummary]:
        """At most 100 instances; none when the stack set does not exist."""


class SourceListing(Protocol):
    """Quick's data sources, a page at a time."""

    def page(self, token: str) -> ListPage[DataSourceSummary]:
        """At most 100 data sources; returns those with a name of ours."""

    def ownership(self, connection: Connection) -> SourceOwnership | None:
        """Whether a connection's data source has our ownership tags; None when it does not exist any more."""


class RecordListing(Protocol):
    """The registry's records, a page at a time."""

    def page(self, token: str) -> ListPage[Record]:
        """Some records and claims, and items that are neither."""


class SweepStore(Protocol):
    """The values a sweep stores under its id; they are deleted after some days."""

    def put(self, sweep_id: str, name: str, value: Value) -> None:
        """Store one value; it replaces an older one of that name."""

    def get(self, sweep_id: str, name: str, model: type[V]) -> V | None:
        """One value, or None."""

    def every(self, sweep_id: str, prefix: str, model: type[V]) -> Iterator[V]:
        """The values whose names start with the prefix, in order of their names."""
