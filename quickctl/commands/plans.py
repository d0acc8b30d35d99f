"""`quickctl plan`, `apply`, `orphans`: what a sweep would find and do now, and have exactly that done."""

from __future__ import annotations

import json
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from pydantic import Field

from control_plane.account import Connection
from control_plane.assessment import assess
from control_plane.decision import Action
from control_plane.errors import (
    AccountNotActive,
    AccountNotFound,
    AccountNotReachable,
    InvalidExpiry,
    InvalidProfiles,
    InvalidTagValue,
    UnitNotFound,
)
from control_plane.sweep.starting import STARTS_PER_CALL
from quickctl.cli import Cli, account_id, cli_of
from quickctl.commands.reconcile import finish, start_reconcile
from quickctl.dry_run import assessment_dependencies
from quickctl.dry_run import plan as plan_sweep
from quickctl.exits import ExitCode, Problem
from quickctl.files import ConsumerFiles, consumer_files
from quickctl.output import Rendering, Result, table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from control_plane.sweep.planning import Difference, SweepPlan

DECIDED = {"partial", "actions", "reported_only", "hold", "awaiting", "withheld", "stack_sets"}
PAUSE_OF_STARTS = 5  # seconds: as a sweep, so that reconciles do not throttle each other
NAMED = 10  # what differs, in a message
REFUSALS = (AccountNotActive, AccountNotFound, AccountNotReachable, InvalidExpiry, InvalidProfiles, InvalidTagValue)
FilesOption = Annotated[
    Path | None,
    typer.Option(
        "--profiles", metavar="FILE", help="As if this profiles.yaml was deployed; without it, that of quickctl."
    ),
]


class Planned(Result):
    """What is to be done about an account."""

    account_id: str = Field(description="the account")
    account_name: str = Field(description="its name")
    what: str = Field(description="what to do, and why")
    profiles: tuple[str, ...] = Field(description="profiles that have resources there and no record")


class Plan(Result):
    """What a sweep (or, with accounts, their reconciles) would do now."""

    profiles_file: str = Field(description="the profiles.yaml that the plan is made with")
    listed: int = Field(description="accounts that were compared")
    in_sync: int = Field(description="connections that are as they should be")
    partial: str = Field(description="why the list of accounts is incomplete; then nothing would be removed")
    actions: tuple[Planned, ...] = Field(description="accounts that would be reconciled")
    reported_only: tuple[Planned, ...] = Field(description="drift that would only be reported")
    hold: tuple[str, ...] = Field(description="revocations that would wait for approval, `account#profile` each")
    awaiting: tuple[str, ...] = Field(description="new connections that would wait for approval")
    withheld: tuple[str, ...] = Field(description="removals that would not be made, because the list is incomplete")
    failed: tuple[str, ...] = Field(description="what failed before")
    stack_sets: tuple[str, ...] = Field(description="stack sets that are not what was built")


class SavedPlan(Result):
    """A plan in a file: what was decided, about what, and by which files."""

    version: Literal[1] = Field(description="of this format")
    made: datetime = Field(description="when")
    hub: str = Field(description="the ARN of the hub's registry table: another hub refuses the plan")
    accounts: tuple[str, ...] = Field(description="the accounts it is about; none: a sweep's")
    ou: str = Field(description="the OU or root it is about; empty: everything")
    plan: Plan = Field(description="the plan")
    digest: str = Field(description="a hash of what was decided, and of the profiles and the template")


class Orphans(Result):
    """What is there without a record, or is not ours."""

    orphans: tuple[str, ...] = Field(description="connections that nobody requests and that have no record")
    unrequested: tuple[str, ...] = Field(
        description="connections that the access policy allows and that must not have access"
    )
    unexpected_entries: tuple[str, ...] = Field(
        description="entries of the access policy that are no consumer role of ours"
    )
    unmanaged: tuple[str, ...] = Field(description="resources with our names and without our ownership tags")
    malformed: tuple[str, ...] = Field(description="malformed items of the registry")


def plan(
    context: typer.Context,
    accounts: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ACCOUNT]...", help="These accounts, each in full.", show_default=False),
    ] = None,
    ou: Annotated[str, typer.Option("--ou", metavar="ID", help="Only the accounts below this OU or root.")] = "",
    profiles: FilesOption = None,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="FILE", help="Write the plan into a file, for quickctl apply."),
    ] = None,
) -> None:
    """Show what a sweep would do now. Nothing is changed."""
    cli, files = cli_of(context), consumer_files(profiles)
    if accounts and ou:
        raise Problem(ExitCode.USAGE, "name accounts or --ou, not both")
    if save and profiles:
        raise Problem(ExitCode.USAGE, "a plan with --profiles can't be saved: only what is deployed can be applied")
    named = tuple(dict.fromkeys(account_id(each) for each in accounts or []))
    found = _made(cli, files, named, ou)
    if save:
        save.write_text(_saved(cli, files, named, ou, found).model_dump_json(indent=2) + "\n", encoding="utf-8")
        cli.printer.note(f"saved; to have exactly this done: quickctl apply {save}")
    cli.printer.show(found, render)


def apply(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What quickctl plan --save wrote.", show_default=False)],
    wait: Annotated[bool, typer.Option(help="Follow until all of it has ended.")] = True,  # noqa: FBT002 - an option
) -> None:
    """Do exactly what a saved plan says, or refuse because something has changed since it was made.

    The plan is made again and compared. Then each of its accounts is reconciled: whoever reconciles reads everything
    once more, and follows the budgets.
    """
    cli, files, saved = cli_of(context), consumer_files(None), _read(file)
    now = _saved(cli, files, saved.accounts, saved.ou, _made(cli, files, saved.accounts, saved.ou))
    _check_same(saved, now)
    reason = f"quickctl apply: the plan {saved.digest[:12]} of {saved.made:%Y-%m-%dT%H:%M:%SZ}"
    started = []
    for number, each in enumerate(saved.plan.actions, start=1):
        started.append(start_reconcile(cli, each.account_id, f"{reason}: {each.what}"[:1000], each.profiles))
        if number % STARTS_PER_CALL == 0:
            cli.sleep(PAUSE_OF_STARTS)
    finish(cli, started, wait=wait)


def orphans(context: typer.Context, profiles: FilesOption = None) -> None:
    """Show what is there without a record, what is not ours, and what must not be there. Nothing is changed."""
    cli = cli_of(context)
    found = _planned(cli, consumer_files(profiles), "")
    result = Orphans(
        orphans=found.orphans,
        unrequested=found.unrequested,
        unexpected_entries=found.unexpected_entries,
        unmanaged=found.unmanaged,
        malformed=found.malformed,
    )
    cli.printer.show(result, render_orphans)


def _read(file: Path) -> SavedPlan:
    try:
        saved = SavedPlan.model_validate_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Problem(ExitCode.USAGE, f"{file} is no saved plan: {error}", "quickctl plan --save writes one") from error
    return saved


def _saved(cli: Cli, files: ConsumerFiles, accounts: tuple[str, ...], ou: str, found: Plan) -> SavedPlan:
    deployment = cli.aws.deployment
    return SavedPlan(
        version=1,
        made=cli.now(),
        hub=f"{deployment.account_id}/{deployment.region}/{deployment.table}",
        accounts=accounts,
        ou=ou,
        plan=found,
        digest=digest(found, files),
    )


def digest(found: Plan, files: ConsumerFiles) -> str:
    """A hash of everything that was decided; of what was only counted, nothing."""
    decided = found.model_dump(mode="json", include=DECIDED)
    decided |= {"profiles": files.profiles_file.read_text(encoding="utf-8"), "body": files.body}
    return sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()


def _check_same(saved: SavedPlan, now: SavedPlan) -> None:
    """Raise Problem, with what differs, unless the plan would be the same if it was made now."""
    if saved.hub != now.hub:
        raise Problem(
            ExitCode.CHANGED, f"this plan is of another hub, {saved.hub}; nothing was done", "use its profile"
        )
    if saved.digest == now.digest and saved.plan.actions == now.plan.actions:
        return
    differing = sorted(
        {each.account_id for each in {*saved.plan.actions} ^ {*now.plan.actions}}
        | {key for name in ("hold", "awaiting", "withheld") for key in _odd(saved.plan, now.plan, name)}
    )
    what = ", ".join(differing[:NAMED]) or "the profiles, the template or the list of accounts"
    raise Problem(
        ExitCode.CHANGED,
        f"it is not as it was at {saved.made:%Y-%m-%d %H:%M:%SZ}: {what}; nothing was done",
        "make the plan again, and read it",
    )


def _odd(one: Plan, other: Plan, name: str) -> set[str]:
    return set(getattr(one, name)) ^ set(getattr(other, name))


def _made(cli: Cli, files: ConsumerFiles, accounts: tuple[str, ...], ou: str) -> Plan:
    return _of_accounts(cli, files, accounts) if accounts else _of_sweep(files, _planned(cli, files, ou))


def _planned(cli: Cli, files: ConsumerFiles, ou: str) -> SweepPlan:
    def pause(seconds: float, what: str) -> None:
        if seconds:
            cli.printer.note(what)
            cli.sleep(seconds)

    try:
        return plan_sweep(cli.aws, files, ou, cli.now(), pause)
    except UnitNotFound as error:
        raise Problem(ExitCode.NOT_FOUND, str(error), "check the id") from error


def _of_accounts(cli: Cli, files: ConsumerFiles, accounts: Iterable[str]) -> Plan:
    deps, deployment = assessment_dependencies(cli.aws, files), cli.aws.deployment
    actions, in_sync, names = [], 0, list(dict.fromkeys(accounts))
    for each in names:
        try:
            found = assess(each, deployment.opt_in_policy, deployment.hub, deps, cli.now())
        except REFUSALS as error:
            what = f"refuse: {type(error).__name__}: {error}"
            actions.append(Planned(account_id=each, account_name="", what=what, profiles=()))
            continue
        to_do = [planned for planned in found.actions if planned.action is not Action.NOTHING]
        in_sync += len(found.actions) - len(to_do)
        what = "; ".join(f"{planned.action} {planned.profile}: {planned.reason}" for planned in to_do)
        if what:
            actions.append(Planned(account_id=each, account_name=found.account.name, what=what, profiles=()))
    nothing: tuple[str, ...] = ()
    return Plan(
        profiles_file=str(files.profiles_file),
        listed=len(names),
        in_sync=in_sync,
        partial="",
        actions=tuple(actions),
        reported_only=(),
        hold=nothing,
        awaiting=nothing,
        withheld=nothing,
        failed=nothing,
        stack_sets=nothing,
    )


def _of_sweep(files: ConsumerFiles, found: SweepPlan) -> Plan:
    return Plan(
        profiles_file=str(files.profiles_file),
        listed=found.listed,
        in_sync=found.in_sync,
        partial=found.partial,
        actions=tuple(map(_action, found.start)),
        reported_only=tuple(map(_action, found.reported_only)),
        hold=tuple(sorted({*found.hold, *found.waiting})),
        awaiting=tuple(sorted(key for keys in found.awaiting.values() for key in keys)),
        withheld=found.withheld,
        failed=found.failed,
        stack_sets=found.stack_sets,
    )


def _action(found: Difference) -> Planned:
    return Planned(
        account_id=found.account_id, account_name=found.name, what=found.what, profiles=tuple(sorted(found.profiles))
    )


def render(found: Plan) -> Rendering:
    """What would be done, and what would wait."""
    yield f"Made with {found.profiles_file}: {found.listed} accounts compared, {found.in_sync} connections in sync."
    if found.partial:
        yield f"The list of accounts is incomplete: {found.partial}. So nothing would be removed."
    lists = (("Would be reconciled", found.actions), ("Would only be reported", found.reported_only))
    for title, planned in lists:
        if planned:
            yield ""
            rows = ((each.account_id, each.account_name, each.what) for each in planned)
            yield table(("ACCOUNT", "NAME", "WHAT"), rows, title=title)
    yield from _keys("Revocations that would wait for approval", found.hold)
    yield from _keys("New connections that would wait for approval", found.awaiting)
    yield from _keys("Would not be removed, because the list is incomplete", found.withheld)
    yield from _keys("Failed before", found.failed)
    yield from _keys("Stack sets that are not what was built", found.stack_sets)
    if not (found.actions or found.reported_only or found.hold or found.awaiting or found.withheld):
        yield "Nothing would be done."


def render_orphans(found: Orphans) -> Rendering:
    """Each list that is not empty."""
    if not any(value for _, value in found):
        yield "Nothing is there that should not be."
    yield from _keys("Without a record, and requested by nobody; a sweep removes them", found.orphans)
    yield from _keys("In the access policy, though they must not have access", found.unrequested)
    yield from _keys("Unexpected entries of the access policy", found.unexpected_entries)
    yield from _keys("With our names, and not ours; they are never changed", found.unmanaged)
    yield from _keys("Malformed items of the registry; they are ignored", found.malformed)


def _keys(title: str, keys: tuple[str, ...]) -> Rendering:
    if keys:
        yield ""
        yield f"{title}: {len(keys)}"
        yield from (f"  {_named(key)}" for key in keys)


def _named(key: str) -> str:
    connection = Connection.of_key(key)
    return f"{connection.account_id}  {connection.profile}" if connection else key
