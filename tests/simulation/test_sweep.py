"""The sweep: whatever was lost, forgotten or changed by hand, it finds; and it never takes too much away."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from control_plane.aws.account_listing import AwsAccountListing
from control_plane.aws.quicksight import VIEW
from control_plane.errors import MissingPermission
from control_plane.ports.listing import ListPage
from sandbox.aws.services.events import DeliveryFaults
from sandbox.organization import OPT_IN_TAG, Sandbox
from tests.deployed_hub import world
from tests.prototypes import derived
from tests.simulation.conftest import Story

if TYPE_CHECKING:
    from control_plane.sweep.ports import ListedAccount
    from sandbox.aws.asl.execution import Execution

MANY = 8
MAY_GO = 5


class Sweeper(Story):
    """A world whose events are lost, and what one sweeps it with."""

    accounts: tuple[str, ...] | list[str] = ()  # those that were connected beforehand

    def deaf(self) -> None:
        """No event arrives any more."""
        self.world.events.delivery_faults = DeliveryFaults(1, drop=1.0)

    def sweep(self, **requested: str) -> Execution:
        """One sweep and what follows; a question to people stays unanswered, so not everything comes to an end."""
        execution = self.world.step_functions.start(self.world.outputs["SweepOrganizationArn"], requested)
        self.run(900)
        return execution

    def crowd(self, count: int = MANY) -> list[str]:
        """So many connected accounts; from then on no event arrives."""
        accounts = [self.member(f"member-{number}") for number in range(count)]
        for account_id in accounts:
            self.world.tag(account_id, "enabled")
        self.run()
        assert {self.status(each) for each in accounts} == {"connected"}
        self.deaf()
        return accounts

    def hub(self, service: str) -> Any:
        """A client of the hub's administrator."""
        session: Any = self.world.boto3_session(self.world.cloud.topology.hub)
        return session.client(service)

    def organization(self) -> Any:
        """Organizations, as the management account's administrator."""
        session: Any = self.world.boto3_session(self.world.cloud.topology.management)
        return session.client("organizations", region_name="us-east-1")

    def mails(self, subject: str) -> list[str]:
        """The texts of what people were told under such a subject."""
        return [each.text for each in self.world.sns.published if subject in (each.subject or "")]

    def approval_batches(self) -> int:
        """How many lists people were asked about, or were to be asked."""
        return sum(each["pk"] == "access#batch" and each["sk"].startswith("batch#") for each in self.world.records())


@derived(world)
def sweeper(world: Sandbox) -> Sweeper:
    """A deployed sandbox."""
    return Sweeper(world)


@derived(sweeper)
def crowded(sweeper: Sweeper) -> Sweeper:
    """So many connected accounts, and no event arrives any more."""
    sweeper.accounts = sweeper.crowd()
    return sweeper


# --- events lost -------------------------------------------------------------------------------------


def test_one_sweep_connects_what_no_event_told_of_and_a_second_plans_nothing(sweeper: Sweeper) -> None:
    sweeper.deaf()
    tagged = [sweeper.member(f"member-{number}") for number in range(MANY)]
    untagged = sweeper.member("untagged")
    for account_id in tagged:
        sweeper.world.tag(account_id, "enabled")
    sweeper.run()
    assert not [record for record in sweeper.world.records() if record["pk"].startswith("account#")]
    assert sweeper.sweep().status == "SUCCEEDED"
    assert {sweeper.status(each) for each in tagged} == {"connected"}
    assert sweeper.status(untagged) is None
    assert (sweeper.world.last_sweep()["connected"], sweeper.world.last_sweep()["listed"]) == (MANY, MANY + 3)
    before = len(sweeper.world.step_functions.executions)
    sweeper.sweep()
    assert len(sweeper.world.step_functions.executions) == before + 1  # the sweep itself, and nobody was looked at
    assert (sweeper.world.last_sweep()["in_sync"], "repaired" in sweeper.world.last_sweep()) == (MANY, False)


def test_an_emptied_registry_is_restored_and_nobody_loses_access(crowded: Sweeper) -> None:
    accounts = crowded.accounts
    allowed = crowded.world.allowed_roles()
    crowded.world.empty_registry()
    crowded.sweep()
    assert {crowded.status(each) for each in accounts} == {"connected"}
    assert crowded.world.allowed_roles() == allowed
    assert not crowded.mails("approve")


def test_what_nothing_remembers_is_found_and_goes_after_a_grace_period(sweeper: Sweeper) -> None:
    sweeper.world.deploy(GracePeriodDays="1")
    (account_id,) = sweeper.crowd(1)
    sweeper.world.untag(account_id)
    sweeper.sweep()
    sweeper.world.empty_registry()
    sweeper.sweep()
    assert (sweeper.status(account_id), len(sweeper.world.last_sweep()["orphans"])) == ("quarantined", 1)
    sweeper.run(3 * 86_400)
    assert (sweeper.status(account_id), sweeper.data_source(account_id)) == ("removed", None)
    assert not sweeper.has_role(account_id)


def test_a_few_lost_untags_are_carried_out_by_the_sweep(crowded: Sweeper) -> None:
    accounts = crowded.accounts
    for account_id in accounts[:MAY_GO]:
        crowded.world.untag(account_id)
    crowded.sweep()
    assert [crowded.status(each) for each in accounts[: MAY_GO + 1]] == ["quarantined"] * MAY_GO + ["connected"]


# --- too much at once ----------------------------------------------------------------------------------


def test_more_removals_than_an_hour_may_take_all_wait_for_approval(crowded: Sweeper) -> None:
    accounts = crowded.accounts
    for account_id in accounts[: MAY_GO + 1]:
        crowded.world.untag(account_id)
    execution = crowded.sweep()
    crowded.run(300)
    assert execution.status == "SUCCEEDED"
    assert len(crowded.world.allowed_roles()) == MANY
    assert {crowded.status(each) for each in accounts[: MAY_GO + 1]} == {"held"}
    assert len(crowded.world.last_sweep()["held"]) == MAY_GO + 1
    (question,) = crowded.mails("approve")
    assert set(re.findall(r"account (\d{12})", question)) == set(accounts[: MAY_GO + 1])
    assert crowded.approval_batches() == 1
    crowded.sweep()  # what waits is not requested for again
    assert len(crowded.mails("approve")) == 1
    token = re.search(r"--task-token '([^']+)'", question)
    assert token
    crowded.hub("stepfunctions").send_task_success(taskToken=token[1], output="{}")
    crowded.run(600)
    assert {crowded.status(each) for each in accounts[: MAY_GO + 1]} == {"quarantined"}
    assert {crowded.status(each) for each in accounts[MAY_GO + 1 :]} == {"connected"}


def test_a_listing_without_tags_revokes_nobody_and_is_forgotten_when_the_tags_are_back(
    crowded: Sweeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = crowded.accounts
    with monkeypatch.context() as patch:
        patch.setattr("control_plane.aws.account_listing.AwsAccountListing.tags", lambda *_: {})
        crowded.sweep()
    crowded.run(300)
    assert {crowded.status(each) for each in accounts} == {"connected"}  # each was looked at, and has its tag
    assert len(crowded.world.allowed_roles()) == MANY
    assert not crowded.mails("approve")
    crowded.sweep()
    crowded.world.untag(accounts[0])
    crowded.sweep()
    assert crowded.status(accounts[0]) == "quarantined"


def test_tags_that_are_gone_for_whoever_asks_revoke_nobody(crowded: Sweeper, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = crowded.accounts
    with monkeypatch.context() as patch:
        patch.setattr("control_plane.aws.account_listing.AwsAccountListing.tags", lambda *_: {})
        patch.setattr("control_plane.aws.organizations.AwsOrganization.tags", lambda *_: {})
        crowded.sweep()
        crowded.run(300)
        assert len(crowded.world.allowed_roles()) == MANY
        assert {crowded.status(each) for each in accounts} == {"held"}
    crowded.sweep()
    assert {crowded.status(each) for each in accounts} == {"connected"}


@pytest.mark.parametrize("trouble", ["failed", "repeated", "shrunken"])
def test_a_list_that_is_not_whole_only_ever_adds(
    sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    accounts = sweeper.crowd(12)  # one page
    sweeper.sweep()
    newcomer = sweeper.member("newcomer")
    sweeper.world.untag(accounts[0])
    sweeper.world.tag(newcomer, "enabled")
    with monkeypatch.context() as patch:
        _spoil(patch, trouble)
        execution = sweeper.sweep()
    assert execution.status == ("FAILED" if trouble == "failed" else "SUCCEEDED")
    assert sweeper.world.last_sweep()["partial"]
    assert sweeper.world.last_sweep()["withheld"] == [f"{accounts[0]} (member-0), profile default"]
    assert (sweeper.status(accounts[0]), sweeper.status(newcomer)) == ("connected", "connected")
    assert sweeper.mails("not removed")
    sweeper.sweep()
    assert sweeper.status(accounts[0]) == "quarantined"


def _spoil(patch: pytest.MonkeyPatch, trouble: str) -> None:
    """Make the list of accounts end badly, in one of three ways."""
    whole = AwsAccountListing.page

    def page(listing: AwsAccountListing, token: str) -> ListPage[ListedAccount]:
        if trouble == "failed" and token:
            raise MissingPermission("not authorized to perform: organizations:ListAccounts")
        read = whole(listing, "")
        if trouble == "shrunken":
            return ListPage([each for each in read.items if each.name in ("member-0", "newcomer")])
        return ListPage(read.items, "again")

    patch.setattr(AwsAccountListing, "page", page)


# --- drift ---------------------------------------------------------------------------------------------


def test_what_was_changed_by_hand_is_found_repaired_and_then_clean(sweeper: Sweeper) -> None:
    removed, failed, detached = sweeper.crowd(3)
    hub, quick = sweeper.world.cloud.topology.hub, sweeper.hub("quicksight")
    quick.delete_data_source(AwsAccountId=hub, DataSourceId=f"quick-athena-{removed}-default")
    quick.update_data_source(
        AwsAccountId=hub,
        DataSourceId=f"quick-athena-{failed}-default",
        Name="renamed by hand",
        DataSourceParameters={"AthenaParameters": {"WorkGroup": "primary"}},
    )
    iam = sweeper.hub("iam")
    shard = f"arn:aws:iam::{hub}:policy/quick-athena/quick-athena-access-1"
    iam.detach_role_policy(RoleName="quick-athena-run-as", PolicyArn=shard)
    sweeper.run()
    sweeper.sweep()
    assert sweeper.world.last_sweep()["repaired"] == 3
    for account_id in (removed, failed, detached):
        assert sweeper.status(account_id) == "connected"
        source = sweeper.data_source(account_id)
        assert source
        assert source["Status"] in ("CREATION_SUCCESSFUL", "UPDATE_SUCCESSFUL")
    assert len(sweeper.world.allowed_roles()) == 3
    sweeper.sweep()
    assert (sweeper.world.last_sweep()["in_sync"], "repaired" in sweeper.world.last_sweep()) == (3, False)


def test_a_role_changed_in_the_account_is_found_by_drift_detection_and_built_anew(sweeper: Sweeper) -> None:
    (account_id,) = sweeper.crowd(1)
    session: Any = sweeper.world.boto3_session(account_id)
    iam = session.client("iam")
    iam.put_role_policy(
        RoleName="quick-athena-default",
        PolicyName=iam.list_role_policies(RoleName="quick-athena-default")["PolicyNames"][0],
        PolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}',
    )
    sweeper.sweep()  # asks CloudFormation to look
    sweeper.sweep()  # sees what it found
    assert sweeper.world.last_sweep()["repaired"] == 1
    document = iam.get_role_policy(
        RoleName="quick-athena-default",
        PolicyName=iam.list_role_policies(RoleName="quick-athena-default")["PolicyNames"][0],
    )["PolicyDocument"]
    assert "s3:*" not in json.dumps(document)
    assert sweeper.status(account_id) == "connected"
    sweeper.sweep()
    assert "repaired" not in sweeper.world.last_sweep()


def test_permissions_changed_by_hand_are_found_when_it_is_the_accounts_turn(
    sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    (account_id,) = sweeper.crowd(1)
    hub, quick = sweeper.world.cloud.topology.hub, sweeper.hub("quicksight")
    group = f"arn:aws:quicksight:{sweeper.world.cloud.topology.region}:{hub}:group/default/outsiders"
    quick.create_group(AwsAccountId=hub, Namespace="default", GroupName="outsiders")
    source = {"AwsAccountId": hub, "DataSourceId": f"quick-athena-{account_id}-default"}
    quick.update_data_source_permissions(**source, GrantPermissions=[{"Principal": group, "Actions": VIEW}])
    monkeypatch.setattr("control_plane.account.FULL_CHECK_DAYS", 1)  # its turn is today
    sweeper.sweep()
    principals = [each["Principal"] for each in quick.describe_data_source_permissions(**source)["Permissions"]]
    assert group not in principals
    assert sweeper.world.last_sweep()["repaired"] == 1
    sweeper.sweep()
    assert "repaired" not in sweeper.world.last_sweep()


def test_with_notify_drift_is_told_and_left(sweeper: Sweeper) -> None:
    sweeper.world.deploy(DriftRepair="notify")
    (account_id,) = sweeper.crowd(1)
    hub, quick = sweeper.world.cloud.topology.hub, sweeper.hub("quicksight")
    quick.delete_data_source(AwsAccountId=hub, DataSourceId=f"quick-athena-{account_id}-default")
    odd = "arn:aws:iam::*:role/quick-athena-*"
    sweeper.add_entries(odd)
    sweeper.sweep()
    assert sweeper.data_source(account_id) is None
    assert odd in sweeper.world.allowed_roles()
    (text,) = sweeper.mails("only reported")
    assert account_id in text
    assert f"Unexpected entries in the access policy: 1\n  {odd}" in text
    assert "removed at once" not in text


# --- the organization's shape ----------------------------------------------------------------------------


def test_a_tag_on_a_unit_sweeps_what_is_below_it_at_once(sweeper: Sweeper) -> None:
    organization, root = sweeper.organization(), sweeper.world.organizations.root_id
    unit = organization.create_organizational_unit(ParentId=root, Name="data")["OrganizationalUnit"]["Id"]
    inside, outside, refusing = sweeper.member("inside"), sweeper.member("outside"), sweeper.member("refusing")
    for account_id in (inside, refusing):
        organization.move_account(AccountId=account_id, SourceParentId=root, DestinationParentId=unit)
    sweeper.world.tag(refusing, "disabled")
    sweeper.run()
    organization.tag_resource(ResourceId=unit, Tags=[{"Key": OPT_IN_TAG, "Value": "enabled"}])
    sweeper.run()
    assert [sweeper.status(each) for each in (inside, outside, refusing)] == ["connected", None, None]
    organization.move_account(AccountId=inside, SourceParentId=unit, DestinationParentId=root)
    sweeper.run()
    assert sweeper.status(inside) == "quarantined"
    organization.tag_resource(ResourceId=root, Tags=[{"Key": OPT_IN_TAG, "Value": "enabled"}])
    sweeper.run()
    assert [sweeper.status(each) for each in (inside, outside, refusing)] == ["connected", "connected", None]


def test_an_answer_without_paths_never_means_below_no_unit(sweeper: Sweeper) -> None:
    root = sweeper.world.organizations.root_id
    unit = sweeper.world.organizations.create_unit("data")
    below = sweeper.world.organizations.create_member("below", parent=unit)
    sweeper.organization().tag_resource(ResourceId=unit, Tags=[{"Key": OPT_IN_TAG, "Value": "enabled"}])
    sweeper.run()
    assert sweeper.status(below) == "connected"
    sweeper.world.organizations.directory.shows_paths = False
    sweeper.world.faults.order(service="organizations", operation="ListParents", code="TooManyRequestsException")
    sweeper.world.step_functions.start(sweeper.world.outputs["ReconcileAccountArn"], {"account_id": below})
    sweeper.run()
    sweeper.sweep()
    assert sweeper.status(below) == "connected"
    assert sweeper.world.allowed_roles() == [sweeper.role(below)]
    sweeper.organization().untag_resource(ResourceId=unit, TagKeys=[OPT_IN_TAG])
    sweeper.deaf()
    sweeper.run()
    sweeper.sweep(scope=root)
    assert sweeper.status(below) == "quarantined", "and what is really untagged is seen without paths too"


def test_an_account_that_left_without_a_word_is_found(sweeper: Sweeper) -> None:
    left, stays = sweeper.crowd(2)
    sweeper.organization().remove_account_from_organization(AccountId=left)
    sweeper.sweep()
    assert (sweeper.status(left), sweeper.status(stays)) == ("quarantined", "connected")
    assert len(sweeper.world.allowed_roles()) == 1


def test_the_sweep_removes_what_was_quarantined_when_its_time_has_come(sweeper: Sweeper) -> None:
    sweeper.world.deploy(GracePeriodDays="1")
    (account_id,) = sweeper.crowd(1)
    sweeper.world.untag(account_id)
    sweeper.sweep()
    assert sweeper.status(account_id) == "quarantined"
    sweeper.run(3 * 86_400)  # the schedule sweeps each day
    assert (sweeper.status(account_id), sweeper.data_source(account_id)) == ("removed", None)
    assert not sweeper.has_role(account_id)


def test_an_event_nobody_can_read_starts_a_sweep(sweeper: Sweeper) -> None:
    account_id = sweeper.member()
    sweeper.deaf()
    sweeper.world.tag(account_id, "enabled")
    sweeper.run()
    sweeper.route({"detail": {"eventName": "AccountJoinedOrganization", "serviceEventDetails": {}}})
    sweeper.run()
    assert sweeper.status(account_id) == "connected"


# --- one at a time -----------------------------------------------------------------------------------------


def test_two_sweeps_at_once_are_one_and_then_one_more(sweeper: Sweeper) -> None:
    sweeper.crowd(1)
    arn = sweeper.world.outputs["SweepOrganizationArn"]
    first = sweeper.world.step_functions.start(arn, {})
    sweeper.run(3)
    second = sweeper.world.step_functions.start(arn, {})
    sweeper.run()
    assert (first.status, second.status) == ("SUCCEEDED", "SUCCEEDED")
    assert (first.path.count("PlanSweep"), second.path[-1]) == (2, "DeferredToHolder")


def test_a_dead_sweep_is_taken_over(sweeper: Sweeper) -> None:
    account_id = sweeper.member()
    sweeper.deaf()
    sweeper.world.tag(account_id, "enabled")
    arn = sweeper.world.outputs["SweepOrganizationArn"]
    dead = sweeper.world.step_functions.start(arn, {})
    sweeper.run(3)
    sweeper.hub("stepfunctions").stop_execution(executionArn=dead.arn)
    assert sweeper.sweep().status == "SUCCEEDED"
    assert sweeper.status(account_id) == "connected"


def test_a_sweep_of_one_account_is_one_look(sweeper: Sweeper) -> None:
    account_id = sweeper.member()
    sweeper.deaf()
    sweeper.world.tag(account_id, "enabled")
    assert sweeper.sweep(account_id=account_id).path[-1] == "ReconcilesStarted"
    assert sweeper.status(account_id) == "connected"
