"""How the sandbox's drift detection compares what a template asked for with what is there."""

from typing import Any

import pytest

from sandbox.aws.services.cloudformation.drift import differences

Properties = dict[str, Any]
ALLOW: Properties = {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "*"}
DENY: Properties = {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}


def tags(**pairs: str) -> Properties:
    return {"Tags": [{"Key": key, "Value": value} for key, value in pairs.items()]}


def policy(*statements: Properties) -> Properties:
    return {"PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)}}


@pytest.mark.parametrize(
    ("wanted", "live"),
    [
        ({"Description": "a"}, {"Description": "a", "Path": "/other/"}),
        ({"MaxSessionDuration": "3600"}, {"MaxSessionDuration": 3600}),
        ({"Enforce": "true"}, {"Enforce": True}),
        ({"Configuration": {"Enforce": True}}, {"Configuration": {"Enforce": True, "Engine": "3"}}),
        (tags(a="1", b="2"), tags(b="2", a="1")),
        ({"ManagedPolicyArns": ["a", "b"]}, {"ManagedPolicyArns": ["b", "a"]}),
        (policy(ALLOW), policy(dict(reversed(ALLOW.items())))),
        ({"PolicyDocument": '{"Statement":   []}'}, {"PolicyDocument": {"Statement": []}}),
    ],
)
def test_what_the_template_does_not_write_and_how_it_writes_it_are_no_drift(
    wanted: Properties, live: Properties
) -> None:
    assert list(differences(wanted, live)) == []


@pytest.mark.parametrize(
    ("wanted", "live", "found"),
    [
        ({"Description": "a"}, {"Description": "b"}, [("/Description", "a", "b", "NOT_EQUAL")]),
        ({"Boundary": "arn"}, {}, [("/Boundary", "arn", "null", "REMOVE")]),
        ({"Block": {"Acls": True}}, {"Block": {"Acls": False}}, [("/Block/Acls", "true", "false", "NOT_EQUAL")]),
        (tags(a="1", b="2"), tags(b="3"), [
            ("/Tags/0", '{"Key": "a", "Value": "1"}', "null", "REMOVE"),
            ("/Tags/1/Value", "2", "3", "NOT_EQUAL"),
        ]),
        (tags(a="1"), tags(b="2", a="1"), [("/Tags/0", "null", '{"Key": "b", "Value": "2"}', "ADD")]),
        ({"Arns": ["a"]}, {"Arns": ["b"]}, [("/Arns/0", "a", "null", "REMOVE"), ("/Arns/0", "null", "b", "ADD")]),
        (policy(ALLOW), policy(ALLOW, {"Sid": "More"}), [
            ("/PolicyDocument/Statement/1", "null", '{"Sid": "More"}', "ADD"),
        ]),
        (policy(ALLOW), policy({**ALLOW, "Action": ["s3:Get*"]}), [
            ("/PolicyDocument/Statement/0/Action/1", "s3:List*", "null", "REMOVE"),
        ]),
        (policy(DENY), policy({**DENY, "Condition": {}}), [
            ("/PolicyDocument/Statement/0/Condition", "null", "{}", "ADD"),
        ]),
        (policy(DENY), policy({**DENY, "Action": ["iam:*"]}), [
            ("/PolicyDocument/Statement/0/Action", "iam:*", '["iam:*"]', "NOT_EQUAL"),
        ]),
    ],
)  # fmt: skip
def test_a_difference_names_its_path_both_values_and_its_kind(
    wanted: Properties, live: Properties, found: list[tuple[str, str, str, str]]
) -> None:
    assert [(each.path, each.expected, each.actual, each.kind) for each in differences(wanted, live)] == found


def test_the_order_of_statements_counts() -> None:
    paths = [each.path for each in differences(policy(ALLOW, DENY), policy(DENY, ALLOW))]

    assert "/PolicyDocument/Statement/0/Effect" in paths
    assert "/PolicyDocument/Statement/1/Effect" in paths
