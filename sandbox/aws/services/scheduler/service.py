"""Scheduler: moto keeps the schedules; here they fire, each at its times.

Sources: EventBridge Scheduler User Guide, schedule-types (a rate without a StartDate begins at once),
managing-schedule-flexible-time-windows, managing-schedule-state; botocore model, ActionAfterCompletion. What a changed
rate counts from is not documented: here from the change.
"""

from __future__ import annotations

import uuid
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from moto.scheduler.models import scheduler_backends

from sandbox.aws.gateway import AwsError, Call
from sandbox.aws.services.scheduler.delivery import Invocation, Invocations
from sandbox.aws.services.scheduler.expressions import InvalidExpression, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.aws.cloud import Cloud
    from sandbox.aws.services.sts import Sts
    from sandbox.aws.timer_queue import Timer

EXECUTION_IDS = uuid.UUID("0f6c3c3e-8d0c-4b7e-9a55-3f6a4b8f2d10")
TARGETS = ("lambda", "states", "sqs")
WRITING = ("CreateSchedule", "UpdateSchedule")
INSTANT = timedelta(microseconds=1)


class Scheduler:
    """The schedules of every account. `seed` decides when in a flexible window each fires.

    `watchers` are called with what CloudWatch counts: the schedule's ARN and the metric's name.
    """

    def __init__(self, cloud: Cloud, sts: Sts, seed: int = 0) -> None:
        self._cloud, self.seed = cloud, seed
        self.watchers: list[Callable[[str, str], None]] = []
        self._invocations = Invocations(cloud, sts, self._count)
        self._anchors: dict[str, tuple[str, datetime]] = {}  # of each expression: since when it counts
        self._due: dict[str, Timer] = {}
        cloud.gateway.before.append(_check)
        cloud.gateway.after.append(self._after)

    def _count(self, schedule_arn: str, name: str) -> None:
        for watcher in self.watchers:
            watcher(schedule_arn, name)

    def _after(self, call: Call, outcome: str) -> None:
        if call.service != "scheduler" or outcome != "OK":
            return
        if call.operation in WRITING:
            self._begin(call, _arn(call))
        elif call.operation.startswith("Delete"):
            for arn in [arn for arn in self._due if _find(arn) is None]:
                self._forget(arn)

    def _begin(self, call: Call, arn: str) -> None:
        now, schedule, created = self._cloud.clock.now(), _find(arn), call.operation == "CreateSchedule"
        assert schedule is not None
        _complete(schedule, call.parameters, now)
        if created:
            schedule.creation_date = now.timestamp()
        if created or self._anchors[arn][0] != schedule.schedule_expression:
            self._anchors[arn] = schedule.schedule_expression, now
        self._forget(arn)
        begins_now = created and schedule.schedule_expression.startswith("rate")
        self._plan(arn, schedule, now - INSTANT if begins_now else now)

    def _forget(self, arn: str) -> None:
        if timer := self._due.pop(arn, None):
            timer.cancel()

    def _plan(self, arn: str, schedule: Any, after: datetime) -> None:
        """Wait for the next time, unless there is none."""
        start, end = _instant(schedule.start_date), _instant(schedule.end_date)
        anchor = start or self._anchors[arn][1]
        timetable = parse(schedule.schedule_expression, schedule.schedule_expression_timezone, anchor)
        scheduled = timetable.after(max(after, start - INSTANT) if start else after)
        if scheduled is None or schedule.state != "ENABLED" or (end and scheduled > end):
            return
        when = scheduled + timedelta(seconds=self._delay(arn, schedule.flexible_time_window, scheduled))
        fire = partial(self._fire, arn, scheduled)
        self._due[arn] = self._cloud.clock.call_at(when, fire, f"Scheduler: {arn}", background=True)

    def _delay(self, arn: str, window: Mapping[str, Any], scheduled: datetime) -> float:
        if window["Mode"] == "OFF":
            return 0.0
        draw = Random(f"{self.seed} {arn} {scheduled}")  # noqa: S311 - the same moment for the same seed
        return draw.uniform(0, float(window["MaximumWindowInMinutes"]) * 60)

    def _fire(self, arn: str, scheduled: datetime) -> None:
        with self._cloud.gateway.lock:
            self._due.pop(arn, None)
            schedule = _find(arn)
            if schedule is None:
                return
            target = deepcopy(schedule.target)
            self._plan(arn, schedule, scheduled)
            if arn not in self._due and schedule.action_after_completion == "DELETE":
                _group(arn).schedules.pop(schedule.name)
        name = str(uuid.uuid5(EXECUTION_IDS, f"{arn} {scheduled}"))
        self._invocations.begin(Invocation(arn, target, scheduled, self._cloud.clock.now(), name))


def _complete(schedule: Any, given: Mapping[str, Any], now: datetime) -> None:
    """An update sets what it does not name to its default; moto leaves no state, and the old action."""
    schedule.state = given.get("State") or "ENABLED"
    schedule.action_after_completion = given.get("ActionAfterCompletion") or "NONE"
    schedule.last_modified_date = now.timestamp()


def _check(call: Call) -> None:
    """Refuse what would be kept and never fire."""
    if call.service != "scheduler" or call.operation not in WRITING:
        return
    given = call.parameters
    try:
        parse(given["ScheduleExpression"], given.get("ScheduleExpressionTimezone") or "UTC", datetime.now(UTC))
    except InvalidExpression as error:
        raise AwsError("ValidationException", str(error)) from error
    target = given["Target"]["Arn"]
    if target.split(":")[2] not in TARGETS:
        raise AwsError("ValidationException", f"the sandbox's schedules reach {', '.join(TARGETS)}, not {target}")
    window = given["FlexibleTimeWindow"]
    if (window["Mode"] == "FLEXIBLE") is not ("MaximumWindowInMinutes" in window):
        raise AwsError(
            "ValidationException", "MaximumWindowInMinutes belongs to a flexible time window, and only there"
        )


def _arn(call: Call) -> str:
    group, name = call.parameters.get("GroupName") or "default", call.parameters["Name"]
    return f"arn:aws:scheduler:{call.region}:{call.account}:schedule/{group}/{name}"


def _group(arn: str) -> Any:
    """Moto's own schedule group, or None."""
    _, _, _, region, account, resource = arn.split(":", 5)
    return scheduler_backends[account][region].schedule_groups.get(resource.split("/")[1])


def _find(arn: str) -> Any | None:
    """Moto's own schedule, if there is one."""
    group = _group(arn)
    return group.schedules.get(arn.rsplit("/", 1)[-1]) if group else None


def _instant(given: float | None) -> datetime | None:
    """A date as moto keeps it: seconds since 1970."""
    return None if given is None else datetime.fromtimestamp(float(given), UTC)
