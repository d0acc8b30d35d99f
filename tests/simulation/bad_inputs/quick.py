"""What the hub's Amazon Quick lacks, or has already."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.simulation.bad_inputs.vocabulary import (
    ACCOUNT,
    STAYS,
    TAKEN_BACK,
    Case,
    Change,
    Stage,
    Trouble,
    connected,
    entry,
    in_turn,
    instance,
    source,
    tag,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


def edition(value: str | None) -> Trouble:
    """Quick is of that edition, or is not there, while it lasts."""

    @contextmanager
    def trouble(stage: Stage) -> Iterator[None]:
        subscription = stage.world.quick.subscription
        subscription.edition, before = value, subscription.edition
        stage.start_cold()
        try:
            yield
        finally:
            subscription.edition = before
            stage.start_cold()

    return trouble


def an_unmanaged_one(stage: Stage) -> None:
    """Somebody made a data source under the id ours would have."""
    hub = stage.world.cloud.topology.hub
    with stage.world.cloud.administering(hub):
        stage.world.cloud.client("quicksight").create_data_source(
            AwsAccountId=hub,
            DataSourceId=f"quick-athena-{stage.account}-default",
            Name="by hand",
            Type="ATHENA",
            DataSourceParameters={"AthenaParameters": {"WorkGroup": "primary"}},
        )
    stage.run()


def unmark(stage: Stage) -> None:
    """Somebody takes our mark off the data source."""
    hub = stage.world.cloud.topology.hub
    arn = (
        f"arn:aws:quicksight:{stage.world.cloud.topology.region}:{hub}:datasource/quick-athena-{stage.account}-default"
    )
    with stage.world.cloud.administering(hub):
        stage.world.cloud.client("quicksight").untag_resource(ResourceArn=arn, TagKeys=["managed-by"])


def whole(profile: str) -> frozenset[str]:
    """All parts of a connection."""
    return frozenset({source(profile), entry(profile), instance(profile)})


WHO = f"account {ACCOUNT}: AssessAccount:"
EXISTS = f"{WHO} the data source quick-athena-{ACCOUNT}-default exists already: tag managed-by is None, ours is"
ELSEWHERE = Change(
    TAKEN_BACK.words,
    frozenset({"stack set quick-athena-elsewhere", instance("elsewhere")}),
)

CASES = [
    Case(
        "not subscribed",
        "QuickNotReady",
        f"{WHO} the hub account is not subscribed to Amazon Quick",
        "connection#default",
        trouble=edition(None),
    ),
    Case(
        "Standard Edition",
        "QuickNotReady",
        f"{WHO} Amazon Quick is STANDARD Edition here; roles, groups and permissions need ENTERPRISE",
        "connection#default",
        trouble=edition("STANDARD"),
    ),
    Case(
        "owners that do not exist",
        "GroupNotFound",
        f"{WHO} nobody would own the data source: Quick has no group people-nobody-made, which profiles.yaml names",
        "connection#ownerless",
        happens=tag("ownerless"),
    ),
    Case(
        "viewers that do not exist: the record's `finding` names them",
        "",
        "the tag quick-athena says shared",
        "connection#shared",
        Change("the account is connected", frozenset({"stack set quick-athena-shared", *whole("shared")})),
        status="connected",
        happens=tag("shared"),
    ),
    Case(
        "a workgroup that does not exist",
        "DataSourceFailed",
        f"account {ACCOUNT}: EnsureDataSource: data source quick-athena-{ACCOUNT}-elsewhere: GENERIC_SQL_FAILURE: "
        "WorkGroup nowhere is not found. (asked 12 times in 0:15:00)",
        "connection#elsewhere",
        ELSEWHERE,
        happens=tag("elsewhere"),
    ),
    Case(
        "an unmanaged data source of our name",
        "NotOurs",
        f"{EXISTS} 'quick-onboarding', tag quick-onboarding:deployment is None, ours is 'default'",
        "connection#default",
        given=an_unmanaged_one,
    ),
    Case(
        "our mark taken off a connected account's data source",
        "NotOurs",
        f"{EXISTS} 'quick-onboarding'",
        "connection#default",
        STAYS,
        given=connected,
        happens=in_turn(unmark, tag("default")),
    ),
]
