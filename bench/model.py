"""A discrete-event model of many accounts that are tagged at one moment, for numbers that the sandbox is too slow for.

    .venv/bin/python -m bench.model

What an account takes comes from results.json (calls, invocations and transitions, measured at 1,000). How it waits is
as in the state machines: a shared operation of the stack set, an elected writer of the access policy, a data source
that Quick refuses until IAM has propagated. Without limits it must agree with the sandbox, which enforces none. With
limits a call that finds no token is tried again with the back-off of the state machines. See bench/README.md.
"""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeAlias

import simpy
import typer

from bench import measurements, rates, results

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from bench.rates import Rate

    Waiting: TypeAlias = Generator[simpy.Event, Any, None]

# Seconds, as in the state machines and steps of the product.
DEBOUNCE, ELECTION = 3, 3
ANSWERS = 1000  # of one look at an operation that has ended; the next look follows soon
SOON = 3
LOOKS = ((180, 15), (1800, 30), (float("inf"), 60))  # an operation of that age is looked at after so many seconds
FIRST_PAUSE, DOUBLED, LONGEST_PAUSE, POLL = 8, 5, 120, 8  # of a data source: refused, refused often, in creation
RETRY_BASE = 2  # the first retry of a throttled step; doubled each time, with full jitter
# After its retries an account waits, longer each time, up to half shorter by chance, and gives up in the end.
ROUND, MORE, LONGEST_ROUND, ROUNDS = 60, 6, 300, 40
MAX_CHANGES = 300  # of one write of the access policy
# Seconds, as the sandbox assumes them.
EVENT, PROPAGATION, CREATION, PROOF = 7, 8, 6, 8


class Refusal(NamedTuple):
    """Who refused a step, how often it is retried then, and how long a retry waits at most."""

    by: str
    retries: int
    longest: int


NO_FUNCTION = Refusal("lambda", 6, 30)
NO_TOKEN = Refusal("service", 4, 15)

# Functions that an account runs: three before its role, one for access, three for its data source, two for its proof.
STEPS = 9
LEAST_STEPS = 8  # of them: the other asks again whether IAM has propagated, and whoever comes late needs not
STARTS_PER_ACCOUNT = 4  # RouteEvent, which EventBridge starts, and the three starts that results.json counts


@dataclass(frozen=True)
class Work:
    """What one account takes, measured."""

    describe_account: float
    list_tags: float
    quick: float
    invocations: float
    transitions: float

    @classmethod
    def measured(cls, figures: Mapping[str, Any]) -> Work:
        """From the figures of bench.connect_accounts."""
        calls = figures["calls_by_operation"]
        return cls(
            describe_account=calls[rates.DESCRIBE_ACCOUNT],
            list_tags=calls[rates.LIST_TAGS],
            quick=figures["calls_by_service"][rates.QUICK],
            invocations=figures["invocations"],
            transitions=figures["transitions"],
        )

    def totals(self) -> dict[str, float]:
        """How many tokens of each rate an account takes in all."""
        return {
            rates.DESCRIBE_ACCOUNT: self.describe_account,
            rates.LIST_TAGS: self.list_tags,
            rates.STARTS: STARTS_PER_ACCOUNT,
            rates.TRANSITIONS: self.transitions,
            rates.QUICK: self.quick,
        }


@dataclass(frozen=True)
class Limits:
    """AWS's limits in one hub account."""

    concurrency: int
    buckets: Mapping[str, Rate]
    seconds_per_invocation: float = rates.SECONDS_PER_INVOCATION
    seconds_per_answer: float = rates.SECONDS_PER_ANSWER


@dataclass(frozen=True)
class Strategy:
    """How accounts share operations, and how long they wait.

    `growth`: a batch has so many times the accounts that have the version; 0: no canary. `at_a_time`: accounts in work
    at one moment (0: all). `period`: operations begin only so often (0: when there is work).
    """

    name: str
    largest: int = 2000
    growth: int = 10
    at_a_time: int = 0
    period: float = 0


OURS = Strategy("ours")
SMALLER = Strategy("ours, MaxBatchSize 500", largest=500)
OTHERS = (
    Strategy("one account at a time", at_a_time=1),
    Strategy("one operation per account", largest=1),
    Strategy("batches of 500 every 5 minutes", largest=500, growth=0, period=300),
)


@dataclass(frozen=True)
class Outcome:
    """What one run of the model says."""

    seconds: float
    operations: int
    writes: int
    throttled: int
    gave_up: int


class Bucket:
    """A token bucket: a call takes one token, or is throttled."""

    def __init__(self, rate: Rate) -> None:
        self._rate, self._tokens, self._at = rate, rate.burst, 0.0

    def take(self, amount: float, now: float) -> bool:
        """Whether there were so many tokens."""
        self._tokens = min(self._rate.burst, self._tokens + (now - self._at) * self._rate.per_second)
        self._at = now
        if self._tokens < amount:
            return False
        self._tokens -= amount
        return True


class GaveUp(Exception):  # noqa: N818 - it says what happened
    """An account was throttled for longer than the product waits."""


@dataclass
class Model:
    """One run: so many accounts, tagged at time 0."""

    accounts: int
    instance_seconds: float
    strategy: Strategy = OURS
    work: Work | None = None
    limits: Limits | None = None
    outcome: Counter[str] = field(default_factory=Counter)

    def run(self) -> Outcome:
        """Until every account is connected or has given up."""
        self._env = simpy.Environment()
        self._random = Random(1)  # noqa: S311 - jitter
        limits = self.limits
        self._buckets = {name: Bucket(rate) for name, rate in limits.buckets.items()} if limits else {}
        self._busy, self._last = 0, 0.0
        self._gate = simpy.Resource(self._env, self.strategy.at_a_time or self.accounts)
        self._queue: list[simpy.Event] = []
        self._operator_runs = self._writer_elected = False
        self._have_version = 0
        self._changes: list[simpy.Event] = []
        for _ in range(self.accounts):
            self._env.process(self._account())
        self._env.run()
        counted = {name: self.outcome[name] for name in ("operations", "writes", "throttled", "gave_up")}
        return Outcome(seconds=round(self._last, 1), **counted)

    # One account -------------------------------------------------------------------------------------------------

    def _account(self) -> Waiting:
        with self._gate.request() as turn:
            yield turn
            yield self._env.timeout(EVENT)
            try:
                yield from self._connect()
            except GaveUp:
                self.outcome["gave_up"] += 1
                return
            self._last = self._env.now

    def _connect(self) -> Waiting:
        work = self.work
        yield from self._step({rates.STARTS: 2})  # RouteEvent and its function
        yield from self._step(  # AssessAccount
            {rates.DESCRIBE_ACCOUNT: work.describe_account, rates.LIST_TAGS: work.list_tags, rates.STARTS: 1}
            if work
            else {}
        )
        yield from self._step({rates.STARTS: 1})  # EnsureConsumerRole
        yield self._enqueue()
        yield from self._step({})  # EnsureAccess
        yield self._ask_for_access()
        yield from self._data_source()
        yield from self._proof()

    def _data_source(self) -> Waiting:
        begun, attempt, ready_at = self._env.now, 0, 0.0
        while True:
            yield from self._step(self._quick())
            now = self._env.now
            if ready_at and now >= ready_at:
                return
            if not ready_at and now >= begun + PROPAGATION:
                ready_at = now + CREATION
            pause = POLL if ready_at else min(max(FIRST_PAUSE, DOUBLED << attempt), LONGEST_PAUSE)
            attempt += 1
            yield self._env.timeout(pause)

    def _proof(self) -> Waiting:
        """Quick imports one row, and is asked about it once."""
        yield from self._step(self._quick())
        yield self._env.timeout(PROOF)
        yield from self._step(self._quick())

    def _quick(self) -> Mapping[str, float]:
        return {rates.QUICK: self.work.quick / (STEPS - 4)} if self.work else {}

    def _step(self, tokens: Mapping[str, float]) -> Waiting:
        """One function, tried until it is not throttled."""
        if self.limits is None or self.work is None:
            return
        wanted = {rates.TRANSITIONS: self.work.transitions / STEPS, **tokens}
        failures, rounds = Counter[Refusal](), 0
        while refusal := (yield from self._attempt(wanted, self.limits)):
            self.outcome["throttled"] += 1
            failures[refusal] += 1
            if failures[refusal] <= refusal.retries:
                most = min(RETRY_BASE * 2 ** (failures[refusal] - 1), refusal.longest)
                yield self._env.timeout(self._random.uniform(0, most))
                continue
            failures.clear()
            rounds += 1
            if rounds > ROUNDS:
                raise GaveUp
            longest = min(ROUND + MORE * rounds, LONGEST_ROUND)
            yield self._env.timeout(self._random.uniform(longest / 2, longest))

    def _attempt(self, wanted: Mapping[str, float], limits: Limits) -> Generator[simpy.Event, Any, Refusal | None]:
        """Who refuses: Lambda, or a service that one of its calls goes to. A throttled function takes its time, too."""
        if self._busy >= limits.concurrency:
            return NO_FUNCTION
        self._busy += 1
        yield self._env.timeout(limits.seconds_per_invocation * self.work.invocations / STEPS if self.work else 0)
        self._busy -= 1
        buckets = [(self._buckets[name], amount) for name, amount in wanted.items() if name in self._buckets]
        return None if all(bucket.take(amount, self._env.now) for bucket, amount in buckets) else NO_TOKEN

    # The operator of the stack set --------------------------------------------------------------------------------

    def _enqueue(self) -> simpy.Event:
        role_is_there = self._env.event()
        self._queue.append(role_is_there)
        if not self._operator_runs:
            self._operator_runs = True
            self._env.process(self._operate())
        return role_is_there

    def _operate(self) -> Waiting:
        yield self._env.timeout(DEBOUNCE)
        while self._queue:
            if period := self.strategy.period:
                yield self._env.timeout(-self._env.now % period)
            batch = [self._queue.pop(0) for _ in range(min(len(self._queue), self._batch_limit()))]
            self.outcome["operations"] += 1
            yield self._env.timeout(_seen_after(self.instance_seconds))
            yield self._env.timeout(self._answering(len(batch)) + (len(batch) - 1) // ANSWERS * SOON)
            self._have_version += len(batch)
            for each in batch:
                each.succeed()
        self._operator_runs = False

    def _batch_limit(self) -> int:
        strategy = self.strategy
        grown = max(1, strategy.growth * self._have_version) if strategy.growth else strategy.largest
        return min(strategy.largest, grown, rates.INSTANCES_AT_ONCE)

    def _answering(self, accounts: int) -> float:
        return accounts * self.limits.seconds_per_answer if self.limits else 0

    # The writer of the access policy -----------------------------------------------------------------------------

    def _ask_for_access(self) -> simpy.Event:
        granted = self._env.event()
        self._changes.append(granted)
        if not self._writer_elected:
            self._writer_elected = True
            self._env.process(self._write())
        return granted

    def _write(self) -> Waiting:
        while self._changes:
            yield self._env.timeout(ELECTION)
            written, self._changes = self._changes[:MAX_CHANGES], self._changes[MAX_CHANGES:]
            self.outcome["writes"] += 1
            yield self._env.timeout(self._answering(len(written)))
            for each in written:
                each.succeed()
        self._writer_elected = False


def _seen_after(seconds: float) -> float:
    """When the operator sees that an operation has ended, that takes so long."""
    looked = 0.0
    while looked < seconds:
        looked += next(pause for age, pause in LOOKS if looked < age)
    return looked


def lower_bound(accounts: int, work: Work, limits: Limits, instance_seconds: float) -> tuple[float, str]:
    """The least seconds that any strategy needs, and what binds: the work of the scarcest, and what nobody avoids."""
    needed = {
        name: max(0, accounts * work.totals()[name] - rate.burst) / rate.per_second
        for name, rate in limits.buckets.items()
    }
    invocations = accounts * work.invocations * LEAST_STEPS / STEPS
    needed["lambda"] = invocations * limits.seconds_per_invocation / limits.concurrency
    binding = max(needed, key=lambda name: needed[name])
    return needed[binding] + EVENT + instance_seconds + PROPAGATION + CREATION + PROOF, binding


MANY = 10_000
INSTANCE_SECONDS = measurements.INSTANCE_SECONDS
COMPARED = (100, 1000)  # with the sandbox
LIMITS = {
    "1,000 functions at once": Limits(rates.CONCURRENCY, rates.PUBLISHED),
    "10 functions at once": Limits(rates.NEW_ACCOUNT_CONCURRENCY, rates.PUBLISHED),
}
STRATEGIES = {  # a run takes half a minute
    "1,000 functions at once": (OURS, SMALLER, *OTHERS),
    "10 functions at once": (OURS,),
}


def main(*, as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False) -> None:
    """Compare with the sandbox, then say what 10,000 accounts take."""
    entries = results.read()
    measured = {n: entries[measurements.connect_name(n)] for n in COMPARED}
    work = Work.measured(measured[max(COMPARED)].figures)
    agreement = {
        str(n): {
            "sandbox_seconds": entry.figures["aws_seconds"],
            "model_seconds": Model(n, INSTANCE_SECONDS).run().seconds,
        }
        for n, entry in measured.items()
    }
    figures = {
        "inputs": {measurements.connect_name(n): entry.commit for n, entry in measured.items()},
        "agreement": agreement,
        "accounts": MANY,
        "scenarios": {name: _scenario(work, limits, STRATEGIES[name]) for name, limits in LIMITS.items()},
    }
    typer.echo(json.dumps(figures, indent=None if as_json else 1))


def _scenario(work: Work, limits: Limits, strategies: Sequence[Strategy]) -> dict[str, Any]:
    bound, binding = lower_bound(MANY, work, limits, INSTANCE_SECONDS)
    with ProcessPoolExecutor(len(strategies)) as pool:
        models = [Model(MANY, INSTANCE_SECONDS, each, work, limits) for each in strategies]
        runs = dict(zip((each.name for each in strategies), pool.map(Model.run, models), strict=True))
    return {
        "lower_bound_seconds": round(bound),
        "binding": binding,
        "strategies": {name: {**vars(run), "times_bound": round(run.seconds / bound, 2)} for name, run in runs.items()},
    }


if __name__ == "__main__":
    typer.run(main)
