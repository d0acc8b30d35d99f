"""Make the Quick data source present, or absent, under an id that never changes."""

from dataclasses import dataclass
from datetime import datetime

from control_plane import propagation
from control_plane.account import Connection, Hub
from control_plane.dependents import told
from control_plane.errors import DataSourceFailed, NotOurs
from control_plane.ports import (
    AssetCache,
    DataSource,
    DataSources,
    DataSourceSettings,
    Notifications,
    QuickAssets,
    Refusal,
    Registry,
    Sharing,
)
from control_plane.profiles import Profile
from control_plane.steps import dependents

FIRST_PAUSE, LONGEST_PAUSE = 5, 120  # seconds between attempts, doubled each time


@dataclass(frozen=True)
class Progress:
    """Whether the data source is there; if not yet, how many seconds to wait and what Quick said last."""

    ready: bool
    pause: int = 0
    attempt: int = 0
    message: str = ""


@dataclass(frozen=True)
class Removal:
    """Whether the data source is gone; if not yet, how many seconds to wait before looking again."""

    gone: bool
    pause: int = 0


@dataclass(frozen=True)
class Wanted:
    """What a data source should be."""

    name: str
    settings: DataSourceSettings
    sharing: Sharing


@dataclass(frozen=True)
class Impact:
    """Where a removal learns what depends on a data source, and where it tells so."""

    quick: QuickAssets
    cache: AssetCache
    registry: Registry
    notifications: Notifications


@dataclass(frozen=True)
class Patience:
    """How long we have waited already: since when the access policy holds, now, and the attempts made."""

    since: datetime
    now: datetime
    attempt: int

    def outlasts(self, delay: propagation.Delay) -> bool:
        """Whether that delay must be over: time enough has passed, and Quick was asked often enough to show it.

        However late we learn of a refusal, what it says may be long over.
        """
        return self.now - self.since >= delay.budget and self.attempt + 1 >= delay.attempts

    @property
    def pause(self) -> int:
        """Seconds until the next attempt is worth making."""
        return min(FIRST_PAUSE << min(self.attempt, 10), LONGEST_PAUSE)


def display_name(account_name: str, connection: Connection) -> str:
    """The name BI authors see: at most Quick's 128 characters."""
    suffix = f" ({connection.account_id}) {connection.profile}"
    return account_name[: 128 - len(suffix)] + suffix


def settings(connection: Connection, profile: Profile, hub: Hub) -> DataSourceSettings:
    """Where this connection's queries run, and as whom."""
    return DataSourceSettings(
        work_group=profile.work_group_name(connection.profile),
        run_as_role_arn=hub.run_as_role_arn,
        consumer_role_arn=connection.consumer_role_arn(hub),
    )


def not_ours(connection: Connection, found: DataSource | None, hub: Hub) -> str:
    """How a data source of our name is not ours, in words; empty when it is, or when there is none."""
    difference = hub.unmarked(found.tags) if found else ""
    return difference and f"the data source {connection.data_source_id} exists already: {difference}"


def wanted(connection: Connection, account_name: str, profile: Profile, hub: Hub) -> Wanted:
    """What the connection's data source should be. A group that is owner and viewer is owner."""
    owners = frozenset(profile.owners)
    return Wanted(
        name=display_name(account_name, connection),
        settings=settings(connection, profile, hub),
        sharing=Sharing(owners, frozenset(profile.viewers) - owners),
    )


def is_current(found: DataSource | None, wanted: Wanted) -> bool:
    """Whether a data source works and is what it should be."""
    return found is not None and _works(found, wanted) and found.sharing == wanted.sharing


def _works(found: DataSource, wanted: Wanted) -> bool:
    return (found.state, found.name, found.settings) == ("successful", wanted.name, wanted.settings)


def ensure(connection: Connection, wanted: Wanted, hub: Hub, patience: Patience, quick: DataSources) -> Progress:
    """Create, mend or wait for the data source. A refusal that may be a delay of AWS's is waited out.

    A data source that never worked is replaced under its id; one that worked is only ever updated,
    because deleting it would break every dataset on it for good.
    """
    source_id = connection.data_source_id
    found = quick.find(source_id)
    if stranger := not_ours(connection, found, hub):
        raise NotOurs(stranger)
    if is_current(found, wanted):
        return Progress(ready=True)
    refusal = None
    if found is None:
        refusal = quick.create(source_id, wanted.name, wanted.settings, wanted.sharing)
    elif found.state == "creation_failed":
        quick.remove(source_id)
        refusal = _told(found)
    elif found.state == "update_failed" and patience.attempt:
        _waited_out(source_id, _told(found), patience)
        refusal = quick.update(source_id, wanted.name, wanted.settings) or _told(found)
    elif found.state != "in_progress":  # an update that failed before this run's first attempt says nothing of now
        return _mend(source_id, found, wanted, patience, quick)
    if refusal:
        return _waited_out(source_id, refusal, patience)
    return Progress(ready=False, pause=FIRST_PAUSE, attempt=patience.attempt)


def remove(
    connection: Connection, account_name: str, hub: Hub, now: datetime, quick: DataSources, impact: Impact
) -> Removal:
    """Tell what depends on the data source, then delete it, whatever state it is in; then look whether it is gone."""
    source_id = connection.data_source_id
    there = quick.find(source_id)
    if there is None:
        return Removal(gone=True)
    if stranger := not_ours(connection, there, hub):
        raise NotOurs(stranger)
    found = dependents.find(connection.data_source_arn(hub), now, impact.quick, impact.cache)
    if found is None:
        return Removal(gone=False, pause=dependents.PACE.seconds)
    _tell(connection, account_name, told(found), now, impact)
    quick.remove(source_id)
    return Removal(gone=False, pause=FIRST_PAUSE)


def _tell(connection: Connection, account_name: str, text: str, now: datetime, impact: Impact) -> None:
    """Once for each removal: the record says whether it was told."""
    record = impact.registry.records(connection.account_id).get(connection.profile)
    if not text or (record and record.dependents == text):
        return
    name = f" ({account_name})" if account_name != connection.account_id else ""
    impact.notifications.send(
        f"Quick Onboarding: assets in Quick stop working with account {connection.account_id}",
        f"The data source {connection.data_source_id} of account {connection.account_id}{name}, profile "
        f"{connection.profile}, is deleted now. What depends on it stops working for good:\n\n{text}",
    )
    impact.registry.record_dependents(connection.account_id, connection.profile, text, now.isoformat())


def _mend(source_id: str, found: DataSource, wanted: Wanted, patience: Patience, quick: DataSources) -> Progress:
    """Change in place what is not as it should be."""
    if found.sharing != wanted.sharing:
        quick.share(source_id, wanted.sharing)
    if not _works(found, wanted) and (refusal := quick.update(source_id, wanted.name, wanted.settings)):
        return _waited_out(source_id, refusal, patience)
    if patience.attempt and patience.outlasts(propagation.IAM):
        raise DataSourceFailed(f"data source {source_id}: after {patience.attempt} attempts Quick still shows {found}")
    return Progress(ready=False, pause=patience.pause, attempt=patience.attempt + 1)


def _told(found: DataSource) -> Refusal:
    """How the creation or update ended."""
    return Refusal(found.failure_type, f"{found.failure_type}: {found.failure}")


def _waited_out(source_id: str, refusal: Refusal, patience: Patience) -> Progress:
    """Try again later, unless the refusal can be no delay of AWS's, or no longer."""
    said, delay = f"data source {source_id}: {refusal.message}", propagation.delay(refusal)
    if delay is None:
        propagation.fail(refusal, said)
    if patience.outlasts(delay):
        propagation.fail(refusal, f"{said} (asked {patience.attempt + 1} times in {delay.budget})")
    return Progress(ready=False, pause=patience.pause, attempt=patience.attempt + 1, message=said)
