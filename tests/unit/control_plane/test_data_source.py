"""EnsureDataSource: create, mend or wait; a refusal is IAM's delay until the budget is spent."""

from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.session
import pytest

from control_plane import propagation
from control_plane.account import Connection
from control_plane.errors import DataSourceDenied, DataSourceFailed, MissingPermission, NotOurs, QuickNotReady
from control_plane.ports.quick import DataSourceSettings, Refusal, Sharing
from control_plane.profiles import Profile
from control_plane.steps.data_source import (
    EnsureResult,
    RetryState,
    display_name,
    ensure,
    settings,
)
from control_plane.steps.data_source import wanted as what_is_wanted
from tests.fakes import FakeDataSources
from tests.unit.control_plane.vocabulary import CONNECTION, CONSUMER, HUB, profile

SINCE = datetime(2026, 11, 24, 8, tzinfo=UTC)
ID = CONNECTION.data_source_id
DENIED = ("ACCESS_DENIED", "not authorized to perform: sts:AssumeRole")
BROKEN = ("ENGINE_VERSION_NOT_SUPPORTED", "Athena's engine is too old")
BUDGET = propagation.IAM.budget
SAID = f"data source {ID}: {DENIED[0]}: {DENIED[1]}"


def step(
    quick: FakeDataSources,
    attempt: int = 0,
    after: timedelta = timedelta(),
    wanted: Profile | None = None,
    account_name: str = "sales",
) -> EnsureResult:
    retry_state = RetryState(SINCE, SINCE + after, attempt)
    target = what_is_wanted(CONNECTION, account_name, wanted or profile(), HUB)
    return ensure(CONNECTION, target, HUB, retry_state, quick)


def finished() -> FakeDataSources:
    quick = FakeDataSources(HUB)
    step(quick)
    quick.tick()
    quick.calls.clear()
    return quick


def test_a_data_source_travels_from_nothing_to_ready() -> None:
    quick = FakeDataSources(HUB)
    assert step(quick) == EnsureResult(ready=False, pause=8)
    assert step(quick) == EnsureResult(ready=False, pause=8)
    quick.tick()
    assert step(quick) == EnsureResult(ready=True)
    assert quick.calls == ["create"]
    made = quick.sources[ID]
    assert made.name == display_name("sales", CONNECTION)
    assert made.sharing == Sharing(frozenset({"owners"}), frozenset({"authors"}))


def test_queries_run_as_run_as_role_through_the_consumer_role_in_the_profiles_workgroup() -> None:
    assert settings(CONNECTION, profile(), HUB) == DataSourceSettings(
        work_group="quick-athena-default",
        run_as_role_arn="arn:aws:iam::444455556666:role/quick-athena-run-as",
        consumer_role_arn="arn:aws:iam::222233334444:role/quick-athena-default",
    )


def test_a_refusal_is_waited_out_with_longer_and_longer_pauses() -> None:
    quick = FakeDataSources(HUB)
    quick.refusals = [DENIED] * 7
    pauses, attempt = [], 0
    for _ in range(7):
        attempt = step(quick, attempt).attempt
        quick.tick()
        refused = step(quick, attempt)
        pauses.append(refused.pause)
        assert refused == EnsureResult(ready=False, pause=refused.pause, attempt=attempt + 1, message=SAID)
        attempt = refused.attempt
    assert pauses == [8, 10, 20, 40, 80, 120, 120]
    step(quick, attempt)
    quick.tick()
    assert step(quick, attempt) == EnsureResult(ready=True)


def test_a_data_source_that_never_worked_is_replaced_under_its_id() -> None:
    quick = FakeDataSources(HUB)
    quick.refusals = [DENIED]
    step(quick)
    quick.tick()
    step(quick)
    assert quick.calls == ["create", "remove"]


def test_a_refusal_after_the_budget_is_a_failure_that_says_how_long_it_was_tried() -> None:
    quick = FakeDataSources(HUB)
    quick.refusals = [DENIED]
    step(quick)
    quick.tick()
    with pytest.raises(DataSourceDenied) as denied:
        step(quick, attempt=9, after=BUDGET)
    assert str(denied.value) == f"{SAID} (asked 10 times in 0:15:00)"


def test_a_refusal_found_late_is_tried_a_few_times_before_it_is_believed() -> None:
    for attempt in range(4):
        assert judged(attempt) == EnsureResult(
            ready=False, pause=max(8, 5 << attempt), attempt=attempt + 1, message=SAID
        )
    with pytest.raises(DataSourceDenied):
        judged(attempt=4)


def judged(attempt: int) -> EnsureResult:
    """What is made of a refusal that is first seen long after the budget."""
    quick = FakeDataSources(HUB)
    quick.refusals = [DENIED]
    step(quick, attempt)
    quick.tick()
    return step(quick, attempt, after=2 * BUDGET)


def test_a_refusal_just_within_the_budget_is_waited_for() -> None:
    quick = FakeDataSources(HUB)
    quick.refusals = [DENIED]
    step(quick)
    quick.tick()
    assert not step(quick, attempt=9, after=BUDGET - timedelta(seconds=1)).ready


def test_what_waiting_does_not_repair_fails_at_once_and_leaves_the_id_free() -> None:
    quick = FakeDataSources(HUB)
    quick.refusals = [BROKEN]
    step(quick)
    quick.tick()
    with pytest.raises(DataSourceFailed, match="ENGINE_VERSION_NOT_SUPPORTED: Athena's engine is too old"):
        step(quick)
    assert ID not in quick.sources


CHAIN = "User: quick is not authorized to perform: sts:AssumeRole on resource: the consumer role"
OURS = "User: our function is not authorized to perform: quicksight:CreateDataSource on resource: it"
PASSING = "User: our function is not authorized to perform: iam:PassRole on resource: the run-as role"
# How Quick may refuse while something propagates; the error when it never ends; how long that takes.
IMMEDIATE_REFUSALS = [
    (Refusal("AccessDeniedException", CHAIN), DataSourceDenied, propagation.IAM),
    (Refusal("AccessDeniedException", "no"), DataSourceDenied, propagation.IAM),
    (Refusal("InvalidParameterValueException", "The role can't be assumed"), DataSourceFailed, propagation.IAM),
    (Refusal("ConflictException", "being deleted"), DataSourceFailed, propagation.BUSY),
    (Refusal("ConcurrentUpdatingException", "being changed"), DataSourceFailed, propagation.BUSY),
    (Refusal("ResourceExistsException", "there is one"), DataSourceFailed, propagation.BUSY),
    (Refusal("AccessDeniedException", OURS), MissingPermission, propagation.OWN_ROLE),
    (Refusal("AccessDeniedException", PASSING), MissingPermission, propagation.OWN_ROLE),
]
LATER = [
    (("ACCESS_DENIED", CHAIN), DataSourceDenied, propagation.IAM),
    (("GENERIC_SQL_FAILURE", "no workgroup"), DataSourceFailed, propagation.IAM),
    (("UNKNOWN", "who knows"), DataSourceFailed, propagation.IAM),
    (("TIMEOUT", "too slow"), DataSourceFailed, propagation.IAM),
    (("UNKNOWN_HOST", "no such host"), DataSourceFailed, propagation.IAM),
    (("CONFLICT", "being changed"), DataSourceFailed, propagation.BUSY),
    (("SOMETHING_NEW", "who knows"), DataSourceFailed, propagation.IAM),
    (("", ""), DataSourceFailed, propagation.IAM),
]
FINAL = [
    (Refusal("LimitExceededException", "too many"), DataSourceFailed),
    (Refusal("ResourceNotFoundException", "no such group"), DataSourceFailed),
    (Refusal("CustomerManagedKeyUnavailableException", "no key"), DataSourceFailed),
    (Refusal("UnsupportedUserEditionException", "STANDARD"), QuickNotReady),
    (Refusal("UnsupportedPricingPlanException", "no"), QuickNotReady),
]


def lived(quick: FakeDataSources, wanted: Profile | None = None) -> tuple[timedelta, list[str]]:
    """How long it took until the data source was ready, and what was said on the way."""
    now, attempt, said = timedelta(), 0, []
    while not (progress := step(quick, attempt, now, wanted)).ready:
        quick.tick()
        now, attempt = now + timedelta(seconds=progress.pause), progress.attempt
        said += [progress.message] if progress.message else []
    return now, said


@pytest.mark.parametrize("times", [1, 4])
@pytest.mark.parametrize("refusal", [each for each, _, _ in IMMEDIATE_REFUSALS])
def test_a_request_refused_while_something_propagates_is_made_again(refusal: Refusal, times: int) -> None:
    for quick, wanted in ((FakeDataSources(HUB), None), (finished(), CHANGED)):
        quick.answers = [refusal] * times
        took, said = lived(quick, wanted)
        assert said == [f"data source {ID}: {refusal.message}"] * times
        assert took <= timedelta(minutes=3)
        assert "remove" not in quick.calls


@pytest.mark.parametrize("times", [1, 4])
@pytest.mark.parametrize("refusal", [each for each, _, _ in LATER])
def test_a_creation_that_fails_while_something_propagates_is_begun_again(refusal: tuple[str, str], times: int) -> None:
    quick = FakeDataSources(HUB)
    quick.refusals = [refusal] * times
    _, said = lived(quick)
    assert said == [f"data source {ID}: {refusal[0]}: {refusal[1]}"] * times


@pytest.mark.parametrize(("refusal", "error", "delay"), IMMEDIATE_REFUSALS)
@pytest.mark.parametrize("is_there", [False, True])
def test_a_request_refused_for_good_fails_after_its_budget_with_the_refusal(
    refusal: Refusal, error: type[Exception], delay: propagation.Delay, *, is_there: bool
) -> None:
    quick = finished() if is_there else FakeDataSources(HUB)
    quick.answers = [refusal] * 1000
    with pytest.raises(error) as failed:
        lived(quick, CHANGED)
    assert type(failed.value) is error
    asked = len(quick.calls)
    assert str(failed.value) == f"data source {ID}: {refusal.message} (asked {asked} times in {delay.budget})"
    assert asked >= delay.attempts


@pytest.mark.parametrize(("refusal", "error", "delay"), LATER)
def test_a_creation_that_fails_for_good_fails_after_its_budget_with_the_refusal(
    refusal: tuple[str, str], error: type[Exception], delay: propagation.Delay
) -> None:
    quick = FakeDataSources(HUB)
    quick.refusals = [refusal] * 1000
    with pytest.raises(error, match=f"data source {ID}: {refusal[0]}: .*times in {delay.budget}") as failed:
        lived(quick)
    assert type(failed.value) is error
    assert ID not in quick.sources


@pytest.mark.parametrize(("refusal", "error"), FINAL)
@pytest.mark.parametrize("is_there", [False, True])
def test_a_refusal_that_can_be_no_delay_fails_at_once(
    refusal: Refusal, error: type[Exception], *, is_there: bool
) -> None:
    quick = finished() if is_there else FakeDataSources(HUB)
    quick.answers = [refusal]
    with pytest.raises(error, match=f"data source {ID}: {refusal.message}$"):
        lived(quick, CHANGED)
    assert len(quick.calls) == 1


def test_a_conflict_after_each_deletion_does_not_hide_what_quick_says_else() -> None:
    quick = FakeDataSources(HUB)
    quick.refusals = [DENIED] * 1000
    quick.answers = [None, Refusal("ConflictException", "being deleted")] * 1000
    with pytest.raises(DataSourceDenied):
        lived(quick)


@pytest.mark.parametrize(
    ("refusal", "delay"), [(IMMEDIATE_REFUSALS[0][0], propagation.IAM), (IMMEDIATE_REFUSALS[3][0], propagation.BUSY)]
)
def test_a_refusal_first_met_long_after_access_was_given_is_asked_about_again(
    refusal: Refusal, delay: propagation.Delay
) -> None:
    quick = FakeDataSources(HUB)
    quick.answers = [refusal] * 100
    for attempt in range(delay.attempts - 1):
        assert step(quick, attempt, after=timedelta(days=400)).attempt == attempt + 1
    with pytest.raises((DataSourceDenied, DataSourceFailed)):
        step(quick, delay.attempts - 1, after=timedelta(days=400))


def test_every_refusal_of_botocores_model_of_quick_is_judged() -> None:
    describe = {each[0] for each, _, _ in LATER} | {"COPY_SOURCE_NOT_FOUND", "ENGINE_VERSION_NOT_SUPPORTED"}
    model: Any = botocore.session.get_session().get_service_model("quicksight")
    assert describe >= set(model.shape_for("DataSourceErrorInfoType").enum)
    judged = {each.kind for each, _, _ in IMMEDIATE_REFUSALS} | {each.kind for each, _ in FINAL}
    rising = {"ThrottlingException", "InternalFailureException"}  # no answers: AWS is slow or unwell
    for operation in ("CreateDataSource", "UpdateDataSource"):
        assert judged | rising >= {shape.name for shape in model.operation_model(operation).error_shapes}


CHANGED = profile(work_group="primary", results_location="s3://results/")


def test_a_changed_profile_updates_the_data_source_and_never_deletes_it() -> None:
    quick = finished()
    assert step(quick, wanted=CHANGED) == EnsureResult(ready=False, pause=8, attempt=1)
    assert step(quick, attempt=1, wanted=CHANGED) == EnsureResult(ready=False, pause=8, attempt=1)
    quick.tick()
    assert step(quick, attempt=1, wanted=CHANGED) == EnsureResult(ready=True)
    assert quick.calls == ["update"]


def test_a_refused_update_is_tried_again_until_iam_has_propagated() -> None:
    quick = finished()
    quick.refusals = [DENIED]
    step(quick, wanted=CHANGED)
    quick.tick()
    assert step(quick, attempt=1, wanted=CHANGED) == EnsureResult(ready=False, pause=10, attempt=2, message=SAID)
    quick.tick()
    assert step(quick, attempt=2, wanted=CHANGED) == EnsureResult(ready=True)
    assert quick.calls == ["update", "update"]


def test_an_update_that_waiting_does_not_repair_fails_and_is_not_started_again() -> None:
    quick = finished()
    quick.refusals = [BROKEN]
    step(quick, wanted=CHANGED)
    quick.tick()
    with pytest.raises(DataSourceFailed, match="ENGINE_VERSION_NOT_SUPPORTED"):
        step(quick, attempt=1, wanted=CHANGED)
    assert quick.calls == ["update"]


def test_an_update_refused_for_the_whole_budget_is_a_failure_even_when_quick_shows_the_old_settings() -> None:
    quick = finished()
    before = quick.sources[ID].settings
    quick.refusals = [DENIED]
    step(quick, wanted=CHANGED)
    quick.tick()
    quick.sources[ID].settings = before
    with pytest.raises(DataSourceDenied):
        step(quick, attempt=9, after=BUDGET, wanted=CHANGED)


def test_an_update_that_failed_earlier_is_tried_once_more_before_it_is_judged() -> None:
    quick = finished()
    quick.refusals = [BROKEN]
    step(quick, wanted=CHANGED)
    quick.tick()
    assert step(quick, wanted=CHANGED) == EnsureResult(ready=False, pause=8, attempt=1)
    quick.tick()
    assert step(quick, attempt=1, wanted=CHANGED) == EnsureResult(ready=True)


@pytest.mark.parametrize(
    "changed",
    [
        Sharing(frozenset({"owners"}), frozenset()),
        Sharing(frozenset({"owners", "authors"}), frozenset()),
        Sharing(frozenset({"owners"}), frozenset({"authors"}), frozenset({"arn:user/ann"})),
    ],
)
def test_sharing_that_was_changed_is_put_right_in_place_and_then_nothing_is_left_to_do(changed: Sharing) -> None:
    quick = finished()
    quick.sources[ID].sharing = changed
    assert step(quick) == EnsureResult(ready=False, pause=8, attempt=1)
    assert step(quick, attempt=1) == EnsureResult(ready=True)
    assert quick.calls == ["share"]


def test_a_name_that_was_changed_or_an_account_that_was_renamed_is_followed() -> None:
    quick = finished()
    assert step(quick, account_name="sales-eu") == EnsureResult(ready=False, pause=8, attempt=1)
    quick.tick()
    assert step(quick, attempt=1, account_name="sales-eu") == EnsureResult(ready=True)
    assert quick.sources[ID].name == display_name("sales-eu", CONNECTION)
    assert quick.calls == ["update"]


def test_a_group_that_owns_and_views_is_an_owner() -> None:
    both = profile(viewers=["owners", "authors"])
    assert what_is_wanted(CONNECTION, "sales", both, HUB).sharing == Sharing(
        frozenset({"owners"}), frozenset({"authors"})
    )


def test_a_data_source_that_never_becomes_what_it_should_be_is_a_failure_and_no_endless_loop() -> None:
    quick = finished()
    quick.sources[ID].name = "as Quick likes it"
    assert not step(quick, after=BUDGET).ready
    quick.sources[ID].state, quick.sources[ID].name = "successful", "as Quick likes it"
    with pytest.raises(DataSourceFailed, match=r"after 9 attempts Quick still shows .*as Quick likes it"):
        step(quick, attempt=9, after=BUDGET)


@pytest.mark.parametrize(
    "tags", [{}, {"managed-by": "quick-onboarding"}, {**HUB.ownership_tags, "managed-by": "somebody"}]
)
def test_an_unmanaged_data_source_is_left_alone(tags: dict[str, str]) -> None:
    quick = finished()
    quick.sources[ID].tags = tags
    with pytest.raises(NotOurs, match=f"the data source {ID} exists already: tag .*ours is"):
        step(quick, wanted=CHANGED)
    assert quick.calls == []


def test_further_tags_on_our_data_source_are_the_customers() -> None:
    quick = finished()
    quick.sources[ID].tags = {**HUB.ownership_tags, "cost-center": "42"}
    assert step(quick).ready


@pytest.mark.parametrize("attempt", [6, 10, 1000])
def test_no_pause_is_longer_than_two_minutes(attempt: int) -> None:
    assert RetryState(SINCE, SINCE, attempt).pause == 120


def test_the_name_authors_see_has_at_most_quicks_128_characters() -> None:
    assert display_name("sales", CONNECTION) == f"sales ({CONSUMER}) default"
    longest = Connection(account_id=CONSUMER, profile="p" * 32)
    name = display_name("n" * 200, longest)
    assert len(name) == 128
    assert name.endswith(f"n ({CONSUMER}) {'p' * 32}")


def test_a_profile_says_what_the_name_is_made_of() -> None:
    pattern = "{ou}: {account_name} / {profile} / {account}"
    assert display_name("sales", CONNECTION, pattern, "Consumers") == f"Consumers: sales / default / {CONSUMER}"
    odd = display_name("{ou}{account}", CONNECTION, "{account_name} {ou}", "{profile}")
    assert odd == "{ou}{account} {profile}"
    long = display_name("n" * 200, CONNECTION, "{ou}-{account_name}-{profile}", "o" * 200)
    assert long == "o" * 59 + "-" + "n" * 59 + "-default"


def test_sharing_changed_by_hand_is_put_right_in_place() -> None:
    quick = finished()
    quick.sources[ID].sharing = Sharing(frozenset({"owners"}), frozenset(), frozenset({"somebody else"}))
    assert not step(quick).ready
    assert step(quick).ready
    assert "remove" not in quick.calls
    assert quick.sources[ID].sharing == Sharing(frozenset({"owners"}), frozenset({"authors"}))


FILED = profile(folder="sales")


def test_a_data_source_is_put_into_its_folder_once_it_works() -> None:
    quick = finished()
    quick.folders["sales"] = set()
    assert step(quick, wanted=FILED) == EnsureResult(ready=True)
    assert quick.is_in_folder(ID, "sales")
    assert step(quick, wanted=FILED) == EnsureResult(ready=True)
    assert quick.calls == ["put_in_folder"]


def test_a_folder_that_refuses_it_is_a_finding_and_no_failure() -> None:
    assert step(finished(), wanted=FILED) == EnsureResult(
        ready=True, finding="it is not in the folder sales: Folder sales is not found"
    )
