"""The Typer app: global options, commands, and how a command ends."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from quickctl.aws import problem_of
from quickctl.cli import Surroundings, prepare
from quickctl.commands import (
    approvals,
    bootstrap,
    capacity,
    doctor,
    explain,
    history,
    kept_events,
    mesh,
    plans,
    profiles,
    reconcile,
    redrive,
    report,
    rollouts,
    selftest,
    status,
    sweeps,
    uninstall,
)
from quickctl.exits import ExitCode
from quickctl.output import Format, harmless


class Commands(TyperGroup):
    """All commands. What AWS refuses becomes one sentence on stderr, a remedy, and an exit code of its own."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # whoever read the output has read enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(ExitCode.DONE) from None
        except Exception as error:
            problem = problem_of(error)
            if problem is None:
                raise
            sys.stderr.write(harmless(f"quickctl: {problem.message}") + "\n")
            if problem.remedy:
                sys.stderr.write(harmless(f"  do: {problem.remedy}") + "\n")
            raise typer.Exit(problem.code) from error


app = typer.Typer(cls=Commands, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback()
def quickctl(
    context: typer.Context,
    profile: Annotated[str | None, typer.Option(metavar="NAME", help="AWS profile of the hub account.")] = None,
    region: Annotated[
        str | None, typer.Option(metavar="REGION", help="Quick's Region, where the hub's stack is.")
    ] = None,
    stack_name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The hub's stack: as in samconfig.toml here, otherwise quick-onboarding."),
    ] = None,
    output: Annotated[
        Format, typer.Option("--output", "-o", help="How results are printed: table, json or yaml.")
    ] = Format.TABLE,
) -> None:
    """See what Quick Onboarding does with every account and why, and have it do something.

    Call it with credentials of the hub account. AWS_ENDPOINT_URL and the other variables of the AWS CLI count.
    """
    surroundings = context.obj if isinstance(context.obj, Surroundings) else Surroundings()
    context.obj = prepare(surroundings, profile, region, stack_name, output)


for each in (
    status.status,
    explain.explain,
    history.history,
    reconcile.reconcile,
    reconcile.retry,
    plans.plan,
    plans.apply,
    sweeps.sweep,
    approvals.approvals,
    approvals.approve,
    approvals.reject,
    capacity.capacity,
    report.report,
    plans.orphans,
    rollouts.rollout,
    rollouts.pause,
    rollouts.resume,
    redrive.redrive,
    kept_events.events,
    doctor.doctor,
    selftest.selftest,
    bootstrap.bootstrap,
    uninstall.uninstall,
):
    app.command()(each)
app.add_typer(profiles.app, name="profiles")
app.add_typer(mesh.app, name="mesh")
