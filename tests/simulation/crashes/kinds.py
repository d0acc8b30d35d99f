"""What goes wrong, and where: each kind of trouble has one trial for each of its points."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Literal

from sandbox.aws.asl import drivers
from sandbox.aws.asl.execution import Killed
from sandbox.aws.gateway import AwsError
from sandbox.aws.services.events import DeliveryFaults

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.aws.asl.effects import Effect
    from sandbox.aws.asl.execution import Execution
    from sandbox.aws.gateway import Call
    from tests.simulation.crashes.bed import Bed
    from tests.simulation.crashes.scenarios import Scenario

Points = Literal["effects", "function calls", "calls", "seeds"]
SEEDS = 40
SOON, LATER = 5.0, 3600.0  # seconds until somebody reconciles at the account of an execution that was killed
THROTTLES = 3  # of one call in a row
OUTAGE = timedelta(minutes=20)
STILL = timedelta(seconds=50)  # Lambda ends a function after a minute
BEYOND_LEASE = timedelta(seconds=100)
# What a writer of the access policy calls up to the moment it reads its lease again. From there to the write nothing
# protects it but that the lease is longer than a function lives: IAM has no conditional write.
BEFORE_WRITING = (
    r"(Ensure|Revoke)Access: (dynamodb (UpdateItem|Query|GetItem)|iam (ListAttached|GetAccount|GetPolicyV))"
)
# How services say that they are asked too often.
CODES = {
    "cloudformation": "Throttling",
    "iam": "Throttling",
    "sns": "Throttling",
    "lambda": "TooManyRequestsException",
    "organizations": "TooManyRequestsException",
}


@dataclass(frozen=True)
class Kind:
    """One kind of trouble.

    `reconciles`: how many more may be needed. `company`: a second account is connected meanwhile.
    `turns`: the tag itself changes, so that the end is another one.
    """

    name: str
    points: Points
    begin: Callable[[Bed, Scenario, int], None]
    reconciles: int = 0
    company: bool = False
    turns: bool = False
    only: str = ""  # points with a name that matches this


def _kill(bed: Bed, point: int, seconds: float) -> None:
    def hook(number: int, _execution: Execution, _effect: Effect) -> None:
        if number == point:
            bed.strike()
            bed.story.clock.call_later(seconds, bed.reconcile, "another reconcile")
            raise Killed

    bed.at_effect.append(hook)


def killed(bed: Bed, _scenario: Scenario, point: int) -> None:
    """The execution ends dead before an effect; the account is reconciled again at once."""
    _kill(bed, point, SOON)


def found_later(bed: Bed, _scenario: Scenario, point: int) -> None:
    """The execution ends dead before an effect; the account is reconciled again after an hour."""
    _kill(bed, point, LATER)


def _exit(bed: Bed, point: int) -> Callable[[int, Call], None]:
    def hook(number: int, _call: Call) -> None:
        if number == point:
            bed.strike()
            bed.story.world.functions.exit()

    return hook


def died_before(bed: Bed, _scenario: Scenario, point: int) -> None:
    """A function's process is gone before it makes a call."""
    bed.before_call.append(_exit(bed, point))


def died_after(bed: Bed, _scenario: Scenario, point: int) -> None:
    """A function's process is gone when a call of it has been made, before it learns the answer."""
    bed.after_call.append(_exit(bed, point))


def throttled(bed: Bed, _scenario: Scenario, point: int) -> None:
    """One call is refused a few times in a row."""

    def hook(number: int, call: Call) -> None:
        if number == point:
            bed.strike()
            role = call.session.principal.arn
            bed.story.world.faults.order(
                service=call.service, operation=call.operation, role=role, times=THROTTLES, code=_code(call)
            )

    bed.before_call.append(hook)


def outage(bed: Bed, _scenario: Scenario, point: int) -> None:
    """From an effect on, every call is refused for a long while."""

    def begin(number: int, _execution: Execution, _effect: Effect) -> None:
        if number == point:
            bed.strike()
            until = bed.story.clock.now() + OUTAGE
            bed.before_call.append(lambda _number, call: _refuse(call, bed, until))

    bed.at_effect.append(begin)


def _refuse(call: Call, bed: Bed, until: object) -> None:
    if bed.story.clock.now() < until:
        raise AwsError(_code(call), "Rate exceeded")


def _code(call: Call) -> str:
    return CODES.get(call.service, "ThrottlingException")


def _stand_still(bed: Bed, point: int, time: timedelta) -> None:
    def hook(number: int, _call: Call) -> None:
        if number == point:
            bed.strike()
            bed.story.clock.run(until=bed.story.clock.now() + time)

    bed.before_call.append(hook)


def stalled(bed: Bed, _scenario: Scenario, point: int) -> None:
    """A function stands still before a call, nearly as long as Lambda lets it live, and then goes on."""
    _stand_still(bed, point, STILL)


def outlived(bed: Bed, _scenario: Scenario, point: int) -> None:
    """A writer of the access policy stands still before it reads its lease again; the lease is over meanwhile."""
    _stand_still(bed, point, BEYOND_LEASE)


def doubled(bed: Bed, _scenario: Scenario, seed: int) -> None:
    """Two executions for the account, one for another; effects and functions' calls are mixed by chance."""
    random = Random(seed)  # noqa: S311 - a seeded experiment, no secret
    bed.struck = True
    clock = bed.story.clock
    clock.shuffle(random)

    def let_others_go_first(_number: int, _call: Call) -> None:
        while random.random() < 0.3 and clock.step():
            pass

    bed.before_call.append(let_others_go_first)
    clock.call_later(random.choice([0.0, 7.0, 7.0, 12.0, 30.0]), bed.reconcile, "the second execution")


def turned(bed: Bed, scenario: Scenario, point: int) -> None:
    """The tag says the opposite from an effect on; its event never comes, one execution is started at that moment."""

    def hook(number: int, _execution: Execution, _effect: Effect) -> None:
        if number == point:
            bed.strike()
            _turn(bed, scenario)

    bed.at_effect.append(hook)


def _turn(bed: Bed, scenario: Scenario) -> None:
    """Turn the tag round. Its event is lost, one execution is started."""
    world = bed.story.world
    world.events.delivery_faults = DeliveryFaults(0, drop=1.0)
    if scenario.wanted:
        world.untag(bed.account)
    else:
        world.tag(bed.account, "enabled")
    bed.reconcile()


def _stop_parent(bed: Bed, execution: Execution) -> None:
    """Stop the execution whose child that is, as somebody in the console would."""
    parent = next(each for each in bed.story.executions() if each.arn == execution.input["holder"])
    drivers.stop(parent)


def orphaned(bed: Bed, _scenario: Scenario, point: int) -> None:
    """The parent is stopped before an effect of its child, which goes on; the account is reconciled again soon."""

    def hook(number: int, execution: Execution, _effect: Effect) -> None:
        if number == point:
            bed.strike()
            _stop_parent(bed, execution)
            bed.story.clock.call_later(SOON, bed.reconcile, "another reconcile")

    bed.at_effect.append(hook)


def orphaned_and_turned(bed: Bed, scenario: Scenario, point: int) -> None:
    """The parent is stopped and the tag says the opposite from then on: the child works against its successor."""

    def hook(number: int, execution: Execution, _effect: Effect) -> None:
        if number == point:
            bed.strike()
            _stop_parent(bed, execution)
            _turn(bed, scenario)

    bed.at_effect.append(hook)


def stopped_with_parent(bed: Bed, scenario: Scenario, point: int) -> None:
    """As `orphaned`, but Step Functions stops the child too."""
    bed.story.world.step_functions.stops_children = True
    orphaned(bed, scenario, point)


CHILD = "^ReconcileConnection: "
KINDS = {
    kind.name: kind
    for kind in (
        Kind("killed", "effects", killed),
        Kind("killed, found later", "effects", found_later),
        Kind("function died before a call", "function calls", died_before),
        Kind("function died after a call", "function calls", died_after),
        Kind("throttled", "calls", throttled),
        Kind("throttled for 20 minutes", "effects", outage),
        Kind("function stood still", "function calls", stalled, company=True),
        Kind("writer outlived its lease", "function calls", outlived, company=True, only=BEFORE_WRITING),
        Kind("two at once", "seeds", doubled, company=True),
        Kind("turned round", "effects", turned, turns=True),
        Kind("orphaned", "effects", orphaned, only=CHILD),
        Kind("orphaned and turned round", "effects", orphaned_and_turned, turns=True, only=CHILD),
        Kind("stopped with its parent", "effects", stopped_with_parent, only=CHILD),
    )
}
