"""Which trials a run makes: all of a kind, or a few drawn by a seed."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tests.simulation.crashes.stem import Trial

SEED = 20261125


def sample(trials: Sequence[Trial], each: int, whole: Collection[str] = (), seed: int = SEED) -> list[Trial]:
    """So many trials of each kind, and every one of the kinds that are wanted whole, in order."""
    random = Random(seed)  # noqa: S311 - a seeded experiment, no secret
    found: list[Trial] = []
    for kind in dict.fromkeys(kind for kind, _, _ in trials):
        of_kind = [trial for trial in trials if trial[0] == kind]
        count = len(of_kind) if kind in whole else min(each, len(of_kind))
        found += sorted(random.sample(of_kind, count), key=lambda trial: trial[1])
    return found
