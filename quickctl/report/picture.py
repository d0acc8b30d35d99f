"""The organization as hub and spokes: where everything is drawn. Pure; picture.svg.jinja draws it.

The hub is in the middle, units are left and right of it; on a narrow screen the hub is above them. Few connections
have a spoke and a label each; of many, each unit is a grid of shapes with one spoke.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from quickctl.report.model import NONE, STATES, Symbol, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

LABELLED = 32  # symbols, at most, that have a spoke and a label each
MAX_UNITS = 24  # that are drawn one by one; the smallest others are one
WIDTH, HUB = 760, 80  # the picture; the hub's circle
NARROW, MARGIN = 356, 82  # the picture on a narrow screen; where its units begin
INNER = 270  # where the left units end, as seen from the left; the right ones are its mirror image
CELL, ROW, HEADER, GAP = 13, 24, 20, 14  # the pitch of a grid; the height of a labelled symbol, a unit's name, a space
PER_ROW = 20
LONGEST = 30  # characters of a label
WITHOUT_SPOKE = (NONE, "removed")


@dataclass(frozen=True)
class Point:
    """A shape: one symbol, or a unit's spoke's end."""

    x: float
    y: float
    symbol: Symbol
    label: str


@dataclass(frozen=True)
class Block:
    """A unit as it is drawn. `spokes`: paths from the hub, each with the state whose colour it has (or none)."""

    name: str
    x: float
    y: float
    anchor: str
    points: tuple[Point, ...]
    spokes: tuple[tuple[str, str], ...]
    caption: str


@dataclass(frozen=True)
class Picture:
    """All of it. `labelled`: each symbol has a label. `hub`: the middle of its circle."""

    width: int
    height: float
    labelled: bool
    hub: tuple[float, float]
    blocks: tuple[Block, ...]
    states: tuple[str, ...]


class Side(NamedTuple):
    """Where units are, as seen from the hub. `direction`: -1 is to the left of their edge, 1 to the right."""

    edge: float
    direction: int
    hub: tuple[float, float]
    is_below: bool = False

    def spoke(self, y: float) -> str:
        """A curve that leaves the hub and arrives level."""
        (x, middle), end = self.hub, self.edge - self.direction * 10
        if self.is_below:
            return f"M{x:g} {middle + HUB / 2:g}C{x:g} {y:g} {x:g} {y:g} {end:g} {y:g}"
        start = x + self.direction * HUB / 2
        bend = start + self.direction * 40
        return f"M{start:g} {middle:g}C{bend:g} {middle:g} {start:g} {y:g} {end:g} {y:g}"

    @property
    def anchor(self) -> str:
        """Which end of a text is at the edge."""
        return "end" if self.direction < 0 else "start"


def picture(units: Sequence[Unit]) -> Picture:
    """Where everything is drawn."""
    labelled, drawn = _drawn(units)
    columns = _sides(drawn, _height_of(labelled=labelled))
    height = max(*(_height(each, _height_of(labelled=labelled)) for each in columns), HUB + 2 * GAP)
    hub = WIDTH / 2, height / 2
    sides = Side(INNER, -1, hub), Side(WIDTH - INNER, 1, hub)
    blocks = [each for column, side in zip(columns, sides, strict=True) for each in _blocks(column, side, labelled)]
    return Picture(WIDTH, height, labelled, hub, tuple(blocks), _states(units))


def narrow_picture(units: Sequence[Unit]) -> Picture:
    """The same for a narrow screen: everything in one column, below the hub."""
    labelled, drawn = _drawn(units)
    height = _height(drawn, _height_of(labelled=labelled))
    hub = GAP / 2 + HUB / 2, GAP / 2 + HUB / 2
    blocks = _blocks(drawn, Side(MARGIN, 1, hub, is_below=True), labelled)
    return Picture(NARROW, HUB + GAP + height, labelled, hub, tuple(blocks), _states(units))


def _drawn(units: Sequence[Unit]) -> tuple[bool, Sequence[Unit]]:
    """Whether each symbol has a label, and the units that are drawn."""
    labelled = sum(len(each.symbols) for each in units) <= LABELLED
    return labelled, units if labelled else _grouped(units)


def _states(units: Sequence[Unit]) -> tuple[str, ...]:
    present = {symbol.state for each in units for symbol in each.symbols}
    return tuple(each for each in STATES if each in present)


def _grouped(units: Sequence[Unit]) -> list[Unit]:
    """The units that are drawn: of very many the largest; of one alone, its states."""
    if len(units) == 1:
        by_state = defaultdict(list)
        for symbol in units[0].symbols:
            by_state[symbol.state].append(symbol)
        return [Unit(name=f"{units[0].name}: {state}", symbols=tuple(by_state[state])) for state in by_state]
    if len(units) <= MAX_UNITS:
        return list(units)
    by_size = sorted(units, key=lambda each: -len(each.symbols))
    small = by_size[MAX_UNITS - 1 :]
    symbols = sorted((symbol for each in small for symbol in each.symbols), key=lambda each: STATES.index(each.state))
    return [*by_size[: MAX_UNITS - 1], Unit(name=f"{len(small)} other units", symbols=tuple(symbols))]


def _height_of_lines(unit: Unit) -> float:
    return HEADER + ROW * len(unit.symbols)


def _height_of_grid(unit: Unit) -> float:
    return HEADER + CELL * -(-len(unit.symbols) // PER_ROW)


def _height_of(*, labelled: bool) -> Callable[[Unit], float]:
    return _height_of_lines if labelled else _height_of_grid


def _height(side: Iterable[Unit], height_of: Callable[[Unit], float]) -> float:
    return sum(height_of(each) + GAP for each in side) + GAP


def _sides(units: Sequence[Unit], height_of: Callable[[Unit], float]) -> tuple[list[Unit], list[Unit]]:
    """Those on the left and those on the right: the next one, the largest first, goes to the shorter side."""
    sides: tuple[list[Unit], list[Unit]] = ([], [])
    for each in sorted(units, key=height_of, reverse=True):
        min(sides, key=lambda side: _height(side, height_of)).append(each)
    return sides


def _blocks(units: Sequence[Unit], side: Side, labelled: bool) -> list[Block]:  # noqa: FBT001 - one of two ways
    """The units of one side from top to bottom."""
    height_of = _height_of(labelled=labelled)
    top = HUB + 2 * GAP if side.is_below else side.hub[1] - _height(units, height_of) / 2 + GAP
    tops = accumulate((height_of(each) + GAP for each in units), initial=top)
    make = _lines if labelled else _grid
    return [make(unit, y, side) for unit, y in zip(units, tops, strict=False)]


def _lines(unit: Unit, top: float, side: Side) -> Block:
    """Each symbol has a line, with a spoke of its own."""
    points = tuple(
        Point(side.edge, top + HEADER + ROW * (number + 0.5), symbol, _label(symbol))
        for number, symbol in enumerate(unit.symbols)
    )
    spokes = tuple((side.spoke(each.y), each.symbol.state) for each in points if each.symbol.state not in WITHOUT_SPOKE)
    return Block(_cut(unit.name), side.edge, top + HEADER - 6, side.anchor, points, spokes, "")


def _grid(unit: Unit, top: float, side: Side) -> Block:
    """The symbols fill rows, beginning at the hub's side; the unit has one spoke."""
    points = tuple(
        Point(
            side.edge + side.direction * CELL * (number % PER_ROW),
            top + HEADER + CELL * (number // PER_ROW + 0.5),
            symbol,
            _label(symbol),
        )
        for number, symbol in enumerate(unit.symbols)
    )
    spokes = ((side.spoke(top + HEADER + CELL / 2), ""),)
    return Block(_cut(unit.name), side.edge, top + HEADER - 6, side.anchor, points, spokes, str(len(points)))


def _label(symbol: Symbol) -> str:
    profile = f" · {symbol.profile}" if symbol.profile else ""
    return f"{_cut(symbol.name)}{profile}"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
