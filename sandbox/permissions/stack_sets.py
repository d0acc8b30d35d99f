"""What stack set operations need.

A stack set with service-managed permissions is the management account's, whoever made it (botocore model, CallAs).
CreateStackSet has no resource type in the reference, but AWS's own managed policies (AWSServiceCatalogAdminFullAccess,
AWSControlTowerServiceRolePolicy) allow it on stack set ARNs: so it is checked on one. Targets and resource types are
checked as well where an operation deploys; the reference calls them optional.
"""

from collections.abc import Iterable

from sandbox.gateway import Call
from sandbox.permissions.need import Need, Needs, Table, request_tags, simple
from sandbox.permissions.organizations import management_of

DEPLOYED_TYPE = "AWS-IAM-Role"  # stands for every type in the body


def _on_stack_set(operation: str) -> Needs:
    return lambda call: [Need(f"cloudformation:{operation}", _stack_set(call), request_tags(call))]


def _create(call: Call) -> Iterable[Need]:
    yield Need("cloudformation:CreateStackSet", _stack_set(call), request_tags(call))
    if call.parameters.get("Tags"):
        yield Need("cloudformation:TagResource", _stack_set(call), request_tags(call))


def _deploying(operation: str) -> Needs:
    def needs(call: Call) -> Iterable[Need]:
        regions = call.parameters.get("Regions") or ()
        context = {"cloudformation:TargetRegion": regions} if regions else {}
        for resource in (_stack_set(call), *_targets(call), _type(call)):
            yield Need(f"cloudformation:{operation}", resource, context)

    return needs


def _stack_set(call: Call) -> str:
    return f"arn:aws:cloudformation:{call.region}:{_owner(call)}:stackset/{_name(call)}"


def _targets(call: Call) -> Iterable[str]:
    targets = call.parameters.get("DeploymentTargets") or {}
    listed = targets.get("OrganizationalUnitIds") or targets.get("Accounts") or call.parameters.get("Accounts") or ()
    for target in listed:
        yield f"arn:aws:cloudformation:{call.region}:{_owner(call)}:stackset-target/{_name(call)}/{target}"


def _type(call: Call) -> str:
    return f"arn:aws:cloudformation:{call.region}::type/resource/{DEPLOYED_TYPE}"


def _name(call: Call) -> str:
    """Name and, as far as the caller knows it, id."""
    name = str(call.parameters["StackSetName"])
    return name if ":" in name else f"{name}:*"


def _owner(call: Call) -> str:
    delegated = call.parameters.get("CallAs") == "DELEGATED_ADMIN"
    return management_of(call.account) if delegated else call.account


ON_STACK_SET = (
    "DeleteStackSet",
    "DescribeStackInstance",
    "DescribeStackSet",
    "DescribeStackSetOperation",
    "DetectStackSetDrift",  # what it reads in the members, StackSets' own roles there read
    "ListStackInstanceResourceDrifts",
    "ListStackInstances",
    "ListStackSetOperationResults",
    "ListStackSetOperations",
    "StopStackSetOperation",
)
DEPLOYING = ("UpdateStackSet", "CreateStackInstances", "UpdateStackInstances", "DeleteStackInstances")
NEEDS: Table = {
    **{("cloudformation", operation): _on_stack_set(operation) for operation in ON_STACK_SET},
    **{("cloudformation", operation): _deploying(operation) for operation in DEPLOYING},
    ("cloudformation", "CreateStackSet"): _create,
    ("cloudformation", "ListStackSets"): simple("cloudformation:ListStackSets"),
}
