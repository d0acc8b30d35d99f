"""Quick's groups: kept where moto keeps them, answered as AWS does. Users and memberships stay moto's.

Source: botocore model, CreateGroup (ResourceExistsException), DescribeGroup, DeleteGroup, ListGroups. Only the
namespace `default` exists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.quicksight.data_models import QuicksightGroup
from moto.quicksight.models import quicksight_backends

from sandbox.aws.gateway import AwsError
from sandbox.aws.services.quick import searching
from sandbox.aws.services.quick.asset import answered

if TYPE_CHECKING:
    from sandbox.aws.gateway import Call, Handler

NAMESPACE = "default"


class Groups:
    """Groups in the identity Region."""

    def operations(self) -> dict[str, Handler]:
        """What is answered here."""
        return {
            "CreateGroup": self._create,
            "DescribeGroup": self._describe,
            "DeleteGroup": self._delete,
            "ListGroups": self._list,
        }

    def _create(self, call: Call) -> dict[str, Any]:
        given, groups = call.parameters, _groups(call)
        if _key(call) in groups:
            raise AwsError("ResourceExistsException", f"Group {given['GroupName']} already exists")
        description = given.get("Description")
        group = QuicksightGroup(call.region, given["GroupName"], description, call.account, NAMESPACE)
        groups[_key(call)] = group
        return answered({"Group": _shown(group), "Status": 201})

    def _describe(self, call: Call) -> dict[str, Any]:
        return answered({"Group": _shown(_named(call))})

    def _delete(self, call: Call) -> dict[str, Any]:
        _named(call)
        del _groups(call)[_key(call)]
        return answered({})

    def _list(self, call: Call) -> dict[str, Any]:
        return searching.page(list(_groups(call).values()), call, "GroupList", _shown)


def _groups(call: Call) -> dict[str, QuicksightGroup]:
    if call.parameters["Namespace"] != NAMESPACE:
        message = f"Namespace {call.parameters['Namespace']} not found in account {call.account}"
        raise AwsError("ResourceNotFoundException", message)
    groups: dict[str, QuicksightGroup] = quicksight_backends[call.account][call.region].groups
    return groups


def _key(call: Call) -> str:
    return f"{call.account}:{NAMESPACE}:{call.parameters['GroupName']}"


def _named(call: Call) -> QuicksightGroup:
    found = _groups(call).get(_key(call))
    if found is None:
        raise AwsError("ResourceNotFoundException", f"Group {call.parameters['GroupName']} is not found")
    return found


def _shown(group: QuicksightGroup) -> dict[str, Any]:
    described = {"Description": group.description} if group.description else {}
    return {"Arn": group.arn, "GroupName": group.group_name, "PrincipalId": f"group/{group.group_name}", **described}
