"""Amazon Quick's data sources (its API still says QuickSight)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from control_plane.account import Hub
from control_plane.aws.calls import code_of, named_errors, tolerating
from control_plane.errors import DataSourceFailed
from control_plane.ports import DataSource, DataSourceSettings

if TYPE_CHECKING:
    from mypy_boto3_quicksight import QuickSightClient

STATES = {
    "CREATION_IN_PROGRESS": "in_progress",
    "UPDATE_IN_PROGRESS": "in_progress",
    "CREATION_SUCCESSFUL": "successful",
    "UPDATE_SUCCESSFUL": "successful",
    "CREATION_FAILED": "creation_failed",
    "UPDATE_FAILED": "update_failed",
}
VIEW = [
    "quicksight:DescribeDataSource",
    "quicksight:DescribeDataSourcePermissions",
    "quicksight:PassDataSource",
]
OWN = [
    *VIEW,
    "quicksight:UpdateDataSource",
    "quicksight:DeleteDataSource",
    "quicksight:UpdateDataSourcePermissions",
]
ENOUGH = ("ENTERPRISE", "ENTERPRISE_AND_Q")
REFUSED = ("InvalidParameterValueException", "LimitExceededException", "ResourceNotFoundException")


class AwsDataSources:
    """Port `DataSources` over Amazon Quick."""

    def __init__(self, client: "QuickSightClient", hub: Hub, identity_region: str, namespace: str) -> None:
        self._client, self._hub = client, hub
        self._groups = f"arn:{hub.partition}:quicksight:{identity_region}:{hub.account_id}:group/{namespace}/"

    def find(self, data_source_id: str) -> DataSource | None:
        """The data source with its tags, or None."""
        try:
            with named_errors():
                found: Any = self._client.describe_data_source(
                    AwsAccountId=self._hub.account_id, DataSourceId=data_source_id
                )["DataSource"]
                tags = self._client.list_tags_for_resource(ResourceArn=found["Arn"]).get("Tags", [])
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":
                return None
            raise
        state = STATES.get(found["Status"])
        if state is None:  # DELETED: Quick still shows it for a moment
            return None
        return DataSource(
            state=state,
            settings=_settings(found.get("DataSourceParameters", {}).get("AthenaParameters", {})),
            tags={tag["Key"]: tag["Value"] for tag in tags},
            failure_type=found.get("ErrorInfo", {}).get("Type", ""),
            failure=found.get("ErrorInfo", {}).get("Message", ""),
        )

    def create(
        self,
        data_source_id: str,
        name: str,
        settings: DataSourceSettings,
        owners: list[str],
        viewers: list[str],
    ) -> None:
        """Begin to create it; one that exists already is no error."""
        permissions = [self._permission(group, OWN) for group in owners]
        permissions += [self._permission(group, VIEW) for group in viewers]
        with _refusals(data_source_id), tolerating("ResourceExistsException"):
            self._client.create_data_source(
                AwsAccountId=self._hub.account_id,
                DataSourceId=data_source_id,
                Name=name,
                Type="ATHENA",
                DataSourceParameters=_parameters(settings),
                Permissions=permissions,
                Tags=[{"Key": key, "Value": value} for key, value in self._hub.mark.items()],
            )

    def update(self, data_source_id: str, name: str, settings: DataSourceSettings) -> None:
        """Begin to change where its queries run; a change under way is no error, we look again."""
        with _refusals(data_source_id), tolerating("ConflictException"):
            self._client.update_data_source(
                AwsAccountId=self._hub.account_id,
                DataSourceId=data_source_id,
                Name=name,
                DataSourceParameters=_parameters(settings),
            )

    def remove(self, data_source_id: str) -> None:
        """Delete it; one that is gone already is no error."""
        with named_errors(), tolerating("ResourceNotFoundException"):
            self._client.delete_data_source(AwsAccountId=self._hub.account_id, DataSourceId=data_source_id)

    def _permission(self, group: str, actions: list[str]) -> Any:
        return {"Principal": self._groups + group, "Actions": actions}


class AwsQuickAccount:
    """Port `QuickAccount` over Amazon Quick, in the Region that holds its groups.

    Good news is remembered as long as the function stays warm: thousands of accounts ask the same question.
    """

    def __init__(self, client: "QuickSightClient", hub: Hub, namespace: str) -> None:
        self._client, self._hub, self._namespace = client, hub, namespace
        self._edition: str | None = None
        self._groups: set[str] = set()

    def edition(self) -> str | None:
        """STANDARD, ENTERPRISE or ENTERPRISE_AND_Q; None when the account is not subscribed."""
        if self._edition not in ENOUGH:
            self._edition = self._ask_for_edition()
        return self._edition

    def has_group(self, name: str) -> bool:
        """Whether that group exists."""
        if name not in self._groups and self._exists(name):
            self._groups.add(name)
        return name in self._groups

    def _ask_for_edition(self) -> str | None:
        try:
            with named_errors():
                found = self._client.describe_account_subscription(AwsAccountId=self._hub.account_id)["AccountInfo"]
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":
                return None
            raise
        ended = found.get("AccountSubscriptionStatus", "").startswith("UNSUBSCRIBE")
        return None if ended else found.get("Edition", "STANDARD")

    def _exists(self, name: str) -> bool:
        try:
            with named_errors():
                self._client.describe_group(
                    AwsAccountId=self._hub.account_id, Namespace=self._namespace, GroupName=name
                )
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":
                return False
            raise
        return True


@contextmanager
def _refusals(data_source_id: str) -> Iterator[None]:
    """Answers to a create or update that waiting does not mend are named after the data source."""
    try:
        with named_errors():
            yield
    except ClientError as error:
        if code_of(error) in REFUSED:
            raise DataSourceFailed(f"data source {data_source_id}: {error}") from error
        raise


def _settings(athena: dict[str, str]) -> DataSourceSettings:
    return DataSourceSettings(
        work_group=athena.get("WorkGroup", ""),
        run_as_role_arn=athena.get("RoleArn", ""),
        consumer_role_arn=athena.get("ConsumerAccountRoleArn", ""),
    )


def _parameters(settings: DataSourceSettings) -> Any:
    return {
        "AthenaParameters": {
            "WorkGroup": settings.work_group,
            "RoleArn": settings.run_as_role_arn,
            "ConsumerAccountRoleArn": settings.consumer_role_arn,
        }
    }
