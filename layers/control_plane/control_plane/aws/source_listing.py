"""All data sources of Amazon Quick with a name of ours."""

from typing import TYPE_CHECKING, Any

from control_plane.account import Connection, Hub
from control_plane.aws.calls import named_errors, unless_missing
from control_plane.aws.quicksight import MISSING, STATES, settings_of
from control_plane.ports.listing import ListPage
from control_plane.sweep.snapshot import DataSourceSummary, SourceOwnership
from control_plane.text import SHORT, bounded

if TYPE_CHECKING:
    from mypy_boto3_quicksight import QuickSightClient

PAGE = 100


class AwsSourceListing:
    """Port `SourceListing` over Amazon Quick."""

    def __init__(self, client: "QuickSightClient", hub: Hub) -> None:
        self._client, self._hub = client, hub

    def page(self, token: str) -> ListPage[DataSourceSummary]:
        """At most 100 data sources; returns those with a name of ours."""
        following: Any = {"NextToken": token} if token else {}
        with named_errors():
            found: Any = self._client.list_data_sources(AwsAccountId=self._hub.account_id, MaxResults=PAGE, **following)
        sources = [_source(each) for each in found.get("DataSources", []) if each.get("Status") in STATES]
        return ListPage([each for each in sources if each], found.get("NextToken", ""))

    def ownership(self, connection: Connection) -> SourceOwnership | None:
        """Whether a connection's data source has our ownership tags; None when it does not exist any more."""
        arn = connection.data_source_arn(self._hub)
        found = unless_missing(MISSING, self._client.list_tags_for_resource, ResourceArn=arn)
        if found is None:
            return None
        tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}
        mismatch = bounded(self._hub.ownership_mismatch(tags), SHORT)
        return SourceOwnership(account_id=connection.account_id, profile=connection.profile, mismatch=mismatch)


def _source(found: Any) -> DataSourceSummary | None:
    connection = Connection.of_data_source(found["DataSourceId"])
    if connection is None:
        return None
    settings = settings_of(found)
    return DataSourceSummary(
        account_id=connection.account_id,
        profile=connection.profile,
        state=STATES[found["Status"]],
        name=found.get("Name", ""),
        work_group=settings.work_group,
        run_as_role_arn=settings.run_as_role_arn,
        consumer_role_arn=settings.consumer_role_arn,
    )
