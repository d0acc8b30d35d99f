"""Every error a step may raise; each class has its own remediation.

The class name is the error name in Step Functions. Step Functions compares names exactly and ignores inheritance, so
no class derives from another. `REMEDIATIONS` in failure.py has the likely cause and the remedy of each.
"""


class Throttled(Exception):
    """AWS throttled us, was busy or did not answer; the same call may succeed later."""


class StackSetBusy(Exception):
    """Another operation runs on the stack set; ours can start when it has ended."""


class NoAccountInEvent(Exception):
    """The event names no account to reconcile."""


class AccountNotFound(Exception):
    """The account is not (or no longer) in the organization."""


class UnitNotFound(Exception):
    """A sweep was started for an OU or a root that the organization does not have."""


class ParentsUnknown(Exception):
    """Organizations does not return the parents of an account, so their tags can't be read."""


class InvalidTagValue(Exception):
    """The value of the opt-in tag is not valid."""


class InvalidExpiry(Exception):
    """The value of the tag that says when the opt-in expires is not a date or a time."""


class UnknownProfile(Exception):
    """The opt-in tag names a profile that profiles.yaml does not define."""


class ProfileNotOffered(Exception):
    """The opt-in tag names a profile that profiles.yaml offers to other accounts only."""


class AccountTagRefused(Exception):
    """A tag of the account names what its profile does not allow to that account."""


class InvalidProfiles(Exception):
    """The profiles file is not valid, so none of its profiles may be used."""

    faults: tuple[str, ...] = ()


class AccountNotReachable(Exception):
    """The account can't be connected: it is the management account or the hub itself."""


class AccountNotActive(Exception):
    """The account has the opt-in tag but is suspended, closing, closed, or not active yet."""


class QuickNotReady(Exception):
    """The hub account has no Amazon Quick, or an edition without groups and data source permissions."""


class GroupNotFound(Exception):
    """None of the groups and users that a profile names as owners exists in Quick."""


class ConsumerRoleFailed(Exception):
    """The stack set operation ended without a consumer role in the account."""


class LakeGrantRefused(Exception):
    """Lake Formation did not let CloudFormation grant the consumer role what its profile says."""


class ConsumerRoleNotRemoved(Exception):
    """The stack set operation ended, but the consumer role's stack is still in the account."""


class OperationRefused(Exception):
    """CloudFormation refused to start a stack set operation for the account."""


class RolloutStopped(Exception):
    """The first accounts with this version of the consumer role failed, or a person stopped it: nobody else gets it."""


class AccessNotRevoked(Exception):
    """A consumer role was to be removed although the run-as role may still assume it."""


class AccessPolicyFull(Exception):
    """A run-as role can't be allowed another consumer role: every shard of it is full.

    Capacity: 109 connections a policy; 2,180 with 20 policies, 2,725 with 25.
    """


class DataSourceDenied(Exception):
    """The role chain still denies Quick after IAM had all the time it may need."""


class DataSourceFailed(Exception):
    """Quick refused to create or update the data source, and retrying did not or would not help."""


class NotOurs(Exception):
    """A resource with the name we need exists already and is not managed by this deployment."""


class MissingPermission(Exception):
    """AWS denied one of our own calls because a permission is missing."""


class NotDelegatedAdministrator(Exception):
    """AWS does not accept the hub as a delegated administrator of StackSets."""


class BatchReplaced(Exception):
    """A batch of revocations was replaced by another batch, which needs its own approval."""


class ClaimLost(Exception):
    """The execution does not hold the account's claim any more, so it must not change the account's access."""


class ConnectionStopped(Exception):
    """The child execution of a connection was stopped or ran too long, so it could not record why."""


class InvalidInput(Exception):
    """ReconcileAccount was started with an input that has no account id."""


class NotConverging(Exception):
    """Parts were removed several times in a row, and each assessment found some of them again."""
