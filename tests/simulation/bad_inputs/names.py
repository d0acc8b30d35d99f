"""Names that are taken and room that is spent in IAM and CloudFormation."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from control_plane.access_policy import document, size
from tests.simulation.bad_inputs.vocabulary import ACCOUNT, ROLE_MADE, Case, Change, Stage, Trouble, instance, tag

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MARK = {"managed-by": "quick-onboarding", "quick-onboarding:deployment": "default"}
SHARDS, CHARACTERS = 20, 6144
EXTERNAL_IDS = "arn:aws:quicksight:eu-west-1:444455556666:datasource/quick-athena-*"
PATH = "/quick-athena/"
RUN_AS = "quick-athena-run-as"


def tags_of(marks: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as AWS takes them."""
    return [{"Key": key, "Value": value} for key, value in marks.items()]


def taken_role(stage: Stage) -> None:
    """Somebody in the account has a role of that name."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": stage.account}, "Action": "sts:AssumeRole"}],
    }
    iam = stage.world.boto3_session(stage.account).client("iam")
    iam.create_role(RoleName="quick-athena-default", AssumeRolePolicyDocument=json.dumps(trust))


@contextmanager
def full_policies(stage: Stage) -> Iterator[None]:
    """As many shards as a role may have, each of them full."""
    hub = stage.world.cloud.topology.hub
    with stage.world.cloud.administering(hub):
        iam = stage.world.cloud.client("iam")
        attached = iam.list_attached_role_policies(RoleName=RUN_AS)["AttachedPolicies"]
        there = {each["PolicyName"]: each["PolicyArn"] for each in attached}
        before = {arn: _fill(iam, arn) for arn in there.values()}
        made = [_make(iam, n) for n in range(1, SHARDS + 1) if f"quick-athena-access-{n}" not in there]
    stage.world.iam.settle()
    try:
        yield
    finally:
        with stage.world.cloud.administering(hub):
            for arn in made:
                iam.detach_role_policy(RoleName=RUN_AS, PolicyArn=arn)
                iam.delete_policy(PolicyArn=arn)
            for arn, (old, new) in before.items():
                iam.set_default_policy_version(PolicyArn=arn, VersionId=old)
                iam.delete_policy_version(PolicyArn=arn, VersionId=new)
        stage.world.iam.settle()


def _full(entries: list[str]) -> str:
    """A document of these entries, and unexpected ones as far as there is room."""
    number = 0
    while size(document([*entries, _unexpected(number)], EXTERNAL_IDS)) <= CHARACTERS:
        entries, number = [*entries, _unexpected(number)], number + 1
    return json.dumps(document(entries, EXTERNAL_IDS))


def _unexpected(number: int) -> str:
    return f"arn:aws:iam::{number:012}:role/quick-athena-x"


def _fill(iam: Any, arn: str) -> tuple[str, str]:
    old = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    present = iam.get_policy_version(PolicyArn=arn, VersionId=old)["PolicyVersion"]["Document"]
    text = _full(list(present["Statement"][0]["Resource"]))
    for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]:  # IAM keeps five
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
    new = iam.create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)["PolicyVersion"]["VersionId"]
    return old, new


def _make(iam: Any, number: int) -> str:
    policy = iam.create_policy(
        PolicyName=f"quick-athena-access-{number}", Path=PATH, PolicyDocument=_full([]), Tags=tags_of(MARK)
    )
    arn = str(policy["Policy"]["Arn"])
    iam.attach_role_policy(RoleName=RUN_AS, PolicyArn=arn)
    return arn


BODY = json.dumps({"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}})


def unmanaged_stack_set(
    profile: str, marks: Mapping[str, str], *, managed: bool = True, automatic: bool = False
) -> Trouble:
    """A stack set of the name the profile's would have, made by somebody, while it lasts."""

    @contextmanager
    def trouble(stage: Stage) -> Iterator[None]:
        request = {"StackSetName": f"quick-athena-{profile}", "CallAs": "DELEGATED_ADMIN"}
        hub = stage.world.cloud.topology.hub
        with stage.world.cloud.administering(hub):
            stage.world.cloud.client("cloudformation").create_stack_set(
                **request,
                TemplateBody=BODY,
                PermissionModel="SERVICE_MANAGED",
                AutoDeployment={"Enabled": False},
                ManagedExecution={"Active": managed},
                Tags=tags_of(marks),
            )
        found = stage.world.stack_sets.catalog._sets[stage.world.cloud.topology.region][request["StackSetName"]]
        found.automatic_deployment = automatic
        try:
            yield
        finally:
            with stage.world.cloud.administering(hub):
                stage.world.cloud.client("cloudformation").delete_stack_set(**request)

    return trouble


def unmanaged(words: str, profile: str, difference: str, marks: Mapping[str, str], **how: bool) -> Case:
    """A stack set that is not ours."""
    message = (
        f"account {ACCOUNT}: EnsureConsumerRole: the stack set quick-athena-{profile} exists already: {difference}"
    )
    trouble = unmanaged_stack_set(profile, marks, **how)
    return Case(words, "NotOurs", message, f"connection#{profile}", trouble=trouble, happens=tag(profile))


UNMARKED = (
    "tag managed-by is None, ours is 'quick-onboarding', tag quick-onboarding:deployment is None, ours is 'default'"
)
BLUE = {**MARK, "quick-onboarding:deployment": "blue"}

CASES = [
    Case(
        "a role of our name in the account",
        "ConsumerRoleFailed",
        f"account {ACCOUNT}: EnsureConsumerRole: stack set quick-athena-default, operation qa-<operation>: FAILED: "
        "ResourceLogicalId:ConsumerRole, ResourceType:AWS::IAM::Role, ResourceStatusReason:Role with name "
        "quick-athena-default already exists. (Status Code: 409; Error Code: EntityAlreadyExists)",
        "connection#default",
        Change(
            "a stack instance without a role is left, the next look updates it; the role that was there stays as it is",
            frozenset({instance(status="OUTDATED")}),
        ),
        given=taken_role,
    ),
    Case(
        "an access policy that is full",
        "AccessPolicyFull",
        f"account {ACCOUNT}: EnsureAccess: no room for arn:aws:iam::{ACCOUNT}:role/quick-athena-default: the access "
        "policies of run-as role 1 are all full, and as many as IAM lets a role have",
        "connection#default",
        ROLE_MADE,
        trouble=full_policies,
    ),
    unmanaged("an unmanaged stack set of our name", "taken", UNMARKED, {}),
    unmanaged(
        "another deployment's stack set",
        "blue",
        "tag quick-onboarding:deployment is 'blue', ours is 'default'",
        BLUE,
    ),
    unmanaged(
        "a stack set that deploys by itself",
        "automatic",
        "automatic deployment is True, ours is False",
        MARK,
        automatic=True,
    ),
    unmanaged(
        "a stack set without managed execution",
        "unmanaged",
        "managed execution is False, ours is True",
        MARK,
        managed=False,
    ),
]
