"""What a cold start costs: how long each function's file takes to import, and how large our layers are.

    .venv/bin/python -m bench.cold_start

Each import is a process of its own; the figure is the least of five, without starting Python itself.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

PROJECT = Path(__file__).parent.parent
RUNS = 5
IMPORT = "import sys, time; begun = time.perf_counter(); __import__(sys.argv[1]); print(time.perf_counter() - begun)"
ENVIRONMENT = {"POWERTOOLS_SERVICE_NAME": "bench", "POWERTOOLS_METRICS_NAMESPACE": "Bench"}


def seconds(function: str) -> float:
    """The least time a function's file took to import, in seconds."""
    paths = os.pathsep.join(str(PROJECT / each) for each in ("functions", "layers/control_plane"))
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": paths}
    command = [sys.executable, "-c", IMPORT, function]
    runs = [subprocess.run(command, check=True, capture_output=True, text=True, env=environment) for _ in range(RUNS)]  # noqa: S603 - our own code
    return min(float(run.stdout) for run in runs)


def zipped(folder: Path) -> int:
    """How many bytes a folder's files take in a zip file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                archive.write(file, file.relative_to(folder))
    return len(buffer.getvalue())


def main() -> None:
    """Print both."""
    found = {path.stem: seconds(path.stem) for path in sorted((PROJECT / "functions").glob("*.py"))}
    for function, took in found.items():
        print(f"{function:28} {took * 1000:6.0f} ms")  # noqa: T201
    print(f"{'mean':28} {sum(found.values()) / len(found) * 1000:6.0f} ms")  # noqa: T201
    for layer in ("control_plane", "consumer"):
        print(f"{'layer ' + layer:28} {zipped(PROJECT / 'layers' / layer) / 1024:6.1f} KiB")  # noqa: T201


if __name__ == "__main__":
    main()
