"""Which service an unsigned request means, as of `curl`."""

from __future__ import annotations

import pytest

from afterbay.endpoint.protocol import Request
from afterbay.endpoint.routing import route, wire_protocol

FORM = {"content-type": "application/x-www-form-urlencoded"}


def asked(path: str, headers: dict[str, str], body: bytes) -> Request:
    return Request("POST", path, "", headers, body, "")


@pytest.mark.parametrize("body", [b"{}", b'{"a": "b=c"}', b""])
def test_a_body_of_curl_is_no_form(body: bytes) -> None:
    invoke = asked("/2015-03-31/functions/orders/invocations", FORM, body)
    assert route(invoke).service == "lambda"
    assert wire_protocol("lambda", invoke) == "rest-json"


def test_a_form_with_an_action_is_a_query() -> None:
    publish = asked("/", FORM, b"Action=Publish&Version=2010-03-31&Message=hello")
    assert (route(publish).service, route(publish).operation) == ("sns", "Publish")


def test_a_target_names_the_service() -> None:
    listed = asked("/", FORM | {"x-amz-target": "DynamoDB_20120810.ListTables"}, b"{}")
    assert (route(listed).service, route(listed).operation) == ("dynamodb", "ListTables")
