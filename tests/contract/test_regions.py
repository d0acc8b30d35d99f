"""Does every command people are told name the Region it goes to, or the page say once how it is set?"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.project import ROOT

EVERYWHERE = {"organizations", "iam", "sts", "s3"}  # services that have one endpoint, or find a bucket's Region
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
SETS = re.compile(r"^ *export AWS_(DEFAULT_)?REGION=", re.MULTILINE)
COMMAND = re.compile(r"\baws ([a-z0-9-]+) [a-z][a-z-]+")
OWN = {"deploy.md"}  # each of its commands goes where its own step says


def commands(page: str) -> Iterator[tuple[int, str, str]]:
    """Commands of a page's indented blocks: where each stands, its service, and its whole text."""
    joined = re.sub(r"\\\n *", lambda found: " " * len(found[0]), page)
    at = 0
    for line in joined.splitlines(keepends=True):
        if line.startswith("    ") and (found := COMMAND.search(line)):
            yield at, found[1], line
        at += len(line)


@pytest.mark.parametrize("path", [each for each in PAGES if each.name not in OWN], ids=lambda each: each.name)
def test_a_command_of_a_regional_service_says_which_region(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    told = SETS.search(page)
    begins = told.start() if told else len(page)
    silent = [line for at, service, line in commands(page) if service not in EVERYWHERE and "--region" not in line]
    early = [line for at, service, line in commands(page) if line in silent and at < begins]
    assert early == []


def test_the_test_sees_the_commands() -> None:
    services = {service for path in PAGES for _, service, _ in commands(path.read_text(encoding="utf-8"))}
    assert {"dynamodb", "stepfunctions", "organizations", "sqs", "cloudformation"} <= services
