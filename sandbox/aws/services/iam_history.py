"""What the rest of AWS knows of a role: IAM's writes reach it some seconds later.

Source: IAM User Guide, troubleshoot.md ("changes that I make are not always immediately visible": IAM is
eventually consistent). IAM's own reads see a write at once here, as moto does.
"""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sandbox.aws.services.iam_documents import NoSuchRole, RoleDocuments, role_documents

Role = tuple[str, str]  # account and name
LONG_AGO = datetime.min.replace(tzinfo=UTC)


class History:
    """The last documents of each role that was written through the gateway, with the times of the writes."""

    def __init__(self, now: Callable[[], datetime], delay: timedelta) -> None:
        self._now, self.delay = now, delay
        self._known: dict[Role, list[tuple[datetime, RoleDocuments | None]]] = defaultdict(list)

    def begin(self, role: Role) -> None:
        """Before a write: a role not followed yet is as everybody knows it."""
        if not self._known[role]:
            self._known[role].append((LONG_AGO, _documents(role)))

    def record(self, role: Role) -> None:
        """After a write: the role as it will be known from now + delay on."""
        self._known[role].append((self._now(), _documents(role)))
        self._forget(role)

    def visible(self, role: Role) -> RoleDocuments | None:
        """The role as everybody knows it now; None when there is none, or not yet. The oldest entry is known."""
        if role not in self._known:  # made by moto itself, or by AWS
            return _documents(role)
        first, *later = self._known[role]
        return [first[1], *(documents for at, documents in later if at <= self._horizon)][-1]

    def settle(self) -> None:
        """As if everything written so far had been written long ago."""
        self._known.clear()

    @property
    def _horizon(self) -> datetime:
        return self._now() - self.delay

    def _forget(self, role: Role) -> None:
        """Entries are needed back to the last one everybody knows."""
        entries = self._known[role]
        while len(entries) > 1 and entries[1][0] <= self._horizon:
            del entries[0]


def _documents(role: Role) -> RoleDocuments | None:
    try:
        return role_documents(*role)
    except NoSuchRole:
        return None
