"""The JSON of an image made in one pass is, byte for byte, that of the image decoded and written; so are the refusals.

The reference decodes value by value, with a path for each, and knows no short way (S96 to S101).
"""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.value import (
    DEPTH_MAX,
    canonical,
    canonical_key,
    decode_item,
    decode_value,
    json_bytes,
    json_item,
)
from afterbay.errors import RecordError
from afterbay.sinks.entry import Entry, prepare
from afterbay.sinks.options import SinkOptions

PATH = "dynamodb.NewImage"
STREAM = "arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/2026-01-05T10:11:12.345"

TEXTS = st.sampled_from(["", "a", "b", 'q"\\', "\0", "\x7f\u2028", "é", "\U0001f600"]) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=4
)
SMALL = ["0", "-0", "7", "007", "+7", "7.", ".5", "7.0", "-7.50", "0.7E1", "1E+2", "1e-7", "0.0000001", "-0.10"]
LARGE = ["12345678901234567890", "1E-130", "9.9E+125", "0E999999999", "1" + "0" * 125, "0." + "0" * 200]
NUMBERS = st.sampled_from(SMALL + LARGE) | st.integers().map(str) | st.decimals(-9, 9, places=3).map(str)
BINARY = st.sampled_from(["", "AQID", "AQI=", "AR=="]) | st.binary(max_size=3) | st.binary(max_size=3).map(bytearray)


def sets(members):
    """With duplicates, in one spelling or two."""
    return st.lists(members, min_size=1, max_size=4) | st.lists(members, min_size=1, max_size=2).map(tuple)


def tagged(tag, inner):
    return inner.map(lambda one: {tag: one})


def items(scalars):
    values = st.recursive(
        scalars,
        lambda inner: tagged("L", st.lists(inner, max_size=3)) | tagged("M", st.dictionaries(TEXTS, inner, max_size=3)),
        max_leaves=6,
    )
    return st.dictionaries(TEXTS, values, max_size=4)


GOOD = st.one_of(
    tagged("S", TEXTS),
    tagged("N", NUMBERS),
    tagged("B", BINARY),
    tagged("SS", sets(TEXTS)),
    tagged("NS", sets(NUMBERS)),
    tagged("BS", sets(BINARY)),
    st.sampled_from([{"BOOL": True}, {"BOOL": False}, {"NULL": True}]),
)
JUNK = st.sampled_from(
    [None, True, 1, 0.5, "x", "NaN", "1E126", "1E-131", "1_0", " 1", "\u0661", "AQI", "A Q=", [], {}]
)
TAGS = st.sampled_from(["S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M", "X"])
BAD = st.one_of(
    JUNK,
    st.builds(lambda tag, inner: {tag: inner}, TAGS, JUNK | JUNK.map(lambda one: [one])),
    st.sampled_from([{"S": "\ud800"}, {"SS": ["\ud800"]}, {"S": "x", "N": "1"}, {"S": b"x"}, {"N": b"1"}]),
)
ITEMS = items(GOOD) | items(GOOD | BAD) | st.dictionaries(TEXTS, tagged("S", TEXTS), max_size=3)


def nested(tag, levels):
    value = {"S": "x"}
    for _ in range(levels):
        value = {"L": [value]} if tag == "L" else {"M": {"m": value}}
    return {"deep": value}


def outcome(make):
    try:
        return make()
    except (RecordError, UnicodeEncodeError) as refused:
        return type(refused), str(refused)


def decoded(item):
    return {name: decode_value(value, f"{PATH}.{name}") for name, value in item.items()}


@given(ITEMS)
@example(nested("L", DEPTH_MAX))
@example(nested("M", DEPTH_MAX))
@example(nested("L", DEPTH_MAX + 1))
@example(nested("M", DEPTH_MAX + 1))
@example({"a": {"NS": ["1.0", "1", "10", "-0.5", "1E1", "2"]}, "b": {"SS": ["b", "a", "é", "", "B"]}})
@example({"a": {"BS": ["AQ==", "AA==", b"\x01", "AQI="]}})
@example({"pk": {"S": "x", "N": "1"}})
@example({"\ud800": {"S": "x"}})
def test_an_images_text_is_the_one_that_decoding_gives(item):
    assert outcome(lambda: json_item(item, PATH, lambda: item)) == outcome(lambda: json_bytes(decoded(item)))
    assert repr(outcome(lambda: decode_item(item, PATH))) == repr(outcome(lambda: decoded(item)))
    assert outcome(lambda: canonical(item, PATH)) == outcome(lambda: canonical_key(decoded(item)))


@given(ITEMS)
@example(nested("M", DEPTH_MAX + 1))
@example(nested("L", 2 * DEPTH_MAX + 3))
def test_a_sink_writes_what_the_change_decodes_to(image):
    """However the record came; one with ``bytes`` or a lone surrogate in it comes decoded only."""
    record = change_record(image)
    for form in filter(None, [record, as_json(record)]):
        written = prepare(ChangeRecord(form), SinkOptions())
        expected = outcome(lambda form=form: json_bytes(ChangeRecord(form).new).decode())
        if isinstance(written, Entry):
            assert written.json == expected
            assert json_bytes(written.item).decode() == expected
            assert tuple(written.typed) == tuple(written.names)
        else:
            kind, reason = expected
            assert written.reason == (reason if kind is RecordError else "dynamodb: a text is not valid Unicode"), (
                "the refusal that decoding gives"
            )


def change_record(image):
    return {
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "eventSourceARN": STREAM,
        "dynamodb": {
            "ApproximateCreationDateTime": 1767607872,
            "Keys": {"pk": {"S": "a"}},
            "NewImage": image,
            "SequenceNumber": str(10**24),
            "StreamViewType": "NEW_IMAGE",
        },
    }


def as_json(record):
    try:
        return json.dumps(record, ensure_ascii=False).encode()
    except (TypeError, UnicodeEncodeError):
        return None
