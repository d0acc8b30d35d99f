"""Alarms: moto keeps them; here they are evaluated on the clock, change state, and tell SNS.

An alarm is looked at in the minute after something was measured, and again whenever a value moves from one period of
its window to the next or out of it. In between nothing could change, so nothing is done. Sources: CloudWatch User
Guide, alarm-evaluation (every minute) and alarm-evaluation-window (sliding); API reference, PutMetricAlarm (a new
alarm is INSUFFICIENT_DATA; an update leaves the state), SetAlarmState.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.aws.gateway import AwsError, Call
from sandbox.aws.services.cloudwatch import queues
from sandbox.aws.services.cloudwatch.definition import Key, actions_of, check, find, measure_of, reason_data, series_of
from sandbox.aws.services.cloudwatch.evaluation import Period, evaluate
from sandbox.aws.services.cloudwatch.evaluation_timers import EvaluationTimers
from sandbox.aws.services.cloudwatch.history import AlarmHistory
from sandbox.aws.services.cloudwatch.metrics import MINUTE, Metrics, Series
from sandbox.aws.services.cloudwatch.notifications import message, subject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.aws.cloud import Cloud
    from sandbox.aws.services.sns import Sns

EVALUATION_SECONDS = 60
STATE = ("state_value", "state_reason", "state_reason_data", "state_updated_timestamp", "state_transitioned_timestamp")


class Alarms:
    """The alarms of every account; `history` keeps what happened to them."""

    def __init__(self, cloud: Cloud, metrics: Metrics, sns: Sns) -> None:
        self._cloud, self._metrics, self._sns = cloud, metrics, sns
        self._timers = EvaluationTimers(cloud.clock, self._evaluate)
        self._replaced: Any = None
        self.history = AlarmHistory()
        metrics.watchers.append(self._measured)
        cloud.gateway.before.append(self._before)
        cloud.gateway.after.append(self._after)
        cloud.gateway.handle("cloudwatch", SetAlarmState=self._set_state, DescribeAlarmHistory=self.history.describe)

    def states(self) -> list[dict[str, Any]]:
        """Each alarm's account, Region, name, state, since when, and why."""
        with self._cloud.gateway.lock:
            found = [(key, alarm) for key in self._timers.keys if (alarm := find(key)) is not None]
            return [
                {
                    **dict(zip(("account", "region", "name"), key, strict=True)),
                    "state": alarm.state_value,
                    "since": alarm.state_transitioned_timestamp,
                    "reason": alarm.state_reason,
                }
                for key, alarm in found
            ]

    def state(self, name: str) -> str:
        """The state of the one alarm of that name."""
        (found,) = [each["state"] for each in self.states() if each["name"] == name]
        return str(found)

    def _before(self, call: Call) -> None:
        if (call.service, call.operation) == ("cloudwatch", "PutMetricAlarm"):
            check(call.parameters)
            self._replaced = find((call.account, call.region, call.parameters["AlarmName"]))

    def _after(self, call: Call, outcome: str) -> None:
        if outcome != "OK" or call.service not in {"sqs", "cloudwatch"}:
            return
        if call.service == "sqs":
            for series in self._timers.watched(call.account, call.region, queues.NAMESPACE):
                self._sample(series, self._cloud.clock.now())
        elif call.operation == "PutMetricAlarm":
            self._put((call.account, call.region, call.parameters["AlarmName"]))
        elif call.operation == "DeleteAlarms":
            for name in call.parameters["AlarmNames"]:
                self._timers.forget((call.account, call.region, name))

    def _put(self, key: Key) -> None:
        now, alarm, before = self._cloud.clock.now(), find(key), self._replaced
        first = ("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation", "{}", now, now)
        for name, value in zip(STATE, first, strict=True):
            setattr(alarm, name, value if before is None else getattr(before, name))
        alarm.configuration_updated_timestamp = now  # type: ignore[union-attr]  # it was put just now
        verb = "created" if before is None else "updated"
        self.history.add(key, now, "ConfigurationUpdate", f'Alarm "{key[2]}" {verb}')
        series = series_of(key, alarm)
        self._timers.watch(key, series)
        self._sample(series, now)
        self._timers.evaluate_at(key, self._next_minute())

    def _measured(self, series: Series) -> None:
        for key in self._timers.of(series):
            self._timers.evaluate_at(key, self._next_minute())

    def _sample(self, series: Series, at: datetime, known: float | None = None) -> None:
        """Note what a queue looks like, unless it is a number of messages that is known."""
        value = queues.sample(series, self._cloud.clock.now())
        if value is not None and not (value == known and queues.is_count(series)):
            self._metrics.put(series, value, at=at)

    def _evaluate(self, key: Key) -> None:
        with self._cloud.gateway.lock:
            alarm = find(key)
            if alarm is None:
                return
            now, series = self._cloud.clock.now(), series_of(key, alarm)
            self._sample(series, now - timedelta(seconds=1), known=self._metrics.last_before(series, now.timestamp()))
            periods = list(self._window(alarm, series, now))
            verdict = evaluate(measure_of(alarm), periods)
            if verdict is not None and verdict[0] != alarm.state_value:
                self._turn(key, alarm, *verdict, reason_data(alarm, periods, now))
            if when := self._next_evaluation(alarm, series, periods):
                self._timers.evaluate_at(key, when)

    def _window(self, alarm: Any, series: Series, now: datetime) -> Sequence[Period]:
        end, period = int(now.timestamp()), int(alarm.period)
        starts = [end - period * age for age in range(1, int(alarm.evaluation_periods) + 1)]
        return [self._period(alarm.statistic, series, start, start + period) for start in starts]

    def _period(self, statistic: str, series: Series, start: int, end: int) -> Period:
        found = self._metrics.between(series, start, end)
        value = found.value(statistic) if found else None
        if value is None and queues.is_count(series):
            value = self._metrics.last_before(series, start)
        return Period(datetime.fromtimestamp(start, UTC), value)

    def _next_evaluation(self, alarm: Any, series: Series, periods: Sequence[Period]) -> datetime | None:
        """When a value moves to another period of the window, or out of it; None: nothing changes by itself."""
        at, period = int(self._cloud.clock.now().timestamp()), int(alarm.period)
        if queues.changes_by_itself(series):
            return self._next_minute()
        if queues.is_count(series):
            latest = self._metrics.last_before(series, at)
            return None if all(period.value == latest for period in periods) else self._next_minute()
        minutes = self._metrics.minutes(series, at - period * len(periods), at)
        moves = [minute + MINUTE + period * ((at - minute - MINUTE) // period + 1) for minute in minutes]
        return datetime.fromtimestamp(min(moves), UTC) if moves else None

    def _next_minute(self) -> datetime:
        now = self._cloud.clock.now().timestamp()
        return datetime.fromtimestamp((now // EVALUATION_SECONDS + 1) * EVALUATION_SECONDS, UTC)

    def _turn(self, key: Key, alarm: Any, state: str, reason: str, data: str) -> None:
        before, now = alarm.state_value, self._cloud.clock.now()
        for name, value in zip(STATE, (state, reason, data, now, now), strict=True):
            setattr(alarm, name, value)
        summary = f"Alarm updated from {before} to {state}"
        states = {"oldState": {"stateValue": before}, "newState": {"stateValue": state, "stateReason": reason}}
        self.history.add(key, now, "StateUpdate", summary, **states)
        for topic in actions_of(alarm):
            self._notify(key, alarm, topic, message(alarm, key[0], before, now))

    def _notify(self, key: Key, alarm: Any, topic: str, text: str) -> None:
        source, title = alarm.alarm_arn, subject(alarm.state_value, alarm)
        summary = f"Successfully executed action {topic}"
        try:
            self._sns.from_service("cloudwatch.amazonaws.com", source, topic, title, text)
        except AwsError as error:
            summary = f'Failed to execute action {topic}. Received error: "{error.message}"'
        self.history.add(key, self._cloud.clock.now(), "Action", summary)

    def _set_state(self, call: Call) -> dict[str, Any]:
        given = call.parameters
        key = (call.account, call.region, given["AlarmName"])
        alarm = find(key)
        if alarm is None:
            raise AwsError("ResourceNotFound", f"Alarm {given['AlarmName']} does not exist")
        if given["StateValue"] != alarm.state_value:
            self._turn(key, alarm, given["StateValue"], given["StateReason"], given.get("StateReasonData") or "{}")
        self._timers.evaluate_at(key, self._next_minute())
        return {}
