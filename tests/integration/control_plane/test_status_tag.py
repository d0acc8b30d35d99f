"""WriteStatusTag's own permissions: it writes the status tag of accounts, and no other one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from control_plane.account import Connection
    from sandbox.organization import Sandbox

KEY = "quick-athena:status"


@pytest.mark.parametrize("keys", [["quick-athena"], [KEY, "quick-athena"], ["quick-athena:status:x"], []])
def test_it_may_write_no_other_tag(
    world: Sandbox, connection: Connection, client_as: Callable[[str, str], Any], keys: list[str]
) -> None:
    world.organizations.taggers.add(world.cloud.topology.hub)
    client, account_id = client_as("WriteStatusTag", "organizations"), connection.account_id
    client.tag_resource(ResourceId=account_id, Tags=[{"Key": KEY, "Value": "x"}])
    with pytest.raises(ClientError, match="AccessDenied"):
        client.tag_resource(ResourceId=account_id, Tags=[{"Key": each, "Value": "x"} for each in keys])
    with pytest.raises(ClientError, match="AccessDenied"):
        client.untag_resource(ResourceId=account_id, TagKeys=keys)
    client.untag_resource(ResourceId=account_id, TagKeys=[KEY])


def test_it_may_tag_no_unit(world: Sandbox, client_as: Callable[[str, str], Any]) -> None:
    world.organizations.taggers.add(world.cloud.topology.hub)
    client = client_as("WriteStatusTag", "organizations")
    with pytest.raises(ClientError, match="AccessDenied"):
        client.tag_resource(ResourceId=world.organizations.root_id, Tags=[{"Key": KEY, "Value": "x"}])
