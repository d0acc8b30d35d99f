"""The process the trials grow from: one for each process of tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulation.crashes.stem import Stem

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def stem() -> Iterator[Stem]:
    """A deployed world to fork."""
    with Stem() as stem:
        yield stem
