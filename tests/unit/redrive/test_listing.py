"""What a list and a look say: causes, the time left, records decoded with what changed."""

from __future__ import annotations

import json

import msgspec

from afterbay.core.change.raw import RawRecord
from afterbay.redrive.bodies import Bodies, BodiesFrom
from afterbay.redrive.letter import DeadLetter, QueuePlace, read_letter
from afterbay.redrive.listing import Seen, groups, letter_document
from afterbay.redrive.report import span_of_time
from unit.redrive.world import DAY_S, FUNCTION, NOW, SHARD, STREAM, URL, document, later, number


def letter(n: int = 1, **more: object) -> DeadLetter:
    return read_letter(QueuePlace(URL, f"m-{n}"), json.dumps(document(n, n, **more)).encode(), sent_s=1767225700.0 + n)


def unknown() -> DeadLetter:
    return read_letter(QueuePlace(URL, "m-x"), b"hello", sent_s=1767225600.0)


def seen(about: DeadLetter, *records: RawRecord, **more) -> Seen:
    found = Bodies(records, come_from=BodiesFrom.STREAM) if records else Bodies()
    return Seen(about, DAY_S, bodies=more.pop("bodies", found))


def plain(told: object) -> dict:
    return json.loads(msgspec.json.encode(told))


def test_a_letter_is_told_with_its_place_cause_span_and_time_left():
    told = plain(letter_document(seen(letter()), NOW))
    assert told == {
        "place": {"queue": URL, "message_id": "m-1"},
        "kind": "mapping",
        "owner": FUNCTION,
        "target": None,
        "condition": "RetryAttemptsExhausted",
        "error": "Unhandled",
        "detail": None,
        "attempts": 3,
        "request_id": "r",
        "sent_at": "2026-01-01T00:00:05Z",
        "stream": STREAM,
        "shard": SHARD,
        "first": str(number(1)),
        "last": str(number(1)),
        "batch_size": 1,
        "first_created_at": "2026-01-01T00:00:05Z",
        "trimmed_at": "2026-01-02T00:00:05Z",
        "time_left_s": DAY_S - 7200 + 5,
        "trimmed": False,
        "why": None,
    }


def test_a_letter_whose_time_is_over_is_trimmed():
    told = plain(letter_document(seen(letter()), later(30)))
    assert (told["time_left_s"], told["trimmed"]) == (0.0, True)


def test_what_is_no_letter_says_no_more_than_why():
    told = plain(letter_document(seen(unknown()), NOW))
    assert told["kind"] == "unknown" and told["why"] and told["time_left_s"] is None and told["trimmed"] is False


def test_letters_are_grouped_by_cause_and_the_largest_group_is_first():
    age = document(9, 9)
    age["requestContext"] = {**dict(age["requestContext"]), "condition": "RecordAgeExceeded"}  # type: ignore[call-overload]
    old = read_letter(QueuePlace(URL, "m-9"), json.dumps(age).encode())
    told = groups([seen(unknown()), seen(old), seen(letter(1)), seen(letter(2))], NOW)
    assert [(one["condition"], one["letters"]) for one in told] == [
        ("RetryAttemptsExhausted", 2),
        ("RecordAgeExceeded", 1),
        (None, 1),
    ]
    assert told[0]["records"] == 2 and told[0]["oldest"] == "2026-01-01T00:00:05Z" and told[0]["trimmed"] == 0
    assert groups([seen(letter())], later(30))[0]["trimmed"] == 1


def test_spans_of_time():
    assert [span_of_time(one) for one in (0, 59, 3600, 24 * 3600 - 1, 7 * 24 * 3600 - 1)] == [
        "0 min",
        "0 min",
        "1 h 0 min",
        "23 h 59 min",
        "6 d 23 h",
    ]
