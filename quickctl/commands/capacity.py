"""`quickctl capacity`: how much room there is, and how much of the budgets is used."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import typer
from pydantic import Field

from control_plane.access_policy import used
from control_plane.revocation_budget import latest, limit, remaining
from control_plane.steps.access import external_ids
from quickctl.cli import cli_of
from quickctl.output import Rendering, Result, pairs

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from control_plane.ports.registry import Record
    from quickctl.aws import Aws


class Capacity(Result):
    """The access policy and the budgets."""

    connections: int = Field(description="consumer roles that the access policy allows")
    used_percent: float = Field(description="how much of its capacity the fullest run-as role uses; at 100 it is full")
    run_as_roles: int = Field(description="how many run-as roles there are; each has room of its own")
    shards: int = Field(description="managed policies that hold them")
    policies_per_role: int = Field(description="how many a run-as role may have, less those of others (IAM's quota)")
    entries_per_shard: dict[str, int] = Field(description="entries by managed policy")
    revocations_limit: int = Field(description="revocations within an hour that need no approval")
    revocations_used: int = Field(description="revocations of the last hour that are counted")
    revocations_remaining: int = Field(description="how many more need no approval now")
    grants_limit: int | None = Field(
        description="new connections within an hour by one tag of an OU that need no approval; null: any number"
    )
    states: dict[str, int] = Field(description="recorded connections by state")


def capacity(context: typer.Context) -> None:
    """Show how much room the access policy has, and how much of the budgets is used."""
    cli = cli_of(context)
    cli.printer.show(capacity_of(cli.aws, cli.aws.registry.every(), cli.now()), render)


def capacity_of(aws: Aws, records: Iterable[Record], now: datetime) -> Capacity:
    """The access policy and the budgets as they are now; the registry has these records."""
    shards = aws.policies.shards()
    quota = aws.policies.quota()
    entries = {entry for shard in shards for entry in shard.entries}
    within = latest(aws.revocations.revoked(), now)
    states = Counter(each.status for each in records if each.is_valid and each.profile)
    return Capacity(
        connections=len(entries),
        used_percent=round(used(shards, quota, external_ids(aws.deployment.hub)), 1),
        run_as_roles=aws.deployment.hub.run_as_roles,
        shards=len(shards),
        policies_per_role=quota.policies_per_role,
        entries_per_shard={each.name: len(each.entries) for each in shards},
        revocations_limit=limit(len(entries) + len(within)),
        revocations_used=len(within),
        revocations_remaining=max(remaining(len(entries), within, ()), 0),
        grants_limit=aws.grants.limit(),
        states=dict(sorted(states.items())),
    )


def render(found: Capacity) -> Rendering:
    """Names and values."""
    limit_of_grants = "any number" if found.grants_limit is None else str(found.grants_limit)
    budget = f"{found.revocations_used} of {found.revocations_limit} in the last hour"
    yield pairs(
        (
            ("Access policy", f"{found.used_percent} % used by {found.connections} connections"),
            ("Managed policies", f"{found.shards} of {found.policies_per_role * found.run_as_roles}"),
            *((f"  {name}", f"{count} entries") for name, count in found.entries_per_shard.items()),
            ("Revocations", f"{budget}; {found.revocations_remaining} more need no approval now"),
            ("New connections", f"{limit_of_grants} within an hour by the tag of one OU or the root need no approval"),
            ("Recorded", ", ".join(f"{count} {state}" for state, count in found.states.items()) or "nothing"),
        )
    )
