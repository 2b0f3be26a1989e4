"""Dead letters as lines for people, and a look into them as JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec

from afterbay.cli.letter_lines import list_lines, show_document, show_lines
from afterbay.core.change.kinesis import kinesis_record
from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.redrive.bodies import Bodies, BodiesFrom
from afterbay.redrive.letter import DeadLetter, QueuePlace, read_letter
from afterbay.redrive.listing import Seen
from unit.redrive.world import DAY_S, FUNCTION, NOW, URL, document, later, number, record


def letter(n: int = 1, **more: object) -> DeadLetter:
    return read_letter(QueuePlace(URL, f"m-{n}"), json.dumps(document(n, n, **more)).encode(), sent_s=1767225700.0 + n)


def unknown() -> DeadLetter:
    return read_letter(QueuePlace(URL, "m-x"), b"hello", sent_s=1767225600.0)


def seen(about: DeadLetter, *records: RawRecord, **more) -> Seen:
    found = Bodies(records, come_from=BodiesFrom.STREAM) if records else Bodies()
    return Seen(about, DAY_S, bodies=more.pop("bodies", found))


def plain(told: object) -> dict:
    return json.loads(msgspec.json.encode(told))


def test_a_look_shows_records_and_names_those_that_the_filter_leaves_out():
    found = Bodies((record(1),), (record(2),), BodiesFrom.STREAM)
    told = plain(show_document(seen(letter(), bodies=found), NOW))
    assert [one["sequence_number"] for one in told["records"]] == [str(number(1))]
    assert told["left_out_by_filter"] == [str(number(2))] and told["bodies_from"] == "stream" and told["lost"] is None


def test_lines_of_a_list():
    lines = list(list_lines([seen(unknown()), seen(letter(1)), seen(letter(2))], NOW))
    assert lines[0] == (
        "RetryAttemptsExhausted (Unhandled), function projector: 2 letters, 2 record(s), oldest 2026-01-01T00:00:05Z, "
        "22 h 0 min left for the first"
    )
    assert "m-1" in lines[1] and "22 h 0 min left" in lines[1] and "3 attempt(s)" in lines[1]
    assert lines[3] == "unknown, left alone: 1 letter"
    assert "trimmed" in "\n".join(list_lines([seen(letter())], later(30)))


def test_lines_of_a_look():
    lines = "\n".join(show_lines(seen(letter(), record(1, "a", "2")), NOW))
    assert '2026-01-01T00:00:01Z MODIFY a  +kind: order; v: "0" → "2"' in lines
    found = Bodies((record(1),), (record(2),), BodiesFrom.ARCHIVE, lost="trimmed: over")
    lines = "\n".join(show_lines(seen(letter(), bodies=found), NOW))
    assert "lost from the stream: trimmed: over; the bodies below come from the archive" in lines
    assert "1 more in the range, left out by the filter of its mapping" in lines
    assert "cannot be read: x" in "\n".join(show_lines(seen(letter(), bodies=Bodies(unreadable="x")), NOW))


def test_records_of_kinesis_are_told_as_tail_tells_them():
    inner = {"ApproximateCreationDateTime": 1767225600123, "Keys": {"pk": {"S": "o1"}}, "NewImage": {"pk": {"S": "o1"}}}
    change = {"eventID": "e", "eventName": "INSERT", "tableName": "orders", "eventSource": "aws:dynamodb"}
    records = [
        kinesis_record(
            stream_arn="arn:aws:kinesis:eu-west-1:000000000000:stream/changes",
            shard="shardId-000000000000",
            sequence_number=str(place),
            partition_key="anna",
            data=data,
            arrived=datetime(2026, 1, 1, tzinfo=UTC),
            role="r",
        )
        for place, data in ((7, json.dumps({**change, "dynamodb": inner}).encode()), (8, b"hello"))
    ]
    about = seen(letter(), bodies=Bodies(tuple(records), come_from=BodiesFrom.STREAM))
    assert list(show_lines(about, NOW))[-2:] == [
        "  2026-01-01T00:00:00.123Z INSERT o1",
        "  2026-01-01T00:00:00.000Z RECORD anna  5 bytes  8",
    ]
    first, second = plain(show_document(about, NOW))["records"]
    assert (first["kind"], first["sequence_number"], first["token"]) == ("INSERT", "7", None)
    assert (second["kind"], second["data"], second["sequence_number"]) == ("RECORD", "aGVsbG8=", "8")


def test_lines_of_a_rules_letter():
    attributes = {
        "RULE_ARN": "arn:aws:events:eu-west-1:000000000000:rule/orders/shipped",
        "TARGET_ARN": FUNCTION,
        "ERROR_CODE": "NO_PERMISSIONS",
        "ERROR_MESSAGE": "not allowed",
    }
    about = read_letter(QueuePlace(URL, "m"), b'{"detail": 1}', attributes, 5.0)
    found = Bodies((RawRecord(about.event or b"", 0, ItemKey(b""), 5.0, "event"),), come_from=BodiesFrom.EVENT)
    lines = "\n".join(show_lines(seen(about, bodies=found), NOW))
    assert (
        "(NO_PERMISSIONS), rule shipped" in lines
        and f"to {FUNCTION}, not allowed" in lines
        and "UNREADABLE 0 in its event" in lines
    )


def test_a_poison_record_of_a_handler_outside_of_lambda_names_no_function():
    body = {"afterbay": "poison", "reason": "no such product", "functionArn": None, "record": {}}
    lines = list(list_lines([seen(read_letter(QueuePlace(URL, "m-1"), json.dumps(body).encode(), sent_s=0.0))], NOW))
    assert lines[0].startswith("Poison: 1 letter")
