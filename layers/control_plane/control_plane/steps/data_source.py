"""Make the Quick data source present, under an id that never changes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from control_plane.account import Connection, Hub
from control_plane.errors import DataSourceDenied, DataSourceFailed, NotOurs
from control_plane.ports import DataSource, DataSources, DataSourceSettings
from control_plane.profiles import Profile

PROPAGATION_BUDGET = timedelta(minutes=15)  # the longest AWS Support names for an IAM change
FIRST_PAUSE, LONGEST_PAUSE = 5, 120  # seconds between attempts, doubled each time


@dataclass(frozen=True)
class Progress:
    """Whether the data source is there; if not yet, how many seconds to wait and what Quick said last."""

    ready: bool
    pause: int = 0
    attempt: int = 0
    message: str = ""


@dataclass(frozen=True)
class Patience:
    """How long we have waited already: since when the access policy holds, now, and the attempts made."""

    since: datetime
    now: datetime
    attempt: int

    @property
    def is_spent(self) -> bool:
        """Whether IAM has had all the time it may need."""
        return self.now - self.since >= PROPAGATION_BUDGET

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


def is_current(found: DataSource | None, wanted: DataSourceSettings) -> bool:
    """Whether a data source works and is what it should be."""
    return found is not None and found.state == "successful" and found.settings == wanted


def ensure(
    connection: Connection,
    display_name: str,
    profile: Profile,
    hub: Hub,
    patience: Patience,
    quick: DataSources,
) -> Progress:
    """Create, mend or wait for the data source. A refusal is IAM's delay until the budget is spent.

    A data source that never worked is replaced under its id; one that worked is only ever updated,
    because deleting it would break every dataset on it for good.
    """
    source_id, wanted = connection.data_source_id, settings(connection, profile, hub)
    found = quick.find(source_id)
    if stranger := not_ours(connection, found, hub):
        raise NotOurs(stranger)
    if is_current(found, wanted):
        return Progress(ready=True)
    if found is None:
        quick.create(source_id, display_name, wanted, profile.owners, profile.viewers)
    elif found.state == "creation_failed":
        quick.remove(source_id)
        return _again(source_id, found, patience)
    elif found.state == "update_failed" and patience.attempt:
        progress = _again(source_id, found, patience)
        quick.update(source_id, display_name, wanted)
        return progress
    elif found.state != "in_progress":  # an update that failed before this run's first attempt says nothing of now
        quick.update(source_id, display_name, wanted)
        return Progress(ready=False, pause=FIRST_PAUSE, attempt=patience.attempt + 1)
    return Progress(ready=False, pause=FIRST_PAUSE, attempt=patience.attempt)


def _again(source_id: str, found: DataSource, patience: Patience) -> Progress:
    said = f"data source {source_id}: {found.failure_type}: {found.failure}"
    if found.failure_type != "ACCESS_DENIED":
        raise DataSourceFailed(said)
    if patience.is_spent:
        raise DataSourceDenied(f"{said} (asked {patience.attempt + 1} times in {PROPAGATION_BUDGET})")
    return Progress(ready=False, pause=patience.pause, attempt=patience.attempt + 1, message=said)
