"""Whether this Python can run the sandbox. A Python that cannot must be able to import this module, to be told so."""

import importlib.util
import sys

OLDEST = (3, 11)
REMEDY = "Run `make setup`, then .venv/bin/python -m sandbox."


def check() -> None:
    """Exit with a message instead of a traceback if this Python is too old or has nothing installed."""
    if sys.version_info[:2] < OLDEST:
        version = ".".join(map(str, sys.version_info[:3]))
        sys.exit(f"Python 3.11 to 3.14 is needed, this is {version}. {REMEDY}")
    if importlib.util.find_spec("typer") is None:
        sys.exit(f"{sys.executable} has none of the packages the sandbox needs. {REMEDY}")
