"""What a profile says is what an account and Quick have: workgroup, tables, keys, boundary, sharing, name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from control_plane import wiring
from sandbox.aws.clock import VirtualClock
from sandbox.organization import PROJECT, Sandbox
from tests.prototypes import directory, prototype
from tests.simulation.conftest import START, Story

if TYPE_CHECKING:
    from collections.abc import Iterator

ALIAS = "alias/quick-results"
FULL = {
    "description": "one table, results under a key, a limit, tags for the bill, shared with people",
    "databases": ["quick_sales"],
    "tables": ["quick_sales/orders"],
    "data_buckets": ["quick-data-{account}"],
    "kms_key_aliases": [ALIAS],
    "results_key_alias": ALIAS,
    "bytes_scanned_limit": 20_000_000_000,
    "cost_tags": {"team": "sales", "cost center": "42"},
    "owners": ["quick-athena-owners"],
    "owner_users": ["ann"],
    "viewer_users": ["ben"],
    "display_name": "Orders of {account_name}, {account} in {ou}",
}
BOUNDED = {
    "description": "a boundary of the company's in place of ours",
    "databases": ["quick_*"],
    "data_buckets": ["quick-data-{account}"],
    "owners": ["quick-athena-owners"],
    "permissions_boundary": "company/limits",
}
LACKING = {
    "description": "it names a group, a user and a folder that nobody made yet",
    "databases": ["quick_*"],
    "data_buckets": ["quick-data-{account}"],
    "owners": ["quick-athena-owners"],
    "viewers": ["late"],
    "viewer_users": ["nobody"],
    "folder": "sales",
}
ANYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@prototype
def story() -> Iterator[Story]:
    """A deployed sandbox whose profiles file has these three besides the default, and three users of Quick."""
    layer = directory("consumer")
    profiles = yaml.safe_load((PROJECT / "layers/consumer/profiles.yaml").read_text(encoding="utf-8"))
    profiles["profiles"] |= {"full": FULL, "bounded": BOUNDED, "lacking": LACKING}
    (layer / "profiles.yaml").write_text(yaml.safe_dump(profiles), encoding="utf-8")
    body = (PROJECT / "layers/consumer/consumer_role.yaml").read_text(encoding="utf-8")
    (layer / "consumer_role.yaml").write_text(body, encoding="utf-8")
    with Sandbox(VirtualClock(START), layer) as world:
        world.create_organization()
        world.deploy()
        world.warm_up()
        story = Story(world)
        for name in ("ann", "ben", "carol"):
            _quick(story).register_user(
                AwsAccountId=_hub(story),
                Namespace="default",
                IdentityType="QUICKSIGHT",
                Email=f"{name}@example.com",
                UserRole="AUTHOR",
                UserName=name,
            )
        yield story


def _hub(story: Story) -> str:
    return str(story.world.cloud.topology.hub)


def _quick(story: Story) -> Any:
    return story.world.boto3_session(_hub(story)).client("quicksight")


def _connected(story: Story, profile: str) -> str:
    account_id = story.member()
    session: Any = story.world.boto3_session(account_id)
    story.world.quick.seed_lake(account_id, "quick_sales", "salaries", f"quick-data-{account_id}")
    key = session.client("kms").create_key()["KeyMetadata"]
    session.client("kms").create_alias(AliasName=ALIAS, TargetKeyId=key["KeyId"])
    session.client("iam").create_policy(PolicyName="limits", Path="/company/", PolicyDocument=json.dumps(ANYTHING))
    story.world.tag(account_id, profile)
    story.run()
    assert story.status(account_id, profile) == "connected"
    return account_id


def _members(story: Story) -> list[str]:
    """What is in the folder `sales`."""
    found = _quick(story).list_folder_members(AwsAccountId=_hub(story), FolderId="sales")
    return [str(each["MemberId"]) for each in found["FolderMemberList"]]


def _sharing(story: Story, account_id: str, profile: str = "full") -> dict[str, int]:
    """How many actions each group and user has."""
    found = _quick(story).describe_data_source_permissions(
        AwsAccountId=_hub(story), DataSourceId=f"quick-athena-{account_id}-{profile}"
    )
    return {each["Principal"].split(":")[-1]: len(each["Actions"]) for each in found["Permissions"]}


def test_the_workgroup_we_make_is_as_the_profile_says(story: Story) -> None:
    account_id = _connected(story, "full")
    athena: Any = story.world.boto3_session(account_id).client("athena")
    made = athena.get_work_group(WorkGroup="quick-athena-full")["WorkGroup"]["Configuration"]
    assert made["EnforceWorkGroupConfiguration"] is True
    assert int(made["BytesScannedCutoffPerQuery"]) == 20_000_000_000
    assert made["ResultConfiguration"]["EncryptionConfiguration"] == {
        "EncryptionOption": "SSE_KMS",
        "KmsKey": f"arn:aws:kms:eu-west-1:{account_id}:{ALIAS}",
    }
    arn = f"arn:aws:athena:eu-west-1:{account_id}:workgroup/quick-athena-full"
    tags = {each["Key"]: each["Value"] for each in athena.list_tags_for_resource(ResourceARN=arn)["Tags"]}
    assert tags.items() >= {"managed-by": "quick-onboarding", "team": "sales", "cost center": "42"}.items()


def test_only_the_named_table_of_a_database_is_answered(story: Story) -> None:
    source_id = f"quick-athena-{_connected(story, 'full')}-full"
    story.world.iam.settle()
    assert story.world.quick.query(source_id, "quick_sales", "orders").allowed
    refused = story.world.quick.query(source_id, "quick_sales", "salaries")
    assert not refused.allowed
    assert "glue:GetTable" in refused.message


def test_people_and_groups_share_it_as_the_profile_says_and_changes_by_hand_are_undone(story: Story) -> None:
    account_id = _connected(story, "full")
    wanted = {"group/default/quick-athena-owners": 6, "user/default/ann": 6, "user/default/ben": 3}
    assert _sharing(story, account_id) == wanted

    found = _quick(story).describe_data_source_permissions(
        AwsAccountId=_hub(story), DataSourceId=f"quick-athena-{account_id}-full"
    )["Permissions"]
    (anns,) = [each for each in found if each["Principal"].endswith("user/default/ann")]
    carols = {**anns, "Principal": anns["Principal"].replace("/ann", "/carol")}
    _quick(story).update_data_source_permissions(
        AwsAccountId=_hub(story),
        DataSourceId=f"quick-athena-{account_id}-full",
        GrantPermissions=[carols],
        RevokePermissions=[anns],
    )
    story.start({"account_id": account_id})
    story.run()
    assert _sharing(story, account_id) == wanted


def test_a_group_that_does_not_exist_is_a_finding_until_somebody_creates_it(story: Story) -> None:
    account_id = _connected(story, "lacking")
    record = story.world.record(account_id, "lacking")
    assert record is not None
    assert record["finding"] == (
        "Quick has no group late and no user nobody and no folder sales, which profiles.yaml names"
    )
    assert _sharing(story, account_id, "lacking") == {"group/default/quick-athena-owners": 6}

    _quick(story).create_group(AwsAccountId=_hub(story), Namespace="default", GroupName="late")
    _quick(story).create_folder(AwsAccountId=_hub(story), FolderId="sales", Name="Sales")
    story.start({"account_id": account_id})
    story.run()
    record = story.world.record(account_id, "lacking")
    assert record is not None
    assert record["finding"] == "Quick has no user nobody, which profiles.yaml names"
    assert _sharing(story, account_id, "lacking")["group/default/late"] == 3
    assert _members(story) == [f"quick-athena-{account_id}-lacking"]


def test_a_data_source_taken_out_of_its_folder_is_put_back(story: Story) -> None:
    _quick(story).create_folder(AwsAccountId=_hub(story), FolderId="sales", Name="Sales")
    account_id = _connected(story, "lacking")
    source_id = f"quick-athena-{account_id}-lacking"
    assert _members(story) == [source_id]
    place = {"AwsAccountId": _hub(story), "FolderId": "sales", "MemberId": source_id, "MemberType": "DATASOURCE"}
    _quick(story).delete_folder_membership(**place)
    story.start({"account_id": account_id})
    story.run()
    assert _members(story) == [source_id]


def test_a_group_deleted_later_is_recorded_and_takes_nothing_else_away(story: Story) -> None:
    _quick(story).create_group(AwsAccountId=_hub(story), Namespace="default", GroupName="late")
    account_id = _connected(story, "lacking")
    assert _sharing(story, account_id, "lacking")["group/default/late"] == 3
    _quick(story).delete_group(AwsAccountId=_hub(story), Namespace="default", GroupName="late")
    wiring.quick_account.cache_clear()  # no function stays warm for ever
    story.start({"account_id": account_id})
    story.run()
    record = story.world.record(account_id, "lacking")
    assert record is not None
    assert (record["status"], "no group late" in record["finding"]) == ("connected", True)
    assert "group/default/late" not in _sharing(story, account_id, "lacking")


def test_the_name_in_quick_is_made_of_the_profiles_pattern(story: Story) -> None:
    account_id = _connected(story, "full")
    source = story.data_source(account_id, "full")
    assert source is not None
    assert source["Name"] == f"Orders of sales, {account_id} in Root"


def test_an_account_that_moves_gets_the_name_of_its_new_ou(story: Story) -> None:
    account_id = _connected(story, "full")
    unit = story.world.organizations.create_unit("Consumers")
    with story.world.cloud.administering(story.world.cloud.topology.management):
        organizations: Any = story.world.cloud.client("organizations", "us-east-1")
        root = story.world.organizations.root_id
        organizations.move_account(AccountId=account_id, SourceParentId=root, DestinationParentId=unit)
    story.run()
    source = story.data_source(account_id, "full")
    assert source is not None
    assert source["Name"] == f"Orders of sales, {account_id} in Consumers"
    assert story.status(account_id, "full") == "connected"


def _tag(story: Story, account_id: str, **tags: str) -> None:
    """Tag an account; `profiles` is the opt-in tag, the others are those that fit a profile to it."""
    keys = {"quick-athena" if name == "profiles" else f"quick-athena:{name}": text for name, text in tags.items()}
    with story.world.cloud.administering(story.world.cloud.topology.management):
        story.world.cloud.client("organizations", "us-east-1").tag_resource(
            ResourceId=account_id, Tags=[{"Key": key, "Value": value} for key, value in keys.items()]
        )


def _untag(story: Story, account_id: str, name: str) -> None:
    with story.world.cloud.administering(story.world.cloud.topology.management):
        organizations: Any = story.world.cloud.client("organizations", "us-east-1")
        organizations.untag_resource(ResourceId=account_id, TagKeys=[f"quick-athena:{name}"])


def _answers(story: Story, account_id: str, database: str) -> bool:
    story.world.iam.settle()
    return bool(story.world.quick.query(f"quick-athena-{account_id}-default", database, "orders").allowed)


def test_a_tag_narrows_one_account_and_another_stays_as_it_is(story: Story) -> None:
    narrowed, other = (_connected(story, "default") for _ in range(2))
    for account_id in (narrowed, other):
        story.world.quick.seed_lake(account_id, "quick_hr", "orders", f"quick-data-{account_id}")
    assert _answers(story, narrowed, "quick_hr")
    _tag(story, narrowed, databases="quick_sales")
    story.run()
    assert story.status(narrowed) == "connected"
    found = [
        _answers(story, account_id, name) for account_id in (narrowed, other) for name in ("quick_sales", "quick_hr")
    ]
    assert found == [True, False, True, True]
    _untag(story, narrowed, "databases")
    story.run()
    assert _answers(story, narrowed, "quick_hr")


def test_accounts_whose_tags_say_the_same_share_one_operation(story: Story) -> None:
    first = _connected(story, "default")
    accounts = [story.member() for _ in range(4)]
    for account_id in accounts:
        _tag(story, account_id, profiles="enabled", buckets=f"quick-data-{account_id}")
    story.run()
    assert [story.status(account_id) for account_id in accounts] == ["connected"] * 4
    with story.world.cloud.administering(_hub(story)):
        cloudformation: Any = story.world.cloud.client("cloudformation")
        given = {"StackSetName": "quick-athena-default", "CallAs": "DELEGATED_ADMIN"}
        operations = cloudformation.list_stack_set_operations(**given)["Summaries"]
        together = [
            {
                each["Account"]
                for each in cloudformation.list_stack_set_operation_results(**given, OperationId=o)["Summaries"]
            }
            for o in (each["OperationId"] for each in operations)
        ]
    assert set(accounts) in together
    assert first not in set.union(*(each for each in together if accounts[0] in each))


def test_a_tag_that_asks_too_much_keeps_no_access_until_it_is_corrected(story: Story) -> None:
    account_id = _connected(story, "default")
    _tag(story, account_id, databases="finance")
    story.run(600)
    record = story.world.record(account_id, "default")
    assert record is not None
    assert (record["status"], "names 'finance'" in record["reason"]) == ("quarantined", True)
    assert not _answers(story, account_id, "quick_sales")
    _untag(story, account_id, "databases")
    story.run(600)
    assert story.status(account_id) == "connected"
    assert _answers(story, account_id, "quick_sales")


def test_the_companys_boundary_stands_in_place_of_ours(story: Story) -> None:
    account_id = _connected(story, "bounded")
    iam: Any = story.world.boto3_session(account_id).client("iam")
    role = iam.get_role(RoleName="quick-athena-bounded")["Role"]
    boundary = f"arn:aws:iam::{account_id}:policy/company/limits"
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    assert iam.list_policies(Scope="Local", PathPrefix="/quick-athena/")["Policies"] == []
    story.world.iam.settle()
    assert story.world.quick.query(f"quick-athena-{account_id}-bounded", "quick_sales", "orders").allowed
