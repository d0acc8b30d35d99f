"""The access policy: which consumer roles the run-as roles may assume, in shards no larger than IAM takes. Pure."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

SHARD_NAME = "quick-athena-access-{number}"


class Quota(NamedTuple):
    """IAM's quotas for this account, from iam:GetAccountSummary: characters, policies, versions.

    `policies_per_role`: of them, how many the shards may use. A policy that somebody else attached takes one away.
    """

    policy_size: int
    policies_per_role: int
    versions_per_policy: int


class Shard(NamedTuple):
    """One customer managed policy: its number, the consumer role ARNs it allows, and the run-as role that has it."""

    number: int
    entries: tuple[str, ...]
    run_as_role: int = 1

    @property
    def name(self) -> str:
        """The policy's name."""
        return SHARD_NAME.format(number=self.number)


@dataclass(frozen=True)
class Changes:
    """Consumer role ARNs to allow and to stop allowing. `run_as_roles`: who may assume them, if not the first one."""

    add: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()
    run_as_roles: Mapping[str, int] = field(default_factory=dict)


class Outcome(NamedTuple):
    """The shards to write (one without entries is to be deleted), and the entries no shard has room for.

    `after`: all shards once these are written.
    """

    write: tuple[Shard, ...]
    without_room: frozenset[str]
    after: tuple[Shard, ...] = ()

    @property
    def in_force(self) -> frozenset[str]:
        """All entries once the shards are written."""
        return frozenset(entry for shard in self.after for entry in shard.entries)


def document(entries: Collection[str], external_ids: str) -> dict[str, Any]:
    """The policy document of one shard: AssumeRole on these roles, only for our own data sources."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AssumeConsumerRoles",
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Resource": sorted(entries),
                "Condition": {"StringLike": {"sts:ExternalId": external_ids}},
            }
        ],
    }


def size(policy: dict[str, Any]) -> int:
    """A document's size as IAM counts it: characters without white space."""
    return _characters(policy)


def used(shards: Collection[Shard], quota: Quota, external_ids: str) -> float:
    """How much of its capacity the fullest run-as role uses, in percent. At about 100 its connections are refused."""
    capacity = quota.policies_per_role * _space(quota, external_ids)
    if capacity <= 0:
        return 100.0
    costs: dict[int, int] = defaultdict(int)
    for shard in shards:
        costs[shard.run_as_role] += sum(map(_cost, shard.entries))
    return 100 * max(costs.values(), default=0) / capacity


def apply(shards: Sequence[Shard], changes: Changes, quota: Quota, external_ids: str) -> Outcome:
    """What to write to apply all changes, as far as there is room. A full policy must not prevent a removal.

    Every entry is in exactly one shard. An entry moves only if another run-as role than before is to assume its role:
    otherwise entries stay where they are, and unchanged shards are not returned.
    """
    placement = _Placement(shards, changes.remove, quota, _space(quota, external_ids))
    added = sorted(changes.add - changes.remove)
    without_room = {each for each in added if not placement.place(each, changes.run_as_roles.get(each, 1))}
    before, after = {each.number: each for each in shards}, placement.shards()
    write = tuple(each for each in after if each != before.get(each.number))
    return Outcome(write, frozenset(without_room), after)


class _Placement:
    """Entries by shard while changes are applied."""

    def __init__(self, shards: Sequence[Shard], removed: Collection[str], quota: Quota, space: int) -> None:
        self._quota, self._space = quota, space
        self._roles = {each.number: each.run_as_role for each in shards}
        self._entries = {each.number: [e for e in each.entries if e not in removed] for each in shards}
        self._free = {number: space - sum(map(_cost, entries)) for number, entries in self._entries.items()}
        self._places: dict[str, list[int]] = defaultdict(list)
        for number, entries in self._entries.items():
            for entry in entries:
                self._places[entry].append(number)

    def place(self, entry: str, run_as_role: int) -> bool:
        """Have the entry in a shard of that role and of no other role. False: there is no room, so nothing changes."""
        others = [number for number in self._places[entry] if self._roles[number] != run_as_role]
        if len(others) == len(self._places[entry]):
            number = self._first_with_room(entry, run_as_role)
            if number is None:
                return False
            self._roles.setdefault(number, run_as_role)
            self._entries.setdefault(number, []).append(entry)
            self._free[number] = self._free.get(number, self._space) - _cost(entry)
        for number in others:
            self._entries[number].remove(entry)
            self._free[number] += _cost(entry)
        return True

    def shards(self) -> tuple[Shard, ...]:
        """All shards; those without entries, too."""
        return tuple(Shard(number, tuple(self._entries[number]), self._roles[number]) for number in sorted(self._roles))

    def _first_with_room(self, entry: str, run_as_role: int) -> int | None:
        """The role's first shard with room; else the first number for a new shard; None when the role has enough."""
        cost, own = _cost(entry), [number for number in sorted(self._roles) if self._roles[number] == run_as_role]
        for number in own:
            if cost <= self._free[number]:
                return number
        if len(own) >= self._quota.policies_per_role or cost > self._space:
            return None
        return next(n for n in range(1, len(self._roles) + 2) if n not in self._roles)


def _space(quota: Quota, external_ids: str) -> int:
    """What the entries of one shard may cost together. The last entry has no comma, so there is one character more."""
    return quota.policy_size - size(document([], external_ids)) + 1


def _cost(entry: str) -> int:
    """An entry's characters in a document, with its quotation marks and its comma."""
    return _characters(entry) + 1


def _characters(value: Any) -> int:
    return len("".join(json.dumps(value, separators=(",", ":")).split()))
