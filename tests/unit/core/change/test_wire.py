"""GetRecords' form into Lambda's, pages, payloads, and records that cannot be read (S59, S63, S65, R132 to R136)."""

import json

import pytest

from afterbay.core.change.page import split_page
from afterbay.core.change.wire import (
    UnreadableRecordError,
    lambda_record,
    payload,
    raw_from_lambda,
    raw_record,
)
from afterbay.errors import RecordError

ARN = "arn:aws:dynamodb:eu-west-1:000000000000:table/items/stream/2026-01-01T00:00:00.000"
FIRST, SECOND = "300000000000000499659", "1000000000000000000000003"


def record(number=FIRST, created="1789649451", name="INSERT", more="", keys='{"pk":{"S":"K1"}}', inner=""):
    """A record's text in the order in which the service writes. ``more`` and ``inner`` go in as further members."""
    return (
        f'{{"eventID":"066c","eventName":"{name}","eventSource":"aws:dynamodb","dynamodb":'
        f'{{"ApproximateCreationDateTime":{created},"Keys":{keys},"SequenceNumber":"{number}"{inner}}}{more}}}'
    ).encode()


def page(*records, following='"next"'):
    return b'{"Records":[' + b",".join(records) + b'],"NextShardIterator":' + following.encode() + b"}"


def test_the_splice_changes_two_places_and_no_other_byte():
    assert lambda_record(record(), ARN) == record(created="1789649451.0", more=f',"eventSourceARN":"{ARN}"')


@pytest.mark.parametrize(
    ("created", "written"),
    [
        ("1789649451", "1789649451.0"),
        ("1789649451.0", "1789649451.0"),
        ("1789649451.5", "1789649451.5"),
        ("1.46480646E9", "1464806460.0"),
        ("1464806460e0", "1464806460.0"),
        ("0", "0.0"),
    ],
)
@pytest.mark.parametrize("inner", ["", ',"NewImage":{"ApproximateCreationDateTime":{"N":"7"}}', ',"x":"\\n"'])
def test_the_creation_time_has_a_fraction_in_any_spelling(created, written, inner):
    body = lambda_record(record(created=created, inner=inner), ARN)
    assert f'"ApproximateCreationDateTime":{written},'.encode() in body
    assert json.loads(body)["dynamodb"].get("NewImage") in (None, {"ApproximateCreationDateTime": {"N": "7"}})


@pytest.mark.parametrize(
    "raw",
    [
        b'{"dynamodb":{"Keys":{"pk":{"S":"a"}},"SequenceNumber":"%b","ApproximateCreationDateTime":7},"eventName":"REMOVE"}',
        b'{"x":{"dynamodb":{"ApproximateCreationDateTime":1}},"eventName":"REMOVE","dynamodb":{"Keys":{"pk":{"S":"a"}},'
        b'"SequenceNumber":"%b","ApproximateCreationDateTime":7}}',
        b'{"x":"\\",\\"dynamodb\\":{","eventName":"REMOVE","dynamodb":{"ApproximateCreationDateTime":7,'
        b'"Keys":{"pk":{"S":"a"}},"SequenceNumber":"%b"}}',
        b'{"eventName":"REMOVE","dynamodb":{"\\u0041pproximateCreationDateTime":7,"Keys":{"pk":{"S":"a"}},'
        b'"SequenceNumber":"%b","x":"ApproximateCreationDateTime"}}',
        b' {"eventName" : "REMOVE", "dynamodb" : {"ApproximateCreationDateTime" : 7 , "Keys" : {"pk" : {"S" : "a"}},\n'
        b'"SequenceNumber" : "%b"}} ',
    ],
    ids=["last member", "a decoy in an unknown member", "a decoy in a text", "an escaped name", "blanks"],
)
def test_the_right_creation_time_is_changed_wherever_it_stands(raw):
    whole = raw_record(raw % FIRST.encode(), ARN)
    read = json.loads(whole.body)
    assert repr(read["dynamodb"]["ApproximateCreationDateTime"]) == "7.0"
    assert read.get("x") in (None, {"dynamodb": {"ApproximateCreationDateTime": 1}}, '","dynamodb":{')
    assert read["eventSourceARN"] == ARN
    assert (whole.position, whole.created_s, whole.event_name, whole.key) == (
        int(FIRST),
        7.0,
        "REMOVE",
        b'{"pk":{"S":"a"}}',
    )
    assert whole.body == whole.body.strip()


def test_user_identity_is_in_lambdas_spelling_and_keeps_what_else_it_has():
    identity = ',"userIdentity":{"Type":"Service","PrincipalId":"dynamodb.amazonaws.com","More":[1]}'
    read = json.loads(lambda_record(record(name="REMOVE", more=identity), ARN))
    assert read["userIdentity"] == {"type": "Service", "principalId": "dynamodb.amazonaws.com", "More": [1]}


def test_a_stream_that_the_record_names_itself_is_replaced_and_not_doubled():
    body = lambda_record(record(more=',"eventSourceARN":"arn:other"'), ARN)
    assert body.count(b"eventSourceARN") == 1
    assert json.loads(body)["eventSourceARN"] == ARN


def test_a_page_is_split_in_order():
    records, following = split_page(page(record(), record(SECOND, name="MODIFY")), ARN)
    assert following == "next"
    assert [(one.position, one.event_name) for one in records] == [(int(FIRST), "INSERT"), (int(SECOND), "MODIFY")]
    assert records[0].body == lambda_record(record(), ARN)
    assert records[0].size_bytes == len(records[0].body)


@pytest.mark.parametrize("answer", [b'{"Records":[]}', page(following="null")])
def test_a_page_without_an_iterator_is_the_shards_end(answer):
    assert split_page(answer, ARN) == ([], None)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"{}",
        b'{"__type":"x#InternalServerError"}',
        b'{"Records":{}}',
        b'{"Records":[1',
        b"[" * 100_000,
        b'{"Records":"x"}',
    ],
)
def test_an_answer_that_is_no_page_is_refused(answer):
    with pytest.raises(RecordError, match="not a GetRecords answer"):
        split_page(answer, ARN)


UNREADABLE = {
    "no object": b'"text"',
    "a name that is not UTF-8": b'{"\xff":1,"userIdentity":{},' + record()[1:],
    "an image that is not UTF-8": record().replace(b'"eventID":"066c"', b'"eventID":"\xe9"'),
    "no dynamodb": b'{"eventName":"INSERT"}',
    "unknown kind": record(name="UPSERT"),
    "no kind": record().replace(b"eventName", b"eventname"),
    "number as number": record().replace(b'"%b"' % FIRST.encode(), FIRST.encode()),
    "short number": record("7"),
    "leading zero": record("0" + FIRST),
    "time as text": record(created='"1789649451"'),
    "time in ms": record(created="1789649451000"),
    "time before 1970": record(created="-1"),
    "empty key": record(keys="{}"),
    "key of an unknown type": record(keys='{"pk":{"X":"a"}}'),
    "key that is no object": record(keys="[]"),
}


@pytest.mark.parametrize("broken", UNREADABLE.values(), ids=UNREADABLE)
def test_a_record_whose_head_cannot_be_read_is_handed_back_with_the_error(broken):
    with pytest.raises(UnreadableRecordError) as refused:
        split_page(page(record(), broken, record(SECOND)), ARN)
    error = refused.value
    assert error.path == "Records[1]"
    assert (error.index, error.body) == (1, broken)
    assert [one.position for one in error.before] == [int(FIRST)]
    for read_one in (lambda: raw_record(broken, ARN, index=4), lambda: raw_from_lambda(broken, index=4)):
        with pytest.raises(UnreadableRecordError, match=r"Records\[4\]"):
            read_one()


def test_an_unreadable_record_is_named_by_its_number_where_that_can_be_read():
    with pytest.raises(UnreadableRecordError, match=f"sequence number {FIRST}") as refused:
        raw_record(record(name="UPSERT"), ARN)
    assert refused.value.sequence_number == FIRST
    with pytest.raises(UnreadableRecordError, match="not readable") as refused:
        raw_record(record("7"), ARN)
    assert refused.value.sequence_number is None


def test_no_error_shows_the_customers_data():
    with pytest.raises(UnreadableRecordError) as refused:
        raw_record(record(keys='{"pk":{"N":"4000-secret"}}'), ARN)
    assert "secret" not in str(refused.value)


def test_a_record_in_lambdas_form_stays_as_it_is():
    body = lambda_record(record(), ARN)
    whole = raw_from_lambda(b" " + body + b"\n")
    assert whole.body == body
    assert whole.position == int(FIRST)


def test_a_payload_is_the_records_joined():
    records, _ = split_page(page(record(), record(SECOND)), ARN)
    assert payload([]) == b'{"Records":[]}'
    assert json.loads(payload(records)) == {"Records": [json.loads(one.body) for one in records]}
