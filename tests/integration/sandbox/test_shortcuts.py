"""What was worked out before is what moto works out: each answer, also a later one, is that of its own way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import moto.core.parse
import pytest
import xmltodict  # type: ignore[import-untyped]  # moto's
from botocore.exceptions import ClientError
from botocore.parsers import BaseJSONParser, JSONParser
from moto.core.serialize import JSONSerializer, QuerySerializer, ResponseSerializer, XFormedAttributePicker
from moto.core.utils import get_service_model

from sandbox.aws import dynamodb_expressions, members, shortcuts, xml_answers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.aws.cloud import Cloud

TABLE, KEY = "things", {"pk": {"S": "a"}, "sk": {"S": "b"}}
LETTERS: dict[str, Any] = {":n": {"N": "1"}, ":s": {"SS": ["x"]}, ":t": {"S": "text"}}
NAMES = {"#n": "number", "#k": "pk", "#m": "map"}
EXPRESSIONS = [
    "SET #n = if_not_exists(#n, :n) + :n, #m = :t",
    "SET a = :t, b = :n, c = :t, d = :s REMOVE e, f ADD g :n DELETE h :s",
    "ADD g :n, h :s",
    "REMOVE listed[0], listed[2]",
    "SET #m.inside = :t",
    "SET a = :t, a = :n",
    "SET #n = :t, #n = :n",
    "SET a.b = :t, a = :n",
    "SET a = :t SET b = :t",
    "ADD g :n ADD h :n",
    "REMOVE a REMOVE b",
    "SET #k = :t",
    "SET pk = :t",
    "SET a = :unknown",
    "SET a = absent",
    "ADD a :t",
    "SET",
]


@pytest.fixture
def table(cloud: Cloud) -> Iterator[Any]:
    """A client for a table with one item."""
    with cloud.administering(cloud.topology.hub):
        client = cloud.client("dynamodb")
        client.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in KEY],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client


def _after(table: Any, expression: str) -> Any:
    """What an update answers, and what the item is then: it always begins as the same item."""
    listed = {"L": [{"N": "1"}, {"N": "2"}, {"N": "3"}]}
    table.put_item(TableName=TABLE, Item={**KEY, "e": {"N": "1"}, "h": {"SS": ["x", "y"]}, "listed": listed})
    names = {name: real for name, real in NAMES.items() if name in expression}
    values = {name: value for name, value in LETTERS.items() if name in expression}
    given: dict[str, Any] = {"ExpressionAttributeNames": names} if names else {}
    given |= {"ExpressionAttributeValues": values} if values else {}
    try:
        answer = table.update_item(
            TableName=TABLE, Key=KEY, UpdateExpression=expression, ReturnValues="UPDATED_NEW", **given
        )
        said = answer["Attributes"]
    except ClientError as error:
        said = error.response["Error"]
    return said, table.get_item(TableName=TABLE, Key=KEY)["Item"]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_update_does_and_says_what_it_does_and_says_in_motos_own_way(
    table: Any, monkeypatch: pytest.MonkeyPatch, expression: str
) -> None:
    with monkeypatch.context() as patch:
        for (owner, name), own in dynamodb_expressions.MOTOS_OWN.items():
            patch.setattr(owner, name, own)
        expected = _after(table, expression)
    assert [_after(table, expression) for _ in range(3)] == [expected] * 3


def test_an_expression_that_passed_with_some_names_is_checked_with_others(table: Any) -> None:
    def update(names: dict[str, str]) -> None:
        table.update_item(
            TableName=TABLE,
            Key=KEY,
            UpdateExpression="SET #one = :t, #two = :t",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={":t": LETTERS[":t"]},
        )

    update({"#one": "a", "#two": "b"})
    with pytest.raises(ClientError, match="overlap"):
        update({"#one": "a", "#two": "a"})
    with pytest.raises(ClientError, match="part of the key"):
        update({"#one": "a", "#two": "sk"})


QUERIES: tuple[dict[str, Any], ...] = (
    {"KeyConditionExpression": "pk = :p"},
    {"KeyConditionExpression": "pk = :p", "ScanIndexForward": False, "Limit": 2},
    {"KeyConditionExpression": "pk = :p AND begins_with(sk, :s)"},
    {"KeyConditionExpression": "pk = :p", "ExclusiveStartKey": {"pk": {"S": "p1"}, "sk": {"S": "s1"}}},
    {"KeyConditionExpression": "pk = :p AND sk > :s", "Limit": 1},
    {"KeyConditionExpression": "pk = :p", "FilterExpression": "n = :s"},
)


@pytest.mark.parametrize("partition", ["p1", "p2", "nothing"])
@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_a_query_answers_what_it_answers_in_motos_own_way(
    table: Any, monkeypatch: pytest.MonkeyPatch, query: dict[str, Any], partition: str
) -> None:
    for number in (10, 2, 1, 0):
        for key in ("p2", "p1"):
            table.put_item(
                TableName=TABLE, Item={"pk": {"S": key}, "sk": {"S": f"s{number}"}, "n": {"S": f"s{number % 2}"}}
            )
    values = {":p": {"S": partition}} | ({":s": {"S": "s1"}} if ":s" in str(query) else {})

    def answer() -> Any:
        found = table.query(TableName=TABLE, ExpressionAttributeValues=values, **query)
        return found["Items"], found["Count"], found["ScannedCount"], found.get("LastEvaluatedKey")

    with monkeypatch.context() as patch:
        for (owner, name), own in dynamodb_expressions.MOTOS_OWN.items():
            patch.setattr(owner, name, own)
        expected = answer()
    assert [answer() for _ in range(2)] == [expected] * 2
    assert partition == "nothing" or expected[0]


@pytest.mark.parametrize(
    ("operation", "value"),
    [
        ("DescribeDataSource", {"DataSource": 1, "request_id": 2, "Status": 3}),
        ("DescribeDataSource", {"data_source": 1, "DataSource": None}),
        ("DescribeDataSource", {}),
        ("ListDataSources", {"Sources": 1, "NextToken": "x", "next_token": "y"}),
    ],
)
def test_a_member_is_found_under_the_names_moto_looks_under(operation: str, value: dict[str, Any]) -> None:
    model = get_service_model("quicksight").operation_model(operation)
    picker = XFormedAttributePicker()
    serializer = JSONSerializer(operation_model=model, value_picker=picker)
    for key, shape in model.output_shape.members.items():
        shape.parent = model.output_shape
        expected = members._get_value(serializer, value, key, shape)
        assert [ResponseSerializer.get_value(serializer, value, key, shape) for _ in range(2)] == [expected] * 2


ANSWERS: list[tuple[str, str, dict[str, Any]]] = [
    ("dynamodb", "GetItem", {"Item": {"pk": {"S": "a"}, "n": {"N": "1", "S": None}, "l": {"L": [{"BOOL": False}]}}}),
    ("dynamodb", "GetItem", {"ConsumedCapacity": {"TableName": "t"}, "unknown": 1, "Item": {}}),
    ("quicksight", "DescribeDataSource", {"Status": 200, "data_source": {"arn": "x", "Name": "n", "type": "ATHENA"}}),
    ("quicksight", "DescribeDataSource", {"DataSource": {"Type": "ATHENA", "Arn": "a", "arn": "b"}, "RequestId": "r"}),
    ("organizations", "DescribeAccount", {"Account": {"Name": "n", "Id": "1", "JoinedTimestamp": 0}}),
    ("dynamodb", "GetItem", {}),
]


@pytest.mark.parametrize(("service", "operation", "value"), ANSWERS, ids=str)
def test_a_structure_is_written_and_read_as_in_motos_and_botocores_own_way(
    service: str, operation: str, value: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def written_and_read() -> str:
        """In the order of the members."""
        model = get_service_model(service).operation_model(operation)
        serializer = JSONSerializer(operation_model=model, value_picker=XFormedAttributePicker())
        written: dict[str, Any] = {}
        serializer._serialize(written, value, model.output_shape, "")
        reader: Any = JSONParser()
        requests: Any = moto.core.parse.JSONParser(model)
        read = reader._parse_shape(model.output_shape, written)
        return repr((written, read, requests._parse_shape(model.output_shape, written)))

    short = [written_and_read() for _ in range(2)]
    monkeypatch.setattr(ResponseSerializer, "get_value", members._get_value)
    monkeypatch.setattr(ResponseSerializer, "_serialize_type_structure", members._serialize_structure)
    monkeypatch.setattr(moto.core.parse.BaseJSONParser, "_parse_structure", members._parse_request)
    monkeypatch.setattr(BaseJSONParser, "_handle_structure", members._parse_answer)
    assert short == [written_and_read()] * 2


TREES: list[Any] = [
    {"R": {"@xmlns": 'https://iam/<&"', "A": "<a> & \"b\" 'c' é", "N": 1, "F": 1.5, "T": True, "E": "", "O": None}},
    {"R": {"L": [{"a": 1}, "x", None, {}], "Empty": [], "D": {}, "Deep": {"M": {"member": [{"K": "v", "E": []}]}}}},
    {"R": "text", "S": [1, 2]},
    {"R": {"@a": "b"}},
    {"R": {"@a": "b", "L": []}},
]
UNUSUAL: list[Any] = [{"R": {"#text": "x"}}, {"R": b"x"}, {"R": [[1]]}, {"R": {"@a": None}}, {"R": (1, 2)}]


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_an_answer_in_xml_is_what_xmltodict_writes(tree: Any) -> None:
    assert xml_answers.written(tree) == xmltodict.unparse(tree, full_document=False, short_empty_elements=True)


@pytest.mark.parametrize("tree", UNUSUAL, ids=str)
def test_what_xmltodict_has_rules_for_it_writes_itself(tree: Any) -> None:
    with pytest.raises(xml_answers.Unusual):
        xml_answers.written(tree)
    serializer = QuerySerializer(get_service_model("iam").operation_model("GetRole"))
    assert serializer._serialize_body(tree) == xmltodict.unparse(tree, full_document=False, short_empty_elements=True)


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("dynamodb", "GetItem", {"TableName": TABLE}),
        ("dynamodb", "GetItem", {"TableName": f"arn:aws:dynamodb:eu-west-1:123456789012:table/{TABLE}"}),
        ("dynamodb", "GetItem", {}),
        ("dynamodb", "ListTables", None),
        ("dynamodb", "BatchGetItem", {"RequestItems": {TABLE: {}}}),
        ("iam", "GetRole", {"RoleName": "x"}),
        ("s3", "GetObject", {"Bucket": "first", "Key": "k"}),
        ("s3", "GetObject", {"Bucket": "second", "Key": "k"}),
    ],
)
def test_a_call_goes_where_botocore_sends_it(service: str, operation: str, arguments: Any) -> None:
    client: Any = boto3.client(
        service, "eu-west-1", aws_access_key_id="AKIA", aws_secret_access_key="x", aws_account_id="123456789012"
    )  # type: ignore[call-overload]  # any service
    resolver, model = client._ruleset_resolver, client.meta.service_model.operation_model(operation)
    context: dict[str, Any] = {"client_config": client.meta.config, "signing": {"signing_name": service}}
    expected = shortcuts._construct_endpoint(resolver, model, arguments, dict(context))
    assert [resolver.construct_endpoint(model, arguments, dict(context)) for _ in range(2)] == [expected] * 2


def test_an_account_in_the_endpoint_is_the_one_that_acts_now() -> None:
    client: Any = boto3.client("dynamodb", "eu-west-1", aws_access_key_id="AKIA", aws_secret_access_key="x")
    resolver, model = client._ruleset_resolver, client.meta.service_model.operation_model("GetItem")
    for account in ("111111111111", "222222222222", "111111111111"):
        resolver._builtins["AWS::Auth::AccountId"] = lambda account=account: account
        assert account in resolver.construct_endpoint(model, {"TableName": TABLE}, {}).url
