"""Write the status tag of an account, if what it says has changed."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from control_plane import status_tag
from control_plane.ports.organization import AccountTags
from control_plane.ports.registry import Record


class AccountRecords(Protocol):
    """The registry, as far as this step needs it."""

    def account(self, account_id: str) -> Sequence[Record]:
        """An account's claim and the records of its connections."""


class StatusTagDependencies(NamedTuple):
    """The records of accounts, their tags, and the key of the opt-in tag."""

    records: AccountRecords
    tags: AccountTags
    opt_in_tag: str


def write(account_id: str, assessed: str, deps: StatusTagDependencies) -> bool:
    """Whether the tag was written. Each write is an API call and an event, so it is written only when it changes."""
    tags, key = deps.tags.tags(account_id), status_tag.key(deps.opt_in_tag)
    wanted = status_tag.text(deps.records.account(account_id), assessed, opted_in=deps.opt_in_tag in tags)
    if wanted == tags.get(key, ""):
        return False
    deps.tags.set_tag(account_id, key, wanted)
    return True
