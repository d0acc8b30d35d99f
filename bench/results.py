"""The file of results: one entry for each measurement, stored as soon as it is made."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = Path(__file__).parent / "results.json"


@dataclass(frozen=True)
class Entry:
    """What one command said, and of what: the commit that last changed anything it measures, the day, the machine."""

    command: str
    commit: str
    date: str
    machine: str
    figures: Mapping[str, Any]


def read(file: Path = FILE) -> dict[str, Entry]:
    """Every entry, by the name of its measurement."""
    if not file.exists():
        return {}
    return {name: Entry(**entry) for name, entry in json.loads(file.read_text(encoding="utf-8")).items()}


def store(name: str, entry: Entry, file: Path = FILE) -> None:
    """Add an entry, or replace the one of that name. The file is whole at every moment."""
    entries = {each: asdict(kept) for each, kept in {**read(file), name: entry}.items()}
    written = file.with_suffix(".new")
    written.write_text(json.dumps(entries, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    written.replace(file)
