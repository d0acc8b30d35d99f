"""Draw bench/plot.svg: seconds until all are connected, and stack set operations, over the number of accounts."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from bench import measurements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.results import Entry

FILE = Path(__file__).parent / "plot.svg"
WIDTH, HEIGHT = 640, 360
FONT = 'font-family="sans-serif" font-size="13"'
LEFT, RIGHT, TOP, BOTTOM = 70, 610, 40, 310  # of the area that is drawn in
DECADES = (0, 3)  # both axes go from 1 to 1,000
# Colours that can be read on white and on black.
LINE, TEXT = "#8884", "#888"
SERIES = (
    ("aws_seconds", "seconds until all are connected", "#2f81f7"),
    ("stack_set_operations", "operations", "#d2691e"),
)


def write(entries: Mapping[str, Entry], file: Path = FILE) -> None:
    """Draw what there is."""
    file.write_text(svg(entries), encoding="utf-8")


def svg(entries: Mapping[str, Entry]) -> str:
    """The picture."""
    found = {n: entries.get(measurements.connect_name(n)) for n in measurements.AT_ONCE}
    known = {n: entry.figures for n, entry in found.items() if entry}
    lines = [
        line
        for name, label, colour in SERIES
        for line in _series([(n, f[name]) for n, f in known.items()], label, colour)
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {FONT}>',
            f'<text x="{LEFT}" y="22" fill="{TEXT}" font-size="15">Accounts tagged at one moment</text>',
            *_grid(),
            *lines,
            "</svg>\n",
        ]
    )


def _grid() -> list[str]:
    first, last = DECADES
    marks = []
    for power in range(first, last + 1):
        value = 10**power
        x, y = _x(value), _y(value)
        marks += [
            f'<path d="M{x} {TOP}V{BOTTOM}M{LEFT} {y}H{RIGHT}" stroke="{LINE}" fill="none"/>',
            f'<text x="{x}" y="{BOTTOM + 20}" fill="{TEXT}" text-anchor="middle">{value:,}</text>',
            f'<text x="{LEFT - 8}" y="{y + 4}" fill="{TEXT}" text-anchor="end">{value:,}</text>',
        ]
    middle = (LEFT + RIGHT) / 2
    return [*marks, f'<text x="{middle}" y="{BOTTOM + 40}" fill="{TEXT}" text-anchor="middle">accounts</text>']


def _series(points: Sequence[tuple[float, float]], label: str, colour: str) -> list[str]:
    """One line with its points, each with its value, and what it is, below it."""
    places = [(_x(x), _y(y), y) for x, y in points]
    if not places:
        return []
    path = "L".join(f"{x} {y}" for x, y, _ in places)
    label_x, label_y, _ = places[(len(places) - 1) // 2]
    return [
        f'<path d="M{path}" stroke="{colour}" stroke-width="2.5" fill="none"/>',
        *(f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>' for x, y, _ in places),
        *(
            f'<text x="{x}" y="{y - 9}" fill="{colour}" text-anchor="middle">{value:,.0f}</text>'
            for x, y, value in places
        ),
        f'<text x="{label_x + 6}" y="{label_y + 24}" fill="{colour}" font-weight="bold">{label}</text>',
    ]


def _x(value: float) -> float:
    return round(LEFT + _share(value) * (RIGHT - LEFT), 1)


def _y(value: float) -> float:
    return round(BOTTOM - _share(value) * (BOTTOM - TOP), 1)


def _share(value: float) -> float:
    """Where a value lies on a logarithmic axis, from 0 to 1."""
    first, last = DECADES
    return (math.log10(max(value, 10**first)) - first) / (last - first)
