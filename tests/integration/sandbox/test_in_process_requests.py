"""What moto sees of a request is what it would see of one that it built itself."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.awsrequest import AWSRequest
from moto.core.request import Request
from moto.core.responses import BaseResponse

from sandbox.aws import in_process_requests

JSON = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": b"DynamoDB_20120810.GetItem"}
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
REQUESTS = [
    AWSRequest("POST", "https://dynamodb.eu-west-1.amazonaws.com/", headers=JSON, data=b'{"TableName": "a&b=c"}'),
    AWSRequest("POST", "https://iam.amazonaws.com/", headers=FORM, data={"Action": "GetRole", "RoleName": "é"}),
    AWSRequest("GET", "https://quicksight.eu-west-1.amazonaws.com/accounts/1/data-sources?max-results=2&x=a%20b"),
    AWSRequest("PUT", "https://s3.eu-west-1.amazonaws.com/bucket/a%2Fb%20%C3%A9", data="text"),
    AWSRequest("PUT", "https://bucket.s3.eu-west-1.amazonaws.com/k", headers={"x-amz-meta-my_key": "1", "Host": "h"}),
    AWSRequest("DELETE", "http://127.0.0.1:8080", headers={"Transfer-Encoding": "chunked", "Content-Length": "3"}),
]


@pytest.mark.parametrize("request_", [each.prepare() for each in REQUESTS], ids=lambda each: each.url)
def test_it_is_built_as_moto_builds_it(request_: Any) -> None:
    by_moto = Request.from_primitives(request_.method, request_.url, request_.headers, request_.body)
    for _ in range(2):  # the second is built of what the first left
        built = in_process_requests.build(request_)
        assert _plain(built) == _plain(by_moto)
        assert built.data == by_moto.data
        assert built.raw_url == by_moto.raw_url
        assert sorted(built.headers) == sorted(by_moto.headers)


@pytest.mark.parametrize("request_", [each.prepare() for each in REQUESTS], ids=lambda each: each.url)
@pytest.mark.parametrize("more", [{}, {"SCRIPT_NAME": "/below"}, {"RAW_URI": "//a%2Fb?x=1"}, {"HTTP_HOST": "else:1"}])
def test_its_url_is_spelled_as_moto_spells_it(request_: Any, more: dict[str, str]) -> None:
    built = Request({**in_process_requests.build(request_).environ, **more})
    assert [built.raw_url] * 2 == [in_process_requests._spell_raw_url(built)] * 2


def test_without_a_host_the_servers_name_is_in_its_url() -> None:
    request = Request({"wsgi.url_scheme": "http", "SERVER_NAME": "here", "SERVER_PORT": "81", "PATH_INFO": "/p"})
    assert request.raw_url == in_process_requests._spell_raw_url(request) == "http://here:81/p"


def test_a_json_body_is_no_form() -> None:
    body = b'{"Value": "a&Action=DeleteTable"}'
    response = BaseResponse("dynamodb")
    sent: Any = AWSRequest("POST", "https://dynamodb.eu-west-1.amazonaws.com/", headers=JSON, data=body).prepare()
    received = in_process_requests.build(sent)
    in_process_requests.take()
    response.setup_class(received, received.raw_url, received.headers)
    assert response._get_action() == "GetItem"


def _plain(request: Request) -> dict[str, Any]:
    own = {"wsgi.input", "wsgi.errors", "werkzeug.request"}
    return {key: value for key, value in request.environ.items() if key not in own}
