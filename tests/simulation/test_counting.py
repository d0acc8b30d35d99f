"""The whole sandbox counts what happens in it, and tells people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulation.conftest import Story

UNREADABLE = "Enabled"  # no profile has that name


def failed(story: Story) -> tuple[float, float]:
    """Executions and steps that failed."""
    metrics, machine = story.world.metrics, story.world.outputs["ReconcileAccountArn"]
    steps = metrics.sum("QuickOnboarding", "FailedSteps", service="quick-onboarding")
    return metrics.sum("AWS/States", "ExecutionsFailed", StateMachineArn=machine), steps


def test_a_failed_execution_is_counted_and_so_is_the_step_its_function_prints(story: Story) -> None:
    story.tagged("sales")
    assert failed(story) == (0, 0)
    story.tagged("research", UNREADABLE)
    assert failed(story) == (1, 1)


def test_an_alarm_on_failed_executions_is_mailed_within_a_minute(story: Story) -> None:
    session = story.world.boto3_session(story.world.cloud.topology.hub)
    sns: Any = session.client("sns")
    topic = sns.create_topic(Name="operators")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ops@example.com")
    session.client("cloudwatch").put_metric_alarm(
        AlarmName="failures",
        Namespace="AWS/States",
        MetricName="ExecutionsFailed",
        Dimensions=[{"Name": "StateMachineArn", "Value": story.world.outputs["ReconcileAccountArn"]}],
        Statistic="Sum",
        Period=300,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=[topic],
    )
    story.run(60)
    story.tagged("research", UNREADABLE)
    story.run(60)
    (mail,) = [each for each in story.world.sns.outbox if each.topic == topic]
    assert (mail.endpoint, mail.subject) == ("ops@example.com", 'ALARM: "failures" in EU (Ireland)')
    assert story.world.alarms.state("failures") == "ALARM"
    story.run(600)
    assert story.world.alarms.state("failures") == "OK"
