"""The report of a sweep: every account by name, what became of it, and nothing that DynamoDB would refuse."""

from typing import Any

import pytest

from control_plane.ports.registry import Record
from control_plane.sweep.outcomes import Now
from control_plane.sweep.planning import Difference, Expected, SweepPlan
from control_plane.sweep.reporting import MAX_LISTED, Report, SweepEnd, message, report, shortened

END = SweepEnd(sweep_id="20261124080000000", at="2026-11-24T09:00:00Z")
ONE, TWO = "000000000001", "000000000002"
DYNAMODB = 400 * 1024  # bytes of an item


def started(outcome: str, account_id: str = ONE, profile: str = "default") -> Difference:
    expected = Expected(profile=profile, outcome=outcome, reason="the plan")
    return Difference(account_id=account_id, name="sales", what="any", expected=(expected,))


def record(status: str, account_id: str = ONE, profile: str | None = "default", **more: Any) -> Record:
    return Record(account_id, profile, status, **{"reason": "the record", **more})


def failed(error: str, account_id: str = ONE, profile: str | None = "default") -> Record:
    step = f"account {account_id}: EnsureAccess: no room"
    return record("failed", account_id, profile, error=error, cause="it is full", reason=step)


def reported(plan: SweepPlan, now: Now) -> Report:
    return report(END, ("all",), plan, now)


@pytest.mark.parametrize(
    ("expected", "status", "says"),
    [
        ("connected", "connected", "connected"),
        ("restored", "connected", "restored"),
        ("repaired", "connected", "repaired"),
        ("quarantined", "quarantined", "quarantined"),
        ("removed", "removed", "removed"),
        ("quarantined", "connected", "connected"),
        ("connected", "quarantined", "quarantined"),
        ("removed", "quarantined", "quarantined"),
        ("quarantined", "held", ""),
        ("connected", "connecting", ""),
    ],
)
def test_the_record_says_what_happened_and_not_the_plan(expected: str, status: str, says: str) -> None:
    now = Now(records={ONE: {"default": record(status)}})
    found = reported(SweepPlan(start=(started(expected),)), now)
    assert found.outcomes == ((f"{says}: {ONE} (sales), profile default: the record",) if says else ())
    assert says in ("", *(name for name in Report.model_fields if getattr(found, name) == 1))


def test_what_has_no_record_any_more_is_removed() -> None:
    found = reported(SweepPlan(start=(started("removed"),)), Now(records={ONE: {}}))
    assert found.outcomes == (f"removed: {ONE} (sales), profile default: the plan",)


def test_of_accounts_whose_records_were_not_read_the_plan_is_believed() -> None:
    assert reported(SweepPlan(start=(started("removed"),)), Now()).removed == 1


def test_a_refusal_has_its_error_and_cause_and_is_no_failure() -> None:
    for profile in ("default", ""):
        now = Now(failed=[failed("NotOurs", profile=profile or None)], records={ONE: {}})
        found = reported(SweepPlan(start=(started("refused", profile=profile),)), now)
        where = f"{ONE} (sales), profile default" if profile else f"{ONE} (sales)"
        assert found.outcomes == (f"refused: {where}: NotOurs: EnsureAccess: no room; likely: it is full",)
        assert (found.failed, found.refused, found.counts["FailedAccounts"]) == ((), 1, 1)


def test_a_failure_has_its_error_and_cause_whether_the_sweep_started_it_or_not() -> None:
    plan = SweepPlan(start=(started("connected"),), failed=(f"{TWO}#sales",), names={TWO: "finance"})
    now = Now(failed=[failed("AccessPolicyFull"), failed("NotOurs", TWO, "sales"), failed("Other", "000000000003")])
    found = reported(plan, now)
    assert found.outcomes == ()
    assert found.failed == (
        f"{ONE} (sales), profile default: AccessPolicyFull: EnsureAccess: no room; likely: it is full",
        f"{TWO} (finance), profile sales: NotOurs: EnsureAccess: no room; likely: it is full",
    )


def test_a_degraded_connection_is_named_with_its_cause_each_time() -> None:
    degraded = failed("PERMISSION_DENIED")._replace(status="degraded")
    found = reported(SweepPlan(names={ONE: "sales"}), Now(degraded=[degraded]))
    line = f"{ONE} (sales), profile default: PERMISSION_DENIED: EnsureAccess: no room; likely: it is full"
    assert (found.degraded, found.failed, found.is_quiet) == ((line,), (), False)
    assert (found.counts["DegradedConnections"], found.counts["FailedAccounts"]) == (1, 0)
    subject, text = message(found)
    assert "1 degraded" in subject
    assert f"Degraded: connected, but a query fails: 1\n  {line}" in text


def test_every_list_of_connections_names_their_accounts() -> None:
    keys = (f"{ONE}#default",)
    plan = SweepPlan(hold=keys, withheld=keys, orphans=keys, unrequested=keys, names={ONE: "sales"})
    found = reported(plan, Now())
    assert {found.held, found.withheld, found.orphans, found.unexpected} == {(f"{ONE} (sales), profile default",)}


def test_an_account_without_a_name_is_named_by_its_id_or_by_its_record() -> None:
    plan = SweepPlan(orphans=(f"{ONE}#default", f"{TWO}#default"))
    now = Now(records={TWO: {"default": record("connected", TWO, account_name="was sales")}})
    assert reported(plan, now).orphans == (f"{ONE}, profile default", f"{TWO} (was sales), profile default")


def test_the_worst_report_fits_into_an_item_and_says_what_it_leaves_out() -> None:
    items = tuple(f"{number} " + "\U0001f600" * 1000 for number in range(1000))
    lists = {name: items for name, field in Report.model_fields.items() if field.annotation == tuple[str, ...]}
    assert len(lists) > 12
    kept = shortened(Report(sweep_id="any", at="any", **lists))
    assert len(kept.model_dump_json(exclude_defaults=True).encode()) < DYNAMODB - 10_000
    assert (len(kept.failed), kept.failed[-1]) == (100, "... and 901 more")
    subject, text = message(Report(sweep_id="any", at="any", **lists))
    assert len(subject) <= 100
    assert len(text.encode()) < 200_000  # SNS takes 256 KB
    assert text.count("and 980 more") >= 12
    assert MAX_LISTED == 20


def test_what_quick_lacks_is_in_the_report_and_alone_sends_no_message() -> None:
    lacking = "Quick has no group authors, which profiles.yaml names"
    report = reported(SweepPlan(findings={f"{ONE}#default": lacking}), Now())
    assert report.findings == (f"{ONE}, profile default: {lacking}",)
    assert report.is_quiet
    assert (
        "Connected, but Quick lacks a part of the profile, or a publisher has no place: 1\n"
        f"  {ONE}, profile default: {lacking}" in message(report)[1]
    )
