"""Connect one account to see what AWS does, and leave it without a tag, as it was."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from control_plane.errors import AccountNotFound
from control_plane.opt_in import tag_that_counts
from quickctl.exits import ExitCode, Problem
from quickctl.output import Command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from quickctl.administrator import Administrator
    from quickctl.cli import Cli

EVERY = 10  # seconds between two looks at the record
PATIENCE = timedelta(hours=1)
REVOKING = timedelta(minutes=10)
CLOUDTRAIL = timedelta(minutes=6)  # until a call can be looked up: "an average of about 5 minutes"
ENDED = ("connected", "degraded", "failed")
OVER = ("quarantined", "disconnecting", "removed", "failed", "")  # a held one can still be queried
ENABLED = "enabled"


class Trial:
    """One account from tag to connected, and back. Without `management` it says what to type there, and waits."""

    def __init__(self, cli: Cli, account: str, management: Administrator | None) -> None:
        self._cli, self._account, self._management = cli, account, management
        self._policy = cli.aws.deployment.opt_in_policy

    @contextmanager
    def connected(self, *, asks: bool) -> Iterator[None]:
        """The account is tagged, and is connected or has failed; afterwards it has no tag, and its access has ended.

        Raises Problem when the account has a tag or a connection already (nothing is done then), or when it can still
        be queried at the end.
        """
        self._check()
        key, account = self._policy.opt_in_tag, self._account
        if asks and self._management and not self._cli.printer.confirm(f"Tag {account} with {key} = {ENABLED}?"):
            raise Problem(ExitCode.USAGE, "nothing was done", "answer yes, or give --yes")
        try:
            self._tag()
            self._wait_until("it is connected or has failed", lambda: self._state() in ENDED, PATIENCE)
            self._cli.printer.note("waiting until CloudTrail shows what was called")
            self._cli.sleep(CLOUDTRAIL.total_seconds())
            yield
        finally:
            self._untag()
        if not self._wait_until("its access has ended", lambda: self._state() in OVER, REVOKING):
            text = f"account {account} is not as it was: it can still be queried"
            raise Problem(ExitCode.FAILED, text, f"take its opt-in tag away; quickctl explain {account}")

    def _check(self) -> None:
        try:
            found = self._cli.aws.organization.account(self._account, self._policy.opt_in_tag)
        except AccountNotFound as error:
            text = f"account {self._account} is not in the organization"
            raise Problem(ExitCode.NOT_FOUND, text, "name an account that may be connected for some minutes") from error
        _, value, _ = tag_that_counts(found, self._policy.opt_in_tag)
        recorded = [each.status for each in self._cli.aws.registry.account(self._account) if each.profile]
        if value is not None or any(state != "removed" for state in recorded):
            raise Problem(
                ExitCode.USAGE,
                f"account {self._account} has the opt-in tag, or has been connected; nothing was done",
                "name an account without both; what others did is seen without --with",
            )

    def _tag(self) -> None:
        key, value = self._policy.opt_in_tag, ENABLED
        if self._management:
            self._management.tag(self._account, key, value)
            return
        self._say(f"aws organizations tag-resource --resource-id {self._account} --tags 'Key={key},Value={value}'")
        if not self._wait_until("the hub has heard of it", lambda: self._state() != "", PATIENCE):
            raise Problem(ExitCode.FAILED, "the hub has not heard of a tag", f"quickctl explain {self._account}")

    def _untag(self) -> None:
        key = self._policy.opt_in_tag
        if self._management:
            self._management.untag(self._account, [key])
            return
        self._say(f"aws organizations untag-resource --resource-id {self._account} --tag-keys {key}")

    def _say(self, command: str) -> None:
        self._cli.printer.note("only the management account may tag accounts. As somebody who may, there:")
        self._cli.printer.note(Command(f"  {command}"))

    def _state(self) -> str:
        """Its connection's status, or that the account as a whole has failed; empty: nothing is recorded."""
        found = self._cli.aws.registry.account(self._account)
        states = [each.status for each in found if each.profile] or [each.status for each in found]
        return next((each for each in states if each), "")

    def _wait_until(self, what: str, is_so: Callable[[], bool], patience: timedelta) -> bool:
        """Whether it came so. What was seen until then is worth a report in any case."""
        self._cli.printer.note(f"waiting until {what}")
        waited, state = timedelta(0), None
        while not is_so():
            if waited >= patience:
                now = self._state() or "not recorded"
                self._cli.printer.note(
                    f"account {self._account} is {now} after {patience}: waited in vain until {what}"
                )
                return False
            if (now := self._state()) != state:
                state = now
                self._cli.printer.note(f"  {state or 'nothing is recorded yet'}")
            self._cli.sleep(EVERY)
            waited += timedelta(seconds=EVERY)
        return True
