"""Checks of the access policy: is it attached, as written, complete, and is there room?"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from control_plane.access_policy import SHARD_NAME, document, used
from control_plane.account import MAX_RUN_AS_ROLES, Connection
from control_plane.steps.access import external_ids
from quickctl.doctor.command_lines import compact, then
from quickctl.doctor.finding import Found, fine, unless_fine, warning, wrong
from quickctl.doctor.registry import AT_ONCE
from quickctl.same import same

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from control_plane.access_policy import Quota, Shard
    from control_plane.account import Hub
    from control_plane.ports.registry import Record
    from quickctl.doctor.command_lines import Commands
    from quickctl.doctor.patient import Patient
    from quickctl.inspector import Inspector, ManagedPolicy

PATH = "/quick-athena/"  # of the shards
FILLING = 70  # percent; the alarm AccessPolicyFilling has the same limit
FULL = 99  # percent; what is left has no room for an entry, or soon will not
HIGHEST_QUOTA = 25  # of managed policies per role; IAM grants no more
WITH_ACCESS = ("connected", "degraded")


# Is it as it was written? ----------------------------------------------------------------------------------------


def access_policy(patient: Patient) -> Iterator[Found]:
    """Whether the shards are attached and as written, and every connection has its entry."""
    hub, policies, inspector = patient.aws.deployment.hub, patient.aws.policies, patient.aws.inspector
    shards = policies.shards()
    versions, roles = policies.quota().versions_per_policy, _role_names(hub)
    expected = [each for each in patient.aws.registry.every() if each.is_valid and each.status in WITH_ACCESS]
    attached = {each.number: each for each in shards}
    policies_of_shards = _policies(inspector, hub, attached)
    detached = [each for number, each in policies_of_shards.items() if number not in attached]
    found = (
        *(
            each
            for number, policy in policies_of_shards.items()
            if number in attached
            for each in edited(attached[number], policy, hub, versions, patient.commands)
        ),
        *(each for policy in detached for each in detached_shard(policy, expected, hub, patient.commands)),
        *lacking(expected, _entries(shards, detached), hub, patient.commands),
        *foreign({role: _others(inspector.attached(role), hub) for role in roles}, patient.commands),
    )
    all_well = f"its policies are attached and as written: {len(shards)}; connections that have access: {len(expected)}"
    yield from unless_fine(found, all_well)


def _policies(inspector: Inspector, hub: Hub, attached: Collection[int]) -> dict[int, ManagedPolicy]:
    """The policies of all shards by their numbers; those that are attached nowhere, too."""
    found = {}
    for number in itertools.count(1):
        if policy := inspector.policy(_arn(hub, number)):
            found[number] = policy
        elif number > max(attached, default=0):
            break
    return found


def _entries(shards: Iterable[Shard], detached: Iterable[ManagedPolicy]) -> set[str]:
    """What is in force, or will be once the detached shards are attached."""
    in_force = {entry for shard in shards for entry in shard.entries}
    return in_force.union(*(_resources(each.document) for each in detached))


def edited(shard: Shard, found: ManagedPolicy, hub: Hub, quota: int, commands: Commands) -> Iterator[Found]:
    """Whether somebody changed a shard by hand. `quota`: how many versions of a policy IAM keeps."""
    ours = [each for each in shard.entries if Connection.of_role(each, hub)]
    wanted = document(ours, external_ids(hub))
    if same(found.document, wanted):
        return
    others = sorted(set(shard.entries) - set(ours))
    what = f"it allows {', '.join(others)}" if others else "its statement is another one"
    arn = ("--policy-arn", found.arn)
    put = commands.hub("iam", "create-policy-version", *arn, "--policy-document", compact(wanted), "--set-as-default")
    if len(found.older_versions) + 1 >= quota:
        oldest = ("--version-id", found.older_versions[0])
        put = then(commands.hub("iam", "delete-policy-version", *arn, *oldest), put)
    yield wrong(
        f"somebody edited the policy {shard.name}: {what}",
        "Quick may reach what no connection gives it, or can't reach what it should",
        put if ours else commands.quickctl("sweep"),
    )


def detached_shard(found: ManagedPolicy, expected: Iterable[Record], hub: Hub, commands: Commands) -> Iterator[Found]:
    """Whether a shard that connections need is not attached to a run-as role."""
    allowed = _resources(found.document)
    needed = [each for each in expected if _role_of(each, hub) in allowed]
    if needed:
        role = (needed[0].run_as_role_arn or hub.run_as_role_arn).rsplit("/", 1)[-1]
        yield wrong(
            f"the policy {found.arn.rsplit('/', 1)[-1]} is not attached to {role}",
            f"Quick can't query {len(needed)} accounts that are connected",
            commands.hub("iam", "attach-role-policy", "--role-name", role, "--policy-arn", found.arn),
        )


def lacking(expected: Iterable[Record], entries: Collection[str], hub: Hub, commands: Commands) -> Iterator[Found]:
    """Whether a connection has no entry."""
    accounts = sorted({each.account_id for each in expected if _role_of(each, hub) not in entries})
    if accounts:
        yield wrong(
            f"{len(accounts)} connected accounts are missing in the access policy",
            "Quick can't query them",
            commands.quickctl("reconcile", *accounts[:AT_ONCE]),
        )


def foreign(attached: Mapping[str, Sequence[str]], commands: Commands) -> Iterator[Found]:
    """Whether others attached policies to a run-as role. `attached`: the ARNs of those, by role."""
    for role, arns in attached.items():
        if arns:
            yield warning(
                f"{', '.join(arns)} {'is' if len(arns) == 1 else 'are'} attached to the role {role}",
                "each takes the room of 109 connections; what it allows, the boundary may forbid",
                detach(role, arns, commands),
            )


def detach(role: str, arns: Sequence[str], commands: Commands) -> str:
    """Take policies from a role."""
    return then(
        *(commands.hub("iam", "detach-role-policy", "--role-name", role, "--policy-arn", each) for each in arns)
    )


# Is there room? --------------------------------------------------------------------------------------------------


def capacity(patient: Patient) -> Iterator[Found]:
    """Whether there is room for more connections."""
    policies, hub, inspector = patient.aws.policies, patient.aws.deployment.hub, patient.aws.inspector
    shards = policies.shards()
    quota = policies.quota()
    others = {role: _others(inspector.attached(role), hub) for role in _role_names(hub)}
    yield fullness(used(shards, quota, external_ids(hub)), quota, others, patient.commands)


def fullness(percent: float, quota: Quota, others: Mapping[str, Sequence[str]], commands: Commands) -> Found:
    """What that much use of the fullest run-as role means. `others`: policies that are not ours, by role."""
    what = f"{percent:.1f} % of the access policy are used"
    if percent < FILLING:
        return fine(what)
    mend = more_room(quota.policies_per_role, others, commands)
    if percent >= FULL:
        return wrong(what, "new connections are refused", mend)
    return warning(what, "at 100 new connections are refused", mend)


def more_room(policies_per_role: int, others: Mapping[str, Sequence[str]], commands: Commands) -> str:
    """What makes room: without others' policies, by a higher quota, or with another run-as role."""
    if taken := {role: arns for role, arns in others.items() if arns}:
        return then(*(detach(role, arns, commands) for role, arns in taken.items()))
    if policies_per_role < HIGHEST_QUOTA:
        quota = ("--service-code", "iam", "--quota-code", "L-0DA4ABF3", "--desired-value", str(HIGHEST_QUOTA))
        return commands.hub("service-quotas", "request-service-quota-increase", *quota, region="us-east-1")
    if len(others) == MAX_RUN_AS_ROLES:
        return commands.quickctl("capacity")  # which role is not full: a profile may name it
    return commands.sam_deploy("--parameter-overrides", f"RunAsRoles={len(others) + 1}")


# Names -----------------------------------------------------------------------------------------------------------


def _role_names(hub: Hub) -> list[str]:
    return [hub.run_as_role(number).rsplit("/", 1)[-1] for number in range(1, hub.run_as_roles + 1)]


def _arn(hub: Hub, number: int) -> str:
    return f"arn:{hub.partition}:iam::{hub.account_id}:policy{PATH}{SHARD_NAME.format(number=number)}"


def _others(arns: Iterable[str], hub: Hub) -> list[str]:
    ours = _arn(hub, 0).removesuffix("0")
    return [each for each in arns if not each.startswith(ours)]


def _role_of(record: Record, hub: Hub) -> str:
    assert record.profile
    return Connection(account_id=record.account_id, profile=record.profile).consumer_role_arn(hub)


def _resources(policy: Any) -> set[str]:
    """Every role that a policy names, whatever its statements look like."""
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    listed = [each.get("Resource", []) for each in statements]
    return {each for found in listed for each in ([found] if isinstance(found, str) else found)}
