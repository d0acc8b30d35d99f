"""Fixtures every test may use."""

from __future__ import annotations

import gc
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from moto import mock_aws

from sandbox.aws.clock import VirtualClock
from sandbox.aws.cloud import Cloud
from tests import commands, order, prototypes

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


def pytest_configure() -> None:
    """Tests make few cycles and hold much (a gigabyte of service models): looking for cycles took a third of them."""
    gc.set_threshold(200_000, 20, 100)
    settings.register_profile("tests", deadline=None)  # how long an example takes depends on what else is running
    settings.load_profile("tests")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Prototypes know a test by when it was collected."""
    prototypes.collected(item)


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Before the first module of tests that deploy nothing is imported, forks are quick."""
    if isinstance(collector, pytest.Module) and not order.is_long(collector.path):
        prototypes.fork_early(collector.config)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first."""
    items[:] = order.deal(items)


def pytest_collection_finish() -> None:
    """What is there now stays, and need not be looked through."""
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """A test that starts from a prototype runs in a fork of it."""
    if prototypes.prototype_of(item) is None:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in prototypes.run(item):
        item.ihook.pytest_runtest_logreport(report=report)
    item.session._setupstate.teardown_exact(nextitem)  # what earlier tests left set up for this one's module
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_unconfigure() -> None:
    """No process of a prototype or of a command outlives the tests."""
    prototypes.close()
    commands.close()
