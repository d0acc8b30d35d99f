"""What Quick's operations need.

CreateDataSource has no resource type; its tags need quicksight:TagResource on the data source, as the
CloudFormation resource type AWS::QuickSight::DataSource lists for its create handler. A role is passed when it is
named (Quick User Guide, datasource-run-as-role and security-create-iam-role); ConsumerAccountRoleArn is not passed.
"""

from collections.abc import Callable, Iterable

from sandbox.gateway import Call
from sandbox.permissions.need import Need, Table, anything, request_tags, rows

QUICK = "quicksight.amazonaws.com"


def _arn(resource: str) -> Callable[[Call], str]:
    """The ARN of that resource, its {members} filled from the request."""
    return lambda call: f"arn:aws:quicksight:{call.region}:{call.account}:{resource.format(**call.parameters)}"


DATA_SOURCE = _arn("datasource/{DataSourceId}")


def _passed_role(call: Call) -> Iterable[Need]:
    role_arn = call.parameters.get("DataSourceParameters", {}).get("AthenaParameters", {}).get("RoleArn")
    if role_arn:
        context = {"iam:PassedToService": QUICK, "iam:AssociatedResourceArn": DATA_SOURCE(call)}
        yield Need("iam:PassRole", role_arn, context)


def _create_data_source(call: Call) -> Iterable[Need]:
    yield Need("quicksight:CreateDataSource", "*", request_tags(call))
    if call.parameters.get("Tags"):
        yield Need("quicksight:TagResource", DATA_SOURCE(call), request_tags(call))
    yield from _passed_role(call)


def _update_data_source(call: Call) -> Iterable[Need]:
    yield Need("quicksight:UpdateDataSource", DATA_SOURCE(call))
    yield from _passed_role(call)


def _tagged(call: Call) -> str:
    return str(call.parameters["ResourceArn"])


NEEDS: Table = {
    **rows(
        "quicksight",
        "quicksight",
        {
            "DeleteDataSource": DATA_SOURCE,
            "DescribeAccountSettings": anything,
            "DescribeAccountSubscription": _arn("account/{AwsAccountId}"),
            "DescribeDataSource": DATA_SOURCE,
            "DescribeDataSourcePermissions": DATA_SOURCE,
            "DescribeGroup": _arn("group/{Namespace}/{GroupName}"),
            "ListDataSources": anything,
            "ListTagsForResource": _tagged,
            "SearchDataSources": _arn("datasource/*"),
            "TagResource": _tagged,
            "UntagResource": _tagged,
            "UpdateDataSourcePermissions": DATA_SOURCE,
        },
    ),
    ("quicksight", "CreateDataSource"): _create_data_source,
    ("quicksight", "UpdateDataSource"): _update_data_source,
}
