"""When schedules are due: whole expressions against the times they mean."""

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.aws.services.scheduler.expressions import InvalidExpression, parse

NOW = datetime(2026, 11, 24, 8, 10, tzinfo=UTC)  # a Tuesday


def times(expression: str, zone: str = "UTC", count: int = 2) -> list[str]:
    """The next times an expression is due after now; a rate counts from ten minutes ago."""
    timetable = parse(expression, zone, NOW - timedelta(minutes=10))
    found, moment = [], NOW
    for _ in range(count):
        after = timetable.after(moment)
        if after is None:
            break
        found.append(f"{after:%a %Y-%m-%d %H:%M}")
        moment = after
    return found


@pytest.mark.parametrize(
    ("expression", "due"),
    [
        ("rate(5 minutes)", ["Tue 2026-11-24 08:15", "Tue 2026-11-24 08:20"]),
        ("rate(1 hour)", ["Tue 2026-11-24 09:00", "Tue 2026-11-24 10:00"]),
        ("rate(2 days)", ["Thu 2026-11-26 08:00", "Sat 2026-11-28 08:00"]),
        ("cron(0/20 * * * ? *)", ["Tue 2026-11-24 08:20", "Tue 2026-11-24 08:40"]),
        ("cron(10 8 * * ? *)", ["Wed 2026-11-25 08:10", "Thu 2026-11-26 08:10"]),
        ("cron(15 10 ? * MON-FRI *)", ["Tue 2026-11-24 10:15", "Wed 2026-11-25 10:15"]),
        ("cron(0 18,20 ? * 1 *)", ["Sun 2026-11-29 18:00", "Sun 2026-11-29 20:00"]),
        ("cron(0 12 1 JAN,feb ? *)", ["Fri 2027-01-01 12:00", "Mon 2027-02-01 12:00"]),
        ("cron(0 0 L * ? *)", ["Mon 2026-11-30 00:00", "Thu 2026-12-31 00:00"]),
        ("cron(0 0 29 2 ? *)", ["Tue 2028-02-29 00:00", "Sun 2032-02-29 00:00"]),
        ("cron(0 9 * * ? 2026)", ["Tue 2026-11-24 09:00", "Wed 2026-11-25 09:00"]),
        ("cron(0 9 * * ? 2025)", []),
        ("at(2026-12-01T06:30:00)", ["Tue 2026-12-01 06:30"]),
        ("at(2026-11-01T06:30:00)", []),
    ],
)
def test_an_expression_is_due_at_these_times(expression: str, due: list[str]) -> None:
    assert times(expression) == due


def test_cron_and_at_mean_the_clock_of_their_time_zone_in_summer_and_in_winter() -> None:
    assert times("cron(0 9 1 12,7 ? *)", "Europe/Dublin") == ["Tue 2026-12-01 09:00", "Thu 2027-07-01 08:00"]
    assert times("at(2026-12-01T06:30:00)", "Asia/Tokyo") == ["Mon 2026-11-30 21:30"]


def test_a_rate_is_due_at_its_anchor_first() -> None:
    anchor = NOW + timedelta(hours=3)
    assert parse("rate(1 day)", "UTC", anchor).after(NOW) == anchor


@pytest.mark.parametrize(
    "expression",
    [
        "every(5 minutes)",
        "rate(0 minutes)",
        "rate(5 seconds)",
        "cron(0 9 * * * *)",
        "cron(0 9 ? * ? *)",
        "cron(60 9 * * ? *)",
        "cron(0 9 15W * ? *)",
        "cron(0 9 * *)",
        "at(tomorrow)",
    ],
)
def test_what_is_no_expression_or_not_known_here_is_refused(expression: str) -> None:
    with pytest.raises(InvalidExpression, match="Invalid Schedule Expression"):
        parse(expression, "UTC", NOW)


def test_an_unknown_time_zone_is_refused() -> None:
    with pytest.raises(InvalidExpression):
        parse("rate(1 hour)", "Europe/Atlantis", NOW)
