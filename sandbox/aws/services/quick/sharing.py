"""Who may see and change an asset: Quick's own groups and users, as viewers or owners.

moto has no data source permissions. Of a data source Quick takes only its two sets of actions, as the console gives
them (known from practice; the API reference lists the actions without saying so), and principals that exist.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from moto.quicksight.models import quicksight_backends

from sandbox.aws.services.quick.asset import invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sandbox.aws.services.quick.asset import Asset

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
_CHANGES_PERMISSIONS = re.compile(r"quicksight:Update\w+Permissions")


def grant(asset: Asset, permissions: Iterable[Mapping[str, Any]]) -> None:
    """Share with each principal."""
    for each in permissions:
        principal, actions = each["Principal"], frozenset(each["Actions"])
        if not _exists(asset.account, principal):
            raise invalid(f"Principal ARN {principal} is not part of the given account")
        _check(asset, actions)
        asset.permissions[principal] = asset.permissions.get(principal, frozenset()) | actions


def revoke(asset: Asset, permissions: Iterable[Mapping[str, Any]]) -> None:
    """Take actions away from each principal; what is left must be a set of Quick's, or nothing."""
    for each in permissions:
        left = asset.permissions.get(each["Principal"], frozenset()) - frozenset(each["Actions"])
        if left:
            _check(asset, left)
            asset.permissions[each["Principal"]] = left
        else:
            asset.permissions.pop(each["Principal"], None)


def shown(asset: Asset) -> list[dict[str, Any]]:
    """The permissions as the API shows them."""
    return [{"Principal": who, "Actions": sorted(actions)} for who, actions in asset.permissions.items()]


def owners(asset: Asset) -> list[str]:
    """The principals that may change who else sees the asset."""
    return [who for who, actions in asset.permissions.items() if any(map(_CHANGES_PERMISSIONS.fullmatch, actions))]


def _check(asset: Asset, actions: frozenset[str]) -> None:
    if asset.resource == "datasource" and actions not in (VIEWER, OWNER):
        raise invalid(f"The actions {sorted(actions)} are neither a viewer's nor an owner's of a data source")


def _exists(account: str, principal: str) -> bool:
    match = _PRINCIPAL.fullmatch(principal)
    if not match or match[2] != account:
        return False
    identities = quicksight_backends[account][match[1]]
    known = identities.groups if match[3] == "group" else identities.users
    return f"{account}:{match[4]}:{match[5]}" in known
