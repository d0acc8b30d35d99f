"""What every command gets: the hub's AWS, the printer and the clock."""

from __future__ import annotations

import time
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from control_plane.events import ACCOUNT_ID
from quickctl import aws
from quickctl.administrator import Administrator
from quickctl.exits import ExitCode, Problem
from quickctl.output import Format, Printer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import boto3


DEFAULT_STACK = "quick-onboarding"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Surroundings:
    """What a command takes from outside. Tests give it an AWS and a clock of their own."""

    open_session: Callable[[str | None, str | None], boto3.Session] = aws.open_session
    now: Callable[[], datetime] = _now
    sleep: Callable[[float], object] = time.sleep


@dataclass(frozen=True)
class Cli:
    """What every command gets."""

    aws: aws.Aws
    printer: Printer
    now: Callable[[], datetime]
    sleep: Callable[[float], object]
    open_session: Callable[[str | None], boto3.Session]
    options: Mapping[str, str] = field(default_factory=dict)  # the global ones that were given, but --output

    def administrator(self, profile: str | None = None) -> Administrator:
        """The account of that AWS profile, as its administrator; without one, the hub's."""
        return Administrator(self.open_session(profile), self.sleep)


def cli_of(context: typer.Context) -> Cli:
    """What the global options made."""
    found: Any = context.obj
    assert isinstance(found, Cli)
    return found


def samconfig(folder: Path) -> tuple[str, str | None]:
    """The hub's stack name and Region as `sam deploy` in this folder takes them."""
    path = folder / "samconfig.toml"
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8")).get("default", {})
    except FileNotFoundError:
        return DEFAULT_STACK, None
    except (OSError, ValueError) as error:
        raise Problem(ExitCode.USAGE, f"{path} can't be read: {error}", "correct it, or use --stack-name") from error
    sections = [found.get(name, {}).get("parameters", {}) for name in ("deploy", "global")]
    named = {key: value for section in reversed(sections) for key, value in section.items()}
    return str(named.get("stack_name", DEFAULT_STACK)), named.get("region")


def prepare(
    surroundings: Surroundings, profile: str | None, region: str | None, stack_name: str | None, output: Format
) -> Cli:
    """What the global options say; what they leave open, samconfig.toml says if there is one."""
    name, deployed_in = (stack_name, None) if stack_name else samconfig(Path.cwd())

    def open_session(other: str | None = None) -> boto3.Session:
        named = other or profile
        session = surroundings.open_session(named, region)
        if session.region_name or not deployed_in:
            return session
        return surroundings.open_session(named, deployed_in)

    printer = Printer(output)
    hub = aws.Aws(open_session, name, printer.note)
    given = {"--profile": profile, "--region": region, "--stack-name": stack_name}
    options = {option: value for option, value in given.items() if value}
    return Cli(hub, printer, surroundings.now, surroundings.sleep, open_session, options)


def account_id(value: str) -> str:
    """An account's id, checked."""
    if not ACCOUNT_ID.fullmatch(value):
        raise typer.BadParameter(f"{value!r} is no account id: it has 12 digits")
    return value


AccountArgument = Annotated[
    str, typer.Argument(metavar="ACCOUNT", callback=account_id, help="The account's id, 12 digits.", show_default=False)
]

ManagementOption = Annotated[
    str | None,
    typer.Option(
        "--management-profile", metavar="NAME", help="AWS profile of the management account, as an administrator."
    ),
]
ReadingManagementOption = Annotated[
    str | None,
    typer.Option("--management-profile", metavar="NAME", help="AWS profile of the management account, to look there."),
]


def management_of(cli: Cli, profile: str | None, management_account: str) -> Administrator | None:
    """The management account, if a profile was named. Raises Problem when the profile is another account's."""
    if profile is None:
        return None
    found = cli.administrator(profile)
    if found.account_id != management_account:
        raise Problem(
            ExitCode.USAGE,
            f"the profile {profile} is of account {found.account_id}; the management account of this organization is "
            f"{management_account}; nothing was done",
            "name a profile of the management account with --management-profile",
        )
    return found
