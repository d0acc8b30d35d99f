"""The organization as hub and spokes: where everything is drawn. Pure; picture.svg.jinja draws it.

The hub is in the middle, units are left and right of it. Few connections have a spoke and a label each; of many, each
unit is a grid of shapes with one spoke.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from quickctl.report.model import NONE, STATES, Symbol, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

LABELLED = 32  # symbols, at most, that have a spoke and a label each
MAX_UNITS = 24  # that are drawn one by one; the smallest others are one
WIDTH, HUB = 760, 80  # the picture; the hub's circle
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
    """All of it. `labelled`: each symbol has a label."""

    width: int
    height: float
    labelled: bool
    blocks: tuple[Block, ...]
    states: tuple[str, ...]

    @property
    def middle(self) -> tuple[float, float]:
        """Where the hub is."""
        return self.width / 2, self.height / 2


def picture(units: Sequence[Unit]) -> Picture:
    """Where everything is drawn."""
    labelled = sum(len(each.symbols) for each in units) <= LABELLED
    drawn = units if labelled else _grouped(units)
    height_of = _height_of_lines if labelled else _height_of_grid
    left, right = _sides(drawn, height_of)
    height = max(*(_height(side, height_of) for side in (left, right)), HUB + 2 * GAP)
    blocks = [*_blocks(left, -1, height, labelled=labelled), *_blocks(right, 1, height, labelled=labelled)]
    present = {symbol.state for each in units for symbol in each.symbols}
    return Picture(WIDTH, height, labelled, tuple(blocks), tuple(each for each in STATES if each in present))


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


def _height(side: Iterable[Unit], height_of: Callable[[Unit], float]) -> float:
    return sum(height_of(each) + GAP for each in side) + GAP


def _sides(units: Sequence[Unit], height_of: Callable[[Unit], float]) -> tuple[list[Unit], list[Unit]]:
    """Those on the left and those on the right: the next one, the largest first, goes to the shorter side."""
    sides: tuple[list[Unit], list[Unit]] = ([], [])
    for each in sorted(units, key=height_of, reverse=True):
        min(sides, key=lambda side: _height(side, height_of)).append(each)
    return sides


def _blocks(side: Sequence[Unit], direction: int, height: float, *, labelled: bool) -> list[Block]:
    """The units of one side from top to bottom; `direction`: -1 on the left, 1 on the right."""
    height_of = _height_of_lines if labelled else _height_of_grid
    top = (height - _height(side, height_of)) / 2 + GAP
    tops = accumulate((height_of(each) + GAP for each in side), initial=top)
    make = _lines if labelled else _grid
    return [make(unit, y, direction, height / 2) for unit, y in zip(side, tops, strict=False)]


def _lines(unit: Unit, top: float, direction: int, middle: float) -> Block:
    """Each symbol has a line, with a spoke of its own."""
    x = _edge(direction)
    points = tuple(
        Point(x, top + HEADER + ROW * (number + 0.5), symbol, _label(symbol))
        for number, symbol in enumerate(unit.symbols)
    )
    spokes = tuple(
        (_spoke(direction, middle, each.y), each.symbol.state)
        for each in points
        if each.symbol.state not in WITHOUT_SPOKE
    )
    return Block(_cut(unit.name), x, top + HEADER - 6, _anchor(direction), points, spokes, "")


def _grid(unit: Unit, top: float, direction: int, middle: float) -> Block:
    """The symbols fill rows, beginning at the hub's side; the unit has one spoke."""
    x = _edge(direction)
    points = tuple(
        Point(
            x + direction * CELL * (number % PER_ROW),
            top + HEADER + CELL * (number // PER_ROW + 0.5),
            symbol,
            _label(symbol),
        )
        for number, symbol in enumerate(unit.symbols)
    )
    spoke = _spoke(direction, middle, top + HEADER + CELL / 2)
    return Block(_cut(unit.name), x, top + HEADER - 6, _anchor(direction), points, ((spoke, ""),), str(len(points)))


def _edge(direction: int) -> float:
    return INNER if direction < 0 else WIDTH - INNER


def _anchor(direction: int) -> str:
    return "end" if direction < 0 else "start"


def _spoke(direction: int, middle: float, y: float) -> str:
    """A curve that leaves the hub and arrives level."""
    start, end = WIDTH / 2 + direction * HUB / 2, _edge(direction) - direction * 10
    bend = start + direction * 40
    return f"M{start:g} {middle:g}C{bend:g} {middle:g} {start:g} {y:g} {end:g} {y:g}"


def _label(symbol: Symbol) -> str:
    profile = f" · {symbol.profile}" if symbol.profile else ""
    return f"{_cut(symbol.name)}{profile}"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
