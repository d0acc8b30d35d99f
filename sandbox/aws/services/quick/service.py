"""Amazon Quick: its subscription, its assets, and the data they reach.

moto's Quick says yes to everything at once; each difference has a module here. Source: botocore model of quicksight
2018-04-01.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.aws.services.quick import urls
from sandbox.aws.services.quick.analyses_and_dashboards import AnalysesOrDashboards
from sandbox.aws.services.quick.answer import Answer, Refused, refusal
from sandbox.aws.services.quick.data_sets import DataSets
from sandbox.aws.services.quick.data_sources import DELAYED_REFUSALS, IMMEDIATE_REFUSALS, DataSources
from sandbox.aws.services.quick.engine import Engine
from sandbox.aws.services.quick.folders import Folders
from sandbox.aws.services.quick.groups import Groups
from sandbox.aws.services.quick.lake import OWN_CATALOG
from sandbox.aws.services.quick.seeding import seed_lake
from sandbox.aws.services.quick.subscription import Subscription
from sandbox.aws.services.quick.tagging import Tagging

if TYPE_CHECKING:
    from sandbox.aws.cloud import Cloud
    from sandbox.aws.services.iam import Iam
    from sandbox.aws.services.quick.asset_store import AssetStore
    from sandbox.aws.services.quick.assumptions import Assumptions
    from sandbox.aws.services.sts import Sts

CREATION_SECONDS = 6.0
urls.extend()


class Quick:
    """Amazon Quick in the hub account. Every creation, update and query goes through the whole chain.

    `subscription.edition` and `subscription.identity_region` may be set at any time, and so may `refuses_as`: how it
    reports that a role can't be assumed. `session_seconds` is how long Quick goes on with a consumer session it holds;
    0: every query gets a new one.
    """

    def __init__(
        self,
        cloud: Cloud,
        sts: Sts,
        iam: Iam,
        creation_seconds: float = CREATION_SECONDS,
        session_seconds: float = 0,
    ) -> None:
        self._cloud = cloud
        self._engine = Engine(cloud, sts, iam, session_seconds)
        self.subscription = Subscription(cloud)
        folders = Folders(cloud)
        self._sources = DataSources(cloud, self._engine, folders, creation_seconds)
        self._sets = DataSets(cloud, self._engine, folders, self._sources, self.subscription, creation_seconds)
        analyses = AnalysesOrDashboards(cloud, folders, self._sets.store, "Analysis", creation_seconds)
        dashboards = AnalysesOrDashboards(cloud, folders, self._sets.store, "Dashboard", creation_seconds)
        assets = (self._sources, self._sets, analyses, dashboards)
        stores: dict[str, AssetStore[Any]] = {each.store.word.upper(): each.store for each in assets}
        folders.stores = stores
        tagging = Tagging({**{word.lower(): store for word, store in stores.items()}, "folder": folders.store})
        for api in (self.subscription, Groups(), folders, *assets, tagging):
            cloud.gateway.handle("quicksight", **api.operations())

    @property
    def assumptions(self) -> Assumptions:
        """What it does where AWS's documents leave a doubt."""
        return self._engine.assumptions

    @property
    def session_seconds(self) -> float:
        """How long Quick goes on with a session it holds."""
        return self._engine.session_seconds

    @session_seconds.setter
    def session_seconds(self, seconds: float) -> None:
        self._engine.session_seconds = seconds

    @property
    def refuses_as(self) -> str:
        """How it reports that the chain of roles is refused: an error code at once, or a type of ErrorInfo later."""
        return self._sources.refuses_as

    @refuses_as.setter
    def refuses_as(self, how: str) -> None:
        if how not in (*IMMEDIATE_REFUSALS, *DELAYED_REFUSALS):
            raise ValueError(
                f"Quick refuses as one of {', '.join((*IMMEDIATE_REFUSALS, *DELAYED_REFUSALS))}, not as {how}"
            )
        self._sources.refuses_as = how

    @property
    def spice_is_full(self) -> bool:
        """Whether SPICE has no capacity left, so that nothing is imported."""
        return self._sets.ingestions.is_spice_full

    @spice_is_full.setter
    def spice_is_full(self, is_full: bool) -> None:
        self._sets.ingestions.is_spice_full = is_full

    @property
    def lake_formation_locations(self) -> set[str]:
        """S3 ARNs governed by Lake Formation, besides those registered with moto's."""
        return self._engine.lake_formation_locations

    def query(self, data_source_id: str, database: str, table: str, catalog: str = OWN_CATALOG) -> Answer:
        """Quick selects from a table through the data source, now. AwsError when there is no such data source."""
        place = self._cloud.topology
        with self._cloud.gateway.lock:
            source = self._sources.store.find(place.hub, place.region, data_source_id)
            try:
                return self._engine.query(source, database, table, catalog)
            except Refused as refused:
                return refusal(refused)

    def read_dataset(self, data_set_id: str) -> Answer:
        """Read a data set: what SPICE has imported, or a query now. AwsError when there is no such data set."""
        place = self._cloud.topology
        with self._cloud.gateway.lock:
            return self._sets.read(self._sets.store.find(place.hub, place.region, data_set_id))

    def seed_lake(self, account: str, database: str, table: str, bucket: str) -> None:
        """Give an account a Glue database, a table in it and a bucket with its data, in Quick's Region."""
        seed_lake(self._cloud, account, database, table, bucket)
