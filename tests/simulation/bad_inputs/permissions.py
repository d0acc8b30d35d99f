"""Permissions taken away, one at a time, from each role that works on an account."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.simulation.bad_inputs.events import start
from tests.simulation.bad_inputs.vocabulary import (
    ACCOUNT,
    NOTHING,
    ROLE_MADE,
    SWEPT,
    TAKEN_BACK,
    Case,
    Change,
    Stage,
    Trouble,
    connected,
    tag,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

STACKSETS = "member.org.stacksets.cloudformation.amazonaws.com"


def without(role: str, action: str) -> Trouble:
    """A role of the hub's stack loses one action for a while."""

    @contextmanager
    def trouble(stage: Stage) -> Iterator[None]:
        with stage.world.cloud.administering(stage.world.cloud.topology.hub):
            iam = stage.world.cloud.client("iam")
            name = next(r["RoleName"] for r in iam.list_roles()["Roles"] if f"{role}Role" in r["RoleName"])
            inline = {
                each: iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"]
                for each in iam.list_role_policies(RoleName=name)["PolicyNames"]
            }
            attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
            ours = [each["PolicyArn"] for each in attached if ":aws:policy/" not in each["PolicyArn"]]
            for each, document in inline.items():
                _put(iam, name, each, _lacking(document, action))
            before = {arn: _replace(iam, arn, action) for arn in ours}
        stage.world.iam.settle()
        try:
            yield
        finally:
            with stage.world.cloud.administering(stage.world.cloud.topology.hub):
                for each, document in inline.items():
                    _put(iam, name, each, document)
                for arn, (old, new) in before.items():
                    iam.set_default_policy_version(PolicyArn=arn, VersionId=old)
                    iam.delete_policy_version(PolicyArn=arn, VersionId=new)
            stage.world.iam.settle()

    return trouble


def _put(iam: Any, role: str, name: str, document: Any) -> None:
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))


def _replace(iam: Any, arn: str, action: str) -> tuple[str, str]:
    """A managed policy's version in force, and the lacking one that takes its place."""
    old = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=old)["PolicyVersion"]["Document"]
    text = json.dumps(_lacking(document, action))
    new = iam.create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)["PolicyVersion"]["VersionId"]
    return old, new


def _lacking(document: Any, action: str) -> Any:
    """The document without the action; a statement of nothing else denies it, as no statement may be empty."""
    listed = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    return {**document, "Statement": [_without(each, action) for each in listed]}


def _without(statement: Any, action: str) -> Any:
    named = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    left = [each for each in named if each != action]
    return {**statement, "Action": left} if left else {**statement, "Effect": "Deny"}


@contextmanager
def no_administrator(stage: Stage) -> Iterator[None]:
    """The hub is StackSets' delegated administrator no more, for a while."""
    place = stage.world.cloud.topology
    request = {"AccountId": place.hub, "ServicePrincipal": STACKSETS}
    with stage.world.cloud.administering(place.management):
        stage.world.cloud.client("organizations", "us-east-1").deregister_delegated_administrator(**request)
    try:
        yield
    finally:
        with stage.world.cloud.administering(place.management):
            stage.world.cloud.client("organizations", "us-east-1").register_delegated_administrator(**request)


@contextmanager
def administrator_of_another_service(stage: Stage) -> Iterator[None]:
    """The hub may still read the organization, as another service's delegated administrator."""
    place, other = stage.world.cloud.topology, "config.amazonaws.com"
    with stage.world.cloud.administering(place.management):
        organizations = stage.world.cloud.client("organizations", "us-east-1")
        organizations.enable_aws_service_access(ServicePrincipal=other)
        organizations.register_delegated_administrator(AccountId=place.hub, ServicePrincipal=other)
    try:
        with no_administrator(stage):
            yield
    finally:
        with stage.world.cloud.administering(place.management):
            organizations.deregister_delegated_administrator(AccountId=place.hub, ServicePrincipal=other)


def lacks(
    function: str,
    service: str,
    operation: str,
    resource: str,
    why: str = "",
    *,
    calling: str = "",
    step: str = "",
    change: Change = NOTHING,
    waited: str = "",
    **more: Any,
) -> Case:
    """One permission of a function is taken away; AWS answers it so. `waited`: after that many attempts and time.

    `step`: the step that fails, if it waits for another one's function.
    """
    action = f"{service}:{operation}"
    code = "AccessDenied" if service in ("cloudformation", "iam") and not calling else "AccessDeniedException"
    role = f"arn:aws:sts::444455556666:assumed-role/quick-onboarding-{function}FunctionRole-<id>"
    message = (
        f"account {ACCOUNT}: {step or function}: {SOURCE if waited else ''}An error occurred ({code}) when calling the "
        f"{calling or operation} operation: "
        f"User: {role}/quick-onboarding-{function}Function-<id> is not authorized to perform: {action} on resource: "
        f"{resource} {why or NO_POLICY.format(action)}{waited and f' (asked {waited})'}"
    )
    where = "claim" if function == "AssessAccount" else "connection#default"
    trouble = without(f"{function}Function", action)
    return Case(f"{function} lacks {action}", "MissingPermission", message, where, change, trouble=trouble, **more)


def untag(stage: Stage) -> None:
    """Somebody untags the account."""
    stage.world.untag(stage.account)


SOURCE = f"data source quick-athena-{ACCOUNT}-default: "
WAITED = "6 times in 0:02:00"
SHARD = "arn:aws:iam::444455556666:policy/quick-athena/quick-athena-access-1"
STILL = Change("nothing yet: access stays until somebody may write, the change that revokes it is pending")
NO_POLICY = "because no identity-based policy allows the {} action"
DENIED = "with an explicit deny in an identity-based policy"  # the statement held nothing else: the test turns it round
HUB = "arn:aws:{}:eu-west-1:444455556666:"
MACHINE = (
    "User: arn:aws:sts::444455556666:assumed-role/quick-onboarding-ReconcileAccountRole-<id>/states is not authorized "
    "to perform:"
)
ROUTER = MACHINE.replace("ReconcileAccount", "RouteEvent")
ADMINISTRATORS = f"account {ACCOUNT}: AssessAccount: An error occurred"


CASES = [
    lacks(
        "AssessAccount",
        "organizations",
        "DescribeAccount",
        f"arn:aws:organizations::111122223333:account/o-exampleorg/{ACCOUNT}",
    ),
    lacks(
        "AssessAccount",
        "dynamodb",
        "Query",
        HUB.format("dynamodb") + "table/quick-onboarding-RegistryTable-<id>",
        DENIED,
    ),
    lacks(
        "AssessAccount", "iam", "ListAttachedRolePolicies", "arn:aws:iam::444455556666:role/quick-athena-run-as", DENIED
    ),
    lacks(
        "AssessAccount",
        "quicksight",
        "DescribeDataSource",
        HUB.format("quicksight") + f"datasource/quick-athena-{ACCOUNT}-default",
    ),
    lacks(
        "EnsureConsumerRole",
        "cloudformation",
        "DescribeStackInstance",
        "arn:aws:cloudformation:eu-west-1:111122223333:stackset/quick-athena-default:*",
    ),
    lacks(
        "AdvanceOperation",
        "cloudformation",
        "CreateStackInstances",
        "arn:aws:cloudformation:eu-west-1:111122223333:stackset/quick-athena-default:*",
        step="EnsureConsumerRole",
    ),
    lacks(
        "AdvanceOperation",
        "cloudformation",
        "DescribeStackSetOperation",
        "arn:aws:cloudformation:eu-west-1:111122223333:stackset/quick-athena-default:*",
        step="EnsureConsumerRole",
        change=ROLE_MADE,
    ),
    lacks("EnsureAccess", "iam", "CreatePolicyVersion", SHARD, change=ROLE_MADE),
    lacks("EnsureDataSource", "quicksight", "CreateDataSource", "*", DENIED, change=TAKEN_BACK, waited=WAITED),
    lacks(
        "EnsureDataSource",
        "iam",
        "PassRole",
        "arn:aws:iam::444455556666:role/quick-athena-run-as",
        DENIED,
        change=TAKEN_BACK,
        calling="CreateDataSource",
        waited=WAITED,
    ),
    lacks("RevokeAccess", "iam", "CreatePolicyVersion", SHARD, change=STILL, given=connected, happens=untag),
    Case(
        "RecordFailure lacks dynamodb:UpdateItem, and a tag can't be read",
        "InvalidTagValue",
        change=Change(
            "nothing; nothing can be recorded: the execution fails, and the watch finds the claim that does not move"
        ),
        trouble=without("RecordFailureFunction", "dynamodb:UpdateItem"),
        happens=tag("Enabled"),
        counted=False,
        mended="FAILED",
    ),
    Case(
        "ReconcileAccount lacks dynamodb:UpdateItem",
        "DynamoDB.AmazonDynamoDBException",
        change=Change("nothing; nothing can be recorded: the execution fails, and its alarm tells"),
        trouble=without("ReconcileAccount", "dynamodb:UpdateItem"),
        counted=False,
    ),
    Case(
        "ReconcileAccount lacks lambda:InvokeFunction",
        "Lambda.AWSLambdaException",
        change=Change(
            "nothing; nothing can be recorded: the execution fails, and the watch finds the claim that does not move"
        ),
        trouble=without("ReconcileAccount", "lambda:InvokeFunction"),
        counted=False,
    ),
    Case(
        "RouteEvent lacks lambda:InvokeFunction",
        "Lambda.AWSLambdaException",
        f"AccessDeniedException: {ROUTER} lambda:InvokeFunction on resource: "
        f"{HUB.format('lambda')}function:quick-onboarding-FindAccountFunction-<id> {DENIED}",
        "unread#<execution>",
        SWEPT,
        sweeps="all",
        trouble=without("RouteEvent", "lambda:InvokeFunction"),
        happens=start({"detail": {"eventName": "SomethingNew"}}),
        counted=False,
    ),
    Case(
        "the hub is no delegated administrator of anything",
        "NotDelegatedAdministrator",
        f"{ADMINISTRATORS} (AccessDeniedException) when calling the DescribeAccount operation: You don't have "
        "permissions to access this resource.",
        "claim",
        trouble=no_administrator,
    ),
    Case(
        "the hub is the delegated administrator of another service only",
        "NotDelegatedAdministrator",
        f"{ADMINISTRATORS} (ValidationError) when calling the DescribeStackInstance operation: Account used "
        "is not a delegated administrator",
        "claim",
        trouble=administrator_of_another_service,
    ),
]
