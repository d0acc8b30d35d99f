"""Executions of ReconcileAccount."""

from collections.abc import Sequence
from typing import Protocol


class Reconciles(Protocol):
    """Executions of ReconcileAccount, started by us."""

    def start(self, account_id: str, reason: str, name: str, profiles: Sequence[str] = ()) -> None:
        """Start to reconcile an account; no error when the name was used already: then it was started before.

        `profiles`: profiles to check although no record mentions them.
        """
