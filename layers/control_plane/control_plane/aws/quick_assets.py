"""What people made in Amazon Quick and who owns it.

The lists don't say what an asset is made of; each must be described. DescribeDataSet refuses data sets from uploaded
files with InvalidParameterValueException (users' reports; unverified): these are made of no data source of ours.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from control_plane.account import Hub
from control_plane.aws.calls import code_of, named_errors
from control_plane.dependents import Asset
from control_plane.ports import Page

if TYPE_CHECKING:
    from mypy_boto3_quicksight import QuickSightClient

OWNS = re.compile(r"quicksight:Update\w+Permissions")
UNKNOWN = ("ResourceNotFoundException", "InvalidParameterValueException")


class Kind(NamedTuple):
    """How Quick's API speaks of one kind of asset."""

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
    def _kinds(self) -> dict[str, Kind]:
        return {
            "dataset": Kind(
                "DataSetId",
                "DataSetSummaries",
                self._client.list_data_sets,
                self._client.describe_data_set,
                self._client.describe_data_set_permissions,
                _of_data_set,
            ),
            "analysis": Kind(
                "AnalysisId",
                "AnalysisSummaryList",
                self._client.list_analyses,
                self._client.describe_analysis,
                self._client.describe_analysis_permissions,
                _of_analysis,
            ),
            "dashboard": Kind(
                "DashboardId",
                "DashboardSummaryList",
                self._client.list_dashboards,
                self._client.describe_dashboard,
                self._client.describe_dashboard_permissions,
                _of_dashboard,
            ),
        }

    def page(self, kind: str, token: str) -> Page:
        """One page of all assets of a kind; an empty token, or one Quick no longer knows: the first."""
        by = self._kinds[kind]
        following = {"NextToken": token} if token else {}
        try:
            with named_errors():
                found = by.list(AwsAccountId=self._hub.account_id, **following)
        except ClientError as error:
            if token and code_of(error) == "InvalidNextTokenException":
                return self.page(kind, "")
            raise
        assets = tuple(_asset(kind, by, each) for each in found.get(by.listed, []) if each.get("Status") != "DELETED")
        return Page(assets, found.get("NextToken", ""))

    def uses(self, kind: str, asset_id: str) -> tuple[str, ...]:
        """ARNs of what an asset is made of; nothing when it is gone meanwhile, or of a sort the API can't describe."""
        by = self._kinds[kind]
        return tuple(sorted(set(by.uses(self._ask(by.describe, by, asset_id)))))

    def owners(self, kind: str, asset_id: str) -> tuple[str, ...]:
        """Who may say who sees an asset; nobody when it is gone meanwhile."""
        by = self._kinds[kind]
        permissions = self._ask(by.permissions, by, asset_id).get("Permissions", [])
        return tuple(sorted(each["Principal"] for each in permissions if any(map(OWNS.fullmatch, each["Actions"]))))

    def _ask(self, describe: Callable[..., Any], by: Kind, asset_id: str) -> Mapping[str, Any]:
        try:
            with named_errors():
                found: Mapping[str, Any] = describe(AwsAccountId=self._hub.account_id, **{by.id: asset_id})
        except ClientError as error:
            if code_of(error) in UNKNOWN:
                return {}
            raise
        return found


def _asset(kind: str, by: Kind, summary: Mapping[str, Any]) -> Asset:
    updated = summary.get("LastUpdatedTime") or summary.get("CreatedTime")
    return Asset(kind, summary[by.id], summary["Arn"], summary.get("Name", ""), updated.isoformat() if updated else "")


def _of_data_set(answer: Mapping[str, Any]) -> Iterator[str]:
    """Data sources and data sets below it, those of its row-level permissions too: without them it can't be read."""
    found = answer.get("DataSet", {})
    yield from _under(found, {"DataSourceArn", "DataSetArn"})
    if rules := found.get("RowLevelPermissionDataSet", {}).get("Arn"):
        yield rules


def _under(value: Any, keys: set[str]) -> Iterator[str]:
    """Every ARN under one of the keys, however deep: physical tables, logical tables, data preparation."""
    if isinstance(value, list):
        for each in value:
            yield from _under(each, keys)
    if isinstance(value, Mapping):
        yield from (value[key] for key in keys if isinstance(value.get(key), str))
        for each in value.values():
            yield from _under(each, keys)


def _of_analysis(answer: Mapping[str, Any]) -> Iterator[str]:
    yield from answer.get("Analysis", {}).get("DataSetArns", [])


def _of_dashboard(answer: Mapping[str, Any]) -> Iterator[str]:
    """Of the version that is published."""
    yield from answer.get("Dashboard", {}).get("Version", {}).get("DataSetArns", [])
