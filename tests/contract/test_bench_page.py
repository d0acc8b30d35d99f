"""Do the page and the picture of bench show what results.json says?"""

import pytest

from bench import measurements, page, plot, results
from bench.results import Entry
from bench.write_units import Item, units
from tests.contract.project import ROOT

ENTRIES = results.read()
CLOSE = 0.10  # how far the model may be from the sandbox


def test_the_page_shows_the_results() -> None:
    text = (ROOT / "bench/README.md").read_text(encoding="utf-8")
    assert f"{page.BEGIN}\n\n{page.text(ENTRIES)}\n{page.END}" in text


def test_the_picture_shows_the_results() -> None:
    assert (ROOT / "bench/plot.svg").read_text(encoding="utf-8") == plot.svg(ENTRIES)


def test_every_result_is_of_a_measurement_that_there_is_and_was_made_from_a_commit() -> None:
    commands = {each.name: each.command for each in measurements.ALL}
    assert {name: entry.command for name, entry in ENTRIES.items()} == {name: commands[name] for name in ENTRIES}
    assert not [name for name, entry in ENTRIES.items() if entry.commit.endswith("+")]


@pytest.mark.parametrize("accounts", ["100", "1000"])
def test_the_model_agrees_with_the_sandbox(accounts: str) -> None:
    found = ENTRIES["model"].figures["agreement"][accounts]
    assert found["model_seconds"] == pytest.approx(found["sandbox_seconds"], rel=CLOSE)


def test_a_result_of_another_commit_is_measured_again() -> None:
    one = measurements.COLD_START
    current = Entry(one.command, measurements.commit(one), "2026-11-28", "any", {})
    assert one.is_current(current, {})
    assert not one.is_current(Entry(one.command, "another", "2026-11-28", "any", {}), {})
    assert not one.is_current(None, {})


def test_the_growth_of_a_figure() -> None:
    assert page.exponent(2, 2, 100) == 0
    assert page.exponent(3, 300, 100) == pytest.approx(1)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (Item(), Item(100), 1),
        (Item(1025), Item(10), 2),
        (Item(), Item(100, ("in_progress", "1")), 2),
        (Item(100, ("in_progress", "1")), Item(100, ("in_progress", "2")), 3),
        (Item(100, ("in_progress", "1")), Item(100), 2),
    ],
)
def test_a_write_in_the_index_costs_more(before: Item, after: Item, expected: int) -> None:
    assert units(before, after) == expected
