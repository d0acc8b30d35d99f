"""The report of a sweep: it names every account and what happened to it, and no more than that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.deployed_hub import world
from tests.prototypes import derived
from tests.simulation.test_sweep import Sweeper, sweeper

if TYPE_CHECKING:
    from sandbox.organization import Sandbox

__all__ = ["sweeper"]  # a fixture
DAY = 86_400
NOBODY = "999900001111"


@derived(world)
def hasty(world: Sandbox) -> Sweeper:
    """A deployed sandbox in which a quarantine lasts a day."""
    world.deploy(GracePeriodDays="1")
    return Sweeper(world)


def create_data_source(sweeper: Sweeper, account_id: str, profile: str, tags: dict[str, str] | None = None) -> None:
    """Somebody makes a data source with a name of ours by hand."""
    sweeper.hub("quicksight").create_data_source(
        AwsAccountId=sweeper.world.cloud.topology.hub,
        DataSourceId=f"quick-athena-{account_id}-{profile}",
        Name="made by hand",
        Type="ATHENA",
        DataSourceParameters={"AthenaParameters": {"WorkGroup": "primary"}},
        **({"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]} if tags else {}),
    )
    sweeper.run(60)


def create_stack_set(sweeper: Sweeper, name: str) -> None:
    """Somebody makes a stack set with a name of ours by hand."""
    sweeper.hub("cloudformation").create_stack_set(
        StackSetName=name,
        CallAs="DELEGATED_ADMIN",
        PermissionModel="SERVICE_MANAGED",
        AutoDeployment={"Enabled": False},
        TemplateBody='{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}',
    )


def test_unmanaged_resources_are_reported_once_and_never_as_ours(sweeper: Sweeper) -> None:
    member = sweeper.member()
    create_data_source(sweeper, NOBODY, "default")
    create_data_source(sweeper, member, "sales", {"managed-by": "somebody"})
    create_stack_set(sweeper, "quick-athena-theirs")
    sweeper.sweep()
    report = sweeper.world.last_sweep()
    assert [each.split(":")[0] for each in report["unmanaged"]] == [
        f"data source quick-athena-{member}-sales",
        f"data source quick-athena-{NOBODY}-default",
        "stack set quick-athena-theirs",
    ]
    assert "tag managed-by is 'somebody', ours is 'quick-onboarding'" in report["unmanaged"][0]
    assert not {"repaired", "orphans", "stack_sets", "outcomes"} & set(report)
    (text,) = sweeper.mails("sweep")
    assert all(each in text for each in report["unmanaged"])
    sweeper.run(3 * DAY)
    assert len(sweeper.mails("sweep")) == 1
    report = sweeper.world.last_sweep()
    assert ("unmanaged" in report, report["unmanaged_before"]) == (False, 3)
    assert sweeper.executions() == []
    arn = f"arn:aws:quicksight:eu-west-1:{sweeper.world.cloud.topology.hub}:datasource/quick-athena-{member}-sales"
    sweeper.hub("quicksight").tag_resource(ResourceArn=arn, Tags=[{"Key": "managed-by", "Value": "somebody else"}])
    sweeper.run(DAY)
    assert len(sweeper.mails("sweep")) == 2, "it changed"
    assert "quick-athena-theirs" not in sweeper.mails("sweep")[1]


def test_an_unmanaged_data_source_in_the_way_is_refused_once(sweeper: Sweeper) -> None:
    account_id = sweeper.member()
    create_data_source(sweeper, account_id, "default")
    sweeper.deaf()
    sweeper.world.tag(account_id, "enabled")
    sweeper.sweep()
    assert (sweeper.status(account_id), len(sweeper.executions())) == ("failed", 1)
    sweeper.run(2 * DAY)
    assert len(sweeper.executions()) == 1
    sweeper.hub("quicksight").delete_data_source(
        AwsAccountId=sweeper.world.cloud.topology.hub, DataSourceId=f"quick-athena-{account_id}-default"
    )
    sweeper.run(DAY)
    assert sweeper.status(account_id) == "connected"


WHY, SAYS = "the account has no tag quick-athena", "the tag quick-athena says enabled"


def connected(sweeper: Sweeper, *names: str) -> list[str]:
    """Connected accounts with these names; from then on no event arrives."""
    accounts = [sweeper.member(name) for name in names]
    for account_id in accounts:
        sweeper.world.tag(account_id, "enabled")
    sweeper.run(3600)
    sweeper.deaf()
    return accounts


def test_every_account_is_named_with_what_happened_to_it(sweeper: Sweeper) -> None:
    returning, drifted = connected(sweeper, "returning", "drifted")
    newcomer, mistyped = sweeper.member("newcomer"), sweeper.member("mistyped")
    sweeper.world.untag(returning)
    sweeper.sweep()
    assert sweeper.world.last_sweep()["outcomes"] == [f"quarantined: {returning} (returning), profile default: {WHY}"]
    for account_id, value in ((returning, "enabled"), (newcomer, "enabled"), (mistyped, "nosuch")):
        sweeper.world.tag(account_id, value)
    sweeper.hub("quicksight").delete_data_source(
        AwsAccountId=sweeper.world.cloud.topology.hub, DataSourceId=f"quick-athena-{drifted}-default"
    )
    sweeper.run(60)
    sweeper.sweep()
    report = sweeper.world.last_sweep()
    refused, *others = report["outcomes"]
    assert refused.startswith(f"refused: {mistyped} (mistyped), profile nosuch: UnknownProfile: ")
    assert others == [
        f"repaired: {drifted} (drifted), profile default: {SAYS}",
        f"restored: {returning} (returning), profile default: {SAYS}",
        f"connected: {newcomer} (newcomer), profile default: {SAYS}",
    ]
    assert [report[each] for each in ("refused", "repaired", "restored", "connected")] == [1, 1, 1, 1]
    (text,) = sweeper.mails("1 refused, 1 repaired, 1 restored, 1 connected")
    assert all(each in text for each in report["outcomes"])


def test_a_removal_is_named_on_the_day_it_happens(hasty: Sweeper) -> None:
    (leaving,) = connected(hasty, "leaving")
    mistyped = hasty.member("mistyped")
    hasty.world.tag(mistyped, "nosuch")
    hasty.world.untag(leaving)
    hasty.sweep()
    hasty.run(3 * DAY)
    (text,) = hasty.mails("sweep: 1 removed, 1 failed")
    assert f"removed: {leaving} (leaving), profile default: {WHY}" in text
    assert "repaired" not in text
    failed = f"{mistyped} (mistyped), profile nosuch: UnknownProfile: AssessAccount: profiles.yaml defines no profile"
    assert failed in text, "what fails still is named with its cause"
    assert "; likely: a typing error in the tag" in text


# --- ids that the organization does not know ------------------------------------------------------------


def of_account(sweeper: Sweeper, account_id: str) -> list[str]:
    """The keys of what the registry has of an account."""
    return [record["sk"] for record in sweeper.world.records() if record["pk"] == f"account#{account_id}"]


def test_a_mistyped_account_is_refused_and_leaves_nothing(sweeper: Sweeper) -> None:
    for _ in range(2):
        execution = sweeper.start({"account_id": NOBODY})
        sweeper.run(600)
        assert (execution.status, execution.error) == ("FAILED", "AccountNotFound")
        assert of_account(sweeper, NOBODY) == []
    assert not sweeper.mails("failed")


def test_two_reconciles_of_a_mistyped_account_at_once_leave_nothing(sweeper: Sweeper) -> None:
    for _ in range(3):
        sweeper.start({"account_id": NOBODY})
        sweeper.run(0.2)
    sweeper.run(600)
    assert of_account(sweeper, NOBODY) == []
    assert {each.status for each in sweeper.executions()} <= {"FAILED", "SUCCEEDED"}


def test_a_claim_of_an_account_that_is_neither_in_the_organization_nor_ours_is_cleared(sweeper: Sweeper) -> None:
    (connected_one,) = connected(sweeper, "sales")
    table = sweeper.world.boto3_session(sweeper.world.cloud.topology.hub).resource("dynamodb")
    table.Table(sweeper.world.outputs["RegistryTableName"]).put_item(
        Item={"pk": f"account#{NOBODY}", "sk": "claim", "generation": 7, "status": "failed", "unsettled": "failed"}
    )
    sweeper.sweep()
    assert of_account(sweeper, NOBODY) == []
    assert [each.status for each in sweeper.executions()][-1] == "SUCCEEDED", "it was known, so nobody mistyped it"
    assert of_account(sweeper, connected_one) == ["claim", "connection#default"]
    before = len(sweeper.executions())
    sweeper.sweep()
    assert len(sweeper.executions()) == before


def test_an_account_that_left_and_was_ours_keeps_its_records_and_loses_its_access(sweeper: Sweeper) -> None:
    left, stays = connected(sweeper, "left", "stays")
    sweeper.organization().remove_account_from_organization(AccountId=left)
    sweeper.sweep()
    assert of_account(sweeper, left) == ["claim", "connection#default"]
    assert sweeper.world.allowed_roles() == [sweeper.role(stays)]


def test_a_sweep_of_a_unit_that_does_not_exist_fails_and_keeps_the_last_report(sweeper: Sweeper) -> None:
    sweeper.sweep()
    before = sweeper.world.last_sweep()
    for scope in ("ou-ab12-mistyped1", "finance"):
        execution = sweeper.sweep(scope=scope)
        assert (execution.status, execution.error) == ("FAILED", "UnitNotFound")
        assert scope in str(execution.cause)
        assert sweeper.world.last_sweep() == before
    assert sweeper.sweep().status == "SUCCEEDED"


def test_a_mistyped_unit_stops_no_sweep_of_another(sweeper: Sweeper) -> None:
    below = sweeper.world.organizations.create_member("below", parent=sweeper.world.organizations.create_unit("data"))
    sweeper.deaf()
    sweeper.world.tag(below, "enabled")
    root = sweeper.world.organizations.root_id
    sweeper.world.step_functions.start(
        sweeper.world.outputs["SweepOrganizationArn"], {"scope": ["ou-ab12-mistyped1", root]}
    )
    sweeper.run(900)
    (execution,) = sweeper.executions("SweepOrganization")
    assert (execution.status, execution.error) == ("FAILED", "UnitNotFound")
    assert sweeper.status(below) == "connected"
    assert sweeper.world.last_sweep()["scope"] == [root]


# --- why ----------------------------------------------------------------------------------------------


def test_every_reconcile_leaves_its_reason_in_words(sweeper: Sweeper) -> None:
    never, declined, tagged = sweeper.member("never"), sweeper.member("declined"), sweeper.member("tagged")
    sweeper.world.tag(declined, "disabled")
    sweeper.world.tag(tagged, "default nosuch")
    sweeper.run()
    sweeper.start({"account_id": never})
    sweeper.run()
    assert sweeper.claim(never)["reason"] == "nothing is asked for: the account has no tag quick-athena"
    assert sweeper.claim(declined)["reason"] == "nothing is asked for: the tag quick-athena says disabled"
    asked = "default, nosuch are asked for: the tag quick-athena says default nosuch"
    assert sweeper.claim(tagged)["reason"] == asked
    sweeper.start({"account_id": tagged})
    sweeper.run()
    assert sweeper.claim(tagged)["reason"] == asked
    assert not {"status", "error", "holder"} & set(sweeper.claim(tagged))
