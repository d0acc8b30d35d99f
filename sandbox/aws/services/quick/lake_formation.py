"""What Lake Formation lets a role read, where it decides.

Sources: Lake Formation Developer Guide, "Changing the default settings for your data lake" (while the group
IAMAllowedPrincipals has Super, only IAM decides), "Lake Formation permissions reference" and "Notes and restrictions
for column-level filtering"; Athena User Guide, "The DESCRIBE permission is required on the default database".
**Assumption**: an account's settings for new tables count for all its tables, and a grant on all tables of a database
does not show the database itself (AWS writes that it does).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moto.lakeformation.models import lakeformation_backends

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sandbox.aws.services.quick.lake import Location

IAM_ALONE = "IAM_ALLOWED_PRINCIPALS"  # the group of all whom IAM allows


def registered(account: str, region: str, place: Location, also: Iterable[str]) -> bool:
    """Whether Lake Formation lends the credentials for that place."""
    arns = [*lakeformation_backends[account][region].resources, *also]
    return any(place.arn.startswith(arn) for arn in arns)


def decides(account: str, region: str) -> bool:
    """Whether the account's tables are read by grants only, and not by whomever IAM allows."""
    settings = lakeformation_backends[account][region].get_data_lake_settings(account)
    defaults = settings.get("CreateTableDefaultPermissions", ())
    return all(each["Principal"]["DataLakePrincipalIdentifier"] != IAM_ALONE for each in defaults)


@dataclass(frozen=True)
class Grants:
    """What a role was granted in one account's catalog."""

    account: str
    region: str
    role_arn: str

    def show(self, database: str) -> bool:
        """Whether the role may see the database."""
        return any(each.get("Database", {}).get("Name") == database for each in self._resources("DESCRIBE"))

    def columns(self, database: str, table: str, columns: Sequence[str]) -> tuple[str, ...]:
        """Which columns of the table the role may read."""
        found = {
            column
            for resource in self._resources("SELECT")
            for kind in ("Table", "TableWithColumns")
            if kind in resource and _is_of(resource[kind], database, table)
            for column in resource[kind].get("ColumnNames", columns)
        }
        return tuple(column for column in columns if column in found)

    def _resources(self, permission: str) -> Iterator[Mapping[str, Any]]:
        """What was granted with that permission."""
        known = lakeformation_backends[self.account][self.region].list_permissions(self.account)
        for grant in known:
            is_ours = grant["Principal"]["DataLakePrincipalIdentifier"] == self.role_arn
            if is_ours and permission in grant["Permissions"]:
                yield grant["Resource"]


def _is_of(granted: Mapping[str, Any], database: str, table: str) -> bool:
    return granted["DatabaseName"] == database and ("TableWildcard" in granted or granted["Name"] == table)
