"""PutItem's short way and the way through all of moto: the same answers, items and stream records."""

from __future__ import annotations

import json
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from afterbay.endpoint import tables
from afterbay.endpoint.capture import ITEM_BYTES_MAX
from afterbay.endpoint.plain_put import plain_put
from afterbay.errors import EndpointError
from integration.running import Running, running_address

SHORT, WHOLE = "short-way", "whole-way"
INDEX = [
    {
        "IndexName": "by-kind",
        "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
]
ATTRIBUTES = [
    {"AttributeName": name, "AttributeType": kind} for name, kind in (("pk", "S"), ("sk", "N"), ("kind", "S"))
]


@pytest.fixture(scope="module")
def address():
    with running_address() as running:
        for name in (SHORT, WHOLE):
            running.client("dynamodb").create_table(
                TableName=name,
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
                AttributeDefinitions=ATTRIBUTES,
                GlobalSecondaryIndexes=INDEX,
                BillingMode="PAY_PER_REQUEST",
                StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            )
        yield running


TEXTS = st.sampled_from(["", "a", "b", "é\u0000\U0001f600", "x" * 300])
NUMBERS = st.sampled_from(["0", "1", "1.0", "-0.50", "1e3", "12345678901234567890", "1E125", "abc", "", "9" * 39])
LEAVES = st.one_of(
    TEXTS.map(lambda text: {"S": text}),
    NUMBERS.map(lambda text: {"N": text}),
    st.booleans().map(lambda value: {"BOOL": value}),
    st.sampled_from([{"NULL": True}, {"NULL": False}, {"B": "YQ=="}, {"SS": ["a"]}, {"SS": []}, {"NS": ["1", "2.0"]}]),
    st.sampled_from([{}, {"S": 7}, {"N": 7}, {"S": "a", "N": "1"}, {"X": "a"}, {"BOOL": "yes"}]),
)
NAMES = st.sampled_from(["v", "w", "kind", "N", "S", "", "a.b", "n" * 250])
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda values: {"L": values}),
        st.dictionaries(NAMES, inner, max_size=3).map(lambda values: {"M": values}),
    ),
    max_leaves=6,
)
GOOD_KEYS = st.fixed_dictionaries(
    {
        "pk": st.sampled_from([{"S": "a"}, {"S": "b"}]),
        "sk": st.sampled_from([{"N": "1"}, {"N": "1.0"}, {"N": "2"}]),
    }
)
BAD_KEYS = st.sampled_from(
    [{}, {"pk": {"S": "a"}}, {"pk": {"S": ""}, "sk": {"N": "1"}}, {"pk": {"N": "1"}, "sk": {"S": "a"}}]
)
GOOD_VALUES = st.dictionaries(
    st.sampled_from(["v", "w", "kind", "a.b"]),
    st.recursive(
        st.one_of(
            st.sampled_from(["", "a", "é\U0001f600"]).map(lambda text: {"S": text}),
            st.sampled_from(["0", "1.0", "-0.50", "12345678901234567890"]).map(lambda text: {"N": text}),
            st.booleans().map(lambda value: {"BOOL": value}),
            st.just({"NULL": True}),
        ),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda values: {"L": values}),
            st.dictionaries(st.sampled_from(["x", "y"]), inner, max_size=3).map(lambda values: {"M": values}),
        ),
        max_leaves=6,
    ),
    max_size=4,
)
ITEMS = st.one_of(
    st.tuples(GOOD_KEYS, GOOD_VALUES).map(lambda two: {**two[1], **two[0]}),
    st.tuples(st.one_of(GOOD_KEYS, BAD_KEYS), st.dictionaries(NAMES, VALUES, max_size=4)).map(
        lambda two: {**two[1], **two[0]}
    ),
)
MORE = st.sampled_from(
    [{}, {}, {}, {"ReturnValues": "NONE"}, {"ReturnValues": "ALL_OLD"}, {"ReturnConsumedCapacity": "TOTAL"}]
)


def asked(address: Running, operation: str, members: dict) -> tuple[int, object]:
    answer = address.dynamodb(operation, members)
    text = answer.body.replace(WHOLE.encode(), SHORT.encode())
    return answer.status, (json.loads(text), answer.headers["content-type"], "x-amz-crc32" in answer.headers)


def told(records: list[dict]) -> list[dict]:
    return [
        {
            "name": one["eventName"],
            **{k: v for k, v in one["dynamodb"].items() if k not in ("SequenceNumber", "ApproximateCreationDateTime")},
        }
        for one in records
    ]


def by_key(records: list[dict]) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for one in told(records):
        found.setdefault(json.dumps(one["Keys"], sort_keys=True), []).append(one)
    return found


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.tuples(ITEMS, MORE), min_size=1, max_size=6))
def test_both_ways_answer_and_write_the_same(address, puts):
    def choose(members, body_bytes):
        return None if members.get("TableName") == WHOLE else plain_put(members, body_bytes)

    with patch.object(tables, "plain_put", choose):
        for item, more in puts:
            answers = [asked(address, "PutItem", {"TableName": name, "Item": item, **more}) for name in (SHORT, WHOLE)]
            assert answers[0] == answers[1], item
    scans = [asked(address, "Scan", {"TableName": name}) for name in (SHORT, WHOLE)]
    assert json.dumps(scans[0], sort_keys=True) == json.dumps(scans[1], sort_keys=True)


def test_the_streams_of_both_hold_the_same_records(address):
    """After all that the property wrote."""
    streams = [by_key(address.records(address.stream(name))) for name in (SHORT, WHOLE)]
    assert streams[0] == streams[1]
    assert sum(map(len, streams[0].values())) > 20, "and there are some"


@pytest.mark.parametrize(
    "members",
    [
        {"Item": {"pk": {"S": "a"}}},
        {"TableName": "t", "Item": {"pk": {"S": "a"}}, "ConditionExpression": "attribute_exists(pk)"},
        {"TableName": "t", "Item": {"pk": {"S": "a"}}, "Expected": {}},
        {"TableName": "t", "Item": {"pk": {"S": "a"}}, "ReturnValues": "ALL_OLD"},
        {"TableName": "t", "Item": {"pk": {"B": "YQ=="}}},
        {"TableName": "t", "Item": {"pk": {"S": "a"}, "v": {"N": "1e3"}}},
        {"TableName": "t", "Item": {"pk": {"S": "a"}, "N": {"S": "1"}}},
        {"TableName": "t", "Item": {"pk": {"S": "a"}, "v": {"S": "a", "N": "1"}}},
        {"TableName": "arn:aws:dynamodb:eu-west-1:000000000000:table/t", "Item": {"pk": {"S": "a"}}},
    ],
)
def test_what_is_not_plain_goes_the_whole_way(members):
    assert plain_put(members, 100) is None


def test_the_item_of_a_large_body_is_measured():
    """S100: the size of an item is never above its JSON's."""
    item = {"pk": {"S": "a"}, "v": {"S": "x" * (ITEM_BYTES_MAX - 4)}}
    members = {"TableName": "table", "Item": item}
    assert plain_put(members, ITEM_BYTES_MAX + 40) is not None
    item["v"] = {"S": "x" * (ITEM_BYTES_MAX - 3)}
    with pytest.raises(EndpointError, match="Item size has exceeded"):
        plain_put(members, ITEM_BYTES_MAX + 41)
