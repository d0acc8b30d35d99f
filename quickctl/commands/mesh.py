"""`quickctl mesh`: who publishes to whom, and what the owner of an account that publishes must allow."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import Field

from control_plane.errors import AccountTagRefused
from control_plane.narrowing import fit
from control_plane.opt_in import read_opt_in
from control_plane.publications import allowed_connections
from quickctl.cli import AccountArgument, Cli, cli_of
from quickctl.commands.profiles import FileOption, profiles_of
from quickctl.exits import ExitCode, Problem
from quickctl.files import consumer_files
from quickctl.output import Command, Rendering, Result, table
from quickctl.owner import CannotReadError, Owner, OwnersPolicy
from quickctl.publishing import Needed, is_there, leftovers, needed, removal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from control_plane.account import Connection
    from control_plane.profiles import Profile

UNKNOWN, THERE, MISSING = "not checked", "there", "missing"
A_PATTERN = "a pattern: check each bucket"
Place = tuple[str, str]  # whose policy it is: the kind and the name
OF_KIND = {"catalog": "the Glue catalog's resource policy", "bucket": "the bucket's policy", "key": "the key's policy"}


app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="See who publishes to whom between accounts.")


class Publication(Result):
    """A connection that publishes."""

    account_id: str = Field(description="the account that publishes")
    profile: str = Field(description="the profile through which it does")
    databases: tuple[str, ...] = Field(description="what it publishes: Glue databases, or patterns of their names")
    publishes_to: tuple[str, ...] = Field(
        description="accounts, OUs or the root: the connected accounts among them read"
    )


class Publications(Result):
    """Every connection that publishes."""

    publications: tuple[Publication, ...] = Field(description="one for each connection in the access policy")


class NeededStatement(Result):
    """A statement that the owner of the account adds."""

    profile: str = Field(description="the profile that publishes")
    kind: str = Field(description="`catalog`, `bucket` or `key`: whose policy must have it")
    name: str = Field(description="which one: the account of the catalog, the bucket, the alias of the key")
    state: str = Field(description=f"`{THERE}`, `{MISSING}`, `{UNKNOWN}`, or the error when it could not be read")
    statement: dict[str, Any] = Field(description="the statement")


class Leftover(Result):
    """Statements of ours in a policy that should go: for a reader, a database or a profile that is gone."""

    kind: str = Field(description="`catalog`, `bucket` or `key`: whose policy has them")
    name: str = Field(description="which one: the account of the catalog, the bucket, the alias of the key")
    statements: tuple[dict[str, Any], ...] = Field(description="the statements")
    command: str = Field(description="how the owner takes them out of the policy as it was read")


class OwnersPart(Result):
    """What the owner of an account that publishes must allow, and what the owner should allow no more."""

    account_id: str = Field(description="the account")
    statements: tuple[NeededStatement, ...] = Field(description="every statement")
    leftovers: tuple[Leftover, ...] = Field(description="what to remove, of the policies that were read")


@app.command("list")
def list_(context: typer.Context, file: FileOption = None) -> None:
    """Show which connected accounts publish what, and to whom."""
    cli = cli_of(context)
    found = Publications(publications=tuple(map(_publication, _publishing(cli, file))))
    cli.printer.show(found, render)


@app.command()
def statements(
    context: typer.Context,
    account: AccountArgument,
    owner_profile: Annotated[
        str | None,
        typer.Option("--owner-profile", metavar="NAME", help="AWS profile of that account: check what is there."),
    ] = None,
    file: FileOption = None,
) -> None:
    """Print the statements that the owner of an account that publishes must add. Nothing is written."""
    cli = cli_of(context)
    own = [each for each in _publishing(cli, file) if each[0].account_id == account]
    if not own:
        raise Problem(
            ExitCode.NOT_FOUND,
            f"the account {account} publishes nothing: it is not connected with a profile that has publishes_to",
            "quickctl mesh list shows the accounts that publish",
        )
    owner = _owner(cli, account, owner_profile)
    wanted = list(_needed(cli, own))
    read = _read(owner, [each for _, each in wanted]) if owner else {}
    found = OwnersPart(
        account_id=account,
        statements=tuple(_checked(name, each, read) for name, each in wanted),
        leftovers=tuple(_leftovers([each for _, each in wanted], read, _options(cli, owner_profile))),
    )
    cli.printer.show(found, render_owners_part)
    if owner and (found.leftovers or any(each.state != THERE for each in found.statements)):
        raise typer.Exit(ExitCode.FAILED)


def _publishing(cli: Cli, file: Path | None) -> Iterator[tuple[Connection, Profile]]:
    """The connections in the access policy whose profiles publish."""
    profiles = profiles_of(consumer_files(file))
    allowed = allowed_connections(cli.aws.policies.shards(), cli.aws.deployment.hub)
    for connection in sorted(allowed, key=lambda each: each.key):
        profile = profiles.get(connection.profile)
        if profile and profile.publishes_to:
            yield connection, profile


def _publication(found: tuple[Connection, Profile]) -> Publication:
    connection, profile = found
    return Publication(
        account_id=connection.account_id,
        profile=connection.profile,
        databases=tuple(profile.published),
        publishes_to=tuple(profile.publishes_to),
    )


def _owner(cli: Cli, account: str, profile: str | None) -> Owner | None:
    """The account as its owner sees it, if a profile was named. Raises Problem when that is another account's."""
    if profile is None:
        return None
    owner = Owner(cli.open_session(profile), cli.aws.deployment.region)
    if owner.account_id != account:
        raise Problem(
            ExitCode.USAGE,
            f"the profile {profile} is of account {owner.account_id}, not of {account}",
            f"name a profile of {account} with --owner-profile",
        )
    return owner


def _options(cli: Cli, owner_profile: str | None) -> tuple[str, ...]:
    """The options with which the AWS CLI works in the owner's account."""
    return ("--region", cli.aws.deployment.region, "--profile", owner_profile or "default")


def _needed(cli: Cli, own: list[tuple[Connection, Profile]]) -> Iterator[tuple[str, Needed]]:
    """Every statement for the account's profiles, as its tags fit them, with the profile's name."""
    deployment = cli.aws.deployment
    account = cli.aws.organization.account(own[0][0].account_id, deployment.opt_in_policy.opt_in_tag)
    values = read_opt_in(account, deployment.hub, deployment.opt_in_policy, cli.now()).values
    for connection, profile in own:
        try:
            fitted = fit(connection.profile, profile, values)
        except AccountTagRefused as error:
            raise Problem(ExitCode.FAILED, f"account {account.id}: {error}", "correct the tag") from error
        for each in needed(account.id, connection.profile, fitted, deployment.hub):
            yield connection.profile, each


def _read(owner: Owner, wanted: Iterable[Needed]) -> dict[Place, OwnersPolicy | str]:
    """The policies that must have these statements, each read once; or why it can't be read."""
    found: dict[Place, OwnersPolicy | str] = {}
    for kind, name in dict.fromkeys((each.kind, each.name) for each in wanted):
        try:
            found[kind, name] = A_PATTERN if "*" in name else owner.policy(kind, name)
        except CannotReadError as error:
            found[kind, name] = str(error)
    return found


def _checked(profile: str, wanted: Needed, read: Mapping[Place, OwnersPolicy | str]) -> NeededStatement:
    """The statement, and whether the policy that was read has it."""
    found = read.get((wanted.kind, wanted.name), UNKNOWN)
    if not isinstance(found, str):
        found = THERE if is_there(wanted.statement, found.statements) else MISSING
    return NeededStatement(profile=profile, state=found, **wanted._asdict())


def _leftovers(
    wanted: Sequence[Needed], read: Mapping[Place, OwnersPolicy | str], options: Sequence[str]
) -> Iterator[Leftover]:
    """What should go from each of the policies that were read."""
    for (kind, name), policy in read.items():
        if isinstance(policy, str):
            continue
        own = [each.statement for each in wanted if (each.kind, each.name) == (kind, name)]
        if found := leftovers(own, policy.statements):
            command = removal(
                policy.document, found, (*options, *policy.put), policy.delete and (*options, *policy.delete)
            )
            yield Leftover(kind=kind, name=name, statements=tuple(found), command=command)


def render(found: Publications) -> Rendering:
    """A table."""
    if not found.publications:
        yield "Nobody publishes: no connected account has a profile with publishes_to."
        return
    rows = (
        (each.account_id, each.profile, ", ".join(each.databases), ", ".join(each.publishes_to))
        for each in found.publications
    )
    yield table(("ACCOUNT", "PROFILE", "DATABASES", "PUBLISHES TO"), rows)
    yield ""
    yield "quickctl mesh statements ACCOUNT prints what the owner of an account must allow."


def render_owners_part(found: OwnersPart) -> Rendering:
    """A table, and the statements to copy."""
    rows = ((each.profile, f"{each.kind} {each.name}", each.state) for each in found.statements)
    yield table(("PROFILE", "POLICY OF", "STATEMENT"), rows)
    for each in found.statements:
        if each.state != THERE:
            yield ""
            yield f"Add to {OF_KIND[each.kind]} ({each.name}):"
            yield Command(json.dumps(each.statement, indent=2))
    for left in found.leftovers:
        names = ", ".join(str(each["Sid"]) for each in left.statements)
        yield ""
        yield f"Remove from {OF_KIND[left.kind]} ({left.name}), because nobody needs it any more: {names}"
        yield Command(left.command)
