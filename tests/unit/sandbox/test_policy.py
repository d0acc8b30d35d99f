"""The policy evaluator decides as AWS documents it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.aws.policy import (
    MalformedPolicyDocument,
    Principal,
    Request,
    Verdict,
    access_denied_message,
    assume_role,
    evaluate,
    validate,
)
from sandbox.aws.policy.patterns import ANY, ONE, resource_matches, text_matches
from tests.unit.sandbox.policy_cases import CASES
from tests.unit.sandbox.policy_cases.vocabulary import (
    READ,
    ROLE,
    ROLE_IN_A,
    ROOT_A,
    SESSION_A,
    TARGET_A,
    TARGET_B,
    USER,
    USER_A,
    A,
    B,
    Case,
    allow,
    deny,
    policy,
    statement,
    trust,
)


def verdict_of(case: Case) -> Verdict:
    return evaluate(
        Request(case.principal, case.action, case.on, case.context),
        identity=case.identity,
        boundary=case.boundary,
        session=case.session,
        resource=case.resource,
        resource_account=case.owner,
        scps=case.scps,
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.page.split(': ')[1]}: {case.says}")
def test_documented_case(case: Case) -> None:
    verdict = verdict_of(case)
    assert verdict.allowed is case.allowed, verdict.reason
    if case.reason:
        assert verdict.reason == case.reason.format(action=case.action)


def test_no_documented_case_is_listed_twice() -> None:
    names = [(case.page, case.says) for case in CASES]
    assert len(set(names)) == len(names) >= 70


# --- wording and helpers -----------------------------------------------------------------------------------------


def test_the_message_of_an_implicit_deny_reads_as_that_of_aws() -> None:
    request = Request(ROLE, "sts:AssumeRole", TARGET_B)
    verdict = assume_role(request, trust=trust({"AWS": ROOT_A}))
    assert access_denied_message(request, verdict) == (
        f"User: {SESSION_A} is not authorized to perform: sts:AssumeRole on resource: {TARGET_B} "
        "because no identity-based policy allows the sts:AssumeRole action"
    )


def test_the_message_of_an_explicit_deny_reads_as_that_of_aws() -> None:
    request = Request(USER, "s3:GetObject", "arn:aws:s3:::b/k")
    verdict = evaluate(request, identity=[deny("s3:*")])
    assert access_denied_message(request, verdict) == (
        f"User: {USER_A} is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k "
        "with an explicit deny in an identity-based policy"
    )


def test_assume_role_decides_nothing_else() -> None:
    with pytest.raises(ValueError, match="not s3:GetObject"):
        assume_role(Request(ROLE, "s3:GetObject", "*"), trust=trust({"AWS": ROLE_IN_A}))


def test_a_document_changed_after_use_is_read_anew() -> None:
    document: dict[str, Any] = allow("s3:GetObject")
    request = Request(ROLE, "s3:GetObject", "arn:aws:s3:::b/k")
    assert evaluate(request, identity=[document]).allowed
    document["Statement"][0]["Effect"] = "Deny"
    assert not evaluate(request, identity=[document]).allowed


def test_the_same_request_is_decided_anew_at_another_time() -> None:
    document = policy(OK | {"Condition": {"DateLessThan": {"aws:CurrentTime": "2026-06-01T00:00:00Z"}}})

    def allowed_at(time: str) -> bool:
        context = {"aws:CurrentTime": time}
        return evaluate(Request(ROLE, "s3:GetObject", "arn:aws:s3:::b/k", context), identity=[document]).allowed

    assert [allowed_at(f"2026-{month}-01T00:00:00Z") for month in ("05", "07", "05")] == [True, False, True]


def test_the_same_principal_is_decided_anew_with_other_tags() -> None:
    document = policy(OK | {"Condition": {"StringEquals": {"aws:PrincipalTag/department": "data"}}})
    tags = {"department": "data"}
    request = Request(Principal(A, ROLE_IN_A, SESSION_A, ROLE.unique_id, tags), "s3:GetObject", "arn:aws:s3:::b/k")
    assert evaluate(request, identity=[document]).allowed
    tags["department"] = "sales"
    assert not evaluate(request, identity=[document]).allowed


def test_a_principal_with_tags_can_be_a_key() -> None:
    assert {ROLE: "found"}[Principal(A, ROLE_IN_A, SESSION_A, ROLE.unique_id, {"department": "data"})] == "found"


# --- malformed documents -----------------------------------------------------------------------------------------

OK = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
MALFORMED = [
    ("identity", {"Version": "2012-10-17", "Statement": []}, "Statement must be"),
    ("identity", {"Version": "2012-10-17"}, "Statement must be"),
    ("identity", {"Statement": "text"}, "Statement must be"),
    ("identity", {"Version": "2020-01-01", "Statement": OK}, "valid version string"),
    ("identity", {"Statements": OK}, "unknown element Statements"),
    ("identity", {"Id": "x", "Statement": OK}, "Has prohibited field Id"),
    ("identity", policy(OK | {"Effects": "Allow"}), "unknown element Effects"),
    ("identity", policy(OK | {"Effect": "allow"}), "Effect must be"),
    ("identity", policy({"Action": "s3:GetObject", "Resource": "*"}), "Effect must be"),
    ("identity", policy({"Effect": "Allow", "Resource": "*"}), "must contain actions"),
    ("identity", policy({"Effect": "Allow", "Action": "s3:GetObject"}), "must contain resources"),
    ("identity", policy(OK | {"Principal": "*"}), "Has prohibited field Principal"),
    ("identity", policy(OK | {"NotAction": "s3:*"}), "exclude each other"),
    ("identity", policy(OK | {"NotResource": "*"}), "exclude each other"),
    ("identity", policy(OK | {"Action": "GetObject"}), "prefaced by a vendor"),
    ("identity", policy(OK | {"Action": []}), "one or more strings"),
    ("identity", policy(OK | {"Action": 1}), "one or more strings"),
    ("identity", policy(OK | {"Resource": "bucket"}), "must be in ARN format"),
    ("identity", policy(OK | {"Resource": [None]}), "one or more strings"),
    ("identity", policy(OK | {"Sid": "not-alpha"}), "alpha-numeric"),
    ("identity", policy(OK | {"Sid": "x"}, OK | {"Sid": "x"}), "must be unique"),
    ("identity", policy(OK | {"Sid": 1}), "Sid must be a string"),
    ("identity", policy(OK | {"Condition": {"StringMatches": {"s3:prefix": "x"}}}), "Invalid Condition type"),
    (
        "identity",
        policy(OK | {"Condition": {"NullIfExists": {"s3:prefix": "true"}}}),
        "Invalid Condition type",
    ),
    (
        "identity",
        policy(OK | {"Condition": {"ForSome:StringEquals": {"s3:prefix": "x"}}}),
        "Invalid Condition",
    ),
    ("identity", policy(OK | {"Condition": {"stringequals": {"s3:prefix": "x"}}}), "Invalid Condition type"),
    ("identity", policy(OK | {"Condition": {"StringEquals": "x"}}), "Condition must map"),
    ("identity", policy(OK | {"Condition": []}), "Condition must map"),
    ("identity", policy(OK | {"Condition": {"StringEquals": {"prefix": "x"}}}), "prefaced by a vendor"),
    ("identity", policy(OK | {"Condition": {"StringEquals": {"s3:prefix": {"a": 1}}}}), "no condition value"),
    ("identity", policy(OK | {"Condition": {"Bool": {"aws:SecureTransport": "yes"}}}), "Invalid Boolean"),
    ("identity", policy(OK | {"Condition": {"Null": {"s3:prefix": "maybe"}}}), "Null condition"),
    ("identity", policy(OK | {"Condition": {"NumericEquals": {"s3:max-keys": "x"}}}), "Invalid value"),
    ("identity", policy(OK | {"Condition": {"DateEquals": {"aws:CurrentTime": "today"}}}), "Invalid value"),
    ("identity", policy(OK | {"Condition": {"IpAddress": {"aws:SourceIp": "home"}}}), "Invalid IP address"),
    ("identity", "{'Version': '2012-10-17'}", "a policy is a JSON object"),
    ("identity", policy(OK | {"Resource": object()}), "Syntax errors in policy"),
    ("trust", policy({"Effect": "Allow", "Action": "sts:AssumeRole"}), "Missing required field Principal"),
    ("trust", allow("sts:AssumeRole", "*", Principal="*"), "Has prohibited field Resource"),
    ("trust", allow("s3:GetObject", None, Principal="*"), "may only specify STS AssumeRole actions"),
    (
        "trust",
        policy({"Effect": "Deny", "Action": "sts:AssumeRole", "NotPrincipal": {"AWS": A}}),
        "Has prohibited field NotPrincipal",
    ),
    ("trust", trust({"AWS": f"arn:aws:iam::{A}:role/*"}), "Invalid principal"),
    ("trust", trust({"AWS": "Bob"}), "Invalid principal"),
    ("trust", trust({"Service": "*"}), "Invalid principal"),
    ("trust", trust({"Account": A}), "Invalid principal"),
    ("trust", trust({"AWS": []}), "names nobody"),
    ("trust", trust({}), "Invalid principal"),
    ("trust", trust(A), "Invalid principal"),
    ("resource", policy(OK), "Missing required field Principal"),
    ("resource", policy({"Effect": "Allow", "Action": "s3:*", "Principal": "*"}), "must contain resources"),
    ("resource", policy(OK | {"NotPrincipal": {"AWS": A}}), "NotPrincipal with Allow"),
    ("resource", policy(OK | {"Principal": "*", "NotPrincipal": {"AWS": A}}), "exclude each other"),
]


@pytest.mark.parametrize(("kind", "document", "words"), MALFORMED)
def test_a_malformed_document_is_refused_with_words(kind: Any, document: Any, words: str) -> None:
    with pytest.raises(MalformedPolicyDocument, match=re.escape(words)):
        validate(document, kind)


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        ("identity", {"Statement": OK}),
        ("identity", policy(OK | {"Sid": ""}, OK | {"Sid": ""})),
        (
            "identity",
            policy({"Effect": "Deny", "NotAction": ["iam:Get*"], "NotResource": ["arn:aws:s3:::b/*"]}),
        ),
        (
            "trust",
            trust({"AWS": [A, ROLE_IN_A, SESSION_A, "AROAEXAMPLEROLEID0001"], "Service": "ec2.amazonaws.com"}),
        ),
        ("trust", trust({"Federated": "cognito-identity.amazonaws.com"})),
        (
            "trust",
            policy(statement("Allow", ["sts:AssumeRole", "sts:TagSession"], None, Principal={"AWS": "*"})),
        ),
        ("resource", {"Id": "any id", "Statement": OK | {"Sid": "with spaces", "Principal": "*"}}),
    ],
)
def test_a_document_that_iam_accepts_is_accepted(kind: Any, document: Any) -> None:
    validate(document, kind)


@pytest.mark.parametrize("where", ["identity", "boundary", "session", "resource", "scps"])
def test_a_malformed_document_is_never_evaluated(where: str) -> None:
    broken = policy(OK | {"Effect": "Permit"})
    given_as: Any = {"identity": [broken], "session": [broken], "scps": [[broken]]}.get(where, broken)
    policies: dict[str, Any] = {"identity": [READ], where: given_as}
    with pytest.raises(MalformedPolicyDocument):
        evaluate(Request(ROLE, "s3:GetObject", "arn:aws:s3:::b/k"), **policies)


def test_a_key_with_several_values_needs_a_set_operator() -> None:
    document = allow("s3:*", Condition={"StringEquals": {"aws:TagKeys": "a"}})
    with pytest.raises(MalformedPolicyDocument, match="ForAllValues or ForAnyValue"):
        evaluate(Request(ROLE, "s3:PutObject", "*", {"aws:TagKeys": ["a", "b"]}), identity=[document])


# --- properties --------------------------------------------------------------------------------------------------

ACTIONS = st.sampled_from(["s3:GetObject", "s3:*", "sts:AssumeRole", "*", "s3:Put*"])
RESOURCES = st.sampled_from(["*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/k", TARGET_A, "arn:aws:iam::*:role/*"])
EFFECTS = st.sampled_from(["Allow", "Deny"])
TEAM = "aws:PrincipalTag/department"
CONDITION_BLOCKS = st.sampled_from(
    [
        {},
        {"StringEquals": {TEAM: "data"}},
        {"StringNotEquals": {TEAM: "data"}},
        {"Null": {"sts:ExternalId": "true"}},
        {"StringEqualsIfExists": {"sts:ExternalId": "x"}},
        {"ForAnyValue:StringLike": {"aws:TagKeys": ["a*"]}},
    ]
)
IDENTITY_STATEMENTS = st.builds(
    lambda effect, action, resource, condition: statement(effect, action, resource, Condition=condition),
    EFFECTS,
    ACTIONS,
    RESOURCES,
    CONDITION_BLOCKS,
)
IDENTITY_DOCUMENTS = st.lists(IDENTITY_STATEMENTS, min_size=1, max_size=3).map(lambda listed: policy(*listed))
PRINCIPALS = st.sampled_from(["*", {"AWS": A}, {"AWS": ROLE_IN_A}, {"AWS": SESSION_A}, {"AWS": USER_A}, {"AWS": B}])
TRUST_STATEMENTS = st.builds(
    lambda effect, principal, condition: statement(
        effect, "sts:AssumeRole", None, Principal=principal, Condition=condition
    ),
    EFFECTS,
    PRINCIPALS,
    CONDITION_BLOCKS,
)
RESOURCE_STATEMENTS = st.builds(
    lambda made, principal: made | {"Principal": principal}, IDENTITY_STATEMENTS, PRINCIPALS
)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Request, dict[str, Any]]:
    """A request with any policies around it."""
    request = draw(
        st.sampled_from(
            [
                Request(ROLE, "s3:GetObject", "arn:aws:s3:::b/k"),
                Request(USER, "s3:PutObject", "arn:aws:s3:::b/k", {"aws:TagKeys": ["a", "b"]}),
                Request(ROLE, "sts:AssumeRole", TARGET_A),
                Request(ROLE, "sts:AssumeRole", TARGET_B, {"sts:ExternalId": "x"}),
            ]
        )
    )
    statements = TRUST_STATEMENTS if request.action == "sts:AssumeRole" else RESOURCE_STATEMENTS
    resource = st.lists(statements, min_size=1, max_size=3).map(lambda listed: policy(*listed))
    several = st.lists(IDENTITY_DOCUMENTS, max_size=2)
    return request, {
        "identity": draw(several),
        "boundary": draw(st.none() | IDENTITY_DOCUMENTS),
        "session": draw(st.none() | several),
        "resource": draw(st.none() | resource),
        "resource_account": draw(st.none() | st.sampled_from([A, B])),
        "scps": draw(st.lists(st.lists(IDENTITY_DOCUMENTS, min_size=1, max_size=2), max_size=2)),
    }


World = tuple[Request, dict[str, Any]]
DECISIONS = settings(max_examples=150, deadline=None)


def allowed(request: Request, policies: dict[str, Any], **changed: Any) -> bool:
    return evaluate(request, **(policies | changed)).allowed


def implies(before: bool, after: bool) -> bool:  # noqa: FBT001 - a logical operator
    return not before or after


@DECISIONS
@given(worlds(), IDENTITY_STATEMENTS)
def test_another_deny_statement_never_allows_more(world: World, added: dict[str, Any]) -> None:
    request, policies = world
    with_deny = [*policies["identity"], policy(added | {"Effect": "Deny"})]
    assert implies(allowed(request, policies, identity=with_deny), allowed(request, policies))


@DECISIONS
@given(worlds(), IDENTITY_STATEMENTS)
def test_another_allow_statement_never_denies_more(world: World, added: dict[str, Any]) -> None:
    request, policies = world
    with_allow = [*policies["identity"], policy(added | {"Effect": "Allow"})]
    assert implies(allowed(request, policies), allowed(request, policies, identity=with_allow))


@DECISIONS
@given(worlds())
def test_an_explicit_deny_for_everything_always_denies(world: World) -> None:
    request, policies = world
    assert not allowed(request, policies, identity=[*policies["identity"], deny("*")])


@DECISIONS
@given(worlds())
def test_a_boundary_only_narrows(world: World) -> None:
    request, policies = world
    assert implies(allowed(request, policies), allowed(request, policies, boundary=None))


@DECISIONS
@given(worlds())
def test_session_policies_only_narrow(world: World) -> None:
    request, policies = world
    assert implies(allowed(request, policies), allowed(request, policies, session=None))


@DECISIONS
@given(worlds())
def test_service_control_policies_only_narrow(world: World) -> None:
    request, policies = world
    assert implies(allowed(request, policies), allowed(request, policies, scps=()))


@DECISIONS
@given(worlds())
def test_what_another_account_allows_its_own_account_allows(world: World) -> None:
    request, policies = world
    across = allowed(request, policies, resource_account=B)
    assert implies(across, allowed(request, policies, resource_account=A))


@DECISIONS
@given(worlds())
def test_without_a_trust_policy_no_role_is_assumed(world: World) -> None:
    request, policies = world
    if request.action == "sts:AssumeRole":
        assert not allowed(request, policies, resource=None)


@DECISIONS
@given(worlds())
def test_the_order_of_statements_does_not_matter(world: World) -> None:
    request, policies = world
    reversed_ = [document | {"Statement": document["Statement"][::-1]} for document in reversed(policies["identity"])]
    assert allowed(request, policies) is allowed(request, policies, identity=reversed_)


@DECISIONS
@given(worlds())
def test_a_document_that_went_through_json_means_the_same(world: World) -> None:
    request, policies = world
    assert allowed(request, policies) is allowed(request, json.loads(json.dumps(policies)))


def resembles(pattern: str, text: str) -> bool:
    """Wildcards by their definition, one character at a time."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return resembles(pattern[1:], text) or bool(text and resembles(pattern, text[1:]))
    return bool(text) and pattern[0] in {"?", text[0]} and resembles(pattern[1:], text[1:])


def resembles_resource(pattern: str, text: str, colons: int = 0) -> bool:
    """As `resembles`, but before the fifth colon only a star at its segment's end runs past a colon."""
    if not pattern:
        return not text
    rest = pattern[1:]
    anywhere = colons == 5 or not rest or rest[0] == ":"
    takes = bool(text) and (text[0] != ":" or anywhere)
    if pattern[0] == "*":
        return resembles_resource(rest, text, colons) or (takes and resembles_resource(pattern, text[1:], colons))
    if pattern[0] == "?":
        within = bool(text) and (text[0] != ":" or colons == 5)
        return within and resembles_resource(rest, text[1:], colons)
    same = bool(text) and pattern[0] == text[0]
    return same and resembles_resource(rest, text[1:], min(5, colons + (pattern[0] == ":")))


def expanded(pattern: str) -> str:
    return pattern.replace("*", ANY).replace("?", ONE)


@settings(deadline=None)
@given(st.text("ab.:*?", max_size=8), st.text("ab.:*\n", max_size=8))
def test_wildcards_match_as_defined(pattern: str, text: str) -> None:
    assert text_matches(expanded(pattern), text) is resembles(pattern, text)


@settings(deadline=None, max_examples=300)
@given(st.text("ab:*?", max_size=12), st.text("ab:", max_size=12))
def test_resource_wildcards_match_as_defined(pattern: str, text: str) -> None:
    assert resource_matches(expanded(pattern), text) is resembles_resource(pattern, text)
