"""The likely cause and the remedy of each error, and the failure record that people read."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from control_plane import errors
from control_plane.text import LONGEST, bounded


class Remediation(NamedTuple):
    """The likely cause and the remedy, written for whoever is on call."""

    cause: str
    remedy: str


RETRY = "then start ReconcileAccount again with the account's id; every step is safe to repeat"

REGISTER = (
    "aws organizations register-delegated-administrator --account-id <hub> "
    "--service-principal member.org.stacksets.cloudformation.amazonaws.com"
)

REMEDIATIONS = {
    errors.Throttled.__name__: Remediation(
        "AWS throttled our calls, was busy or could not be reached, longer than all retries lasted",
        f"wait until AWS answers again (AWS Health shows when a service is down), {RETRY}",
    ),
    errors.StackSetBusy.__name__: Remediation(
        "another stack set operation ran longer than all retries lasted",
        f"let the operation end or stop it, {RETRY}",
    ),
    errors.NoAccountInEvent.__name__: Remediation(
        "an event of a shape we don't know, or about something that is no account",
        "read the event in the execution's input; if it is about an account, start ReconcileAccount with that id",
    ),
    errors.AccountNotFound.__name__: Remediation(
        "the account left the organization, or the id is wrong",
        "check the id; a departed account needs nothing",
    ),
    errors.UnitNotFound.__name__: Remediation(
        "a typing error in the scope of the sweep, or the OU was deleted",
        "check the id (aws organizations list-organizational-units-for-parent), then start the sweep again; the last "
        "report is still that of the sweep before",
    ),
    errors.ParentsUnknown.__name__: Remediation(
        "Organizations left out the account's path, and its parents too",
        f"nothing was changed; if it comes back, tag the account itself, so that no unit's tag counts, {RETRY}",
    ),
    errors.InvalidTagValue.__name__: Remediation(
        "a typing error in the opt-in tag",
        "correct the tag: enabled, paused, disabled, or profile names separated by spaces",
    ),
    errors.InvalidExpiry.__name__: Remediation(
        "a typing error in the tag that says when the opt-in expires",
        "correct the tag that ends in :expires: a day as 2026-12-31 (until its end, UTC) or a time as "
        "2026-12-31T18:00:00Z; or remove the tag, if the opt-in shall not expire",
    ),
    errors.UnknownProfile.__name__: Remediation(
        "a typing error in the tag, or a profile not deployed yet",
        f"correct the tag, or add the profile to layers/consumer/profiles.yaml and deploy, {RETRY}",
    ),
    errors.ProfileNotOffered.__name__: Remediation(
        "the profile is meant for other accounts, or its `accounts` and `units` in profiles.yaml lack this one",
        f"name another profile in the tag, or add the account or its OU to the profile and deploy, {RETRY}",
    ),
    errors.AccountTagRefused.__name__: Remediation(
        "a typing error in a tag that fits a profile to the account, or the account asks for more than the profile has",
        f"correct or remove the tag; or add to the profile what it names, or `accounts_may_widen`, and deploy, {RETRY}",
    ),
    errors.InvalidProfiles.__name__: Remediation(
        "profiles.yaml was edited by hand and breaks its rules",
        f"correct the file as the message says, deploy, {RETRY}",
    ),
    errors.AccountNotReachable.__name__: Remediation(
        "service-managed stack sets never reach the management account; the hub queries its own Athena directly",
        "remove the tag; for data of the management account deploy consumer_role.yaml there as a plain stack",
    ),
    errors.AccountNotActive.__name__: Remediation(
        "the account was suspended or closed, or is still being made",
        "remove the tag, or have the account reinstated and set the tag again",
    ),
    errors.QuickNotReady.__name__: Remediation(
        "Amazon Quick was never subscribed to in the hub account, is in another account, or is Standard Edition",
        f"subscribe the hub account to Quick Enterprise Edition, {RETRY}",
    ),
    errors.GroupNotFound.__name__: Remediation(
        "a typing error in profiles.yaml, a group not created yet, or one in another namespace or identity Region",
        "create one of them in Quick (with IAM Identity Center or Active Directory: there, and let Quick have it), "
        f"or correct profiles.yaml and deploy, {RETRY}",
    ),
    errors.ConsumerRoleFailed.__name__: Remediation(
        "CloudFormation could not make the role: a service control policy, a name taken, or a missing resource",
        f"read the stack's events in that account, fix what they name, {RETRY}",
    ),
    errors.LakeGrantRefused.__name__: Remediation(
        "the role with which StackSets deploys in that account is no data lake administrator there, or the account "
        "lacks a database, table or column that the profile grants",
        "add the role (its name begins with stacksets-exec-) to the data lake administrators of that account; or make "
        "what is missing; or take lake_formation_grants out of the profile, deploy, and have the account's "
        f"administrator grant instead, {RETRY}",
    ),
    errors.ConsumerRoleNotRemoved.__name__: Remediation(
        "CloudFormation could not delete the role's stack: a policy was attached to the role, something uses it, or "
        "Lake Formation does not let it revoke what it granted",
        f"undo in that account what AWS's message names (detach the policy, make StackSets' role an administrator of "
        f"the data lake again), {RETRY}",
    ),
    errors.OperationRefused.__name__: Remediation(
        "the account left the organization meanwhile, or a limit of StackSets is reached",
        f"read AWS's message, fix what it names, {RETRY}",
    ),
    errors.RolloutStopped.__name__: Remediation(
        "a fault of this version of the consumer role (its template or the profile), or a service control policy that "
        "the first accounts share; or a person stopped the roll-out, as the reason says",
        "if a person stopped it, resume it (`quickctl resume`); otherwise read the messages of those "
        "accounts, correct the profile or the policy, deploy; after an hour, or with a new version at once, one more "
        f"account may try: {RETRY.removeprefix('then ')}",
    ),
    errors.AccessNotRevoked.__name__: Remediation(
        "somebody wrote into the queue of stack set changes, or the account was tagged again during its removal",
        f"nothing was removed; find in CloudTrail who wrote to the registry table, {RETRY}",
    ),
    errors.AccessPolicyFull.__name__: Remediation(
        "more connections than one run-as role can be allowed",
        "detach policies of others from the run-as role, ask for IAM's quota of 25 policies per role, give new "
        f"accounts a profile with another run-as role, or remove connections, {RETRY}",
    ),
    errors.DataSourceDenied.__name__: Remediation(
        "Quick can't pass the role chain: the consumer role, its results location or a policy above them refuses",
        f"read AWS's message; look for service control, bucket and key policies that deny the role, {RETRY}",
    ),
    errors.DataSourceFailed.__name__: Remediation(
        "Quick refused the data source itself: a workgroup or catalog that does not exist, an unknown group, a limit",
        f"fix what AWS's message names, {RETRY}",
    ),
    errors.NotOurs.__name__: Remediation(
        "somebody made it by hand, or another deployment did; the message says how it differs",
        f"rename or remove it, or make it equal (we never change it), {RETRY}",
    ),
    errors.NotDelegatedAdministrator.__name__: Remediation(
        "the hub is not registered for StackSets, or the role lacks organizations:ListDelegatedAdministrators",
        f"as the management account run {REGISTER}; if the hub is listed already, deploy the template again, {RETRY}",
    ),
    errors.BatchReplaced.__name__: Remediation(
        "revocations were added to the batch, or tags came back, after the approval was requested",
        "approve the newer batch, if it is right; its message has its own token",
    ),
    errors.ClaimLost.__name__: Remediation(
        "somebody stopped the execution that had claimed the account, or it ended, and another one holds the claim now",
        "nothing: the execution that holds the account brings it up to date",
    ),
    errors.ConnectionStopped.__name__: Remediation(
        "somebody stopped the execution of ReconcileConnection, or it waited for AWS for more than five hours",
        f"read the history of the execution that the reason names, {RETRY}",
    ),
    errors.InvalidInput.__name__: Remediation(
        "somebody started ReconcileAccount with an event, or with an account id that is not 12 digits",
        'start it with {"account_id": "<12 digits>"}, or start RouteEvent with the event',
    ),
    errors.NotConverging.__name__: Remediation(
        "something makes parts again while they are being removed, or AWS keeps showing what is gone",
        "find in CloudTrail who makes them, stop it, then reconcile again (start ReconcileAccount)",
    ),
    errors.MissingPermission.__name__: Remediation(
        "a policy of this control plane was changed, or a policy above it denies the call",
        f"deploy the template again; look for service control policies that deny what the message names, {RETRY}",
    ),
}
# Step Functions reports a missing permission as `Sfn.SfnException` or the like, a name that covers many other errors.
DENIED = ("is not authorized to perform", "AccessDenied")
NO_ADMINISTRATOR = "not a delegated administrator"
UNKNOWN = Remediation(
    "an unknown error: a defect of this control plane or a new behavior of AWS",
    f"read the function's log for this execution, report it, {RETRY}",
)


class Failure(BaseModel):
    """A failed step as the registry stores it."""

    model_config = ConfigDict(frozen=True)

    step: str
    error: str
    reason: str
    cause: str
    remedy: str


def explain(account_id: str, step: str, error: Mapping[str, Any]) -> Failure:
    """The failure record for an error output that Step Functions caught (`Error`, `Cause`)."""
    name = bounded(str(error.get("Error") or "Unknown"), 256)  # the longest error name Step Functions allows
    message = _message(str(error.get("Cause") or ""))
    known = REMEDIATIONS.get(_known_name(name, message), UNKNOWN)
    return Failure(
        step=step,
        error=name,
        reason=bounded(f"account {account_id}: {step}: {message}", LONGEST),
        cause=known.cause,
        remedy=known.remedy,
    )


def _known_name(name: str, message: str) -> str:
    """The error whose remediation applies. A call the state machine may not make is recognized by its message."""
    if name in REMEDIATIONS:
        return name
    if NO_ADMINISTRATOR in message:
        return errors.NotDelegatedAdministrator.__name__
    return errors.MissingPermission.__name__ if any(each in f"{name} {message}" for each in DENIED) else name


def _message(cause: str) -> str:
    """The error message. The Cause of a Lambda function is JSON that contains it."""
    try:
        parsed = json.loads(cause)
    except (ValueError, RecursionError):  # not JSON, or nested too deep to be read
        return cause or "no message"
    text = parsed.get("errorMessage", cause) if isinstance(parsed, dict) else cause
    return text if isinstance(text, str) else cause
