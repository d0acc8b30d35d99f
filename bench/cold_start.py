"""What a cold start costs: each function's import beside a bare `import boto3`, and how large our layers are.

    .venv/bin/python -m bench.cold_start
    .venv/bin/python -m bench.cold_start --project ../another-checkout

Every import is a process of its own that has only the packages of the dependencies layer, pruned as `sam build` prunes
it. A figure is the least processor time of nine runs, which take turns, without the start of Python itself. The wheels
are this machine's, not those for Lambda's processor.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

PROJECT = Path(__file__).parent.parent
RUNS = 9
BARE = "boto3"
IMPORT = (
    "import sys, time; begun = time.process_time(); __import__(sys.argv[1]); "
    "print(time.process_time() - begun, len(sys.modules))"
)
ENVIRONMENT = {"POWERTOOLS_SERVICE_NAME": "bench", "POWERTOOLS_METRICS_NAMESPACE": "Bench"}


class Cost(NamedTuple):
    """Of one import."""

    seconds: float
    modules: int


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
    """The least of every import; `import boto3` is one of them. They take turns, so that a busy moment hits all."""
    names = [BARE, *sorted(path.stem for path in (project / "functions").glob("*.py"))]
    runs = [{name: _run(name, project, packages) for name in names} for _ in range(RUNS)]
    return {name: min(run[name] for run in runs) for name in names}


def _run(name: str, project: Path, packages: Path) -> Cost:
    path = ":".join(map(str, (packages, project / "functions", project / "layers/control_plane")))
    command = [sys.executable, "-S", "-c", IMPORT, name]  # -S: without the packages installed for everything else
    done = subprocess.run(  # noqa: S603 - our own code
        command, check=True, capture_output=True, text=True, env={**ENVIRONMENT, "PYTHONPATH": path}
    )
    seconds, modules = done.stdout.split()
    return Cost(float(seconds), int(modules))


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
    bare = found.pop(BARE)
    if as_json:
        functions = {
            name: {
                "ms": round(cost.seconds * 1000),
                "times": round(cost.seconds / bare.seconds, 2),
                "modules": cost.modules,
            }
            for name, cost in found.items()
        }
        boto3 = {"ms": round(bare.seconds * 1000), "modules": bare.modules}
        typer.echo(json.dumps({"boto3": boto3, "functions": functions, "zipped_bytes": sizes}))
        return
    for name, cost in {BARE: bare, **found}.items():
        times = cost.seconds / bare.seconds
        typer.echo(f"{name:28} {cost.seconds * 1000:6.0f} ms  {times:5.2f} times  {cost.modules:5} modules")
    for layer, size in sizes.items():
        typer.echo(f"{'layer ' + layer:28} {size / 1024:6.0f} KiB")


if __name__ == "__main__":
    typer.run(main)
