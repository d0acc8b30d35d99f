"""Lists of assets, page by page, all of them or those that match."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeVar

from sandbox.aws.gateway import AwsError, Call
from sandbox.aws.services.quick import sharing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sandbox.aws.services.quick.asset import Asset

PAGE = 100
T = TypeVar("T")


def page(found: Sequence[T], call: Call, member: str, show: Callable[[T], Any]) -> dict[str, Any]:
    """One page; moto's lists have none."""
    size, token = int(call.parameters.get("MaxResults") or PAGE), call.parameters.get("NextToken") or "0"
    if not token.isdigit():
        raise AwsError("InvalidNextTokenException", "The NextToken value isn't valid.")
    start = int(token)
    listed = [show(each) for each in found[start : start + min(size, PAGE)]]
    following = start + len(listed)
    more = {"NextToken": str(following)} if following < len(found) else {}
    return {member: listed, **more, "Status": 200, "RequestId": "sandbox"}


def matches(asset: Asset, filters: Sequence[Mapping[str, str]]) -> bool:
    """Whether an asset meets every filter."""
    return all(_meets(asset, each["Name"], each["Operator"], each["Value"]) for each in filters)


def _meets(asset: Asset, name: str, operator: str, value: str) -> bool:
    if name.endswith("_NAME"):
        like = operator == "StringLike"
        return fnmatchcase(asset.name.lower(), f"*{value.lower()}*") if like else asset.name == value
    owners = sharing.owners(asset)
    return {
        "QUICKSIGHT_OWNER": value in owners,
        "QUICKSIGHT_SOLE_OWNER": owners == [value],
        "QUICKSIGHT_VIEWER_OR_OWNER": value in asset.permissions,
    }[name.removeprefix("DIRECT_")]
