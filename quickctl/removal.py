"""Remove every connection, as an uninstallation does: by the hub's own machines, and by its own rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quickctl.following import follow
from quickctl.questions import questions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from control_plane.ports.registry import Record
    from quickctl.cli import Cli

SWEEPS = "SweepOrganizationArn"
ROUNDS = 12  # sweeps; an hour or so: by then whatever is left needs a person
PAUSE = 60  # seconds before the next round: questions are sent and answers are carried out meanwhile
GONE = "removed"
UNDER_WAY = ("connecting", "disconnecting")


def remaining_connections(cli: Cli) -> dict[str, Record]:
    """The records of connections that are not removed, by `account#profile`."""
    found = [each for each in cli.aws.registry.every() if each.is_valid and each.profile is not None]
    return {f"{each.account_id}#{each.profile}": each for each in found if each.status != GONE}


def under_way(cli: Cli) -> list[str]:
    """The connections that something is being done about now."""
    return sorted(key for key, record in remaining_connections(cli).items() if record.status in UNDER_WAY)


def remove_all(cli: Cli, agreed: Collection[str]) -> dict[str, Record]:
    """Sweep until no connection is left, and answer the revocation budget's questions about those that were agreed to.

    Returns what is left: when two rounds in a row changed nothing, it will not go by itself.
    """
    before, rest = None, remaining_connections(cli)
    for _ in range(ROUNDS):
        answered = list(_answered(cli, agreed))
        if not rest or (rest.keys() == before and not answered):
            return rest
        before = set(rest)
        follow(cli, [cli.aws.start(SWEEPS, {})])
        cli.sleep(PAUSE)
        rest = remaining_connections(cli)
        cli.printer.note(f"{len(rest)} connections left")
    return rest


def _answered(cli: Cli, agreed: Collection[str]) -> Iterator[str]:
    """Approve revocations that wait for a person: only lists of nothing but what this person has agreed to."""
    for each in questions(cli.aws):
        if each.unit or not set(each.connections) <= set(agreed):
            continue
        token = cli.aws.batches("").token_of(each.batch_id)
        if token and cli.aws.answer(token, approve=True):
            cli.printer.note(f"approved {each.name}: {len(each.connections)} revocations")
            yield each.name
