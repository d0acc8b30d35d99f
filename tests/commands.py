"""The commands tests call as processes of their own: each is loaded once, and every call is a fork of what is loaded.

Loading takes most of what a short command takes. `program("aws")` is the path of a program to run, from Python or a
shell, instead of the installed one: same arguments, environment, directory, streams, exit code, and end by a signal.
That the installed commands start is shown by the tests that take `installed("aws")`.

    the process of the tests
        what it runs: tests/command_client.py, tiny; it hands everything on through a Unix socket
        for each command, a process that has loaded it (not a fork: tests have threads)
            for each call, a process that waits for it, to report its exit code
                the call
"""

from __future__ import annotations

import atexit
import gc
import importlib
import marshal
import os
import random
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent
CLIENT = Path(__file__).with_name("command_client.py")
INSTALLED = {
    "aws": [str(Path(sys.executable).with_name("aws"))],
    "sam": [str(Path(sys.executable).with_name("sam"))],
    "sandbox": [sys.executable, "-m", "sandbox"],
    "quickctl": [sys.executable, "-m", "quickctl"],
}
PACKAGES = {"aws": "awscli", "sam": "samcli", "sandbox": "sandbox", "quickctl": "quickctl"}
LAYER = ROOT / "layers/control_plane"  # what quickctl is installed with

_loaded: dict[Path, subprocess.Popen[bytes]] = {}  # by the folder of what is run instead


def installed(name: str) -> list[str]:
    """How a user calls it: loaded for this call alone."""
    return INSTALLED[name]


@cache
def program(name: str) -> Path:
    """The path of a program that does what the command does, without loading it; its folder has no other one."""
    folder = Path(tempfile.mkdtemp(prefix="command-"))  # short: a socket's path has at most a hundred characters
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))
        listener.listen(64)  # who comes before it is loaded waits
        process = subprocess.Popen(
            [sys.executable, "-P", __file__, name, str(listener.fileno())], cwd=ROOT,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{LAYER}"}, stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, pass_fds=[listener.fileno()], start_new_session=True,
        )  # fmt: skip
    _loaded[folder] = process
    path = folder / "bin" / name
    path.parent.mkdir()
    call = shlex.join([sys.executable, "-I", "-S", str(CLIENT), str(folder / "socket"), name])
    path.write_text(f'#!/bin/sh\nexec {call} "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return path


def close() -> None:
    """End the processes that have loaded commands, and what they still run."""
    for folder, process in _loaded.items():
        process.communicate()  # closes its stdin
        shutil.rmtree(folder)
    _loaded.clear()


# --- in the process that has loaded a command


def _serve(name: str, listener: socket.socket) -> None:
    run = _LOADS[name]()
    gc.collect()
    gc.freeze()
    calls: set[int] = set()
    asker = sys.stdin.fileno()  # nothing comes from there but its end
    while asker not in select.select([listener, asker], [], [])[0]:
        connection, _ = listener.accept()
        call = os.fork()
        if not call:
            listener.close()
            _answer(PACKAGES[name], run, connection)
        connection.close()
        calls = {each for each in calls | {call} if os.waitpid(each, os.WNOHANG) == (0, 0)}
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    for each in calls:
        os.waitpid(each, 0)


def _answer(package: str, run: Callable[[], Any], connection: socket.socket) -> None:
    """Run one call in a fork and tell its process id and, when it has ended, its exit code; never returns."""
    _, streams, *_ = socket.recv_fds(connection, 1, 3)
    with connection.makefile("rb") as sent:
        arguments, environment, folder = marshal.loads(sent.read())  # noqa: S302 - written by our own client
    call = os.fork()
    if not call:
        connection.close()
        _become(package, arguments, environment, folder, streams)
        _exit(run)
    for stream in streams:  # or who reads them would wait for this process as well
        os.close(stream)
    connection.sendall(f"{call}\n".encode())
    _, status = os.waitpid(call, 0)
    connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become(package: str, arguments: list[str], environment: dict[str, str], folder: str, streams: list[int]) -> None:
    """Have what a process has at its start from who started it, instead of what this one's parent has."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin, sys.stdout = open(0), open(1, "w")  # noqa: SIM115 - the process's own
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace")  # noqa: SIM115 - as above
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = arguments
    tempfile.tempdir = None
    random.seed()
    importlib.reload(sys.modules[package])  # what it does to the environment when it is loaded


def _exit(run: Callable[[], Any]) -> None:
    """Run the command and end as an interpreter would."""
    code: Any = 1
    try:
        code = run()
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - as an interpreter reports it
        traceback.print_exc()
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


def _load_aws() -> Callable[[], Any]:
    main = importlib.import_module("awscli.clidriver").main
    importlib.import_module("awscli.handlers")
    return main  # type: ignore[no-any-return]


def _load_sam() -> Callable[[], Any]:
    main = importlib.import_module("samcli.cli.main").cli
    for command in ("build", "delete", "deploy", "package"):
        importlib.import_module(f"samcli.commands.{command}.command")
        importlib.import_module(f"samcli.commands.{command}.{command}_context")
    return main  # type: ignore[no-any-return]


def _load_sandbox() -> Callable[[], Any]:
    """With models, parsers, handlers, clients: what a world needs is loaded by having one come and go."""
    from sandbox.__main__ import _collect_seldom, app  # noqa: PLC0415 - for this command's process only
    from sandbox.aws.clock import VirtualClock  # noqa: PLC0415
    from sandbox.organization import Sandbox  # noqa: PLC0415

    _collect_seldom()
    importlib.import_module("sandbox.serve")
    with Sandbox(VirtualClock(datetime(2026, 11, 24, 8, 0, tzinfo=UTC))) as world:
        world.create_organization()
        world.create_trail()
        world.deploy()
    return app


def _load_quickctl() -> Callable[[], Any]:
    app: Callable[[], Any] = importlib.import_module("quickctl.app").app
    return app


_LOADS: dict[str, Callable[[], Callable[[], Any]]] = {
    "aws": _load_aws,
    "sam": _load_sam,
    "sandbox": _load_sandbox,
    "quickctl": _load_quickctl,
}

if __name__ == "__main__":
    _serve(sys.argv[1], socket.socket(fileno=int(sys.argv[2])))
