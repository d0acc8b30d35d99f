"""The access policy: which consumer roles the run-as role may assume, in shards no larger than IAM takes. Pure."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

SHARD_NAME = "quick-athena-access-{number}"


@dataclass(frozen=True)
class Quota:
    """IAM's quotas for this account, from iam:GetAccountSummary: characters, policies, versions.

    `policies_per_role`: of them, how many the shards may use. A policy that somebody else attached takes one away.
    """

    policy_size: int
    policies_per_role: int
    versions_per_policy: int


@dataclass(frozen=True)
class Shard:
    """One customer managed policy: its number and the consumer role ARNs it allows."""

    number: int
    entries: tuple[str, ...]

    @property
    def name(self) -> str:
        """The policy's name."""
        return SHARD_NAME.format(number=self.number)


@dataclass(frozen=True)
class Changes:
    """Consumer role ARNs to allow and to stop allowing."""

    add: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Outcome:
    """The shards to write (one without entries is to be deleted), and the entries no shard has room for.

    `in_force`: all entries once these shards are written.
    """

    write: tuple[Shard, ...]
    without_room: frozenset[str]
    in_force: frozenset[str] = frozenset()


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


def used(entries: Collection[str], quota: Quota, external_ids: str) -> float:
    """How much of the capacity the entries use, in percent. New connections are refused at about 100."""
    capacity = quota.policies_per_role * _space(quota, external_ids)
    return 100 * sum(map(_cost, entries)) / capacity if capacity > 0 else 100.0


def apply(shards: Sequence[Shard], changes: Changes, quota: Quota, external_ids: str) -> Outcome:
    """What to write to apply all changes, as far as there is room. A full policy must not prevent a removal.

    Every entry is in exactly one shard. Entries are never moved between shards, and unchanged shards are not returned.
    """
    after = {s.number: [e for e in s.entries if e not in changes.remove] for s in shards}
    space = _space(quota, external_ids)
    free = {number: space - sum(map(_cost, entries)) for number, entries in after.items()}
    in_force = {entry for entries in after.values() for entry in entries}
    without_room = set()
    for entry in sorted(changes.add - changes.remove - in_force):
        if number := _first_with_room(entry, free, space, quota):
            after.setdefault(number, []).append(entry)
            free[number] = free.get(number, space) - _cost(entry)
        else:
            without_room.add(entry)
    before = {s.number: s.entries for s in shards}
    changed = (Shard(n, tuple(entries)) for n, entries in sorted(after.items()) if tuple(entries) != before.get(n))
    after_all = frozenset(entry for entries in after.values() for entry in entries)
    return Outcome(tuple(changed), frozenset(without_room), after_all)


def _first_with_room(entry: str, free: dict[int, int], space: int, quota: Quota) -> int | None:
    """The first shard with room for the entry; else the first number for a new shard; None when the role has enough."""
    cost = _cost(entry)
    for number in sorted(free):
        if cost <= free[number]:
            return number
    if len(free) >= quota.policies_per_role or cost > space:
        return None
    return next(n for n in range(1, len(free) + 2) if n not in free)


def _space(quota: Quota, external_ids: str) -> int:
    """What the entries of one shard may cost together. The last entry has no comma, so there is one character more."""
    return quota.policy_size - size(document([], external_ids)) + 1


def _cost(entry: str) -> int:
    """An entry's characters in a document, with its quotation marks and its comma."""
    return _characters(entry) + 1


def _characters(value: Any) -> int:
    return len("".join(json.dumps(value, separators=(",", ":")).split()))
