"""Runs command lines that quickctl prints as somebody who pastes them into a shell would: in a world of this process.

`aws` is the real AWS CLI, without a process of its own for each call. `sam deploy` is the sandbox's own deployment:
tests/e2e has the real one.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import re
import shlex
from typing import TYPE_CHECKING, Any

from quickctl.doctor.command_lines import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from sandbox.organization import Sandbox

MANAGEMENT = "management"  # the name of the AWS profile of the management account; the default one is the hub's


class Shell:
    """Somebody at a shell, as an administrator of the hub and of the management account."""

    def __init__(self, world: Sandbox, quickctl: Callable[[list[str]], None], folder: Path) -> None:
        """`quickctl`: runs its arguments. `folder`: where the credentials are kept."""
        self._world, self._quickctl = world, quickctl
        self._cli = importlib.import_module("awscli.clidriver")  # when it is loaded, it sets variables that it needs
        place = world.cloud.topology
        self._credentials = folder / "credentials"
        profiles = {"default": place.hub, MANAGEMENT: place.management}
        texts = (f"[{name}]\n{_written(world, account)}" for name, account in profiles.items())
        self._credentials.write_text("\n".join(texts), encoding="utf-8")

    def run(self, text: str, variables: Mapping[str, str]) -> None:
        """Run a command line, its variables set."""
        for words in _commands(_filled(text, variables)):
            self._run(words)

    def _run(self, words: list[str]) -> None:
        if words[0] == "aws":
            self._aws(words[1:])
        elif words[0] == "quickctl":
            self._quickctl(words[1:])
        elif words[:2] == ["sam", "deploy"]:
            self._world.deploy(**dict(each.split("=", 1) for each in words if re.fullmatch(r"[A-Z]\w+=.*", each)))
        else:
            assert words == ["make", "build"], words  # the sandbox deploys the project's own files

    def _aws(self, arguments: list[str]) -> None:
        said = io.StringIO()
        with _environment(AWS_SHARED_CREDENTIALS_FILE=str(self._credentials)), contextlib.redirect_stdout(said):
            code = self._cli.create_clidriver().main(arguments)
        assert code == 0, (arguments, said.getvalue())


def _written(world: Sandbox, account: str) -> str:
    credentials: Any = world.cloud.identities.administrator(account).credentials()
    return "".join(f"{name} = {value}\n" for name, value in credentials.items())


def _filled(text: str, variables: Mapping[str, str]) -> str:
    assert set(variables) <= set(VARIABLES)
    return re.sub(r'"\$([A-Z_]+)"', lambda found: shlex.quote(variables[found[1]]), text)


def _commands(text: str) -> Iterator[list[str]]:
    words: list[str] = []
    for word in shlex.split(text):
        if word == "&&":
            yield words
            words = []
        else:
            words.append(word)
    yield words


@contextlib.contextmanager
def _environment(**values: str) -> Iterator[None]:
    """No credentials but those of the file."""
    before = dict(os.environ)
    os.environ.update(values)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        os.environ.pop(name, None)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
