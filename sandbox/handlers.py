"""Where functions' handlers come from: the files of a folder, or the archives that were deployed.

Only here is code loaded by name. Each sandbox loads the files anew, so that no handler keeps what it read from another.
Code of two versions meets nowhere: each version has an import space, in which every module that came with it is
its own. What is installed beside the sandbox (boto3, pydantic) is shared: a layer's builds are for Lambda's processor.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import io
import itertools
import shutil
import sys
import sysconfig
import tempfile
import weakref
import zipfile
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from sandbox.aws import Handler, Version

PREFIX = "deployed_"  # of the packages that import spaces are
_numbers = itertools.count(1)


class FolderHandlers:
    """Handlers by their names in the template: `module.function` is that function in the folder's `module.py`.

    Whatever archives were deployed, the folder's files run. `cold_packages` are imported once in this process and cache
    settings and clients. Before the first handler is loaded their caches are emptied, as in a cold start. A version
    with another environment than the first has copies of all these modules, in an import space.
    """

    def __init__(self, folder: Path, cold_packages: Sequence[str] = ()) -> None:
        self._folder, self._cold = folder, tuple(cold_packages)
        self._first: dict[str, str] | None = None
        self._spaces = weakref.WeakValueDictionary[tuple[tuple[str, str], ...], ImportSpace]()

    def __call__(self, version: Version) -> Handler:
        """Load a handler."""
        if self._first is None:
            self._first = dict(version.environment)
            for package in self._cold:
                _empty_caches(package)
        module_name, function_name = version.handler.rsplit(".", 1)
        if version.environment == self._first:
            return cast("Handler", getattr(self._shared(module_name), function_name))
        key = tuple(sorted(version.environment.items()))
        space = self._spaces.get(key) or ImportSpace([self._folder, *map(_place, self._cold)])
        self._spaces[key] = space
        return space.handler(module_name, function_name)

    def _shared(self, module_name: str) -> ModuleType:
        file = self._folder / f"{module_name}.py"
        spec = importlib.util.spec_from_file_location(f"lambda_functions.{module_name}", file)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


class ArchiveHandlers:
    """Handlers from what was deployed: code, and layers unpacked one over the other as Lambda does to /opt.

    All this happens in subfolders of `folder`; `opt_variables` say where /opt is. A layer that was not built, so
    that it has no folder `python`, is looked into as it lies.
    """

    def __init__(self, folder: Path, *opt_variables: str) -> None:
        self._folder, self._opt_variables = folder, opt_variables
        self._spaces = weakref.WeakValueDictionary[Any, ImportSpace]()

    def __call__(self, version: Version) -> Handler:
        """Load a handler."""
        space = self._spaces.get(version.key)
        if space is None:
            space = self._spaces[version.key] = _unpacked(version, self._folder)
        assert space.opt
        version.environment.update(dict.fromkeys(self._opt_variables, str(space.opt)))
        module_name, function_name = version.handler.rsplit(".", 1)
        return space.handler(module_name.replace("/", "."), function_name)


class ImportSpace:
    """Modules of some folders, apart from those of the same name elsewhere. It lives as long as a handler of it does.

    Its modules are in sys.modules, below a package of its own. Whatever they import by its plain name is looked for
    there first. (An import by `importlib.import_module` is not seen.)
    """

    def __init__(self, folders: Sequence[Path], opt: Path | None = None, rubbish: Path | None = None) -> None:
        self.opt = opt
        self.package = f"{PREFIX}{next(_numbers)}"
        _finder.add(self.package, [str(folder) for folder in folders])
        weakref.finalize(self, _forget, self.package, rubbish)

    def handler(self, module_name: str, function_name: str) -> Handler:
        """A function of one of its modules, which keeps the space alive."""
        function = getattr(importlib.import_module(f"{self.package}.{module_name}"), function_name)
        return _Handler(self, function)


class _Handler:
    def __init__(self, space: ImportSpace, function: Callable[[Any, Any], Any]) -> None:
        self._space, self._function = space, function

    def __call__(self, event: Any, context: Any) -> Any:
        return self._function(event, context)


class _Finder(MetaPathFinder):
    """Finds the modules of every import space."""

    def __init__(self) -> None:
        self.folders: dict[str, list[str]] = {}

    def add(self, package: str, folders: list[str]) -> None:
        """A space begins."""
        self.folders[package] = folders
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    @override
    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        """The space itself, or one of its modules."""
        package = fullname.split(".", maxsplit=1)[0]
        if package not in self.folders:
            return None
        if package == fullname:
            spec = ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = self.folders[package]
            return spec
        found = PathFinder.find_spec(fullname, path, target)
        if found and isinstance(found.loader, SourceFileLoader):
            found.loader = _Loader(package, found.loader.name, found.loader.path)
        return found

    def has(self, package: str, name: str) -> bool:
        """Whether a space has a module of that name, and the sandbox has none installed."""
        top = f"{package}.{name.split('.', maxsplit=1)[0]}"
        return (
            package in self.folders
            and not _is_installed(name.split(".", maxsplit=1)[0])
            and (top in sys.modules or PathFinder.find_spec(top, self.folders[package]) is not None)
        )


_finder = _Finder()


class _Loader(SourceFileLoader):
    """Runs a module with an `__import__` that looks into its space first."""

    def __init__(self, package: str, name: str, path: str) -> None:
        super().__init__(name, path)
        self._package = package

    @override
    def exec_module(self, module: ModuleType) -> None:
        """With builtins of its own."""
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": _import_of(self._package)}
        super().exec_module(module)


@cache
def _import_of(package: str) -> Callable[..., Any]:
    def own_import(
        name: str, space: Any = None, local: Any = None, names: Sequence[str] = (), level: int = 0
    ) -> ModuleType:
        if level or not _finder.has(package, name):
            return builtins.__import__(name, space, local, names, level)
        module = importlib.import_module(f"{package}.{name}")
        if not names:
            return sys.modules[f"{package}.{name.split('.', maxsplit=1)[0]}"]
        for each in names if hasattr(module, "__path__") else ():
            if each != "*" and not hasattr(module, each):
                _import_submodule(f"{module.__name__}.{each}")
        return module

    return own_import


def _import_submodule(name: str) -> None:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:  # then the importing statement says what is missing
            raise


@cache
def _is_installed(name: str) -> bool:
    places = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    return name in sys.stdlib_module_names or PathFinder.find_spec(name, places) is not None


def _forget(package: str, folder: Path | None) -> None:
    """Nothing runs of that version any more."""
    _finder.folders.pop(package, None)
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        del sys.modules[name]
    if folder:
        shutil.rmtree(folder, ignore_errors=True)


def _unpacked(version: Version, where: Path) -> ImportSpace:
    folder = Path(tempfile.mkdtemp(prefix="function-", dir=where))
    task, opt = folder / "task", folder / "opt"
    task.mkdir()
    opt.mkdir()
    _unpack(version.code, task)
    for layer in version.layers:
        _unpack(layer, opt)
    return ImportSpace([task, opt / "python", opt], opt, rubbish=folder)


def _unpack(archive: bytes, folder: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        opened.extractall(folder)


def _place(package: str) -> Path:
    """The folder a package lies in."""
    spec = importlib.util.find_spec(package)
    assert spec
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]).parent


def _empty_caches(package: str) -> None:
    modules = [module for name, module in sys.modules.items() if name.split(".")[0] == package]
    for value in [value for module in modules for value in vars(module).values()]:
        if hasattr(value, "cache_clear"):
            value.cache_clear()
