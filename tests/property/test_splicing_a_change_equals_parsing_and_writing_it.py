"""Lambda's form by cutting is the form by parsing, converting and dumping (DESIGN section 8, Bytes)."""

import json
import re
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from afterbay.core.change import page as page_module
from afterbay.core.change.page import split_page
from afterbay.core.change.wire import lambda_record, raw_record
from afterbay.errors import RecordError

ARN = "arn:aws:dynamodb:eu-west-1:000000000000:table/items/stream/2026-01-01T00:00:00.000"

# Names and texts that are taken for something else by whoever looks at bytes alone.
TRAPS = [
    "ApproximateCreationDateTime",
    '"ApproximateCreationDateTime":1',
    "userIdentity",
    "eventSourceARN",
    "dynamodb",
    '{"dynamodb":{"ApproximateCreationDateTime":1,',
    "Keys",
    "\\",
    '"',
    "é\u2028\U0001f600",
    "",
    "}",
    "{",
]
PRINTABLE = st.text(st.just(" ") | st.characters(exclude_categories=("C", "Z")), max_size=6)
NAMES = st.sampled_from(TRAPS) | PRINTABLE
ATTRIBUTES = st.recursive(
    st.builds(lambda text: {"S": text}, NAMES)
    | st.builds(lambda number: {"N": str(number)}, st.integers())
    | st.just({"NULL": True}),
    lambda inner: (
        st.builds(lambda items: {"L": items}, st.lists(inner, max_size=3))
        | st.builds(lambda members: {"M": members}, st.dictionaries(NAMES, inner, max_size=3))
    ),
    max_leaves=6,
)
ITEMS = st.dictionaries(NAMES, ATTRIBUTES, max_size=4)
KEYS = st.dictionaries(NAMES, st.builds(lambda text: {"S": text}, NAMES), min_size=1, max_size=2)
CREATED = st.sampled_from(["1789649451", "1789649451.0", "1.46480646E9", "1464806460.5", "14648e5", "0"])
ANYTHING = st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | NAMES, lambda one: st.lists(one, max_size=2))
KNOWN = {
    "eventID",
    "eventName",
    "eventVersion",
    "eventSource",
    "awsRegion",
    "dynamodb",
    "userIdentity",
    "eventSourceARN",
}
KNOWN_INNER = {"ApproximateCreationDateTime", "Keys", "NewImage", "OldImage", "SequenceNumber", "SizeBytes"}


def names_but(known: set[str]) -> st.SearchStrategy[str]:
    """Filtered where something is there to filter: a health check counts what is thrown away."""
    return st.sampled_from([one for one in TRAPS if one not in known]) | PRINTABLE.filter(lambda one: one not in known)


EXTRA_INNER = st.dictionaries(names_but(KNOWN_INNER), ANYTHING, max_size=2)
EXTRA = st.dictionaries(names_but(KNOWN), ANYTHING, max_size=2)


def shuffled(draw, members: Mapping[str, object]) -> dict[str, object]:
    return {name: members[name] for name in draw(st.permutations(sorted(members)))}


@st.composite
def records(draw):
    """(bytes of a record in GetRecords' form, the creation time's spelling)."""
    created = draw(CREATED)
    extra_inner, extra = draw(EXTRA_INNER), draw(EXTRA)
    # A number that stands nowhere else: it is spelled anew in the text below, since json.dumps has its own spelling.
    change = {
        "ApproximateCreationDateTime": 987654321987,
        "Keys": draw(KEYS),
        "NewImage": draw(ITEMS),
        "OldImage": draw(ITEMS),
        "SequenceNumber": str(draw(st.integers(10**20, 10**40 - 1))),
        "SizeBytes": 97,
    } | extra_inner
    record = {"eventID": "a" * 32, "eventName": "MODIFY", "eventVersion": "1.1", "eventSource": "aws:dynamodb"} | extra
    if draw(st.booleans()):
        record["userIdentity"] = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"} | draw(
            st.sampled_from([{}, {"More": [1]}])
        )
    if draw(st.integers(0, 9)) == 0:
        record["eventSourceARN"] = "arn:of:somewhere:else"
    order = draw(st.booleans())
    record["dynamodb"] = shuffled(draw, change) if order else change
    record = shuffled(draw, record) if order else record
    text = json.dumps(
        record,
        ensure_ascii=draw(st.booleans()),
        separators=draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " :\t")])),
    )
    marked = re.sub(r'("ApproximateCreationDateTime"[ \t\n]*:[ \t\n]*)987654321987', rf"\g<1>{created}", text)
    return marked.encode(), created


def converted(raw: bytes) -> dict[str, object]:
    """The slow and obvious way."""
    record = json.loads(raw)
    change = record["dynamodb"]
    change["ApproximateCreationDateTime"] = float(change["ApproximateCreationDateTime"])
    if "userIdentity" in record:
        spelled = {"Type": "type", "PrincipalId": "principalId"}
        record["userIdentity"] = {spelled.get(name, name): one for name, one in record["userIdentity"].items()}
    record["eventSourceARN"] = ARN
    return record


def with_numbers_as_text(value: object) -> object:
    """JSON compared with the form of its numbers: 1 is not 1.0 here."""
    if isinstance(value, dict):
        return {name: with_numbers_as_text(one) for name, one in value.items()}
    if isinstance(value, list):
        return [with_numbers_as_text(one) for one in value]
    return value if isinstance(value, bool) else repr(value)


@settings(max_examples=200)
@given(records())
def test_splicing_a_change_equals_parsing_and_writing_it(record):
    raw, _ = record
    spliced = lambda_record(raw, ARN)
    assert with_numbers_as_text(json.loads(spliced)) == with_numbers_as_text(converted(raw))


FRAMES = st.sampled_from(
    [
        (b'{"Records": [', b", ", b'], "NextShardIterator": "next"}'),
        (b'{"Records":[', b",", b'],"NextShardIterator":"next"}'),
        (b'{"NextShardIterator":"next","Records":[', b",", b"]}"),
        (b'{"NextShardIterator":"next","More":[{"Records":[1]}],"Records":[', b" ,", b" ]}"),
    ]
)


@settings(max_examples=120)
@given(st.lists(records(), max_size=4), FRAMES)
def test_a_page_gives_the_records_that_splicing_each_gives(made, frame):
    before, between, after = frame
    page = before + between.join(raw for raw, _ in made) + after
    split, following = split_page(page, ARN)
    assert following == "next"
    assert [one.body for one in split] == [raw_record(raw, ARN).body for raw, _ in made]
    for one, (raw, created) in zip(split, made, strict=True):
        assert one.position == int(json.loads(raw)["dynamodb"]["SequenceNumber"])
        assert one.created_s == float(created)


def usual(number: int, image: str, more: str = "") -> bytes:
    """A record in the service's order: what pages are cut at."""
    return (
        '{"awsRegion":"eu-west-1","dynamodb":{"ApproximateCreationDateTime":1789649451,"Keys":{"pk":{"S":"a"}},'
        f'"NewImage":{{"pk":{{"S":"a"}},"text":{{"S":{json.dumps(image, ensure_ascii=False)}}}}},'
        f'"SequenceNumber":"{10**23 + number}"}},"eventName":"MODIFY"{more}}}'
    ).encode()


OUTSIDE = st.sampled_from(["", ',"userIdentity":{"Type":"Service"}', ',"list":[1,{"eventName":"x"},{"dynamodb":{}}]'])
PIECES = st.sampled_from(
    [
        b'"',
        b"\\",
        b",",
        b"}",
        b"]",
        b'{"',
        b'},{"eventName":',
        b'"Records":[',
        b"\xff",
        b" ",
        b"0",
        b"",
        b'"NextShardIterator":1,',
    ]
)


@st.composite
def damaged_pages(draw):
    """Pages as the service writes them, with a few bytes put in, taken out or replaced anywhere."""
    made = [usual(number, draw(NAMES), draw(OUTSIDE)) for number in range(draw(st.integers(0, 4)))]
    page = draw(st.sampled_from([b'{"Records":[', b'{"NextShardIterator":"n]","Records":['])) + b",".join(made) + b"]}"
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(page)))
        page = page[:at] + draw(PIECES) + page[at + draw(st.sampled_from([0, 0, 1, 40])) :]
    return page


def outcome(split, page):
    """What comes of a page, in a form that can be compared: records and iterator, or the words of the refusal."""
    try:
        records, following = split(page, ARN)
    except RecordError as refused:
        return type(refused), str(refused)
    return [(one.body, one.position, one.key, one.created_s, one.event_name) for one in records], following


@settings(max_examples=400)
@given(damaged_pages())
def test_cutting_a_page_agrees_with_parsing_it_whatever_stands_in_it(page):
    assert outcome(split_page, page) == outcome(page_module._parsed, page)


def test_a_usual_page_is_cut():
    page = b'{"Records":[' + b",".join(usual(number, "\u00e9") for number in range(3)) + b"]}"
    assert len(page_module._cut(page, ARN)[0]) == 3
