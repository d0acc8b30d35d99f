"""`quickctl pause`, `resume`: the deployments of one profile's consumer role."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import Field

from control_plane.errors import UnknownProfile
from quickctl.cli import Cli, cli_of
from quickctl.exits import ExitCode, Problem
from quickctl.output import Rendering, Result

if TYPE_CHECKING:
    from typing import Literal

FUNCTION = "ControlRolloutFunctionName"
ProfileArgument = Annotated[
    str, typer.Argument(metavar="PROFILE", help="The profile, as profiles.yaml names it.", show_default=False)
]
ReasonOption = Annotated[str, typer.Option(metavar="TEXT", help="Why; it is shown to whoever waits.")]


class Controlled(Result):
    """A roll-out that was stopped or resumed."""

    stack_set: str = Field(description="the profile's stack set")
    action: str = Field(description="`stop` or `resume`")


def pause(context: typer.Context, profile: ProfileArgument, reason: ReasonOption = "no reason given") -> None:
    """Stop the deployments of a profile's consumer role. Removals go on, and who has access keeps it."""
    _control(cli_of(context), profile, "stop", reason)


def resume(context: typer.Context, profile: ProfileArgument, reason: ReasonOption = "no reason given") -> None:
    """Have the deployments of a profile go on: a sweep starts every account that differs."""
    _control(cli_of(context), profile, "resume", reason)


def _control(cli: Cli, profile: str, action: Literal["stop", "resume"], reason: str) -> None:
    request = {"profile": profile, "action": action, "reason": reason[:300]}
    answer, error = cli.aws.invoke(FUNCTION, request)
    if error == UnknownProfile.__name__:
        raise Problem(ExitCode.NOT_FOUND, f"the deployed profiles.yaml has no profile {profile}", "check its name")
    if error == "ValidationError":
        raise Problem(ExitCode.USAGE, f"{profile!r} is no profile name: lower-case letters, digits, hyphens")
    if error:
        raise Problem(ExitCode.FAILED, f"{error}: {answer.get('errorMessage')}")
    cli.printer.show(Controlled.model_validate(answer), render)


def render(found: Controlled) -> Rendering:
    """One line."""
    after = {
        "stop": "nothing is deployed to any account until you resume it",
        "resume": "its failures are forgotten, and a sweep starts every account that differs",
    }
    yield f"{found.stack_set}: {after[found.action]}"
