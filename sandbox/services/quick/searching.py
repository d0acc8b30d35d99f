"""Lists of data sources, page by page, all of them or those that match."""

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from sandbox.gateway import AwsError, Call
from sandbox.services.quick.data_source import DataSource
from sandbox.services.quick.sharing import OWNER

PAGE = 100


def page(found: Sequence[DataSource], call: Call, member: str, show: Callable[[DataSource], Any]) -> dict[str, Any]:
    """One page; moto's lists have none."""
    size, token = int(call.parameters.get("MaxResults") or PAGE), call.parameters.get("NextToken") or "0"
    if not token.isdigit():
        raise AwsError("InvalidNextTokenException", "The NextToken value isn't valid.")
    start = int(token)
    listed = [show(each) for each in found[start : start + min(size, PAGE)]]
    following = start + len(listed)
    more = {"NextToken": str(following)} if following < len(found) else {}
    return {member: listed, **more, "Status": 200, "RequestId": "sandbox"}


def matches(source: DataSource, filters: Sequence[Mapping[str, str]]) -> bool:
    """Whether a data source meets every filter."""
    return all(_meets(source, each["Name"], each["Operator"], each["Value"]) for each in filters)


def _meets(source: DataSource, name: str, operator: str, value: str) -> bool:
    if name == "DATASOURCE_NAME":
        like = operator == "StringLike"
        return fnmatchcase(source.name.lower(), f"*{value.lower()}*") if like else source.name == value
    owners = [who for who, actions in source.permissions.items() if actions == OWNER]
    return {
        "DIRECT_QUICKSIGHT_OWNER": value in owners,
        "DIRECT_QUICKSIGHT_SOLE_OWNER": owners == [value],
        "DIRECT_QUICKSIGHT_VIEWER_OR_OWNER": value in source.permissions,
    }[name]
