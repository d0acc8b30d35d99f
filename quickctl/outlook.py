"""What happens next to a connection, and when, in words. Pure."""

from datetime import datetime

from control_plane.ports.registry import Record
from control_plane.watch import STUCK_AFTER
from quickctl.output import clock_time

ASSESSMENT = "AssessAccount"  # the step that refuses, before anything is begun
AT_WORK = "{step} is at work; if nothing is written for {minutes} minutes, it is started anew"
NEXT = {
    "connecting": AT_WORK,
    "disconnecting": AT_WORK,
    "connected": "nothing, as long as the tag asks for it; {sweep} compares it",
    "degraded": "{sweep} tries a query again; sooner: do what the remedy says, then quickctl retry {account}",
    "held": "it keeps its access until people approve the batch (quickctl approvals), or until its tag returns",
    "removed": "nothing; if it is tagged again, it is connected anew",
    "failed": "{sweep} tries it again; sooner: do what the remedy says, then quickctl retry {account}",
    "refused": "nothing before its cause is gone; then quickctl retry {account}, or a new tag",
    "without an end": "{sweep} decides anew: the end of its grace period is not recorded",
    "over": "{sweep} removes its data source and its role; if its tag returns before, it is restored",
    "quarantined": "if its tag returns by {ends}, it is restored within seconds; the first sweep after it removes it",
}


def outlook(record: Record, schedule: str, now: datetime) -> str:
    """What comes next for a connection with that record (or for an account with that claim)."""
    return NEXT.get(_case(record, now), "").format(
        account=record.account_id,
        step=record.step or record.status,
        minutes=int(STUCK_AFTER.total_seconds() // 60),
        ends=clock_time(record.remove_after),
        sweep=f"the next sweep ({schedule}, UTC)" if schedule else "the next sweep",
    )


def _case(record: Record, now: datetime) -> str:
    if record.status == "failed" and record.step == ASSESSMENT:
        return "refused"
    if record.status == "quarantined" and record.remove_after is None:
        return "without an end"
    if record.status == "quarantined" and record.remove_after and record.remove_after <= now:
        return "over"
    return record.status
