"""What stack set operations need.

Where AWS's documents differ in how an ARN is spelled, every spelling is asked for: a policy has to hold either way.

- CreateStackSet has no resource types in the reference, so only `*` allows it; AWS's own managed policies
  (AWSServiceCatalogAdminFullAccess, AWSControlTowerServiceRolePolicy) name stack sets.
- A stack set with service-managed permissions is the management account's, whoever made it (botocore model, CallAs).
  Whether the ARN that is checked has its account or the delegated administrator's, nobody says.
- A target's ARN has a Region in the examples of the User Guide of today (security_iam_id-based-policy-examples), and
  had none in those of before; a resource type's had no account, and has one today. Whether the root or OU is the
  target, or the account below it that is meant, nobody says. The reference calls both kinds optional.
"""

from collections.abc import Iterable

from sandbox.aws.gateway import Call
from sandbox.aws.permissions.need import Need, Needs, Table, request_tags, simple
from sandbox.aws.permissions.organizations import management_of

DEPLOYED_TYPE = "AWS::IAM::Role"  # stands for every type, where the body is not at hand


def deployed_types(call: Call, types: Iterable[str]) -> Iterable[Need]:
    """What a body's resource types add to an operation that deploys it."""
    for each in types:
        for account in ("", *_owners(call)):
            arn = f"arn:aws:cloudformation:{call.region}:{account}:type/resource/{each.replace('::', '-')}"
            yield Need(f"cloudformation:{call.operation}", arn, _regions(call))


def _on_stack_set(operation: str) -> Needs:
    return lambda call: [Need(f"cloudformation:{operation}", arn, request_tags(call)) for arn in _stack_set(call)]


def _create(call: Call) -> Iterable[Need]:
    yield Need("cloudformation:CreateStackSet", "*", request_tags(call))
    yield from _tagging(call)


def _update(call: Call) -> Iterable[Need]:
    yield from _deploying(call)
    yield from _tagging(call)


def _tagging(call: Call) -> Iterable[Need]:
    if call.parameters.get("Tags"):
        yield from (Need("cloudformation:TagResource", arn, request_tags(call)) for arn in _stack_set(call))


def _deploying(call: Call) -> Iterable[Need]:
    context = {**request_tags(call), **_regions(call)}
    for arn in (*_stack_set(call), *_targets(call)):
        yield Need(f"cloudformation:{call.operation}", arn, context)
    yield from deployed_types(call, [DEPLOYED_TYPE])


def _regions(call: Call) -> dict[str, list[str]]:
    regions = call.parameters.get("Regions")
    return {"cloudformation:TargetRegion": list(regions)} if regions else {}


def _stack_set(call: Call) -> list[str]:
    return [f"arn:aws:cloudformation:{call.region}:{owner}:stackset/{_name(call)}" for owner in _owners(call)]


def _targets(call: Call) -> Iterable[str]:
    targets = call.parameters.get("DeploymentTargets") or {}
    for target in (*targets.get("OrganizationalUnitIds", ()), *targets.get("Accounts", ())):
        for owner in _owners(call):
            for region in (call.region, ""):
                yield f"arn:aws:cloudformation:{region}:{owner}:stackset-target/{_name(call)}/{target}"


def _name(call: Call) -> str:
    """Name and, as far as the caller knows it, id."""
    name = str(call.parameters["StackSetName"])
    return name if ":" in name else f"{name}:*"


def _owners(call: Call) -> list[str]:
    delegated = call.parameters.get("CallAs") == "DELEGATED_ADMIN"
    return [management_of(call.account), call.account] if delegated else [call.account]


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
DEPLOYING = ("CreateStackInstances", "UpdateStackInstances", "DeleteStackInstances")
NEEDS: Table = {
    **{("cloudformation", operation): _on_stack_set(operation) for operation in ON_STACK_SET},
    **{("cloudformation", operation): _deploying for operation in DEPLOYING},
    ("cloudformation", "CreateStackSet"): _create,
    ("cloudformation", "UpdateStackSet"): _update,
    ("cloudformation", "ListStackSets"): simple("cloudformation:ListStackSets"),
}
