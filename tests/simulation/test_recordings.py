"""Do the recordings in the documents show what quickctl prints?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import recordings
from tests.contract.project import ROOT
from tests.deployed_hub import world
from tests.simulation.test_quickctl import operator

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.organization import Sandbox
    from tests.simulation.test_quickctl import Operator

__all__ = ["operator", "world"]
PAGES = [pytest.param(path, id=str(path.relative_to(ROOT))) for path in recordings.pages()]


@pytest.mark.parametrize("page", PAGES)
def test_a_recording_is_what_quickctl_prints(operator: Operator, page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert recordings.page_as_recorded(page, operator, tmp_path) == text, "record it anew: python -m tests.recordings"


def test_there_are_recordings() -> None:
    assert {"README.md", "docs/howto/retry-a-failed-account.md"} <= {each.id for each in PAGES}


def test_the_picture_is_that_of_a_report(world: Sandbox) -> None:
    assert recordings.PICTURE.read_text(encoding="utf-8") == recordings.pictured(world), "python -m tests.recordings"
