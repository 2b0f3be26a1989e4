"""Payloads that sources wrap as text are parsed on the way (X37)."""

from __future__ import annotations

from base64 import b64encode

import pytest

from afterbay.core.template.event import Event
from afterbay.core.template.exact import compact
from afterbay.core.template.implicit import check_source, parse_fields
from afterbay.core.template.path import MISSING
from afterbay.errors import SettingsError


def base64(text: str) -> str:
    return b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("body", "parsed"),
    [
        ('{"k": 1}', {"k": 1}),
        (" [1, 2]\n", [1, 2]),
        ("12", 12),
        ("true", True),
        ("null", None),
        ('"quoted"', "quoted"),
        ('{"inner": "{\\"z\\":1}"}', {"inner": '{"z":1}'}),
        ("plain words", "plain words"),
        ("", ""),
        ("00123", "00123"),
        ("{broken", "{broken"),
        ("NaN", "NaN"),
        ('{"a": 1} trailing', '{"a": 1} trailing'),
    ],
)
def test_a_message_body_is_parsed_if_it_is_json(body, parsed):
    record = {"messageId": "m", "body": body}
    assert Event(record, "sqs").parsed == {"messageId": "m", "body": parsed}
    assert record["body"] == body, "the record itself stays"


@pytest.mark.parametrize(
    ("data", "parsed"),
    [
        (base64('{"City": "Seattle"}'), {"City": "Seattle"}),
        (base64("12"), 12),
        (base64("plain"), base64("plain")),
        (b64encode(b"\xff\x00").decode(), b64encode(b"\xff\x00").decode()),
        ("not base64!", "not base64!"),
        ('{"City": "Seattle"}', '{"City": "Seattle"}'),  # without base64 it is none
        ("eyJhIjoxfQ", "eyJhIjoxfQ"),  # its padding is lost
        ("naïve", "naïve"),
        ("", ""),
    ],
)
@pytest.mark.parametrize("source", ["kinesis", "mq"])
def test_data_is_parsed_if_base64_of_json(source, data, parsed):
    assert Event({"data": data, "body": data}, source).parsed == {"data": parsed, "body": data}


def test_kafka_has_two_payloads_each_for_itself():
    record = {"key": base64("not json"), "value": base64('{"total": 12}'), "data": base64("1")}
    assert Event(record, "kafka").parsed == {**record, "value": {"total": 12}}


@pytest.mark.parametrize("source", ["dynamodb", "none"])
def test_other_sources_have_none(source):
    record = {"body": "{}", "data": base64("{}"), "key": base64("{}"), "value": base64("{}")}
    assert parse_fields(record, source) == (record, True)


@pytest.mark.parametrize("record", ["text", 3, None, [{"body": "{}"}], {"body": {"k": 1}}, {"body": None}, {}])
def test_what_has_no_text_there_stays(record):
    assert Event(record, "sqs").parsed == record


def test_numbers_of_a_payload_keep_their_digits():
    event = Event({"body": '{"a": 1.50, "b": 123456789012345678901234567890}'}, "sqs")
    assert compact(event.parsed) == '{"body":{"a":1.50,"b":123456789012345678901234567890}}'


@pytest.mark.parametrize(
    ("record", "source", "found"),
    [
        ({"body": '{"k":1}'}, "sqs", {"body": {"k": 1}}),
        ({"body": "plain"}, "sqs", MISSING),
        ({"messageId": "m"}, "sqs", {"messageId": "m"}),
        ({"key": base64("plain"), "value": base64("1")}, "kafka", MISSING),
        ({"key": None, "value": base64("1")}, "kafka", {"key": None, "value": 1}),
        ("text of an enrichment", "none", MISSING),
        (["a"], "none", ["a"]),
        (3, "none", 3),
        (None, "none", None),
    ],
)
def test_an_event_has_a_json_form_only_if_its_payloads_are_json(record, source, found):
    """X43."""
    assert Event(record, source).json == found


def test_an_event_passes_as_its_own_bytes_or_compact():
    """X30, B24."""
    assert Event.read(b'{"a": 1.50,  "b": []}').text == '{"a": 1.50,  "b": []}'
    assert Event({"a": 1.5, "b": []}).text == '{"a":1.5,"b":[]}'
    assert Event("plain").text == "plain"


def test_an_envelope_is_of_an_object_only():
    """B46."""
    assert Event({"detail-type": "T", "detail": {"a": 1}, "id": "1"}).envelope == {"detailType": "T", "id": "1"}
    assert Event("text").envelope is MISSING


def test_a_source_that_there_is_not_is_refused():
    check_source("mq")
    with pytest.raises(SettingsError, match="'rabbit' is no source"):
        check_source("rabbit")
