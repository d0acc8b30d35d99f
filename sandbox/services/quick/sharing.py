"""Who may see and change a data source: Quick's own groups and users, as viewers or owners.

moto has no data source permissions. Quick takes only its two sets of actions, as the console gives them (known
from practice; the API reference lists the actions without saying so), and principals that exist.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from moto.quicksight.models import quicksight_backends

from sandbox.services.quick.data_source import DataSource, invalid

VIEWER = frozenset(
    {
        "quicksight:DescribeDataSource",
        "quicksight:DescribeDataSourcePermissions",
        "quicksight:PassDataSource",
    }
)
OWNER = VIEWER | {
    "quicksight:UpdateDataSource",
    "quicksight:DeleteDataSource",
    "quicksight:UpdateDataSourcePermissions",
}
_PRINCIPAL = re.compile(r"arn:[\w-]+:quicksight:([\w-]+):(\d{12}):(group|user)/([^/]+)/(.+)")


def grant(source: DataSource, permissions: Iterable[Mapping[str, Any]]) -> None:
    """Share with each principal."""
    for each in permissions:
        principal, actions = each["Principal"], frozenset(each["Actions"])
        if not _exists(source.account, principal):
            raise invalid(f"Principal ARN {principal} is not part of the given account")
        _check(actions)
        source.permissions[principal] = source.permissions.get(principal, frozenset()) | actions


def revoke(source: DataSource, permissions: Iterable[Mapping[str, Any]]) -> None:
    """Take actions away from each principal; what is left must be a set of Quick's, or nothing."""
    for each in permissions:
        left = source.permissions.get(each["Principal"], frozenset()) - frozenset(each["Actions"])
        if left:
            _check(left)
            source.permissions[each["Principal"]] = left
        else:
            source.permissions.pop(each["Principal"], None)


def shown(source: DataSource) -> list[dict[str, Any]]:
    """The permissions as the API shows them."""
    return [{"Principal": who, "Actions": sorted(actions)} for who, actions in source.permissions.items()]


def _check(actions: frozenset[str]) -> None:
    if actions not in (VIEWER, OWNER):
        raise invalid(f"The actions {sorted(actions)} are neither a viewer's nor an owner's of a data source")


def _exists(account: str, principal: str) -> bool:
    match = _PRINCIPAL.fullmatch(principal)
    if not match or match[2] != account:
        return False
    identities = quicksight_backends[account][match[1]]
    known = identities.groups if match[3] == "group" else identities.users
    return f"{account}:{match[4]}:{match[5]}" in known
