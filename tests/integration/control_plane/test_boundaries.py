"""Does every role of ours have a boundary, does the boundary let it do what it is granted, and nothing dangerous?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from moto.iam.models import iam_backends

from sandbox.aws.policy import Principal, Request, evaluate
from sandbox.aws.services.iam_checks import POLICY_SIZE, size
from sandbox.aws.services.iam_documents import role_documents

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.aws.services.iam_documents import RoleDocuments
    from sandbox.organization import Sandbox

BOUNDARY = "policy/quick-athena/boundary/"
# AWS's managed policy for functions; ours write to a log group the stack makes, and there only.
NARROWED = {"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"}
SHARDS = re.compile(r"arn:aws:iam::\d{12}:policy/quick-athena/quick-athena-access-\*")
MARK = {"aws:RequestTag/managed-by": "quick-onboarding"}  # whatever we make carries it
# What may change IAM, and where.
IAM_WRITES = {
    "iam:CreatePolicy",
    "iam:CreatePolicyVersion",
    "iam:DeletePolicy",
    "iam:DeletePolicyVersion",
    "iam:TagPolicy",
    "iam:AttachRolePolicy",
    "iam:DetachRolePolicy",
}
DANGEROUS = re.compile(
    r"\*|.*\*.*|sts:.*|s3:.*|kms:.*|secretsmanager:.*|ssm:.*|organizations:(?!Describe|List).*"
    r"|lambda:(?!InvokeFunction$).*|cloudformation:(\w*Stack|\w*ChangeSet|.*Type|ActivateOrganizationsAccess)"
    r"|quicksight:(?!Describe|List).*(User|Group|Folder|Asset|Subscription).*"
)
TAGGING = ("organizations:TagResource", "organizations:UntagResource")  # of the status tag alone
FILING = "quicksight:CreateFolderMembership"  # of data sources: the function's own policy names them
READS = re.compile(r"\w+:(Describe|Get|List)\w+")


def roles(world: Sandbox) -> dict[str, tuple[str, RoleDocuments]]:
    """The roles of both stacks: where their boundary is, and their policies."""
    found = {}
    for account in (world.cloud.topology.hub, world.cloud.topology.management):
        for role in iam_backends[account]["aws"].roles.values():
            if role.name.startswith("quick-"):
                found[f"{account} {role.name}"] = (
                    str(role.permissions_boundary_arn),
                    role_documents(account, role.name),
                )
    return found


def statements(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A document's statements."""
    listed = document["Statement"]
    return list(listed) if isinstance(listed, list) else [listed]


def as_list(value: Any) -> list[str]:
    """One or many."""
    return list(value) if isinstance(value, list) else [value]


def granted(documents: RoleDocuments) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every action, resource and condition key a role's own policies speak of; wildcards stand for themselves."""
    for statement in (each for document in documents.identity for each in statements(document)):
        # That a key is there at all is no value of it.
        tests = [test for operator, test in statement.get("Condition", {}).items() if operator != "Null"]
        context = {**MARK, **{key: as_list(value)[0] for test in tests for key, value in test.items()}}
        for action in as_list(statement["Action"]):
            for resource in as_list(statement["Resource"]):
                yield action, resource, context


def boundaries(world: Sandbox) -> dict[str, Mapping[str, Any]]:
    """The boundaries in force by their last name, the hub's account's."""
    with world.cloud.administering(world.cloud.topology.hub):
        iam = world.cloud.client("iam")
        found = iam.list_policies(Scope="Local", PathPrefix="/quick-athena/boundary/")["Policies"]
        return {
            each["PolicyName"]: iam.get_policy_version(PolicyArn=each["Arn"], VersionId=each["DefaultVersionId"])[
                "PolicyVersion"
            ]["Document"]
            for each in found
        }


def test_every_role_of_ours_has_a_boundary_an_administrator_made(world: Sandbox) -> None:
    place, found = world.cloud.topology, {name: arn for name, (arn, _) in roles(world).items()}
    assert len(found) > 20
    expected = {
        name: f"arn:aws:iam::{name[:12]}:{BOUNDARY}"
        + (
            "quick-athena-run-as"
            if name.endswith(" quick-athena-run-as")
            else ("quick-onboarding-hub" if name.startswith(place.hub) else "quick-onboarding-forwarding")
        )
        for name in found
    }
    assert found == expected


def test_a_boundary_allows_what_its_roles_are_granted(world: Sandbox) -> None:
    refused = set()
    for name, (_, documents) in roles(world).items():
        for action, resource, context in granted(documents):
            principal = Principal(name[:12], documents.principal.arn)
            request = Request(principal, action, resource, context)
            assert documents.boundary is not None
            allowed = evaluate(request, identity=(documents.boundary,), resource_account=name[:12]).allowed
            if not allowed and action not in NARROWED:
                refused.add((name, action, resource))
    assert refused == set()


def test_the_hubs_boundary_lets_a_function_write_its_logs(world: Sandbox) -> None:
    hub, region = world.cloud.topology.hub, world.cloud.topology.region
    stream = f"arn:aws:logs:{region}:{hub}:log-group:/quick-onboarding/quick-onboarding/functions:log-stream:x"
    request = Request(Principal(hub, f"arn:aws:iam::{hub}:role/quick-onboarding-x"), "logs:PutLogEvents", stream)
    assert evaluate(request, identity=(boundaries(world)["quick-onboarding-hub"],)).allowed


@pytest.mark.parametrize("name", ["quick-onboarding-hub", "quick-onboarding-forwarding", "quick-athena-run-as"])
def test_a_boundary_fits_and_every_statement_allows(world: Sandbox, name: str) -> None:
    document = boundaries(world)[name]
    assert size(document) <= POLICY_SIZE
    for statement in statements(document):
        assert set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}
        assert statement["Effect"] == "Allow"


def test_the_hubs_boundary_writes_iam_at_the_shards_only_and_nothing_dangerous(world: Sandbox) -> None:
    run_as = f"arn:aws:iam::{world.cloud.topology.hub}:role/quick-athena-run-as*"  # the first, -2 to -5
    for statement in statements(boundaries(world)["quick-onboarding-hub"]):
        for action in as_list(statement["Action"]):
            assert action in (*TAGGING, FILING) or not DANGEROUS.fullmatch(action), action
            if action in TAGGING:
                assert statement["Condition"] == {"ForAllValues:StringLike": {"aws:TagKeys": "*:status"}}
            if action.startswith("iam:") and not READS.fullmatch(action):
                resources, condition = as_list(statement["Resource"]), statement.get("Condition", {})
                if action == "iam:PassRole":
                    assert (resources, condition) == (
                        [run_as],
                        {"StringEquals": {"iam:PassedToService": "quicksight.amazonaws.com"}},
                    )
                elif action.endswith("RolePolicy"):
                    assert resources == [run_as]
                    assert SHARDS.fullmatch(condition["ArnLike"]["iam:PolicyARN"])
                else:
                    assert action in IAM_WRITES
                    assert all(SHARDS.fullmatch(each) for each in resources)


def test_the_other_boundaries_allow_one_thing_each(world: Sandbox) -> None:
    hub = world.cloud.topology.hub
    forwarding, run_as = (boundaries(world)[name] for name in ("quick-onboarding-forwarding", "quick-athena-run-as"))
    (statement,) = statements(forwarding)
    assert (statement["Action"], statement["Resource"]) == (
        "events:PutEvents",
        f"arn:aws:events:*:{hub}:event-bus/quick-onboarding",
    )
    (statement,) = statements(run_as)
    assert (statement["Action"], statement["Resource"]) == ("sts:AssumeRole", "arn:aws:iam::*:role/quick-athena-*")
