"""Metrics and alarms: what is counted, when an alarm changes, and who is told."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from sandbox.aws.services.cloudwatch import Series
from tests.conftest import START
from tests.integration.sandbox.deployed import REGION, create_machine
from tests.integration.sandbox.operations import url
from tests.integration.sandbox.roles import HUB, acting, allow, code

if TYPE_CHECKING:
    from tests.integration.sandbox.operations import Operations

CLOUDWATCH: dict[str, Any] = {"Principal": {"Service": "cloudwatch.amazonaws.com"}, "Action": "sns:Publish"}
FAILING = {"Fail": {"Type": "Fail", "Error": "Broken", "Cause": "on purpose"}}
MINUTE = 60


def alarm(operations: Operations, name: str = "failures", **more: Any) -> None:
    """An alarm that one value of the metric Tests/Failures in a minute sets off."""
    given = {
        "MetricName": "Failures",
        "Namespace": "Tests",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        **more,
    }
    operations("cloudwatch", "put_metric_alarm", AlarmName=name, **given)


def put(operations: Operations, value: float = 1.0, name: str = "Failures", **dimensions: str) -> None:
    """One value, now."""
    operations.metrics.put(Series.of((HUB, REGION), "Tests", name, dimensions), value)


def described(operations: Operations, name: str = "failures") -> dict[str, Any]:
    (found,) = operations("cloudwatch", "describe_alarms", AlarmNames=[name])["MetricAlarms"]
    return dict(found)


def changes(operations: Operations, kind: str = "StateUpdate", name: str = "failures") -> list[tuple[int, str]]:
    """When (seconds from the start) which summary was written, oldest first."""
    given = {"AlarmName": name, "HistoryItemType": kind, "ScanBy": "TimestampAscending"}
    items = operations("cloudwatch", "describe_alarm_history", **given)["AlarmHistoryItems"]
    return [(int((item["Timestamp"] - START).total_seconds()), item["HistorySummary"]) for item in items]


def test_a_new_alarm_knows_nothing_until_it_is_evaluated(operations: Operations) -> None:
    alarm(operations)
    found = described(operations)
    assert (found["StateValue"], found["StateReason"]) == ("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation")
    assert found["StateUpdatedTimestamp"] == found["AlarmConfigurationUpdatedTimestamp"] == START
    operations.wait(MINUTE)
    assert described(operations)["StateValue"] == "OK"
    assert described(operations)["StateTransitionedTimestamp"] == START + timedelta(minutes=1)


def test_moto_alone_begins_with_ok_and_has_no_history() -> None:
    with mock_aws():
        client = boto3.Session("a", "b", region_name=REGION).client("cloudwatch")
        client.put_metric_alarm(
            AlarmName="a",
            EvaluationPeriods=1,
            ComparisonOperator="GreaterThanThreshold",
            MetricName="m",
            Namespace="n",
            Period=60,
            Threshold=1,
            Statistic="Sum",
        )
        assert client.describe_alarms()["MetricAlarms"][0]["StateValue"] == "OK"
        with pytest.raises(NotImplementedError):
            client.describe_alarm_history(AlarmName="a")


def test_a_value_sets_an_alarm_off_at_the_end_of_its_minute_and_it_calms_down_by_itself(operations: Operations) -> None:
    alarm(operations)
    operations.wait(90)
    put(operations)
    operations.run()
    assert operations.alarms.state("failures") == "OK"
    operations.wait(31)
    assert operations.alarms.state("failures") == "ALARM"
    operations.wait(3_600)
    assert changes(operations) == [
        (60, "Alarm updated from INSUFFICIENT_DATA to OK"),
        (120, "Alarm updated from OK to ALARM"),
        (180, "Alarm updated from ALARM to OK"),
    ]


def test_an_alarm_without_data_costs_nothing(operations: Operations) -> None:
    alarm(operations)
    alarm(operations, "silence", TreatMissingData="breaching")
    operations.wait(300)
    assert operations.cloud.clock.run(until=START + timedelta(days=365)) == 0  # type: ignore[attr-defined]  # virtual
    assert operations.alarms.state("silence") == "ALARM"


def test_silence_sets_off_an_alarm_that_takes_missing_data_for_a_breach(operations: Operations) -> None:
    often = {"ComparisonOperator": "LessThanThreshold", "TreatMissingData": "breaching", "Period": 3_600}
    put(operations)
    alarm(operations, "heartbeat", **often)
    operations.wait(3_660)
    assert operations.alarms.state("heartbeat") == "ALARM"
    assert changes(operations, name="heartbeat")[-1][0] == 3_660
    assert changes(operations, name="heartbeat")[-2] == (60, "Alarm updated from INSUFFICIENT_DATA to OK")
    put(operations)
    operations.wait(MINUTE)
    assert operations.alarms.state("heartbeat") == "OK"


def test_so_many_of_so_many_periods_must_breach(operations: Operations) -> None:
    alarm(operations, Period=300, EvaluationPeriods=3, DatapointsToAlarm=2)
    operations.wait(MINUTE)
    put(operations)
    operations.wait(400)
    assert operations.alarms.state("failures") == "OK"
    put(operations)
    operations.wait(MINUTE)
    assert operations.alarms.state("failures") == "ALARM"
    operations.wait(24 * 3_600)
    assert [when for when, _ in changes(operations)] == [60, 480, 1_020]


@pytest.mark.parametrize(
    ("statistic", "state"),
    [("Sum", "ALARM"), ("SampleCount", "OK"), ("Average", "OK"), ("Maximum", "OK"), ("Minimum", "OK")],
)
def test_an_alarm_compares_its_statistic(operations: Operations, statistic: str, state: str) -> None:
    alarm(operations, Statistic=statistic, Threshold=8.0)
    for value in (1.0, 2.0, 6.0):
        put(operations, value)
    operations.wait(MINUTE)
    assert operations.alarms.state("failures") == state
    found = operations("cloudwatch", "get_metric_statistics", **requested(Statistics=[statistic]))["Datapoints"]
    expected = {"Sum": 9.0, "SampleCount": 3.0, "Average": 3.0, "Maximum": 6.0, "Minimum": 1.0}
    assert [point[statistic] for point in found] == [expected[statistic]]


def requested(**more: Any) -> dict[str, Any]:
    """A question for Tests/Failures over the first hour."""
    return {
        "Namespace": "Tests",
        "MetricName": "Failures",
        "StartTime": START,
        "EndTime": START + timedelta(hours=1),
        "Period": 60,
        "Statistics": ["Sum"],
        **more,
    }


def test_an_alarm_watches_one_set_of_dimensions_only(operations: Operations) -> None:
    alarm(operations, Dimensions=[{"Name": "service", "Value": "ours"}])
    put(operations)
    put(operations, service="others")
    put(operations, service="ours", step="first")
    operations.wait(MINUTE)
    assert operations.alarms.state("failures") == "OK"
    put(operations, service="ours")
    operations.wait(MINUTE)
    assert operations.alarms.state("failures") == "ALARM"


def test_without_data_an_alarm_may_say_so_or_stay_as_it_is(operations: Operations) -> None:
    alarm(operations, "missing", TreatMissingData="missing")
    alarm(operations, "ignore", TreatMissingData="ignore")
    put(operations)
    operations.wait(MINUTE)
    assert [operations.alarms.state(name) for name in ("missing", "ignore")] == ["ALARM", "ALARM"]
    operations.wait(3_600)
    assert [operations.alarms.state(name) for name in ("missing", "ignore")] == ["INSUFFICIENT_DATA", "ALARM"]


def test_a_change_is_published_to_the_topics_of_the_new_state_as_cloudwatch_does(operations: Operations) -> None:
    topic, calm = operations.topic(**CLOUDWATCH), operations.topic("calm", **CLOUDWATCH)
    operations("sns", "subscribe", TopicArn=topic, Protocol="email", Endpoint="ops@example.com")
    alarm(operations, AlarmActions=[topic], OKActions=[calm], AlarmDescription="Look at the failures.")
    operations.wait(MINUTE)
    put(operations)
    operations.wait(MINUTE)
    (mail,) = operations.sns.outbox
    told = json.loads(mail.text)
    assert (mail.endpoint, mail.subject) == ("ops@example.com", 'ALARM: "failures" in EU (Ireland)')
    assert (told["AlarmName"], told["AlarmDescription"]) == ("failures", "Look at the failures.")
    assert (told["OldStateValue"], told["NewStateValue"], told["Region"]) == ("OK", "ALARM", "EU (Ireland)")
    assert told["StateChangeTime"] == "2026-11-24T08:02:00.000+0000"
    assert told["NewStateReason"].startswith(
        "Threshold Crossed: 1 out of the last 1 datapoints [1.0 (24/11/26 08:01:00)]"
    )
    assert told["AlarmArn"] == f"arn:aws:cloudwatch:{REGION}:{HUB}:alarm:failures"
    assert told["Trigger"]["MetricName"] == "Failures"
    assert (told["Trigger"]["Statistic"], told["Trigger"]["Threshold"]) == ("SUM", 1.0)
    assert [each.subject for each in operations.sns.published if each.topic == calm] == [
        'OK: "failures" in EU (Ireland)'
    ]


def test_a_subject_is_never_longer_than_sns_takes(operations: Operations) -> None:
    name = "x" * 120
    alarm(operations, name, AlarmActions=[operations.topic(**CLOUDWATCH)])
    put(operations)
    operations.wait(MINUTE)
    (published,) = operations.sns.published
    assert published.subject is not None
    assert len(published.subject) == 100
    assert published.subject.endswith('..." in EU (Ireland)')


def test_a_topic_that_does_not_let_cloudwatch_in_gets_nothing_and_the_history_says_so(
    operations: Operations,
) -> None:
    closed = operations.topic(Principal={"Service": "events.amazonaws.com"}, Action="sns:Publish")
    alarm(operations, AlarmActions=[closed])
    put(operations)
    operations.wait(MINUTE)
    assert operations.sns.published == []
    ((_, summary),) = changes(operations, "Action")
    assert summary.startswith(f"Failed to execute action {closed}")
    assert "cloudwatch.amazonaws.com is not authorized to perform: sns:Publish" in summary


def test_disabled_actions_are_not_taken(operations: Operations) -> None:
    alarm(operations, AlarmActions=[operations.topic(**CLOUDWATCH)], ActionsEnabled=False)
    put(operations)
    operations.wait(MINUTE)
    assert operations.alarms.state("failures") == "ALARM"
    assert operations.sns.published == []


def test_a_state_set_by_hand_is_acted_on_and_lasts_until_the_next_evaluation(operations: Operations) -> None:
    alarm(operations, AlarmActions=[operations.topic(**CLOUDWATCH)])
    operations.wait(MINUTE)
    given = {"AlarmName": "failures", "StateValue": "ALARM", "StateReason": "trying"}
    operations("cloudwatch", "set_alarm_state", **given)
    assert described(operations)["StateReason"] == "trying"
    assert len(operations.sns.published) == 1
    operations.wait(MINUTE)
    assert operations.alarms.state("failures") == "OK"
    with pytest.raises(ClientError) as caught:
        operations("cloudwatch", "set_alarm_state", **{**given, "AlarmName": "nobody"})
    assert code(caught) == "ResourceNotFound"


def test_an_update_leaves_the_state_and_a_deleted_alarm_is_silent(operations: Operations) -> None:
    alarm(operations)
    put(operations)
    operations.wait(MINUTE)
    alarm(operations, Threshold=5.0)
    assert operations.alarms.state("failures") == "ALARM"
    operations("cloudwatch", "delete_alarms", AlarmNames=["failures"])
    put(operations, 10)
    operations.wait(3_600)
    assert operations.alarms.states() == []
    summaries = [summary for _, summary in changes(operations, "ConfigurationUpdate")]
    assert summaries == ['Alarm "failures" created', 'Alarm "failures" updated']


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"Statistic": "p90"}, "one metric and one statistic"),
        ({"Period": 10}, "whole minutes"),
        ({"DatapointsToAlarm": 2}, "no more DatapointsToAlarm"),
        ({"AlarmActions": [f"arn:aws:lambda:{REGION}:{HUB}:function:f"]}, "topics as actions"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "a fixed threshold"),
    ],
)
def test_an_alarm_nobody_here_evaluates_is_refused(operations: Operations, more: dict[str, Any], wanted: str) -> None:
    with pytest.raises(ClientError, match=wanted) as caught:
        alarm(operations, **more)
    assert code(caught) == "ValidationError"


def test_states_say_since_when_and_why(operations: Operations) -> None:
    alarm(operations)
    operations.wait(MINUTE)
    (found,) = operations.alarms.states()
    assert (found["account"], found["region"], found["name"], found["state"]) == (HUB, REGION, "failures", "OK")
    assert found["since"] == START + timedelta(minutes=1)
    assert "1 missing datapoint was treated as [NonBreaching]" in found["reason"]


def test_executions_are_counted_by_how_they_end(operations: Operations) -> None:
    failing = create_machine(operations.cloud, FAILING, name="failing")
    waiting = create_machine(operations.cloud, {"Wait": {"Type": "Wait", "Seconds": 90, "End": True}}, name="waiting")
    alarm(
        operations,
        Namespace="AWS/States",
        MetricName="ExecutionsFailed",
        Dimensions=[{"Name": "StateMachineArn", "Value": failing}],
    )
    operations.machines.start(failing, {})
    operations.machines.start(waiting, {})
    aborted = operations.machines.start(waiting, {"n": 2})
    operations.wait(MINUTE)
    operations("stepfunctions", "stop_execution", executionArn=aborted.arn)
    operations.run()
    assert operations.alarms.state("failures") == "ALARM"
    names = ("ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsAborted", "ExecutionsTimedOut")
    counted = {
        machine: [operations.metrics.sum("AWS/States", name, StateMachineArn=machine) for name in names]
        for machine in (failing, waiting)
    }
    assert counted == {failing: [1, 0, 1, 0, 0], waiting: [2, 1, 0, 1, 0]}


def test_deliveries_of_events_are_counted_by_rule_and_bus(operations: Operations) -> None:
    dead, gone = operations.queue("dead", "events.amazonaws.com"), f"arn:aws:sqs:{REGION}:{HUB}:gone"
    operations("events", "create_event_bus", Name="hub")
    targets = [
        {"Id": "fine", "Arn": dead},
        {"Id": "gone", "Arn": gone, "DeadLetterConfig": {"Arn": dead}},
        {"Id": "lost", "Arn": gone, "DeadLetterConfig": {"Arn": gone}},
    ]
    for bus in ("hub", "default"):
        operations("events", "put_rule", Name="all", EventBusName=bus, EventPattern='{"source": ["ours"]}')
        operations("events", "put_targets", Rule="all", EventBusName=bus, Targets=targets)
        entry = {"Source": "ours", "DetailType": "x", "Detail": "{}", "EventBusName": bus}
        operations("events", "put_events", Entries=[entry])
    operations.run()
    names = ("Invocations", "FailedInvocations", "InvocationsSentToDlq", "InvocationsFailedToBeSentToDlq")
    on_hub = {"RuleName": "all", "EventBusName": "hub"}
    assert [operations.metrics.sum("AWS/Events", name, **on_hub) for name in names] == [3, 2, 1, 1]
    assert [operations.metrics.sum("AWS/Events", name, RuleName="all") for name in names] == [3, 2, 1, 1]


def queue_alarm(operations: Operations, name: str, metric: str, threshold: float) -> None:
    alarm(
        operations,
        name,
        Namespace="AWS/SQS",
        MetricName=metric,
        Statistic="Maximum",
        Threshold=threshold,
        Dimensions=[{"Name": "QueueName", "Value": "dead"}],
    )


def test_an_alarm_sees_messages_in_a_queue_and_that_they_are_gone(operations: Operations) -> None:
    arn = operations.queue("dead")
    queue_alarm(operations, "failures", "ApproximateNumberOfMessagesVisible", 1)
    operations.wait(300)
    operations.send(arn)
    operations.wait(3_600)
    assert operations.alarms.state("failures") == "ALARM"
    (message,) = operations.messages(arn)
    operations("sqs", "delete_message", QueueUrl=url(arn), ReceiptHandle=message["ReceiptHandle"])
    operations.wait(24 * 3_600)
    assert [when for when, _ in changes(operations)] == [60, 360, 3_960]
    assert operations.cloud.clock.run(until=START + timedelta(days=365)) == 0  # type: ignore[attr-defined]  # virtual


def test_an_alarm_sees_how_old_the_oldest_message_is(operations: Operations) -> None:
    arn = operations.queue("dead")
    queue_alarm(operations, "failures", "ApproximateAgeOfOldestMessage", 600)
    operations.send(arn)
    operations.wait(599)
    assert operations.alarms.state("failures") == "OK"
    operations.wait(121)
    assert operations.alarms.state("failures") == "ALARM"


def test_queues_are_measured_when_somebody_asks(operations: Operations) -> None:
    operations.send(operations.queue("dead"))
    dimensions = [{"Name": "QueueName", "Value": "dead"}]
    name = "ApproximateNumberOfMessagesVisible"
    given = requested(Namespace="AWS/SQS", MetricName=name, Dimensions=dimensions, Statistics=["Maximum"])
    (point,) = operations("cloudwatch", "get_metric_statistics", **given)["Datapoints"]
    assert (point["Timestamp"], point["Maximum"]) == (START, 1.0)


def test_metrics_are_put_listed_and_asked_for_by_period(operations: Operations) -> None:
    dimensions = [{"Name": "service", "Value": "ours"}]
    data = [
        {"MetricName": "Failures", "Dimensions": dimensions, "Values": [1.0, 2.0], "Counts": [2.0, 1.0]},
        {"MetricName": "Failures", "Dimensions": dimensions, "Value": 4.0, "Timestamp": START + timedelta(minutes=7)},
        {
            "MetricName": "Sweeps",
            "StatisticValues": {"SampleCount": 3.0, "Sum": 9.0, "Minimum": 1.0, "Maximum": 5.0},
        },
    ]
    operations("cloudwatch", "put_metric_data", Namespace="Tests", MetricData=data)
    listed = operations("cloudwatch", "list_metrics", Namespace="Tests", Dimensions=[{"Name": "service"}])["Metrics"]
    assert listed == [{"Namespace": "Tests", "MetricName": "Failures", "Dimensions": dimensions}]
    metric = {"Namespace": "Tests", "MetricName": "Failures", "Dimensions": dimensions}
    query = {"Id": "sum", "MetricStat": {"Metric": metric, "Period": 300, "Stat": "Sum"}}
    between = {"StartTime": START, "EndTime": START + timedelta(hours=1)}
    (answer,) = operations("cloudwatch", "get_metric_data", MetricDataQueries=[query], **between)["MetricDataResults"]
    assert answer["Values"] == [4.0, 4.0]
    assert answer["Timestamps"] == [START + timedelta(minutes=5), START]
    (sweeps,) = operations(
        "cloudwatch", "get_metric_statistics", **requested(MetricName="Sweeps", Statistics=["Average"])
    )["Datapoints"]
    assert sweeps["Average"] == 3.0
    given = requested(Dimensions=dimensions, Namespace="Elsewhere")
    assert operations("cloudwatch", "get_metric_statistics", **given)["Datapoints"] == []


def test_moto_alone_finds_a_metric_with_dimensions_in_any_namespace() -> None:
    with mock_aws():
        client = boto3.Session("a", "b", region_name=REGION).client("cloudwatch")
        dimensions = [{"Name": "service", "Value": "ours"}]
        datum = {"MetricName": "Failures", "Dimensions": dimensions, "Value": 1.0, "Timestamp": START}
        client.put_metric_data(Namespace="Tests", MetricData=[datum])
        metric = {"Namespace": "Elsewhere", "MetricName": "Failures", "Dimensions": dimensions}
        query = {"Id": "sum", "MetricStat": {"Metric": metric, "Period": 300, "Stat": "Sum"}}
        between = {"StartTime": START, "EndTime": START + timedelta(hours=1)}
        (answer,) = client.get_metric_data(MetricDataQueries=[query], **between)["MetricDataResults"]
    assert answer["Values"] == [1.0]


def test_questions_and_values_nobody_here_takes_are_refused(operations: Operations) -> None:
    with pytest.raises(ClientError, match="AWS/"):
        operations(
            "cloudwatch", "put_metric_data", Namespace="AWS/States", MetricData=[{"MetricName": "x", "Value": 1}]
        )
    with pytest.raises(ClientError, match="no percentiles"):
        operations("cloudwatch", "get_metric_statistics", **requested(ExtendedStatistics=["p90"]))
    between = {"StartTime": START, "EndTime": START + timedelta(hours=1)}
    queries = [{"Id": "sum", "Expression": "m1 + m2"}]
    with pytest.raises(ClientError, match="no metric math"):
        operations("cloudwatch", "get_metric_data", MetricDataQueries=queries, **between)


def test_a_role_puts_metrics_of_its_namespace_only(operations: Operations) -> None:
    mine = allow("cloudwatch:PutMetricData", StringEquals={"cloudwatch:namespace": "Tests"})
    with acting(operations.cloud, operations.iam, mine):
        client: Any = operations.cloud.client("cloudwatch")
        client.put_metric_data(Namespace="Tests", MetricData=[{"MetricName": "Failures", "Value": 1.0}])
        with pytest.raises(ClientError, match="cloudwatch:PutMetricData"):
            client.put_metric_data(Namespace="Others", MetricData=[{"MetricName": "Failures", "Value": 1.0}])
    assert operations.metrics.sum("Tests", "Failures") == 1


def test_a_hidden_message_that_comes_back_sets_an_alarm_off_again(operations: Operations) -> None:
    arn = operations.queue("dead", VisibilityTimeout="600")
    operations.send(arn)
    queue_alarm(operations, "failures", "ApproximateNumberOfMessagesVisible", 1)
    operations.wait(90)
    operations.messages(arn)
    operations.wait(24 * 3_600)
    assert changes(operations) == [
        (60, "Alarm updated from INSUFFICIENT_DATA to ALARM"),
        (120, "Alarm updated from ALARM to OK"),
        (720, "Alarm updated from OK to ALARM"),
    ]
