"""What quickctl prints in the documents: recorded in a deployed sandbox, and compared with what it prints now.

A fenced block of a document that begins with `$ quickctl ...` is a recording. `python -m tests.recordings` records all
of them anew; tests/simulation/test_recordings.py compares them.
"""

from __future__ import annotations

import re
import shlex
import sys
from typing import TYPE_CHECKING

from sandbox.aws.clock import VirtualClock
from sandbox.organization import Sandbox
from tests.contract.project import ROOT
from tests.deployed_hub import START

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WIDTH = 130  # columns
BLOCK = re.compile(r"^( *)```console\n( *\$ quickctl .*?)^ *```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^ *\$ (quickctl .*)$", re.MULTILINE)
CHANCE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
)  # ids that are made by chance


def pages() -> Iterator[Path]:
    """The documents with recordings."""
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        if BLOCK.search(path.read_text(encoding="utf-8")):
            yield path


def recorded(text: str, run: Callable[[list[str]], str]) -> str:
    """A document with its recordings made anew, in their order; `run`: what a command prints."""
    return BLOCK.sub(lambda block: _made_anew(block[1], block[2], run), text)


def _made_anew(indent: str, block: str, run: Callable[[list[str]], str]) -> str:
    lines = ("```console", *_lines(block, run), "```")
    return "\n".join(f"{indent}{line}".rstrip() for line in lines)


def _lines(block: str, run: Callable[[list[str]], str]) -> Iterator[str]:
    for typed in COMMAND.findall(block):
        yield f"$ {typed}"
        printed = CHANCE.sub("...", run(shlex.split(typed)[1:]))
        yield from printed.rstrip().splitlines()


def main() -> None:
    """Record every page, each in a world of its own."""
    from tests.simulation.test_quickctl import Operator  # noqa: PLC0415 - its tests need what this module has

    for path in pages():
        with Sandbox(VirtualClock(START)) as world:
            world.create_organization()
            world.deploy()
            operator = Operator(world)
            path.write_text(recorded(path.read_text(encoding="utf-8"), operator.typed), encoding="utf-8")
        sys.stderr.write(f"recorded {path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
