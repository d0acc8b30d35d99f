"""Amazon Quick's data sources (its API still says QuickSight)."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from control_plane.account import Hub
from control_plane.aws.calls import code_of, named_errors, tolerating, unless_missing
from control_plane.errors import DataSourceFailed
from control_plane.ports.quick import DataSource, DataSourceSettings, Refusal, Sharing

if TYPE_CHECKING:
    from mypy_boto3_quicksight import QuickSightClient

MISSING = "ResourceNotFoundException"
STATES = {
    "CREATION_IN_PROGRESS": "in_progress",
    "UPDATE_IN_PROGRESS": "in_progress",
    "CREATION_SUCCESSFUL": "successful",
    "UPDATE_SUCCESSFUL": "successful",
    "CREATION_FAILED": "creation_failed",
    "UPDATE_FAILED": "update_failed",
}
UNUSABLE = ("CREATION_FAILED", "DELETED")  # states in which no query can run
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
PER_CALL = 64  # the limit of UpdateDataSourcePermissions
SUFFICIENT = ("ENTERPRISE", "ENTERPRISE_AND_Q")
SHARING_REFUSALS = ("InvalidParameterValueException", "LimitExceededException", MISSING)
# Errors by which CreateDataSource and UpdateDataSource refuse a request; any other error is raised.
REQUEST_REFUSALS = (
    *SHARING_REFUSALS,
    "AccessDeniedException",
    "ConflictException",
    "ConcurrentUpdatingException",
    "CustomerManagedKeyUnavailableException",
    "ResourceExistsException",
    "UnsupportedPricingPlanException",
    "UnsupportedUserEditionException",
)


class AwsDataSources:
    """Port `DataSources` over Amazon Quick."""

    def __init__(self, client: "QuickSightClient", hub: Hub, identity_region: str, namespace: str) -> None:
        self._client, self._hub = client, hub
        self._hub_arn = f"arn:{hub.partition}:quicksight:{hub.region}:{hub.account_id}"
        identities = f"arn:{hub.partition}:quicksight:{identity_region}:{hub.account_id}"
        self._groups, self._users = f"{identities}:group/{namespace}/", f"{identities}:user/{namespace}/"

    def find(self, data_source_id: str) -> DataSource | None:
        """The data source with its tags and permissions, or None."""
        found = self._describe(data_source_id)
        state = STATES.get(found["Status"]) if found else None
        if found is None or state is None:  # DELETED: Quick still returns it for a moment
            return None
        tags = unless_missing(MISSING, self._client.list_tags_for_resource, ResourceArn=found["Arn"])
        permissions = unless_missing(MISSING, self._permissions, data_source_id=data_source_id)
        if tags is None or permissions is None:  # deleted meanwhile
            return None
        return DataSource(
            state=state,
            name=found.get("Name", ""),
            settings=settings_of(found),
            sharing=self._sharing(permissions),
            tags={tag["Key"]: tag["Value"] for tag in tags.get("Tags", [])},
            failure_type=found.get("ErrorInfo", {}).get("Type", ""),
            failure=found.get("ErrorInfo", {}).get("Message", ""),
        )

    def is_usable(self, data_source_id: str) -> bool:
        """Whether the data source exists and its creation did not fail."""
        found = self._describe(data_source_id)
        return found is not None and found["Status"] not in UNUSABLE

    def _describe(self, data_source_id: str) -> Any | None:
        found = unless_missing(MISSING, self._client.describe_data_source, **self._named(data_source_id))
        return found and found["DataSource"]

    def _named(self, data_source_id: str) -> Any:
        """The parameters that name a data source in every call."""
        return {"AwsAccountId": self._hub.account_id, "DataSourceId": data_source_id}

    def create(self, data_source_id: str, name: str, settings: DataSourceSettings, sharing: Sharing) -> Refusal | None:
        """Start to create it, or return Quick's refusal."""
        return _request(
            self._client.create_data_source,
            **self._named(data_source_id),
            Name=name,
            Type="ATHENA",
            DataSourceParameters=_parameters(settings),
            Permissions=[_permission(*each) for each in self._wanted(sharing).items()],
            Tags=[{"Key": key, "Value": value} for key, value in self._hub.ownership_tags.items()],
        )

    def update(self, data_source_id: str, name: str, settings: DataSourceSettings) -> Refusal | None:
        """Start to change its name and settings, or return Quick's refusal."""
        return _request(
            self._client.update_data_source,
            **self._named(data_source_id),
            Name=name,
            DataSourceParameters=_parameters(settings),
        )

    def share(self, data_source_id: str, sharing: Sharing) -> None:
        """Share it with exactly these groups and users. More changes than one call takes are made by the next call."""
        with _refusals(data_source_id), tolerating("ConflictException"):
            wanted, seen = self._wanted(sharing), self._permissions(data_source_id)
            missing = [_permission(who, actions) for who, actions in wanted.items() if actions - seen.get(who, set())]
            extra = {who: actions - wanted.get(who, set()) for who, actions in seen.items()}
            too_much = [_permission(who, actions) for who, actions in extra.items() if actions]
            if changes := _not_empty(GrantPermissions=missing[:PER_CALL], RevokePermissions=too_much[:PER_CALL]):
                self._client.update_data_source_permissions(**self._named(data_source_id), **changes)

    def is_in_folder(self, data_source_id: str, folder_id: str) -> bool:
        """Whether that folder has it."""
        pages = self._client.get_paginator("list_folders_for_resource").paginate(
            AwsAccountId=self._hub.account_id, ResourceArn=f"{self._hub_arn}:datasource/{data_source_id}"
        )
        with named_errors():
            return any(arn.endswith(f":folder/{folder_id}") for page in pages for arn in page.get("Folders", []))

    def put_in_folder(self, data_source_id: str, folder_id: str) -> Refusal | None:
        """Put it into that folder, or return Quick's refusal."""
        return _request(
            self._client.create_folder_membership,
            AwsAccountId=self._hub.account_id,
            FolderId=folder_id,
            MemberId=data_source_id,
            MemberType="DATASOURCE",
        )

    def remove(self, data_source_id: str) -> None:
        """Delete it. No error when it does not exist or is being changed: the caller checks again."""
        with named_errors(), tolerating(MISSING, "ConflictException"):
            self._client.delete_data_source(**self._named(data_source_id))

    def _permissions(self, data_source_id: str) -> dict[str, set[str]]:
        """Actions by principal."""
        found = self._client.describe_data_source_permissions(**self._named(data_source_id))
        return {each["Principal"]: set(each["Actions"]) for each in found.get("Permissions", [])}

    def _sharing(self, permissions: dict[str, set[str]]) -> Sharing:
        named = Sharing(
            owners=_with(permissions, OWN, self._groups),
            viewers=_with(permissions, VIEW, self._groups),
            owner_users=_with(permissions, OWN, self._users),
            viewer_users=_with(permissions, VIEW, self._users),
        )
        return named._replace(others=frozenset(permissions) - frozenset(self._wanted(named)))

    def _wanted(self, sharing: Sharing) -> dict[str, set[str]]:
        """Actions by principal, the viewers first."""
        groups, users = self._groups, self._users
        return {
            **{groups + name: set(VIEW) for name in sorted(sharing.viewers)},
            **{users + name: set(VIEW) for name in sorted(sharing.viewer_users)},
            **{groups + name: set(OWN) for name in sorted(sharing.owners)},
            **{users + name: set(OWN) for name in sorted(sharing.owner_users)},
        }


class AwsQuickAccount:
    """Port `QuickAccount` over Amazon Quick: groups and users in the identity Region, folders where data sources are.

    Positive answers are cached while the function stays warm: thousands of accounts need the same ones.
    """

    def __init__(self, identities: "QuickSightClient", regional: "QuickSightClient", hub: Hub, namespace: str) -> None:
        self._client, self._regional, self._hub, self._namespace = identities, regional, hub, namespace
        self._edition: str | None = None
        self._known: set[tuple[str, str]] = set()

    def edition(self) -> str | None:
        """STANDARD, ENTERPRISE or ENTERPRISE_AND_Q; None when the account is not subscribed."""
        if self._edition not in SUFFICIENT:
            self._edition = self._read_edition()
        return self._edition

    def has_group(self, name: str) -> bool:
        """Whether that group exists."""
        return self._has("group", name, self._client.describe_group, Namespace=self._namespace, GroupName=name)

    def has_user(self, name: str) -> bool:
        """Whether that user exists."""
        return self._has("user", name, self._client.describe_user, Namespace=self._namespace, UserName=name)

    def has_folder(self, folder_id: str) -> bool:
        """Whether that folder exists, in the Region of the data sources."""
        return self._has("folder", folder_id, self._regional.describe_folder, FolderId=folder_id)

    def _has(self, kind: str, name: str, describe: Callable[..., Any], **named: str) -> bool:
        if (kind, name) not in self._known:
            if unless_missing(MISSING, describe, AwsAccountId=self._hub.account_id, **named) is None:
                return False
            self._known.add((kind, name))
        return True

    def _read_edition(self) -> str | None:
        call = self._client.describe_account_subscription
        answer = unless_missing(MISSING, call, AwsAccountId=self._hub.account_id)
        found = answer["AccountInfo"] if answer else {"AccountSubscriptionStatus": "UNSUBSCRIBED"}
        ended = found.get("AccountSubscriptionStatus", "").startswith("UNSUBSCRIBE")
        return None if ended else found.get("Edition", "STANDARD")


def _request(call: Callable[..., Any], **request: Any) -> Refusal | None:
    """None when Quick accepts the request, else its refusal. Throttles and network errors are raised."""
    with named_errors():
        try:
            call(**request)
        except ClientError as error:
            if code_of(error) not in REQUEST_REFUSALS:
                raise
            return Refusal(code_of(error), str(error))
    return None


@contextmanager
def _refusals(data_source_id: str) -> Iterator[None]:
    """Raise DataSourceFailed for refusals that retrying would not help."""
    try:
        with named_errors():
            yield
    except ClientError as error:
        if code_of(error) in SHARING_REFUSALS:
            raise DataSourceFailed(f"data source {data_source_id}: {error}") from error
        raise


def _with(permissions: dict[str, set[str]], actions: Sequence[str], prefix: str) -> frozenset[str]:
    """The groups, or the users, of our namespace with exactly these actions."""
    found = (who for who, allowed in permissions.items() if allowed == set(actions) and who.startswith(prefix))
    return frozenset(who.removeprefix(prefix) for who in found)


def _permission(principal: str, actions: set[str]) -> Any:
    return {"Principal": principal, "Actions": sorted(actions)}


def _not_empty(**lists: Sequence[Any]) -> Any:
    """Only the lists that are not empty: Quick refuses empty ones."""
    return {name: each for name, each in lists.items() if each}


def settings_of(found: Any) -> DataSourceSettings:
    """The settings of a data source as Quick lists or describes it."""
    athena = found.get("DataSourceParameters", {}).get("AthenaParameters", {})
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
