"""Fixtures every test may use."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from sandbox.clock import VirtualClock
from sandbox.cloud import Cloud

if TYPE_CHECKING:
    from collections.abc import Iterator

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """An empty embedded AWS on a virtual clock: services register themselves on it."""
    mock = mock_aws()
    mock.start()
    cloud = Cloud(VirtualClock(START))
    cloud.gateway.install()
    yield cloud
    cloud.gateway.uninstall()
    mock.stop()
