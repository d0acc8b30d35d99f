"""`quickctl reconcile`, `retry`: have accounts brought up to date now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from quickctl.cli import AccountArgument, Cli, account_id, cli_of
from quickctl.exits import ExitCode, Problem
from quickctl.following import Started, follow, render_started

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quickctl.aws import Execution

RECONCILES, SWEEPS = "ReconcileAccountArn", "SweepOrganizationArn"


def reconcile(
    context: typer.Context,
    accounts: Annotated[list[str] | None, typer.Argument(metavar="[ACCOUNT]...", show_default=False)] = None,
    ou: Annotated[str, typer.Option("--ou", metavar="ID", help="All accounts below this OU or root that differ.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="All accounts that differ: a sweep.")] = False,  # noqa: FBT002 - an option
    wait: Annotated[bool, typer.Option(help="Follow until all of it has ended.")] = True,  # noqa: FBT002 - an option
) -> None:
    """Reconcile accounts now: read what they ask for and what there is, and do what is missing."""
    cli, named = cli_of(context), [account_id(each) for each in accounts or []]
    if sum((bool(named), bool(ou), everything)) != 1:
        raise Problem(ExitCode.USAGE, "name accounts, or --ou, or --all: one of the three")
    if named:
        started = [start_reconcile(cli, each, "quickctl reconcile") for each in dict.fromkeys(named)]
    else:
        scope = {"scope": ou} if ou else {}
        started = [cli.aws.start(SWEEPS, scope)]
    finish(cli, started, wait=wait)


def retry(
    context: typer.Context,
    account: AccountArgument,
    wait: Annotated[bool, typer.Option(help="Follow until it has ended.")] = True,  # noqa: FBT002 - an option
) -> None:
    """Try a failed account again. It is always safe: every step reads first and changes only what differs."""
    cli = cli_of(context)
    failed = [each for each in cli.aws.registry.account(account) if each.status == "failed"]
    if not failed:
        raise Problem(
            ExitCode.NOT_FOUND,
            f"nothing of account {account} has failed",
            f"to reconcile it all the same: quickctl reconcile {account}",
        )
    finish(cli, [start_reconcile(cli, account, "quickctl retry")], wait=wait)


def start_reconcile(cli: Cli, account: str, reason: str, profiles: Sequence[str] = ()) -> Execution:
    """Start one, and say who did. `profiles`: those that have resources in the account and no record."""
    forgotten = {"profiles": list(profiles)} if profiles else {}
    payload = {"account_id": account, "reason": reason, "requested_by": cli.aws.caller, **forgotten}
    return cli.aws.start(RECONCILES, payload)


def finish(cli: Cli, started: Sequence[Execution], *, wait: bool) -> None:
    """Follow what was started, if that is wanted, and show how it is or ended."""
    ended: Started = follow(cli, started) if wait else Started.of(started)
    cli.printer.show(ended, render_started)
    if ended.failed:
        raise typer.Exit(ExitCode.FAILED)
