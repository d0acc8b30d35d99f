"""The assets people create in Amazon Quick, and their owners.

The lists don't say what an asset uses; each asset must be described. DescribeDataSet refuses data sets from uploaded
files with InvalidParameterValueException (users' reports; unverified): these use no data source of ours.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from control_plane.account import Hub
from control_plane.aws.calls import code_of, named_errors, unless_missing
from control_plane.dependents import Asset
from control_plane.ports.quick import AssetPage

if TYPE_CHECKING:
    from mypy_boto3_quicksight import QuickSightClient

OWNS = re.compile(r"quicksight:Update\w+Permissions")
UNKNOWN = ("ResourceNotFoundException", "InvalidParameterValueException")


class AssetApi(NamedTuple):
    """The API operations and field names for one kind of asset."""

    id: str
    listed: str
    list: Callable[..., Any]
    describe: Callable[..., Any]
    permissions: Callable[..., Any]
    uses: Callable[[Mapping[str, Any]], Iterator[str]]


class AwsQuickAssets:
    """Port `QuickAssets` over Amazon Quick."""

    def __init__(self, client: "QuickSightClient", hub: Hub) -> None:
        self._client, self._hub = client, hub

    @property
    def _kinds(self) -> dict[str, AssetApi]:
        return {
            "dataset": AssetApi(
                "DataSetId",
                "DataSetSummaries",
                self._client.list_data_sets,
                self._client.describe_data_set,
                self._client.describe_data_set_permissions,
                _of_data_set,
            ),
            "analysis": AssetApi(
                "AnalysisId",
                "AnalysisSummaryList",
                self._client.list_analyses,
                self._client.describe_analysis,
                self._client.describe_analysis_permissions,
                _of_analysis,
            ),
            "dashboard": AssetApi(
                "DashboardId",
                "DashboardSummaryList",
                self._client.list_dashboards,
                self._client.describe_dashboard,
                self._client.describe_dashboard_permissions,
                _of_dashboard,
            ),
        }

    def page(self, kind: str, token: str) -> AssetPage:
        """One page of all assets of a kind. An empty token, or one that has expired, returns the first page."""
        api = self._kinds[kind]
        following = {"NextToken": token} if token else {}
        try:
            with named_errors():
                found = api.list(AwsAccountId=self._hub.account_id, **following)
        except ClientError as error:
            if token and code_of(error) == "InvalidNextTokenException":
                return self.page(kind, "")
            raise
        assets = tuple(_asset(kind, api, each) for each in found.get(api.listed, []) if each.get("Status") != "DELETED")
        return AssetPage(assets, found.get("NextToken", ""))

    def uses(self, kind: str, asset_id: str) -> tuple[str, ...]:
        """ARNs of what an asset uses; empty when it no longer exists, or when the API can't describe it."""
        api = self._kinds[kind]
        return tuple(sorted(set(api.uses(self._ask(api.describe, api, asset_id)))))

    def owners(self, kind: str, asset_id: str) -> tuple[str, ...]:
        """Who may change the permissions of an asset; empty when it no longer exists."""
        api = self._kinds[kind]
        permissions = self._ask(api.permissions, api, asset_id).get("Permissions", [])
        return tuple(sorted(each["Principal"] for each in permissions if any(map(OWNS.fullmatch, each["Actions"]))))

    def _ask(self, describe: Callable[..., Any], api: AssetApi, asset_id: str) -> Mapping[str, Any]:
        return unless_missing(UNKNOWN, describe, AwsAccountId=self._hub.account_id, **{api.id: asset_id}) or {}


def _asset(kind: str, api: AssetApi, summary: Mapping[str, Any]) -> Asset:
    updated = summary.get("LastUpdatedTime") or summary.get("CreatedTime")
    return Asset(kind, summary[api.id], summary["Arn"], summary.get("Name", ""), updated.isoformat() if updated else "")


def _of_data_set(answer: Mapping[str, Any]) -> Iterator[str]:
    """The data sources and data sets it uses, including the data set of its row-level permissions."""
    found = answer.get("DataSet", {})
    yield from _arns_under(found, {"DataSourceArn", "DataSetArn"})
    if rules := found.get("RowLevelPermissionDataSet", {}).get("Arn"):
        yield rules


def _arns_under(value: Any, keys: set[str]) -> Iterator[str]:
    """Every ARN under one of the keys, at any depth: physical tables, logical tables, data preparation."""
    if isinstance(value, list):
        for each in value:
            yield from _arns_under(each, keys)
    if isinstance(value, Mapping):
        yield from (value[key] for key in keys if isinstance(value.get(key), str))
        for each in value.values():
            yield from _arns_under(each, keys)


def _of_analysis(answer: Mapping[str, Any]) -> Iterator[str]:
    yield from answer.get("Analysis", {}).get("DataSetArns", [])


def _of_dashboard(answer: Mapping[str, Any]) -> Iterator[str]:
    """The data sets of the published version."""
    yield from answer.get("Dashboard", {}).get("Version", {}).get("DataSetArns", [])
