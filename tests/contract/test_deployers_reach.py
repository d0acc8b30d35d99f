"""Can whoever holds the guide's policies become administrator? Asked of the sandbox's evaluator, and of another one.

The second evaluator shares nothing with the first: a few lines that know what these policies use, and refuse the rest.
"""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.aws.policy import Principal, Request, evaluate
from tests.contract import project
from tests.contract.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCOUNT = "444455556666"
POLICIES = ROOT / "docs/howto/policies"
HOLDERS = {"hub": ("deploy-hub", "deploy-hub-roles"), "forwarding": ("deploy-forwarding",)}
OPERATOR = ("operator", "operator-act")  # of quickctl
MANAGEMENT = ("doctor-management",)  # of quickctl in the management account; it only reads
IAM = f"arn:aws:iam::{ACCOUNT}"
BOUNDARIES = f"{IAM}:policy/quick-athena/boundary"
OURS = {"hub": f"{BOUNDARIES}/quick-onboarding-hub", "forwarding": f"{BOUNDARIES}/quick-onboarding-forwarding"}
ROLE = {"hub": f"{IAM}:role/quick-onboarding-x", "forwarding": f"{IAM}:role/quick-onboarding-forwarding-x"}
RUN_AS = f"{IAM}:role/quick-athena-run-as"
RUN_AS_BOUNDARY = f"{BOUNDARIES}/quick-athena-run-as"
FUNCTION = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:admin"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
CHANGES_OF_A_POLICY = (
    "CreatePolicy",
    "CreatePolicyVersion",
    "DeletePolicy",
    "DeletePolicyVersion",
    "SetDefaultPolicyVersion",
)
Keys = dict[str, str]
Ask = tuple[str, str, Keys]


def documents(holder: str) -> list[dict[str, Any]]:
    """Everything a holder has."""
    names = OPERATOR if holder == "operator" else HOLDERS[holder]
    return [json.loads((POLICIES / f"{name}.json").read_text(encoding="utf-8")) for name in names]


def allowed_by_the_sandbox(holder: str, ask: Ask) -> bool:
    """The sandbox's verdict."""
    action, resource, context = ask
    principal = Principal(ACCOUNT, f"{IAM}:role/deploys", f"arn:aws:sts::{ACCOUNT}:assumed-role/deploys/s", "AROA1")
    return evaluate(Request(principal, action, resource, context), identity=documents(holder)).allowed


def allowed_by_hand(holder: str, ask: Ask) -> bool:
    """Deny wins, then any allow; only the condition operators these policies use."""
    statements = [each for document in documents(holder) for each in document["Statement"]]
    effects = {each["Effect"] for each in statements if _concerns(each, ask)}
    return "Allow" in effects and "Deny" not in effects


def _concerns(statement: Mapping[str, Any], ask: Ask) -> bool:
    assert set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}, statement
    action, resource, context = ask
    named = any(fnmatchcase(action.lower(), each.lower()) for each in project.as_list(statement["Action"]))
    there = any(fnmatchcase(resource, each) for each in project.as_list(statement["Resource"]))
    return (
        named
        and there
        and all(_holds(operator, block, context) for operator, block in statement.get("Condition", {}).items())
    )


def _holds(operator: str, block: Mapping[str, Any], context: Keys) -> bool:
    tests = {
        "ArnLike": lambda key, values: key in context and any(fnmatchcase(context[key], each) for each in values),
        "StringEquals": lambda key, values: context.get(key) in values,
        "Null": lambda key, values: str(key not in context).lower() in values,
    }
    return all(tests[operator](key, project.as_list(values)) for key, values in block.items())


def _bound(arn: str) -> Keys:
    return {"iam:PermissionsBoundary": arn}


def _passing(service: str) -> Keys:
    return {"iam:PassedToService": f"{service}.amazonaws.com"}


def escalations(holder: str) -> dict[str, Ask]:
    """The known ways from "may deploy" to "may everything"."""
    role, ours = ROLE[holder], OURS[holder]
    other_boundary = f"{IAM}:policy/quick-athena/quick-onboarding-mine"
    attaching = {**_bound(ours), "iam:PolicyARN": ADMINISTRATOR}
    stack = f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}:stack/quick-onboarding-forwarding/x"
    stack = stack if holder == "forwarding" else stack.replace("-forwarding", "")
    return {
        "a role without a boundary": ("iam:CreateRole", role, {}),
        "a role with a boundary of one's own": ("iam:CreateRole", role, _bound(other_boundary)),
        "a role bounded by AWS's policy": ("iam:CreateRole", role, _bound(ADMINISTRATOR)),
        "a role of another name": ("iam:CreateRole", f"{IAM}:role/admin", _bound(ours)),
        "an inline policy on a role without a boundary": ("iam:PutRolePolicy", role, {}),
        "an inline policy on another role": ("iam:PutRolePolicy", f"{IAM}:role/admin", _bound(ours)),
        "an inline policy on the run-as role": ("iam:PutRolePolicy", RUN_AS, _bound(RUN_AS_BOUNDARY)),
        "AdministratorAccess on a bounded role": ("iam:AttachRolePolicy", role, attaching),
        "AdministratorAccess without a boundary": ("iam:AttachRolePolicy", role, {"iam:PolicyARN": ADMINISTRATOR}),
        "a policy of ours on a role without a boundary": (
            "iam:AttachRolePolicy", role, {"iam:PolicyARN": f"{IAM}:policy/quick-athena/quick-onboarding-x"},
        ),
        "a shard's neighbour on the run-as role": (
            "iam:AttachRolePolicy", RUN_AS, {"iam:PolicyARN": f"{IAM}:policy/quick-athena/quick-onboarding-x"},
        ),
        "a shard taken from the run-as role": (
            "iam:DetachRolePolicy", RUN_AS, {"iam:PolicyARN": f"{IAM}:policy/quick-athena/quick-athena-access-0"},
        ),
        "no boundary any more": ("iam:DeleteRolePermissionsBoundary", role, _bound(ours)),
        "no boundary of the run-as role any more": ("iam:DeleteRolePermissionsBoundary", RUN_AS, {}),
        "another boundary": ("iam:PutRolePermissionsBoundary", role, _bound(other_boundary)),
        "another boundary of the run-as role": ("iam:PutRolePermissionsBoundary", RUN_AS, _bound(ours)),
        "a run-as role without its boundary": ("iam:CreateRole", RUN_AS, _bound(ours)),
        "the run-as role's trust": ("iam:UpdateAssumeRolePolicy", RUN_AS, _bound(RUN_AS_BOUNDARY)),
        "the run-as role made anew": ("iam:DeleteRole", RUN_AS, _bound(RUN_AS_BOUNDARY)),
        "another role's trust": ("iam:UpdateAssumeRolePolicy", f"{IAM}:role/admin", _bound(ours)),
        "the trust of a role without a boundary": ("iam:UpdateAssumeRolePolicy", role, {}),
        **{
            f"{action} of {arn.rsplit('/', 1)[-1]}": (f"iam:{action}", arn, {})
            for action in CHANGES_OF_A_POLICY
            for arn in (OURS["hub"], OURS["forwarding"], RUN_AS_BOUNDARY)
        },
        "a shard written by hand": ("iam:CreatePolicyVersion", f"{IAM}:policy/quick-athena/quick-athena-access-0", {}),
        "another policy changed": ("iam:CreatePolicyVersion", f"{IAM}:policy/admins", {}),
        "another role handed to Lambda": ("iam:PassRole", f"{IAM}:role/admin", _passing("lambda")),
        "another role handed to CloudFormation": ("iam:PassRole", f"{IAM}:role/admin", _passing("cloudformation")),
        "a role of ours handed to CloudFormation": ("iam:PassRole", role, _passing("cloudformation")),
        "a role of ours handed to EC2": ("iam:PassRole", role, _passing("ec2")),
        "the run-as role handed to Lambda": ("iam:PassRole", RUN_AS, _passing("lambda")),
        "a stack with another role": (
            "cloudformation:CreateChangeSet", stack, {"cloudformation:RoleArn": f"{IAM}:role/admin"},
        ),
        "another stack": ("cloudformation:CreateChangeSet", stack.replace("/quick-", "/other-"), {}),
        "the boundaries' stack": (
            "cloudformation:CreateChangeSet", re.sub(r"stack/[^/]+", "stack/quick-onboarding-boundaries", stack), {},
        ),
        "a stack without a change set": ("cloudformation:CreateStack", stack, {}),
        "a stack set": ("cloudformation:CreateStackSet", "*", {"aws:RequestTag/managed-by": "quick-onboarding"}),
        "another function's code": ("lambda:UpdateFunctionCode", FUNCTION, {}),
        "another function's role": (
            "lambda:UpdateFunctionConfiguration", FUNCTION, {},
        ),
        "another's upload": ("s3:PutObject", "arn:aws:s3:::aws-sam-cli-managed-default-x/other/code", {}),
        "a user's key": ("iam:CreateAccessKey", f"{IAM}:user/admin", {}),
        "a user's password": ("iam:CreateLoginProfile", f"{IAM}:user/admin", {}),
        "a user's policy": ("iam:AttachUserPolicy", f"{IAM}:user/me", {"iam:PolicyARN": ADMINISTRATOR}),
        "a role assumed": ("sts:AssumeRole", f"{IAM}:role/OrganizationAccountAccessRole", {}),
    }  # fmt: skip


WAYS = [(holder, name) for holder in HOLDERS for name in escalations(holder)]


@pytest.mark.parametrize(("holder", "name"), WAYS)
def test_a_deployer_cannot_become_administrator(holder: str, name: str) -> None:
    ask = escalations(holder)[name]
    assert not allowed_by_the_sandbox(holder, ask)
    assert not allowed_by_hand(holder, ask)


@pytest.mark.parametrize("name", escalations("hub"))
def test_an_operator_cannot_become_administrator(name: str) -> None:
    ask = escalations("hub")[name]
    assert not allowed_by_the_sandbox("operator", ask)
    assert not allowed_by_hand("operator", ask)


@pytest.mark.parametrize("holder", HOLDERS)
def test_what_the_boundary_permits_is_permitted(holder: str) -> None:
    """Or else the test above would be satisfied with policies that allow nothing."""
    role, bound = ROLE[holder], _bound(OURS[holder])
    for ask in (
        ("iam:CreateRole", role, bound),
        ("iam:PutRolePolicy", role, bound),
        ("iam:PutRolePermissionsBoundary", role, bound),
        ("iam:UpdateAssumeRolePolicy", role, bound),
        ("iam:PassRole", role, _passing("events")),
    ):
        assert allowed_by_the_sandbox(holder, ask), ask
        assert allowed_by_hand(holder, ask), ask


WRITES = re.compile(
    r"iam:(Add|Attach|Create|Delete|Detach|Put|Remove|Set|Update|Upload)\w*(Role|User|Group|Profile|Key)\w*"
)


@pytest.mark.parametrize("holder", HOLDERS)
def test_whatever_changes_a_role_asks_for_our_boundary(holder: str) -> None:
    for statement in (each for document in documents(holder) for each in document["Statement"]):
        if statement["Effect"] == "Allow" and any(WRITES.fullmatch(action) for action in statement["Action"]):
            (boundary,) = project.as_list(statement["Condition"]["ArnLike"]["iam:PermissionsBoundary"])
            assert boundary.startswith("arn:aws:iam::*:policy/quick-athena/boundary/quick-"), statement["Sid"]
            assert not boundary.endswith("*")


def test_no_policy_allows_by_exclusion_or_by_wildcard() -> None:
    for holder in HOLDERS:
        for statement in (each for document in documents(holder) for each in document["Statement"]):
            assert not any("*" in action for action in statement["Action"]), statement["Sid"]
            assert not {"NotAction", "NotResource"} & set(statement)


def test_every_file_of_the_guide_has_a_holder() -> None:
    assert {path.stem for path in POLICIES.glob("*.json")} == {
        *OPERATOR,
        *MANAGEMENT,
        *(name for names in HOLDERS.values() for name in names),
    }
