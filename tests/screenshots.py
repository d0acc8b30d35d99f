"""`make screenshots`: quickctl's report as Chromium shows it. Nothing else needs a browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from quickctl.report.page import page
from tests import report_data
from tests.contract.project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ROOT / ".build/screenshots"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DARK = "--blink-settings=preferredColorScheme=0"
VIEWS = {"light": ("1280,2400",), "dark": ("1280,2400", DARK), "phone": ("390,3200",)}


def main() -> int:
    """Write the page and a picture of each view; 1 when there is no browser or a picture is missing."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.stderr.write(f"no browser: install one of {', '.join(BROWSERS)}\n")
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    written = FOLDER / "report.html"
    written.write_text(page(report_data.mixed(120)), encoding="utf-8")
    missing = [name for name, (size, *more) in VIEWS.items() if not _taken(browser, written, name, size, more)]
    sys.stdout.write(f"{FOLDER.relative_to(ROOT)}: {', '.join(sorted(VIEWS.keys() - missing))}\n")
    return 1 if missing else 0


def _taken(browser: str, written: Path, name: str, size: str, more: list[str]) -> bool:
    picture = FOLDER / f"{name}.png"
    picture.unlink(missing_ok=True)
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses to start otherwise
    options = [
        *as_root,
        "--headless=new",
        "--hide-scrollbars",
        f"--window-size={size}",
        f"--screenshot={picture}",
        *more,
    ]
    subprocess.run([browser, *options, written.as_uri()], check=False, capture_output=True, timeout=120)
    return picture.is_file()


if __name__ == "__main__":
    sys.exit(main())
