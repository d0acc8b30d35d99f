"""What a cold start costs: each function's import beside a bare `import boto3`, and how large our layers are.

    .venv/bin/python -m bench.cold_start
    .venv/bin/python -m bench.cold_start --project ../another-checkout

Every import is a process of its own that has only the packages of the dependencies layer, pruned as `sam build` prunes
it. Each function takes turns with boto3, nine times: its factor is the median of the nine quotients of neighbours,
because the speed of a shared core changes threefold within seconds. Milliseconds are the least of nine, of processor
time, without the start of Python itself. The wheels are this machine's, not those for Lambda's processor; run it with
the Python of Lambda's runtime (`make setup PYTHON=python3.13`), because Pythons differ in what defining a class costs.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

PROJECT = Path(__file__).parent.parent
RUNS = 9
BARE = "boto3"
IMPORT = (
    "import sys, time; begun = time.process_time(); __import__(sys.argv[1]); "
    "print(time.process_time() - begun, len(sys.modules))"
)
ENVIRONMENT = {"POWERTOOLS_SERVICE_NAME": "bench", "POWERTOOLS_METRICS_NAMESPACE": "Bench"}


class Run(NamedTuple):
    """One import in a process of its own."""

    seconds: float
    modules: int


class Cost(NamedTuple):
    """Of one function's import: milliseconds and modules, its own and boto3's, and how many times boto3 it takes."""

    ms: int
    times: float
    modules: int
    boto3_ms: int
    boto3_modules: int


def install(project: Path, folder: Path) -> None:
    """Put the packages of the dependencies layer into a folder, as they are installed here, and prune them."""
    requirements = (project / "layers/dependencies/requirements.txt").read_text(encoding="utf-8")
    for name in re.findall(r"^([\w.-]+)==", requirements, re.MULTILINE):
        for file in metadata.files(name) or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:
                target = folder / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(str(file.locate()), target)
    prune = project / "layers/dependencies/prune.py"
    subprocess.run([sys.executable, str(prune), str(folder)], check=True)  # noqa: S603 - our own code


def costs(project: Path, packages: Path) -> dict[str, Cost]:
    """Of every function."""
    names = sorted(path.stem for path in (project / "functions").glob("*.py"))
    return {
        name: _cost([(_run(BARE, project, packages), _run(name, project, packages)) for _ in range(RUNS)])
        for name in names
    }


def _cost(pairs: Sequence[tuple[Run, Run]]) -> Cost:
    bare, function = min(bare for bare, _ in pairs), min(function for _, function in pairs)
    return Cost(
        ms=round(function.seconds * 1000),
        times=round(statistics.median(function.seconds / bare.seconds for bare, function in pairs), 2),
        modules=function.modules,
        boto3_ms=round(bare.seconds * 1000),
        boto3_modules=bare.modules,
    )


def _run(name: str, project: Path, packages: Path) -> Run:
    path = ":".join(map(str, (packages, project / "functions", project / "layers/control_plane")))
    command = [sys.executable, "-S", "-c", IMPORT, name]  # -S: without the packages installed for everything else
    done = subprocess.run(  # noqa: S603 - our own code
        command, check=True, capture_output=True, text=True, env={**ENVIRONMENT, "PYTHONPATH": path}
    )
    seconds, modules = done.stdout.split()
    return Run(float(seconds), int(modules))


def zipped(folder: Path) -> int:
    """How many bytes a folder's files take in a zip file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                archive.write(file, file.relative_to(folder))
    return len(buffer.getvalue())


def main(
    project: Annotated[Path, typer.Option(help="measure the functions and layers of this checkout")] = PROJECT,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object instead of a table")] = False,
) -> None:
    """Print both."""
    with tempfile.TemporaryDirectory() as folder:
        install(project, Path(folder))
        sizes = {"dependencies": zipped(Path(folder))}
        found = costs(project.resolve(), Path(folder))
    sizes |= {layer: zipped(project / "layers" / layer) for layer in ("control_plane", "consumer")}
    if as_json:
        functions = {name: cost._asdict() for name, cost in found.items()}
        typer.echo(json.dumps({"functions": functions, "zipped_bytes": sizes}))
        return
    for name, cost in found.items():
        typer.echo(
            f"{name:28} {cost.ms:6} ms  {cost.times:5.2f} times boto3 ({cost.boto3_ms} ms)"
            f"  {cost.modules:5} modules ({cost.boto3_modules})"
        )
    for layer, size in sizes.items():
        typer.echo(f"{'layer ' + layer:28} {size / 1024:6.0f} KiB")


if __name__ == "__main__":
    typer.run(main)
