"""Lake Formation's grants. moto has no such resource, and lets everybody grant.

Sources: CloudFormation Template Reference, AWS::LakeFormation::PrincipalPermissions (every property is replaced by an
update); Lake Formation Developer Guide, "Lake Formation personas" (an administrator of the account grants only if
designated as an administrator of the data lake). The words of the refusal are those that users report.
"""

import json
from collections.abc import Iterator

from moto.glue.models import glue_backends
from moto.lakeformation.models import lakeformation_backends
from typing_extensions import override

from sandbox.aws.gateway import AwsError
from sandbox.aws.services.cloudformation.resource import Created, Properties, ResourceType, pick
from sandbox.aws.services.cloudformation.scope import Scope

REFUSED = "Resource does not exist or requester is not authorized to access requested permissions."


class PrincipalPermissions(ResourceType):
    """AWS::LakeFormation::PrincipalPermissions: never changed in place."""

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """GrantPermissions, which says nothing of a grant that is there already."""
        _check_grantor(scope)
        if not _exists(scope, properties["Resource"]):
            raise _refusal()
        for request in _requests(properties):
            scope.call("lakeformation", "grant_permissions", **request)
        return Created(json.dumps([properties["Principal"], properties["Resource"]]))

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """RevokePermissions takes the grant away whichever resource made it."""
        _check_grantor(scope)
        for request in _requests(properties):
            scope.call("lakeformation", "revoke_permissions", **request)


def _requests(properties: Properties) -> Iterator[Properties]:
    """One for each column: a column that two grants name is revoked with either. moto compares whole lists."""
    known = pick(properties, "Principal", "Resource", "Permissions", "PermissionsWithGrantOption")
    table = properties["Resource"].get("TableWithColumns")
    for column in table["ColumnNames"] if table else ():
        yield {**known, "Resource": {"TableWithColumns": {**table, "ColumnNames": [column]}}}
    if not table:
        yield known


def _check_grantor(scope: Scope) -> None:
    settings = lakeformation_backends[scope.account][scope.region].get_data_lake_settings(scope.account)
    administrators = [each["DataLakePrincipalIdentifier"] for each in settings.get("DataLakeAdmins", ())]
    if scope.role_arn not in administrators:
        raise _refusal()


def _exists(scope: Scope, resource: Properties) -> bool:
    """Whether the catalog has what is granted, every column of it too."""
    (kind, named), *_ = resource.items()
    database = glue_backends[scope.account][scope.region].databases.get(named.get("DatabaseName", named.get("Name")))
    if database is None or kind == "Database" or "TableWildcard" in named:
        return database is not None
    table = database.tables.get(named["Name"])
    described = table.as_dict()["StorageDescriptor"] if table else {}
    columns = {each["Name"] for each in described.get("Columns", ())}
    return table is not None and columns.issuperset(named.get("ColumnNames", ()))


def _refusal() -> AwsError:
    return AwsError("AccessDeniedException", REFUSED)
