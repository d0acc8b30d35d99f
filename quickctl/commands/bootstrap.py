"""`quickctl bootstrap`: the prerequisites of a deployment (docs/howto/deploy.md), printed or made."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import Field
from rich.text import Text

from quickctl.cli import Cli, ManagementOption, account_id, cli_of, management_of
from quickctl.commands.profiles import profiles_of
from quickctl.exits import ExitCode, Problem
from quickctl.files import consumer_files
from quickctl.output import Command, Rendering, Result, table
from quickctl.resource_policy import SID, merged, statement, statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from quickctl.administrator import Administrator

MANAGEMENT, HUB = "management", "hub"
IN_PLACE, DONE, MISSING, BY_HAND, UNKNOWN = "in place", "done", "missing", "by hand", "cannot look"
STYLES = {IN_PLACE: "green", DONE: "green", MISSING: "yellow", BY_HAND: "yellow", UNKNOWN: "yellow"}
BOUNDARIES, POLICIES = Path("stacks/boundaries.yaml"), Path("docs/howto/policies")
BOUNDARIES_STACK = "quick-onboarding-boundaries"
DEPLOYER_POLICIES = {MANAGEMENT: ("deploy-forwarding",), HUB: ("deploy-hub", "deploy-hub-roles")}
STACK_SETS = "member.org.stacksets.cloudformation.amazonaws.com"


class Prerequisite(Result):
    """One prerequisite."""

    account: str = Field(description=f"where: `{MANAGEMENT}` or `{HUB}`")
    what: str = Field(description="what is needed")
    state: str = Field(
        description=f"`{IN_PLACE}`; `{DONE}`: made now; `{MISSING}`; `{BY_HAND}`: missing, and --apply can't make it; "
        f"`{UNKNOWN}`: no --management-profile was named"
    )
    commands: tuple[str, ...] = Field(description="what makes it, as an administrator of that account")


class Bootstrap(Result):
    """All prerequisites, in their order."""

    hub: str = Field(description="the hub account")
    management: str = Field(description="the management account")
    region: str = Field(description="Quick's Region")
    prerequisites: tuple[Prerequisite, ...] = Field(description="each of them")

    @property
    def complete(self) -> bool:
        """Whether all of them are there."""
        return all(each.state in (IN_PLACE, DONE) for each in self.prerequisites)


@dataclass(frozen=True)
class Step:
    """A prerequisite, how to look for it, and how to make it. `make`: None if only a person can."""

    account: str
    what: str
    commands: tuple[str, ...]
    is_there: Callable[[Administrator], bool]
    make: Callable[[Administrator], object] | None = None


@dataclass(frozen=True)
class Place:
    """What the steps are made for."""

    hub: str
    management: str
    organization: str
    region: str
    identity_region: str
    deployer: str
    status_tag: str
    checkout: Path


def bootstrap(
    context: typer.Context,
    management_profile: ManagementOption = None,
    apply: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option("--apply", help="Make what is missing (needs --hub); without it, print it only.")
    ] = False,
    expected: Annotated[
        str, typer.Option("--hub", metavar="ACCOUNT", help="The account that is to be the hub; any other is refused.")
    ] = "",
    deployer: Annotated[
        str,
        typer.Option(metavar="ROLE", help="The role that deploys, in both accounts: give it the policies for that."),
    ] = "",
    status_tag: Annotated[
        str,
        typer.Option(metavar="KEY", help="Let the hub write this tag on accounts: quick-athena:status (StatusTag)."),
    ] = "",
    identity_region: Annotated[
        str, typer.Option(metavar="REGION", help="Where Quick keeps its groups; without it, Quick's Region.")
    ] = "",
) -> None:
    """Print, or with --apply make, what a deployment needs in the hub and in the management account.

    Call it in a checkout, as an administrator of the hub account. What is there already stays as it is.
    """
    cli = cli_of(context)
    hub = cli.administrator()
    _check_hub(hub, expected, apply=apply)
    organization, region = hub.organization, cli.aws.region
    place = Place(
        hub.account_id,
        organization["MasterAccountId"],
        organization["Id"],
        region,
        identity_region or region,
        deployer,
        status_tag,
        Path.cwd(),
    )
    management = management_of(cli, management_profile, place.management)
    wanted = list(steps(place))
    administrators = {HUB: hub, MANAGEMENT: management}
    found = Bootstrap(
        hub=place.hub,
        management=place.management,
        region=region,
        prerequisites=tuple(_treated(cli, each, administrators[each.account], apply=apply) for each in wanted),
    )
    cli.printer.show(found, render)
    if not found.complete:
        raise typer.Exit(ExitCode.FAILED)


def _check_hub(hub: Administrator, expected: str, *, apply: bool) -> None:
    """Refuse credentials of another account than the one that is to be the hub, before anything is looked at."""
    if apply and not expected:
        raise Problem(ExitCode.USAGE, "--apply needs the hub's account id; nothing was done", "add --hub <account>")
    if expected and account_id(expected) != hub.account_id:
        raise Problem(
            ExitCode.USAGE,
            f"these are credentials of account {hub.account_id}, not of {expected}; nothing was done",
            f"name a profile of account {expected} with --profile",
        )
    if hub.account_id == hub.organization["MasterAccountId"]:
        raise Problem(
            ExitCode.USAGE,
            f"{hub.account_id} is the management account; it can't be the hub; nothing was done",
            "call it with credentials of the hub account, and name the other one with --management-profile",
        )


def _treated(cli: Cli, step: Step, administrator: Administrator | None, *, apply: bool) -> Prerequisite:
    state = _state(cli, step, administrator, apply=apply)
    commands = () if state in (IN_PLACE, DONE) else step.commands
    return Prerequisite(account=step.account, what=step.what, state=state, commands=commands)


def _state(cli: Cli, step: Step, administrator: Administrator | None, *, apply: bool) -> str:
    if administrator is None:
        return UNKNOWN
    if step.is_there(administrator):
        return IN_PLACE
    if step.make is None:
        return BY_HAND
    if not apply:
        return MISSING
    cli.printer.note(f"{step.account} account: {step.what}")
    step.make(administrator)
    return DONE


def steps(place: Place) -> Iterator[Step]:
    """Every prerequisite, in the order in which they are made."""
    yield from _of_the_organization(place)
    if place.status_tag:
        yield _status_tag(place)
    for account in (MANAGEMENT, HUB):
        yield _boundaries(place, account)
        if place.deployer:
            yield from _deployer(place, account)
    yield from _of_quick(place)


def _of_the_organization(place: Place) -> Iterator[Step]:
    yield Step(
        MANAGEMENT,
        "an organization with all features",
        ("aws organizations enable-all-features",),
        lambda administrator: administrator.organization["FeatureSet"] == "ALL",
    )
    yield Step(
        MANAGEMENT,
        "trusted access for StackSets",
        ("aws cloudformation activate-organizations-access",),
        lambda administrator: administrator.trusts_stack_sets(),
        lambda administrator: administrator.trust_stack_sets(place.region),
    )
    register = "aws organizations register-delegated-administrator"
    yield Step(
        MANAGEMENT,
        "the hub is a delegated administrator for StackSets",
        (f"{register} --account-id {place.hub} --service-principal {STACK_SETS}",),
        lambda administrator: administrator.is_stack_set_administrator(place.hub),
        lambda administrator: administrator.register_stack_set_administrator(place.hub),
    )
    yield Step(
        MANAGEMENT,
        "a trail that logs management events in us-east-1",
        ("create an organization trail in CloudTrail's console: it costs money, and others may want it otherwise",),
        lambda administrator: administrator.has_trail(),
    )


def _status_tag(place: Place) -> Step:
    ours = statement(place.hub, place.management, place.organization, place.status_tag)

    def is_there(administrator: Administrator) -> bool:
        return ours in statements(administrator.resource_policy() or {})

    def make(administrator: Administrator) -> None:
        """Read it just before: there is no call that changes a part, and none that refuses an outdated whole."""
        administrator.put_resource_policy(merged(administrator.resource_policy(), ours))

    commands = (
        "aws organizations describe-resource-policy",
        f"aws organizations put-resource-policy --content <all its statements, and this one: {json.dumps(ours)}>",
    )
    return Step(MANAGEMENT, f"the statement {SID} in the organization's resource policy", commands, is_there, make)


def _boundaries(place: Place, account: str) -> Step:
    path, parameters = place.checkout / BOUNDARIES, {"HubAccountId": place.hub}
    command = (
        f"aws cloudformation deploy --region {place.region} --template-file {BOUNDARIES} --stack-name "
        f"{BOUNDARIES_STACK} --parameter-overrides HubAccountId={place.hub} --capabilities CAPABILITY_NAMED_IAM"
    )
    template = _read(path)
    return Step(
        account,
        f"the stack {BOUNDARIES_STACK}",
        (command,),
        lambda administrator: administrator.is_deployed(place.region, BOUNDARIES_STACK, template, parameters),
        lambda administrator: administrator.deploy(place.region, BOUNDARIES_STACK, template, parameters),
    )


def _deployer(place: Place, account: str) -> Iterator[Step]:
    owner = place.hub if account == HUB else place.management
    for name in DEPLOYER_POLICIES[account]:
        document: Any = json.loads(_read(place.checkout / POLICIES / f"{name}.json"))
        file = f"file://{POLICIES}/{name}.json"
        arn = f"arn:aws:iam::{owner}:policy/{name}"
        yield Step(
            account,
            f"the policy {name} on the role {place.deployer}",
            (
                f"aws iam create-policy --policy-name {name} --policy-document {file}",
                f"aws iam attach-role-policy --role-name {place.deployer} --policy-arn {arn}",
            ),
            _Policy(place.deployer, name, document).is_there,
            _Policy(place.deployer, name, document).make,
        )


@dataclass(frozen=True)
class _Policy:
    role: str
    name: str
    document: Any

    def is_there(self, administrator: Administrator) -> bool:
        try:
            return administrator.has_policy(self.role, self.name, self.document)
        except LookupError as error:
            raise Problem(
                ExitCode.NOT_FOUND,
                f"the account {administrator.account_id} has no role {self.role}",
                "name the role that deploys, the same in both accounts, or leave out --deployer",
            ) from error

    def make(self, administrator: Administrator) -> None:
        administrator.give_policy(self.role, self.name, self.document)


def _of_quick(place: Place) -> Iterator[Step]:
    yield Step(
        HUB,
        "Amazon Quick, Enterprise Edition",
        ("subscribe in Quick's console",),
        lambda administrator: administrator.edition(place.identity_region).startswith("ENTERPRISE"),
    )
    for name in sorted(_groups()):
        create = f"aws quicksight create-group --aws-account-id {place.hub} --namespace default --group-name {name}"
        yield Step(
            HUB,
            f"the group {name} of Quick",
            (create,),
            _Group(place.identity_region, name).is_there,
            _Group(place.identity_region, name).make,
        )


@dataclass(frozen=True)
class _Group:
    region: str
    name: str

    def is_there(self, administrator: Administrator) -> bool:
        return administrator.has_group(self.region, self.name)

    def make(self, administrator: Administrator) -> None:
        administrator.create_group(self.region, self.name)


def _groups() -> set[str]:
    found = profiles_of(consumer_files(None)).values()
    return {group for profile in found for group in (*profile.owners, *profile.viewers)}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise Problem(
            ExitCode.USAGE, f"{path} can't be read; nothing was done", "call it in a checkout of Quick Onboarding"
        ) from error


def render(found: Bootstrap) -> Rendering:
    """What is there, and the commands that make what is not."""
    yield f"Hub {found.hub} in {found.region}, management account {found.management}"
    yield ""
    rows = ((each.account, Text(each.state, style=STYLES[each.state]), each.what) for each in found.prerequisites)
    yield table(("ACCOUNT", "STATE", "WHAT"), rows)
    for account in (MANAGEMENT, HUB):
        lines = [line for each in found.prerequisites if each.account == account for line in each.commands]
        if lines:
            yield ""
            yield f"As an administrator of the {account} account, {getattr(found, account)}:"
            yield from (Command(f"  {line}") for line in lines)
    if found.complete:
        yield "Next: make build, then sam deploy (docs/howto/deploy.md, steps 4 to 6)."
