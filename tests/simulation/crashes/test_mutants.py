"""The trials bite: a defect put in on purpose makes an end differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulation.crashes.mutants import MUTANTS

if TYPE_CHECKING:
    from tests.simulation.crashes.mutants import Mutant
    from tests.simulation.crashes.stem import Stem


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=list(MUTANTS))
def test_a_defect_is_found_and_without_it_the_same_point_is_well(stem: Stem, mutant: Mutant) -> None:
    with stem.scenario(mutant.scenario, mutant.name, mutant.kind) as trials:
        found = next(
            (
                (trial, result)
                for trial in trials
                if trial[1] >= mutant.first
                for result in [stem.attempt(trial)]
                if result.differences
            ),
            None,
        )
    assert found is not None
    trial, result = found
    assert any(mutant.shows in each for each in result.differences), str(result)
    with stem.scenario(mutant.scenario, kind=mutant.kind):
        assert stem.attempt(trial).differences == ()
