"""EnsureAccess and RevokeAccess: many changes, one writer, no entry lost."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from control_plane.access_policy import Quota, Shard, document, size
from control_plane.account import Connection
from control_plane.errors import AccessPolicyFull
from control_plane.ports.access import AccessChange, RefusedChange
from control_plane.ports.approvals import ApprovalBatch
from control_plane.steps.access import (
    MAX_CHANGES,
    MAX_VERIFIED,
    AccessDependencies,
    Writer,
    WriteResult,
    apply_batch,
    apply_change,
    external_ids,
    remove_unexpected,
)
from control_plane.steps.access_requests import AccessRequest, GrantRequest, RevokeRequest, RevokeResult, grant
from control_plane.steps.access_requests import revoke as revoke_access
from tests.fakes import (
    FakeAccessLedger,
    FakeAccessPolicies,
    FakeAnomalies,
    FakeApprovals,
    FakeCapacityGauge,
    FakeExemptions,
    FakeRevocationBudget,
    FakeWaitingTasks,
)
from tests.unit.control_plane.interleaving import Actor, Schedule, Stepping, explore, interleave
from tests.unit.control_plane.vocabulary import CONSUMER, HUB, NOW

ELECTED = {"granted": False, "writes": True, "pause": 3}
WRITTEN = {"granted": True, "writes": True, "pause": 3}
X, Y, Z, W = (Connection(account_id=digit * 12, profile="default") for digit in "1239")
IDS = external_ids(HUB)
START = datetime(2026, 11, 24, 8, tzinfo=UTC)


def arn(connection: Connection) -> str:
    return connection.consumer_role_arn(HUB)


def room_for(entries: int, shards: int = 20) -> Quota:
    return Quota(size(document([], IDS)) + entries * (len(arn(X)) + 3), shards, 5)


def allow(connection: Connection, generation: int = 1) -> AccessChange:
    return AccessChange(connection, allow=True, generation=generation)


def revoke(connection: Connection, generation: int = 1) -> AccessChange:
    return AccessChange(connection, allow=False, generation=generation)


def at(seconds: float) -> str:
    """A time as Step Functions writes it."""
    return (START + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Setup:
    """One access policy and its ledger."""

    policies: FakeAccessPolicies = field(default_factory=FakeAccessPolicies)
    ledger: FakeAccessLedger = field(default_factory=FakeAccessLedger)
    budget: FakeRevocationBudget = field(default_factory=FakeRevocationBudget)
    approvals: FakeApprovals = field(default_factory=FakeApprovals)
    exemptions: FakeExemptions = field(default_factory=FakeExemptions)
    anomalies: FakeAnomalies = field(default_factory=FakeAnomalies)
    waiting: FakeWaitingTasks = field(default_factory=FakeWaitingTasks)
    capacity: FakeCapacityGauge = field(default_factory=FakeCapacityGauge)
    repairs: bool = True

    @property
    def deps(self) -> AccessDependencies:
        """What a writer works with."""
        parts = self.ledger, self.policies, self.budget, self.approvals, self.exemptions, self.anomalies
        return AccessDependencies(HUB, *parts, self.waiting, self.capacity, repairs=self.repairs)

    def apply_change(self, change: AccessChange, holder: str = "execution#default", seconds: float = 0) -> bool:
        """What a function does once; whether the change is in force then."""
        return apply_change(change, Writer(holder, at(seconds)), self.deps) is WriteResult.DONE

    def apply_batch(self, batch: ApprovalBatch, seconds: float = 0) -> WriteResult:
        """What approval of a batch leads to."""
        return apply_batch(batch.id, Writer("approval", at(seconds)), self.deps)

    def enqueue(self, *changes: AccessChange) -> None:
        """Store changes without writing."""
        for change in changes:
            self.ledger.enqueue(change, at(0))

    @property
    def numbers_written(self) -> list[int]:
        """Which shards were written, in order."""
        return [shard.number for shard in self.policies.written]


def holding(*shards: Sequence[Connection], quota: Quota | None = None, lag: int = 0) -> Setup:
    numbered = [Shard(number, tuple(map(arn, entries))) for number, entries in enumerate(shards, 1)]
    return Setup(FakeAccessPolicies(*numbered, quota=quota or room_for(2), lag=lag))


# --- one writer --------------------------------------------------------------------------------


def test_a_role_is_allowed_and_no_longer_allowed() -> None:
    world = Setup()
    assert world.apply_change(allow(X))
    assert world.policies.entries == {arn(X)}
    assert world.apply_change(revoke(X, 2), seconds=60)
    assert world.policies.entries == frozenset()


@pytest.mark.parametrize("change", [allow(X), revoke(Y)])
def test_what_holds_already_is_not_written_again(change: AccessChange) -> None:
    world = holding([X, Z])
    assert world.apply_change(change)
    assert world.policies.written == []
    assert world.ledger.changes == {}


def test_a_revoked_entry_is_the_only_one_that_goes() -> None:
    world = holding([X, Y], [Z, W])
    assert world.apply_change(revoke(Y))
    assert world.policies.entries == {arn(X), arn(Z), arn(W)}
    assert world.numbers_written == [1]


def test_a_revocation_that_finds_its_entry_gone_finishes_what_a_dead_writer_began() -> None:
    world = holding([X])
    assert world.apply_change(revoke(Y))
    assert world.policies.written == []
    assert world.policies.tidied == [{1}]


def test_an_addition_tidies_nothing() -> None:
    world = holding([X])
    assert world.apply_change(allow(Y))
    assert world.policies.tidied == []


def test_everybodys_changes_are_applied_by_one_writer_with_one_write_for_each_changed_shard() -> None:
    many = [Connection(account_id=f"{number:012d}", profile="default") for number in range(1000)]
    world = Setup()
    world.enqueue(*map(allow, many[: MAX_CHANGES - 1]))
    assert world.apply_change(allow(X))
    assert world.policies.entries == {arn(X), *map(arn, many[: MAX_CHANGES - 1])}
    assert world.numbers_written == [1, 2, 3]
    assert world.ledger.changes == {}


def test_a_writer_goes_on_while_more_changes_wait_than_it_may_apply_at_once() -> None:
    many = [Connection(account_id=f"{number:012d}", profile="default") for number in range(1000)]
    world = Setup()
    world.enqueue(*map(allow, many))
    rounds = 1
    while not world.apply_change(allow(X)):
        rounds += 1
    assert rounds == 4
    assert world.policies.entries == {arn(X), *map(arn, many)}
    assert world.ledger.changes == {}


def test_a_revocation_is_never_left_for_the_next_round() -> None:
    leaving = [Connection(account_id=f"{number:012d}", profile="default") for number in range(3)]
    world = holding(leaving + [Connection(account_id=f"9{number:011d}", profile="default") for number in range(97)])
    world.enqueue(*(allow(Connection(account_id=f"8{number:011d}", profile="default")) for number in range(400)))
    world.enqueue(*map(revoke, leaving))
    world.apply_change(allow(X))
    assert not world.policies.entries & set(map(arn, leaving))


def ask(world: Setup, connection: Connection, *, writes: bool = False, seconds: float = 0) -> str:
    """What EnsureAccess does once; returns the token of whoever waits."""
    token = f"token of {connection.account_id}" + (" that writes" if writes else "")
    request = GrantRequest(
        **connection.model_dump(), execution=connection.key, generation=1, now=at(seconds), token=token, writes=writes
    )
    grant(request, world.deps)
    return token


def test_one_of_those_who_ask_is_elected_and_answers_the_others() -> None:
    world = Setup()
    first, second, third = (ask(world, each, seconds=number) for number, each in enumerate((X, Y, Z)))
    assert world.waiting.answers == {first: ELECTED}
    assert world.policies.written == []
    writer = ask(world, X, writes=True, seconds=3)
    assert world.waiting.answers[writer] == WRITTEN
    assert world.waiting.answers[second] == world.waiting.answers[third] == {"granted": True, "writes": False}
    assert len(world.policies.written) == 1


def test_who_asks_after_the_writer_began_is_elected_anew() -> None:
    world = Setup()
    ask(world, X)
    ask(world, X, writes=True, seconds=3)
    assert world.waiting.answers[ask(world, Y, seconds=4)] == ELECTED


def test_who_is_elected_just_after_a_write_of_several_waits_for_more_of_them() -> None:
    world = Setup()
    for each in (X, Y, Z):
        ask(world, each)
    ask(world, X, writes=True, seconds=3)
    assert world.waiting.answers[ask(world, W, seconds=4)] == {**ELECTED, "pause": 29}
    ask(world, W, writes=True, seconds=33)
    assert world.policies.entries == set(map(arn, (X, Y, Z, W)))
    assert world.waiting.answers[ask(world, X, seconds=40)] == ELECTED, "the last one was alone"


def test_an_elected_writer_that_does_not_begin_within_a_minute_is_replaced() -> None:
    world = Setup()
    ask(world, X)
    assert ask(world, Y, seconds=59) not in world.waiting.answers
    assert world.waiting.answers[ask(world, Z, seconds=61)] == ELECTED


def test_whoever_revokes_meanwhile_writes_for_those_who_wait_too() -> None:
    world = holding([Z])
    first, second = ask(world, X), ask(world, Y)
    assert world.apply_change(revoke(Z), seconds=1)
    assert world.policies.entries == {arn(X), arn(Y)}
    assert world.waiting.answers[second] == {"granted": True, "writes": False}
    assert world.waiting.answers[first] == ELECTED, "it was told to write, and finds it done"
    assert world.waiting.answers[ask(world, X, writes=True, seconds=3)] == WRITTEN


def test_who_waits_for_room_that_is_not_there_is_told_so() -> None:
    world = Setup(policies=FakeAccessPolicies(quota=room_for(2, shards=1)))
    ask(world, X)
    second, third = ask(world, Y), ask(world, Z)
    ask(world, X, writes=True, seconds=3)
    told = [world.waiting.answers[each] for each in (second, third)]
    assert {"granted": True, "writes": False} in told
    assert any(answer[0] == "AccessPolicyFull" for answer in told if isinstance(answer, tuple))


def approve(world: Setup, *connections: Connection) -> None:
    """People approved these of a sweep's list."""
    world.budget.announced = world.budget.approved = frozenset(each.key for each in connections)


def try_to_revoke(world: Setup, connection: Connection, *, waited: bool = False, seconds: float = 0) -> RevokeResult:
    """What RevokeAccess does once."""
    request = RevokeRequest(
        **connection.model_dump(), execution=connection.key, generation=2, now=at(seconds), waited=waited
    )
    return revoke_access(request, world.deps)


WAITS = RevokeResult(waited=True, pause=30)


def test_those_approved_together_that_come_one_after_the_other_share_a_write() -> None:
    world = holding([X, Y, Z], [W], quota=room_for(3))
    approve(world, X, Y, Z, W)
    assert try_to_revoke(world, X) == RevokeResult(revoked=True), "nobody wrote just before"
    assert [try_to_revoke(world, each, seconds=9) for each in (Y, Z)] == [WAITS, WAITS]
    assert world.policies.entries == {arn(Y), arn(Z), arn(W)}
    assert try_to_revoke(world, Y, waited=True, seconds=39).revoked
    written = len(world.policies.written)
    assert try_to_revoke(world, W, seconds=39) == WAITS
    assert try_to_revoke(world, Z, waited=True, seconds=39) == RevokeResult(revoked=True)
    assert len(world.policies.written) == written, "it was revoked with Y, and W waits for others"


def test_the_revocations_of_a_large_list_wait_for_one_write_because_each_changes_nearly_every_shard() -> None:
    world = holding([X, Y, Z])
    approve(world, X, Y, Z, *(Connection(account_id=f"{number:012}", profile="default") for number in range(200)))
    assert try_to_revoke(world, X).revoked
    spread = int(Y.account_id) % 60
    assert try_to_revoke(world, Y, seconds=100) == RevokeResult(waited=True, pause=200 + spread)
    assert try_to_revoke(world, Y, seconds=299) == RevokeResult(waited=True, pause=30 + spread)
    assert try_to_revoke(world, Z, seconds=301).revoked, "the last write is long ago"
    assert try_to_revoke(world, Y, waited=True, seconds=360) == RevokeResult(revoked=True)


def test_who_waited_writes_whatever_became_of_its_change() -> None:
    world = holding([X, Y])
    approve(world, X, Y)
    try_to_revoke(world, X)
    try_to_revoke(world, Y, seconds=1)
    world.ledger.changes.clear()  # somebody deleted it from the table
    assert try_to_revoke(world, Y, waited=True, seconds=31).revoked
    assert world.policies.entries == frozenset()


def test_who_is_not_on_an_approved_list_loses_access_at_once() -> None:
    world = holding([X, Y])
    approve(world, X)
    try_to_revoke(world, X)
    assert try_to_revoke(world, Y, seconds=1) == RevokeResult(revoked=True)


def test_additions_and_removals_go_in_the_same_writes() -> None:
    world = holding([X, Y], [Z])
    world.enqueue(revoke(X), allow(W))
    assert world.apply_change(revoke(Z))
    assert world.policies.entries == {arn(Y), arn(W)}
    assert world.numbers_written == [2, 1], "first the shard that only loses entries"


def test_the_later_generations_change_wins_whoever_asks_last() -> None:
    world = Setup()
    world.enqueue(revoke(X, 2))
    assert not world.apply_change(
        allow(X, 1)
    )  # it is not done: whoever lost the claim finds that out, and a forgery is gone
    assert world.policies.entries == frozenset()
    world.enqueue(allow(Y, 1), revoke(Y, 2))
    assert world.apply_change(allow(W), seconds=60)
    assert world.policies.entries == {arn(W)}


def test_a_revocation_is_done_only_when_its_entry_is_gone_whatever_generation_somebody_wrote() -> None:
    world = Setup()
    assert world.apply_change(allow(X, 1))
    world.enqueue(allow(X, 10**9))  # somebody wrote it, or the claim's count was taken back
    assert not world.apply_change(revoke(X, 2), seconds=60)
    assert world.apply_change(revoke(X, 2), seconds=120)  # at the next try
    assert world.policies.entries == frozenset()


def test_a_change_replaced_while_it_is_written_is_not_forgotten() -> None:
    world = Setup()
    writes = world.policies.write

    def replaced_meanwhile(shard: Shard) -> str:
        world.enqueue(revoke(X, 2))
        return writes(shard)

    world.policies.write = replaced_meanwhile  # type: ignore[method-assign]  # somebody acts just then
    assert world.apply_change(allow(X, 1))
    assert [change.allow for change in world.ledger.changes.values()] == [False]


def test_every_writer_gives_the_lease_back_whatever_happens() -> None:
    world = Setup()

    def refuse(_: Shard) -> str:
        raise ConnectionError("no network")

    world.policies.write = refuse  # type: ignore[method-assign, assignment]  # IAM fails just then
    with pytest.raises(ConnectionError):
        world.apply_change(allow(X))
    assert world.ledger.holder is None
    assert len(world.ledger.changes) == 1


# --- no room ------------------------------------------------------------------------------------


def test_who_finds_no_room_is_told_so() -> None:
    world = holding([X, Y], quota=room_for(2, shards=1))
    with pytest.raises(AccessPolicyFull) as full:
        world.apply_change(allow(Z))
    assert str(full.value) == (
        f"no room for {arn(Z)}: the access policies of run-as role 1 are all full, and as many as IAM lets a role have"
    )
    assert world.policies.entries == {arn(X), arn(Y)}


def test_a_change_without_room_hinders_nobodys_revocation() -> None:
    world = holding([X, Y], quota=room_for(2, shards=1))
    world.enqueue(allow(Z), allow(W))
    assert world.apply_change(revoke(X))
    assert world.policies.entries in ({arn(Y), arn(Z)}, {arn(Y), arn(W)})


def test_a_change_without_room_is_not_kept_for_others_to_stumble_on() -> None:
    world = holding([X, Y], quota=room_for(2, shards=1))
    with pytest.raises(AccessPolicyFull):
        world.apply_change(allow(Z))
    assert world.ledger.changes == {}


def test_each_write_says_how_much_of_the_capacity_is_in_use() -> None:
    world = holding([X], quota=room_for(2, shards=2))
    for change in (allow(Y), allow(Z), revoke(X, 2)):
        assert world.apply_change(change)
    assert world.capacity.reported == pytest.approx([50, 75, 50], abs=1)


# --- another writer -----------------------------------------------------------------------------


def test_while_another_writes_the_change_is_left_in_the_ledger() -> None:
    world = Setup()
    assert world.ledger.acquire("other", at(0))
    assert not world.apply_change(allow(X), seconds=30)
    assert world.policies.written == []
    assert len(world.ledger.changes) == 1
    assert world.ledger.holder == "other"


def test_a_dead_writers_lease_is_taken_over_when_it_is_over() -> None:
    world = Setup()
    assert world.ledger.acquire("other", at(0))
    assert not world.apply_change(allow(X), seconds=90)
    assert world.apply_change(allow(X), seconds=91)


def test_two_connections_of_one_execution_are_two_writers() -> None:
    request = {"account_id": CONSUMER, "execution": "arn:execution", "generation": 3, "now": NOW}
    first, second = (AccessRequest(profile=name, **request) for name in ("default", "sales"))
    assert first.writer == Writer("arn:execution#default", NOW)
    assert second.writer == Writer("arn:execution#sales", NOW)
    assert first.change(allow=True) == AccessChange(
        Connection(account_id=CONSUMER, profile="default"), allow=True, generation=3
    )


class TakenOver(FakeAccessLedger):
    """A ledger whose lease somebody else takes just before the holder looks again."""

    def holds(self, holder: str) -> bool:
        """Whether the holder still is the one writer."""
        self.holder = "somebody else"
        return super().holds(holder)


def test_a_lease_lost_meanwhile_stops_the_writing_and_keeps_the_change() -> None:
    world = holding([X])
    world.ledger = TakenOver()
    assert not world.apply_change(allow(Y))
    assert world.policies.written == []
    assert len(world.ledger.changes) == 1
    assert world.ledger.holder == "somebody else"


# --- every order two writers can act in -----------------------------------------------------------

LEDGER_CALLS = ("enqueue", "pending", "remove_applied", "discard", "acquire", "holds", "recent_versions", "release")
POLICY_CALLS = ("shards", "quota", "write")


def _come_until_settled(world: Setup, change: AccessChange, actor: Actor) -> None:
    """What the state machine does: again after a pause, in which the others go on."""
    ledger, policies = Stepping(world.ledger, LEDGER_CALLS, actor), Stepping(world.policies, POLICY_CALLS, actor)
    deps = world.deps._replace(ledger=ledger, policies=policies)
    writer = Writer(actor.name, at(0))
    while apply_change(change, writer, deps) is not WriteResult.DONE:
        actor.wait(lambda: world.ledger.holder is None)


def test_in_every_order_two_writers_lose_nothing() -> None:
    def scenario(schedule: Schedule) -> None:
        world = holding([X, Z], quota=room_for(3))
        works = {
            "one": lambda actor: _come_until_settled(world, allow(Y), actor),
            "other": lambda actor: _come_until_settled(world, revoke(Z), actor),
        }
        actors = interleave(schedule, works, deaths=0)
        assert [actor.problem for actor in actors.values()] == [None, None]
        assert world.policies.entries == {arn(X), arn(Y)}
        assert world.ledger.changes == {}

    assert explore(scenario) > 100


# --- the revocation budget --------------------------------------------------------------------------------


def crowd(size: int) -> tuple[Setup, list[Connection]]:
    """So many connections, all allowed."""
    many = [Connection(account_id=f"{number:012d}", profile="default") for number in range(size)]
    return holding(many, quota=room_for(size)), many


def revoke_all(world: Setup, connections: Sequence[Connection], seconds: float = 0) -> int:
    """Each asks by itself, one after the other; how many went."""
    return sum(world.apply_change(revoke(each), holder=each.key, seconds=seconds) for each in connections)


def test_what_an_hour_may_take_goes_and_the_rest_waits_for_approval_of_exactly_that_list() -> None:
    world, many = crowd(200)
    assert revoke_all(world, many[:30]) == 20
    assert len(world.policies.entries) == 180
    assert world.budget.batch.connections == {each.key for each in many[20:30]}
    assert world.approvals.batches[-1].connections == world.budget.batch.connections
    assert world.apply_batch(world.budget.batch) is WriteResult.DONE
    assert world.policies.entries == {arn(each) for each in many[30:]}
    assert world.ledger.changes == {}


def test_another_list_needs_another_approval_and_refuses_the_old_token() -> None:
    world, many = crowd(200)
    revoke_all(world, many[:21])
    first = world.budget.batch
    assert world.budget.store_token(first.id, "token-1")
    revoke_all(world, many[21:22])
    assert world.approvals.refused == ["token-1"]
    assert world.apply_batch(first) is WriteResult.HELD
    assert len(world.policies.entries) == 180
    assert world.budget.batch.connections == {many[20].key, many[21].key}


def test_a_tag_that_returns_leaves_the_list_by_itself() -> None:
    world, many = crowd(200)
    revoke_all(world, many[:22])
    first = world.budget.batch
    assert world.apply_change(allow(many[20], 2), holder="back")
    assert world.budget.batch.connections == {many[21].key}
    assert world.apply_batch(first) is WriteResult.HELD
    assert world.apply_change(allow(many[21], 2), holder="back")
    assert world.budget.batch.connections == frozenset()
    assert len(world.policies.entries) == 180


def test_what_waits_does_not_go_by_itself_when_the_hour_is_over() -> None:
    world, many = crowd(200)
    revoke_all(world, many[:30])
    assert revoke_all(world, many[20:30], seconds=7200) == 0
    assert revoke_all(world, many[30:40], seconds=7200) == 10


def test_an_approved_batch_is_carried_out_once_however_often_it_is_asked_for() -> None:
    world, many = crowd(200)
    revoke_all(world, many[:21])
    batch = world.budget.batch
    assert world.apply_batch(batch) is WriteResult.DONE
    assert world.apply_change(allow(many[20], 2), holder="back")
    assert world.apply_batch(batch) is WriteResult.DONE
    assert arn(many[20]) in world.policies.entries


def test_connections_of_accounts_that_are_gone_do_not_count_and_never_wait() -> None:
    world, many = crowd(200)
    inactive = [AccessChange(each, allow=False, generation=1, counted=False) for each in many[:50]]
    world.exemptions.exempt = {each.key for each in many[:50]}
    assert all(world.apply_change(change, holder=change.connection.key) for change in inactive)
    assert revoke_all(world, many[50:65]) == 15
    assert world.approvals.batches == []


def test_a_few_may_always_go() -> None:
    world, many = crowd(8)
    assert revoke_all(world, many) == 5


def test_asking_again_for_what_went_already_costs_nothing() -> None:
    world, many = crowd(200)
    for _ in range(3):
        assert revoke_all(world, many[:10]) == 10
    assert len(world.budget.revoked_times) == 10


def test_a_question_lost_on_the_way_is_asked_again() -> None:
    world, many = crowd(200)
    asks = world.approvals.ask

    def lost(batch: ApprovalBatch, unit: str = "") -> None:
        assert unit == ""
        raise ConnectionError(f"no network for {batch.id}")

    world.approvals.ask = lost  # type: ignore[method-assign]  # Step Functions fails just then
    with pytest.raises(ConnectionError):
        revoke_all(world, many[:21])
    world.approvals.ask = asks  # type: ignore[method-assign]
    assert world.approvals.batches == []
    assert not world.apply_change(revoke(many[20], 2), holder="again")
    assert [batch.connections for batch in world.approvals.batches] == [{many[20].key}]


# --- a list that a sweep announced ------------------------------------------------------------------------


def announced(size: int = 30) -> tuple[Setup, list[Connection], ApprovalBatch]:
    """So many revocations that a sweep announced, of which the first one was requested, and what people are asked."""
    world, many = crowd(200)
    world.budget.expect([each.key for each in many[:size]])
    assert not world.apply_change(revoke(many[0]), holder="first")
    return world, many, world.budget.batch


def test_people_are_asked_once_about_all_that_a_sweep_announced() -> None:
    world, many, batch = announced()
    assert batch.connections == {each.key for each in many[:30]}
    assert revoke_all(world, many[1:30]) == 0
    assert [each.id for each in world.approvals.batches] == [batch.id]


def test_nobody_is_asked_about_an_announced_list_before_one_of_it_is_requested() -> None:
    world, many = crowd(200)
    world.budget.expect([each.key for each in many[:30]])
    assert world.apply_change(revoke(many[40]))
    assert world.approvals.batches == []


def test_an_approval_counts_for_those_of_the_list_that_are_requested_later_and_removes_nobody_else() -> None:
    world, many, batch = announced()
    assert world.apply_batch(batch) is WriteResult.DONE
    assert world.policies.entries == {arn(each) for each in many[1:]}, "what nobody requests may have its tag back"
    assert revoke_all(world, many[1:29]) == 28
    assert world.policies.entries == {arn(each) for each in many[29:]}
    assert [each.id for each in world.approvals.batches] == [batch.id]
    assert revoke_all(world, many[40:61]) == 17, "an approval uses nothing of the budget"


def test_another_announcement_ends_an_approval() -> None:
    world, many, batch = announced()
    assert world.apply_batch(batch) is WriteResult.DONE
    world.budget.expect([many[1].key])
    assert not world.apply_change(revoke(many[1]))
    assert world.budget.batch.connections == {many[1].key}


def test_a_tag_that_returns_leaves_the_announced_list() -> None:
    world, many, batch = announced()
    assert world.apply_change(allow(many[5], 2))
    assert not world.apply_change(revoke(many[1]))
    assert world.budget.batch.connections == batch.connections - {many[5].key}
    assert not world.apply_change(revoke(many[5], 3))
    assert world.budget.batch.connections == batch.connections
    world.budget.expect([])
    assert world.apply_change(allow(X))
    assert world.budget.batch.connections == {many[0].key, many[1].key, many[5].key}, "those that are requested"


def test_an_announced_account_that_left_does_not_wait_and_is_not_listed() -> None:
    world, many, batch = announced()
    world.exemptions.exempt = {many[1].key}
    assert world.apply_change(claim(many[1]))
    assert world.budget.batch.connections == batch.connections - {many[1].key}


# --- what the ledger says is not believed --------------------------------------------------------


def claim(connection: Connection) -> AccessChange:
    """A revocation that says of itself that it need not be counted."""
    return AccessChange(connection, allow=False, generation=1, counted=False)


def test_removals_that_only_claim_to_be_uncounted_pass_the_budget_like_any_other() -> None:
    world, many = crowd(50)
    world.enqueue(*map(claim, many[:15]))
    assert sum(world.apply_change(claim(each), holder=each.key) for each in many[:15]) == 5
    assert len(world.policies.entries) == 45
    assert len(world.budget.batch.connections) == 10


def test_what_nobody_can_verify_is_counted_and_keeps_nobody_waiting() -> None:
    world, many = crowd(50)
    world.exemptions.broken = True
    assert sum(world.apply_change(claim(each), holder=each.key) for each in many[:6]) == 5
    assert world.apply_change(allow(X))
    world.exemptions.broken, world.exemptions.exempt = False, {each.key for each in many}
    assert world.apply_change(claim(many[5]), holder="again"), "the next one asks anew"


def test_one_writer_verifies_a_few_claims_its_own_first_and_the_rest_comes_again() -> None:
    world, many = crowd(60)
    world.exemptions.exempt = {each.key for each in many}
    world.enqueue(*map(claim, many[:50]))
    assert world.apply_change(claim(many[55]), holder="mine")
    assert world.exemptions.asked[0] == many[55].key
    assert len(world.exemptions.asked) == MAX_VERIFIED
    assert len(world.ledger.changes) == 50 - (MAX_VERIFIED - 1)
    assert len(world.policies.entries) == 60 - MAX_VERIFIED
    assert world.budget.batch.connections == frozenset()
    assert all(world.apply_change(claim(each), holder=each.key, seconds=100) for each in many[:50])


def test_an_item_that_is_no_change_is_told_taken_away_and_blocks_nobody() -> None:
    world = holding([X, Y])
    malformed = RefusedChange("arn:aws:iam::*:role/quick-athena-*", "its key is not a connection of ours")
    world.ledger.malformed = {malformed.key: malformed, Y.key: RefusedChange(Y.key, "malformed")}
    assert world.apply_change(revoke(X))
    assert world.policies.entries == {arn(Y)}
    assert world.anomalies.keys == [malformed.key, Y.key]
    assert world.ledger.malformed == {}


def test_whose_change_is_kept_out_by_an_odd_item_is_told_to_come_again() -> None:
    world = holding([X])
    world.ledger.malformed = {X.key: RefusedChange(X.key, "malformed", {"generation": {"N": "9" * 20}})}
    assert apply_change(revoke(X), Writer("one", at(0)), world.deps) is WriteResult.BUSY
    assert world.apply_change(revoke(X), seconds=3)
    assert world.policies.entries == frozenset()


# --- entries that are not a consumer role of ours -----------------------------------------------------------

WILD = "arn:aws:iam::*:role/quick-athena-*"


def with_entries(*unexpected: str, repairs: bool = True) -> Setup:
    return Setup(FakeAccessPolicies(Shard(1, (arn(X), *unexpected))), repairs=repairs)


def test_an_entry_that_is_no_connection_is_told_and_goes_with_whatever_is_written_next() -> None:
    world = with_entries(WILD)
    assert world.apply_change(allow(Y))
    assert world.policies.entries == {arn(X), arn(Y)}
    assert (world.anomalies.entries, list(world.budget.revoked_times)) == ([WILD], [WILD])


def test_a_sweep_has_entries_that_are_no_connections_taken_out() -> None:
    world = with_entries(WILD, "*")
    assert remove_unexpected(Writer("sweep", at(0)), world.deps) == []
    assert world.policies.entries == {arn(X)}
    assert world.ledger.acquire("other", at(0))
    assert remove_unexpected(Writer("sweep", at(0)), world.deps) is None


def test_entries_that_are_no_connections_are_only_told_when_nothing_is_to_be_repaired() -> None:
    world = with_entries(WILD, repairs=False)
    assert remove_unexpected(Writer("sweep", at(0)), world.deps) == [WILD]
    assert world.policies.entries == {arn(X), WILD}
    assert world.anomalies.entries == [WILD]


def test_more_entries_that_are_no_connections_than_the_budget_wait_and_go_with_an_approval() -> None:
    unexpected = [f"{WILD}{number}" for number in range(7)]
    world = with_entries(*unexpected)
    assert remove_unexpected(Writer("sweep", at(0)), world.deps) == unexpected[5:]
    assert world.budget.batch.connections == set(unexpected[5:])
    assert world.apply_change(revoke(X), seconds=7200), "they spend no budget while they wait"
    assert world.apply_batch(world.budget.batch, seconds=7300) is WriteResult.DONE
    assert world.policies.entries == frozenset()


def test_a_revocation_somebody_asked_for_comes_before_entries_nobody_knows() -> None:
    world = with_entries(*(f"{WILD}{number}" for number in range(7)))
    assert world.apply_change(revoke(X), seconds=-1)
    assert arn(X) not in world.policies.entries
