"""An event is trusted for one thing: the account's id."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.errors import NoAccountInEvent
from control_plane.events import MAX_NAMED_ACCOUNTS, Subject, SubjectKind, describe, find_subject, requested_by
from control_plane.text import LONGEST, SHORT

EVENTS = Path(__file__).parents[3] / "events"
SAMPLES = sorted(sample for folder in ("organizations", "control_tower") for sample in (EVENTS / folder).glob("*.json"))
WITHOUT_ACCOUNT = {
    "create_account.in_progress": "CreateAccount",
    "create_account_result.failed": "CreateAccountResult",
    "invite_account_to_organization.open": "InviteAccountToOrganization",
}
ABOUT_A_UNIT = {"tag_resource.organizational_unit", "tag_resource.root"}
ACCOUNT = Subject(SubjectKind.ACCOUNT, "222233334444")
MANAGEMENT = "111122223333"
KEYS = st.sampled_from(["accountId", "resourceId", "memberAccountId", "account_id"])
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
        assert find_subject(event) == Subject(SubjectKind.UNIT, event["detail"]["requestParameters"]["resourceId"])
    else:
        found = find_subject(event)
        assert found.kind is SubjectKind.ACCOUNT
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
        (about(requestParameters={"resourceId": "ou-ab12-consumers"}), Subject(SubjectKind.UNIT, "ou-ab12-consumers")),
        (about(requestParameters={"resourceId": "r-ab12"}), Subject(SubjectKind.UNIT, "r-ab12")),
        (about(requestParameters={"resourceId": "p-examplepolicyid"}), Subject(SubjectKind.OTHER, "p-examplepolicyid")),
        (about(requestParameters={"resourceId": "o-exampleorgid"}), Subject(SubjectKind.OTHER, "o-exampleorgid")),
        (about(requestParameters={"resourceId": "rp-example"}), Subject(SubjectKind.OTHER, "rp-example")),
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
        "no account id in TagResource (e-1): looked for 12 digits in quotes under account_id, resourceId and keys that "
        "end in accountId in requestParameters and serviceEventDetails; found 'x-unknown'"
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
    assert find_subject(about(serviceEventDetails=details)) == Subject(SubjectKind.ACCOUNT, account)


@pytest.mark.parametrize(
    "key", ["memberAccountId", "targetAccountId", "childAccountId", "createdAccountId", "AccountId", "accountId"]
)
def test_an_account_is_found_under_any_key_that_ends_in_accountId(key: str) -> None:  # noqa: N802
    for part in ("requestParameters", "serviceEventDetails"):
        assert find_subject(about(**{part: {"deep": [{key: "222233334444"}]}}), MANAGEMENT) == ACCOUNT


@pytest.mark.parametrize("key", ["accountIds", "accountid", "account", "accountIdentity", "ownerAccount"])
def test_other_keys_name_no_account(key: str) -> None:
    with pytest.raises(NoAccountInEvent):
        find_subject(about(requestParameters={key: "222233334444"}), MANAGEMENT)


@pytest.mark.parametrize("first", ["accountId", "memberAccountId"])
def test_the_management_account_is_the_subject_only_when_no_other_is_named(first: str) -> None:
    ids = {"accountId": MANAGEMENT, "memberAccountId": "222233334444"}
    details = {first: ids[first], **ids}
    assert find_subject(about(serviceEventDetails=details), MANAGEMENT) == ACCOUNT
    assert find_subject(
        about(requestParameters={"accountId": MANAGEMENT}, serviceEventDetails=details), MANAGEMENT
    ) == (ACCOUNT)
    assert find_subject(about(requestParameters={"resourceId": MANAGEMENT}), MANAGEMENT).id == MANAGEMENT


def test_who_made_the_call_and_who_was_told_are_not_the_subject() -> None:
    caller = {"userIdentity": {"accountId": MANAGEMENT}, "recipientAccountId": "444455556666"}
    event = {"account": "444455556666", **about(requestParameters={"memberAccountId": "222233334444"}, **caller)}
    assert find_subject(event, MANAGEMENT) == ACCOUNT


def test_an_event_that_names_several_accounts_is_about_exactly_those() -> None:
    details = {"accountId": MANAGEMENT, "moved": [{"accountId": "333344445555"}, {"memberAccountId": "222233334444"}]}
    found = find_subject(about(serviceEventDetails=details), MANAGEMENT)
    assert (found.kind, found.scope) == (SubjectKind.ACCOUNTS, ("222233334444", "333344445555"))


def test_an_event_that_names_more_accounts_than_are_assessed_one_by_one_is_about_everything() -> None:
    def named(count: int) -> tuple[str, ...]:
        ids = [{"accountId": f"{number:012}"} for number in range(count)]
        return find_subject(about(serviceEventDetails={"accounts": ids}), MANAGEMENT).scope

    assert len(named(MAX_NAMED_ACCOUNTS)) == MAX_NAMED_ACCOUNTS
    assert named(MAX_NAMED_ACCOUNTS + 1) == ("all",)


def test_who_asks_for_one_account_gets_that_one_whatever_else_the_input_has() -> None:
    event = {"account_id": "222233334444", **about(requestParameters={"accountId": "333344445555"})}
    assert find_subject(event, MANAGEMENT) == ACCOUNT


def nested(depth: int, inside: Any, *, lists: bool = False) -> Any:
    for _ in range(depth):
        inside = [inside] if lists else {"a": inside}
    return inside


@pytest.mark.parametrize("lists", [False, True])
def test_nesting_of_thousands_is_no_stumbling_block(lists: bool) -> None:  # noqa: FBT001
    deep = nested(5_000, {"accountId": "222233334444"}, lists=lists)
    assert find_subject(about(requestParameters=deep), MANAGEMENT) == ACCOUNT
    with pytest.raises(NoAccountInEvent, match="no account id"):
        find_subject(about(eventName=nested(5_000, 1, lists=lists), requestParameters={}), MANAGEMENT)


HUGE: list[Any] = [
    {"reason": "x" * 200_871},
    {"reason": nested(5_000, 1)},
    {"detail-type": ["x" * 200_871]},
    {"id": "x" * 200_871, "detail": {"eventName": "y" * 200_871}},
    {"detail": {"eventName": 10**5_000, "eventID": {"a": "x" * 200_871}}},
    {"account_id": 10**5_000},
    about(requestParameters=[{"accountId": "x" * 200_871}, {"accountId": 10**5_000}, {"accountId": "\ud800"}]),
    {"reason": "half \udc00 a pair"},
]


@pytest.mark.parametrize("event", HUGE, ids=range(len(HUGE)))
def test_whatever_the_event_holds_its_description_and_the_refusal_stay_short_and_can_be_sent(event: Any) -> None:
    assert len(describe(event).encode()) <= SHORT
    with pytest.raises(NoAccountInEvent) as refused:
        find_subject(event, MANAGEMENT)
    assert len(str(refused.value).encode()) <= LONGEST


def test_what_nothing_follows_from_is_named_in_short_too() -> None:
    found = find_subject(about(requestParameters={"resourceId": "p-" + "\ud800x" * 100_000}))
    assert (found.kind, len(found.id.encode())) == (SubjectKind.OTHER, SHORT)


any_text = st.text(st.characters(), max_size=14)  # lone surrogates too
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text | KEYS, inner, max_size=3),
    max_leaves=8,
)
details = st.fixed_dictionaries(
    {}, optional={"eventName": json_values, "eventID": json_values, "requestParameters": json_values}
)
envelopes = st.fixed_dictionaries({"detail": details | json_values}, optional={"account_id": json_values})


@given(event=json_values | envelopes | st.fixed_dictionaries({"reason": json_values}))
def test_no_input_makes_it_stumble_or_answer_anything_but_an_id(event: Any) -> None:
    assert len(describe(event).encode()) <= SHORT
    found, message = ACCOUNT, ""
    try:
        found = find_subject(event, MANAGEMENT)
    except NoAccountInEvent as refused:
        message = str(refused)
    assert len(message.encode()) <= LONGEST
    assert found.kind is not SubjectKind.ACCOUNT or (len(found.id) == 12 and found.id.isascii() and found.id.isdigit())


@pytest.mark.parametrize(
    ("event", "who"),
    [
        (
            {"detail": {"userIdentity": {"arn": "arn:aws:iam::1:user/ann", "principalId": "A"}}},
            "arn:aws:iam::1:user/ann",
        ),
        ({"detail": {"userIdentity": {"principalId": "AROA:ann"}}, "reason": "r"}, "AROA:ann"),
        ({"detail": {"userIdentity": {"arn": "", "principalId": None}}, "reason": "a person"}, "a person"),
        ({"detail": {"userIdentity": "ann"}, "reason": "a person"}, "a person"),
        ({"account_id": MANAGEMENT, "reason": "the sweep found: connect"}, "the sweep found: connect"),
        ({"reason": "zoë\nand \ud800"}, "zo??and ?"),
        ({"reason": 7}, "unknown"),
        ({}, "unknown"),
        (["reason"], "unknown"),
        (None, "unknown"),
    ],
)
def test_who_caused_an_event_is_its_caller_or_its_reason(event: Any, who: str) -> None:
    assert requested_by(event) == who


@given(st.text())
def test_who_caused_an_event_is_printable_and_bounded(reason: str) -> None:
    who = requested_by({"reason": reason * 10})
    assert len(who) <= 300
    assert who.isascii()
    assert who.isprintable()
