"""What was seen of StackSets: its queue, its results, and how soon whoever waits for them goes on. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from quickctl.selftest.check import Judgement, not_seen, otherwise, verified
from quickctl.selftest.evidence import seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from quickctl.observing import Operation
    from quickctl.selftest.evidence import Passage
    from quickctl.steps import Step

WAITS = "EnsureConsumerRole"
PREFIX = "quick-athena-"
DRIFT = "DETECT_DRIFT"
A_DAY = timedelta(days=1)
UNANSWERED = ("States.Timeout", "States.HeartbeatTimeout")
SHORTEST = timedelta(seconds=5)  # no operation takes less
FAILED_STACKS = ("ConsumerRoleFailed", "LakeGrantRefused")  # a wait that ends so says nothing of other answers
UNEVEN = 1.25  # times as long as the shortest: some of its accounts took longer than others


@dataclass(frozen=True)
class Waits:
    """Operations, and the executions that waited for them."""

    operations: tuple[Operation, ...]
    passages: tuple[Passage, ...]

    def answered(self) -> Iterator[tuple[Operation, Step]]:
        """Each wait that ended, with the last operation that was created before its end."""
        for passage in self.passages:
            step = passage.step(WAITS)
            if step is None or step.ended is None or passage.error in FAILED_STACKS:
                continue
            until = step.ended
            ours = (each for each in self.operations if each.stack_set == f"{PREFIX}{passage.profile}")
            before = [each for each in ours if step.started <= each.created < until - SHORTEST and each.action != DRIFT]
            if before:
                yield max(before, key=lambda each: each.created), step


def queue(operations: Sequence[Operation]) -> Judgement:
    """Which reading of AWS's sentence is true: whether an operation waits for one that does not concern it."""
    ended = [each for each in operations if each.ended]
    pairs = [
        (first, second)
        for first in ended
        for second in ended
        if first.stack_set == second.stack_set and first.created < second.created < _end(first)
    ]
    if any(each.status == "QUEUED" for each in operations):
        return verified("an operation is QUEUED now, while another one runs")
    if not pairs:
        return not_seen("no two operations of one stack set met: one operator shares them among accounts")
    shortest = min((_end(each) - each.created for each in _alone(ended)), default=SHORTEST)
    beside = [1 for first, second in pairs if _end(second) - _end(first) < shortest / 2]
    if beside:
        return otherwise(f"{len(beside)} of {len(pairs)} operations that met another one ran beside it")
    return verified(f"{len(pairs)} operations that met another one ended after it, by an operation's length")


def _alone(operations: Sequence[Operation]) -> Iterable[Operation]:
    """Those that met no other one of their stack set."""
    for each in operations:
        others = (other for other in operations if other is not each and other.stack_set == each.stack_set)
        if not any(other.created < _end(each) and each.created < _end(other) for other in others):
            yield each


def _end(operation: Operation) -> datetime:
    assert operation.ended
    return operation.ended


def answers(waits: Waits) -> Judgement:
    """Whether an execution that waits on a task token goes on when the operator answers it."""
    steps = [step for passage in waits.passages if (step := passage.step(WAITS))]
    late = sum(error.error in UNANSWERED or "in time" in error.message for step in steps for error in step.errors)
    if late:
        return otherwise(f"{late} waits for a consumer role ended without an answer")
    lags = [
        (step.ended - operation.ended).total_seconds()
        for operation, step in waits.answered()
        if step.ended and operation.ended
    ]
    if not lags:
        return not_seen("no execution waited for an operation that has ended")
    return verified(f"who waited went on after the operation's end by {seconds(lags)}")


def early_results(waits: Waits) -> Judgement:
    """Whether an account's result is shown while its operation still works on others."""
    went_on: dict[Operation, list[datetime]] = {}
    for operation, step in waits.answered():
        if operation.ended and step.ended:
            went_on.setdefault(operation, []).append(step.ended)
    early = [each for each, ends in went_on.items() if min(ends) < _end(each)]
    if early:
        return verified(f"in {len(early)} operations an account went on while others were still worked on")
    shared = [each for each, ends in went_on.items() if len(ends) > 1]
    if not shared:
        return not_seen("no operation was shared by accounts")
    # Where all accounts take equally long, they end with their operation, and nothing can be went_on.
    shortest = min(_end(each) - each.created for each in went_on)
    uneven = [each for each in shared if _end(each) - each.created > UNEVEN * shortest]
    if uneven:
        return otherwise(f"in {len(uneven)} operations of some length all accounts went on after their end")
    return not_seen("the accounts of each operation ended together")


def drift_detections(operations: Sequence[Operation], now: datetime) -> Judgement:
    """Whether a detection of drift ends before the next sweep."""
    lengths = [(each.ended or now) - each.created for each in operations if each.action == DRIFT]
    if not lengths:
        return not_seen("no sweep has had drift detected")
    if max(lengths) >= A_DAY:
        return otherwise(f"a detection of drift took {max(lengths) / timedelta(hours=1):.0f} hours")
    return verified(f"detections of drift took {seconds([each.total_seconds() for each in lengths])}")
