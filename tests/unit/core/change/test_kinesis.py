"""A Kinesis record in Lambda's form: read back as it was made."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from afterbay.core.change.kinesis import NUMBER_DIGITS_MAX, envelope_of, kinesis_record, raw_from_kinesis
from afterbay.errors import RecordError

ARN = "arn:aws:kinesis:eu-west-1:000000000000:stream/clicks"
NUMBER = "49590338271490256608559692538361571095921575989136588898"
NOON = datetime(2026, 9, 17, 12, 0, 0, 123_000, UTC)


def record(number: str = NUMBER, data: bytes = b"\xff\x00 hello"):
    return kinesis_record(
        stream_arn=ARN, shard="s-0", sequence_number=number, partition_key="é", data=data, arrived=NOON, role="r"
    )


def test_a_record_is_read_back_as_it_was_made():
    made = record()
    read = raw_from_kinesis(made.body)
    told = [(one.body, one.position, one.key, one.created_s, one.event_name) for one in (made, read)]
    assert told[0] == told[1]
    envelope = envelope_of(made.body)
    assert (envelope.partitionKey, envelope.sequenceNumber, envelope.data) == ("é", NUMBER, b"\xff\x00 hello")
    assert envelope.approximateArrivalTimestamp == NOON.timestamp()


@pytest.mark.parametrize("number", ["", "0", "012", "-1", "x", "9" * (NUMBER_DIGITS_MAX + 1), "٣"])
def test_a_number_that_is_none_is_refused(number):
    with pytest.raises(RecordError, match="leading zero"):
        record(number)
    body = json.loads(record().body)
    body["kinesis"]["sequenceNumber"] = number
    with pytest.raises(RecordError, match="leading zero"):
        raw_from_kinesis(json.dumps(body).encode())


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'{"eventName":"INSERT","dynamodb":{}}', b"[" * 100_000])
def test_what_is_no_such_record_is_refused(body):
    for read in (raw_from_kinesis, envelope_of):
        with pytest.raises(RecordError, match="no record of a Kinesis stream"):
            read(body)
