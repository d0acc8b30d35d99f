"""`quickctl uninstall`: take the deployment down, and with it the connections, or not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import Field

from quickctl.administrator import FORWARDING, ORGANIZATIONS_REGION
from quickctl.cli import Cli, ManagementOption, cli_of, management_of
from quickctl.commands.bootstrap import BOUNDARIES_STACK, STACK_SETS
from quickctl.exits import ExitCode, Problem
from quickctl.output import Command, Rendering, Result, table
from quickctl.removal import remaining_connections, remove_all, under_way
from quickctl.resource_policy import SID, statements, without

if TYPE_CHECKING:
    from collections.abc import Iterator

    from control_plane.ports.registry import Record
    from quickctl.administrator import Administrator, Stack

KEEP, REMOVE = "keep", "remove"
GRACE = "GracePeriodDays"
RUN_AS = "RunAsRole"  # how the logical ids of the run-as roles begin


class Retained(Result):
    """What is left on purpose."""

    what: str = Field(description="what is left, and where")
    why: str = Field(description="why")
    remove: str = Field(description="how to remove it by hand; empty: leave it")


class Uninstalled(Result):
    """What was done, what is still to be done, and what is left on purpose."""

    access: str = Field(description=f"`{KEEP}` or `{REMOVE}`: what was chosen")
    finished: bool = Field(description="whether nothing is left to do")
    done: tuple[str, ...] = Field(description="what was done, in its order")
    remaining: tuple[str, ...] = Field(
        description="what keeps it from going on, or commands that are still to be given"
    )
    retained: tuple[Retained, ...] = Field(description="what is left on purpose")


@dataclass
class Job:
    """One uninstallation: who does it, and what it did so far."""

    cli: Cli
    hub: Administrator
    management: Administrator | None
    keeps: bool
    done: list[str] = field(default_factory=list)
    remaining: list[str] = field(default_factory=list)
    retained: list[Retained] = field(default_factory=list)

    def did(self, what: str) -> None:
        """Note it, and say so."""
        self.cli.printer.note(what)
        self.done.append(what)

    def retain(self, what: str, why: str, remove: str = "") -> None:
        """Name something that stays."""
        self.retained.append(Retained(what=what, why=why, remove=remove))

    @property
    def result(self) -> Uninstalled:
        """What there is to tell."""
        return Uninstalled(
            access=KEEP if self.keeps else REMOVE,
            finished=not self.remaining,
            done=tuple(self.done),
            remaining=tuple(self.remaining),
            retained=tuple(self.retained),
        )


def uninstall(
    context: typer.Context,
    keep_access: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option("--keep-access", help="Leave every connection as it is; nothing manages it any more.")
    ] = False,
    remove_access: Annotated[bool, typer.Option("--remove-access", help="Remove every connection first.")] = False,  # noqa: FBT002 - an option
    management_profile: ManagementOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,  # noqa: FBT002 - an option
) -> None:
    """Take the deployment down: with every connection, or without touching one. It says first what it will do.

    Call it as an administrator of the hub account. It can be called again: it goes on from where it is.
    """
    cli = cli_of(context)
    deployment = cli.aws.deployment
    management = management_of(cli, management_profile, deployment.hub.management_account_id)
    job = Job(cli, cli.administrator(), management, _keeps(cli, keep=keep_access, remove=remove_access))
    for line in _announced(job):
        cli.printer.note(line)
    if not yes and not cli.printer.confirm("Go on?"):
        raise Problem(ExitCode.CHANGED, "nothing was done")
    if _are_connections_settled(job):
        _take_down(job)
    cli.printer.show(job.result, render)
    if job.remaining:
        raise typer.Exit(ExitCode.FAILED)


def _keeps(cli: Cli, *, keep: bool, remove: bool) -> bool:
    if keep and remove:
        raise Problem(ExitCode.USAGE, "--keep-access and --remove-access exclude each other")
    if keep or remove:
        return keep
    answer = cli.printer.choose("Keep the access that Quick has now, or remove it?", KEEP, REMOVE)
    if not answer:
        raise Problem(ExitCode.CHANGED, "nothing was done", "choose --keep-access or --remove-access")
    return answer == KEEP


def _announced(job: Job) -> Iterator[str]:
    """What it will do, before anything is done."""
    deployment, connections = job.cli.aws.deployment, remaining_connections(job.cli)
    yield f"Hub {deployment.account_id}, {deployment.region}, stack {deployment.stack_name}."
    if job.keeps:
        yield f"{len(connections)} connections stay as they are. Nothing adds, repairs, revokes or removes one later."
    else:
        yield f"{len(connections)} connections are removed: access first, then data sources and roles."
        yield from (f"  {key}  {record.status}" for key, record in sorted(connections.items()))
        yield "Tags that ask for connections are taken away, and the grace period is set to 0 days."
        yield "What is built on these data sources in Quick stops working, and what waits for approval is approved."
    yield "Then the stacks are deleted: forwarding, hub, boundaries."
    if job.management is None:
        yield "Of the management account, only commands are printed: no --management-profile was named."


# Connections -------------------------------------------------------------------------------------------------------


def _are_connections_settled(job: Job) -> bool:
    """Whether the connections are as they are to be left; what keeps them from it goes to `remaining`."""
    if job.keeps:
        busy = under_way(job.cli)
        job.remaining += [f"{key} is at work; wait until it is settled: quickctl status" for key in busy]
        return not busy
    return _is_untagged(job) and _is_everything_removed(job)


def _is_untagged(job: Job) -> bool:
    """Nothing asks for a connection any more; without the management account, whoever may untag has to."""
    key = job.cli.aws.deployment.opt_in_policy.opt_in_tag
    reader = job.management or job.hub
    tagged = [resource for resource, keys in reader.tagged(key).items() if key in keys]
    for resource in tagged:
        if job.management:
            job.management.untag(resource, [key])
            job.did(f"took the tag {key} from {resource}")
        else:
            job.remaining.append(f"aws organizations untag-resource --resource-id {resource} --tag-keys {key}")
    return not job.remaining


def _is_everything_removed(job: Job) -> bool:
    """The hub's own machines remove the connections; each record says what stays in its account."""
    deployment = job.cli.aws.deployment
    agreed = remaining_connections(job.cli)
    if agreed and deployment.parameters.get(GRACE) != "0":
        stack = job.hub.stack(deployment.region, deployment.stack_name)
        assert stack
        job.hub.set_parameter(deployment.region, stack, GRACE, "0")
        job.did(f"set {GRACE} of the stack {stack.name} to 0")
    rest = remove_all(job.cli, set(agreed))
    job.remaining += [_why(key, record) for key, record in sorted(rest.items())]
    if agreed and not rest:
        job.did(f"removed {len(agreed)} connections")
    return not rest


def _why(key: str, record: Record) -> str:
    account = key.partition("#")[0]
    return (
        f"{key} is {record.status}: {record.error or record.reason}; quickctl explain {account}, then call this again"
    )


# Stacks --------------------------------------------------------------------------------------------------------------


def _take_down(job: Job) -> None:
    """What forwards events first, so that nothing arrives at a hub that is not there; boundaries last."""
    _name_what_accounts_keep(job)
    _delete_forwarding(job)
    if not job.keeps and not _are_stack_sets_deleted(job):
        return
    if _is_hub_deleted(job):
        _delete_boundaries(job)
        _name_what_stays(job)
        _clear_the_organization(job)


def _are_stack_sets_deleted(job: Job) -> bool:
    region = job.cli.aws.deployment.region
    for each in job.cli.aws.stack_sets_of_ours():
        if not each.is_ours:
            job.retain(f"the stack set {each.name}", f"it is not ours: {each.ownership_mismatch}")
        elif not each.is_empty:
            job.remaining.append(
                f"the stack set {each.name} still has accounts: "
                f"aws cloudformation list-stack-instances --region {region} --stack-set-name {each.name} "
                "--call-as DELEGATED_ADMIN"
            )
        else:
            job.hub.delete_stack_set(region, each.name)
            job.did(f"deleted the stack set {each.name}")
    return not [each for each in job.remaining if each.startswith("the stack set")]


def _delete_forwarding(job: Job) -> None:
    deployment = job.cli.aws.deployment
    bus = deployment.output("HubBusArn")
    for account in _forwarding_accounts(job):
        if job.management is None or account != job.management.account_id:
            job.remaining.append(
                f"in account {account}: aws cloudformation delete-stack --region {ORGANIZATIONS_REGION} "
                "--stack-name quick-onboarding-forwarding"
            )
            continue
        for region in sorted({ORGANIZATIONS_REGION, deployment.region}):
            for stack in job.management.stacks(region, FORWARDING):
                if stack.parameters.get("HubBusArn") == bus:
                    _delete(job, job.management, region, stack)


def _forwarding_accounts(job: Job) -> list[str]:
    return [each.strip() for each in job.cli.aws.deployment.parameters["ForwardingAccounts"].split(",") if each.strip()]


def _is_hub_deleted(job: Job) -> bool:
    """The hub's stack. If access is kept, the run-as roles resist, because of the access policy, and are left alone."""
    deployment = job.cli.aws.deployment
    stack = job.hub.stack(deployment.region, deployment.stack_name)
    assert stack
    ended = job.hub.delete_stack(deployment.region, stack.arn)
    if ended.status == "DELETE_FAILED" and job.keeps:
        resisting = job.hub.undeleted(deployment.region, stack.arn)
        if resisting and all(each.startswith(RUN_AS) for each in resisting):
            ended = job.hub.delete_stack(deployment.region, stack.arn, sorted(resisting))
            for role in sorted(resisting.values()):
                job.retain(f"the role {role} and its access policy", "Quick assumes it for the connections that stay")
    if ended.status != "DELETE_COMPLETE":
        job.remaining.append(f"the stack {stack.name} is {ended.status}: {ended.reason}; mend it and call this again")
        return False
    job.did(f"deleted the stack {stack.name} in the hub")
    return True


def _delete_boundaries(job: Job) -> None:
    """A role that stays needs its boundary. In the management account nothing has one any more."""
    region = job.cli.aws.deployment.region
    if job.keeps:
        job.retain(f"the stack {BOUNDARIES_STACK} in the hub", "the run-as roles that stay have its boundary")
    elif stack := job.hub.stack(region, BOUNDARIES_STACK):
        _delete(job, job.hub, region, stack)
    if job.management is None:
        command = f"aws cloudformation delete-stack --region {region} --stack-name {BOUNDARIES_STACK}"
        job.remaining += [f"in account {account}: {command}" for account in _forwarding_accounts(job)]
    elif stack := job.management.stack(region, BOUNDARIES_STACK):
        _delete(job, job.management, region, stack)


def _delete(job: Job, administrator: Administrator, region: str, stack: Stack) -> None:
    ended = administrator.delete_stack(region, stack.arn)
    where = f"the stack {stack.name} in {region} of account {administrator.account_id}"
    if ended.status == "DELETE_COMPLETE":
        job.did(f"deleted {where}")
    else:
        job.remaining.append(f"{where} is {ended.status}: {ended.reason}")


# What stays ----------------------------------------------------------------------------------------------------------


def _name_what_accounts_keep(job: Job) -> None:
    """While the registry can still be read with the hub's own adapters."""
    if job.keeps:
        for key, record in sorted(remaining_connections(job.cli).items()):
            job.retain(f"{key}: consumer role, data source", f"access is kept; it is {record.status}")
        return
    for record in job.cli.aws.registry.every():
        if record.retained:
            job.retain(
                f"in account {record.account_id}: {record.retained}",
                "a bucket with objects, or a stack that could not be reached",
                "docs/howto/remove-an-account.md, What stays",
            )


def _name_what_stays(job: Job) -> None:
    deployment = job.cli.aws.deployment
    region, hub = deployment.region, deployment.hub
    job.retain(
        f"the table {deployment.table} in the hub",
        "it is the record of who had access, and when",
        f"aws dynamodb delete-table --region {region} --table-name {deployment.table}",
    )
    deregister = (
        f"aws organizations deregister-delegated-administrator --account-id {hub.account_id} "
        f"--service-principal {STACK_SETS}"
    )
    why = "stack sets of others in the hub may need it"
    job.retain("the hub as a delegated administrator for StackSets", why, deregister)
    job.retain("trusted access for StackSets, and the trail", "others in the organization may need them")
    job.retain(
        "the stack aws-sam-cli-managed-default with the uploads below quick-onboarding/",
        "everybody who uses sam in that account and Region shares it",
        "delete the objects below that prefix",
    )
    job.retain(
        "the policies deploy-hub, deploy-hub-roles, deploy-forwarding of the deployers, and Quick's groups",
        "they were yours before",
    )


def _clear_the_organization(job: Job) -> None:
    """Our other tags on accounts, and our statement in the organization's resource policy."""
    key = job.cli.aws.deployment.opt_in_policy.opt_in_tag
    if job.management is None:
        job.retain(
            f"tags {key}:... of accounts, and the statement {SID} of the organization's resource policy, if any",
            "only the management account may change them",
            "call this with --management-profile before the hub is deleted, or remove them by hand",
        )
        return
    if job.keeps:
        job.retain(f"tags {key} on accounts", "they say who was to be connected; nothing reads them any more")
    else:
        for resource, keys in job.management.tagged(key).items():
            job.management.untag(resource, keys)
            job.did(f"took the tags {', '.join(keys)} from {resource}")
    policy = job.management.resource_policy()
    if policy and any(each.get("Sid") == SID for each in statements(policy)):
        job.management.put_resource_policy(without(policy))
        job.did(f"took the statement {SID} out of the organization's resource policy")


def render(found: Uninstalled) -> Rendering:
    """What is left to do first, then what stays."""
    if found.finished:
        yield f"Quick Onboarding is uninstalled; access was chosen to {found.access}."
    else:
        yield "Not finished. Left to do:"
        yield from (Command(f"  {each}") for each in found.remaining)
    if found.retained:
        yield ""
        rows = ((each.what, each.why, each.remove) for each in found.retained)
        yield table(("LEFT ON PURPOSE", "WHY", "HOW TO REMOVE IT"), rows)
