"""Observe an account's connections: read every part from AWS, each time."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from control_plane.access_policy import Shard
from control_plane.account import Account, Connection, Hub
from control_plane.contradictions import NONE
from control_plane.decision import Observed, Presence, is_misplaced
from control_plane.ports.access import Shards
from control_plane.ports.quick import DataSource, DataSources, QuickAccount
from control_plane.ports.registry import Record, Registry
from control_plane.ports.stack_sets import StackInstance, StackSets
from control_plane.profiles import PUBLISHER_PLACES, Profile, parameters
from control_plane.publications import (
    accounts_of,
    allowed_connections,
    is_reader,
    placed,
    publishers_of,
    with_publishers,
    without_place,
)
from control_plane.readiness import reachable
from control_plane.steps import data_source
from control_plane.text import SHORT, bounded, joined

MAX_RECORDS = (
    50  # recorded connections of one account that one assessment checks, besides those that are wanted or allowed
)


class ObservationDependencies(NamedTuple):
    """Where the parts of a connection are: CloudFormation, IAM, Quick, and our own registry."""

    stack_sets: StackSets
    policies: Shards
    quick: DataSources
    registry: Registry
    quick_account: QuickAccount


@dataclass(frozen=True)
class OwnProfiles:
    """The profiles as they are built into stack sets, and those that the account's tags fit to it."""

    built: Mapping[str, Profile]
    fitted: Mapping[str, Profile] = field(default_factory=dict)

    def of(self, name: str) -> Profile | None:
        """The profile as the account is to have it."""
        return self.fitted.get(name) or self.built.get(name)


def observe(
    account: Account, wanted: Iterable[str], profiles: OwnProfiles, hub: Hub, deps: ObservationDependencies
) -> dict[str, Observed]:
    """Every connection the account has, should have, or has a record of, by profile."""
    account_id = account.id
    recorded = deps.registry.records(account_id)
    shards = deps.policies.shards()
    allowed = run_as_roles(account_id, hub, shards)
    publishers = _publishers(account, profiles.built, hub, shards)
    seen = {}
    for name in sorted({*wanted, *allowed, *_prioritized(recorded, profiles.built)}):
        connection = Connection(account_id=account_id, profile=name)
        record, profile = recorded.get(name), profiles.of(name)
        instance = deps.stack_sets.instance(connection.role_name, account_id)
        if record and record.instance_retained and not account.is_active:
            instance = None  # AWS still lists the account in the stack set, but there is nothing we could remove
        places = placed(publishers, instance.parameters if instance else {})
        source = deps.quick.find(connection.data_source_id)
        unmanaged = data_source.ownership_problem(connection, source, hub)
        unplaced = without_place(publishers, places)
        shared, lacking = reachable(profile, deps.quick_account) if source and profile else (profile, "")
        seen[name] = Observed(
            profile=name,
            consumer_role=_consumer_role(connection, profiles, places, hub, instance, deps.stack_sets),
            access=name in allowed,
            misplaced=is_misplaced(allowed.get(name, set()), profile),
            data_source=_data_source(connection, account, source, shared, hub, deps.quick, unmanaged=unmanaged),
            unmanaged=unmanaged,
            recorded=record.status if record else None,
            remove_after=record.remove_after if record else None,
            since=record.since if record else None,
            proof_at=record.proof_at if record else None,
            version=bounded(record.consumer_role_version, SHORT) if record else "",
            retained=record.retained if record else "",
            finding=joined(lacking, unplaced),
            recorded_finding=record.finding if record else "",
            stack_id=instance.stack_id if instance else "",
            publishers=places,
            unplaced=unplaced,
            publishers_differ=instance is not None
            and {*accounts_of(places)} - {""} != _accounts_in(instance.parameters),
        )
    return seen


def _publishers(account: Account, built: Mapping[str, Profile], hub: Hub, shards: Iterable[Shard]) -> list[str]:
    """Who publishes to the account. Thousands of entries are read only if somebody may."""
    above = account.above or ()
    if not is_reader(account.id, above, built):
        return []
    return publishers_of(account.id, above, built, allowed_connections(shards, hub))


def _accounts_in(parameters: Mapping[str, str]) -> set[str]:
    """The publishers that a stack has."""
    return {parameters.get(place, NONE) for place in PUBLISHER_PLACES} - {NONE}


def _prioritized(recorded: Mapping[str, Record], profiles: Mapping[str, Profile]) -> list[str]:
    """The recorded connections to check. Each costs calls, so the least important come last and are cut off."""

    def order(name: str) -> tuple[bool, bool, str]:
        return recorded[name].status == "removed", name not in profiles, name

    return sorted(recorded, key=order)[:MAX_RECORDS]


def run_as_roles(account_id: str, hub: Hub, shards: Iterable[Shard]) -> dict[str, set[int]]:
    """Which run-as roles may assume an account's consumer roles, by profile."""
    found: dict[str, set[int]] = defaultdict(set)
    for shard in shards:
        for entry in shard.entries:
            connection = Connection.of_role(entry, hub)
            if connection and connection.account_id == account_id:
                found[connection.profile].add(shard.run_as_role)
    return found


def _consumer_role(
    connection: Connection,
    profiles: OwnProfiles,
    places: Sequence[str],
    hub: Hub,
    instance: StackInstance | None,
    stack_sets: StackSets,
) -> Presence:
    if instance is None:
        return Presence.ABSENT
    if instance.is_drifted:
        return Presence.DRIFTED
    name, profile = connection.profile, profiles.of(connection.profile)
    if profile is None:
        return Presence.DIFFERENT
    wanted = with_publishers(parameters(name, profile, hub), places, profiles.built.__getitem__, hub)
    is_current = instance.is_current_with(wanted)
    if is_current and not stack_sets.is_defined(connection.role_name, parameters(name, profiles.built[name], hub)):
        return Presence.DIFFERENT  # the template is older than the one we built, or was changed by somebody
    return Presence.CURRENT if is_current else Presence.DIFFERENT


def _data_source(
    connection: Connection,
    account: Account,
    found: DataSource | None,
    profile: Profile | None,
    hub: Hub,
    quick: DataSources,
    *,
    unmanaged: str,
) -> Presence:
    if found is None or unmanaged:
        return Presence.ABSENT
    if profile is None:
        return Presence.DIFFERENT
    wanted = data_source.wanted(connection, account.name, profile, hub, account.ou)
    is_right = data_source.is_current(found, wanted) and data_source.is_filed(connection, wanted, quick)
    return Presence.CURRENT if is_right else Presence.DIFFERENT
