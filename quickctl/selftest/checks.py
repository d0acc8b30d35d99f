"""Every behaviour that selftest looks at: where the documents assume it, and what to change if it is otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from control_plane import status_tag
from quickctl.aws import SWEEP_RETENTION
from quickctl.selftest import of_organization, of_quick, of_running, of_stack_sets
from quickctl.selftest.check import Check, Place
from quickctl.selftest.observer import ORGANIZATIONS

if TYPE_CHECKING:
    from quickctl.selftest.observer import Observer

DEPLOY, SANDBOX_QUICK = "howto/deploy.md", "sandbox/quick.md"
SHARING = "decisions/0026-share-stack-set-operations.md"
PROVING = "decisions/0031-prove-a-connection-by-a-query-without-data.md"
WAITING = "decisions/0023-wait-out-every-refusal-that-may-be-a-delay.md"
BOUNDING = "decisions/0020-bound-what-a-deployer-can-make.md"
CONNECTS = "connect an account: --with ACCOUNT"


def _refusals(observer: Observer) -> of_quick.Refusals:
    codes = (str(each["errorCode"]) for each in observer.changes_of_sources if "errorCode" in each)
    return of_quick.Refusals(tuple(codes), tuple(observer.passages))


def _waits(observer: Observer) -> of_stack_sets.Waits:
    return of_stack_sets.Waits(tuple(observer.operations), tuple(observer.passages))


def _received(observer: Observer) -> of_organization.Received:
    management = observer.aws.deployment.hub.management_account_id
    unread = observer.aws.registry.unread_events()
    return of_organization.Received(tuple(observer.events), unread, management, observer.reads_management)


def _expiry(observer: Observer) -> of_running.Expiry:
    """Whether a sweep began so long ago that its items have expired, and been left for days."""
    limit = observer.now - of_running.LATE
    old = (each.started < limit - SWEEP_RETENTION for each in observer.aws.executions("SweepOrganizationArn"))
    return of_running.Expiry(observer.aws.observing.expired(limit), any(old))


def _roles(observer: Observer) -> list[dict[str, Any]]:
    """The creations of the hub's roles by CloudFormation."""
    prefix = f"{observer.aws.deployment.stack_name}-"
    found = observer.hub_events("CreateRole")
    return [each for each in found if str((each.get("requestParameters") or {}).get("roleName", "")).startswith(prefix)]


def _status_tags(observer: Observer) -> list[bool] | None:
    """Whether each call that wrote a status was refused; None: none is to be written."""
    if observer.aws.deployment.parameters.get("StatusTag") != "enabled":
        return None
    key = status_tag.key(observer.aws.deployment.opt_in_policy.opt_in_tag)
    calls = [each for each in observer.hub_events("TagResource") if each.get("eventSource") == ORGANIZATIONS]
    return ["errorCode" in each for each in calls if "errorCode" in each or key in _tag_keys(each)]


def _tag_keys(record: dict[str, Any]) -> set[str]:
    """The keys of the tags that a call of TagResource wrote; a refused one may not show them."""
    return {str(tag.get("key")) for tag in (record.get("requestParameters") or {}).get("tags") or ()}


CHECKS = (
    Check(
        "external id",
        "Quick sends exactly the data source's ARN as ExternalId",
        (
            Place(DEPLOY, "Quick sends exactly the data source's ARN"),
            Place("decisions/0004-trust-the-hub-account-narrowed-by-conditions.md", "sends exactly the ARN"),
            Place(SANDBOX_QUICK, "that Quick sends exactly the ARN"),
        ),
        lambda observer: observer.chains,
        of_quick.external_id,
        "deploy with ExternalIdMatch=prefix (decision 4); if Quick is still refused, attach this report to an issue",
        CONNECTS,
    ),
    Check(
        "role chain",
        "Quick, as quicksight.amazonaws.com, assumes the run-as role, and with its session the consumer role",
        (Place(SANDBOX_QUICK, "which calls its connection test makes"),),
        lambda observer: observer.chains,
        of_quick.role_chain,
        "the trust policy of RunAsRole in template.yaml; docs/reference/role-chain.md",
        CONNECTS,
    ),
    Check(
        "creation tries the roles",
        "CREATION_SUCCESSFUL means that Quick tried the role chain",
        (Place(DEPLOY, "`CREATION_SUCCESSFUL` means"),),
        lambda observer: observer.chains,
        of_quick.creation_tries,
        "nothing while ProofQueries=enabled: the query tries them (decision 31); leave it enabled",
        CONNECTS,
    ),
    Check(
        "refusals while IAM propagates",
        "every refusal of Quick that may be IAM's delay is waited out",
        (
            Place(DEPLOY, "how Quick refuses while IAM propagates"),
            Place(WAITING, "Nothing here has been verified"),
            Place(SANDBOX_QUICK, "which error"),
        ),
        _refusals,
        of_quick.refusals,
        "layers/control_plane/control_plane/propagation.py (decision 23) has to know the refusal; attach this report",
        f"{CONNECTS}, one that never was connected",
    ),
    Check(
        "proof",
        "SPICE in the hub's Region takes a data set with SELECT 1, reads one row, and says why not",
        (
            Place(DEPLOY, "SPICE in the hub's Region takes"),
            Place(PROVING, "That CreateDataSet with `SELECT 1`"),
            Place(PROVING, "That Athena opens a table"),
            Place(PROVING, "That `RowsIngested` counts"),
            Place("reference/errors.md", "Which kind AWS answers to which fault"),
            Place(SANDBOX_QUICK, "Which error type answers which refusal"),
            Place(SANDBOX_QUICK, "that Quick asks for no more"),
        ),
        lambda observer: observer.records,
        of_quick.proof,
        "deploy with ProofQueries=disabled until it is understood; docs/reference/errors.md, errors of a proof",
        CONNECTS,
    ),
    Check(
        "delegated administrator",
        "a delegated administrator's calls need what the templates grant, and no more",
        (Place(DEPLOY, "a delegated administrator's calls need"),),
        lambda observer: observer.records,
        of_organization.permissions,
        "the record's reason names the action (quickctl explain): template.yaml, the role of that function",
        CONNECTS,
    ),
    Check(
        "accounts that come and go",
        "an account's id is in AccountJoinedOrganization and AccountDepartedOrganization",
        (
            Place(DEPLOY, "where the account's id is in"),
            Place("reference/events.md", "`AccountJoinedOrganization` | an account was created"),
            Place("reference/events.md", "`AccountDepartedOrganization` | an account left"),
            Place("reference/events.md", "`AccountJoinedOrganization`, `AccountDepartedOrganization`"),
            Place("howto/why-an-account-lost-access.md", "by the event, if it names the account"),
            Place("sandbox/organizations.md", "the account's id in AccountJoinedOrganization"),
        ),
        _received,
        of_organization.coming_and_going,
        "AWS_KEYS in layers/control_plane/control_plane/events.py; until then the sweep finds these accounts",
        "create, invite or remove an account",
    ),
    Check(
        "events of tags and moves",
        "an account's id is where the events of tags, moves, creations and closures are read",
        (Place("reference/events.md", "`RemoveAccountFromOrganization`"),),
        _received,
        of_organization.changes,
        "AWS_KEYS in layers/control_plane/control_plane/events.py; docs/howto/read-a-kept-event.md",
        "tag an account, or move it to another OU",
    ),
    Check(
        "list of accounts",
        "ListAccounts shows a delegated administrator each account's path and state",
        (
            Place(DEPLOY, "`ListAccounts` shows each account's path"),
            Place("howto/sweep-now.md", "That `ListAccounts` shows"),
        ),
        lambda observer: observer.aws.observing.listed_accounts(),
        of_organization.listing,
        "nothing: the sweep reads each account's parents then, more slowly (docs/howto/sweep-now.md)",
        "it is always seen",
    ),
    Check(
        "status tag",
        "the organization's resource policy lets the hub write the status tag under its conditions",
        (Place("howto/show-the-status-on-accounts.md", "the organization's resource policy accepts"),),
        _status_tags,
        of_organization.status_tags,
        "the resource policy (docs/howto/show-the-status-on-accounts.md), or deploy with StatusTag=disabled",
        "deploy with StatusTag=enabled, and tag an account",
    ),
    Check(
        "boundary of roles",
        "CloudFormation sends the boundary when it creates a role",
        (Place(BOUNDING, "that CloudFormation sends the boundary"),),
        _roles,
        of_organization.boundaries,
        "stacks/boundaries.yaml and docs/howto/policies/deploy-hub-roles.json (decision 20)",
        "deploy the hub",
    ),
    Check(
        "queue of operations",
        "StackSets queues an operation while another one of its stack set runs, whichever accounts they concern",
        (
            Place(DEPLOY, "StackSets may queue all operations"),
            Place(SHARING, "which reading of the sentence is true"),
            Place("sandbox/stack_sets.md", "which reading is true"),
            Place("sandbox/stack_sets.md", "that a second detection"),
        ),
        lambda observer: observer.operations,
        of_stack_sets.queue,
        "nothing: sharing operations is right under both readings (decision 26), and a smaller MaxBatchSize costs less",
        "docs/howto/check-on-real-aws.md has two commands for it",
    ),
    Check(
        "answers to task tokens",
        "an execution that waits on a task token goes on when it is answered",
        (
            Place(DEPLOY, "an execution that waits on a task token"),
            Place(SHARING, "that `SendTaskSuccess` and `SendTaskFailure` work"),
            Place("decisions/0027-elect-the-writer-of-the-access-policy.md", "about task tokens"),
        ),
        _waits,
        of_stack_sets.answers,
        "docs/decisions/0026-share-stack-set-operations.md; attach this report to an issue",
        CONNECTS,
    ),
    Check(
        "early results",
        "StackSets shows an account's result while its operation still works on others",
        (Place(DEPLOY, "StackSets shows an account's result"), Place(SHARING, "how soon ListStackSetOperationResults")),
        _waits,
        of_stack_sets.early_results,
        "nothing breaks, accounts of a batch go on together; a smaller MaxBatchSize makes them wait less",
        "tag an OU with several accounts",
    ),
    Check(
        "detection of drift",
        "a detection of drift ends before the next sweep",
        (
            Place(DEPLOY, "a drift detection of thousands"),
            Place("howto/sweep-now.md", "how long CloudFormation takes to look for drift"),
        ),
        lambda observer: (observer.operations, observer.now),
        lambda found: of_stack_sets.drift_detections(*found),
        "SweepSchedule: sweep less often; a changed role is found a day later",
        "a sweep of everything: quickctl sweep",
    ),
    Check(
        "names of errors",
        "Step Functions spells AWS's errors as the state machines retry and catch them",
        (Place(DEPLOY, "error names as Step Functions spells them"),),
        lambda observer: (observer.failed_attempts, observer.expected_errors),
        lambda found: of_running.error_names(*found),
        "Retry and Catch of that service in statemachines/*.asl.yaml",
        "tag an account: a claim that nobody holds is refused by a condition",
    ),
    Check(
        "pages of executions",
        "ListExecutions answers in pages of 1,000",
        (Place("reference/quickctl.md", "that ListExecutions answers in pages"),),
        lambda observer: observer.aws.observing.first_page("ReconcileAccountArn"),
        lambda found: of_running.pages(found[0], has_more=found[1]),
        "MAX_PAGES in quickctl/aws.py: history and explain look through fewer executions",
        "more than 1,000 reconciles within 90 days",
    ),
    Check(
        "expiry of items",
        "DynamoDB deletes items that have expired",
        (Place(DEPLOY, "DynamoDB deletes expired items"),),
        _expiry,
        of_running.expiry,
        "TimeToLiveSpecification of RegistryTable in template.yaml",
        "sweeps of three weeks ago",
    ),
    Check(
        "functions at once",
        "the hub may run 1,000 functions at once",
        (Place(DEPLOY, "the hub may run 1,000 functions"),),
        lambda observer: observer.aws.observing.functions_at_once(),
        of_running.functions_at_once,
        "ask for a higher quota of Lambda's concurrent executions; until then accounts wait for each other",
        "it is always seen",
    ),
    Check(
        "durations",
        "IAM's changes, stack instances and Quick take less time than is waited for them",
        (Place(DEPLOY, "how long stack instances and IAM take"),),
        lambda observer: observer.passages,
        of_running.durations,
        "IAM and BUSY in layers/control_plane/control_plane/propagation.py; the limits in statemachines/*.asl.yaml",
        CONNECTS,
    ),
)
