"""One scenario, one kind of trouble, one point: does it end as if nothing had happened?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.simulation.crashes import end
from tests.simulation.crashes.kinds import SEEDS

if TYPE_CHECKING:
    from tests.simulation.crashes.bed import Bed, Spot
    from tests.simulation.crashes.end import End
    from tests.simulation.crashes.kinds import Kind
    from tests.simulation.crashes.scenarios import Scenario

A_MINUTE = 60.0


@dataclass(frozen=True)
class Reference:
    """How a scenario goes when nothing happens to it: its end, its effects, its calls."""

    end: End
    effects: tuple[Spot, ...]
    calls: tuple[Spot, ...]


@dataclass(frozen=True)
class Result:
    """What became of one trial; without differences, all is well. `reconciles`: further reconciles that were needed."""

    scenario: str
    kind: str
    point: int
    where: str
    differences: tuple[str, ...]
    reconciles: int = 0

    def __str__(self) -> str:
        return f"{self.scenario}, {self.kind}, point {self.point} ({self.where}): " + "; ".join(self.differences)


def undisturbed(bed: Bed, scenario: Scenario) -> Reference:
    """Let the scenario go as it goes."""
    _act(bed, scenario)
    return Reference(_end(bed), tuple(bed.effects), tuple(bed.calls))


def points(kind: Kind, reference: Reference) -> dict[int, str]:
    """The points of a kind, and what is there."""
    spots = reference.effects if kind.points == "effects" else reference.calls
    if kind.points == "seeds":
        return {seed: f"seed {seed}" for seed in range(SEEDS)}
    some = kind.points == "function calls"
    found = {number: spot.name for number, spot in enumerate(spots) if spot.by_function or not some}
    return {number: name for number, name in found.items() if re.search(kind.only, name)}


def attempt(bed: Bed, scenario: Scenario, kind: Kind, point: int, reference: Reference) -> tuple[tuple[str, ...], int]:
    """Make the trouble; what differs at the end, and after how many further reconciles."""
    kind.begin(bed, scenario, point)
    _act(bed, scenario)
    differs, reconciles = _differences(bed, scenario, kind, reference), 0
    while differs and reconciles < kind.reconciles:
        reconciles += 1
        bed.story.run(A_MINUTE)
        bed.reconcile()
        bed.story.run()
        differs = _differences(bed, scenario, kind, reference)
    return (tuple(differs) if bed.struck else ("the point was never reached", *differs)), reconciles


def _act(bed: Bed, scenario: Scenario) -> None:
    bed.watch()
    scenario.act(bed.story, bed.account)
    if bed.company:
        bed.story.world.tag(bed.other, "enabled")
    bed.story.run()


def _differences(bed: Bed, scenario: Scenario, kind: Kind, reference: Reference) -> list[str]:
    if kind.turns:
        return [*end.against_the_tag(bed, wanted=not scenario.wanted), *(() if kind.only else _waited(bed))]
    return end.differences(reference.end, _end(bed))


def _end(bed: Bed) -> End:
    """Everything there is, and how often each account was deployed to: nothing is ever done twice."""
    return {**end.read(bed), "stack set operations": end.deployments(bed)}


def _waited(bed: Bed) -> list[str]:
    """Whether the execution that was asked for another reconcile went on waiting for the old tag first."""
    since = [spot.name for spot in bed.effects[bed.struck_at :]]
    if bed.effects[bed.struck_at - 1].name.endswith("Call Release"):
        return []  # the execution was at its end already; what follows is another one's
    over = next((at for at, name in enumerate(since) if name.endswith(("Call Requeue", "Call Release"))), len(since))
    waits = since[:over].count("ReconcileConnection: Call RenewClaim")
    return [f"waited {waits} times before it was requeued"] if waits > 1 else []
