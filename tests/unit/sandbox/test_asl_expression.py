"""JSONata the way Step Functions evaluates it."""

import threading
from typing import Any

import pytest

from sandbox.aws.asl.effects import StateError
from sandbox.aws.asl.expression import Expression, fill, template


def value(source: str, **variables: Any) -> Any:
    return Expression(source, "Output").evaluate(variables)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("$x", {"a": [1, None], "b": None}),
        ("$x.b", None),
        ("$x.a[1]", None),
        ("$none", None),
        ("$none = null", True),
        ("null", None),
        ("{'k': $x.missing}", {}),
        ("[$x.missing]", []),
        ("$x.a[0] / 2", 0.5),
        ("10 / 5", 2),
        ("$string($x)", '{"a":[1,null],"b":null}'),
        ("$type($x.b)", "null"),
        ("[1..3].($ * 2)", [2, 4, 6]),
        ("""$parse('{"a": [1, null]}')""", {"a": [1, None]}),
        ("$parse('17') + 1", 18),
    ],
)
def test_values(source: str, expected: Any) -> None:
    found = value(source, x={"a": [1, None], "b": None}, none=None)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("$min($n)", 1),
        ("$max($n)", 5),
        ("$count($n)", 5),
        ("$count($none)", 0),
        ("$exists($n[7])", False),
        ("$string($n)", "[1,2,3,4,5]"),
        ("$partition($n, 2)", [[1, 2], [3, 4], [5]]),
        ("$partition($n, 5)", [[1, 2, 3, 4, 5]]),
        ("$partition($n, 9)", [[1, 2, 3, 4, 5]]),
        ("$partition([], 9)", []),
        ("$partition($n[$ > 4], 2)", [[5]]),
        ("$partition($n, 4 / 2)[1]", [3, 4]),
        ("$range(1, 9, 2)", [1, 3, 5, 7, 9]),
        ("$range(1, 10, 4)", [1, 5, 9]),
        ("$range(3, 1, -1)", [3, 2, 1]),
        ("$range(3, 1, 1)", []),
        ("$range(0, 0, 1)", [0]),
        ("$map($range(1, 3, 1), function($i) { $i * 2 })", [2, 4, 6]),
        ("$parse('{\"a\": [1, null]}')", {"a": [1, None]}),
        ("$parse('{\"a\": 1}').a", 1),
        ("$parse('null')", None),
        ("$parse('[]')", []),
    ],
)
def test_functions_of_jsonata_and_those_step_functions_adds(source: str, expected: Any) -> None:
    found = value(source, n=[1, 2, 3, 4, 5])
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("$x.missing", "returned nothing"),
        ("$x.b + 1", "number"),
        ("$sum", "unsupported"),
        ("{'deep': [$sum]}", "unsupported"),
        ("/a/", "unsupported"),
        ("1 / 0", "zero"),
        ("$error('no account')", "no account"),
        ("$nofunction()", "non-function"),
        ("$partition([1], 0)", "greater than zero"),
        ("$partition([1], 1.5)", "whole numbers"),
        ("$partition($x.missing, 1)", "returned nothing"),
        ("$partition([1])", "argument"),
        ("$range(1, 2, 0)", "other than zero"),
        ("$range(1, 'b', 1)", "whole numbers"),
        ("$range(1, 1001, 1) ~> $count ~> $range(0, 1)", "no more than 1000"),
        ("$parse(1)", "needs a string"),
        ("$parse('{')", "Expecting"),
        ("$parse($x.missing)", "returned nothing"),
    ],
)
def test_what_has_no_value_is_a_query_evaluation_error(source: str, reason: str) -> None:
    with pytest.raises(StateError, match=reason) as failed:
        value(source, x={"b": "text"})
    assert failed.value.error == "States.QueryEvaluationError"
    assert f"'{source}' specified for the field 'Output'" in str(failed.value.cause)


def test_a_template_keeps_its_shape_and_names_the_field_of_each_expression() -> None:
    filled = template({"a": ["{% $x %}", 1], "b": {"c": "{%$x%}", "d": None, "e": "text"}}, "Arguments")
    assert fill(filled, {"x": [1]}) == {"a": [[1], 1], "b": {"c": [1], "d": None, "e": "text"}}
    assert filled["a"][0].field == "Arguments/a[0]"
    assert filled["b"]["c"].field == "Arguments/b/c"


def test_a_value_shares_nothing_with_the_variable_it_came_from() -> None:
    original = {"list": [1]}
    found = value("$x", x=original)
    found["list"].append(2)
    assert original == {"list": [1]}


def test_threads_do_not_disturb_each_other() -> None:
    source = "$map($list, function($item) { $item * $factor }) ~> $sum"
    wrong: list[Any] = []

    def work(factor: int) -> None:
        found = [value(source, list=[1, 2, 3], factor=factor) for _ in range(50)]
        wrong.extend(answer for answer in found if answer != 6 * factor)

    threads = [threading.Thread(target=work, args=(factor,)) for factor in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


VALUES: list[Any] = [
    *(1, 1.5, "x", "", True, False, None, {}, [1], [{"b": 2}]),
    *({"b": 1}, {"b": None}, {"b": {"c": "d"}}, {"b": [1]}, {"b": {"c": [{"x": 1}]}}, {"b": {"c": {}}}),
    *({"b": {"c": {"l": [1, [2]], "n": None}}}, {"and": 1, "in": {"or": 2}}),
]
PATHS = ["$a", "$a.b", "$a.b.c", "$a.b.c.l", "$states.input.b", "$absent", "$count", "$a.and", "$a.in.or"]


@pytest.mark.parametrize("given", VALUES, ids=repr)
@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_walked_as_jsonata_walks_it(path: str, given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def found() -> Any:
        try:
            return value(path, a=given, states={"input": given})
        except StateError as error:
            return error.args

    walked = found()
    monkeypatch.setattr("sandbox.aws.asl.expression._walk", lambda *_: None)
    assert walked == found()
