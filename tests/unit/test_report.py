"""The report: what its numbers say, and what its page is made of."""

from __future__ import annotations

import http.client
import re
from datetime import timedelta
from html.parser import HTMLParser
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from control_plane.sweep.reporting import Report as SweepReport
from quickctl.exits import ExitCode, Problem
from quickctl.report import model
from quickctl.report.page import page, picture_file
from quickctl.report.picture import HUB, LABELLED, MAX_UNITS, Picture, narrow_picture, picture
from quickctl.serving import server_of
from tests import report_data
from tests.report_data import ATTACK, NOW, passage, row, step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MEGABYTE = 1_000_000
VOID = ("meta", "img", "br", "hr", "input", "link")
REPORTS = {
    "small": report_data.mixed(12, 3, 4),
    "large": report_data.mixed(950, 12, 50),
    "many units": report_data.mixed(400, 60),
    "empty": report_data.report([]),
}
each_report = pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)


class Page(HTMLParser):
    """A page's elements, with their attributes and all text in them. Refuses what is not closed properly."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []  # by element
        self._open: list[int] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.texts.append("")
        if tag not in VOID:
            self._open.append(len(self.elements) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element without content."""
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        """The element ends that began last."""
        assert self.elements[self._open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        """Text of all elements that are open."""
        for each in self._open:
            self.texts[each] += data

    def of(self, *tags: str) -> list[tuple[dict[str, str], str]]:
        """Attributes and text of each element of these kinds."""
        return [(found, self.texts[at]) for at, (tag, found) in enumerate(self.elements) if tag in tags]

    @property
    def ids(self) -> list[str]:
        """All ids."""
        return [found["id"] for _, found in self.elements if "id" in found]


@each_report
@pytest.mark.parametrize("refresh", [0, 5])
def test_a_page_loads_nothing_and_runs_nothing_but_its_own(report: model.Report, refresh: float) -> None:
    text = page(report, refresh)
    found = Page(text)
    assert not [tag for tag, _ in found.elements if tag in ("link", "img", "iframe", "object", "embed", "base", "form")]
    addresses = [value for _, each in found.elements for name, value in each.items() if name in ("src", "href")]
    assert all(value.startswith("#") for value in addresses)
    assert not re.search(r"url\(|@import", "".join(style for _, style in found.of("style")))
    assert not [name for _, each in found.elements for name in each if name.startswith("on") or name == "style"]
    (policy,) = [each["content"] for each, _ in found.of("meta") if "http-equiv" in each]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert ("script-src 'sha256-" in policy) is bool(refresh)
    assert len(found.of("script")) == bool(refresh)


@each_report
def test_a_page_can_be_read_by_keyboard_and_by_screen_readers(report: model.Report) -> None:
    found = Page(page(report, refresh=5))
    tags = [tag for tag, _ in found.elements]
    assert [tags.count(each) for each in ("header", "nav", "main", "footer", "h1")] == [1] * 5
    assert len(found.ids) == len(set(found.ids))
    leading = [each["href"].removeprefix("#") for each, _ in found.of("a", "use")]
    assert set(leading) <= set(found.ids)
    assert {each["aria-labelledby"] for each, _ in found.of("section")} <= set(found.ids)
    for drawn, text in found.of("svg"):
        named = drawn.get("aria-label") or all(each in found.ids for each in drawn.get("aria-labelledby", "?").split())
        assert drawn.get("aria-hidden") == "true" or named, text
    assert all(each.get("scope") for each, _ in found.of("th"))
    assert all(text.strip() for _, text in found.of("button", "summary", "a"))
    (language,) = [each["lang"] for each, _ in found.of("html")]
    assert language == "en"
    assert [each for each, _ in found.of("meta") if each.get("name") == "viewport"]


def test_colours_and_widths_follow_whoever_reads() -> None:
    (style,) = [text for _, text in Page(page(REPORTS["small"])).of("style")]
    assert style.count("prefers-color-scheme: dark") == 2
    assert "max-width: 40rem" in style
    assert ":focus-visible" in style


def test_each_state_has_a_shape_and_a_colour() -> None:
    drawn = Page(picture_file(REPORTS["large"]))
    assert {f"shape-{each}" for each in model.STATES} <= set(drawn.ids)
    (style,) = [text for _, text in drawn.of("style")]
    assert all(f".{each}" in style for each in model.STATES)


def test_what_others_wrote_stays_text() -> None:
    rows = [row(1, "failed", ATTACK, ATTACK), row(2, "connected", ATTACK, ATTACK)]
    found = Page(page(report_data.report(rows)))
    assert not found.of("img", "script")
    assert sum(ATTACK in text for _, text in found.of("li", "p", "td")) >= 4
    assert not Page(picture_file(report_data.report(rows))).of("img", "script")


@pytest.mark.parametrize("state", ["connected", "failed"])
def test_a_thousand_accounts_fit_into_two_megabytes(state: str) -> None:
    rows = [row(number, state, reason="no " * 400) for number in range(1000)]
    assert len(page(report_data.report(rows)).encode()) < 2 * MEGABYTE


def test_what_a_list_leaves_out_is_counted() -> None:
    text = page(report_data.report([row(number, "failed") for number in range(60)]))
    assert len(Page(text).of("article")) == 50
    assert "... and 10 more" in text


@each_report
@pytest.mark.parametrize("draw", [picture, narrow_picture])
def test_everything_is_drawn_once_and_within_the_picture(
    report: model.Report, draw: Callable[[Sequence[model.Unit]], Picture]
) -> None:
    drawn = draw(report.units)
    points = [each for block in drawn.blocks for each in block.points]
    symbols = [symbol for unit in report.units for symbol in unit.symbols]
    assert sorted(each.symbol.account_id for each in points) == sorted(each.account_id for each in symbols)
    assert len({(each.x, each.y) for each in points}) == len(points)
    assert all(0 < each.x < drawn.width and 0 < each.y < drawn.height for each in points)
    assert drawn.labelled is (len(points) <= LABELLED)
    assert len(drawn.blocks) <= MAX_UNITS


@each_report
def test_a_phone_gets_a_picture_as_wide_as_it_is(report: model.Report) -> None:
    drawn, phone = narrow_picture(report.units), 390
    assert drawn.width <= phone - 2 * 16, "the page's margins"
    assert all(each.y > HUB for block in drawn.blocks for each in block.points), "everything is below the hub"
    (style,) = [text for _, text in Page(page(report)).of("style")]
    assert ".picture { display: none; }" in style[style.index("max-width: 40rem") :]
    assert "min-width: 40rem" not in style


def test_a_single_large_unit_is_drawn_by_states() -> None:
    drawn = picture(report_data.mixed(100, units=1).units)
    assert {each.name for each in drawn.blocks} >= {"unit-00: failed", "unit-00: connected"}


def test_units_have_their_accounts_with_and_without_connections() -> None:
    places = {"222233334444": ("sales", "data"), "333344445555": ("legacy", "data")}
    rows = [row(0, "connected"), row(1, "failed").model_copy(update={"account_id": "222233334444"})]
    data, elsewhere = model.units(places, rows)
    assert [(each.name, each.state, each.row) for each in data.symbols] == [
        ("sales", "failed", 1),
        ("legacy", "none", None),
    ]
    assert (elsewhere.name, [each.name for each in elsewhere.symbols]) == (model.UNKNOWN, ["team-0000"])


def test_times_count_from_the_call_and_for_each_step() -> None:
    called = NOW - timedelta(seconds=10)
    measured = [(passage(seconds), called, [step("EnsureAccess", seconds / 10)]) for seconds in range(10, 210, 10)]
    found = model.times(measured)
    assert (found.connections, found.p50, found.p95) == (20, 110, 200)
    assert [(each.step, each.count, each.p50, each.p95) for each in found.steps] == [("EnsureAccess", 20, 10, 19)]
    assert model.times([]) == model.Times(connections=0, p50=None, p95=None, steps=())


def test_what_is_pending_comes_the_oldest_first() -> None:
    found = report_data.report([row(1, "connecting"), row(5, "held"), row(9, "connected")])
    assert [each.state for each in found.pending] == ["held", "connecting"]


def test_a_sweeps_findings_have_remedies() -> None:
    found = model.findings(SweepReport(sweep_id="1", at="", scope=("all",), partial="no list", unmanaged=("role x",)))
    assert [each.items for each in found] == [("no list",), ("role x",)]
    assert all(each.remedy for each in found)
    assert model.findings(None) == ()


# Served ------------------------------------------------------------------------------------------------------


class Served:
    """A served page; `made`: how often it was made."""

    def __init__(self, every: float) -> None:
        self.made, self.fails = 0, False
        self.server = server_of(self._make, 0, every)

    def _make(self) -> str:
        self.made += 1
        if self.fails:
            raise Problem(ExitCode.DENIED, "a permission is missing", "grant it")
        return f"page {self.made}"

    def ask(self, path: str = "/", **headers: str) -> tuple[int, str]:
        """Status and text of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=10)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


@pytest.fixture
def served(request: Any) -> Iterator[Served]:
    """A server of this computer, in a thread."""
    made = Served(getattr(request, "param", 0))
    thread = Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_who_asks_gets_a_new_page(served: Served) -> None:
    assert served.server.server_address[0] == "127.0.0.1"
    assert (served.ask(), served.ask()) == ((200, "page 1"), (200, "page 2"))


@pytest.mark.parametrize("served", [3600], indirect=True)
def test_aws_is_not_asked_more_often_than_it_may_be(served: Served) -> None:
    assert (served.ask(), served.ask(), served.made) == ((200, "page 1"), (200, "page 1"), 1)


def test_nothing_is_told_to_other_sites_or_under_other_paths(served: Served) -> None:
    assert served.ask(Host="example.com")[0] == 421
    assert served.ask("/etc/passwd")[0] == 404
    assert served.made == 0


def test_what_aws_refuses_is_said(served: Served) -> None:
    served.fails = True
    assert served.ask() == (502, "a permission is missing\ngrant it")


def test_a_port_that_is_taken_is_refused(served: Served) -> None:
    with pytest.raises(Problem, match="can't be served"):
        server_of(str, served.server.server_port, 0)
