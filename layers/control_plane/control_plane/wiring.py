"""Ports from adapters from settings: the only file that knows both sides. Clients are made once, when first used."""

from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import boto3

from control_plane import profiles
from control_plane.account import Hub
from control_plane.asking import Terms
from control_plane.assessment import World
from control_plane.aws.account_listing import AwsAccountListing
from control_plane.aws.approvals import StepFunctionsApprovals
from control_plane.aws.asset_cache import DynamoDbAssetCache
from control_plane.aws.brake import DynamoDbBrake
from control_plane.aws.calls import CONFIG
from control_plane.aws.iam import AwsAccessPolicies
from control_plane.aws.ledger import DynamoDbLedger
from control_plane.aws.notifications import SnsNotifications
from control_plane.aws.oddities import LoggedOddities
from control_plane.aws.organizations import AwsOrganization
from control_plane.aws.papers import DynamoDbPapers, DynamoDbRecordListing
from control_plane.aws.quick_assets import AwsQuickAssets
from control_plane.aws.quicksight import AwsDataSources, AwsQuickAccount
from control_plane.aws.reconciles import StepFunctionsReconciles
from control_plane.aws.registry import DynamoDbRegistry
from control_plane.aws.role_listing import AwsRoleListing
from control_plane.aws.source_listing import AwsSourceListing
from control_plane.aws.stack_sets import AwsStackSets
from control_plane.definition import body_hash
from control_plane.errors import UnknownProfile
from control_plane.observation import Planes
from control_plane.ports import (
    AccessPolicies,
    Brake,
    DataSources,
    Notifications,
    Oddities,
    Organization,
    QuickAccount,
    Reconciles,
    Registry,
    Shards,
    StackSets,
)
from control_plane.settings import settings
from control_plane.steps.access import Desk, external_ids
from control_plane.steps.data_source import Impact
from control_plane.steps.exemptions import LiveExemptions
from control_plane.sweep.collecting import Lists
from control_plane.sweep.inspecting import ReadOnce
from control_plane.sweep.ports import Papers
from control_plane.sweep.run import Office


@cache
def _client(service: str, region: str | None = None) -> Any:
    return boto3.client(service, region_name=region or settings().hub_region, config=CONFIG)  # type: ignore[call-overload]


def hub() -> Hub:
    """The fixed points names are built from."""
    return settings().hub


def terms() -> Terms:
    """What an operator decided: the tag that asks, and the grace period."""
    return Terms(opt_in_tag=settings().opt_in_tag, grace=timedelta(days=settings().grace_days))


def known_profiles() -> dict[str, profiles.Profile]:
    """The profiles of the deployed file; raises InvalidProfiles."""
    return dict(_profiles().profiles)


def profile(name: str) -> profiles.Profile:
    """One profile; raises UnknownProfile when a deployment took it away meanwhile."""
    if name not in known_profiles():
        raise UnknownProfile(f"profiles.yaml defines no profile {name!r} any more")
    return known_profiles()[name]


@cache
def _profiles() -> profiles.Profiles:
    return profiles.load(settings().consumer_directory / "profiles.yaml")


def organization() -> Organization:
    """The organization's accounts."""
    return AwsOrganization(_client("organizations"))


def stack_sets() -> StackSets:
    """Service-managed stack sets."""
    return AwsStackSets(_client("cloudformation"), hub(), _body())


def _body() -> Path:
    """What stack sets are made of."""
    return settings().consumer_directory / "consumer_role.yaml"


def access_policies() -> AccessPolicies:
    """The shards attached to the run-as role."""
    return AwsAccessPolicies(_client("iam"), hub(), external_ids(hub()))


def brake() -> Brake:
    """What the brake remembers."""
    return DynamoDbBrake(_client("dynamodb"), settings().registry_table)


def desk() -> Desk:
    """What a writer of the access policy works with."""
    policies = AwsAccessPolicies(_client("iam"), hub(), external_ids(hub()))
    ledger = DynamoDbLedger(_client("dynamodb"), settings().registry_table)
    approvals = StepFunctionsApprovals(_client("stepfunctions"), settings().approve_revocations_arn)
    exemptions = LiveExemptions(AwsOrganization(_client("organizations")), _data_sources())
    repairs = settings().drift_repair == "repair"
    return Desk(hub(), ledger, policies, brake(), approvals, exemptions, oddities(), repairs)


def oddities() -> Oddities:
    """Where what should not be there is counted."""
    return LoggedOddities()


def data_sources() -> DataSources:
    """Amazon Quick's data sources."""
    return _data_sources()


def _data_sources() -> AwsDataSources:
    return AwsDataSources(_client("quicksight"), hub(), settings().quick_identity_region, settings().quick_namespace)


def impact() -> Impact:
    """What learns and tells which assets depend on a data source."""
    assets = AwsQuickAssets(_client("quicksight"), hub())
    cache = DynamoDbAssetCache(_client("dynamodb"), settings().registry_table)
    return Impact(assets, cache, registry(), notifications())


@cache
def quick_account() -> QuickAccount:
    """The hub account's Amazon Quick; its groups live in the identity Region."""
    region = settings().quick_identity_region
    return AwsQuickAccount(_client("quicksight", region), hub(), settings().quick_namespace)


def registry() -> Registry:
    """What we remember of accounts."""
    return DynamoDbRegistry(_client("dynamodb"), settings().registry_table)


def reconciles() -> Reconciles:
    """Executions of ReconcileAccount."""
    return StepFunctionsReconciles(_client("stepfunctions"), settings().reconcile_account_arn)


def notifications() -> Notifications:
    """Where people are told something."""
    return SnsNotifications(_client("sns"), settings().notifications_topic_arn)


def papers() -> Papers:
    """What sweeps write down."""
    return DynamoDbPapers(_client("dynamodb"), settings().registry_table)


def lists() -> Lists:
    """What a sweep reads."""
    return Lists(
        AwsAccountListing(_client("organizations")),
        AwsRoleListing(_client("cloudformation"), hub()),
        AwsSourceListing(_client("quicksight"), hub()),
        DynamoDbRecordListing(_client("dynamodb"), settings().registry_table),
        papers(),
    )


def office() -> Office:
    """What the steps of a sweep work with."""
    return Office(
        terms=terms(),
        hub=hub(),
        papers=papers(),
        policies=access_policies(),
        brake=brake(),
        world=world(ReadOnce(access_policies())),
        reconciles=reconciles(),
        registry=registry(),
        notifications=notifications(),
        repairs=settings().drift_repair == "repair",
        body=body_hash(_body().read_text(encoding="utf-8")),
    )


def world(shards: Shards | None = None) -> World:
    """Everything an assessment reads."""
    planes = Planes(stack_sets(), shards or access_policies(), data_sources(), registry())
    return World(organization(), planes, quick_account(), known_profiles)
