"""Does the page of bad inputs say what its cases show, and nothing else?"""

import pytest

from tests.contract import project
from tests.simulation.bad_inputs import GROUPS
from tests.simulation.bad_inputs.page import rows


def _lines(group: str) -> list[str]:
    section = project.sections(project.reference("bad-input"))[group]
    return [line for line in section.splitlines() if line.startswith("|")][2:]


@pytest.mark.parametrize("group", GROUPS)
def test_every_case_has_its_row_on_the_page(group: str) -> None:
    missing = [row for row in rows(GROUPS[group]) if row not in _lines(group)]
    assert not missing, "paste under " + group + ":\n" + "\n".join(missing)


@pytest.mark.parametrize("group", GROUPS)
def test_every_row_of_the_page_has_its_case(group: str) -> None:
    assert [line for line in _lines(group) if line not in rows(GROUPS[group])] == []


def test_the_page_has_a_section_for_every_group_of_cases() -> None:
    assert set(project.sections(project.reference("bad-input"))) >= set(GROUPS)
