"""Create the Quick data source, or remove it, with an id that never changes."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from control_plane import propagation
from control_plane.account import Connection, Hub
from control_plane.contradictions import DISPLAYED, OU
from control_plane.dependents import describe
from control_plane.errors import DataSourceFailed, NotOurs
from control_plane.ports.notifications import Notifications
from control_plane.ports.quick import (
    AssetCache,
    DataSource,
    DataSources,
    DataSourceSettings,
    ProofDataSets,
    QuickAssets,
    Refusal,
    Sharing,
)
from control_plane.ports.registry import Registry
from control_plane.profiles import Profile
from control_plane.steps import dependents
from control_plane.text import joined

FIRST_PAUSE, LONGEST_PAUSE = 8, 120  # seconds between attempts; IAM is hardly ever quicker than the first
DOUBLED = 5  # seconds, from attempt to attempt
NAMES = re.compile(r"(\{account_name\}|\{ou\})")
LONGEST_NAME = 128  # characters of a data source's name


@dataclass(frozen=True)
class EnsureResult:
    """Whether the data source is ready; if not yet, the seconds to wait and Quick's last message.

    `finding`: what is not as the profile says although the data source works, and what else its record is to say.
    """

    ready: bool
    pause: int = 0
    attempt: int = 0
    message: str = ""
    finding: str = ""

    def also_lacking(self, *lacking: str) -> "EnsureResult":
        """The same, with these findings before its own."""
        return replace(self, finding=joined(*lacking, self.finding))


@dataclass(frozen=True)
class RemovalResult:
    """Whether the data source is removed; if not yet, the seconds to wait before the next try."""

    removed: bool
    pause: int = 0


class Wanted(NamedTuple):
    """The desired state of a data source."""

    name: str
    settings: DataSourceSettings
    sharing: Sharing
    folder: str = ""


class RemovalDependencies(NamedTuple):
    """The dependencies of a removal: it finds the assets on a data source and reports them."""

    quick: QuickAssets
    cache: AssetCache
    registry: Registry
    notifications: Notifications
    proofs: ProofDataSets


class RetryState(NamedTuple):
    """The retries so far: since when the access policy allows the role, the time now, and the attempts made."""

    since: datetime
    now: datetime
    attempt: int

    def exceeds(self, delay: propagation.Delay) -> bool:
        """Whether that delay must be over: enough time has passed, and Quick was asked often enough.

        The number of attempts matters when we first see a refusal late: its reason may be over by then.
        """
        return self.now - self.since >= delay.budget and self.attempt + 1 >= delay.attempts

    @property
    def pause(self) -> int:
        """Seconds to wait before the next attempt."""
        return min(max(FIRST_PAUSE, DOUBLED << min(self.attempt, 10)), LONGEST_PAUSE)


def display_name(account_name: str, connection: Connection, pattern: str = DISPLAYED, ou: str = "") -> str:
    """The name that authors see in Quick: at most 128 characters. Names of accounts and OUs are cut to fit."""
    named = pattern.replace("{account}", connection.account_id).replace("{profile}", connection.profile)
    parts = NAMES.split(named)
    room = LONGEST_NAME - sum(map(len, parts[::2]))
    given = {"{account_name}": account_name, OU: ou}
    longest = max(0, room // max(1, len(parts) // 2))
    return "".join(given.get(part, "")[:longest] if number % 2 else part for number, part in enumerate(parts))[
        :LONGEST_NAME
    ]


def settings(connection: Connection, profile: Profile, hub: Hub) -> DataSourceSettings:
    """The workgroup and the roles of this connection's queries."""
    return DataSourceSettings(
        work_group=profile.work_group_name(connection.profile),
        run_as_role_arn=hub.run_as_role(profile.run_as_role),
        consumer_role_arn=connection.consumer_role_arn(hub),
    )


def ownership_problem(connection: Connection, found: DataSource | None, hub: Hub) -> str:
    """How a data source with our name is not ours, as text; empty when it is ours or does not exist."""
    difference = hub.ownership_mismatch(found.tags) if found else ""
    return difference and f"the data source {connection.data_source_id} exists already: {difference}"


def wanted(connection: Connection, account_name: str, profile: Profile, hub: Hub, ou: str = "") -> Wanted:
    """The desired state of the connection's data source. Whoever is owner and viewer is an owner."""
    owners, owner_users = frozenset(profile.owners), frozenset(profile.owner_users)
    return Wanted(
        name=display_name(account_name, connection, profile.display_name, ou),
        settings=settings(connection, profile, hub),
        sharing=Sharing(
            owners=owners,
            viewers=frozenset(profile.viewers) - owners,
            owner_users=owner_users,
            viewer_users=frozenset(profile.viewer_users) - owner_users,
        ),
        folder=profile.folder or "",
    )


def is_current(found: DataSource | None, wanted: Wanted) -> bool:
    """Whether a data source works and is in its desired state."""
    return found is not None and _works(found, wanted) and found.sharing == wanted.sharing


def is_filed(connection: Connection, wanted: Wanted, quick: DataSources) -> bool:
    """Whether the data source is in its folder, if it is to be in one."""
    return not wanted.folder or quick.is_in_folder(connection.data_source_id, wanted.folder)


def _works(found: DataSource, wanted: Wanted) -> bool:
    return (found.state, found.name, found.settings) == ("successful", wanted.name, wanted.settings)


def ensure(
    connection: Connection, wanted: Wanted, hub: Hub, retry_state: RetryState, quick: DataSources
) -> EnsureResult:
    """Create, update or wait for the data source. After a refusal that may be a delay of AWS, try again.

    A data source that never worked is deleted and created again with the same id. One that worked is only updated,
    because deleting it would break every data set on it for good.
    """
    source_id = connection.data_source_id
    found = quick.find(source_id)
    if unmanaged := ownership_problem(connection, found, hub):
        raise NotOurs(unmanaged)
    if is_current(found, wanted):
        return EnsureResult(ready=True, finding=_filed(connection, wanted, quick))
    refusal = None
    if found is None:
        refusal = quick.create(source_id, wanted.name, wanted.settings, wanted.sharing)
    elif found.state == "creation_failed":
        quick.remove(source_id)
        refusal = _refusal_of(found)
    elif found.state == "update_failed" and retry_state.attempt:
        _retry_or_fail(source_id, _refusal_of(found), retry_state)
        refusal = quick.update(source_id, wanted.name, wanted.settings) or _refusal_of(found)
    elif found.state != "in_progress":  # an update that failed before this run is not a result of this run
        return _update(source_id, found, wanted, retry_state, quick)
    if refusal:
        return _retry_or_fail(source_id, refusal, retry_state)
    return EnsureResult(ready=False, pause=FIRST_PAUSE, attempt=retry_state.attempt)


def _filed(connection: Connection, wanted: Wanted, quick: DataSources) -> str:
    """Put the data source into its folder. Returns why Quick does not; people query it all the same."""
    if is_filed(connection, wanted, quick):
        return ""
    refusal = quick.put_in_folder(connection.data_source_id, wanted.folder)
    return f"it is not in the folder {wanted.folder}: {refusal.message}" if refusal else ""


def remove(
    connection: Connection,
    account_name: str,
    hub: Hub,
    now: datetime,
    quick: DataSources,
    removal_dependencies: RemovalDependencies,
) -> RemovalResult:
    """Report what depends on the data source, then delete it, whatever state it is in; later check that it is gone."""
    source_id = connection.data_source_id
    there = quick.find(source_id)
    if there is None:
        _discard_proof(connection, hub, removal_dependencies.proofs)
        return RemovalResult(removed=True)
    if unmanaged := ownership_problem(connection, there, hub):
        raise NotOurs(unmanaged)
    found = dependents.find(
        connection.data_source_arn(hub), now, removal_dependencies.quick, removal_dependencies.cache
    )
    if found is None:
        return RemovalResult(removed=False, pause=dependents.PACE.seconds)
    text = describe([asset for asset in found if asset.id != connection.proof_id])
    _report_dependents(connection, account_name, text, now, removal_dependencies)
    _discard_proof(connection, hub, removal_dependencies.proofs)
    quick.remove(source_id)
    return RemovalResult(removed=False, pause=FIRST_PAUSE)


def _discard_proof(connection: Connection, hub: Hub, proofs: ProofDataSets) -> None:
    """Delete the data set that a proof left behind when it was stopped."""
    tags = proofs.tags(connection.proof_id)
    if tags is not None and not hub.ownership_mismatch(tags):
        proofs.remove(connection.proof_id)


def _report_dependents(
    connection: Connection, account_name: str, text: str, now: datetime, removal_dependencies: RemovalDependencies
) -> None:
    """Report the dependents, once for each removal: the record has those reported already."""
    record = removal_dependencies.registry.records(connection.account_id).get(connection.profile)
    if not text or (record and record.dependents == text):
        return
    name = f" ({account_name})" if account_name != connection.account_id else ""
    removal_dependencies.notifications.send(
        f"Quick Onboarding: assets in Quick stop working with account {connection.account_id}",
        f"The data source {connection.data_source_id} of account {connection.account_id}{name}, profile "
        f"{connection.profile}, is deleted now. These assets depend on it and stop working for good:\n\n{text}",
    )
    removal_dependencies.registry.record_dependents(connection.account_id, connection.profile, text, now.isoformat())


def _update(
    source_id: str, found: DataSource, wanted: Wanted, retry_state: RetryState, quick: DataSources
) -> EnsureResult:
    """Update in place what differs from the desired state."""
    if found.sharing != wanted.sharing:
        quick.share(source_id, wanted.sharing)
    if not _works(found, wanted) and (refusal := quick.update(source_id, wanted.name, wanted.settings)):
        return _retry_or_fail(source_id, refusal, retry_state)
    if retry_state.attempt and retry_state.exceeds(propagation.IAM):
        raise DataSourceFailed(
            f"data source {source_id}: after {retry_state.attempt} attempts Quick still shows {found}"
        )
    return EnsureResult(ready=False, pause=retry_state.pause, attempt=retry_state.attempt + 1)


def _refusal_of(found: DataSource) -> Refusal:
    """The error with which the creation or update failed."""
    return Refusal(found.failure_type, f"{found.failure_type}: {found.failure}")


def _retry_or_fail(source_id: str, refusal: Refusal, retry_state: RetryState) -> EnsureResult:
    """Try again later. Raise an error when the refusal can't be a delay of AWS, or not any more."""
    message, delay = f"data source {source_id}: {refusal.message}", propagation.delay(refusal)
    if delay is None:
        propagation.fail(refusal, message)
    if retry_state.exceeds(delay):
        propagation.fail(refusal, f"{message} (asked {retry_state.attempt + 1} times in {delay.budget})")
    return EnsureResult(ready=False, pause=retry_state.pause, attempt=retry_state.attempt + 1, message=message)
