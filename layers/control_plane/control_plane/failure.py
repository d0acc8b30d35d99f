"""What a failure means and what to do about it: one plan for each error name, and the record people read."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from control_plane.words import LONGEST, bounded


class Plan(NamedTuple):
    """Likely cause and remedy, in words for whoever is on call."""

    cause: str
    remedy: str


RETRY = "then start ReconcileAccount again with the account's id; every step is safe to repeat"

REGISTER = (
    "aws organizations register-delegated-administrator --account-id <hub> "
    "--service-principal member.org.stacksets.cloudformation.amazonaws.com"
)

PLANS = {
    "Throttled": Plan(
        "AWS limited our calls, was busy or could not be reached, longer than all retries lasted",
        f"wait until AWS answers again (AWS Health tells when a service is down), {RETRY}",
    ),
    "StackSetBusy": Plan(
        "another stack set operation ran longer than all retries lasted",
        f"let the operation end or stop it, {RETRY}",
    ),
    "NoAccountInEvent": Plan(
        "an event of a shape we don't know, or about something that is no account",
        "read the event in the execution's input; if it is about an account, start ReconcileAccount with that id",
    ),
    "AccountNotFound": Plan(
        "the account left the organization, or the id is wrong",
        "check the id; a departed account needs nothing",
    ),
    "PlaceUnknown": Plan(
        "Organizations left out the account's path, and its parents too",
        f"nothing was changed; if it comes back, tag the account itself, so that no unit's tag counts, {RETRY}",
    ),
    "InvalidTagValue": Plan(
        "a typing error in the tag",
        "correct the tag: enabled, paused, disabled, or profile names separated by spaces",
    ),
    "UnknownProfile": Plan(
        "a typing error in the tag, or a profile not deployed yet",
        f"correct the tag, or add the profile to layers/consumer/profiles.yaml and deploy, {RETRY}",
    ),
    "InvalidProfiles": Plan(
        "profiles.yaml was edited by hand and breaks its rules",
        f"correct the file as the message says, deploy, {RETRY}",
    ),
    "AccountNotReachable": Plan(
        "service-managed stack sets never reach the management account; the hub queries its own Athena directly",
        "remove the tag; for data of the management account deploy consumer_role.yaml there as a plain stack",
    ),
    "AccountNotActive": Plan(
        "the account was suspended or closed, or is still being made",
        "remove the tag, or have the account reinstated; a tag set then wakes us",
    ),
    "QuickNotReady": Plan(
        "Amazon Quick was never subscribed to in the hub account, is in another account, or is Standard Edition",
        f"subscribe the hub account to Quick Enterprise Edition, {RETRY}",
    ),
    "GroupNotFound": Plan(
        "a typing error in profiles.yaml, a group not created yet, or one in another namespace or identity Region",
        "create the group in Quick (with IAM Identity Center or Active Directory: there, and let Quick have it), "
        f"or correct profiles.yaml and deploy, {RETRY}",
    ),
    "ConsumerRoleFailed": Plan(
        "CloudFormation could not make the role: a service control policy, a name taken, or a missing resource",
        f"read the stack's events in that account, mend what they name, {RETRY}",
    ),
    "ConsumerRoleNotRemoved": Plan(
        "CloudFormation could not delete the role's stack: a policy was attached to the role, or something uses it",
        f"undo in that account what AWS's message names (detach the policy), {RETRY}",
    ),
    "AccessPolicyFull": Plan(
        "more connections than one run-as role can be allowed",
        "ask for IAM's quota of 25 policies per role, or remove connections",
    ),
    "DataSourceDenied": Plan(
        "Quick can't pass the role chain: the consumer role, its results location or a policy above them refuses",
        f"read AWS's message; look for service control, bucket and key policies that deny the role, {RETRY}",
    ),
    "DataSourceFailed": Plan(
        "Quick refused the data source itself: a workgroup or catalog that does not exist, an unknown group, a limit",
        f"mend what AWS's message names, {RETRY}",
    ),
    "NotOurs": Plan(
        "somebody made it by hand, or another deployment did; the message says how it differs",
        f"rename or remove it, or make it equal (we never touch it), {RETRY}",
    ),
    "NotDelegatedAdministrator": Plan(
        "the hub is not registered for StackSets, or the role lacks organizations:ListDelegatedAdministrators",
        f"as the management account run {REGISTER}; if the hub is listed already, deploy the template again, {RETRY}",
    ),
    "Superseded": Plan(
        "more revocations came to wait, or tags came back, after people had been asked",
        "approve the newer list, if it is right; its message has a token of its own",
    ),
    "MissingPermission": Plan(
        "a policy of this control plane was changed, or a policy above it denies the call",
        f"deploy the template again; look for service control policies that deny what the message names, {RETRY}",
    ),
}
# Step Functions calls a missing permission `Sfn.SfnException` or the like, which is the name of much else.
DENIED = ("is not authorized to perform", "AccessDenied")
NO_ADMINISTRATOR = "not a delegated administrator"
UNKNOWN = Plan(
    "an error nobody has met yet: a defect of ours or a new behaviour of AWS",
    f"read the function's log for this execution, report it, {RETRY}",
)


class Failure(BaseModel):
    """A failed step as the registry keeps it."""

    model_config = ConfigDict(frozen=True)

    step: str
    error: str
    reason: str
    cause: str
    remedy: str


def explain(account_id: str, step: str, error: Mapping[str, Any]) -> Failure:
    """A failure in words, from the error output Step Functions caught (`Error`, `Cause`)."""
    name = bounded(str(error.get("Error") or "Unknown"), 256)  # as long as Step Functions lets an error's name be
    message = _message(str(error.get("Cause") or ""))
    known = PLANS.get(_planned(name, message), UNKNOWN)
    return Failure(
        step=step,
        error=name,
        reason=bounded(f"account {account_id}: {step}: {message}", LONGEST),
        cause=known.cause,
        remedy=known.remedy,
    )


def _planned(name: str, message: str) -> str:
    """The error whose plan fits: a call the machine itself may not make is known by its message, not by its name."""
    if name in PLANS:
        return name
    if NO_ADMINISTRATOR in message:
        return "NotDelegatedAdministrator"
    return "MissingPermission" if any(each in f"{name} {message}" for each in DENIED) else name


def _message(cause: str) -> str:
    """What went wrong: a Lambda's Cause is JSON around the message, an AWS call's is the message."""
    try:
        parsed = json.loads(cause)
    except (ValueError, RecursionError):  # not JSON, or nested too deep to be read
        return cause or "no message"
    said = parsed.get("errorMessage", cause) if isinstance(parsed, dict) else cause
    return said if isinstance(said, str) else cause
