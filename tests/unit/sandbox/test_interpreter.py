"""What a Python that cannot run the sandbox is told; such a Python is simulated."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from sandbox.organization import PROJECT

RUN = "import runpy; runpy.run_module('sandbox', run_name='__main__')"
TOO_OLD = "import sys; sys.version_info = (3, 10, 14, 'final', 0)"
BARE = (
    "import importlib.util as util; find = util.find_spec; util.find_spec = lambda n: None if n == 'typer' else find(n)"
)


@pytest.mark.parametrize(
    ("python", "said"),
    [
        (
            TOO_OLD,
            "Python 3.11 to 3.14 is needed, this is 3.10.14. Run `make setup`, then .venv/bin/python -m sandbox.",
        ),
        (BARE, f"{sys.executable} has none of the packages the sandbox needs. "),
    ],
)
def test_it_is_told_what_to_do_without_a_traceback(python: str, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{python}; {RUN}"], cwd=PROJECT, check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.startswith(said)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("file", ["__init__.py", "interpreter.py"])
def test_an_old_python_can_read_the_files_that_say_so(file: str) -> None:
    ast.parse((PROJECT / "sandbox" / file).read_text(encoding="utf-8"), feature_version=(3, 6))
