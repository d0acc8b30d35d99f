"""The access policy's shards: every entry in one place, nothing dropped that nobody asked to drop."""

import json
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.access_policy import Changes, Outcome, Quota, Shard, apply, document, size, used
from control_plane.account import Connection
from control_plane.steps.access import external_ids
from sandbox.aws.policy import validate
from tests.unit.control_plane.vocabulary import HUB, entry

ROOT = Path(__file__).parents[3]
IDS = external_ids(HUB)
ENTRIES = [entry(f"{number:012d}") for number in range(40)]
OVERHEAD = size(document([], IDS))
ROOM_FOR_FOUR = Quota(policy_size=OVERHEAD + 4 * (len(ENTRIES[0]) + 3), policies_per_role=5, versions_per_policy=5)
REAL = Quota(policy_size=6144, policies_per_role=20, versions_per_policy=5)

some_entries = st.frozensets(st.sampled_from(ENTRIES))


@st.composite
def policies(draw: st.DrawFn) -> list[Shard]:
    """Shards as we may find them: some numbers missing, each entry in one shard, none over the quota."""
    numbers = draw(st.lists(st.integers(1, 7), unique=True, max_size=5))
    left = draw(st.permutations(ENTRIES))
    return [
        Shard(n, tuple(sorted(left[4 * i : 4 * i + draw(st.integers(1, 4))]))) for i, n in enumerate(sorted(numbers))
    ]


@st.composite
def changes(draw: st.DrawFn) -> Changes:
    """Disjoint additions and removals, as one ledger's changes are."""
    add, remove = draw(some_entries), draw(some_entries)
    return Changes(add - remove, remove)


def entries(shards: list[Shard]) -> Counter[str]:
    return Counter(entry for shard in shards for entry in shard.entries)


def written(before: list[Shard], outcome: Outcome) -> list[Shard]:
    """The policy once the answer is written: an emptied shard is gone."""
    after = {shard.number: shard for shard in (*before, *outcome.write)}
    return [shard for _, shard in sorted(after.items()) if shard.entries]


@given(before=policies(), changes=changes())
def test_what_is_asked_holds_and_nothing_else_changes(before: list[Shard], changes: Changes) -> None:
    outcome = apply(before, changes, ROOM_FOR_FOUR, IDS)
    expected = (set(entries(before)) - changes.remove) | (changes.add - outcome.without_room)
    assert set(entries(written(before, outcome))) == expected


@given(before=policies(), changes=changes())
def test_every_entry_stands_in_exactly_one_shard(before: list[Shard], changes: Changes) -> None:
    after = entries(written(before, apply(before, changes, ROOM_FOR_FOUR, IDS)))
    assert set(after.values()) <= {1}


@given(before=policies(), changes=changes())
def test_every_shard_stays_within_iams_quotas(before: list[Shard], changes: Changes) -> None:
    after = written(before, apply(before, changes, ROOM_FOR_FOUR, IDS))
    assert len(after) <= ROOM_FOR_FOUR.policies_per_role
    assert all(size(document(shard.entries, IDS)) <= ROOM_FOR_FOUR.policy_size for shard in after)


@given(before=policies(), changes=changes())
def test_applying_twice_is_applying_once(before: list[Shard], changes: Changes) -> None:
    first = apply(before, changes, ROOM_FOR_FOUR, IDS)
    again = apply(written(before, first), changes, ROOM_FOR_FOUR, IDS)
    assert again.write == ()
    assert again.without_room == first.without_room


@given(before=policies(), added=some_entries)
def test_removing_what_was_added_restores_what_was(before: list[Shard], added: frozenset[str]) -> None:
    new = added - set(entries(before))
    grown = written(before, apply(before, Changes(add=new), ROOM_FOR_FOUR, IDS))
    assert written(grown, apply(grown, Changes(remove=new), ROOM_FOR_FOUR, IDS)) == before


@given(before=policies(), changes=changes())
def test_only_shards_that_change_are_written_each_once(before: list[Shard], changes: Changes) -> None:
    now = {shard.number: shard.entries for shard in before}
    outcome = apply(before, changes, ROOM_FOR_FOUR, IDS)
    assert all(shard.entries != now.get(shard.number, ()) for shard in outcome.write)
    assert max(Counter(shard.number for shard in outcome.write).values(), default=1) == 1


@given(before=policies(), changes=changes())
def test_an_entry_is_without_room_only_when_every_shard_is_full(before: list[Shard], changes: Changes) -> None:
    outcome = apply(before, changes, ROOM_FOR_FOUR, IDS)
    after = written(before, outcome)
    full = len(after) == ROOM_FOR_FOUR.policies_per_role and all(len(shard.entries) == 4 for shard in after)
    assert full or not outcome.without_room


@given(before=policies(), sequence=st.lists(changes(), max_size=6))
def test_no_entry_moves_or_is_missing_while_it_is_connected(before: list[Shard], sequence: list[Changes]) -> None:
    in_force = {shard.number: shard for shard in before}
    for each in sequence:
        place = {entry: shard.number for shard in in_force.values() for entry in shard.entries}
        for shard in apply(list(in_force.values()), each, ROOM_FOR_FOUR, IDS).write:
            in_force[shard.number] = shard  # one write after the other: Quick may come at any moment between two
            now = {entry: shard.number for shard in in_force.values() for entry in shard.entries}
            assert {entry: now.get(entry) for entry in place if entry not in each.remove} == {
                entry: number for entry, number in place.items() if entry not in each.remove
            }
            assert size(document(shard.entries, IDS)) <= ROOM_FOR_FOUR.policy_size
        in_force = {number: shard for number, shard in in_force.items() if shard.entries}


def test_one_more_entry_rewrites_one_shard() -> None:
    before = [Shard(1, tuple(ENTRIES[:4])), Shard(2, tuple(ENTRIES[4:6])), Shard(3, tuple(ENTRIES[6:8]))]
    assert [shard.number for shard in apply(before, Changes(frozenset(ENTRIES[8:9])), ROOM_FOR_FOUR, IDS).write] == [2]


@given(size_of_policy=st.integers(OVERHEAD, OVERHEAD + 5 * len(ENTRIES[0])))
def test_a_shard_is_filled_to_the_last_character(size_of_policy: int) -> None:
    quota = Quota(size_of_policy, 1, 5)
    placed = apply([], Changes(frozenset(ENTRIES[:9])), quota, IDS).in_force
    fits = [n for n in range(1, 9) if size(document(ENTRIES[:n], IDS)) <= size_of_policy]
    assert len(placed) == max(fits, default=0)


@pytest.mark.parametrize(("count", "percent"), [(0, 0), (1090, 50), (1526, 70), (1853, 85), (2180, 100)])
def test_the_gauge_is_the_share_of_the_connections_there_is_room_for(count: int, percent: int) -> None:
    some = tuple(entry(f"{number:012d}") for number in range(count))
    assert used([Shard(1, some[:20]), Shard(2, some[20:])], REAL, IDS) == pytest.approx(percent, abs=1)


def test_the_gauge_shows_the_fullest_run_as_role() -> None:
    shards = [Shard(1, tuple(ENTRIES[:2])), Shard(2, tuple(ENTRIES[2:6]), 2), Shard(3, tuple(ENTRIES[6:7]), 2)]
    assert used(shards, REAL, IDS) == used([Shard(1, tuple(ENTRIES[:5]))], REAL, IDS)


def test_without_a_single_policy_of_ours_the_capacity_is_used_up() -> None:
    assert used([], Quota(6144, 0, 5), IDS) == 100


OF_FIVE = {each: 1 + number % 5 for number, each in enumerate(ENTRIES)}  # the run-as role of each entry


def by_run_as_role(shards: list[Shard]) -> dict[str, list[int]]:
    """The run-as roles that may assume each consumer role."""
    found: dict[str, list[int]] = {}
    for shard in shards:
        for each in shard.entries:
            found.setdefault(each, []).append(shard.run_as_role)
    return found


@given(before=policies(), changes=changes(), data=st.data())
def test_an_entry_that_is_asked_for_is_in_one_shard_of_its_run_as_role(
    before: list[Shard], changes: Changes, data: st.DataObject
) -> None:
    mixed = [Shard(each.number, each.entries, data.draw(st.integers(1, 3))) for each in before]
    wanted = Changes(changes.add, changes.remove, OF_FIVE)
    outcome = apply(mixed, wanted, ROOM_FOR_FOUR, IDS)
    after, found = by_run_as_role(written(mixed, outcome)), by_run_as_role(mixed)
    for each in changes.add - outcome.without_room:
        assert after[each] == [OF_FIVE[each]]
    for each in found.keys() - changes.add - changes.remove:
        assert after[each] == found[each], "nobody asked for it, so it stays"
    for each in outcome.without_room:
        assert after.get(each, []) == found.get(each, []), "without room it stays where it is"
    assert not changes.remove & after.keys()


@given(before=policies(), changes=changes())
def test_every_run_as_role_stays_within_iams_quotas(before: list[Shard], changes: Changes) -> None:
    quota = Quota(ROOM_FOR_FOUR.policy_size, 2, 5)
    few = [Shard(each.number, each.entries, 1 + index // 2) for index, each in enumerate(before)]
    after = written(few, apply(few, Changes(changes.add, changes.remove, OF_FIVE), quota, IDS))
    assert max(Counter(each.run_as_role for each in after).values(), default=0) <= 2
    assert all(size(document(each.entries, IDS)) <= quota.policy_size for each in after)
    assert len({each.number for each in after}) == len(after)


def test_an_entry_that_a_dead_writer_left_with_two_run_as_roles_stays_with_the_right_one() -> None:
    before = [Shard(1, (ENTRIES[0], ENTRIES[1])), Shard(2, (ENTRIES[0],), 2)]
    outcome = apply(before, Changes(frozenset(ENTRIES[:1]), run_as_roles={ENTRIES[0]: 2}), ROOM_FOR_FOUR, IDS)
    assert outcome.write == (Shard(1, (ENTRIES[1],)),)


def test_a_revocation_takes_the_entry_from_every_run_as_role() -> None:
    before = [Shard(1, (ENTRIES[0],)), Shard(2, (ENTRIES[0],), 2)]
    outcome = apply(before, Changes(remove=frozenset(ENTRIES[:1])), ROOM_FOR_FOUR, IDS)
    assert outcome.write == (Shard(1, ()), Shard(2, (), 2))


def test_a_full_run_as_role_does_not_fill_another_one() -> None:
    quota = Quota(ROOM_FOR_FOUR.policy_size, 1, 5)
    full = [Shard(1, tuple(ENTRIES[:4]))]
    outcome = apply(full, Changes(frozenset(ENTRIES[4:6]), run_as_roles={ENTRIES[5]: 2}), quota, IDS)
    assert outcome.without_room == {ENTRIES[4]}
    assert outcome.write == (Shard(2, (ENTRIES[5],), 2),)


def test_a_full_policy_does_not_hinder_a_removal() -> None:
    full = [Shard(n, tuple(ENTRIES[4 * (n - 1) : 4 * n])) for n in range(1, 6)]
    outcome = apply(full, Changes(frozenset(ENTRIES[20:23]), frozenset(ENTRIES[:1])), ROOM_FOR_FOUR, IDS)
    assert outcome.without_room == set(ENTRIES[21:23])
    assert outcome.write == (Shard(1, (*ENTRIES[1:4], ENTRIES[20])),)


def test_room_is_filled_from_the_first_shard_before_a_new_one_is_made() -> None:
    before = [Shard(1, tuple(ENTRIES[:3])), Shard(3, tuple(ENTRIES[3:6]))]
    outcome = apply(before, Changes(add=frozenset(ENTRIES[6:10])), ROOM_FOR_FOUR, IDS)
    assert [(shard.number, len(shard.entries)) for shard in outcome.write] == [(1, 4), (2, 2), (3, 4)]


def test_an_emptied_shard_is_answered_without_entries() -> None:
    assert apply([Shard(2, (ENTRIES[0],))], Changes(remove=frozenset(ENTRIES)), REAL, IDS).write == (Shard(2, ()),)


def test_one_run_as_role_takes_the_number_of_connections_the_documentation_names() -> None:
    many = frozenset(entry(f"{number:012d}") for number in range(3000))
    outcome = apply([], Changes(add=many), REAL, IDS)
    assert (len(outcome.write), len(many) - len(outcome.without_room)) == (20, 2180)


def test_size_is_counted_as_iam_counts_without_white_space() -> None:
    policy = document([ENTRIES[0], ENTRIES[1]], IDS)
    assert size(policy) == len(json.dumps(policy, indent=4).replace(" ", "").replace("\n", ""))


@pytest.mark.parametrize("count", [1, 50])
def test_a_shard_is_a_policy_iam_accepts(count: int) -> None:
    policy = document(ENTRIES[:count], IDS)
    validate(policy)
    (statement,) = policy["Statement"]
    assert statement["Action"] == "sts:AssumeRole"
    assert statement["Condition"] == {
        "StringLike": {"sts:ExternalId": "arn:aws:quicksight:eu-west-1:444455556666:datasource/quick-athena-*"}
    }


def test_a_shards_document_does_not_depend_on_the_order_of_its_entries() -> None:
    assert document(ENTRIES[:3], IDS) == document(ENTRIES[2::-1], IDS)


@cache
def capacity(policies: int) -> int:
    """How many connections so many policies have room for, where a Region's name is long."""
    hub = HUB.model_copy(update={"partition": "aws", "region": "ap-southeast-2"})
    many = [Connection(account_id=f"{n:012}", profile="default").consumer_role_arn(hub) for n in range(2800)]
    quota = Quota(policy_size=6144, policies_per_role=policies, versions_per_policy=5)
    shards = apply((), Changes(add=frozenset(many)), quota, external_ids(hub)).write
    assert {len(shard.entries) for shard in shards} == {109}
    return sum(len(shard.entries) for shard in shards)


@pytest.mark.parametrize(
    "page", ["README.md", "docs/howto/deploy.md", "docs/howto/add-a-profile.md", "docs/reference/errors.md"]
)
def test_the_pages_say_how_many_connections_there_is_room_for(page: str) -> None:
    text = " ".join((ROOT / page).read_text(encoding="utf-8").split())
    for said in ("109", f"{capacity(20):,}", f"{capacity(25):,}"):
        assert said in text, said
