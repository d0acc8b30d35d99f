"""Each adapter against the deployed hub, as the function that uses it and with no more than its permissions."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from control_plane import propagation
from control_plane.access_policy import Shard, document
from control_plane.aws.account_listing import AwsAccountListing
from control_plane.aws.grant_budget import DynamoDbGrantBudget
from control_plane.aws.iam import AwsAccessPolicies
from control_plane.aws.notifications import SnsNotifications
from control_plane.aws.organizations import AwsOrganization
from control_plane.aws.quick_assets import AwsQuickAssets
from control_plane.aws.quicksight import OWN, REQUEST_REFUSALS, AwsDataSources, AwsQuickAccount
from control_plane.aws.reconciles import StepFunctionsReconciles
from control_plane.aws.registry import DynamoDbRegistry
from control_plane.aws.revocation_budget import DynamoDbRevocationBudget
from control_plane.aws.role_listing import AwsRoleListing
from control_plane.aws.source_listing import AwsSourceListing
from control_plane.aws.stack_sets import AwsStackSets
from control_plane.aws.sweep_store import DynamoDbSweepStore
from control_plane.errors import AccountNotFound, DataSourceFailed, MissingPermission, NotOurs, StackSetBusy, Throttled
from control_plane.ports.quick import DataSourceSettings, Sharing
from control_plane.ports.registry import Record
from control_plane.profiles import load, parameters
from control_plane.steps.access import external_ids
from control_plane.sweep.ports import ListedAccount
from control_plane.sweep.snapshot import DataSourceSummary, RecordSummary, RoleSummary, SnapshotProgress
from control_plane.sweep.store import ACROSS_SWEEPS
from sandbox.organization import PROJECT
from tests.deployed_hub import Deployed
from tests.quick_assets import make_assets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from control_plane.account import Connection, Hub
    from control_plane.ports.listing import ListPage
    from sandbox.organization import Sandbox

    ClientAs = Callable[[str, str], Any]

NOW = "2026-11-24T08:00:00.000Z"
SHARING = Sharing(frozenset({"quick-athena-owners"}), frozenset({"quick-athena-authors"}))
PROFILE = load(PROJECT / "layers/consumer/profiles.yaml").profiles["default"]


# Organizations ---------------------------------------------------------------------------------------------


def test_an_account_is_read_with_its_tags_and_state(world: Sandbox, client_as: ClientAs) -> None:
    account_id = world.organizations.create_member("tagged", tags={"quick-athena": "enabled", "team": "x"})
    account = AwsOrganization(client_as("AssessAccount", "organizations")).account(account_id, "quick-athena")
    assert (account.name, account.state) == ("tagged", "ACTIVE")
    assert account.tags == {"quick-athena": "enabled", "team": "x"}


def test_without_a_tag_of_its_own_the_nearest_units_counts(world: Sandbox, client_as: ClientAs) -> None:
    outer = world.organizations.create_unit("outer")
    inner = world.organizations.create_unit("inner", parent=outer)
    account_id = world.organizations.create_member("below", parent=inner)
    organization = AwsOrganization(client_as("AssessAccount", "organizations"))
    assert organization.account(account_id, "quick-athena").unit is None
    for unit in (world.organizations.root_id, outer):
        tag_quietly(world, unit, "enabled")
    found = organization.account(account_id, "quick-athena").unit
    assert found is not None
    assert (found.id, found.tags) == (outer, {"quick-athena": "enabled"})
    world.tag(account_id, "paused")
    assert organization.account(account_id, "quick-athena").unit is None
    for unit in (world.organizations.root_id, outer):
        untag_quietly(world, unit)


@pytest.fixture
def without_paths(world: Sandbox) -> Iterator[Sandbox]:
    """AWS leaves out where accounts stand."""
    world.organizations.directory.shows_paths = False
    yield world
    world.organizations.directory.shows_paths = True


def test_without_a_path_the_parents_are_asked_for_so_that_no_units_tag_is_overlooked(
    without_paths: Sandbox, client_as: ClientAs
) -> None:
    world = without_paths
    outer = world.organizations.create_unit("outer without path")
    inner = world.organizations.create_unit("inner without path", parent=outer)
    account_id = world.organizations.create_member("nowhere", parent=inner)
    tag_quietly(world, outer, "enabled")
    found = AwsOrganization(client_as("AssessAccount", "organizations")).account(account_id, "quick-athena").unit
    listing = AwsAccountListing(client_as("CollectSnapshot", "organizations"))
    untag_quietly(world, outer)
    assert found is not None
    assert found.id == outer
    places = {place.account_id: place for place in listing.page("").items}
    assert places[world.cloud.topology.management].units is None
    assert listing.units_above(account_id) == (inner, outer, world.organizations.root_id)


def test_a_throttle_while_parents_are_read_leaves_one_place_unknown_and_stops_no_list(
    without_paths: Sandbox, client_as: ClientAs
) -> None:
    account_id = without_paths.organizations.create_member("throttled")
    without_paths.faults.order(service="organizations", operation="ListParents", code="TooManyRequestsException")
    listing = AwsAccountListing(client_as("CollectSnapshot", "organizations"))
    assert listing.units_above(account_id) is None
    assert listing.units_above(account_id) == (without_paths.organizations.root_id,)
    without_paths.faults.order(service="organizations", operation="ListParents", code="TooManyRequestsException")
    with pytest.raises(Throttled):
        AwsOrganization(client_as("AssessAccount", "organizations")).account(account_id, "quick-athena")


def tag_quietly(world: Sandbox, unit_id: str, value: str) -> None:
    """Without an event: it would start a sweep of everything other tests have made."""
    tags_of(world, unit_id)["quick-athena"] = value


def untag_quietly(world: Sandbox, unit_id: str) -> None:
    del tags_of(world, unit_id)["quick-athena"]


def tags_of(world: Sandbox, unit_id: str) -> dict[str, str]:
    unit = world.organizations.directory.resource(unit_id)
    assert unit is not None
    return unit.tags  # type: ignore[no-any-return]


def test_an_account_of_another_organization_is_not_found(client_as: ClientAs) -> None:
    with pytest.raises(AccountNotFound):
        AwsOrganization(client_as("AssessAccount", "organizations")).account("999988887777", "quick-athena")


def test_a_function_that_may_not_read_accounts_is_told_so(connection: Connection, client_as: ClientAs) -> None:
    with pytest.raises(MissingPermission, match="organizations:DescribeAccount"):
        AwsOrganization(client_as("EnsureDataSource", "organizations")).account(connection.account_id, "quick-athena")


# Stack sets ------------------------------------------------------------------------------------------------


@pytest.fixture
def stack_sets(client_as: ClientAs, hub: Hub) -> AwsStackSets:
    body = PROJECT / "layers/consumer/consumer_role.yaml"
    return AwsStackSets(client_as("AdvanceOperation", "cloudformation"), hub, body)


@pytest.mark.parametrize(
    ("code", "named"), [("OperationInProgressException", StackSetBusy), ("ThrottlingException", Throttled)]
)
def test_awss_error_codes_get_our_names(
    world: Sandbox, stack_sets: AwsStackSets, connection: Connection, hub: Hub, code: str, named: type[Exception]
) -> None:
    stack_sets.ensure_stack_set(connection.role_name, parameters("default", PROFILE, hub))
    world.faults.order(service="cloudformation", operation="CreateStackInstances", code=code)
    with pytest.raises(named):
        stack_sets.start_deployment(connection.role_name, [connection.account_id], {}, "op-x", exists=False)


def deploy_role(world: Sandbox, client_as: ClientAs, connection: Connection, hub: Hub) -> None:
    body = PROJECT / "layers/consumer/consumer_role.yaml"
    deploying = AwsStackSets(client_as("AdvanceOperation", "cloudformation"), hub, body)
    name, account_id, wanted = connection.role_name, connection.account_id, parameters("default", PROFILE, hub)
    deploying.ensure_stack_set(name, wanted)
    deploying.start_deployment(name, [account_id], wanted, f"op-{account_id}", exists=False)
    world.clock.run()  # type: ignore[attr-defined]  # a virtual clock


@pytest.mark.parametrize("function", ["EnsureConsumerRole", "RemoveConsumerRole"])
def test_those_who_request_a_change_can_not_make_it(
    function: str, client_as: ClientAs, connection: Connection, hub: Hub
) -> None:
    requesting = AwsStackSets(client_as(function, "cloudformation"), hub, Path("unused"))
    with pytest.raises(MissingPermission, match="cloudformation:CreateStackInstances"):
        requesting.start_deployment(connection.role_name, [connection.account_id], {}, "op-x", exists=False)
    with pytest.raises(MissingPermission, match="cloudformation:DeleteStackInstances"):
        requesting.start_removal(connection.role_name, [connection.account_id], "op-y", retain=False)


def test_looking_for_drift_does_not_make_an_instance_look_changed(
    world: Sandbox, stack_sets: AwsStackSets, client_as: ClientAs, connection: Connection, hub: Hub
) -> None:
    name, account_id, wanted = connection.role_name, connection.account_id, parameters("default", PROFILE, hub)
    stack_sets.ensure_stack_set(name, wanted)
    stack_sets.start_deployment(name, [account_id], wanted, f"op-{account_id}", exists=False)
    world.clock.run()  # type: ignore[attr-defined]  # a virtual clock
    with world.cloud.administering(hub.account_id):
        world.cloud.client("cloudformation").detect_stack_set_drift(StackSetName=name, CallAs="DELEGATED_ADMIN")
    looking = AwsStackSets(client_as("EnsureConsumerRole", "cloudformation"), hub, Path("unused"))
    seen = looking.instance(name, account_id)
    assert seen is not None
    assert (seen.is_current, seen.in_progress) == (True, False)
    world.clock.run()  # type: ignore[attr-defined]  # a virtual clock


# Access policy ---------------------------------------------------------------------------------------------


@pytest.fixture
def policies(client_as: ClientAs, hub: Hub) -> AwsAccessPolicies:
    return AwsAccessPolicies(client_as("EnsureAccess", "iam"), hub, external_ids(hub))


def test_a_shard_is_attached_and_taken_away(
    world: Sandbox, policies: AwsAccessPolicies, connection: Connection, hub: Hub
) -> None:
    policies.write(Shard(1, (connection.consumer_role_arn(hub),)))
    assert world.allowed_roles() == [connection.consumer_role_arn(hub)]
    policies.write(Shard(1, ()))
    assert world.allowed_roles() == []


def test_what_is_left_of_an_emptied_shard_is_deleted_and_nothing_else(
    world: Sandbox, policies: AwsAccessPolicies, hub: Hub
) -> None:
    for number in (1, 2, 3):
        policies.write(Shard(number, (f"arn:aws:iam::22223333444{number}:role/quick-athena-default",)))
    policies.write(Shard(3, ("arn:aws:iam::222233334449:role/quick-athena-default",)))
    with world.cloud.administering(hub.account_id):
        iam = world.cloud.client("iam")
        for number in (1, 3):  # two writers died after this
            arn = f"arn:aws:iam::{hub.account_id}:policy/quick-athena/quick-athena-access-{number}"
            iam.detach_role_policy(RoleName="quick-athena-run-as", PolicyArn=arn)
        iam.create_policy(
            PolicyName="quick-athena-access-4",
            Path="/quick-athena/",
            PolicyDocument=json.dumps(document(["arn:aws:iam::111122223333:role/x"], "*")),
        )
        policies.tidy({2})
        found = iam.list_policies(Scope="Local", PathPrefix="/quick-athena/")["Policies"]
    names = {each["PolicyName"] for each in found if each["PolicyName"].startswith("quick-athena-access-")}
    assert names == {"quick-athena-access-2", "quick-athena-access-4"}


def test_between_the_lease_and_the_write_quotas_are_not_asked_for(
    world: Sandbox, policies: AwsAccessPolicies, connection: Connection, hub: Hub
) -> None:
    policies.quota()
    log = world.cloud.gateway.log
    before = len(list(log.of("GetAccountSummary")))
    for number in range(7):  # IAM keeps five versions
        policies.write(Shard(1, (f"{connection.consumer_role_arn(hub)}-{number}",)))
    assert len(list(log.of("DeletePolicyVersion"))) == 2
    assert len(list(log.of("GetAccountSummary"))) == before


def test_an_unmanaged_policy_is_left_alone(world: Sandbox, policies: AwsAccessPolicies, hub: Hub) -> None:
    with world.cloud.administering(hub.account_id):
        world.cloud.client("iam").create_policy(
            PolicyName="quick-athena-access-9",
            Path="/quick-athena/",
            PolicyDocument=json.dumps(document(["arn:aws:iam::111122223333:role/x"], "*")),
        )
    with pytest.raises(NotOurs, match="quick-athena-access-9"):
        policies.write(Shard(9, ("arn:aws:iam::222233334444:role/quick-athena-default",)))


def test_the_writer_may_attach_nothing_but_shards(client_as: ClientAs, hub: Hub) -> None:
    iam = client_as("EnsureAccess", "iam")
    with pytest.raises(iam.exceptions.ClientError, match="AccessDenied"):
        iam.attach_role_policy(
            RoleName="quick-athena-run-as", PolicyArn=f"arn:aws:iam::{hub.account_id}:policy/AdministratorAccess"
        )


# Registry --------------------------------------------------------------------------------------------------


def test_a_failure_is_stored_under_the_names_people_look_for(
    world: Sandbox, client_as: ClientAs, connection: Connection
) -> None:
    table = world.outputs["RegistryTableName"]
    failure = {"step": "EnsureAccess", "error": "Throttled", "reason": "r", "cause": "c", "remedy": "m"}
    writer = DynamoDbRegistry(client_as("RecordFailure", "dynamodb"), table)
    for profile in ("default", None):
        writer.record_failure(connection.account_id, profile, failure, NOW)
    reader = DynamoDbRegistry(client_as("AssessAccount", "dynamodb"), table)
    failed = Record(connection.account_id, status="failed", updated=NOW)._replace(**failure)  # type: ignore[arg-type]  # texts
    assert sorted(reader.account(connection.account_id), key=lambda each: each.profile or "") == [
        failed,
        failed._replace(profile="default"),
    ]
    kept = world.record(connection.account_id)
    assert kept is not None
    assert {name: kept[name] for name in failure} == failure


def put(world: Sandbox, **item: dict[str, str]) -> None:
    with world.cloud.administering(world.cloud.topology.hub):
        table = world.outputs["RegistryTableName"]
        world.cloud.client("dynamodb").put_item(TableName=table, Item=item)


# Starting and telling --------------------------------------------------------------------------------------


def test_a_reconcile_is_started_once_for_a_name(world: Sandbox, connection: Connection, client_as: ClientAs) -> None:
    machine = world.outputs["ReconcileAccountArn"]
    reconciles = StepFunctionsReconciles(client_as("WatchRegistry", "stepfunctions"), machine)
    for reason in ("first", "second"):
        reconciles.start(connection.account_id, reason, f"once-{connection.account_id}")
    started = [
        each for each in world.step_functions.executions if each.input.get("account_id") == connection.account_id
    ]
    assert [each.input["reason"] for each in started] == ["first"]


def test_people_are_told(world: Sandbox, client_as: ClientAs) -> None:
    topic = world.outputs["NotificationsTopicArn"]
    SnsNotifications(client_as("WatchRegistry", "sns"), topic).send("Größe " + "x" * 200, "text")
    told = world.sns.published[-1]
    assert (told.topic, told.text) == (topic, "text")
    assert told.subject == "Gr??e " + "x" * 94


def test_people_are_told_whatever_is_in_the_text_and_however_much(world: Sandbox, client_as: ClientAs) -> None:
    topic = world.outputs["NotificationsTopicArn"]
    notifications = SnsNotifications(client_as("WatchRegistry", "sns"), topic)
    notifications.send("two\nlines \ud800", "half \udc00 a pair " + "\N{SNOWMAN}" * 300_000)
    told = world.sns.published[-1]
    assert told.subject == "two lines ?"
    assert told.text.startswith("half ? a pair ")
    assert told.text.endswith("... (300014 characters)")
    assert len(told.text.encode()) <= 262_144


# Quick -----------------------------------------------------------------------------------------------------


@pytest.fixture
def quick(client_as: ClientAs, hub: Hub) -> AwsDataSources:
    return AwsDataSources(client_as("EnsureDataSource", "quicksight"), hub, hub.region, "default")


def settings(connection: Connection, hub: Hub) -> DataSourceSettings:
    return DataSourceSettings("quick-athena-default", hub.run_as_role_arn, connection.consumer_role_arn(hub))


def test_a_data_source_is_made_marked_and_its_failure_told(
    world: Sandbox, quick: AwsDataSources, connection: Connection, hub: Hub
) -> None:
    source_id, wanted = connection.data_source_id, settings(connection, hub)
    world.quick.refuses_as = "ACCESS_DENIED"
    assert quick.find(source_id) is None
    assert quick.create(source_id, "A name", wanted, SHARING) is None
    again = quick.create(source_id, "A name", wanted, SHARING)
    assert again is not None
    assert again.kind == "ResourceExistsException"
    found = quick.find(source_id)
    assert found is not None
    assert (found.state, found.name, found.settings, found.sharing) == ("in_progress", "A name", wanted, SHARING)
    assert hub.ownership_tags.items() <= found.tags.items()
    world.clock.run()  # type: ignore[attr-defined]  # a virtual clock
    failed = quick.find(source_id)  # there is no consumer role
    assert failed is not None
    assert (failed.state, failed.failure_type) == ("creation_failed", "ACCESS_DENIED")
    quick.remove(source_id)
    quick.remove(source_id)
    assert quick.find(source_id) is None


def test_sharing_that_was_changed_is_seen_and_put_right(
    world: Sandbox, quick: AwsDataSources, connection: Connection, hub: Hub
) -> None:
    source_id = connection.data_source_id
    world.quick.refuses_as = "ACCESS_DENIED"
    quick.create(source_id, "A name", settings(connection, hub), SHARING)
    groups = f"arn:aws:quicksight:{hub.region}:{hub.account_id}:group/default/"
    share(
        world, hub, source_id, GrantPermissions=[owner(f"{groups}quick-athena-authors"), owner(make_user(world, hub))]
    )
    share(world, hub, source_id, RevokePermissions=[owner(f"{groups}quick-athena-owners")])
    changed = quick.find(source_id)
    assert changed is not None
    assert changed.sharing.owners == {"quick-athena-authors"}
    assert (len(changed.sharing.owner_users), changed.sharing.others) == (1, frozenset())
    for _ in range(2):
        quick.share(source_id, SHARING)
    found = quick.find(source_id)
    assert found is not None
    assert found.sharing == SHARING
    quick.remove(source_id)


def share(world: Sandbox, hub: Hub, source_id: str, **changes: Any) -> None:
    with world.cloud.administering(hub.account_id):
        world.cloud.client("quicksight").update_data_source_permissions(
            AwsAccountId=hub.account_id, DataSourceId=source_id, **changes
        )


def owner(principal: str) -> Any:
    return {"Principal": principal, "Actions": OWN}


def make_user(world: Sandbox, hub: Hub) -> str:
    with world.cloud.administering(hub.account_id):
        made = world.cloud.client("quicksight").register_user(
            AwsAccountId=hub.account_id,
            Namespace="default",
            IdentityType="QUICKSIGHT",
            Email="ann@example.com",
            UserRole="AUTHOR",
            UserName="ann",
        )
    return str(made["User"]["Arn"])


@pytest.fixture
def assets(client_as: ClientAs, hub: Hub) -> AwsQuickAssets:
    return AwsQuickAssets(client_as("RemoveDataSource", "quicksight"), hub)


def test_what_people_made_is_listed_described_and_has_owners(
    world: Sandbox, quick: AwsDataSources, client_as: ClientAs, connection: Connection, hub: Hub
) -> None:
    world.quick.refuses_as = "ACCESS_DENIED"  # some time later, when it is there
    assert quick.create(connection.data_source_id, "A name", settings(connection, hub), SHARING) is None
    assets = AwsQuickAssets(client_as("RemoveDataSource", "quicksight"), hub)
    made = make_assets(world.cloud, hub.account_id, connection.data_source_arn(hub))
    data_set = f"arn:aws:quicksight:{hub.region}:{hub.account_id}:dataset/{made}"
    uses = {"dataset": connection.data_source_arn(hub), "analysis": data_set, "dashboard": data_set}
    for kind, used in uses.items():
        (found,) = [each for each in assets.page(kind, "").assets if each.id == made]
        assert (found.name, found.uses) == ("Orders", None)
        assert found.updated
        assert assets.uses(kind, found.id) == (used,)
        assert [each.rpartition("/")[2] for each in assets.owners(kind, found.id)] == ["quick-athena-owners"]


@pytest.mark.parametrize("kind", ["dataset", "analysis", "dashboard"])
def test_an_asset_that_is_gone_meanwhile_uses_nothing_and_has_no_owner(assets: AwsQuickAssets, kind: str) -> None:
    assert assets.uses(kind, "nowhere") == ()
    assert assets.owners(kind, "nowhere") == ()


def test_a_data_set_the_api_can_not_describe_uses_nothing_of_ours(world: Sandbox, assets: AwsQuickAssets) -> None:
    world.faults.order(service="quicksight", operation="DescribeDataSet", code="InvalidParameterValueException")
    assert assets.uses("dataset", "from-a-file") == ()


def test_a_page_quick_forgot_begins_the_list_anew(assets: AwsQuickAssets) -> None:
    assert assets.page("dataset", "forgotten") == assets.page("dataset", "")


def test_a_throttled_list_is_told_as_such(world: Sandbox, assets: AwsQuickAssets) -> None:
    world.faults.order(service="quicksight", operation="ListDataSets", code="ThrottlingException")
    with pytest.raises(Throttled):
        assets.page("dataset", "")


def test_an_unknown_group_is_told(world: Sandbox, quick: AwsDataSources, connection: Connection, hub: Hub) -> None:
    world.quick.refuses_as = "ACCESS_DENIED"
    nobody = Sharing(frozenset({"nobody"}), frozenset())
    refusal = quick.create(connection.data_source_id, "A name", settings(connection, hub), nobody)
    assert refusal is not None
    assert "group/default/nobody" in refusal.message
    world.quick.refuses_as = "ACCESS_DENIED"  # some time later, when it is there
    assert quick.create(connection.data_source_id, "A name", settings(connection, hub), SHARING) is None
    with pytest.raises(DataSourceFailed, match=connection.data_source_id):
        quick.share(connection.data_source_id, nobody)


@pytest.mark.parametrize("code", REQUEST_REFUSALS)
@pytest.mark.parametrize("operation", ["CreateDataSource", "UpdateDataSource"])
def test_a_refused_request_is_an_answer_with_its_code(
    world: Sandbox, quick: AwsDataSources, connection: Connection, hub: Hub, code: str, operation: str
) -> None:
    world.faults.order(service="quicksight", operation=operation, code=code, message="no")
    source_id, wanted = connection.data_source_id, settings(connection, hub)
    refusal = (
        quick.create(source_id, "A name", wanted, SHARING)
        if operation == "CreateDataSource"
        else quick.update(source_id, "A name", wanted)
    )
    assert refusal is not None
    assert refusal.kind == code
    assert re.fullmatch(rf"An error occurred \({code}\) when calling the {operation} operation.*: no", refusal.message)


@pytest.mark.parametrize(
    ("code", "error"),
    [("ThrottlingException", Throttled), ("ConcurrentModification", Throttled), ("SomethingNew", ClientError)],
)
def test_what_is_no_answer_to_the_request_rises(
    world: Sandbox, quick: AwsDataSources, connection: Connection, hub: Hub, code: str, error: type[Exception]
) -> None:
    world.faults.order(service="quicksight", operation="CreateDataSource", code=code)
    with pytest.raises(error):
        quick.create(connection.data_source_id, "A name", settings(connection, hub), SHARING)


def test_only_the_run_as_role_may_be_handed_to_quick(quick: AwsDataSources, connection: Connection, hub: Hub) -> None:
    other = DataSourceSettings("primary", f"arn:aws:iam::{hub.account_id}:role/admin", "arn:aws:iam::1:role/x")
    refusal = quick.create(connection.data_source_id, "A name", other, SHARING)
    assert refusal is not None
    with pytest.raises(MissingPermission, match="iam:PassRole"):
        propagation.fail(refusal, refusal.message)


@pytest.fixture
def quick_account(client_as: ClientAs, hub: Hub) -> AwsQuickAccount:
    client = client_as("AssessAccount", "quicksight")
    return AwsQuickAccount(client, client, hub, "default")


@pytest.mark.parametrize("edition", [None, "STANDARD", "ENTERPRISE", "ENTERPRISE_AND_Q"])
def test_the_edition_is_what_was_bought(world: Sandbox, quick_account: AwsQuickAccount, edition: str | None) -> None:
    world.quick.subscription.edition = edition
    try:
        assert quick_account.edition() == edition
    finally:
        world.quick.subscription.edition = "ENTERPRISE"


def test_a_group_is_there_or_not_and_good_news_is_asked_for_once(
    world: Sandbox, quick_account: AwsQuickAccount
) -> None:
    before = len(list(world.cloud.gateway.log.of("DescribeGroup")))
    assert [quick_account.has_group(name) for name in ("quick-athena-owners", "nobody")] == [True, False]
    assert [quick_account.has_group(name) for name in ("quick-athena-owners", "nobody")] == [True, False]
    assert len(list(world.cloud.gateway.log.of("DescribeGroup"))) == before + 3


# What a sweep reads ------------------------------------------------------------------------------------------


def everything(page: Callable[[str], ListPage[Any]]) -> Iterator[list[Any]]:
    """A list's pages, to its end."""
    token = ""
    while True:
        read = page(token)
        yield list(read.items)
        if not (token := read.token):
            return


@pytest.fixture
def accounts(client_as: ClientAs) -> AwsAccountListing:
    return AwsAccountListing(client_as("CollectSnapshot", "organizations"))


def test_the_list_of_accounts_has_every_account_once_and_where_it_stands(
    world: Sandbox, accounts: AwsAccountListing
) -> None:
    outer = world.organizations.create_unit("divisions")
    inner = world.organizations.create_unit("sales", parent=outer)
    account_id = world.organizations.create_member("in a unit", parent=inner)
    for number in range(20):
        world.organizations.create_member(f"one of many {number}")
    pages = list(everything(accounts.page))
    assert [len(page) for page in pages[:-1]] == [20] * (len(pages) - 1)
    assert len(pages) > 1
    listed = [place for page in pages for place in page]
    assert sorted(place.account_id for place in listed) == sorted(
        account.id for account in world.organizations.directory.backend.accounts
    )
    assert ListedAccount(account_id, "in a unit", "ACTIVE", (inner, outer, world.organizations.root_id)) in listed


def test_tags_are_read_of_accounts_units_and_the_root(world: Sandbox, accounts: AwsAccountListing) -> None:
    unit = world.organizations.create_unit("tagged unit")
    account_id = world.organizations.create_member("tagged too", tags={"quick-athena": "sales", "team": "x"})
    tag_quietly(world, unit, "paused")
    assert accounts.tags(account_id) == {"quick-athena": "sales", "team": "x"}
    assert accounts.tags(unit) == {"quick-athena": "paused"}
    assert accounts.tags(world.organizations.root_id) == {}


def test_a_page_of_accounts_that_is_refused_or_throttled_is_told_as_such(
    world: Sandbox, accounts: AwsAccountListing, client_as: ClientAs
) -> None:
    world.faults.order(service="organizations", operation="ListAccounts", code="TooManyRequestsException")
    with pytest.raises(Throttled):
        accounts.page("")
    with pytest.raises(MissingPermission, match="organizations:ListAccounts"):
        AwsAccountListing(client_as("AssessAccount", "organizations")).page("")


def test_the_list_of_roles_shows_which_are_there_and_which_were_changed(
    world: Sandbox, client_as: ClientAs, connection: Connection, hub: Hub
) -> None:
    deploy_role(world, client_as, connection, hub)
    roles = AwsRoleListing(client_as("CollectSnapshot", "cloudformation"), hub)
    assert "default" in profiles_of(roles)
    seen = role_of(roles, connection)
    assert (seen.is_current, seen.is_drifted) == (True, False)
    assert seen.stack_id.startswith(f"arn:aws:cloudformation:{hub.region}:{connection.account_id}:stack/")
    iam = world.boto3_session(connection.account_id).client("iam")
    iam.delete_role_permissions_boundary(RoleName=connection.role_name)
    with world.cloud.administering(hub.account_id):
        world.cloud.client("cloudformation").detect_stack_set_drift(
            StackSetName=connection.role_name,
            CallAs="DELEGATED_ADMIN",
            OperationPreferences={"MaxConcurrentPercentage": 100, "FailureTolerancePercentage": 100},
        )
    world.clock.run()  # type: ignore[attr-defined]  # a virtual clock
    assert role_of(AwsRoleListing(client_as("CollectSnapshot", "cloudformation"), hub), connection).is_drifted


def profiles_of(roles: AwsRoleListing) -> list[str]:
    return [each.profile for page in everything(roles.stack_sets) for each in page if each.is_ours]


def role_of(roles: AwsRoleListing, connection: Connection) -> RoleSummary:
    pages = everything(lambda token: roles.page(connection.profile, token))
    (found,) = [role for page in pages for role in page if role.account_id == connection.account_id]
    assert found.profile == connection.profile
    return found  # type: ignore[no-any-return]


def test_a_profile_without_a_stack_set_has_no_roles(client_as: ClientAs, hub: Hub) -> None:
    roles = AwsRoleListing(client_as("CollectSnapshot", "cloudformation"), hub)
    assert list(roles.page("nowhere", "").items) == []
    assert "nowhere" not in profiles_of(roles)


def test_what_lists_roles_can_change_none(client_as: ClientAs, connection: Connection, hub: Hub) -> None:
    removing = AwsStackSets(client_as("CollectSnapshot", "cloudformation"), hub, Path("unused"))
    with pytest.raises(MissingPermission, match="cloudformation:DeleteStackInstances"):
        removing.start_removal("quick-athena-default", connection.account_id, "op-x", retain=False)


def test_the_list_of_data_sources_has_ours_with_what_decides_where_queries_run(
    world: Sandbox, client_as: ClientAs, connection: Connection, hub: Hub
) -> None:
    quick = AwsDataSources(client_as("EnsureDataSource", "quicksight"), hub, hub.region, "default")
    world.quick.refuses_as = "ACCESS_DENIED"  # some time later, when it is there
    assert quick.create(connection.data_source_id, "A name", settings(connection, hub), SHARING) is None
    with world.cloud.administering(hub.account_id):
        world.cloud.client("quicksight").create_data_source(
            AwsAccountId=hub.account_id,
            DataSourceId="somebody-elses",
            Name="Other",
            Type="ATHENA",
            DataSourceParameters={"AthenaParameters": {"WorkGroup": "primary"}},
        )
    listing = AwsSourceListing(client_as("CollectSnapshot", "quicksight"), hub)
    found = [source for page in everything(listing.page) for source in page]
    assert [source for source in found if source.account_id == connection.account_id] == [
        DataSourceSummary(
            account_id=connection.account_id,
            profile="default",
            state="in_progress",
            name="A name",
            work_group="quick-athena-default",
            run_as_role_arn=hub.run_as_role_arn,
            consumer_role_arn=connection.consumer_role_arn(hub),
        )
    ]
    assert "Other" not in {source.name for source in found}
    world.clock.run()  # type: ignore[attr-defined]  # a virtual clock
    (later,) = [source for source in listing.page("").items if source.account_id == connection.account_id]
    assert later.state == "creation_failed"  # there is no consumer role


def test_records_and_claims_are_listed_and_nothing_else_is(
    world: Sandbox, client_as: ClientAs, connection: Connection
) -> None:
    pk = {"S": f"account#{connection.account_id}"}
    later = "2026-12-01T08:00:00Z"
    put(world, pk=pk, sk={"S": "claim"}, status={"S": "failed"}, error={"S": "InvalidTagValue"})
    put(world, pk=pk, sk={"S": "connection#default"}, status={"S": "quarantined"}, remove_after={"S": later})
    put(
        world, pk=pk, sk={"S": "connection#kept"}, status={"S": "removed"}, instance_retained={"S": "quick-athena-kept"}
    )
    put(world, pk={"S": "sweep"}, sk={"S": "claim"}, holder={"S": "me"})
    listing = DynamoDbRegistry(client_as("CollectSnapshot", "dynamodb"), world.outputs["RegistryTableName"])
    listed = [each for page in everything(listing.page) for each in page]
    assert {RecordSummary.of(each) for each in listed if each.account_id == connection.account_id} == {
        RecordSummary(account_id=connection.account_id, status="failed", error="InvalidTagValue"),
        RecordSummary(
            account_id=connection.account_id,
            profile="default",
            status="quarantined",
            remove_after=datetime.fromisoformat(later),
        ),
        RecordSummary(account_id=connection.account_id, profile="kept", status="removed", instance_retained=True),
    }
    assert {len(each.account_id) for each in listed} == {12}


def test_records_are_listed_page_by_page(world: Sandbox, client_as: ClientAs) -> None:
    padding = {"S": "x" * 390_000}  # DynamoDB ends a page at 1 MB
    for number in range(3):
        pk, sk = {"S": f"account#00000000000{number}"}, {"S": "connection#big"}
        put(world, pk=pk, sk=sk, status={"S": "connected"}, x=padding)
    listing = DynamoDbRegistry(client_as("CollectSnapshot", "dynamodb"), world.outputs["RegistryTableName"])
    pages = list(everything(listing.page))
    assert len(pages) > 1
    assert [each for page in pages for each in page] == list(listing.every())
    big = [each.account_id for page in pages for each in page if each.profile == "big"]
    assert sorted(big) == ["000000000000", "000000000001", "000000000002"]


# What a sweep writes down, and asks for ------------------------------------------------------------------------

SWEEP = "20261124080000000"


def test_what_belongs_to_a_sweep_is_forgotten_and_what_outlives_it_is_not(world: Sandbox, client_as: ClientAs) -> None:
    store = DynamoDbSweepStore(client_as("ReportSweep", "dynamodb"), world.outputs["RegistryTableName"])
    store.put(SWEEP, "any", SnapshotProgress())
    store.put(ACROSS_SWEEPS, "any", SnapshotProgress())
    kept = {record["pk"]: record for record in world.records() if record["sk"] == "any"}
    expires = datetime.fromtimestamp(int(kept[f"sweep#{SWEEP}"]["expires_at"]), UTC)
    assert expires == datetime(2026, 12, 8, 8, tzinfo=UTC)
    assert "expires_at" not in kept["report"]


def test_only_what_plans_tells_the_budget(world: Sandbox, client_as: ClientAs) -> None:
    budget = DynamoDbRevocationBudget(client_as("CollectSnapshot", "dynamodb"), world.outputs["RegistryTableName"])
    with pytest.raises(MissingPermission, match="dynamodb:PutItem"):
        budget.expect(["1#a"])


def test_a_sweep_starts_reconciles_reads_unsettled_records_and_notifies(
    world: Sandbox, connection: Connection, client_as: ClientAs
) -> None:
    machine = world.outputs["ReconcileAccountArn"]
    reconciles = StepFunctionsReconciles(client_as("StartReconciles", "stepfunctions"), machine)
    for _ in range(2):
        reconciles.start(connection.account_id, "found", f"sweep-{SWEEP}-{connection.account_id}")
    assert len([each for each in world.step_functions.executions if each.name.startswith(f"sweep-{SWEEP}")]) == 1
    pk = {"S": f"account#{connection.account_id}"}
    put(world, pk=pk, sk={"S": "claim"}, updated={"S": NOW}, unsettled={"S": "failed"}, generation={"N": "1"})
    registry = DynamoDbRegistry(client_as("ReportSweep", "dynamodb"), world.outputs["RegistryTableName"])
    assert connection.account_id in {each.account_id for each in registry.unsettled("failed")}
    SnsNotifications(client_as("ReportSweep", "sns"), world.outputs["NotificationsTopicArn"]).send("swept", "text")
    assert world.sns.published[-1].subject == "swept"


# --- the grant budget ------------------------------------------------------------------------------------


def test_malformed_items_of_the_grant_budget_let_nobody_pass_and_stop_nobody(
    world: Sandbox, hub: Hub, client_as: ClientAs
) -> None:
    deployed, unit, now = Deployed(world, hub, client_as), "ou-ab12-consumers1", datetime(2026, 11, 24, 8, tzinfo=UTC)
    deployed.put("grants#organization", "accounts", accounts={"S": "many"})
    deployed.put("grants#budget", f"{unit}#2026-11-24T08", granted={"S": "none"})
    deployed.put("grants#counted", f"{unit}#222233334444#default", expires_at={"S": "never"})
    deployed.put("grants#approved", "222233334444#default", unit={"N": "1"})
    deployed.put("grants#batch", f"held#{unit}", id={"S": "not an id"}, connections={"S": "222233334444#default"})

    def budget(function: str) -> DynamoDbGrantBudget:
        return DynamoDbGrantBudget(*deployed.registry(function), percent=10)

    assert budget("AssessAccount").limit() == 20
    assert not budget("AssessAccount").take(unit, "222233334444#default", 20, now)
    assert not budget("AssessAccount").is_approved(unit, "222233334444#default", now)
    assert budget("PlanSweep").approved(now) == {}
    assert budget("PlanSweep").granted(unit, now) > 20, "so that the sweep asks people, and does not start it again"
    assert budget("PlanSweep").batches(unit).held().connections == frozenset()
    assert budget("PlanSweep").batches(unit).hold(["222233334444#default"], now.isoformat())
