"""What a sweep needs from outside, besides what the steps need (control_plane/ports.py)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from control_plane.asking import Value
from control_plane.sweep.facts import Remembered, Role, Source, StackSet

T_co = TypeVar("T_co", covariant=True)
V = TypeVar("V", bound=Value)


@dataclass(frozen=True)
class Place:
    """An account and the units above it, nearest first, the root last; None: the list does not tell its place."""

    account_id: str
    name: str
    state: str
    units: tuple[str, ...] | None


@dataclass(frozen=True)
class Read(Generic[T_co]):
    """One page of a list, and the token of the next one; empty: it was the last."""

    items: Sequence[T_co]
    token: str = ""


class AccountListing(Protocol):
    """The organization's accounts, a page at a time."""

    def page(self, token: str) -> Read[Place]:
        """At most 20 accounts; an empty token: the first."""

    def units_above(self, account_id: str) -> tuple[str, ...] | None:
        """The units above an account whose place the list does not tell; None when that can't be learnt now."""

    def tags(self, resource_id: str) -> Mapping[str, str]:
        """The tags of an account, a unit or the root."""


class RoleListing(Protocol):
    """What our stack sets have deployed, a page at a time."""

    def stack_sets(self, token: str) -> Read[StackSet]:
        """At most 20 stack sets, of which those with a name of ours."""

    def page(self, profile: str, token: str) -> Read[Role]:
        """At most 100 instances; none when there is no such stack set."""


class SourceListing(Protocol):
    """Quick's data sources, a page at a time."""

    def page(self, token: str) -> Read[Source]:
        """At most 100 data sources, of which those with a name of ours."""


class RecordListing(Protocol):
    """The registry's records, a page at a time."""

    def page(self, token: str) -> Read[Remembered]:
        """Some records and claims."""


class Papers(Protocol):
    """What a sweep writes down, under its own id; forgotten after some days."""

    def put(self, sweep_id: str, name: str, value: Value) -> None:
        """Write one value down, in place of an older one of that name."""

    def get(self, sweep_id: str, name: str, model: type[V]) -> V | None:
        """One value, or None."""

    def every(self, sweep_id: str, prefix: str, model: type[V]) -> Iterator[V]:
        """The values whose names begin like that, in order of their names."""
