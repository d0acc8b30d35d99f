"""The report of a sweep: it names every account and what happened to it, and no more than that."""

from __future__ import annotations

from tests.simulation.test_sweep import Sweeper, sweeper

__all__ = ["sweeper"]  # a fixture
DAY = 86_400
NOBODY = "999900001111"


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
