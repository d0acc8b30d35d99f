"""What quickctl prints in the documents: recorded in a deployed sandbox, and compared with what it prints now.

A fenced block of a document that begins with `$ quickctl ...` is a recording, and PICTURE is the picture of a report.
`python -m tests.recordings` records all of them anew; tests/simulation/test_recordings.py compares them.
"""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import yaml

from quickctl import files
from quickctl.cli import DEFAULT_STACK, Surroundings, prepare
from quickctl.commands.report import Reader
from quickctl.output import Format
from quickctl.report.page import picture_file
from sandbox.aws.clock import VirtualClock
from sandbox.organization import Sandbox
from tests.contract import project
from tests.contract.project import ROOT
from tests.deployed_hub import START

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.simulation.test_quickctl import Operator

WIDTH = 130  # columns
PICTURE = ROOT / "docs/images/organization.svg"
ACCOUNTS = {
    "business": {"finance": "enabled", "marketing": "enabled", "sales": "default"},
    "data": {"warehouse": "enabled", "research": "Enabled", "archive": "enabled"},
    "sandbox": {"legacy": "", "playground": ""},
}  # those in the picture: by unit, what their tags say
BLOCK = re.compile(r"^( *)```console\n( *\$ quickctl .*?)^ *```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^ *\$ (quickctl .*)$", re.MULTILINE)
HOWTO = ROOT / "docs/howto"
CONSUMER = Path("layers/consumer")  # in a checkout
CHANCE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    r"|(?<=-)(?=\d*[A-Z])[0-9A-Z]{12}\b"
)  # ids that are made by chance, and ends of names that CloudFormation makes


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


def page_as_recorded(path: Path, operator: Operator, folder: Path) -> str:
    """A document with its recordings made anew by somebody in a checkout; `folder`: where that is to be."""
    for name in ("docs", "layers", "stacks"):
        (folder / name).symlink_to(ROOT / name)
    with contextlib.chdir(folder), patch.object(files, "CHECKOUT", CONSUMER):
        if path in PREPARED:
            PREPARED[path](operator)
        return recorded(path.read_text(encoding="utf-8"), operator.typed)


def _keep_an_event(operator: Operator) -> None:
    operator.route({"detail": {"eventName": "Something"}})
    operator.run(60)


def _leave_an_event_undelivered(operator: Operator) -> None:
    body = json.dumps(project.sample("organizations/tag_resource.opt_in"))
    queue = operator.world.outputs["UndeliveredEventsUrl"]
    operator.session.client("sqs").send_message(QueueUrl=queue, MessageBody=body)


def _publish(operator: Operator) -> None:
    """The profile of the connected account publishes to another account, and its owner allows it."""
    content = yaml.safe_load((CONSUMER / "profiles.yaml").read_text(encoding="utf-8"))
    bucket, owner = f"quick-data-{operator.connected}", operator.world.boto3_session(operator.connected)
    publishing = {"data_buckets": ["quick-data-{account}"], "publishes_to": [operator.quarantined]}
    content["profiles"]["default"] |= publishing
    Path("profiles.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    operator.world.quick.seed_lake(operator.connected, "quick_sales", "orders", bucket)
    printed = operator.json("mesh", "statements", operator.connected, "--file", "profiles.yaml")["statements"]
    policies = {each["kind"]: {"Version": "2012-10-17", "Statement": [each["statement"]]} for each in printed}
    owner.client("glue").put_resource_policy(PolicyInJson=json.dumps(policies["catalog"]))
    owner.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policies["bucket"]))


PREPARED: dict[Path, Callable[[Operator], None]] = {  # what is so before a page's first command
    HOWTO / "read-a-kept-event.md": _keep_an_event,
    HOWTO / "redrive-dead-letters.md": _leave_an_event_undelivered,
    HOWTO / "publish-to-other-accounts.md": _publish,
}


def pictured(world: Sandbox) -> str:
    """The picture of an organization like the demo's, half a minute after its last account was tagged."""
    from tests.simulation.conftest import Story  # noqa: PLC0415 - as below

    story = Story(world)
    members: dict[str, str] = {}
    for name, accounts in ACCOUNTS.items():
        unit = world.organizations.create_unit(name)
        members |= {each: world.organizations.create_member(each, parent=unit) for each in accounts}
    for tags in ACCOUNTS.values():
        for name in filter(tags.get, tags):
            world.tag(members[name], tags[name])
    story.run(900)
    world.untag(members["archive"])
    story.run(900)
    world.tag(members["playground"], "enabled")
    story.run(30)
    session: Any = world.boto3_session(world.cloud.topology.hub)
    surroundings = Surroundings(lambda *_: session, world.clock.now, story.run)
    return picture_file(Reader(prepare(surroundings, None, None, DEFAULT_STACK, Format.TABLE))())


def main() -> None:
    """Record every page and the picture, each in a world of its own."""
    from tests.simulation.test_quickctl import Operator  # noqa: PLC0415 - its tests need what this module has

    for path in pages():
        with Sandbox(VirtualClock(START)) as world:
            world.create_organization()
            world.deploy()
            with tempfile.TemporaryDirectory() as folder:
                path.write_text(page_as_recorded(path, Operator(world), Path(folder)), encoding="utf-8")
        sys.stderr.write(f"recorded {path.relative_to(ROOT)}\n")
    with Sandbox(VirtualClock(START)) as world:
        world.create_organization()
        world.deploy()
        PICTURE.write_text(pictured(world), encoding="utf-8")


if __name__ == "__main__":
    main()
