"""Every failure a step may report, one class per plan.

The class name is the error name in Step Functions, which compares names exactly and knows nothing of
inheritance: so the list is flat. `PLANS` in failure.py says for each what it means and what to do.
"""


class Throttled(Exception):
    """AWS asked us to slow down, was busy or did not answer; the same call may succeed later."""


class StackSetBusy(Exception):
    """Another operation holds the stack set; ours may start when it has ended."""


class NoAccountInEvent(Exception):
    """The event names no account we could look at."""


class AccountNotFound(Exception):
    """The account is not (or no longer) in the organization."""


class PlaceUnknown(Exception):
    """Organizations does not tell which units an account is below, so their tags can't be read."""


class InvalidTagValue(Exception):
    """The opt-in tag's value can't be read."""


class UnknownProfile(Exception):
    """The opt-in tag names a profile that profiles.yaml does not define."""


class InvalidProfiles(Exception):
    """The profiles file breaks its own rules, so no profile of it may be used."""


class AccountNotReachable(Exception):
    """Service-managed stack sets never reach the management account, and the hub is no consumer of itself."""


class AccountNotActive(Exception):
    """The account asks for a connection but is suspended, closing, closed, or not active yet."""


class QuickNotReady(Exception):
    """The hub account has no Amazon Quick, or an edition without groups and data source permissions."""


class GroupNotFound(Exception):
    """A profile shares its data sources with a Quick group that does not exist."""


class ConsumerRoleFailed(Exception):
    """The stack set operation ended without a consumer role in the account."""


class ConsumerRoleNotRemoved(Exception):
    """The stack set operation ended and the consumer role's stack is still in the account."""


class AccessPolicyFull(Exception):
    """The run-as role can't be allowed one more consumer role: every shard is full.

    Room: 109 connections a policy; 2,180 with 20 policies, 2,725 with 25.
    """


class DataSourceDenied(Exception):
    """Quick is still refused by the role chain after IAM had all the time it may need."""


class DataSourceFailed(Exception):
    """Quick would not create or update the data source, and waiting did not or would not mend it."""


class NotOurs(Exception):
    """Something of the name we need exists already, and is not what we would have made."""


class MissingPermission(Exception):
    """AWS refused one of our own calls for lack of a permission."""


class NotDelegatedAdministrator(Exception):
    """AWS does not take the hub for a delegated administrator of StackSets."""


class Superseded(Exception):
    """A list of revocations was replaced by another one, which needs an approval of its own."""
