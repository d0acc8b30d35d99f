"""ARNs of what the organization's ids name; they belong to the management account, whoever asks."""

from collections.abc import Callable
from typing import Any

from moto.organizations.models import organizations_backends

from sandbox.aws.gateway import Call
from sandbox.aws.services.organizations import organization_of

KINDS = {"r-": "root", "ou-": "ou", "p-": "policy"}


def by_id(member: str) -> Callable[[Call], str]:
    """The thing whose id that member of the request is."""
    return lambda call: arn(call.account, call.parameters[member])


def arn(account: str, identifier: str) -> str:
    """The ARN of an account, OU, root or policy, by its id."""
    management = management_of(account)
    kind = next((name for prefix, name in KINDS.items() if identifier.startswith(prefix)), "account")
    return f"arn:aws:organizations::{management}:{kind}/{organization_of(account)}/{identifier}"


def management_of(account: str) -> str:
    """The management account of an account's organization; an account without one is its own."""
    known: Any = organizations_backends.master_accounts.get(account, (account, "aws"))
    return str(known[0])


def policy(call: Call) -> str:
    """The ARN of a policy, which has its type in it."""
    management, identifier = management_of(call.account), str(call.parameters["PolicyId"])
    backend: Any = organizations_backends[management]["aws"]
    known = next((each for each in backend.policies if each.id == identifier), None)
    kind = known.type.lower() if known else "unknown"
    return f"arn:aws:organizations::{management}:policy/{organization_of(call.account)}/{kind}/{identifier}"


parent = by_id("ParentId")
child = by_id("ChildId")
