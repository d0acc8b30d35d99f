"""Resources that exist already: ours are adopted or repaired in place, unmanaged ones are refused and never touched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.simulation.conftest import Story

MARK = {"managed-by": "quick-onboarding", "quick-onboarding:deployment": "default"}
BLUE = {**MARK, "quick-onboarding:deployment": "blue"}
NO_MARK = (
    "tag managed-by is None, ours is 'quick-onboarding', tag quick-onboarding:deployment is None, ours is 'default'"
)
NOT_THIS_DEPLOYMENT = "tag quick-onboarding:deployment is 'blue', ours is 'default'"
READS = ("Describe", "Get", "List", "Search", "Query", "Scan")
SHARD = "arn:aws:iam::444455556666:policy/quick-athena/quick-athena-access-1"
UNMANAGED = pytest.mark.parametrize(("marks", "difference"), [({}, NO_MARK), (BLUE, NOT_THIS_DEPLOYMENT)])


def hub_client(story: Story, service: str) -> Any:
    """An administrator of the hub."""
    return story.world.boto3_session(story.world.cloud.topology.hub).client(service)  # type: ignore[call-overload]


def as_tags(marks: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in marks.items()]


def forget_everything(story: Story) -> None:
    """Somebody empties the registry."""
    table = hub_client(story, "dynamodb")
    for record in story.world.records():
        key = {"pk": {"S": record["pk"]}, "sk": {"S": record["sk"]}}
        table.delete_item(TableName=story.world.outputs["RegistryTableName"], Key=key)
    assert story.world.records() == []


PROOF = ["CreateDataSet", "DeleteDataSet"]  # what proves a connection, and leaves nothing


class Writes:
    """Our own writes to AWS, but for the registry, executions and published events, since it was made."""

    def __init__(self, story: Story) -> None:
        self._log = story.world.cloud.gateway.log.entries
        self._since = len(self._log)

    def made(self) -> list[str]:
        """The operations, in order."""
        ours = [entry for entry in self._log[self._since :] if "role/quick-onboarding-" in entry.role]
        written = [entry for entry in ours if entry.service not in ("dynamodb", "events", "lambda", "stepfunctions")]
        return [entry.operation for entry in written if not entry.operation.startswith(READS)]


def reconcile(story: Story, account_id: str) -> Writes:
    """One look at an account, with what it wrote."""
    writes = Writes(story)
    story.start({"account_id": account_id})
    story.run()
    return writes


def assert_refused(story: Story, account_id: str, difference: str) -> None:
    record = story.world.record(account_id)
    assert record is not None
    assert (story.last.status, record["status"], record["error"]) == ("FAILED", "failed", "NotOurs")
    assert record["reason"].endswith(f"exists already: {difference}")


def data_source_arn(account_id: str) -> str:
    return f"arn:aws:quicksight:eu-west-1:444455556666:datasource/quick-athena-{account_id}-default"


# Adopted ----------------------------------------------------------------------------------------------


def test_a_connected_account_nobody_remembers_is_adopted_without_a_write_but_its_proofs(story: Story) -> None:
    account_id = story.tagged()
    before = story.world.record(account_id)
    forget_everything(story)
    assert reconcile(story, account_id).made() == PROOF
    after = story.world.record(account_id)
    assert before is not None
    assert after is not None
    same = ("status", "proof", "reason", "data_source_id", "consumer_role_arn", "run_as_role_arn", "account_name")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert (story.last.status, after["status"]) == ("SUCCEEDED", "connected")


def test_a_quarantined_account_nobody_remembers_is_restored_with_one_entry(story: Story) -> None:
    account_id = story.tagged()
    story.tagged("neighbour")
    story.world.untag(account_id)
    story.run()
    forget_everything(story)
    writes = Writes(story)
    story.world.tag(account_id, "enabled")
    story.run()
    assert set(writes.made()) == {"CreatePolicyVersion", "AttachRolePolicy", *PROOF}
    assert story.status(account_id) == "connected"


def test_an_untagged_account_nobody_remembers_still_loses_its_access(story: Story) -> None:
    account_id = story.tagged()
    forget_everything(story)
    story.world.untag(account_id)
    story.run()
    assert story.world.allowed_roles() == []
    assert story.status(account_id) == "quarantined"


def test_an_entry_nobody_knows_stays_whoever_else_comes_and_goes(story: Story) -> None:
    account_id = story.tagged()
    unknown = story.role("999988887777")
    iam = hub_client(story, "iam")
    version = iam.get_policy(PolicyArn=SHARD)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=SHARD, VersionId=version)["PolicyVersion"]["Document"]
    document["Statement"][0]["Resource"] = [story.role(account_id), unknown]
    iam.create_policy_version(PolicyArn=SHARD, PolicyDocument=json.dumps(document), SetAsDefault=True)
    forget_everything(story)
    other = story.tagged("other")
    assert story.world.allowed_roles() == sorted([story.role(account_id), story.role(other), unknown])
    story.world.untag(other)
    story.run()
    assert story.world.allowed_roles() == sorted([story.role(account_id), unknown])


# Repaired in place --------------------------------------------------------------------------------------


def test_a_marked_data_source_that_differs_is_repaired_in_place(story: Story) -> None:
    account_id = story.tagged()
    wanted = story.data_source(account_id)
    assert wanted is not None
    parameters = {**wanted["DataSourceParameters"]["AthenaParameters"], "WorkGroup": "primary"}
    hub_client(story, "quicksight").update_data_source(
        AwsAccountId=story.world.cloud.topology.hub,
        DataSourceId=wanted["DataSourceId"],
        Name="renamed by hand",
        DataSourceParameters={"AthenaParameters": parameters},
    )
    story.run()
    forget_everything(story)
    assert set(reconcile(story, account_id).made()) == {"UpdateDataSource", *PROOF}
    repaired = story.data_source(account_id)
    assert repaired is not None
    assert (repaired["Name"], repaired["DataSourceParameters"]) == (wanted["Name"], wanted["DataSourceParameters"])
    assert repaired["CreatedTime"] == wanted["CreatedTime"]
    assert (repaired["Status"], story.status(account_id)) == ("UPDATE_SUCCESSFUL", "connected")


# Refused ------------------------------------------------------------------------------------------------


@UNMANAGED
def test_an_unmanaged_data_source_is_refused(story: Story, marks: dict[str, str], difference: str) -> None:
    account_id = story.tagged()
    quick = hub_client(story, "quicksight")
    quick.untag_resource(ResourceArn=data_source_arn(account_id), TagKeys=list(MARK))
    if marks:
        quick.tag_resource(ResourceArn=data_source_arn(account_id), Tags=as_tags(marks))
    before = story.data_source(account_id)
    forget_everything(story)
    assert reconcile(story, account_id).made() == []
    assert_refused(story, account_id, difference)
    assert story.data_source(account_id) == before


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({"tags": {}}, NO_MARK),
        ({"tags": BLUE}, NOT_THIS_DEPLOYMENT),
        ({"automatic_deployment": True}, "automatic deployment is True, ours is False"),
        ({"managed_execution": False}, "managed execution is False, ours is True"),
    ],
)
def test_a_stack_set_that_is_not_as_we_make_it_is_refused(
    story: Story, changed: dict[str, Any], difference: str
) -> None:
    account_id = story.tagged()
    stack_set = story.world.stack_sets.catalog._sets["eu-west-1"]["quick-athena-default"]
    for name, value in changed.items():
        setattr(stack_set, name, value)
    forget_everything(story)
    assert reconcile(story, account_id).made() == []
    assert_refused(story, account_id, difference)


@UNMANAGED
@pytest.mark.parametrize("attached", [True, False], ids=["attached", "not attached"])
def test_an_unmanaged_shard_is_refused(story: Story, marks: dict[str, str], difference: str, attached: bool) -> None:  # noqa: FBT001
    role = story.role("999988887777")
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": [role]}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam = hub_client(story, "iam")
    iam.create_policy(
        PolicyName="quick-athena-access-1", Path="/quick-athena/", PolicyDocument=policy, Tags=as_tags(marks)
    )
    if attached:
        iam.attach_role_policy(RoleName="quick-athena-run-as", PolicyArn=SHARD)
    writes = Writes(story)
    account_id = story.tagged()
    assert set(writes.made()) == {"CreateStackSet", "CreateStackInstances"}
    assert_refused(story, account_id, difference)
    assert story.world.allowed_roles() == ([role] if attached else [])
    assert iam.get_policy(PolicyArn=SHARD)["Policy"]["DefaultVersionId"] == "v1"


def test_a_role_of_our_name_that_is_not_ours_stays_as_it_is(story: Story) -> None:
    account_id = story.member()
    statement = {"Effect": "Allow", "Principal": {"AWS": account_id}, "Action": "sts:AssumeRole"}
    iam = story.world.boto3_session(account_id).client("iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.create_role(RoleName="quick-athena-default", AssumeRolePolicyDocument=trust, Tags=as_tags(MARK))  # type: ignore[arg-type]
    before = iam.get_role(RoleName="quick-athena-default")["Role"]
    story.world.tag(account_id, "enabled")
    story.run()
    forget_everything(story)
    # An instance that is not current may have an older body, so that is brought first.
    assert reconcile(story, account_id).made() == ["UpdateStackSet", "UpdateStackInstances"]
    record = story.world.record(account_id)
    assert record is not None
    assert record["error"] == "ConsumerRoleFailed"
    assert "already exists" in record["reason"]
    assert iam.get_role(RoleName="quick-athena-default")["Role"] == before
    assert story.world.allowed_roles() == []
