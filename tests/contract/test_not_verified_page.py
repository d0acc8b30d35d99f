"""Has each place where the documents only assume something a check of selftest, or a reason why there is none?"""

import re
from collections.abc import Iterator

import pytest

from quickctl import reference
from quickctl.selftest.check import Place
from quickctl.selftest.checks import CHECKS
from tests.contract import project
from tests.contract.project import ROOT

DOCS = ROOT / "docs"
MARK = re.compile(r"\bunverified\b|(?:not|nothing here has been) verified on AWS|\bhave not tried", re.IGNORECASE)
STARTS = re.compile(r"\||\s*- |#")
# A word of the registry; an index of pages; this page; and the guide to it.
LEFT_OUT = (
    "reference/glossary.md",
    "decisions/README.md",
    "reference/not-verified.md",
    "howto/check-on-real-aws.md",
)


def blocks(text: str) -> Iterator[str]:
    """Headings, paragraphs, items of lists and rows of tables, each as one line; no rows with names of columns."""
    found: list[str] = []
    for line in text.splitlines():
        if line.startswith("|---"):
            found.pop()  # the names of the columns
        elif not line.strip() or STARTS.match(line) or not found:
            found.append(line.strip())
        else:
            found[-1] = f"{found[-1]} {line.strip()}".strip()
    return (each for each in found if each)


def marked(text: str) -> Iterator[str]:
    """What is only assumed: what says so, and everything under a heading, or in a list after a line, that says so."""
    under_heading = in_list = False
    for block in blocks(text):
        says_so = MARK.search(block) is not None
        if block.startswith("#"):
            under_heading, in_list = says_so, False
            continue
        in_list = in_list and block.startswith("- ")
        introduces = says_so and block.endswith(":")
        if (says_so and not introduces) or under_heading or in_list:
            yield block
        in_list = in_list or introduces


def pages() -> dict[str, list[str]]:
    """What is only assumed, by page."""
    found = {str(path.relative_to(DOCS)): list(marked(path.read_text(encoding="utf-8"))) for path in DOCS.rglob("*.md")}
    return {page: each for page, each in found.items() if each and page not in LEFT_OUT}


PAGES = pages()
REASONS = [
    Place(page, words)
    for page, words, _ in project.tables(project.reference("not-verified"))["What selftest can't see"]
]
CHECKED = [place for check in CHECKS for place in check.places]
POINTER = "`quickctl selftest` looks at each of these"  # under the heading of deploy.md's table


@pytest.mark.parametrize("page", sorted(PAGES))
def test_what_is_only_assumed_has_a_check_or_a_reason(page: str) -> None:
    known = [place.words for place in (*CHECKED, *REASONS) if place.page == page]
    missing = [block for block in PAGES[page] if not any(words in block for words in (*known, POINTER))]
    assert missing == [], "a check in quickctl/selftest/checks.py, or a reason in docs/reference/not-verified.md"


@pytest.mark.parametrize("place", [*CHECKED, *REASONS], ids=lambda place: f"{place.page}: {place.words[:30]}")
def test_each_check_and_each_reason_is_about_something_assumed(place: Place) -> None:
    assert [block for block in PAGES.get(place.page, []) if place.words in block]


def test_no_place_has_both_a_check_and_a_reason() -> None:
    assert set(CHECKED) & set(REASONS) == set()


def test_every_check_has_a_name_of_its_own_and_a_place() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert [check.name for check in CHECKS if not check.places] == []


def test_the_page_lists_the_checks() -> None:
    text = reference.CHECKS_PAGE.read_text(encoding="utf-8")
    written = text.partition(reference.CHECKS_BEGIN)[2].partition(reference.CHECKS_END)[0]
    assert written == reference.checks_table(), "write it anew: python -m quickctl.reference"


def test_what_to_change_names_files_that_exist() -> None:
    named = {
        path for check in CHECKS for path in re.findall(r"\b[\w/-]+/[\w./-]+\.(?:py|md|json|yaml)\b", check.change)
    }
    assert named
    assert [path for path in sorted(named) if not (ROOT / path).is_file()] == []
