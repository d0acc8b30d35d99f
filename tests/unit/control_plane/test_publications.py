"""Who publishes to whom, in which place, and what the parameters of a reader are."""

from control_plane.access_policy import Shard
from control_plane.account import Connection
from control_plane.profiles import Profile, parameters
from control_plane.publications import (
    allowed_connections,
    confirmed,
    fingerprint,
    is_reader,
    needs_parents,
    oversized,
    placed,
    publishers_of,
    readers,
    with_publishers,
    without_place,
)
from tests.unit.control_plane.test_profiles import MINIMAL
from tests.unit.control_plane.vocabulary import HUB

SELLER, OTHER_SELLER, READER, THIRD = "111122223333", "222233334444", "333344445555", "444455556666"
UNIT, ROOT = "ou-ab12-readers1", "r-ab12"


def profile(**changes: object) -> Profile:
    return Profile.model_validate({**MINIMAL, **changes})


KNOWN = {
    "default": profile(),
    "sales": profile(databases=["sales_*"], publishes_to=[READER], data_buckets=["sales-{account}", "lake/sales"]),
    "below": profile(databases=["below", "hidden"], publishes=["below"], publishes_to=[UNIT]),
}


def connections(*keys: tuple[str, str]) -> list[Connection]:
    return [Connection(account_id=account_id, profile=name) for account_id, name in keys]


def test_who_is_in_the_access_policy_publishes_through_the_profiles_that_do() -> None:
    allowed = connections((SELLER, "sales"), (SELLER, "below"), (OTHER_SELLER, "default"), (READER, "sales"))
    assert publishers_of(READER, [], KNOWN, allowed) == [f"{SELLER} sales"]
    assert publishers_of(READER, [UNIT, ROOT], KNOWN, allowed) == [f"{SELLER} below sales"]
    assert publishers_of(THIRD, [ROOT], KNOWN, allowed) == []
    assert publishers_of(THIRD, [], KNOWN, connections((SELLER, "gone"))) == []


def test_entries_that_are_no_consumer_roles_publish_nothing() -> None:
    shard = Shard(1, (f"arn:aws:iam::{SELLER}:role/quick-athena-sales", f"arn:aws:iam::{SELLER}:role/admin"))
    assert allowed_connections([shard], HUB) == connections((SELLER, "sales"))


def test_who_may_be_a_reader() -> None:
    assert is_reader(READER, [], KNOWN)
    assert is_reader(THIRD, [UNIT], KNOWN)
    assert not is_reader(THIRD, [ROOT], KNOWN)
    assert is_reader(THIRD, None, KNOWN), "nobody read its parents"
    assert not is_reader(THIRD, None, {"sales": KNOWN["sales"]})


def test_parents_are_read_only_where_an_ou_is_named() -> None:
    assert needs_parents(READER, KNOWN)
    assert not needs_parents(READER, {"sales": KNOWN["sales"], "default": KNOWN["default"]})
    both = {"both": profile(publishes_to=[READER, UNIT])}
    assert not needs_parents(READER, both)


def test_a_publisher_keeps_its_place_and_a_new_one_gets_the_first_free_one() -> None:
    first = placed([f"{SELLER} sales", f"{READER} sales"], {})
    assert first == (f"{SELLER} sales", f"{READER} sales")
    stack = {"Publisher1": SELLER, "Publisher2": READER, "Publisher3": "none"}
    assert placed([f"{READER} sales", f"{OTHER_SELLER} sales"], stack) == (f"{OTHER_SELLER} sales", f"{READER} sales")
    assert placed([f"{READER} sales"], stack) == ("", f"{READER} sales")
    assert placed([], stack) == ()


def test_there_are_ten_places() -> None:
    many = [f"{number:012} sales" for number in range(12)]
    assert placed(many, {}) == tuple(many[:10])


def test_publishers_without_a_place_are_named_with_what_to_do() -> None:
    many = [f"{number:012} sales finance" for number in range(17)]
    assert without_place(many[:10], placed(many[:10], {})) == ""
    kept = placed(many[:11], {"Publisher1": "000000000010"})
    assert without_place(many[:11], kept) == (
        "no place for the publishers 000000000009: an account reads from 10 at most. "
        "Untag publishers that it need not read, or name it in the publishes_to of fewer profiles"
    )
    assert "000000000013, 000000000014 and 2 more: an" in without_place(many, placed(many, {}))


def test_a_reader_gets_databases_and_buckets_of_its_publishers_only() -> None:
    before = parameters("default", KNOWN["default"], HUB)
    places = ("", f"{SELLER} below sales")
    after = with_publishers(before, places, KNOWN.__getitem__, HUB)
    changed = {name: value for name, value in after.items() if before[name] != value}
    glue, s3 = f"arn:aws:glue:{HUB.region}:*", "arn:aws:s3:::"
    assert changed == {
        "Publisher2": SELLER,
        "PublisherAccounts": SELLER,
        "PublishedDatabaseArns": (
            f"{glue}:database/below,{glue}:table/below/*,{glue}:database/sales_*,{glue}:table/sales_*/*"
        ),
        "PublishedDataArns": ",".join(
            [
                f"{s3}sales-data",
                f"{s3}sales-data/*",
                f"{s3}sales-{'?' * 12}",
                f"{s3}sales-{'?' * 12}/*",
                f"{s3}lake",
                f"{s3}lake/sales/*",
            ]
        ),
    }
    assert with_publishers(before, ("", ""), KNOWN.__getitem__, HUB) == before


def test_whom_to_sweep_when_an_account_begins_or_ceases_to_publish() -> None:
    both = profile(publishes_to=[UNIT, READER])
    assert readers(SELLER, both) == (READER, UNIT)
    assert readers(READER, both) == (UNIT,), "not itself"
    assert readers(SELLER, KNOWN["default"]) == readers(SELLER, None) == ()


def test_what_would_not_fit_into_a_readers_policy_is_refused() -> None:
    assert list(oversized(KNOWN)) == []
    large = {**KNOWN, "large": profile(databases=[f"database_{n:03}" for n in range(40)], publishes_to=[ROOT])}
    (fault,) = oversized(large)
    assert "in a reader's policy, which has room for 4050" in fault


def test_a_publisher_that_does_not_publish_is_left_out_whoever_named_it() -> None:
    """Whoever can write the queue of a stack set can name any account and any profile in it."""
    allowed = connections((SELLER, "sales"), (SELLER, "default"), (READER, "sales"), (OTHER_SELLER, "gone"))
    asked = (f"{SELLER} default sales", "", f"{OTHER_SELLER} sales", f"{OTHER_SELLER} gone", f"{READER} sales")
    assert confirmed(asked, [READER], allowed, KNOWN.get) == (f"{SELLER} sales", "", "", "", "")


def test_what_a_profile_exposes_is_not_opened_unless_it_publishes() -> None:
    before = parameters("default", KNOWN["default"], HUB)
    after = with_publishers(before, (f"{SELLER} default",), KNOWN.__getitem__, HUB)
    assert (after["PublishedDatabaseArns"], after["PublishedDataArns"]) == ("none", "none")


def test_another_reader_or_another_database_is_another_fingerprint_and_other_fields_are_not() -> None:
    assert fingerprint({"default": KNOWN["default"]}) == ""
    before = fingerprint(KNOWN)
    for changes in ({"publishes_to": [THIRD]}, {"databases": ["other"]}):
        changed = {**KNOWN, "sales": KNOWN["sales"].model_copy(update=changes)}
        assert fingerprint(changed) not in ("", before)
    assert fingerprint({name: each for name, each in KNOWN.items() if name != "sales"}) not in ("", before)
    assert fingerprint({**KNOWN, "sales": KNOWN["sales"].model_copy(update={"description": "other"})}) == before
