"""What doctor makes of what it found, where tests/simulation/test_doctor.py breaks no world that way."""

from __future__ import annotations

import importlib
import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.client import BaseClient
from botocore.validate import validate_parameters

from control_plane.access_policy import Quota, Shard
from control_plane.account import Hub
from control_plane.ports.registry import Record
from control_plane.profiles import Profile
from control_plane.watch import Findings
from quickctl.administrator import Stack
from quickctl.commands.profiles import Compared
from quickctl.doctor import access, hub, management, quick, registry
from quickctl.doctor.command_lines import VARIABLES, Commands, grant, needed
from quickctl.doctor.expected import Role
from quickctl.doctor.finding import FINE, WARNING, WRONG, Found
from quickctl.inspector import ManagedPolicy, Trail, logs_writes
from quickctl.same import covers, same
from tests.fakes import FakeQuickAccount

if TYPE_CHECKING:
    from collections.abc import Iterable

ACCOUNT = "444455556666"
COMMANDS = Commands("eu-west-1", "quick-onboarding")
HUB = Hub(
    account_id=ACCOUNT,
    management_account_id="111122223333",
    region="eu-west-1",
    partition="aws",
    organization_id="o-exampleorgid",
    root_id="r-ab12",
    run_as_role_arn=f"arn:aws:iam::{ACCOUNT}:role/quick-athena-run-as",
    deployment_id="default",
)
QUOTA = Quota(policy_size=6144, policies_per_role=20, versions_per_policy=5)
WHERE = quick.Names(ACCOUNT, "default", "us-east-1", "eu-west-1")
NAMED: Any = {"description": "d", "databases": ["quick_*"], "owner_users": ["ann"], "folder": "sales"}
TRAIL = "arn:aws:cloudtrail:eu-west-1:111122223333:trail/t"


def trail(*, is_logging: bool, has_management_events: bool) -> Trail:
    return Trail(TRAIL, "eu-west-1", is_logging, has_management_events)


# Command lines -------------------------------------------------------------------------------------------------------


def test_commands_have_the_options_that_doctor_was_called_with() -> None:
    options = {"--profile": "hub", "--region": "eu-west-1", "--stack-name": "mine"}
    commands = Commands("eu-west-1", "mine", "boss", options)
    assert commands.hub("iam", "get-role") == "aws iam get-role --region eu-west-1 --profile hub"
    assert commands.management("iam", "get-role") == "aws iam get-role --region us-east-1 --profile boss"
    assert commands.quickctl("sweep") == "quickctl --profile hub --region eu-west-1 --stack-name mine sweep"
    assert commands.quickctl_of_both("redrive").endswith("mine redrive --management-profile boss")
    assert commands.sam_deploy() == "sam deploy --stack-name mine --region eu-west-1 --profile hub"


def test_what_only_a_person_knows_is_a_variable_and_is_explained() -> None:
    mend = management.delegation(ACCOUNT, COMMANDS, is_one=False).mend
    assert mend.endswith(' --profile "$MANAGEMENT_PROFILE"')
    assert needed(mend) == ("MANAGEMENT_PROFILE: an AWS profile of the management account",)
    assert needed(COMMANDS.hub("events", "put-rule", "--event-pattern", '{"$or": ["$EMAIL"]}')) == (
        "EMAIL: the address of whoever is to get it",
    )
    assert needed(COMMANDS.quickctl("sweep")) == ()


def test_whoever_may_not_look_is_given_the_policy_in_the_way_of_its_kind() -> None:
    role = grant(f"arn:aws:sts::{ACCOUNT}:assumed-role/people/ann", "operator")
    assert role.startswith("aws iam put-role-policy --role-name people --policy-name quickctl-operator ")
    user = grant(f"arn:aws:iam::{ACCOUNT}:user/staff/ann", "operator")
    assert f"attach-user-policy --user-name ann --policy-arn arn:aws:iam::{ACCOUNT}:policy/quickctl-operator" in user
    signed_on = grant(f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_People_0123/ann", "operator")
    assert signed_on.startswith("aws sso-admin put-inline-policy-to-permission-set --instance-arn ")


# The hub -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "verdict", "mend"),
    [
        ("UPDATE_COMPLETE", FINE, ""),
        ("UPDATE_IN_PROGRESS", WARNING, "stack-update-complete"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", WARNING, "stack-rollback-complete"),
        ("CREATE_IN_PROGRESS", WARNING, "stack-create-complete"),
        ("DELETE_IN_PROGRESS", WARNING, "stack-delete-complete"),
        ("UPDATE_ROLLBACK_FAILED", WRONG, "continue-update-rollback"),
        ("DELETE_FAILED", WRONG, "quickctl uninstall"),
        ("UPDATE_ROLLBACK_COMPLETE", WRONG, "sam deploy"),
    ],
)
def test_a_stacks_status_says_what_to_do(status: str, verdict: str, mend: str) -> None:
    found = hub.stack_status(status, COMMANDS)
    assert (found.verdict, mend in found.mend) == (verdict, True)


def test_a_bus_lets_an_account_put_events_by_its_id_or_its_root_and_without_a_condition() -> None:
    def policy(principal: Any, **others: Any) -> Any:
        return {"Statement": {"Effect": "Allow", "Principal": principal, "Action": ["events:PutEvents"], **others}}

    def lacks(policy: Any) -> bool:
        return bool(list(hub.bus_differences("b", policy, [ACCOUNT], COMMANDS)))

    assert not lacks(policy({"AWS": ACCOUNT}))
    assert not lacks(policy({"AWS": [f"arn:aws:iam::{ACCOUNT}:root"]}))
    assert lacks(policy({"AWS": "111122223333"}))
    assert lacks(policy({"AWS": ACCOUNT}, Condition={"Bool": {}}))
    assert lacks({})


def test_a_role_that_is_gone_is_restored_by_cloudformation() -> None:
    restore = COMMANDS.restore(["OptInTag"])
    (found,) = hub.role_differences(Role("r", "boundary"), None, restore, COMMANDS)
    assert (found.what, found.mend) == ("the role r is gone", restore)
    assert "--deployment-mode REVERT_DRIFT" in restore


# The registry and the access policy ----------------------------------------------------------------------------------


def test_what_is_stuck_failed_or_degraded_is_tried_again() -> None:
    failed = Record(account_id="222222222222", profile="default", status="failed")
    stuck = Record(account_id="333333333333", profile=None)
    degraded = Record(account_id="555555555555", profile="default", status="degraded")
    found = list(registry.unsettled(Findings(0, (stuck,), (failed,), 0, degraded=(degraded,)), COMMANDS))
    assert [each.mend for each in found] == [
        "quickctl reconcile 333333333333",
        "quickctl status --state failed && quickctl retry 222222222222",
        "quickctl status --state degraded && quickctl reconcile 555555555555",
    ]


def test_an_incomplete_sweep_and_none_at_all_are_warnings() -> None:
    assert registry.last_sweep(None, "", COMMANDS).verdict == WARNING
    assert registry.last_sweep(60, "two accounts", COMMANDS).verdict == WARNING
    assert registry.last_sweep(60, "", COMMANDS).verdict == FINE
    assert registry.last_sweep(49 * 3600, "", COMMANDS).verdict == WRONG


def test_capacity_is_mended_by_what_costs_least() -> None:
    assert access.fullness(69.9, QUOTA, {"r": []}, COMMANDS).verdict == FINE
    assert access.fullness(70, QUOTA, {"r": []}, COMMANDS).verdict == WARNING
    assert access.fullness(99.5, QUOTA, {"r": []}, COMMANDS).verdict == WRONG
    assert "detach-role-policy" in access.more_room(20, {"r": ["arn:theirs"]}, COMMANDS)
    assert "request-service-quota-increase" in access.more_room(20, {"r": []}, COMMANDS)
    assert access.more_room(25, {"r": []}, COMMANDS).endswith("--parameter-overrides RunAsRoles=2")
    assert access.more_room(25, {str(number): [] for number in range(5)}, COMMANDS) == "quickctl capacity"


def test_an_entry_that_is_no_consumer_role_is_taken_out_of_the_shard() -> None:
    ours, theirs = "arn:aws:iam::222222222222:role/quick-athena-default", "arn:aws:iam::777777777777:role/admin"
    shard = Shard(1, (ours, theirs))
    policy = ManagedPolicy("arn:p", {"Statement": []}, 1)
    (found,) = access.edited(shard, policy, HUB, 5, COMMANDS)
    assert theirs in found.what
    assert (ours in found.mend, theirs in found.mend) == (True, False)
    (only,) = access.edited(Shard(1, (theirs,)), policy, HUB, 5, COMMANDS)
    assert only.mend == "quickctl sweep"


# Quick ---------------------------------------------------------------------------------------------------------------


def test_quick_is_subscribed_to_and_what_profiles_name_is_made() -> None:
    assert quick.edition("ENTERPRISE_AND_Q", ACCOUNT, "us-east-1", COMMANDS).verdict == FINE
    assert "STANDARD" in quick.edition("STANDARD", ACCOUNT, "us-east-1", COMMANDS).what
    profiles = {"one": Profile(**NAMED), "two": Profile(**NAMED)}
    found = list(quick.lacking(profiles, FakeQuickAccount(), WHERE, COMMANDS))
    assert [each.what for each in found] == [
        "Quick has no user ann, which the profile one and two names",
        "Quick has no folder sales, which the profile one and two names",
    ]


def test_only_a_profile_that_differs_is_another_version() -> None:
    same_one = Compared(profile="one", change="same", template_differs=False, parameters=())
    other = Compared(profile="two", change="changed", template_differs=True, parameters=())
    (found,) = quick.other_versions([same_one, other], Path("profiles.yaml"), COMMANDS)
    assert found.what == "the stack set of two is not what profiles.yaml says: the template"


# The management account ----------------------------------------------------------------------------------------------


def test_the_trail_that_needs_least_is_mended() -> None:
    assert management.logging([], COMMANDS).what.startswith("no trail")
    off = management.logging([trail(is_logging=False, has_management_events=False)], COMMANDS)
    assert [part in off.mend for part in ("put-event-selectors", "start-logging", TRAIL)] == [True] * 3
    enough = trail(is_logging=True, has_management_events=True)
    assert management.logging([trail(is_logging=False, has_management_events=True), enough], COMMANDS).verdict == FINE
    halves = [trail(is_logging=True, has_management_events=False), trail(is_logging=False, has_management_events=True)]
    assert management.logging(halves, COMMANDS).verdict == WRONG


@pytest.mark.parametrize(
    ("fields", "logs"),
    [
        ({"eventCategory": {"Equals": ["Management"]}}, True),
        ({"eventCategory": {"Equals": ["Management"]}, "readOnly": {"Equals": ["false"]}}, True),
        ({"eventCategory": {"Equals": ["Management"]}, "readOnly": {"Equals": ["true"]}}, False),
        ({"eventCategory": {"Equals": ["Data"]}}, False),
        (
            {
                "eventCategory": {"Equals": ["Management"]},
                "eventSource": {"NotEquals": ["organizations.amazonaws.com"]},
            },
            False,
        ),
    ],
)
def test_advanced_selectors_are_read(fields: Any, logs: bool) -> None:  # noqa: FBT001 - a row's value
    selectors = [{"Field": name, **condition} for name, condition in fields.items()]
    assert logs_writes({"AdvancedEventSelectors": [{"FieldSelectors": selectors}]}) is logs


def test_a_tag_policy_about_other_tags_is_left_alone() -> None:
    fine = {"tags": {"quick-athena": {"tag_key": {"@@assign": "quick-athena"}}, "cost": {"tag_value": {}}}}
    assert list(management.tag_policy("p-1", fine, "quick-athena", COMMANDS)) == []
    listed = {"tags": {**fine["tags"], "quick-athena": {"tag_value": {"@@assign": ["enabled"]}}}}
    (found,) = management.tag_policy("p-1", listed, "quick-athena", COMMANDS)
    content = json.loads(shlex.split(found.mend)[-5])
    assert content == {"tags": {**fine["tags"]}}


def test_without_a_forwarding_stack_it_is_deployed() -> None:
    found = management.without_stack(None, management._deploy("arn:bus", "quick-athena", COMMANDS), COMMANDS).mend
    assert (
        "--template-file stacks/forwarding.yaml --parameter-overrides HubBusArn=arn:bus OptInTag=quick-athena" in found
    )


def test_what_is_left_of_a_forwarding_stack_is_deleted_first() -> None:
    stack = Stack("arn:s", "s", "ROLLBACK_COMPLETE", "", "", {})
    commands = management.without_stack(stack, "deploy", COMMANDS).mend.split(" && ")
    assert [each.split()[2] for each in commands[:2]] == ["delete-stack", "wait"]
    assert commands[-1] == "deploy"


# Comparing -----------------------------------------------------------------------------------------------------------


def test_documents_are_the_same_whatever_the_order_of_their_lists() -> None:
    assert same({"Action": ["a", "b"], "Resource": ["x"]}, {"Resource": "x", "Action": ["b", "a"]})
    assert not same({"Action": ["a"]}, {"Action": ["a", "b"]})
    assert covers({"Arn": "a", "RetryPolicy": {"MaximumRetryAttempts": 1, "New": 2}}, {"RetryPolicy": {"New": 2}})
    assert not covers({"Arn": "a"}, {"Arn": "a", "RoleArn": "r"})


# The AWS CLI ---------------------------------------------------------------------------------------------------------


def everything() -> Iterable[Found]:
    """A finding for each command that no world of tests/simulation/test_doctor.py runs."""
    yield from (hub.stack_status(status, COMMANDS) for status in ("UPDATE_ROLLBACK_FAILED",))
    yield access.fullness(99.5, QUOTA, {"r": []}, COMMANDS)
    yield quick.edition(None, ACCOUNT, "us-east-1", COMMANDS)
    yield quick.edition("STANDARD", ACCOUNT, "us-east-1", COMMANDS)
    yield from quick.lacking({"one": Profile(**NAMED)}, FakeQuickAccount(), WHERE, COMMANDS)
    stack = Stack("arn:s", "s", "CREATE_COMPLETE", "", "", {"HubBusArn": "other", "OptInTag": "t", "More": "m"})
    yield from management.other_parameters(stack, {"HubBusArn": "arn:bus", "OptInTag": "t"}, COMMANDS)
    yield Found(WRONG, "", "", COMMANDS.restore(["OptInTag", "RunAsRoles"]))
    for caller in ("assumed-role/r/s", "user/ann", "assumed-role/AWSReservedSSO_P_0/ann"):
        yield Found(WRONG, "", "", grant(f"arn:aws:sts::{ACCOUNT}:{caller}", "operator"))


def test_the_aws_cli_takes_each_command(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def check(client: Any, operation: str, parameters: Any) -> Any:
        """Check the parameters as a client does, and call nobody."""
        validate_parameters(parameters, client.meta.service_model.operation_model(operation).input_shape)
        calls.append(operation)
        return {}

    monkeypatch.setattr(BaseClient, "_make_api_call", check)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.chdir(Path(__file__).parents[2])  # the files of policies are named from there
    for command in (command for found in everything() for command in found.mend.split(" && ")):
        assert not set(re.findall(r'"\$(\w+)"', command)) - set(VARIABLES)
        words = shlex.split(re.sub(r' --profile "\$\w+"', "", command))
        if words[:3] != ["aws", "cloudformation", "wait"]:
            assert importlib.import_module("awscli.clidriver").create_clidriver().main(words[1:]) == 0, command
    assert set(calls) == {
        "ContinueUpdateRollback", "RequestServiceQuotaIncrease", "CreateAccountSubscription", "DescribeAccountSettings",
        "RegisterUser", "CreateFolder", "UpdateStack", "CreateChangeSet", "ExecuteChangeSet", "PutRolePolicy",
        "CreatePolicy", "AttachUserPolicy", "PutInlinePolicyToPermissionSet",
    }  # fmt: skip
