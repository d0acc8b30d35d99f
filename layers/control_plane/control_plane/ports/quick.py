"""Amazon Quick: its data sources, the assets people create in it, and its account."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

from control_plane.dependents import Asset


class DataSourceSettings(NamedTuple):
    """The settings that decide where a data source's queries run."""

    work_group: str
    run_as_role_arn: str
    consumer_role_arn: str


class Sharing(NamedTuple):
    """Who can use a data source: groups and users by name. `others`: other principals, or unusual permissions."""

    owners: frozenset[str]
    viewers: frozenset[str]
    others: frozenset[str] = frozenset()
    owner_users: frozenset[str] = frozenset()
    viewer_users: frozenset[str] = frozenset()


class DataSource(NamedTuple):
    """A Quick data source, as described now. `failure_type` and `failure`: AWS's error, when it failed."""

    state: str  # in_progress | successful | creation_failed | update_failed
    name: str
    settings: DataSourceSettings
    sharing: Sharing
    tags: Mapping[str, str]
    failure_type: str = ""
    failure: str = ""


class AssetPage(NamedTuple):
    """One page of a list of assets, and the token of the next page; empty: it was the last."""

    assets: tuple[Asset, ...]
    token: str = ""


class ListingProgress(NamedTuple):
    """How far listing Quick's assets has come: its start, and the next kind and page. No kind: it is complete."""

    since: str = ""
    kind: str = ""
    token: str = ""


class Refusal(NamedTuple):
    """Why Quick refused or failed to make something: the error's code or type, and the message."""

    kind: str
    message: str


class DataSources(Protocol):
    """Amazon Quick's data sources."""

    def find(self, data_source_id: str) -> DataSource | None:
        """The data source, or None."""

    def create(self, data_source_id: str, name: str, settings: DataSourceSettings, sharing: Sharing) -> Refusal | None:
        """Start to create it, or return Quick's refusal."""

    def update(self, data_source_id: str, name: str, settings: DataSourceSettings) -> Refusal | None:
        """Start to change its name and settings, or return Quick's refusal."""

    def share(self, data_source_id: str, sharing: Sharing) -> None:
        """Share it with exactly these groups and users: grant missing permissions, revoke the others."""

    def is_in_folder(self, data_source_id: str, folder_id: str) -> bool:
        """Whether that folder has it."""

    def put_in_folder(self, data_source_id: str, folder_id: str) -> Refusal | None:
        """Put it into that folder, or return Quick's refusal."""

    def remove(self, data_source_id: str) -> None:
        """Delete it; no error when it does not exist."""


class Ingestion(NamedTuple):
    """One import into SPICE. `failure`: why it failed; `rows`: how many it took."""

    is_over: bool
    failure: Refusal | None = None
    rows: int = 0


class ProofDataSets(Protocol):
    """The data sets of proofs: each imports the one row of a statement into SPICE, and nobody sees it."""

    def tags(self, data_set_id: str) -> Mapping[str, str] | None:
        """The tags of a data set; None when it does not exist."""

    def create(self, data_set_id: str, data_source_arn: str, sql: str) -> str | Refusal:
        """Create it with our ownership tags. Returns the id of the ingestion that Quick starts then, or its refusal."""

    def ingestion(self, data_set_id: str, ingestion_id: str) -> Ingestion | None:
        """How an ingestion stands; None when it, or its data set, does not exist any more."""

    def remove(self, data_set_id: str) -> None:
        """Delete a data set; no error when it does not exist."""


class DataSourceStates(Protocol):
    """Whether connections have a data source."""

    def is_usable(self, data_source_id: str) -> bool:
        """Whether the data source exists and its creation did not fail."""


class QuickAssets(Protocol):
    """What people create in Amazon Quick: data sets, analyses, dashboards."""

    def page(self, kind: str, token: str) -> AssetPage:
        """One page of all assets of a kind; an empty token: the first page."""

    def uses(self, kind: str, asset_id: str) -> tuple[str, ...]:
        """ARNs of what an asset uses; empty when it no longer exists, or when the API can't describe it."""

    def owners(self, kind: str, asset_id: str) -> tuple[str, ...]:
        """Who may change the permissions of an asset; empty when it no longer exists."""


class AssetCache(Protocol):
    """What is known of Quick's assets, and who may call Quick next. See steps/dependents.py."""

    def try_reserve(self, now: datetime, until: datetime) -> bool:
        """Reserve Quick's API until then; False while somebody else has it reserved."""

    def listing(self) -> ListingProgress:
        """How far the listing has come."""

    def keep_listing(self, listing: ListingProgress) -> None:
        """Store how far the listing has come."""

    def assets(self) -> list[Asset]:
        """All known assets."""

    def keep(self, asset: Asset) -> None:
        """Store one asset."""

    def forget(self, asset: Asset) -> None:
        """Delete one asset from the cache."""


class QuickAccount(Protocol):
    """The Amazon Quick subscription of the hub account."""

    def edition(self) -> str | None:
        """STANDARD, ENTERPRISE or ENTERPRISE_AND_Q; None when the account is not subscribed."""

    def has_group(self, name: str) -> bool:
        """Whether that group exists."""

    def has_user(self, name: str) -> bool:
        """Whether that user exists."""

    def has_folder(self, folder_id: str) -> bool:
        """Whether that folder exists, in the Region of the data sources."""
