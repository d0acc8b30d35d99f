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
def run_server(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 chooses a free one.")] = 0,
    accounts: Annotated[int, typer.Option(min=0, max=10_000, help="Active, untagged members.")] = 6,
    speed: Annotated[
        float, typer.Option(min=0, max=1e6, help="Sandbox seconds in a real one; 0: /advance alone.")
    ] = 1.0,
    profiles: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Another profiles.yaml.")] = None,
    deploy: Annotated[bool, typer.Option(help="Deploy the control plane; without it, you do.")] = True,  # noqa: FBT002 - an option
) -> None:
    """See HELP in serve.py."""
    raise typer.Exit(serve.main(port, accounts, speed, profiles, deploy=deploy))


if __name__ == "__main__":
    app()
