"""The served sandbox with the aws command line as its only client: what an operator would type, and what comes back."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.organization import PROJECT
from tests.commands import installed, program
from tests.integration.sandbox.served import start, stop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.sandbox.served import Outside

OUTSIDER = "999999999999"


class CommandError(Exception):
    """The command failed: its exit code and what it said."""


class Cli:
    """The aws command, configured by its environment alone."""

    def __init__(self, outside: Outside, home: Path) -> None:
        self.outside, self.accounts, self.home = outside, outside.accounts, home

    def __call__(self, account: str, words: str, *more: str) -> Any:
        """What a command prints, read as JSON, typed as the administrator of an account."""
        return self.typed(self.outside.said["credentials"][account], words, *more)

    def typed(self, keys: dict[str, str], words: str, *more: str) -> Any:
        """The same with other credentials."""
        done = subprocess.run(
            [program("aws"), *words.split(), *more], env=self._environment(keys, words), cwd=self.home, check=False,
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        if done.returncode:
            raise CommandError(f"{done.returncode}: {done.stderr.strip()}")
        if words.startswith("s3 "):
            return done.stdout
        return json.loads(done.stdout or "null")

    def tag(self, account_id: str) -> None:
        """Opt an account in."""
        tag = f"Key={self.outside.said['opt_in_tag']},Value=enabled"
        self(self.accounts["management"], f"organizations tag-resource --resource-id {account_id} --tags {tag}")

    def _environment(self, keys: dict[str, str], words: str) -> dict[str, str]:
        region = "us-east-1" if words.startswith("organizations") else self.outside.said["region"]
        return {
            **{name.upper(): value for name, value in keys.items()},
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "AWS_ENDPOINT_URL": self.outside.said["endpoint_url"],
            "AWS_DEFAULT_REGION": region,
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_PAGER": "",
        }


class Story:
    """One account created with the tag, one tagged twice, all others left alone."""

    def __init__(self, aws: Cli) -> None:
        self.aws = aws
        self.management, self.hub = aws.accounts["management"], aws.accounts["hub"]
        self.tagged, self.untagged, *_ = aws.accounts["members"]
        tag = f"Key={aws.outside.said['opt_in_tag']},Value=enabled"
        asked = aws(
            self.management, f"organizations create-account --email new@example.com --account-name new --tags {tag}"
        )["CreateAccountStatus"]
        assert asked["State"] == "IN_PROGRESS"
        aws.tag(self.tagged)
        aws.tag(self.tagged)
        aws.outside.advance(600)
        status = aws(
            self.management,
            f"organizations describe-create-account-status --create-account-request-id {asked['Id']}",
        )["CreateAccountStatus"]
        assert status["State"] == "SUCCEEDED"
        self.created = status["AccountId"]

    def consumer_role(self, account_id: str) -> str:
        """The ARN of an account's consumer role."""
        return f"arn:aws:iam::{account_id}:role/quick-athena-default"

    def source(self, account_id: str) -> str:
        """The id of an account's data source."""
        return f"quick-athena-{account_id}-default"


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    outside = start("--accounts", "20")
    yield Story(Cli(outside, tmp_path_factory.mktemp("home")))
    stop(outside)


def test_accounts_are_listed_in_pages_of_twenty(story: Story) -> None:
    aws, accounts = story.aws, story.aws.accounts
    page = aws(story.management, "organizations list-accounts --no-paginate")
    assert (len(page["Accounts"]), "NextToken" in page) == (20, True)
    listed = [each["Id"] for each in aws(story.management, "organizations list-accounts")["Accounts"]]
    everyone = [story.management, story.hub, *accounts["members"], *accounts["suspended"], story.created]
    assert sorted(listed) == sorted(everyone)
    with pytest.raises(CommandError, match=r"^25\d: .*\(AccessDeniedException\).*ListAccounts"):
        aws(story.untagged, "organizations list-accounts")
    with pytest.raises(CommandError, match=r"\(TargetNotFoundException\).*TagResource"):
        aws.tag(OUTSIDER)


def test_quick_has_one_data_source_for_each_connected_account(story: Story) -> None:
    aws, run_as_role = story.aws, story.aws.outside.said["run_as_role_arn"]
    listed = aws(story.hub, f"quicksight list-data-sources --aws-account-id {story.hub}")["DataSources"]
    source = story.source(story.tagged)
    described = aws(
        story.hub, f"quicksight describe-data-source --aws-account-id {story.hub} --data-source-id {source}"
    )
    connected = (story.tagged, story.created)
    assert {each["DataSourceId"]: each["Status"] for each in listed} == {
        story.source(account_id): "CREATION_SUCCESSFUL" for account_id in connected
    }
    assert {each["DataSourceId"]: each["DataSourceParameters"]["AthenaParameters"] for each in listed} == {
        story.source(account_id): {
            "WorkGroup": "quick-athena-default",
            "RoleArn": run_as_role,
            "ConsumerAccountRoleArn": story.consumer_role(account_id),
        }
        for account_id in connected
    }
    assert described["DataSource"] in listed


def test_stack_instances_access_policy_and_registry_name_the_connected_accounts_only(story: Story) -> None:
    aws, hub = story.aws, story.hub
    instances = aws(
        hub, "cloudformation list-stack-instances --stack-set-name quick-athena-default --call-as DELEGATED_ADMIN"
    )["Summaries"]
    assert sorted((each["Account"], each["Status"]) for each in instances) == sorted(
        (account_id, "CURRENT") for account_id in (story.tagged, story.created)
    )  # neither the management account nor the hub is among them
    (policy,) = aws(hub, "iam list-attached-role-policies --role-name quick-athena-run-as")["AttachedPolicies"]
    version = aws(hub, f"iam get-policy --policy-arn {policy['PolicyArn']}")["Policy"]["DefaultVersionId"]
    document = aws(hub, f"iam get-policy-version --policy-arn {policy['PolicyArn']} --version-id {version}")
    (statement,) = document["PolicyVersion"]["Document"]["Statement"]
    assert statement["Action"] == "sts:AssumeRole"
    assert sorted(statement["Resource"]) == sorted(map(story.consumer_role, (story.tagged, story.created)))
    assert record(story, story.tagged)["status"] == {"S": "connected"}
    assert record(story, story.untagged) is None


def record(story: Story, account_id: str) -> Any:
    """One connection's record in the registry, or None."""
    key = {"pk": {"S": f"account#{account_id}"}, "sk": {"S": "connection#default"}}
    table = story.aws.outside.said["registry_table"]
    answer = story.aws(story.hub, f"dynamodb get-item --table-name {table} --key", json.dumps(key))
    return answer and answer["Item"]


def test_every_execution_succeeded_and_a_repeated_tag_was_one_more_look(story: Story) -> None:
    machines = story.aws(story.hub, "stepfunctions list-state-machines")["stateMachines"]
    (machine,) = [each for each in machines if each["name"] == "ReconcileAccount"]
    executions = story.aws(
        story.hub, f"stepfunctions list-executions --state-machine-arn {machine['stateMachineArn']}"
    )["executions"]
    assert [each["status"] for each in executions] == ["SUCCEEDED"] * 4  # created, joined, tagged, tagged again


def test_run_as_role_becomes_consumer_role_with_the_data_sources_arn_and_not_otherwise(story: Story) -> None:
    keys, region = story.aws.outside.said["run_as_role_session"], story.aws.outside.said["region"]
    identity = story.aws.typed(keys, "sts get-caller-identity")
    assert identity["Arn"] == f"arn:aws:sts::{story.hub}:assumed-role/quick-athena-run-as/quicksight"
    assume = f"sts assume-role --role-session-name quick --role-arn {story.consumer_role(story.tagged)}"
    right = f"arn:aws:quicksight:{region}:{story.hub}:datasource/{story.source(story.tagged)}"
    given = story.aws.typed(keys, f"{assume} --external-id {right}")["Credentials"]
    assert given["AccessKeyId"].startswith("ASIA")
    for without in (assume, f"{assume} --external-id {right}2"):
        with pytest.raises(CommandError, match=r"\(AccessDenied\).*is not authorized to perform: sts:AssumeRole"):
            story.aws.typed(keys, without)


def test_a_created_account_is_entered_and_used_like_any_other(story: Story) -> None:
    aws, arn = story.aws, f"arn:aws:iam::{story.created}:role/OrganizationAccountAccessRole"
    given = aws(story.management, f"sts assume-role --role-session-name admin --role-arn {arn}")["Credentials"]
    keys = {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }
    (aws.home / "orders.csv").write_text("1,9.99\n", encoding="utf-8")
    assert aws.typed(keys, "s3 mb s3://quick-data-of-the-new-account") == "make_bucket: quick-data-of-the-new-account\n"
    aws.typed(keys, "s3 cp orders.csv s3://quick-data-of-the-new-account/orders/ --no-progress")
    assert aws.typed(keys, "s3 cp s3://quick-data-of-the-new-account/orders/orders.csv -") == "1,9.99\n"
    buckets = {line.split()[-1] for line in aws.typed(keys, "s3 ls").splitlines()}
    assert "quick-data-of-the-new-account" in buckets
    assert "quick-data-of-the-new-account" not in aws(story.hub, "s3 ls")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            "cloudformation describe-stacks --query Stacks[].StackName",
            ["quick-onboarding-boundaries", "quick-onboarding"],
        ),
        ("events list-event-buses --query EventBuses[?Name=='default'].Name", ["default"]),
        ("lambda list-functions --query length(Functions[?Runtime==null])", 0),
        ("sqs create-queue --queue-name mine --query ends_with(QueueUrl,'/444455556666/mine') --endpoint-url", True),
    ],
)
def test_what_one_types_to_look_around_is_answered(story: Story, words: str, expected: Any) -> None:
    needs_endpoint = words.endswith("--endpoint-url")  # aws 1 has another endpoint in mind for SQS
    more = (story.aws.outside.said["endpoint_url"],) if needs_endpoint else ()
    assert story.aws(story.hub, words, *more) == expected


def test_an_operation_there_is_not_is_said_to_be_none(story: Story) -> None:
    with pytest.raises(
        CommandError, match=r"\(NotImplemented\).*ListChannels operation: neither the sandbox nor its engine"
    ):
        story.aws(story.hub, "cloudtrail list-channels")


def test_the_command_line_is_the_pinned_one() -> None:
    pinned = (PROJECT / "requirements.lock").read_text(encoding="utf-8").split("awscli==")[1].split()[0]
    said = subprocess.run(
        [*installed("aws"), "--version"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert said.startswith(f"aws-cli/{pinned} ")
