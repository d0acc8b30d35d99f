"""Create the adapters behind the ports from the settings. Clients are created once, when they are first used.

The steps and the sweep are imported where they are wired, because most functions need only one of them. The function's
file imports its own step, so nothing is loaded late.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from control_plane.account import NAME_PREFIX
from control_plane.aws.anomalies import LoggedAnomalies
from control_plane.aws.approvals import StepFunctionsApprovals
from control_plane.aws.asset_cache import DynamoDbAssetCache
from control_plane.aws.calls import CONFIG
from control_plane.aws.capacity import MeasuredCapacity
from control_plane.aws.grant_budget import DynamoDbGrantBudget
from control_plane.aws.iam import AwsAccessPolicies
from control_plane.aws.ledger import DynamoDbLedger
from control_plane.aws.notifications import SnsNotifications
from control_plane.aws.organizations import AwsAccountTags, AwsOrganization
from control_plane.aws.proof_data_sets import AwsProofDataSets
from control_plane.aws.quick_assets import AwsQuickAssets
from control_plane.aws.quicksight import AwsDataSources, AwsQuickAccount
from control_plane.aws.reconciles import StepFunctionsReconciles, StepFunctionsSweeps
from control_plane.aws.registry import DynamoDbRegistry
from control_plane.aws.revocation_budget import DynamoDbRevocationBudget
from control_plane.aws.stack_set_queue import DynamoDbStackSetQueue
from control_plane.aws.stack_sets import AwsStackSets
from control_plane.aws.waiting_tasks import StepFunctionsOperators, StepFunctionsWaitingTasks
from control_plane.definition import body_hash, version_of
from control_plane.errors import InvalidProfiles, UnknownProfile
from control_plane.opt_in import OptInPolicy
from control_plane.settings import (
    ApprovalSettings,
    ConsumerSettings,
    GrantSettings,
    HubSettings,
    NotificationSettings,
    OperatorSettings,
    OptInSettings,
    ProofSettings,
    QuickSettings,
    ReconcileSettings,
    RegionSettings,
    RegistrySettings,
    RepairSettings,
    SweepSettings,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from control_plane import profiles
    from control_plane.account import Hub, TagValues
    from control_plane.admission import AdmissionDependencies
    from control_plane.assessment import AssessmentDependencies
    from control_plane.ports.access import AccessPolicies, Anomalies, RevocationBudget, Shards
    from control_plane.ports.approvals import ApprovalBatches, Approvals
    from control_plane.ports.grants import GrantBudget, Sweeps
    from control_plane.ports.notifications import Notifications
    from control_plane.ports.organization import Organization
    from control_plane.ports.quick import DataSources, ProofDataSets, QuickAccount
    from control_plane.ports.reconciles import Reconciles
    from control_plane.ports.registry import Registry
    from control_plane.ports.stack_set_queue import Operators, StackSetQueue, WaitingTasks
    from control_plane.ports.stack_sets import StackSets
    from control_plane.steps.access import AccessDependencies
    from control_plane.steps.consumer_role import RoleDependencies
    from control_plane.steps.data_source import RemovalDependencies
    from control_plane.steps.stack_set_operations import OperatorDependencies
    from control_plane.steps.status_tag import StatusTagDependencies
    from control_plane.sweep.collecting import SnapshotSources
    from control_plane.sweep.ports import SweepStore
    from control_plane.sweep.run import SweepDependencies


@cache
def _client(service: str, region: str | None = None) -> Any:
    return boto3.client(service, region_name=region or RegionSettings.read().hub_region, config=CONFIG)  # type: ignore[call-overload]


def hub() -> Hub:
    """The hub: the account, Region and organization that all names are built from."""
    return HubSettings.read().hub


def opt_in_policy() -> OptInPolicy:
    """The operator's settings for opting in: the tag and the grace period."""
    settings = OptInSettings.read()
    return OptInPolicy(opt_in_tag=settings.opt_in_tag, grace=timedelta(days=settings.grace_days))


def known_profiles() -> dict[str, profiles.Profile]:
    """The profiles of the deployed file; raises InvalidProfiles."""
    return dict(_profiles().profiles)


def profile(name: str) -> profiles.Profile:
    """One profile; raises UnknownProfile when the deployed file no longer defines it."""
    if name not in known_profiles():
        raise UnknownProfile(f"profiles.yaml defines no profile {name!r} any more")
    return known_profiles()[name]


def fitted_profile(name: str, values: TagValues) -> tuple[profiles.Profile, str]:
    """That profile, as an account's tags fit it to the account, without what Quick lacks of it; and what that is."""
    from control_plane.narrowing import fit
    from control_plane.readiness import reachable

    return reachable(fit(name, profile(name), values), quick_account())


@cache
def _profiles() -> profiles.Profiles:
    from control_plane import profiles

    found = profiles.load(ConsumerSettings.read().profiles)
    found.check_run_as_roles(hub())
    return found


def organization() -> Organization:
    """The organization's accounts."""
    return AwsOrganization(_client("organizations"))


def status_tag_dependencies() -> StatusTagDependencies:
    """The dependencies of writing an account's status tag."""
    from control_plane.steps.status_tag import StatusTagDependencies

    tags = AwsAccountTags(_client("organizations"))
    return StatusTagDependencies(_registry(), tags, OptInSettings.read().opt_in_tag)


def stack_sets() -> StackSets:
    """Service-managed stack sets."""
    return AwsStackSets(_client("cloudformation"), hub(), ConsumerSettings.read().template)


def role_dependencies() -> RoleDependencies:
    """The dependencies of those who request a consumer role, or its removal."""
    from control_plane.steps.consumer_role import RoleDependencies

    return RoleDependencies(
        hub(),
        stack_sets(),
        stack_set_queue(),
        _operators(),
        waiting_tasks(),
        registry(),
        profile,
        consumer_role_version,
    )


def operator_dependencies() -> OperatorDependencies:
    """The dependencies of the operator of a stack set."""
    from control_plane.steps.stack_set_operations import OperatorDependencies

    return OperatorDependencies(
        hub=hub(),
        queue=stack_set_queue(),
        stack_sets=stack_sets(),
        policies=access_policies(),
        claims=_registry(),
        waiting=waiting_tasks(),
        operators=_operators(),
        profile=profile,
        version=consumer_role_version,
        largest=OperatorSettings.read().max_batch_size,
    )


def consumer_role_version(parameters: Mapping[str, str]) -> str:
    """The version of the consumer role with these parameters."""
    return version_of(_body_hash(), parameters)


def _body_hash() -> str:
    return body_hash(ConsumerSettings.read().template.read_text(encoding="utf-8"))


def stack_set_queue() -> StackSetQueue:
    """The queues of stack set changes."""
    return DynamoDbStackSetQueue(_client("dynamodb"), _table())


def _operators() -> Operators:
    return StepFunctionsOperators(_client("stepfunctions"), OperatorSettings.read().operate_stack_set_arn)


def waiting_tasks() -> WaitingTasks:
    """Executions that wait on a task token."""
    return StepFunctionsWaitingTasks(_client("stepfunctions"))


def access_policies() -> AccessPolicies:
    """The shards attached to the run-as roles."""
    from control_plane.steps.access import external_ids

    return AwsAccessPolicies(_client("iam"), hub(), external_ids(hub()))


def revocation_budget() -> RevocationBudget:
    """The stored state of the revocation budget."""
    return DynamoDbRevocationBudget(_client("dynamodb"), _table())


def access_dependencies() -> AccessDependencies:
    """The dependencies of a writer of the access policy."""
    from control_plane.steps.access import AccessDependencies, external_ids
    from control_plane.steps.exemptions import LiveExemptions

    policies = AwsAccessPolicies(_client("iam"), hub(), external_ids(hub()))
    ledger = DynamoDbLedger(_client("dynamodb"), _table())
    exemptions = LiveExemptions(AwsOrganization(_client("organizations")), _data_sources())
    repairs = RepairSettings.read().repairs
    return AccessDependencies(
        hub=hub(),
        ledger=ledger,
        policies=policies,
        budget=revocation_budget(),
        approvals=_approvals(),
        exemptions=exemptions,
        anomalies=anomalies(),
        waiting=waiting_tasks(),
        capacity=MeasuredCapacity(),
        repairs=repairs,
        run_as_role=_run_as_role,
    )


def _run_as_role(profile_name: str) -> int | None:
    """The run-as role of a profile; None when the file can't be read, or does not define it any more."""
    try:
        return profile(profile_name).run_as_role
    except (InvalidProfiles, UnknownProfile):
        return None


def _approvals() -> Approvals:
    return StepFunctionsApprovals(_client("stepfunctions"), ApprovalSettings.read().approve_batch_arn)


def grant_budget() -> GrantBudget:
    """The stored state of the grant budget."""
    return DynamoDbGrantBudget(_client("dynamodb"), _table(), GrantSettings.read().grant_budget_percent)


def approval_batches(unit: str) -> ApprovalBatches:
    """The batches of new connections of an OU or the root; without one, the batches of revocations."""
    return grant_budget().batches(unit) if unit else revocation_budget()


def admission_dependencies() -> AdmissionDependencies:
    """The dependencies of letting an assessed account have its new connections."""
    from control_plane.admission import AdmissionDependencies

    queue = stack_set_queue()
    return AdmissionDependencies(grant_budget(), sweeps(), lambda name: queue.stopped(f"{NAME_PREFIX}{name}"))


def sweeps() -> Sweeps:
    """Executions of SweepOrganization."""
    return StepFunctionsSweeps(_client("stepfunctions"), SweepSettings.read().sweep_organization_arn)


def anomalies() -> Anomalies:
    """Where anomalies are logged and counted."""
    return LoggedAnomalies()


def data_sources() -> DataSources:
    """Amazon Quick's data sources."""
    return _data_sources()


def _data_sources() -> AwsDataSources:
    quick = QuickSettings.read()
    return AwsDataSources(_client("quicksight"), hub(), quick.quick_identity_region, quick.quick_namespace)


def proof_data_sets() -> ProofDataSets:
    """The data sets of proofs."""
    return AwsProofDataSets(_client("quicksight"), hub())


def removal_dependencies() -> RemovalDependencies:
    """The dependencies of removing a data source."""
    from control_plane.steps.data_source import RemovalDependencies

    assets = AwsQuickAssets(_client("quicksight"), hub())
    cache = DynamoDbAssetCache(_client("dynamodb"), _table())
    return RemovalDependencies(assets, cache, registry(), notifications(), proof_data_sets())


@cache
def quick_account() -> QuickAccount:
    """The hub account's Amazon Quick; its groups and users live in the identity Region."""
    quick = QuickSettings.read()
    identities = _client("quicksight", quick.quick_identity_region)
    return AwsQuickAccount(identities, _client("quicksight"), hub(), quick.quick_namespace)


def registry() -> Registry:
    """The registry: the records of accounts and connections."""
    return _registry()


def _registry() -> DynamoDbRegistry:
    return DynamoDbRegistry(_client("dynamodb"), _table())


def _table() -> str:
    return RegistrySettings.read().registry_table


def reconciles() -> Reconciles:
    """Executions of ReconcileAccount."""
    return StepFunctionsReconciles(_client("stepfunctions"), ReconcileSettings.read().reconcile_account_arn)


def notifications() -> Notifications:
    """Messages to people."""
    return SnsNotifications(_client("sns"), NotificationSettings.read().notifications_topic_arn)


def sweep_store() -> SweepStore:
    """What sweeps store between their steps."""
    from control_plane.aws.sweep_store import DynamoDbSweepStore

    return DynamoDbSweepStore(_client("dynamodb"), _table())


def snapshot_sources() -> SnapshotSources:
    """What a sweep reads its snapshot from."""
    from control_plane.aws.account_listing import AwsAccountListing
    from control_plane.aws.role_listing import AwsRoleListing
    from control_plane.aws.source_listing import AwsSourceListing
    from control_plane.sweep.collecting import SnapshotSources

    return SnapshotSources(
        AwsAccountListing(_client("organizations")),
        AwsRoleListing(_client("cloudformation"), hub()),
        AwsSourceListing(_client("quicksight"), hub()),
        _registry(),
        sweep_store(),
    )


def sweep_dependencies() -> SweepDependencies:
    """The dependencies of the steps of a sweep."""
    from control_plane.sweep.inspecting import CachedShards
    from control_plane.sweep.run import SweepDependencies

    return SweepDependencies(
        opt_in_policy=opt_in_policy(),
        hub=hub(),
        store=sweep_store(),
        policies=access_policies(),
        capacity=MeasuredCapacity(),
        budget=revocation_budget(),
        grants=grant_budget(),
        approvals=_approvals(),
        assessment=assessment_dependencies(CachedShards(access_policies())),
        reconciles=reconciles(),
        registry=registry(),
        notifications=notifications(),
        repairs=RepairSettings.read().repairs,
        body=_body_hash(),
    )


def assessment_dependencies(shards: Shards | None = None) -> AssessmentDependencies:
    """The dependencies of an assessment."""
    from control_plane.assessment import AssessmentDependencies
    from control_plane.observation import ObservationDependencies

    observation = ObservationDependencies(
        stack_sets(), shards or access_policies(), data_sources(), registry(), quick_account()
    )
    return AssessmentDependencies(organization(), observation, known_profiles, ProofSettings.read().proves)
