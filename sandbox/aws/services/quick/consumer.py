"""What Quick's connection test and a query ask of the account the data is in, as the consumer role's session.

Athena acts for the session in Glue, S3 and KMS (forward access sessions), so each of their permissions is asked of
the role, too. Sources: Athena User Guide, "Access to workgroups", "Fine-grained access to databases and tables in
the Glue Data Catalog" (catalog, database and table must all be allowed; access to the `default` database and the
catalog must be there in every Region, whatever is queried) and "Access to S3"; S3 User Guide, SSE-KMS;
Lake Formation Developer Guide, "Underlying data access control" (a registered location is read with Lake
Formation's credentials, for which lakeformation:GetDataAccess is asked; and where it decides, a grant is needed,
too). What is in another account's catalog is asked of that account's policies as well: Athena User Guide,
"Cross-account access to AWS Glue data catalogs"; KMS Developer Guide, "Allowing users in other accounts to use a KMS
key".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from sandbox.aws.policy import Document, Request, access_denied_message
from sandbox.aws.services.authorization import account_of, decide, global_keys, organization_key
from sandbox.aws.services.quick import lake, lake_formation
from sandbox.aws.services.quick.answer import ACCESS_DENIED, SQL_FAILURE, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sandbox.aws.identity import Session
    from sandbox.aws.services.authorization import KnownRoles
    from sandbox.aws.services.quick.lake import Bucket, Location

DEFAULT = "default"  # the database Athena looks at before any other
RUNNING = ("StartQueryExecution", "GetQueryExecution", "GetQueryResults")
Keys = dict[str, "str | Sequence[str]"]
THROUGH_ATHENA: Keys = {
    "aws:CalledVia": ["athena.amazonaws.com"],
    "aws:CalledViaFirst": "athena.amazonaws.com",
    "aws:CalledViaLast": "athena.amazonaws.com",
    "aws:ViaAWSService": "true",
}


def _ungranted(permission: str, name: str) -> Refused:
    return Refused(ACCESS_DENIED, f"Insufficient Lake Formation permission(s): Required {permission} on {name}")


class Table(NamedTuple):
    """What a query reads: where its data is, the columns it may see, and how many rows there are."""

    location: str
    columns: tuple[str, ...]
    rows: int


@dataclass(frozen=True)
class ConsumerSession:
    """One session in one account and Region. Every method raises Refused, with the first thing that is missing."""

    iam: KnownRoles
    session: Session
    region: str
    now: datetime
    lake_formation: frozenset[str] = field(default=frozenset())

    def test(self, work_group: str) -> None:
        """Quick's connection test: the workgroup runs something, its result comes back, databases are listed."""
        self._athena("GetWorkGroup", f"workgroup/{work_group}")
        results = lake.results_configuration(self.session.account, self.region, work_group)
        self._require("athena:ListDataCatalogs", "*")
        self._athena("GetDataCatalog", f"datacatalog/{lake.OWN_CATALOG}")
        self._athena("ListDatabases", f"datacatalog/{lake.OWN_CATALOG}")
        self._glue("GetDatabases", "catalog", "database/*")
        self._glue("GetDatabase", "catalog", f"database/{DEFAULT}")
        self._execute(work_group, results)

    def run(self, work_group: str) -> None:
        """A statement that reads no table."""
        self._athena("GetWorkGroup", f"workgroup/{work_group}")
        results = lake.results_configuration(self.session.account, self.region, work_group)
        self._glue("GetDatabase", "catalog", f"database/{DEFAULT}")
        self._execute(work_group, results)

    def query(self, work_group: str, database: str, table: str, catalog: str = lake.OWN_CATALOG) -> Table:
        """SELECT from one table."""
        self.test(work_group)
        self._athena("GetDataCatalog", f"datacatalog/{catalog}")
        self._athena("GetTableMetadata", f"datacatalog/{catalog}")
        owner = lake.catalog_owner(self.session.account, self.region, catalog)
        self._glue("GetDatabase", "catalog", f"database/{DEFAULT}", f"database/{database}", owner=owner)
        for action in ("GetTable", "GetTables", "GetPartitions"):
            self._glue(action, "catalog", f"database/{database}", f"table/{database}/{table}", owner=owner)
        found = lake.table(owner, self.region, database, table)["StorageDescriptor"]
        location = str(found["Location"])
        columns = tuple(column["Name"] for column in found.get("Columns", ()))
        granted = self._granted(owner, database, table, columns)
        return Table(location, granted, rows=self._read(location, owner))

    def _granted(self, owner: str, database: str, table: str, columns: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the table's columns that may be read."""
        if not lake_formation.decides(owner, self.region):
            return columns
        grants = lake_formation.Grants(owner, self.region, self.session.principal.arn)
        has_default = lake.has_database(owner, self.region, DEFAULT)
        for name in [DEFAULT, database] if has_default else [database]:
            if not grants.show(name):
                raise _ungranted("Describe", name)
        granted = grants.columns(database, table, columns)
        if not granted:
            raise _ungranted("Select", table)
        return granted

    def _execute(self, work_group: str, results: dict[str, Any]) -> None:
        for action in RUNNING:
            self._athena(action, f"workgroup/{work_group}")
        self._write_results(results)

    def _write_results(self, results: dict[str, Any]) -> None:
        place = lake.location(results["OutputLocation"])
        if place is None or place.bucket.region != self.region:
            message = "The S3 location provided to save your query results is invalid. Please check your S3 location"
            raise Refused(SQL_FAILURE, f"{message} is correct and is in the same region and try again.")
        for action in ("GetBucketLocation", "ListBucket"):
            self._s3(action, place.bucket)
        for action in ("PutObject", "GetObject"):
            self._s3(action, place.bucket, place.an_object)
        encryption = results.get("EncryptionConfiguration") or {}
        named = encryption.get("KmsKey") if encryption.get("EncryptionOption", "").endswith("KMS") else None
        key = lake.key_arn(self.session.account, self.region, named) if named else place.bucket.key
        self._kms(key, "GenerateDataKey", "Decrypt")

    def _read(self, url: str, catalog_owner: str) -> int:
        """Read a table's data; how many rows it has, one for each object. Where there is no object, none is opened."""
        place = lake.location(url)
        if place is None:
            raise Refused(SQL_FAILURE, f"The specified bucket does not exist (Service: Amazon S3; {url})")
        if lake_formation.registered(catalog_owner, self.region, place, self.lake_formation):
            self._require("lakeformation:GetDataAccess", "*", THROUGH_ATHENA)
            return len(place.objects)
        self._list(place)
        if place.objects:
            self._s3("GetObject", place.bucket, place.an_object)
            self._kms(place.bucket.key, "Decrypt")
        return len(place.objects)

    def _list(self, place: Location) -> None:
        self._s3("ListBucket", place.bucket, keys={"s3:prefix": place.prefix})

    def _athena(self, action: str, resource: str) -> None:
        self._require(f"athena:{action}", f"arn:aws:athena:{self.region}:{self.session.account}:{resource}")

    def _glue(self, action: str, *resources: str, owner: str = "") -> None:
        """In the session's own catalog, or in that of another owner, whose policy is asked as well."""
        owner = owner or self.session.account
        policy = lake.catalog_policy(owner, self.region)
        for resource in resources:
            arn = f"arn:aws:glue:{self.region}:{owner}:{resource}"
            self._require(f"glue:{action}", arn, THROUGH_ATHENA, policy=policy, owner=owner)

    def _s3(self, action: str, bucket: Bucket, arn: str | None = None, keys: Keys | None = None) -> None:
        owner: Keys = {"aws:ResourceAccount": bucket.owner, "s3:ResourceAccount": bucket.owner}
        context = {**THROUGH_ATHENA, **owner, **organization_key("Resource", bucket.owner), **(keys or {})}
        self._require(f"s3:{action}", arn or bucket.arn, context, policy=bucket.policy, owner=bucket.owner)

    def _kms(self, key: str | None, *actions: str) -> None:
        """Through S3. The key's own policy is looked at only where the key is another account's."""
        for action in actions if key else ():
            via: Keys = {
                "kms:ViaService": f"s3.{self.region}.amazonaws.com",
                "kms:ResourceAliases": lake.key_aliases(key or ""),
            }
            owner = account_of(key or "")
            policy = None if owner == self.session.account else lake.key_policy(key or "")
            self._require(f"kms:{action}", key or "", {**THROUGH_ATHENA, **via}, policy=policy, owner=owner)

    def _require(
        self,
        action: str,
        resource: str,
        keys: Keys | None = None,
        *,
        policy: Document | None = None,
        owner: str | None = None,
    ) -> None:
        context = {**global_keys(self.session, resource, self.region, self.now), **(keys or {})}
        request = Request(self.session.principal, action, resource, context)
        verdict = decide(self.iam, self.session, request, resource=policy, resource_account=owner)
        if not verdict.allowed:
            message = f"Insufficient permissions to execute the query. {access_denied_message(request, verdict)}"
            raise Refused(ACCESS_DENIED, message)
