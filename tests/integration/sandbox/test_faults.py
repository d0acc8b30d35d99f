"""Fault injection: each effect, who suffers it, and for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from pydantic import ValidationError

from sandbox.aws.faults import Faults

if TYPE_CHECKING:
    from sandbox.aws.cloud import Cloud

HUB = "444455556666"
PUT: dict[str, Any] = {"Name": "x", "Value": "1", "Type": "String"}


@pytest.fixture
def faults(cloud: Cloud) -> Faults:
    return Faults(cloud)


def put(cloud: Cloud, **changes: Any) -> None:
    with cloud.administering(HUB):
        cloud.client("ssm").put_parameter(**{**PUT, **changes})


def exists(cloud: Cloud) -> bool:
    with cloud.administering(HUB):
        return bool(cloud.client("ssm").get_parameters(Names=["x"])["Parameters"])


def test_a_failing_call_is_not_made(cloud: Cloud, faults: Faults) -> None:
    faults.order(service="ssm", operation="PutParameter", code="InternalServerError")
    with pytest.raises(ClientError, match="InternalServerError"):
        put(cloud)
    assert cloud.gateway.log.entries[-1].outcome == "InternalServerError"
    assert not exists(cloud)


def test_a_hanging_call_is_not_made_and_times_out(cloud: Cloud, faults: Faults) -> None:
    faults.order(service="ssm", operation="PutParameter", effect="hang")
    with pytest.raises(ReadTimeoutError):
        put(cloud)
    assert cloud.gateway.log.entries[-1].outcome == "ReadTimeoutError"
    assert not exists(cloud)


def test_a_late_answer_times_out_though_the_call_was_made(cloud: Cloud, faults: Faults) -> None:
    faults.order(service="ssm", operation="PutParameter", effect="late")
    with pytest.raises(ReadTimeoutError):
        put(cloud)
    assert exists(cloud)


def test_a_fault_is_suffered_as_often_as_ordered(cloud: Cloud, faults: Faults) -> None:
    faults.order(service="ssm", operation="PutParameter", times=2)
    for _ in range(2):
        with pytest.raises(ClientError):
            put(cloud)
    put(cloud)


def test_a_fault_ends_with_its_time(cloud: Cloud, faults: Faults) -> None:
    faults.order(service="ssm", operation="PutParameter", times=None, seconds=60)
    with pytest.raises(ClientError):
        put(cloud)
    cloud.clock.call_later(61, lambda: None, "time passes")
    cloud.clock.run()  # type: ignore[attr-defined]  # a virtual clock
    put(cloud)


def test_only_those_meant_suffer(cloud: Cloud, faults: Faults) -> None:
    faults.order(service="ssm", operation="PutParameter", account="222233334444")
    faults.order(service="ssm", operation="PutParameter", role="SomeFunction")
    put(cloud)


def test_faults_can_be_taken_back(cloud: Cloud, faults: Faults) -> None:
    faults.order(service="ssm", operation="PutParameter", times=None)
    faults.clear()
    put(cloud)


def test_an_order_that_is_none_is_refused(faults: Faults) -> None:
    with pytest.raises(ValidationError, match="effect"):
        faults.order(service="ssm", operation="PutParameter", effect="explode")
