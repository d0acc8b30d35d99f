"""`quickctl profiles`: what a profiles file says, and what of it is rolled out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml
from pydantic import Field

from control_plane.account import NAME_PREFIX
from control_plane.errors import InvalidProfiles
from control_plane.profiles import parameters
from quickctl.cli import cli_of
from quickctl.exits import ExitCode, Problem
from quickctl.files import ConsumerFiles, consumer_files
from quickctl.output import Rendering, Result, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from control_plane.account import Hub
    from control_plane.profiles import Profile
    from quickctl.aws import Aws

FileArgument = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE]", help="A profiles.yaml; without one, that of this quickctl.", show_default=False),
]
FileOption = Annotated[
    Path | None, typer.Option("--file", metavar="FILE", help="A profiles.yaml; without one, that of this quickctl.")
]
NEW, CHANGED, SAME, REMOVED = "new", "changed", "same", "removed"

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="See, check and compare profiles.")


class Validated(Result):
    """Whether a profiles file is valid."""

    file: str = Field(description="the file")
    profiles: tuple[str, ...] = Field(description="the profiles it defines; none if it has faults")
    faults: tuple[str, ...] = Field(description="every fault")


class Shown(Result):
    """Profiles as the file has them."""

    file: str = Field(description="the file")
    profiles: dict[str, dict[str, Any]] = Field(description="each profile's fields, defaults included")


class Parameter(Result):
    """A parameter of the consumer role that differs."""

    name: str = Field(description="the parameter of consumer_role.yaml")
    deployed: str = Field(description="as the stack set has it; empty: it has none")
    file: str = Field(description="as the file makes it; empty: it makes none")


class Compared(Result):
    """A profile in the file and its stack set."""

    profile: str = Field(description="the profile")
    change: str = Field(description=f"`{NEW}`, `{CHANGED}`, `{SAME}` or `{REMOVED}`")
    template_differs: bool = Field(description="whether the stack set has another template")
    parameters: tuple[Parameter, ...] = Field(description="the parameters that differ")


class Difference(Result):
    """What deploying the file would change in the accounts."""

    file: str = Field(description="the file")
    profiles: tuple[Compared, ...] = Field(description="every profile of the file, and every stack set of ours")


@app.command()
def validate(context: typer.Context, file: FileArgument = None) -> None:
    """Check a profiles file, and name every fault."""
    cli, files = cli_of(context), consumer_files(file)
    try:
        found = Validated(file=str(files.profiles_file), profiles=tuple(sorted(files.profiles())), faults=())
    except InvalidProfiles as invalid:
        faults = tuple(invalid.faults) or (str(invalid),)
        found = Validated(file=str(files.profiles_file), profiles=(), faults=faults)
    cli.printer.show(found, render_validated)
    if found.faults:
        raise typer.Exit(ExitCode.FAILED)


@app.command()
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[PROFILE]", help="One profile only.", show_default=False)] = "",
    file: FileOption = None,
) -> None:
    """Show the profiles of a file, defaults included."""
    cli, files = cli_of(context), consumer_files(file)
    profiles = profiles_of(files)
    if name and name not in profiles:
        raise Problem(
            ExitCode.NOT_FOUND,
            f"{files.profiles_file} defines no profile {name}; it defines {', '.join(sorted(profiles))}",
        )
    chosen = {name: profiles[name]} if name else profiles
    values = {key: profile.model_dump(mode="json") for key, profile in sorted(chosen.items())}
    cli.printer.show(Shown(file=str(files.profiles_file), profiles=values), render_shown)


@app.command()
def diff(context: typer.Context, file: FileArgument = None) -> None:
    """Compare a file with the stack sets: what deploying it would change in the accounts."""
    cli, files = cli_of(context), consumer_files(file)
    compared = tuple(compared_profiles(cli.aws, files, profiles_of(files)))
    cli.printer.show(Difference(file=str(files.profiles_file), profiles=compared), render_difference)


def profiles_of(files: ConsumerFiles) -> Mapping[str, Profile]:
    """The profiles of a file; an invalid file is the operator's problem."""
    try:
        return files.profiles()
    except InvalidProfiles as invalid:
        raise Problem(ExitCode.FAILED, str(invalid), "quickctl profiles validate names every fault") from invalid


def compared_profiles(aws: Aws, files: ConsumerFiles, profiles: Mapping[str, Profile]) -> Iterator[Compared]:
    """Every profile of the file and every stack set of ours, compared."""
    hub, body = aws.deployment.hub, files.body
    deployed = [each.profile for each in aws.stack_sets_of_ours() if each.is_ours]
    for name in sorted({*profiles, *deployed}):
        found = aws.definition(f"{NAME_PREFIX}{name}")
        yield _compare(name, profiles.get(name), hub, found, body)


def _compare(
    name: str, profile: Profile | None, hub: Hub, deployed: tuple[str, Mapping[str, str]] | None, body: str
) -> Compared:
    wanted = parameters(name, profile, hub) if profile else {}
    found_body, found = deployed or ("", {})
    differ = tuple(
        Parameter(name=key, deployed=found.get(key, ""), file=wanted.get(key, ""))
        for key in sorted({*wanted, *found})
        if found.get(key) != wanted.get(key)
    )
    if profile is None:
        return Compared(profile=name, change=REMOVED, template_differs=False, parameters=())
    if deployed is None:
        return Compared(profile=name, change=NEW, template_differs=False, parameters=differ)
    other = found_body != body
    change = CHANGED if differ or other else SAME
    return Compared(profile=name, change=change, template_differs=other, parameters=differ)


def render_validated(found: Validated) -> Rendering:
    """The profiles, or every fault."""
    if found.faults:
        yield f"{found.file} has {len(found.faults)} faults:" if len(found.faults) > 1 else f"{found.file} has a fault:"
        yield from (f"  - {each}" for each in found.faults)
    else:
        yield f"{found.file} is valid; it defines {', '.join(found.profiles)}"


def render_shown(found: Shown) -> Rendering:
    """YAML, as in the file."""
    yield f"# {found.file}"
    yield yaml.safe_dump({"profiles": found.profiles}, sort_keys=False, allow_unicode=True).rstrip()


def render_difference(found: Difference) -> Rendering:
    """The profiles, and the parameters that differ."""
    yield table(("PROFILE", "CHANGE"), ((each.profile, _said(each)) for each in found.profiles))
    for each in found.profiles:
        if each.parameters and each.change == CHANGED:
            yield ""
            rows = ((p.name, p.deployed, p.file) for p in each.parameters)
            yield table(("PARAMETER", "DEPLOYED", "IN THE FILE"), rows, title=each.profile)


def _said(each: Compared) -> str:
    return f"{each.change}, and so is the template" if each.template_differs else each.change
