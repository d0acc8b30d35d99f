"""What our policies must refuse, and must not refuse, whichever way AWS's documents turn out: asked of an evaluator."""

from typing import Any

import pytest

from control_plane.account import Connection
from control_plane.profiles import Profile, load
from sandbox.aws.policy import Document, Principal, Request, evaluate
from tests.contract import filled, project
from tests.contract.filled import HUB_ACCOUNT, MANAGEMENT, MEMBER, ORGANIZATION, REGION, ROOT_UNIT, RUN_AS
from tests.contract.service_reference import find

OTHER = "999988887777"  # another account of the organization
MARKING = {
    "aws:RequestedRegion": REGION,
    "aws:RequestTag/managed-by": "quick-onboarding",
    "aws:RequestTag/quick-onboarding:deployment": "default",
    "aws:TagKeys": ["managed-by", "quick-onboarding:deployment"],
}
PROFILE = Profile(
    description="any", databases=["quick_*"], data_buckets=["quick-data-{account}*", "shared-lake"], owners=["owners"]
)
EXISTING = PROFILE.model_copy(update={"work_group": "primary", "results_location": "s3://athena-{account}/quick/"})
DATA_SOURCE = f"arn:aws:quicksight:{REGION}:{HUB_ACCOUNT}:datasource/quick-athena-{MEMBER}-sales"


def documents_of(function: str) -> list[Document]:
    """The policies of a function of the hub."""
    resources = filled.hub().resources()
    written = project.template(project.HUB)["Resources"][function]["Properties"].get("Policies", [])
    names = [each.get("Ref") for each in written]
    own = list(filled.documents(resources[function]["Properties"]))
    return own + [resources[name]["Properties"]["PolicyDocument"] for name in names if name]


def may(documents: list[Document], action: str, resource: str, **context: Any) -> bool:
    """Whether a role of the hub with these policies may do that."""
    role = f"arn:aws:iam::{HUB_ACCOUNT}:role/function"
    caller = Principal(HUB_ACCOUNT, role, f"arn:aws:sts::{HUB_ACCOUNT}:assumed-role/function/session")
    request = Request(caller, action, resource, context)
    return evaluate(request, identity=documents, resource_account=HUB_ACCOUNT).allowed


# The function that may deploy to other accounts -------------------------------------------------------

OPERATOR = "AdvanceOperationFunction"
DEPLOYING = [
    (OPERATOR, "cloudformation:CreateStackInstances"),
    (OPERATOR, "cloudformation:UpdateStackInstances"),
    (OPERATOR, "cloudformation:DeleteStackInstances"),
]
HERE = {"cloudformation:TargetRegion": [REGION]}


def stack_set(name: str = "quick-athena-sales", region: str = REGION, account: str = MANAGEMENT) -> str:
    return f"arn:aws:cloudformation:{region}:{account}:stackset/{name}:2f1c"


def spellings() -> list[str]:
    """Every ARN AWS's documents leave open for one deployment to one account."""
    owners = (HUB_ACCOUNT, MANAGEMENT)
    targets = [
        f"{owner}:stackset-target/quick-athena-sales:2f1c/{to}" for owner in owners for to in (ROOT_UNIT, MEMBER)
    ]
    types = [f"{owner}:type/resource/{each}" for owner in ("", *owners) for each in type_names()]
    return [
        *(stack_set(account=owner) for owner in owners),
        *(f"arn:aws:cloudformation:{region}:{target}" for region in ("", REGION) for target in targets),
        *(f"arn:aws:cloudformation:{REGION}:{each}" for each in types),
    ]


def type_names() -> set[str]:
    """The resource types in the stack set's body, as ARNs spell them."""
    return {each["Type"].replace("::", "-") for each in project.template(filled.BODY)["Resources"].values()}


@pytest.mark.parametrize("resource", ["*", stack_set(), stack_set(account=HUB_ACCOUNT)])
def test_a_marked_stack_set_is_made_whether_or_not_aws_knows_a_resource_for_it(resource: str) -> None:
    documents = documents_of(OPERATOR)
    assert may(documents, "cloudformation:CreateStackSet", resource, **MARKING)
    assert not may(documents, "cloudformation:CreateStackSet", resource, **{"aws:RequestedRegion": REGION})
    for key in ("aws:RequestTag/managed-by", "aws:RequestTag/quick-onboarding:deployment", "aws:RequestedRegion"):
        assert not may(documents, "cloudformation:CreateStackSet", resource, **{**MARKING, key: "theirs"})
    outsider = {**MARKING, "aws:TagKeys": [*MARKING["aws:TagKeys"], "cost-center"]}
    assert not may(documents, "cloudformation:CreateStackSet", resource, **outsider)


@pytest.mark.parametrize(("function", "action"), DEPLOYING)
def test_a_deployment_is_allowed_however_aws_spells_its_arns(function: str, action: str) -> None:
    documents = documents_of(function)
    assert [arn for arn in spellings() if not may(documents, action, arn, **HERE)] == []
    assert may(documents, action, stack_set())  # nor does a check without TargetRegion stop it


@pytest.mark.parametrize(("function", "action"), DEPLOYING)
@pytest.mark.parametrize("kind", ["AWS-Lambda-Function", "AWS-IAM-User", "AWS-EC2-Instance", "AWS-IAM-Policy"])
def test_no_resource_type_but_the_bodys_is_deployed(function: str, action: str, kind: str) -> None:
    arn = f"arn:aws:cloudformation:{REGION}::type/resource/{kind}"
    assert not may(documents_of(function), action, arn, **HERE)


@pytest.mark.parametrize(("function", "action"), DEPLOYING)
def test_nothing_is_deployed_to_or_from_another_region(function: str, action: str) -> None:
    documents = documents_of(function)
    assert not may(documents, action, stack_set(region="us-east-1"), **HERE)
    assert not may(documents, action, stack_set(), **{"cloudformation:TargetRegion": [REGION, "us-east-1"]})


def test_stack_sets_of_other_accounts_and_names_are_out_of_every_functions_reach() -> None:
    outsiders = [stack_set(account=OTHER), stack_set("baseline"), stack_set(region="us-east-1")]
    reached = [
        (function, action, arn)
        for function in project.functions()
        for document in documents_of(function)
        for statement in document["Statement"]
        for action in project.as_list(statement["Action"])
        if action.startswith("cloudformation:") and statement["Resource"] != "*"
        for arn in outsiders
        if may([document], action, arn, **HERE)
    ]
    assert reached == []


# Run-as role ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "allowed"),
    [
        (DATA_SOURCE, True),
        (DATA_SOURCE.replace("quick-athena-", "somebodys-"), False),
        (DATA_SOURCE.replace(REGION, "us-east-1"), False),
        (DATA_SOURCE.replace(HUB_ACCOUNT, OTHER), False),
    ],
)
def test_quick_becomes_run_as_role_for_our_data_sources_in_the_hubs_region_only(source: str, allowed: bool) -> None:  # noqa: FBT001
    trust = filled.hub().resources()["RunAsRole"]["Properties"]["AssumeRolePolicyDocument"]
    context = {"aws:SourceAccount": HUB_ACCOUNT, "aws:SourceArn": source}
    request = Request(Principal("", "quicksight.amazonaws.com"), "sts:AssumeRole", RUN_AS, context)
    assert evaluate(request, resource=trust).allowed is allowed


# Consumer role ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("match", "external_id", "allowed"),
    [
        ("exact", DATA_SOURCE, True),
        ("exact", f"{DATA_SOURCE}/x", False),
        ("prefix", DATA_SOURCE, True),
        ("prefix", f"{DATA_SOURCE}/x", True),
        ("prefix", f"{DATA_SOURCE}:x", True),
        ("prefix", f"{DATA_SOURCE}2", False),
        ("prefix", f"{DATA_SOURCE}-eu", False),
    ],
)
def test_the_data_source_of_a_profile_with_a_longer_name_is_not_let_in(
    match: str,
    external_id: str,
    allowed: bool,  # noqa: FBT001
) -> None:
    role = filled.consumer(PROFILE, match).resources()["ConsumerRole"]["Properties"]
    consumer = Connection(account_id=MEMBER, profile="sales")
    arn = f"arn:aws:iam::{MEMBER}:role/{consumer.role_name}"
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    caller = Principal(HUB_ACCOUNT, RUN_AS, f"arn:aws:sts::{HUB_ACCOUNT}:assumed-role/quick-athena-run-as/quick")
    context = {"aws:PrincipalOrgID": ORGANIZATION, "sts:ExternalId": external_id}
    request = Request(caller, "sts:AssumeRole", arn, context)
    trust = role["AssumeRolePolicyDocument"]
    assert evaluate(request, identity=[everything], resource=trust, resource_account=MEMBER).allowed is allowed


def consumer_role_may(
    profile: Profile, action: str, resource: str, owner: str = MEMBER, **keys: str | list[str]
) -> bool:
    """Whether the consumer role of a profile may do that to something of an account of the organization."""
    document = filled.consumer(profile).resources()["ConsumerRolePolicy"]["Properties"]["PolicyDocument"]
    role = f"arn:aws:iam::{MEMBER}:role/quick-athena-sales"
    caller = Principal(MEMBER, role, f"arn:aws:sts::{MEMBER}:assumed-role/quick-athena-sales/quick")
    context = {"aws:ResourceAccount": owner, "aws:ResourceOrgID": ORGANIZATION, **keys}
    return evaluate(Request(caller, action, resource, context), identity=[document], resource_account=MEMBER).allowed


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:ListBucket"])
def test_a_bucket_named_after_the_account_is_read_only_if_it_is_the_accounts(action: str) -> None:
    name = f"arn:aws:s3:::quick-data-{MEMBER}-eu" + ("/orders/part-0" if action == "s3:GetObject" else "")
    assert consumer_role_may(PROFILE, action, name)
    assert not consumer_role_may(PROFILE, action, name, owner=OTHER)


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:ListBucket"])
def test_a_bucket_named_in_full_may_be_the_organizations(action: str) -> None:
    name = "arn:aws:s3:::shared-lake" + ("/orders/part-0" if action == "s3:GetObject" else "")
    assert consumer_role_may(PROFILE, action, name, owner=OTHER)


@pytest.mark.parametrize("action", ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"])
@pytest.mark.parametrize(
    ("profile", "place", "elsewhere"),
    [
        (PROFILE, "results/results/", "results/"),
        (EXISTING, f"athena-{MEMBER}/quick/", f"athena-{MEMBER}/"),
        (PROFILE, "results/results/", f"quick-data-{MEMBER}/"),
    ],
    ids=["bucket made here", "bucket of theirs", "data bucket"],
)
def test_consumer_role_writes_below_the_place_of_results_only(
    action: str, profile: Profile, place: str, elsewhere: str
) -> None:
    assert consumer_role_may(profile, action, f"arn:aws:s3:::{place}one.csv")
    assert not consumer_role_may(profile, action, f"arn:aws:s3:::{elsewhere}one.csv")


def test_athena_may_read_the_default_database_and_at_none_of_its_tables() -> None:
    glue = f"arn:aws:glue:{REGION}:{MEMBER}:"
    assert consumer_role_may(PROFILE, "glue:GetDatabase", f"{glue}catalog")
    assert consumer_role_may(PROFILE, "glue:GetDatabase", f"{glue}database/default")
    for action in ("glue:GetTable", "glue:GetTables", "glue:GetPartitions"):
        assert not consumer_role_may(PROFILE, action, f"{glue}database/default")
        assert not consumer_role_may(PROFILE, action, f"{glue}table/default/orders")


DEFAULT = load(project.ROOT / "layers/consumer/profiles.yaml").profiles["default"]


def test_the_default_profile_has_no_star_where_aws_can_scope() -> None:
    document = filled.consumer(DEFAULT, name="default").resources()["ConsumerRolePolicy"]["Properties"][
        "PolicyDocument"
    ]
    everywhere = {
        action
        for statement in document["Statement"]
        if "*" in project.as_list(statement["Resource"])
        for action in project.as_list(statement["Action"])
    }
    assert everywhere == {"athena:ListDataCatalogs", "athena:ListWorkGroups", "athena:ListEngineVersions"}
    assert [action for action in everywhere if (known := find(action)) is None or known.types] == []


@pytest.mark.parametrize(("secure", "allowed"), [("true", True), ("false", False)])
def test_the_results_bucket_is_reached_by_tls_only(secure: str, allowed: bool) -> None:  # noqa: FBT001 - a column
    made = filled.consumer(DEFAULT).resources()["ResultsBucketPolicy"]["Properties"]["PolicyDocument"]
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    caller = Principal(MEMBER, f"arn:aws:iam::{MEMBER}:role/any", f"arn:aws:sts::{MEMBER}:assumed-role/any/session")
    request = Request(caller, "s3:GetObject", "arn:aws:s3:::results/results/1.csv", {"aws:SecureTransport": secure})
    assert evaluate(request, identity=[everything], resource=made, resource_account=MEMBER).allowed is allowed


@pytest.mark.parametrize(("organization", "allowed"), [(ORGANIZATION, True), ("o-another", False)])
def test_a_bucket_outside_the_organization_is_not_read(organization: str, allowed: bool) -> None:  # noqa: FBT001 - a column
    keys = {"aws:ResourceOrgID": organization}
    assert consumer_role_may(PROFILE, "s3:GetObject", "arn:aws:s3:::shared-lake/a", owner=OTHER, **keys) is allowed


KEYED = PROFILE.model_copy(update={"kms_key_aliases": ["alias/lake"]})
THROUGH_S3 = {"kms:ViaService": f"s3.{REGION}.amazonaws.com", "kms:ResourceAliases": ["alias/lake"]}


@pytest.mark.parametrize(
    ("other", "allowed"),
    [
        ({}, True),
        ({"kms:ViaService": f"sns.{REGION}.amazonaws.com"}, False),
        ({"kms:ResourceAliases": ["alias/payroll"]}, False),
        ({"aws:ResourceOrgID": "o-another"}, False),
    ],
)
def test_a_key_is_used_through_s3_and_by_the_profiles_aliases_only(other: dict[str, Any], allowed: bool) -> None:  # noqa: FBT001 - a column
    key = f"arn:aws:kms:{REGION}:{MEMBER}:key/1234"
    assert consumer_role_may(KEYED, "kms:Decrypt", key, **{**THROUGH_S3, **other}) is allowed


@pytest.mark.parametrize(("organization", "allowed"), [(ORGANIZATION, True), ("o-another", False), ("", False)])
def test_the_run_as_role_reaches_a_consumer_role_inside_the_organization_only(
    organization: str,
    allowed: bool,  # noqa: FBT001 - a column
) -> None:
    role = filled.consumer(PROFILE).resources()["ConsumerRole"]["Properties"]
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    caller = Principal(HUB_ACCOUNT, RUN_AS, f"arn:aws:sts::{HUB_ACCOUNT}:assumed-role/quick-athena-run-as/quick")
    inside = {"aws:PrincipalOrgID": organization} if organization else {}
    arn = f"arn:aws:iam::{MEMBER}:role/quick-athena-sales"
    request = Request(caller, "sts:AssumeRole", arn, {"sts:ExternalId": DATA_SOURCE, **inside})
    trust = role["AssumeRolePolicyDocument"]
    assert evaluate(request, identity=[everything], resource=trust, resource_account=MEMBER).allowed is allowed
