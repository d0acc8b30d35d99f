"""An event is trusted for one thing: the account's id."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.errors import NoAccountInEvent
from control_plane.events import Kind, Subject, describe, find_subject

EVENTS = Path(__file__).parents[3] / "events"
SAMPLES = sorted(sample for folder in ("organizations", "control_tower") for sample in (EVENTS / folder).glob("*.json"))
WITHOUT_ACCOUNT = {
    "create_account.in_progress": "CreateAccount",
    "create_account_result.failed": "CreateAccountResult",
    "invite_account_to_organization.open": "InviteAccountToOrganization",
}
ABOUT_A_UNIT = {"tag_resource.organizational_unit", "tag_resource.root"}
ACCOUNT = Subject(Kind.ACCOUNT, "222233334444")
digits = st.text("0123456789", min_size=12, max_size=12)
words = st.text("abcdefgh", min_size=1, max_size=8)


def read(sample: Path) -> dict[str, Any]:
    return dict(json.loads(sample.read_text(encoding="utf-8")))


def about(**details: Any) -> dict[str, Any]:
    return {"detail": {"eventName": "TagResource", "eventID": "e-1", **details}}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_every_sample_names_one_account_or_says_why_not(sample: Path) -> None:
    event = read(sample)
    if sample.stem in WITHOUT_ACCOUNT:
        with pytest.raises(
            NoAccountInEvent, match=rf"no account id in {WITHOUT_ACCOUNT[sample.stem]} \(.*found nothing"
        ):
            find_subject(event)
    elif sample.stem in ABOUT_A_UNIT:
        assert find_subject(event) == Subject(Kind.UNIT, event["detail"]["requestParameters"]["resourceId"])
    else:
        found = find_subject(event)
        assert found.kind is Kind.ACCOUNT
        assert found.id in json.dumps(
            [event["detail"].get("requestParameters"), event["detail"].get("serviceEventDetails")]
        )
        assert found.id != event["account"], "the account that made the call is not the one it is about"


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_every_sample_is_described_by_its_name_and_id(sample: Path) -> None:
    detail = read(sample)["detail"]
    assert describe(read(sample)) == f"{detail['eventName']} ({detail['eventID']})"


@pytest.mark.parametrize(
    ("event", "subject"),
    [
        ({"account_id": "222233334444"}, ACCOUNT),
        ({"account_id": "222233334444", "reason": "sweep"}, ACCOUNT),
        (about(requestParameters={"resourceId": "222233334444"}), ACCOUNT),
        (about(requestParameters={"accountId": "222233334444", "sourceParentId": "r-ab12"}), ACCOUNT),
        (
            about(requestParameters=None, serviceEventDetails={"a": {"b": {"accountId": "222233334444"}}}),
            ACCOUNT,
        ),
        (about(serviceEventDetails={"accounts": [{"accountId": "222233334444"}]}), ACCOUNT),
        (about(requestParameters={"resourceId": "ou-ab12-consumers"}), Subject(Kind.UNIT, "ou-ab12-consumers")),
        (about(requestParameters={"resourceId": "r-ab12"}), Subject(Kind.UNIT, "r-ab12")),
        (about(requestParameters={"resourceId": "p-examplepolicyid"}), Subject(Kind.OTHER, "p-examplepolicyid")),
        (about(requestParameters={"resourceId": "o-exampleorgid"}), Subject(Kind.OTHER, "o-exampleorgid")),
        (about(requestParameters={"resourceId": "rp-example"}), Subject(Kind.OTHER, "rp-example")),
    ],
)
def test_the_id_is_found_wherever_aws_or_we_put_it(event: dict[str, Any], subject: Subject) -> None:
    assert find_subject(event) == subject


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        ["222233334444"],
        "222233334444",
        222233334444,
        {},
        {"detail": None},
        {"detail": "text"},
        {"account_id": 222233334444},
        {"account_id": "22223333444"},
        {"account_id": "222233334444\n"},
        {"account_id": "٢٢٢٢٣٣٣٣٤٤٤٤"},
        about(requestParameters={"resourceId": "x-unknown"}),
        about(requestParameters={"resourceId": "x-unknown", "accountId": "ou-ab12-consumers"}),
        about(requestParameters=["222233334444"]),
        about(responseElements={"accountId": "222233334444"}),
        {"account": "222233334444", "detail": {"userIdentity": {"accountId": "222233334444"}}},
    ],
)
def test_an_event_without_an_id_we_know_is_refused_and_never_guessed(event: Any) -> None:
    with pytest.raises(NoAccountInEvent):
        find_subject(event)


def test_the_refusal_says_what_was_looked_for_and_what_was_found() -> None:
    with pytest.raises(NoAccountInEvent) as refused:
        find_subject(about(requestParameters={"resourceId": "x-unknown"}))
    assert str(refused.value) == (
        "no account id in TagResource (e-1): looked for 12 digits in quotes under account_id, accountId, resourceId "
        "in requestParameters and serviceEventDetails; found 'x-unknown'"
    )


def test_a_refusal_stays_short_whatever_the_event_holds() -> None:
    with pytest.raises(NoAccountInEvent) as refused:
        find_subject(about(serviceEventDetails=[{"accountId": f"{number}" * 1000} for number in range(100)]))
    assert str(refused.value).endswith(" and 95 more")
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (None, "an input that is no object (NoneType)"),
        (["222233334444"], "an input that is no object (list)"),
        ({"detail": {"eventName": "TagResource"}, "id": "env-1"}, "TagResource (env-1)"),
        ({"detail": {"eventName": "TagResource"}}, "TagResource (no id)"),
        ({"reason": "sweep", "detail-type": "Scheduled Event"}, "sweep"),
        ({"detail-type": "Scheduled Event", "detail": {}}, "Scheduled Event"),
        ({}, "an input without detail"),
    ],
)
def test_an_event_is_described_in_a_few_words(event: Any, words: str) -> None:
    assert describe(event) == words


@given(account=digits, path=st.lists(words, max_size=5), key=st.sampled_from(["accountId", "resourceId"]))
def test_the_id_is_found_at_any_depth_of_the_service_events_details(account: str, path: list[str], key: str) -> None:
    details: dict[str, Any] = {key: account}
    for part in reversed(path):
        details = {part: details}
    assert find_subject(about(serviceEventDetails=details)) == Subject(Kind.ACCOUNT, account)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=14),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(event=json_values | st.fixed_dictionaries({"detail": json_values, "account_id": json_values}))
def test_no_input_makes_it_stumble_or_answer_anything_but_an_id(event: Any) -> None:
    try:
        found = find_subject(event)
    except NoAccountInEvent:
        return
    assert found.kind is not Kind.ACCOUNT or (len(found.id) == 12 and found.id.isascii() and found.id.isdigit())
