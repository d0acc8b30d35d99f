"""`python -m sandbox`: the sandbox's commands. Each imports what it needs itself: an AWS takes a second or two."""

import gc
from pathlib import Path
from typing import Annotated

import typer

from sandbox import shell

HELP = """Serve an AWS organization to any AWS client, until SIGTERM.

\b
  serve --port 5000 --speed 10        in one shell; in another one:
  eval "$(.venv/bin/python -m sandbox serve --env management)"
  aws organizations tag-resource --resource-id <member> \\
      --tags Key=quick-athena,Value=enabled
  curl "$AWS_ENDPOINT_URL/sandbox/alarms"

With --env or --aws-config nothing is started: they are about a sandbox that is
served already, the one at --port or the only one.

When all is deployed, one JSON line on stdout says where and as whom:
endpoint_url, region, accounts, credentials (an administrator's, for each
account), registry_table, run_as_role_arn, run_as_role_session (as Quick would
hold it, without scope-down), opt_in_tag. With --empty or --no-deploy you deploy the
control plane, and what is announced of it is null. Everything else goes to
stderr.

\b
POST /sandbox/advance   {"seconds": n}
    Go on so far, from due moment to due moment, and wait until nothing runs
    between them. Answers within a minute {"now", "fired", "running",
    "remaining"}: go on with the remaining seconds.
POST /sandbox/events    {"drop": p, "repeat": p, "delay_seconds": n, "seed": n}
    The fate of organization events from now on; p is a probability.
GET /sandbox/accounts
    Every account there is now, with an administrator's credentials.
GET /sandbox/calls
    Every call: time, account, role, service, operation, resource, outcome.
GET /sandbox/messages
    Every e-mail of SNS: time, topic, endpoint, subject, text; and the topics
    whose messages nobody gets, because nobody is subscribed.
GET /sandbox/alarms
    Every alarm: account, region, name, state, since, reason.
POST /sandbox/faults    {"service", "operation", "effect", ...}
    Make a named call fail, hang or answer late. The fields are in
    docs/sandbox/serve.md.
DELETE /sandbox/faults
    No faults any more.

Signatures and HTTP use real time; waits, schedules, operations and propagation
use the sandbox's clock, which stands still while it computes.
"""

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.callback()
def sandbox() -> None:
    """An AWS organization in one process, with Quick Onboarding deployed into it."""


@app.command(name="demo")
def run_demo(
    show: Annotated[bool, typer.Option("--open", help="Show quickctl's report of it in a browser.")] = False,  # noqa: FBT002 - an option
) -> None:
    """Watch accounts travel from tagged to connected; exits 1 when anything is not as it should be."""
    _collect_seldom()
    from sandbox import demo  # noqa: PLC0415 - see above

    raise typer.Exit(demo.main(show=show))


@app.command(name="serve", help=HELP)
def run_server(  # noqa: PLR0913, PLR0917 - an argument for each option
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 chooses a free one.")] = 0,
    accounts: Annotated[int, typer.Option(min=0, max=10_000, help="Active, untagged members.")] = 6,
    speed: Annotated[
        float, typer.Option(min=0, max=1e6, help="Sandbox seconds in a real one; 0: /advance alone.")
    ] = 1.0,
    profiles: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Another profiles.yaml.")] = None,
    deploy: Annotated[bool, typer.Option(help="Deploy the control plane; without it, you do.")] = True,  # noqa: FBT002 - an option
    empty: Annotated[bool, typer.Option("--empty", help="Deploy the boundaries only: sam deploy comes next.")] = False,  # noqa: FBT002 - an option
    env: Annotated[
        str | None, typer.Option(metavar="ACCOUNT", help="Print exports for the hub, management or an account id.")
    ] = None,
    aws_config: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write AWS profiles: hub, management, and each account id.")
    ] = None,
) -> None:
    """See HELP."""
    if env or aws_config:
        raise typer.Exit(shell.show(port, env, aws_config))
    _collect_seldom()
    from sandbox import serve  # noqa: PLC0415 - see above

    without = serve.Deployed.BOUNDARIES if empty else serve.Deployed.NOTHING
    deployed = serve.Deployed.EVERYTHING if deploy and not empty else without
    raise typer.Exit(serve.main(port, accounts, speed, profiles, deployed))


def _collect_seldom() -> None:
    """An AWS makes few cycles and holds much: looking for cycles takes a third of its start."""
    gc.set_threshold(200_000, 20, 100)


if __name__ == "__main__":
    app()
