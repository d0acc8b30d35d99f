"""Quick's API for data sources, and its queries.

moto's Quick says yes to everything at once. Differences, each with a test: creation and update take time and end
by what the role chain allows then; ids are unique; lists have pages; permissions, search, subscription exist.
Source: botocore model of quicksight 2018-04-01.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from sandbox.gateway import AwsError, Call
from sandbox.services.quick import chain, searching, sharing, urls
from sandbox.services.quick.answer import Answer, Refused
from sandbox.services.quick.consumer import Consumer
from sandbox.services.quick.data_source import DataSource, athena_parameters, check_id
from sandbox.services.quick.seeding import seed_lake

if TYPE_CHECKING:
    from sandbox.cloud import Cloud
    from sandbox.services.iam import Iam
    from sandbox.services.sts import Sts

CREATION_SECONDS = 6.0
Key = tuple[str, str, str]  # account, Region, id
Operation = Callable[[Call, DataSource], dict[str, Any]]
urls.extend()


class Quick:
    """Amazon Quick in the hub account. It believes nothing: every creation, update and query goes through the chain.

    `lake_formation_locations` are S3 ARNs governed by Lake Formation, besides those registered with moto's.
    """

    def __init__(self, cloud: Cloud, sts: Sts, iam: Iam, creation_seconds: float = CREATION_SECONDS) -> None:
        self._cloud, self._sts, self._iam, self._seconds = cloud, sts, iam, creation_seconds
        self._sources: dict[Key, DataSource] = {}
        self.lake_formation_locations: set[str] = set()
        cloud.gateway.handle(
            "quicksight",
            CreateDataSource=self._create,
            ListDataSources=self._list,
            SearchDataSources=self._search,
            DescribeAccountSubscription=self._subscription,
            DescribeAccountSettings=self._settings,
            **{name: partial(self._with_source, operation) for name, operation in self._operations().items()},
        )

    def query(self, data_source_id: str, database: str, table: str) -> Answer:
        """Quick selects from a table through the data source, now. AwsError when there is no such data source."""
        with self._cloud.gateway.lock:
            source = self._find(self._cloud.landscape.hub, self._cloud.landscape.region, data_source_id)
            try:
                consumer = self._connect(source)
                found = consumer.query(source.work_group, database, table)
            except Refused as refused:
                return Answer(allowed=False, error_type=refused.error_type, message=refused.message)
            storage = found["StorageDescriptor"]
            return Answer(
                allowed=True,
                account=consumer.session.account,
                work_group=source.work_group,
                location=storage["Location"],
                columns=tuple(column["Name"] for column in storage.get("Columns", ())),
            )

    def seed_lake(self, account: str, database: str, table: str, bucket: str) -> None:
        """Give an account a Glue database, a table in it and a bucket with its data, in Quick's Region."""
        seed_lake(self._cloud, account, database, table, bucket)

    def _operations(self) -> dict[str, Operation]:
        """What is asked of one data source."""
        return {
            "DescribeDataSource": lambda _call, source: {"DataSource": source.description()},
            "UpdateDataSource": self._update,
            "DeleteDataSource": self._delete,
            "DescribeDataSourcePermissions": lambda _call, source: {
                "DataSourceArn": source.arn,
                "DataSourceId": source.id,
                "Permissions": sharing.shown(source),
            },
            "UpdateDataSourcePermissions": _share,
            "TagResource": _tag,
            "UntagResource": _untag,
            "ListTagsForResource": lambda _call, source: {
                "Tags": [{"Key": key, "Value": value} for key, value in source.tags.items()]
            },
        }

    def _with_source(self, operation: Operation, call: Call) -> dict[str, Any]:
        if "ResourceArn" in call.parameters:
            _, _, _, region, account, resource = call.parameters["ResourceArn"].split(":", 5)
            source = self._find(account, region, resource.removeprefix("datasource/"))
        else:
            source = self._find(call.parameters["AwsAccountId"], call.region, call.parameters["DataSourceId"])
        if source.account != call.account:
            raise AwsError("AccessDeniedException", f"{call.account} is not the account of {source.arn}")
        return {"Status": 200, "RequestId": "sandbox", **operation(call, source)}

    def _find(self, account: str, region: str, data_source_id: str) -> DataSource:
        source = self._sources.get((account, region, data_source_id))
        if source is None:
            raise AwsError("ResourceNotFoundException", f"DataSource {data_source_id} is not found")
        return source

    def _create(self, call: Call) -> dict[str, Any]:
        given, now = call.parameters, self._cloud.clock.now()
        check_id(given["DataSourceId"])
        athena = athena_parameters(call.account, given.get("DataSourceParameters") or {})
        key = (call.account, call.region, given["DataSourceId"])
        if key in self._sources:
            raise AwsError("ResourceExistsException", f"DataSource {given['DataSourceId']} already exists")
        source = DataSource(*key, given["Name"], athena, created=now, updated=now)
        sharing.grant(source, given.get("Permissions") or ())
        source.tags.update({tag["Key"]: tag["Value"] for tag in given.get("Tags") or ()})
        self._sources[key] = source
        self._begin(source, "CREATION")
        return {
            "Arn": source.arn,
            "DataSourceId": source.id,
            "CreationStatus": source.status,
            "Status": 202,
            "RequestId": "sandbox",
        }

    def _update(self, call: Call, source: DataSource) -> dict[str, Any]:
        if source.is_pending:
            raise AwsError("ConflictException", f"Another change of DataSource {source.id} is under way")
        if "DataSourceParameters" in call.parameters:
            source.athena = athena_parameters(call.account, call.parameters["DataSourceParameters"])
        source.name, source.updated = call.parameters["Name"], self._cloud.clock.now()
        self._begin(source, "UPDATE")
        return {"Arn": source.arn, "DataSourceId": source.id, "UpdateStatus": source.status, "Status": 202}

    def _delete(self, _call: Call, source: DataSource) -> dict[str, Any]:
        del self._sources[source.account, source.region, source.id]
        return {"Arn": source.arn, "DataSourceId": source.id}

    def _begin(self, source: DataSource, what: str) -> None:
        source.status, source.failure, source.change = f"{what}_IN_PROGRESS", None, source.change + 1
        end = partial(self._end, source, source.change, what)
        self._cloud.clock.call_later(self._seconds, end, f"Quick ends the {what.lower()} of {source.id}")

    def _end(self, source: DataSource, change: int, what: str) -> None:
        with self._cloud.gateway.lock:
            key = (source.account, source.region, source.id)
            if self._sources.get(key) is not source or source.change != change:
                return  # deleted meanwhile
            try:
                self._connect(source).test(source.work_group)
                source.status = f"{what}_SUCCESSFUL"
            except Refused as refused:
                source.status, source.failure = f"{what}_FAILED", refused
            source.updated = self._cloud.clock.now()

    def _connect(self, source: DataSource) -> Consumer:
        now = self._cloud.clock.now()
        session = chain.connect(source, self._sts, now)
        return Consumer(self._iam, session, source.region, now, frozenset(self.lake_formation_locations))

    def _of(self, call: Call) -> list[DataSource]:
        return [
            each
            for (account, region, _), each in self._sources.items()
            if (account, region) == (call.account, call.region)
        ]

    def _list(self, call: Call) -> dict[str, Any]:
        return searching.page(self._of(call), call, "DataSources", DataSource.description)

    def _search(self, call: Call) -> dict[str, Any]:
        found = [each for each in self._of(call) if searching.matches(each, call.parameters["Filters"])]
        return searching.page(found, call, "DataSourceSummaries", DataSource.summary)

    def _subscription(self, call: Call) -> dict[str, Any]:
        self._check_subscribed(call)
        account = {
            "AccountName": "sandbox",
            "Edition": "ENTERPRISE",
            "NotificationEmail": "quick@example.com",
            "AuthenticationType": "IAM_AND_QUICKSIGHT",
            "AccountSubscriptionStatus": "ACCOUNT_CREATED",
        }
        return {"AccountInfo": account, "Status": 200, "RequestId": "sandbox"}

    def _settings(self, call: Call) -> dict[str, Any]:
        self._check_subscribed(call)
        settings = {
            "AccountName": "sandbox",
            "Edition": "ENTERPRISE",
            "DefaultNamespace": "default",
            "NotificationEmail": "quick@example.com",
            "PublicSharingEnabled": False,
            "TerminationProtectionEnabled": True,
        }
        return {"AccountSettings": settings, "Status": 200, "RequestId": "sandbox"}

    def _check_subscribed(self, call: Call) -> None:
        if call.account != self._cloud.landscape.hub:
            raise AwsError("ResourceNotFoundException", f"Account {call.account} has no Quick subscription")


def _share(call: Call, source: DataSource) -> dict[str, Any]:
    sharing.grant(source, call.parameters.get("GrantPermissions") or ())
    sharing.revoke(source, call.parameters.get("RevokePermissions") or ())
    return {"DataSourceArn": source.arn, "DataSourceId": source.id}


def _tag(call: Call, source: DataSource) -> dict[str, Any]:
    source.tags.update({tag["Key"]: tag["Value"] for tag in call.parameters["Tags"]})
    return {}


def _untag(call: Call, source: DataSource) -> dict[str, Any]:
    for key in call.parameters["TagKeys"]:
        source.tags.pop(key, None)
    return {}
