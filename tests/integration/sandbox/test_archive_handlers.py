"""Functions that run what was uploaded: code and layers of each version, apart from those of every other."""

from __future__ import annotations

import gc
import io
import os
import sys
import threading
import zipfile
from typing import TYPE_CHECKING, Any
from unittest import mock

import boto3
import pytest

from sandbox.aws.services.functions import Functions
from sandbox.aws.services.iam import Iam
from sandbox.aws.services.sts import Sts
from sandbox.handlers import PREFIX, ArchiveHandlers
from tests.integration.sandbox.roles import HUB, create_role

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.aws.cloud import Cloud

HANDLER = """
from __future__ import annotations
import os, pathlib
import words.spoken as spoken
from words import written
from words.written import Note

def handler(event, context):
    import words.late
    where = pathlib.Path(os.environ["OPT"]) / "words.txt"
    return [spoken.WORD, written.WORD, Note(text="x").text, words.late.WORD, where.read_text()]
"""
NOTE = """
from __future__ import annotations
from pydantic import BaseModel
from .spoken import WORD

class Text(BaseModel):
    text: str

class Note(Text):
    by: Text | None = None
"""


def archive(files: dict[str, str]) -> bytes:
    """A zip of these files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as opened:
        for name, text in files.items():
            opened.writestr(name, text)
    return packed.getvalue()


class Deployer:
    """Who deploys one function with one layer, again and again."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self.cloud, self.folder = cloud, folder
        self.role = create_role(cloud, "speaks-role", ())
        self.functions = Functions(cloud, ArchiveHandlers(folder, "OPT"), {})

    def layer(self, word: str, folder: str = "python/") -> str:
        """A layer that says a word in all its modules and in a file; its version's ARN."""
        modules = dict.fromkeys(("spoken", "late"), f"WORD = {word!r}")
        files = {
            f"{folder}words/{name}.py": text for name, text in {**modules, "written": NOTE, "__init__": ""}.items()
        }
        content = {"ZipFile": archive({**files, "words.txt": word})}
        with self.cloud.administering(HUB):
            made = self.cloud.client("lambda").publish_layer_version(LayerName="words", Content=content)
        return str(made["LayerVersionArn"])

    def create(self, layer: str, code: str = HANDLER) -> str:
        """The function, new."""
        with self.cloud.administering(HUB):
            made = self.cloud.client("lambda").create_function(
                FunctionName="speaks", Runtime="python3.13", Role=self.role, Handler="speaks.handler", Layers=[layer],
                Code={"ZipFile": archive({"speaks.py": code})},
            )  # fmt: skip
        return str(made["FunctionArn"])

    def do(self, operation: str, **given: Any) -> None:
        """One more call on the function."""
        with self.cloud.administering(HUB):
            getattr(self.cloud.client("lambda"), operation)(FunctionName="speaks", **given)


@pytest.fixture
def deployer(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployer]:
    Sts(cloud, Iam(cloud))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with mock.patch.dict(os.environ):
        yield Deployer(cloud, tmp_path)


def spaces() -> set[str]:
    """The import spaces there are."""
    return {name.split(".")[0] for name in sys.modules if name.startswith(PREFIX)}


@pytest.mark.parametrize("folder", ["python/", ""], ids=["built", "as it lies"])
def test_a_function_finds_its_layers_modules_and_files(deployer: Deployer, folder: str) -> None:
    arn = deployer.create(deployer.layer("hello", folder))
    assert deployer.functions.invoke(arn, {}) == ["hello", "hello", "x", "hello", "hello"]
    assert "words" not in sys.modules


def test_a_new_layer_counts_from_the_next_invocation(deployer: Deployer) -> None:
    arn = deployer.create(deployer.layer("hello"))
    deployer.functions.invoke(arn, {})
    deployer.do("update_function_configuration", Layers=[deployer.layer("goodbye")])
    assert set(deployer.functions.invoke(arn, {})) == {"goodbye", "x"}


def test_new_code_counts_from_the_next_invocation(deployer: Deployer) -> None:
    arn = deployer.create(deployer.layer("hello"))
    deployer.functions.invoke(arn, {})
    deployer.do("update_function_code", ZipFile=archive({"speaks.py": "def handler(event, context): return 'new'"}))
    assert deployer.functions.invoke(arn, {}) == "new"


def test_a_function_that_was_deleted_and_made_again_is_the_new_one(deployer: Deployer) -> None:
    arn = deployer.create(deployer.layer("hello"))
    deployer.functions.invoke(arn, {})
    deployer.do("delete_function")
    assert deployer.create(deployer.layer("again")) == arn
    assert deployer.functions.invoke(arn, {})[0] == "again"


WAITS = """
import threading
def handler(event, context):
    started, go = SIGNALS
    started.set()
    assert go.wait(10)
    import words.late, os, pathlib
    return [words.late.WORD, (pathlib.Path(os.environ["OPT"]) / "words.txt").read_text()]
"""


def test_what_runs_during_an_upgrade_ends_with_what_it_began_with_and_then_its_files_go(deployer: Deployer) -> None:
    before, answers = spaces(), []
    arn = deployer.create(deployer.layer("old"), "import builtins\nSIGNALS = builtins.SIGNALS\n" + WAITS)
    signals = threading.Event(), threading.Event()
    with mock.patch("builtins.SIGNALS", signals, create=True):
        thread = threading.Thread(target=lambda: answers.append(deployer.functions.invoke(arn, {})))
        thread.start()
        assert signals[0].wait(10)
        deployer.do("update_function_code", ZipFile=archive({"speaks.py": HANDLER}))
        deployer.do("update_function_configuration", Layers=[deployer.layer("new")])
        assert deployer.functions.invoke(arn, {})[0] == "new"
        signals[1].set()
        thread.join(10)
    assert answers == [["old", "old"]]
    gc.collect()
    assert len(spaces() - before) == 1
    assert len(list(deployer.folder.iterdir())) == 1
