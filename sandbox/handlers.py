"""Where functions' handlers come from: the files of a folder, as Lambda finds them in a function's package.

Only here is code loaded by name. Each sandbox loads the files anew, so that no handler keeps what it read from another.
"""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sandbox.aws import Handler


class FolderHandlers:
    """Handlers by their names in the template: `module.function` is that function in the folder's `module.py`.

    `cold_packages` are imported once in this process and cache settings and clients. Before the first handler is loaded
    their caches are emptied, as in a cold start.
    """

    def __init__(self, folder: Path, cold_packages: Sequence[str] = ()) -> None:
        self._folder, self._cold = folder, tuple(cold_packages)

    def __call__(self, name: str) -> Handler:
        """Load a handler."""
        for package in self._cold:
            _empty_caches(package)
        self._cold = ()
        module_name, function_name = name.rsplit(".", 1)
        file = self._folder / f"{module_name}.py"
        spec = importlib.util.spec_from_file_location(f"lambda_functions.{module_name}", file)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return cast("Handler", getattr(module, function_name))


def _empty_caches(package: str) -> None:
    modules = [module for name, module in sys.modules.items() if name.split(".")[0] == package]
    for value in [value for module in modules for value in vars(module).values()]:
        if hasattr(value, "cache_clear"):
            value.cache_clear()
