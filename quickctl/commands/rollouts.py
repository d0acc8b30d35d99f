"""`quickctl rollout`, `pause`, `resume`: the deployments of one profile's consumer role, or one account's access.

An account is paused by its tag and by nothing else, so that whoever reads the tag knows what the account has
(docs/decisions/0033-pause-an-account-by-its-tag.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import Field

from control_plane.account import NAME_PREFIX
from control_plane.errors import UnknownProfile
from control_plane.events import ACCOUNT_ID
from control_plane.sweep.planning import RETURNING
from quickctl.cli import Cli, ManagementOption, cli_of, management_of
from quickctl.exits import ExitCode, Problem
from quickctl.output import Command, Rendering, Result, table

if TYPE_CHECKING:
    from typing import Literal

FUNCTION = "ControlRolloutFunctionName"
PAUSED = "paused"
NameArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="A profile, as profiles.yaml names it, or an account's id, 12 digits.", show_default=False
    ),
]
ReasonOption = Annotated[str, typer.Option(metavar="TEXT", help="Why; it is shown to whoever waits.")]


class Rollout(Result):
    """How far the version of a profile's consumer role is, and what waits."""

    profile: str = Field(description="the profile")
    version: str = Field(description="the version that was deployed last; empty: none yet")
    succeeded: int = Field(description="accounts that got it from the operator of the stack set")
    failures: tuple[str, ...] = Field(description="why others did not get it, since a success or a resume")
    stopped: str = Field(description="why a person stopped it; empty: nobody did")
    operation_id: str = Field(description="the operation that runs; empty: none")
    operation_kind: str = Field(description="what it does")
    operation_accounts: tuple[str, ...] = Field(description="its accounts")
    waiting: tuple[str, ...] = Field(description="accounts that wait")


class Rollouts(Result):
    """The roll-outs of the profiles."""

    rollouts: tuple[Rollout, ...] = Field(description="one for each profile")


class Controlled(Result):
    """A roll-out or an account that was stopped or resumed."""

    stack_set: str = Field(default="", description="of a profile: its stack set")
    action: str = Field(description="`stop` or `resume`")
    account_id: str = Field(default="", description="of an account: the account")
    tag: str = Field(default="", description="of an account: the value of the opt-in tag that does it")
    command: str = Field(
        default="", description="of an account: what is still to be done in the management account; empty: it was done"
    )


def rollout(
    context: typer.Context,
    profile: Annotated[str, typer.Argument(metavar="[PROFILE]", help="Of this profile only.", show_default=False)] = "",
) -> None:
    """Show how far the roll-out of each profile's consumer role is: version, accounts, failures, and what waits."""
    cli = cli_of(context)
    profiles = [each.profile for each in cli.aws.stack_sets_of_ours() if each.is_ours]
    if profile and profile not in profiles:
        raise Problem(ExitCode.NOT_FOUND, f"there is no stack set of ours for a profile {profile}", "check its name")
    shown = [_rollout(cli, each) for each in sorted(profiles) if not profile or each == profile]
    cli.printer.show(Rollouts(rollouts=tuple(shown)), render_rollouts)


def _rollout(cli: Cli, profile: str) -> Rollout:
    state = cli.aws.queues.shown(f"{NAME_PREFIX}{profile}")
    return Rollout(
        profile=profile,
        version=state.rollout.version,
        succeeded=state.rollout.succeeded,
        failures=state.rollout.failures,
        stopped=state.stopped,
        operation_id=state.batch.operation_id if state.batch else "",
        operation_kind=state.batch.kind if state.batch else "",
        operation_accounts=state.batch.accounts if state.batch else (),
        waiting=tuple(each.account_id for each in state.changes),
    )


def render_rollouts(found: Rollouts) -> Rendering:
    """A table, then what failed."""
    yield table(
        ("PROFILE", "VERSION", "ACCOUNTS THAT GOT IT", "OPERATION NOW", "WAITING", "STOPPED"),
        [
            (
                each.profile,
                each.version or "-",
                str(each.succeeded),
                f"{each.operation_kind} of {len(each.operation_accounts)}" if each.operation_id else "-",
                str(len(each.waiting)),
                each.stopped or "-",
            )
            for each in found.rollouts
        ],
    )
    for each in found.rollouts:
        yield from (f"{each.profile} failed: {failure}" for failure in each.failures)


def pause(
    context: typer.Context,
    name: NameArgument,
    reason: ReasonOption = "no reason given",
    management_profile: ManagementOption = None,
) -> None:
    """Stop the deployments of a profile's consumer role, or an account's access.

    Of a profile: removals go on, and who has access keeps it. Of an account: its opt-in tag says paused, so that its
    access is revoked within a minute; what it has is removed after the grace period.
    """
    cli = cli_of(context)
    if ACCOUNT_ID.fullmatch(name):
        _tag(cli, name, PAUSED, "stop", management_profile)
    else:
        _control(cli, name, "stop", reason)


def resume(
    context: typer.Context,
    name: NameArgument,
    reason: ReasonOption = "no reason given",
    management_profile: ManagementOption = None,
    tag: Annotated[
        str, typer.Option(metavar="VALUE", help="Of an account: what its tag is to say; without it, what it had.")
    ] = "",
) -> None:
    """Have the deployments of a profile go on, or give a paused account its access back.

    Of a profile: a sweep starts every account that differs. Of an account: its opt-in tag names its profiles again.
    """
    cli = cli_of(context)
    if ACCOUNT_ID.fullmatch(name):
        _tag(cli, name, tag or _value_before(cli, name), "resume", management_profile)
    else:
        _control(cli, name, "resume", reason)


def _value_before(cli: Cli, account: str) -> str:
    """What asks for the connections that the account still has."""
    found = [each.profile for each in cli.aws.registry.account(account) if each.profile and each.status in RETURNING]
    if not found:
        raise Problem(
            ExitCode.NOT_FOUND,
            f"account {account} has nothing that could be given back",
            "name what its tag is to say: --tag enabled, or profiles",
        )
    return "enabled" if found == ["default"] else " ".join(sorted(found))


def _tag(cli: Cli, account: str, value: str, action: str, management_profile: str | None) -> None:
    deployment = cli.aws.deployment
    key = deployment.opt_in_policy.opt_in_tag
    management = management_of(cli, management_profile, deployment.hub.management_account_id)
    command = f"aws organizations tag-resource --resource-id {account} --tags 'Key={key},Value={value}'"
    if management:
        management.tag(account, key, value)
    done = Controlled(action=action, account_id=account, tag=value, command="" if management else command)
    cli.printer.show(done, render)


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
    """What was done, or is to be done."""
    if found.account_id:
        yield from _of_account(found)
        return
    after = {
        "stop": "nothing is deployed to any account until you resume it",
        "resume": "its failures are forgotten, and a sweep starts every account that differs",
    }
    yield f"{found.stack_set}: {after[found.action]}"


def _of_account(found: Controlled) -> Rendering:
    if found.command:
        yield "Only the management account may tag accounts. As somebody who may, there:"
        yield Command(f"  {found.command}")
    else:
        yield f"{found.account_id}: the tag says {found.tag}"
    if found.action == "stop":
        yield "Its access is revoked within a minute, and what it has is removed after the grace period."
        yield f"Before that: quickctl resume {found.account_id}"
