"""`python -m sandbox`: the sandbox's commands."""

from pathlib import Path
from typing import Annotated

import typer

from sandbox import demo, serve

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.callback()
def sandbox() -> None:
    """An AWS organization in one process, with Quick Onboarding deployed into it."""


@app.command(name="demo")
def run_demo() -> None:
    """Watch accounts travel from tagged to connected; exits 1 when anything is not as it should be."""
    raise typer.Exit(demo.main())


@app.command(name="serve", help=serve.HELP)
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
    """See HELP in serve.py."""
    if env or aws_config:
        raise typer.Exit(serve.show(port, env, aws_config))
    without = serve.Deployed.BOUNDARIES if empty else serve.Deployed.NOTHING
    deployed = serve.Deployed.EVERYTHING if deploy and not empty else without
    raise typer.Exit(serve.main(port, accounts, speed, profiles, deployed))


if __name__ == "__main__":
    app()
