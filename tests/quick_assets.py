"""What an author makes of a data source: a data set, an analysis and a dashboard of one id, owned by one group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.aws.cloud import Cloud

OWNERS = "quick-athena-owners"


def make_assets(cloud: Cloud, hub: str, source_arn: str, name: str = "Orders") -> str:
    """Make all three as an administrator of the hub; answers their id, which is the data source's and the name."""
    asset_id = f"{source_arn.rpartition('/')[2]}-{name.lower()}"
    with cloud.administering(hub):
        quick = cloud.client("quicksight")
        given: Any = {"AwsAccountId": hub, "Name": name}
        made = quick.create_data_set(
            DataSetId=asset_id,
            PhysicalTableMap={"orders": {"RelationalTable": _orders(source_arn)}},
            ImportMode="DIRECT_QUERY",
            Permissions=[_owned(source_arn, "DataSet")],
            **given,
        )
        definition: Any = {
            "DataSetIdentifierDeclarations": [{"Identifier": "orders", "DataSetArn": made["Arn"]}],
        }
        quick.create_analysis(
            AnalysisId=asset_id, Definition=definition, Permissions=[_owned(source_arn, "Analysis")], **given
        )
        quick.create_dashboard(
            DashboardId=asset_id, Definition=definition, Permissions=[_owned(source_arn, "Dashboard")], **given
        )
    return asset_id


def _orders(source_arn: str) -> Any:
    columns = [{"Name": "id", "Type": "INTEGER"}]
    return {"DataSourceArn": source_arn, "Schema": "quick_sales", "Name": "orders", "InputColumns": columns}


def _owned(source_arn: str, word: str) -> Any:
    owners = source_arn.split(":datasource/", maxsplit=1)[0] + f":group/default/{OWNERS}"
    return {"Principal": owners, "Actions": [f"quicksight:Describe{word}", f"quicksight:Update{word}Permissions"]}
