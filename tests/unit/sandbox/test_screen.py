"""The demo's screen, as a terminal of 80 columns has it."""

from __future__ import annotations

import io
import re
import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import count

from rich.console import Console

from sandbox.aws.services.function_log import Log
from sandbox.screen import Row, Screen

ARN = "arn:aws:iam::222233334444:role/quick-athena-default"
FUNCTION = "arn:aws:lambda:eu-west-1:444455556666:function:FindAccount"


class Terminal:
    """A screen, and what was written on it. Its clock goes on by a second with each look."""

    def __init__(self) -> None:
        self.file = io.StringIO()
        seconds, start = count(), datetime(2026, 11, 28, 12, tzinfo=UTC)
        console = Console(file=self.file, force_terminal=True, width=80, height=24, highlight=False)
        self.screen = Screen(lambda: start + timedelta(seconds=next(seconds)), console)

    def text(self) -> str:
        """Without colours and movements of the cursor."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.file.getvalue())


def test_frames_move_by_themselves_while_the_demo_waits() -> None:
    terminal = Terminal()
    with terminal.screen.live("all is well", lambda: [Row("222233334444", "finance", status="connecting")]):
        deadline = time.monotonic() + 20
        while len(set(re.findall(r"12:00:\d\d", terminal.text()))) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
    frames = re.findall(r"(\S)  (12:00:\d\d)  waiting until all is well", terminal.text())
    assert len({spinner for spinner, _ in frames}) >= 3
    assert len({clock for _, clock in frames}) >= 3


def test_what_a_function_prints_is_not_on_the_screen() -> None:
    terminal, log = Terminal(), Log()
    inside, over = threading.Event(), threading.Event()

    def function() -> None:
        with log.of(FUNCTION):  # it runs already when the table appears, as functions do
            inside.set()
            over.wait(10)
            print('{"_aws": {"CloudWatchMetrics": []}}')  # noqa: T201 - as a function does

    running = threading.Thread(target=function)
    running.start()
    assert inside.wait(10)
    with terminal.screen.live("all is well", list):
        over.set()
        running.join()
    assert "_aws" not in terminal.text()
    assert list(log.lines) == ['{"_aws": {"CloudWatchMetrics": []}}']


def test_no_arn_is_folded_at_the_end() -> None:
    terminal = Terminal()
    row = Row("222233334444", "finance", status="connected", queried=True, consumer_role=ARN, taken=["connect 77 s"])
    terminal.screen.summary([row, Row("333344445555", "sales", status="connected")])
    assert ARN in terminal.text()
    assert re.findall(r"connected, [a-z ]+queried|connected, queried", terminal.text()) == [
        "connected, queried",
        "connected, not queried",
    ]


def test_a_long_line_goes_on_beside_the_time() -> None:
    terminal = Terminal()
    terminal.screen.event(f"Quick queries quick_sales.orders of finance: denied is sts:AssumeRole on {ARN}")
    first, second, *_ = terminal.text().splitlines()
    assert first.startswith("12:00:00  Quick")
    assert second.rstrip() == f"{' ' * 10}on {ARN}"
