"""`python -m sandbox`: the sandbox's commands."""

import typer

from sandbox import demo

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


@app.callback()
def sandbox() -> None:
    """An AWS organization in one process, with Quick Onboarding deployed into it."""


@app.command(name="demo")
def run_demo() -> None:
    """Watch accounts travel from tagged to connected; exits 1 when anything is not as it should be."""
    raise typer.Exit(demo.main())


if __name__ == "__main__":
    app()
