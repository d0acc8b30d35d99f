"""A failure in words: what stopped, likely why, and what to do."""

import inspect
import json

import pytest

from control_plane import errors
from control_plane.account import Account
from control_plane.failure import REMEDIATIONS, UNKNOWN, explain
from control_plane.opt_in import read_opt_in
from control_plane.text import LONGEST
from tests.unit.control_plane.vocabulary import HUB, OPT_IN_POLICY, TODAY

NAMES = [name for name, value in inspect.getmembers(errors, inspect.isclass)]


@pytest.mark.parametrize("name", NAMES)
def test_every_error_has_a_cause_and_a_remedy(name: str) -> None:
    failure = explain("222233334444", "EnsureAccess", {"Error": name, "Cause": ""})
    assert (failure.cause, failure.remedy) == REMEDIATIONS[name]
    assert failure.cause
    assert failure.remedy


def test_no_plan_is_for_an_error_nobody_raises() -> None:
    assert set(REMEDIATIONS) == set(NAMES)


def test_no_two_errors_have_the_same_cause() -> None:
    causes = [known.cause for known in REMEDIATIONS.values()]
    assert sorted(causes) == sorted(set(causes))


TAG, EXPIRES, LATER = "quick-athena", "quick-athena:expires", "2027-01-01"
WORDS = "enabled, paused, disabled, or profile names"


@pytest.mark.parametrize(
    ("tags", "error", "remedy"),
    [
        ({TAG: ""}, "InvalidTagValue", WORDS),
        ({TAG: "Enabled"}, "InvalidTagValue", WORDS),
        ({TAG: "enabled paused"}, "InvalidTagValue", WORDS),
        ({TAG: "enabled sales"}, "InvalidTagValue", WORDS),
        ({TAG: "Enabled", EXPIRES: "tomorrow"}, "InvalidTagValue", WORDS),
        ({TAG: "enabled", EXPIRES: "tomorrow"}, "InvalidExpiry", "2026-12-31"),
        ({TAG: "enabled", EXPIRES: ""}, "InvalidExpiry", "2026-12-31"),
        ({TAG: "enabled", EXPIRES: "31.12.2026"}, "InvalidExpiry", "2026-12-31"),
    ],
)
def test_each_faulty_tag_gets_the_remedy_of_its_own_cause(tags: dict[str, str], error: str, remedy: str) -> None:
    with pytest.raises(Exception, match="the tag") as raised:
        read_opt_in(Account(id="222233334444", name="sales", state="ACTIVE", tags=tags), HUB, OPT_IN_POLICY, TODAY)
    name = type(raised.value).__name__
    failure = explain("222233334444", "AssessAccount", {"Error": name, "Cause": str(raised.value)})
    assert name == error
    assert remedy in failure.remedy
    assert (":expires" in failure.remedy) == (EXPIRES in failure.reason)


def test_an_unknown_error_keeps_its_name_and_asks_for_a_report() -> None:
    failure = explain("222233334444", "EnsureAccess", {"Error": "Lambda.Unknown", "Cause": "gone"})
    assert (failure.error, failure.cause, failure.remedy) == ("Lambda.Unknown", UNKNOWN.cause, UNKNOWN.remedy)


NO_ADMINISTRATOR = "Account used is not a delegated administrator"
NOT_AUTHORIZED = (
    "User: me is not authorized to perform: states:StartExecution on resource: it because no policy allows it"
)


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("Sfn.SfnException", NOT_AUTHORIZED),
        ("DynamoDB.AmazonDynamoDBException", f"{NOT_AUTHORIZED} (Service: AmazonDynamoDBv2; Status Code: 400)"),
        ("DynamoDB.AmazonDynamoDBException", "no (Service: AmazonDynamoDBv2; Error Code: AccessDeniedException)"),
        ("CloudFormation.CloudFormationException", "no (Service: CloudFormation; Error Code: AccessDenied)"),
        ("Lambda.AWSLambdaException", NOT_AUTHORIZED),
        ("CloudFormation.AccessDeniedException", ""),
        ("ClientError", json.dumps({"errorMessage": f"An error occurred (AuthorizationError): {NOT_AUTHORIZED}"})),
    ],
)
def test_a_missing_permission_is_known_by_its_message_whatever_step_functions_calls_it(name: str, cause: str) -> None:
    failure = explain("222233334444", "DescribeOperation", {"Error": name, "Cause": cause})
    assert failure.error == name
    assert (failure.cause, failure.remedy) == REMEDIATIONS["MissingPermission"]


@pytest.mark.parametrize("name", ["DataSourceDenied", "ConsumerRoleFailed"])
def test_an_error_of_ours_keeps_its_own_plan_whatever_permission_its_message_names(name: str) -> None:
    failure = explain("222233334444", "EnsureDataSource", {"Error": name, "Cause": NOT_AUTHORIZED})
    assert (failure.cause, failure.remedy) == REMEDIATIONS[name]


def test_the_likeliest_mistake_of_the_first_day_is_told_with_the_command_that_mends_it() -> None:
    said = json.dumps({"errorMessage": f"An error occurred (ValidationError): {NO_ADMINISTRATOR}"})
    failure = explain("222233334444", "AssessAccount", {"Error": "NotDelegatedAdministrator", "Cause": said})
    command = "aws organizations register-delegated-administrator --account-id <hub> --service-principal "
    assert f"{command}member.org.stacksets.cloudformation.amazonaws.com" in failure.remedy
    machines = {"Error": "CloudFormation.CloudFormationException", "Cause": NO_ADMINISTRATOR}
    assert explain("222233334444", "DescribeOperation", machines).remedy == failure.remedy


def test_what_does_not_converge_names_where_to_look_for_who_makes_it_again() -> None:
    failure = explain("222233334444", "NotConverging", {"Error": "NotConverging", "Cause": "removed 5 times in a row"})
    assert "CloudTrail" in failure.remedy
    assert "being removed" in failure.cause


def test_an_unmodelled_error_about_something_else_is_still_unknown() -> None:
    failure = explain("222233334444", "Claim", {"Error": "Sfn.SfnException", "Cause": "Rate exceeded"})
    assert (failure.cause, failure.remedy) == (UNKNOWN.cause, UNKNOWN.remedy)


@pytest.mark.parametrize(
    ("cause", "message"),
    [
        (json.dumps({"errorMessage": "no room", "errorType": "AccessPolicyFull", "stackTrace": []}), "no room"),
        (json.dumps({"message": "else"}), '{"message": "else"}'),
        ("Rate exceeded (Service: CloudFormation)", "Rate exceeded (Service: CloudFormation)"),
        ('["a"]', '["a"]'),
        ("17", "17"),
        ('"text"', '"text"'),
        ("{broken", "{broken"),
        ("", "no message"),
    ],
)
def test_the_reason_names_account_step_and_what_aws_said(cause: str, message: str) -> None:
    failure = explain("222233334444", "EnsureAccess", {"Error": "Throttled", "Cause": cause})
    assert failure.reason == f"account 222233334444: EnsureAccess: {message}"


NESTED = "[" * 5_000 + "]" * 5_000
DEEP = '{"errorMessage": ' + NESTED + "}"


@pytest.mark.parametrize(
    "cause",
    [
        "x" * 200_871,
        json.dumps({"errorMessage": "x" * 200_871}),
        "\ud800" * 5_000,
        '{"errorMessage": "\\ud800"}',
        NESTED,
        DEEP,
    ],
    ids=["long", "long inside", "lone surrogates", "escaped", "nested", "nested message"],
)
def test_whatever_is_caught_the_record_stays_short_and_can_be_kept(cause: str) -> None:
    failure = explain("222233334444", "EnsureAccess", {"Error": "E" * 5_000, "Cause": cause})
    assert len(failure.reason.encode()) <= LONGEST
    assert failure.reason.startswith("account 222233334444: EnsureAccess: ")
    assert len(failure.error.encode()) <= 256


@pytest.mark.parametrize("error", [{}, {"Error": None, "Cause": None}, {"Error": ""}])
def test_an_error_without_name_or_cause_is_still_recorded(error: dict[str, None]) -> None:
    failure = explain("222233334444", "Claim", error)
    assert (failure.error, failure.reason) == ("Unknown", "account 222233334444: Claim: no message")
