"""Killed anywhere, throttled anywhere, two at once: the end is the same as when nothing happens.

A sample: all points are tried by `python -m bench.crash_points`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulation.crashes.kinds import KINDS
from tests.simulation.crashes.sample import sample

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.simulation.crashes.stem import Stem

# Killed before every single effect on the longest way; of everything else a point drawn by chance.
TRIED = [
    ("connect", {"killed"}),
    ("quarantine", set()),
    ("disconnect", set()),
    ("rebuild", set()),
]


@pytest.mark.parametrize(("name", "whole"), TRIED, ids=[name for name, _ in TRIED])
def test_whatever_happens_the_end_is_the_same(stem: Stem, name: str, whole: Collection[str]) -> None:
    with stem.scenario(name) as trials:
        results = [stem.attempt(trial) for trial in sample(trials, 1, whole)]
    assert {result.kind for result in results} == set(KINDS)
    assert [str(result) for result in results if result.differences] == []
