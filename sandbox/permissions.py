"""Role-true calls: every call of a role is asked whether the role's policies allow it.

One row for each operation the product makes: the IAM actions it needs, and on what. An operation of a role
without a row is an error, not a pass. Source of actions and resource types: Service Authorization Reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from moto.iam.models import iam_backends

from sandbox.gateway import Call, access_denied
from sandbox.policy import Request, access_denied_message, evaluate
from sandbox.services.organizations import organization_of

if TYPE_CHECKING:
    from sandbox.cloud import Cloud
    from sandbox.services.iam import Iam

Resource = Callable[[Call, "Cloud"], str]


def _fixed(text: str) -> Resource:
    return lambda call, cloud: text.format(
        region=call.region, account=call.account, management=cloud.landscape.management, **_organization(cloud)
    )


def _with(text: str, parameter: str) -> Resource:
    fixed = _fixed(text)
    return lambda call, cloud: fixed(call, cloud) + str(call.parameters.get(parameter, ""))


def _given(parameter: str) -> Resource:
    return lambda call, _cloud: str(call.parameters[parameter])


def _policy(call: Call, _cloud: Cloud) -> str:
    given = call.parameters
    return f"arn:aws:iam::{call.account}:policy{given.get('Path', '/')}{given['PolicyName']}"


def _role(call: Call, _cloud: Cloud) -> str:
    name = call.parameters["RoleName"]
    found = [role.arn for role in iam_backends[call.account]["aws"].roles.values() if role.name == name]
    return str(found[0]) if found else f"arn:aws:iam::{call.account}:role/{name}"


def _organization(cloud: Cloud) -> dict[str, str]:
    return {"organization": organization_of(cloud.landscape.management) or "o-none"}


EVERYTHING: Resource = lambda _call, _cloud: "*"  # noqa: E731 - a row's cell
ACCOUNT = _with("arn:aws:organizations::{management}:account/{organization}/", "AccountId")
TAGGED = _with("arn:aws:organizations::{management}:account/{organization}/", "ResourceId")
STACK_SET = _with("arn:aws:cloudformation:{region}:{management}:stackset/", "StackSetName")
TABLE = _with("arn:aws:dynamodb:{region}:{account}:table/", "TableName")
DATA_SOURCE = _with("arn:aws:quicksight:{region}:{account}:datasource/", "DataSourceId")
POLICY = _given("PolicyArn")

ROWS: dict[tuple[str, str], list[tuple[str, Resource]]] = {
    ("organizations", "DescribeAccount"): [("organizations:DescribeAccount", ACCOUNT)],
    ("organizations", "ListTagsForResource"): [("organizations:ListTagsForResource", TAGGED)],
    ("cloudformation", "CreateStackSet"): [
        ("cloudformation:CreateStackSet", STACK_SET),
        ("cloudformation:TagResource", STACK_SET),
    ],
    **{
        ("cloudformation", operation): [(f"cloudformation:{operation}", STACK_SET)]
        for operation in (
            "DescribeStackSet",
            "CreateStackInstances",
            "UpdateStackInstances",
            "DeleteStackInstances",
            "DescribeStackInstance",
            "DescribeStackSetOperation",
            "ListStackSetOperationResults",
        )
    },
    ("iam", "GetAccountSummary"): [("iam:GetAccountSummary", EVERYTHING)],
    ("iam", "CreatePolicy"): [("iam:CreatePolicy", _policy), ("iam:TagPolicy", _policy)],
    **{
        ("iam", operation): [(f"iam:{operation}", POLICY)]
        for operation in (
            "GetPolicy",
            "GetPolicyVersion",
            "ListPolicyVersions",
            "CreatePolicyVersion",
            "DeletePolicyVersion",
            "DeletePolicy",
        )
    },
    **{
        ("iam", operation): [(f"iam:{operation}", _role)]
        for operation in ("ListAttachedRolePolicies", "AttachRolePolicy", "DetachRolePolicy")
    },
    ("quicksight", "CreateDataSource"): [
        ("quicksight:CreateDataSource", EVERYTHING),
        ("quicksight:TagResource", DATA_SOURCE),
        ("iam:PassRole", lambda call, _cloud: _run_as(call)),
    ],
    ("quicksight", "UpdateDataSource"): [
        ("quicksight:UpdateDataSource", DATA_SOURCE),
        ("iam:PassRole", lambda call, _cloud: _run_as(call)),
    ],
    ("quicksight", "DescribeDataSource"): [("quicksight:DescribeDataSource", DATA_SOURCE)],
    ("quicksight", "DeleteDataSource"): [("quicksight:DeleteDataSource", DATA_SOURCE)],
    ("quicksight", "ListTagsForResource"): [("quicksight:ListTagsForResource", _given("ResourceArn"))],
    **{
        ("dynamodb", operation): [(f"dynamodb:{operation}", TABLE)]
        for operation in ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query")
    },
    ("lambda", "Invoke"): [("lambda:InvokeFunction", _given("FunctionName"))],
    ("stepfunctions", "DescribeExecution"): [("states:DescribeExecution", _given("executionArn"))],
    ("stepfunctions", "StartExecution"): [("states:StartExecution", _given("stateMachineArn"))],
    ("sts", "GetCallerIdentity"): [],  # needs no permission
    ("sts", "AssumeRole"): [],  # decided where both sides are known: services/sts.py
}


class Permissions:
    """Asks at the door. Administrators pass; every role's session is evaluated on its policies in force."""

    def __init__(self, cloud: Cloud, iam: Iam) -> None:
        self._cloud, self._iam = cloud, iam
        cloud.gateway.before.append(self.authorize)
        cloud.gateway.resource_of = self.resource_of

    def authorize(self, call: Call) -> None:
        """Raises AWS's access denied error, or RuntimeError for an operation without a row."""
        if call.session.administrator:
            return
        row = ROWS.get((call.service, call.operation))
        if row is None:
            raise RuntimeError(f"sandbox/permissions.py has no row for {call.service} {call.operation}")
        for action, resource in row:
            self._require(call, action, resource(call, self._cloud))

    def resource_of(self, call: Call) -> str:
        """What a call is about, for the log."""
        row = ROWS.get((call.service, call.operation))
        try:
            return row[0][1](call, self._cloud) if row else "*"
        except KeyError:
            return "*"

    def _require(self, call: Call, action: str, resource: str) -> None:
        role = self._iam.documents_of(call.session.principal.arn)
        request = Request(call.session.principal, action, resource, context(call, action))
        verdict = evaluate(
            request,
            identity=role.identity if role else (),
            boundary=role.boundary if role else None,
            session=call.session.session_policies,
        )
        if not verdict.allowed:
            raise access_denied(call.service, access_denied_message(request, verdict))


def context(call: Call, action: str) -> dict[str, str | list[str]]:
    """The condition keys AWS would set for this call."""
    organization = organization_of(call.account)
    return {
        "aws:RequestedRegion": call.region,
        **({"aws:PrincipalOrgID": organization} if organization else {}),
        **_tags(call.parameters.get("Tags")),
        **_keys(call, action),
    }


def _keys(call: Call, action: str) -> dict[str, str | list[str]]:
    given = call.parameters
    if action == "iam:PassRole":
        return {"iam:PassedToService": f"{call.service}.amazonaws.com"}
    if call.service == "iam" and "PolicyArn" in given:
        return {"iam:PolicyARN": given["PolicyArn"]}
    if call.service == "dynamodb":
        return {"dynamodb:LeadingKeys": list(_leading_keys(given))}
    return {}


def _tags(tags: Any) -> dict[str, str | list[str]]:
    if not isinstance(tags, list):
        return {}
    return {f"aws:RequestTag/{tag['Key']}": tag["Value"] for tag in tags} | {"aws:TagKeys": [t["Key"] for t in tags]}


def _leading_keys(given: Mapping[str, Any]) -> Iterable[str]:
    """The partition key: of an item or a key, or the value a query compares it with."""
    for part in ("Key", "Item"):
        if part in given:
            yield given[part]["pk"]["S"]
    if "KeyConditionExpression" in given:
        name = given["KeyConditionExpression"].split("pk = ", 1)[1].split()[0]
        yield given["ExpressionAttributeValues"][name]["S"]


def _run_as(call: Call) -> str:
    return str(call.parameters["DataSourceParameters"]["AthenaParameters"]["RoleArn"])
