"""The pattern matcher against the cases EventBridge's documentation and published matcher decide."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.aws.event_pattern import InvalidEventPattern, matches, validate

TAGGED = {
    "source": "aws.organizations",
    "detail": {
        "requestParameters": {
            "resourceId": "777788889999",
            "tags": [{"key": "owner", "value": "ann"}, {"key": "quick-athena", "value": "enabled"}],
        }
    },
}


def tags(**wanted: list[Any]) -> dict[str, Any]:
    """A pattern on the tags of a TagResource event."""
    return {"detail": {"requestParameters": {"tags": wanted}}}


# each row: what it shows, what the pattern wants of field x, its value in the event, whether they match
ONE_FIELD: list[tuple[str, list[Any], Any, bool]] = [
    ("an equal string", ["a"], "a", True),
    ("another case", ["a"], "A", False),
    ("one of several", ["a", "b"], "b", True),
    ("a number", [300], 300, True),
    ("a number written otherwise", [300], 300.0, False),
    ("a number against its digits", [1], "1", False),
    ("true is not one", [1], True, False),
    ("one is not true", [True], 1, False),
    ("a boolean", [False], False, True),
    ("null", [None], None, True),
    ("null is not empty", [None], "", False),
    ("empty", [""], "", True),
    ("empty is not null", [""], None, False),
    ("any element of an array", ["b"], ["a", "b"], True),
    ("no element of an array", ["c"], ["a", "b"], False),
    ("an element of nested arrays", ["b"], [["a"], ["b"]], True),
    ("prefix", [{"prefix": "ou-"}], "ou-1", True),
    ("prefix elsewhere", [{"prefix": "ou-"}], "x-ou-", False),
    ("the empty prefix fits every string", [{"prefix": ""}], "x", True),
    ("prefix of a number", [{"prefix": "1"}], 12, False),
    ("prefix in any case", [{"prefix": {"equals-ignore-case": "OU-"}}], "ou-1", True),
    ("suffix", [{"suffix": ".png"}], "a.png", True),
    ("suffix elsewhere", [{"suffix": ".png"}], "a.png.txt", False),
    ("suffix in any case", [{"suffix": {"equals-ignore-case": ".PNG"}}], "a.png", True),
    ("equals-ignore-case", [{"equals-ignore-case": "Alice"}], "aLICE", True),
    ("equals-ignore-case of another", [{"equals-ignore-case": "Alice"}], "Bob", False),
    ("anything-but a string", [{"anything-but": "a"}], "b", True),
    ("anything-but that string", [{"anything-but": "a"}], "a", False),
    ("anything-but a list", [{"anything-but": ["a", "b"]}], "b", False),
    ("anything-but numbers", [{"anything-but": [1, 2]}], 3, True),
    ("anything-but needs one element only", [{"anything-but": ["a"]}], ["a", "b"], True),
    ("anything-but a prefix", [{"anything-but": {"prefix": "ou-"}}], "ou-1", False),
    ("anything-but prefixes", [{"anything-but": {"prefix": ["ou-", "r-"]}}], "777788889999", True),
    ("anything-but a suffix", [{"anything-but": {"suffix": "z"}}], "az", False),
    ("anything-but in any case", [{"anything-but": {"equals-ignore-case": ["A", "B"]}}], "b", False),
    ("anything-but a wildcard", [{"anything-but": {"wildcard": "a*c"}}], "abc", False),
    ("numeric", [{"numeric": [">", 0, "<=", 5]}], 5, True),
    ("numeric outside", [{"numeric": [">", 0, "<=", 5]}], 0, False),
    ("numeric equal", [{"numeric": ["=", 300]}], 300.0, True),
    ("numeric of a string", [{"numeric": ["=", 300]}], "300", False),
    ("numeric of true", [{"numeric": ["=", 1]}], True, False),
    ("wildcard", [{"wildcard": "dir/*.png"}], "dir/sub/a.png", True),
    ("wildcard elsewhere", [{"wildcard": "dir/*.png"}], "dir/a.txt", False),
    ("an escaped star", [{"wildcard": r"a\*b"}], "a*b", True),
    ("an escaped star is no wildcard", [{"wildcard": r"a\*b"}], "axb", False),
    ("an escaped backslash", [{"wildcard": r"a\\*"}], r"a\b", True),
    ("a dot is a dot", [{"wildcard": "a.b"}], "axb", False),
    ("exists", [{"exists": True}], None, True),
    ("exists is for leaves", [{"exists": True}], {"y": 1}, False),
    ("an empty array is absent", [{"exists": False}], [], True),
    ("present", [{"exists": False}], "a", False),
    ("either of two operators", [{"prefix": "a"}, {"suffix": "z"}], "xz", True),
]


@pytest.mark.parametrize(
    ("wanted", "value", "expected"), [row[1:] for row in ONE_FIELD], ids=[row[0] for row in ONE_FIELD]
)
def test_one_field(wanted: list[Any], value: Any, expected: bool) -> None:  # noqa: FBT001 - a table's column
    assert matches({"x": wanted}, {"x": value}) is expected


# each row: what it shows, the pattern, the event, whether they match
EVENTS: list[tuple[str, dict[str, Any], dict[str, Any], bool]] = [
    ("every field must match", {"a": [1], "b": [2]}, {"a": 1, "b": 3}, False),
    ("fields the pattern doesn't name don't matter", {"a": [1]}, {"a": 1, "b": 3}, True),
    ("a missing field", {"a": [1]}, {"b": 1}, False),
    ("anything-but needs the field", {"a": [{"anything-but": "x"}]}, {"b": "y"}, False),
    ("absent or a value", {"a": ["x", {"exists": False}]}, {"b": 1}, True),
    ("absent inside what is absent", {"detail": {"errorCode": [{"exists": False}]}}, {"source": "s"}, True),
    ("a nested field", {"detail": {"state": ["ok"]}}, {"detail": {"state": "ok"}}, True),
    ("a key in an array of objects", tags(key=["quick-athena"]), TAGGED, True),
    ("no such key in the array", tags(key=["cost-center"]), TAGGED, False),
    ("two fields of one element", tags(key=["quick-athena"], value=["enabled"]), TAGGED, True),
    ("two fields of two elements", tags(key=["owner"], value=["enabled"]), TAGGED, False),
    ("a field no element has", tags(nothing=[{"exists": False}]), TAGGED, True),
    ("a field one element has", {"a": {"b": [{"exists": False}]}}, {"a": [{"b": 1}, {"c": 2}]}, False),
    (
        "absent in the element matched before it",
        {"a": {"key": ["x"], "value": [{"exists": False}]}},
        {"a": [{"key": "x"}, {"key": "y", "value": 1}]},
        True,
    ),
    (
        "elements of different arrays are free",
        {"a": {"k": ["x"]}, "b": {"k": ["y"]}},
        {"a": [{"k": "x"}], "b": [{"k": "n"}, {"k": "y"}]},
        True,
    ),
    (
        "elements of inner arrays belong to their outer element",
        {"a": {"k": ["x"], "b": {"v": [2]}}},
        {"a": [{"k": "x", "b": [{"v": 1}]}, {"k": "y", "b": [{"v": 2}]}]},
        False,
    ),
    ("either branch", {"$or": [{"a": [1]}, {"b": [2]}]}, {"b": 2}, True),
    ("neither branch", {"$or": [{"a": [1]}, {"b": [2]}]}, {"b": 3}, False),
    ("a branch and its neighbour", {"c": [3], "$or": [{"a": [1]}, {"b": [2]}]}, {"a": 1, "c": 4}, False),
    ("a nested $or", {"d": {"$or": [{"a": [1]}, {"b": [2]}]}}, {"d": {"a": 1}}, True),
    (
        "two $or",
        {"$or": [{"a": [1]}, {"b": [1]}], "d": {"$or": [{"a": [1]}, {"b": [1]}]}},
        {"b": 1, "d": {"a": 1}},
        True,
    ),
]


@pytest.mark.parametrize(("pattern", "event", "expected"), [row[1:] for row in EVENTS], ids=[row[0] for row in EVENTS])
def test_whole_events(pattern: dict[str, Any], event: dict[str, Any], expected: bool) -> None:  # noqa: FBT001 - a table's column
    assert matches(pattern, event) is expected


INVALID: list[tuple[dict[str, Any], str]] = [
    ({}, "at least one field"),
    ({"a": {}}, "'a' must be an object with at least one field"),
    ({"a": "x"}, "'a' must be an object or an array"),
    ({"detail": {"a": 1}}, "'detail.a' must be an object or an array"),
    ({"a": []}, "Empty arrays"),
    ({"a": [["x"]]}, "Arrays of arrays"),
    ({"a": [{"matches": "x"}]}, "Unrecognized match type matches, in 'a'"),
    ({"a": [{"cidr": "10.0.0.0/24"}]}, "Unrecognized match type cidr"),
    ({"a": [{"prefix": "x", "suffix": "y"}]}, "Only one key"),
    ({"a": [{}]}, "Only one key"),
    ({"a": [{"prefix": 1}]}, "prefix match pattern must be a string"),
    ({"a": [{"suffix": {"anything-but": "x"}}]}, "suffix allows"),
    ({"a": [{"exists": "true"}]}, "true or false"),
    ({"a": [{"exists": 0}]}, "true or false"),
    ({"a": [{"numeric": [">"]}]}, "Invalid numeric"),
    ({"a": [{"numeric": ["!=", 1]}]}, "Invalid numeric"),
    ({"a": [{"numeric": ["<", 5, ">", 1]}]}, "Invalid numeric range"),
    ({"a": [{"numeric": [">", 5, "<", 1]}]}, "Invalid numeric range"),
    ({"a": [{"anything-but": []}]}, "Empty arrays"),
    ({"a": [{"anything-but": ["x", 1]}]}, "not both"),
    ({"a": [{"anything-but": {"exists": True}}]}, "Unsupported anything-but match type exists"),
    ({"a": [{"wildcard": "a**"}]}, "Consecutive wildcard"),
    ({"a": [{"wildcard": r"a\b"}]}, "Invalid escape"),
    ({"$or": [{"a": [1]}]}, "at least two"),
    ({"$or": [{"a": [1]}, {}]}, "at least one field"),
]


@pytest.mark.parametrize(("pattern", "words"), INVALID)
def test_a_pattern_eventbridge_refuses_is_refused_with_the_reason(pattern: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidEventPattern, match=words):
        validate(pattern)


def test_an_invalid_pattern_matches_nothing_and_says_so() -> None:
    with pytest.raises(InvalidEventPattern):
        matches({"a": "x"}, {"a": "x"})


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
KEYS = st.text("abc", min_size=1, max_size=3)
TREES = st.recursive(SCALARS, lambda inner: st.dictionaries(KEYS, inner, min_size=1, max_size=3), max_leaves=8)
OBJECTS = st.dictionaries(KEYS, TREES, min_size=1, max_size=4)


def as_pattern(event: Any) -> Any:
    """The pattern that asks for exactly these values."""
    return {key: as_pattern(value) for key, value in event.items()} if isinstance(event, dict) else [event]


@given(OBJECTS)
def test_every_event_matches_the_pattern_made_of_its_own_values(event: dict[str, Any]) -> None:
    assert matches(as_pattern(event), event)


@given(OBJECTS, OBJECTS)
def test_a_repeated_or_mixed_in_element_never_hides_the_one_that_matches(
    event: dict[str, Any], other: dict[str, Any]
) -> None:
    assert matches({"all": as_pattern(event)}, {"all": [other, event, event]})


@given(KEYS, SCALARS, SCALARS)
def test_present_and_absent_exclude_each_other(key: str, value: Any, other: Any) -> None:
    event = {key: value, "z": other}
    assert matches({key: [{"exists": True}]}, event)
    assert not matches({key: [{"exists": False}]}, event)
    assert matches({key + "z": [{"exists": False}]}, event)


@given(st.text(max_size=8), st.text(max_size=8))
def test_a_value_is_either_the_text_or_anything_but_it(value: str, text: str) -> None:
    assert matches({"a": [text]}, {"a": value}) != matches({"a": [{"anything-but": text}]}, {"a": value})


@given(st.text(max_size=8).map(lambda text: text.replace("\\", "")), st.text(max_size=8))
def test_a_prefix_is_a_wildcard_with_a_star_behind_it(prefix: str, rest: str) -> None:
    wildcard = {"a": [{"wildcard": prefix.replace("*", "\\*") + "*"}]}
    for value in (prefix + rest, rest):
        assert matches({"a": [{"prefix": prefix}]}, {"a": value}) == matches(wildcard, {"a": value})
