"""What is there, read plane by plane."""

from dataclasses import replace
from typing import Any

import pytest

from control_plane.access_policy import Shard
from control_plane.account import DEPARTED, Connection
from control_plane.decision import Observed, Presence
from control_plane.observation import MAX_RECORDS, ObservationDependencies, OwnProfiles, observe, run_as_roles
from control_plane.ports.quick import Sharing
from control_plane.ports.stack_sets import StackInstance
from control_plane.profiles import Profile, parameters
from control_plane.steps.data_source import wanted as what_is_wanted
from tests.fakes import FakeAccessPolicies, FakeDataSources, FakeQuickAccount, FakeRegistry, FakeStackSets, QuickSource
from tests.unit.control_plane.vocabulary import CONNECTION, CONSUMER, HUB, OTHER, account, entry, profile

PROFILES = {"default": profile(), "sales": profile(databases=["sales"])}


def planes(*entries: str, recorded: str | None = None) -> ObservationDependencies:
    shards = [Shard(1, entries)] if entries else []
    registry = FakeRegistry([(CONSUMER, "default", recorded)] if recorded else [])
    stack_sets = FakeStackSets(HUB)
    stack_sets.ensure_stack_set(CONNECTION.role_name, parameters("default", profile(), HUB))
    policies = FakeAccessPolicies(*shards)
    return ObservationDependencies(stack_sets, policies, FakeDataSources(HUB), registry, FakeQuickAccount())


def observed(there: ObservationDependencies, *wanted: str, of: str = "ACTIVE") -> dict[str, Observed]:
    return observe(account(state=of), wanted, OwnProfiles(PROFILES), HUB, there)


def instance(**changes: object) -> StackInstance:
    given = {"is_current": True, "in_progress": False, "parameters": parameters("default", profile(), HUB)}
    return StackInstance(**{**given, "operation_id": "op", "reason": "", **changes})  # type: ignore[arg-type]  # a test's shorthand


def source(state: str = "successful", databases: Profile | None = None, **changes: Any) -> QuickSource:
    wanted = what_is_wanted(CONNECTION, "sales", databases or profile(), HUB)
    return replace(QuickSource(wanted.name, wanted.settings, state, wanted.sharing, HUB.ownership_tags), **changes)


def test_an_account_nobody_knows_has_nothing() -> None:
    assert observed(planes()) == {}


def test_a_wanted_connection_is_assessed_although_nothing_is_there() -> None:
    assert observed(planes(), "default") == {"default": Observed(profile="default")}


def test_what_is_recorded_or_allowed_is_assessed_although_nobody_wants_it() -> None:
    seen = observed(planes(entry(profile_name="sales"), recorded="quarantined"))
    assert seen == {
        "default": Observed(profile="default", recorded="quarantined"),
        "sales": Observed(profile="sales", access=True),
    }


def test_a_complete_connection_is_seen_complete() -> None:
    there = planes(entry(), recorded="connected")
    there.stack_sets.instances[CONNECTION.role_name, CONSUMER] = instance()  # type: ignore[attr-defined]  # the fake's
    there.quick.sources[CONNECTION.data_source_id] = source()  # type: ignore[attr-defined]  # the fake's
    seen = observed(there, "default")["default"]
    assert seen.is_complete
    assert not seen.is_absent


@pytest.mark.parametrize(
    ("found", "presence"),
    [
        (instance(), Presence.CURRENT),
        (instance(is_current=False), Presence.DIFFERENT),
        (instance(is_current=False, in_progress=True), Presence.DIFFERENT),
        (instance(parameters={}), Presence.DIFFERENT),
        (instance(parameters=parameters("default", PROFILES["sales"], HUB)), Presence.DIFFERENT),
    ],
)
def test_a_consumer_role_is_current_only_with_todays_parameters(found: StackInstance, presence: Presence) -> None:
    there = planes()
    there.stack_sets.instances[CONNECTION.role_name, CONSUMER] = found  # type: ignore[attr-defined]  # the fake's
    assert observed(there, "default")["default"].consumer_role is presence


@pytest.mark.parametrize(
    ("found", "presence"),
    [
        (source(), Presence.CURRENT),
        (source("creating"), Presence.DIFFERENT),
        (source("creation_failed"), Presence.DIFFERENT),
        (source("update_failed"), Presence.DIFFERENT),
        (source(databases=profile(work_group="primary", results_location="s3://results/")), Presence.DIFFERENT),
        (source(name="renamed by hand"), Presence.DIFFERENT),
        (source(sharing=Sharing(frozenset({"owners"}), frozenset())), Presence.DIFFERENT),
    ],
)
def test_a_data_source_is_current_only_when_it_works_is_named_and_shared_as_today(
    found: QuickSource, presence: Presence
) -> None:
    there = planes()
    there.quick.sources[CONNECTION.data_source_id] = found  # type: ignore[attr-defined]  # the fake's
    assert observed(there, "default")["default"].data_source is presence


def test_a_data_source_that_has_no_ownership_tags_is_an_unmanaged_and_counts_as_absent() -> None:
    there = planes()
    there.quick.sources[CONNECTION.data_source_id] = replace(source(), tags={})  # type: ignore[attr-defined]  # the fake's
    seen = observed(there, "default")["default"]
    assert seen.data_source is Presence.ABSENT
    assert seen.unmanaged.startswith(
        f"the data source {CONNECTION.data_source_id} exists already: tag managed-by is None"
    )
    assert seen.is_absent


def test_an_instance_aws_keeps_for_good_is_nothing_we_could_remove() -> None:
    there = planes(recorded="disconnecting")
    there.stack_sets.instances[CONNECTION.role_name, CONSUMER] = instance()  # type: ignore[attr-defined]  # the fake's
    assert not observed(there)["default"].is_absent
    there.registry.set(CONSUMER, "default", instance_retained=True)  # type: ignore[attr-defined]  # the fake's
    assert observed(there, of=DEPARTED)["default"].is_absent


def test_what_stays_in_the_account_is_read_from_the_record() -> None:
    there = planes(recorded="disconnecting")
    there.registry.set(CONSUMER, "default", retained="the results bucket")  # type: ignore[attr-defined]  # the fake's
    assert observed(there)["default"].retained == "the results bucket"


def test_an_account_that_can_be_reached_is_assessed_whatever_its_record_says_aws_keeps() -> None:
    there = planes(recorded="disconnecting")
    there.stack_sets.instances[CONNECTION.role_name, CONSUMER] = instance()  # type: ignore[attr-defined]  # the fake's
    there.registry.set(CONSUMER, "default", instance_retained=True)  # type: ignore[attr-defined]  # the fake's
    assert observed(there)["default"].consumer_role is Presence.CURRENT


def test_no_crowd_of_records_takes_an_account_out_of_reach() -> None:
    there = planes(entry(profile_name="sales"))
    for number in range(3000):
        there.registry.set(CONSUMER, f"a{number}", status="removed")  # type: ignore[attr-defined]  # the fake's
    there.registry.set(CONSUMER, "zzz", status="quarantined")  # type: ignore[attr-defined]  # the fake's
    seen = observed(there, "default")
    assert {"default", "sales", "zzz"} <= set(seen)
    assert len(seen) <= MAX_RECORDS + 2


def test_what_an_undefined_profile_left_is_different_from_anything_wanted() -> None:
    account_inactive = Connection(account_id=CONSUMER, profile="gone")
    there = planes(entry(profile_name="gone"))
    there.stack_sets.instances[account_inactive.role_name, CONSUMER] = instance()  # type: ignore[attr-defined]  # the fake's
    there.quick.sources[account_inactive.data_source_id] = source()  # type: ignore[attr-defined]  # the fake's
    seen = observed(there)["gone"]
    assert (seen.consumer_role, seen.access, seen.data_source) == (Presence.DIFFERENT, True, Presence.DIFFERENT)


def test_only_the_accounts_own_entries_count() -> None:
    policies = FakeAccessPolicies(
        Shard(1, (entry(), entry(OTHER, "sales"), f"arn:aws:iam::{CONSUMER}:role/other")),
        Shard(4, (entry(profile_name="finance"),)),
    )
    assert run_as_roles(CONSUMER, HUB, policies.shards()) == {"default": {1}, "finance": {1}}
