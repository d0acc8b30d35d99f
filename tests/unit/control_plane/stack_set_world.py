"""A stack set with its queue and its operator: whoever needs a role asks here, as the state machines do."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from control_plane.account import Connection
from control_plane.definition import values_hash
from control_plane.ports.registry import Record
from control_plane.profiles import Profile, parameters
from control_plane.steps.consumer_role import RemovalRequest, RoleDependencies, RoleRequest, ensure, remove
from control_plane.steps.stack_set_operations import Operator, OperatorDependencies, Progress
from tests.fakes import (
    FakeAccessPolicies,
    FakeOperators,
    FakeRegistry,
    FakeStackSetQueue,
    FakeStackSets,
    FakeWaitingTasks,
)
from tests.unit.control_plane.vocabulary import HUB, profile

NAME = "quick-athena-default"
HOLDER = "the execution"
START = datetime(2026, 11, 24, 8, tzinfo=UTC)


@dataclass
class StackSetWorld:
    """Everything an operator works with, and the time."""

    ticks: int = 1
    largest: int = 100
    wanted: Profile = field(default_factory=profile)
    queue: FakeStackSetQueue = field(default_factory=FakeStackSetQueue)
    operators: FakeOperators = field(default_factory=FakeOperators)
    waiting: FakeWaitingTasks = field(default_factory=FakeWaitingTasks)
    registry: FakeRegistry = field(default_factory=FakeRegistry)
    policies: FakeAccessPolicies = field(default_factory=FakeAccessPolicies)
    seconds: int = 0
    requests: int = 0

    def __post_init__(self) -> None:
        self.stack_sets = FakeStackSets(HUB, self.ticks)

    @property
    def now(self) -> str:
        """The time as Step Functions writes it."""
        return (START + timedelta(seconds=self.seconds)).isoformat(timespec="milliseconds")

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of the profile as it is now."""
        return parameters("default", self.wanted, HUB)

    def version(self, values: Any) -> str:
        """The version of the role with these parameters."""
        return f"{self.stack_sets.body}/{values_hash(values)[:8]}"

    def ensure(self, account_id: str, **last: Any) -> str:
        """Ask for the role; returns the token of whoever waits."""
        request = RoleRequest(**self._request(account_id), **last)
        ensure(request, self.wanted, self.role_dependencies)
        return request.token

    def remove(self, account_id: str, *, retain: bool = False, **last: Any) -> str:
        """Ask for the removal of the role; returns the token of whoever waits."""
        request = RemovalRequest(**self._request(account_id), retain=retain, **last)
        remove(request, self.role_dependencies)
        return request.token

    def _request(self, account_id: str) -> dict[str, str]:
        self.requests += 1
        self.registry.put(Record(account_id, None, holder=HOLDER))
        token = f"token-{self.requests}"
        return {"account_id": account_id, "profile": "default", "execution": HOLDER, "token": token, "now": self.now}

    @property
    def role_dependencies(self) -> RoleDependencies:
        """What those work with who ask for a role, or its removal."""
        return RoleDependencies(
            hub=HUB,
            stack_sets=self.stack_sets,
            queue=self.queue,
            operators=self.operators,
            waiting=self.waiting,
            registry=self.registry,
            profile=lambda _name: self.wanted,
            version=self.version,
        )

    def advance(self, seconds: int = 10, *, rounds: int = 0) -> Progress:
        """Some time later: one look of the operator."""
        self.seconds += seconds
        return Operator(NAME, self.queue.epoch(NAME), rounds, self.now, self.operator_dependencies).advance()

    @property
    def operator_dependencies(self) -> OperatorDependencies:
        """What an operator works with."""
        return OperatorDependencies(
            hub=HUB,
            queue=self.queue,
            stack_sets=self.stack_sets,
            policies=self.policies,
            claims=self.registry,
            waiting=self.waiting,
            operators=self.operators,
            profile=lambda _name: self.wanted,
            version=self.version,
            largest=self.largest,
        )

    def finish(self) -> None:
        """Let everything that waits come to its end."""
        for _ in range(100):
            if self.advance().done:
                return
            self.stack_sets.tick()
        raise AssertionError("something waits for ever")

    def answer(self, token: str) -> Any:
        """What whoever waits was told; None: nothing yet."""
        return self.waiting.answers.get(token)

    def connected(self, *accounts: str) -> None:
        """Give these accounts the role."""
        for account_id in accounts:
            self.ensure(account_id)
        self.finish()

    def operations(self) -> list[tuple[str, ...]]:
        """The accounts of each operation, in order."""
        return [tuple(each.accounts) for each in self.stack_sets.operations.values()]


def connection(account_id: str) -> Connection:
    return Connection(account_id=account_id, profile="default")


def accounts(number: int) -> list[str]:
    return [f"{each:012}" for each in range(1, number + 1)]
