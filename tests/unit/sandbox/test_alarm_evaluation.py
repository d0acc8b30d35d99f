"""What state an alarm should be in: windows of periods, newest first, against the state and its reason."""

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.aws.services.cloudwatch.evaluation import AlarmCondition, Period, evaluate

NOW = datetime(2026, 11, 24, 8, 10, tzinfo=UTC)
GREATER = "GreaterThanOrEqualToThreshold"


def periods(drawn: str) -> list[Period]:
    """X breaches 1.0, 0 does not, - is missing; drawn as AWS's tables are, oldest first."""
    values = [{"X": 1.0, "0": 0.0, "-": None}[sign] for sign in reversed(drawn)]
    return [Period(NOW - timedelta(minutes=age), value) for age, value in enumerate(values, start=1)]


def state(drawn: str, needed: int, missing: str) -> str:
    """The state, or `same`."""
    found = evaluate(AlarmCondition(GREATER, 1.0, len(drawn), needed, missing), periods(drawn))
    return found[0] if found else "same"


@pytest.mark.parametrize(
    ("drawn", "needed", "states"),
    [  # missing, ignore, breaching, notBreaching
        ("X", 1, ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("0", 1, ("OK", "OK", "OK", "OK")),
        ("-", 1, ("INSUFFICIENT_DATA", "same", "ALARM", "OK")),
        ("---", 2, ("INSUFFICIENT_DATA", "same", "ALARM", "OK")),
        ("0X0", 3, ("OK", "OK", "OK", "OK")),
        ("XXX", 3, ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("0XX", 2, ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("0-X", 2, ("OK", "same", "ALARM", "OK")),
        ("X--", 3, ("ALARM", "same", "ALARM", "OK")),
        ("-X-", 2, ("ALARM", "same", "ALARM", "OK")),
        ("--X", 2, ("OK", "same", "ALARM", "OK")),
        ("-X0", 2, ("OK", "same", "ALARM", "OK")),
        ("-00", 2, ("OK", "OK", "OK", "OK")),
    ],
)
def test_missing_data_is_treated_as_the_alarm_says(drawn: str, needed: int, states: tuple[str, ...]) -> None:
    treatments = ("missing", "ignore", "breaching", "notBreaching")
    assert tuple(state(drawn, needed, treatment) for treatment in treatments) == states


@pytest.mark.parametrize(
    ("comparison", "value", "breaches"),
    [
        ("GreaterThanThreshold", 1.0, False),
        ("GreaterThanThreshold", 1.1, True),
        ("GreaterThanOrEqualToThreshold", 1.0, True),
        ("LessThanThreshold", 1.0, False),
        ("LessThanThreshold", 0.9, True),
        ("LessThanOrEqualToThreshold", 1.0, True),
    ],
)
def test_each_operator_compares_the_value_with_the_threshold(comparison: str, value: float, breaches: bool) -> None:  # noqa: FBT001 - a case of a table
    assert AlarmCondition(comparison, 1.0, 1, 1).breaches(value) is breaches


@pytest.mark.parametrize(
    ("drawn", "needed", "missing", "reason"),
    [
        (
            "X0X",
            2,
            "missing",
            (
                "Threshold Crossed: 2 out of the last 3 datapoints [1.0 (24/11/26 08:09:00), 1.0 (24/11/26 08:07:00)] "
                "were greater than or equal to the threshold (1.0) (minimum 2 datapoints for OK -> ALARM transition)."
            ),
        ),
        (
            "0",
            1,
            "missing",
            (
                "Threshold Crossed: 1 out of the last 1 datapoints [0.0 (24/11/26 08:09:00)] was not greater than or "
                "equal to the threshold (1.0) (minimum 1 datapoint for ALARM -> OK transition)."
            ),
        ),
        ("--", 1, "missing", "Insufficient Data: 2 datapoints were unknown."),
        (
            "-",
            1,
            "breaching",
            (
                "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as "
                "[Breaching]."
            ),
        ),
    ],
)
def test_the_reason_has_awss_words(drawn: str, needed: int, missing: str, reason: str) -> None:
    found = evaluate(AlarmCondition(GREATER, 1.0, len(drawn), needed, missing), periods(drawn))
    assert found is not None
    assert found[1] == reason
