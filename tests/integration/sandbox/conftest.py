"""Fixtures of the sandbox's own tests."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING
from unittest import mock

import boto3
import pytest

from tests.integration.sandbox.operations import Operations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.aws.cloud import Cloud


@pytest.fixture
def operations(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operations]:
    """Queues, topics, schedules, functions, machines, metrics and alarms; functions' files lie in tmp_path."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with mock.patch.dict(os.environ):
        made = Operations.of(cloud, tmp_path)
        yield made
        made.sqs.close()
