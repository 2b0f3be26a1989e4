"""``Expected`` and ``AttributeUpdates``: what the Kinesis Client Library and other old clients write with."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

KEY = {"pk": {"S": "a"}}
HELD = {"n": {"N": "5"}, "s": {"S": "hello"}, "ss": {"SS": ["x", "y"]}, "b": {"B": b"\x00\xff"}, "t": {"BOOL": True}}
ONE, FIVE, NINE = ({"N": number} for number in ("1", "5.0", "9"))

HOLDS = [
    {"n": {"Value": FIVE}},
    {"n": {"Value": FIVE, "Exists": True}},
    {"none": {"Exists": False}},
    {"b": {"Value": HELD["b"]}, "t": {"Value": {"BOOL": True}}},
    {"n": {"ComparisonOperator": "EQ", "AttributeValueList": [FIVE]}},
    {"n": {"ComparisonOperator": "NE", "AttributeValueList": [ONE]}},
    {"n": {"ComparisonOperator": "GT", "AttributeValueList": [ONE]}},
    {"n": {"ComparisonOperator": "GE", "AttributeValueList": [FIVE]}},
    {"n": {"ComparisonOperator": "LT", "AttributeValueList": [NINE]}},
    {"n": {"ComparisonOperator": "LE", "AttributeValueList": [FIVE]}},
    {"n": {"ComparisonOperator": "BETWEEN", "AttributeValueList": [ONE, NINE]}},
    {"n": {"ComparisonOperator": "IN", "AttributeValueList": [NINE, ONE, FIVE]}},
    {"s": {"ComparisonOperator": "BEGINS_WITH", "AttributeValueList": [{"S": "he"}]}},
    {"s": {"ComparisonOperator": "CONTAINS", "AttributeValueList": [{"S": "ell"}]}},
    {"ss": {"ComparisonOperator": "CONTAINS", "AttributeValueList": [{"S": "x"}]}},
    {"ss": {"ComparisonOperator": "NOT_CONTAINS", "AttributeValueList": [{"S": "z"}]}},
    {"s": {"ComparisonOperator": "NOT_NULL"}},
    {"none": {"ComparisonOperator": "NULL"}},
]
FAILS = [
    {"n": {"Value": ONE}},
    {"n": {"Value": ONE, "Exists": True}},
    {"n": {"Exists": False}},
    {"n": {"Value": FIVE}, "s": {"Value": {"S": "other"}}},
    {"n": {"ComparisonOperator": "NE", "AttributeValueList": [FIVE]}},
    {"n": {"ComparisonOperator": "GT", "AttributeValueList": [FIVE]}},
    {"n": {"ComparisonOperator": "BETWEEN", "AttributeValueList": [NINE, NINE]}},
    {"n": {"ComparisonOperator": "IN", "AttributeValueList": [NINE]}},
    {"s": {"ComparisonOperator": "BEGINS_WITH", "AttributeValueList": [{"S": "lo"}]}},
    {"ss": {"ComparisonOperator": "CONTAINS", "AttributeValueList": [{"S": "z"}]}},
    {"ss": {"ComparisonOperator": "NOT_CONTAINS", "AttributeValueList": [{"S": "x"}]}},
    {"s": {"ComparisonOperator": "NULL"}},
    {"none": {"ComparisonOperator": "NOT_NULL"}},
    {"none": {"Value": ONE}},
]


@pytest.fixture(scope="module")
def dynamodb(address):
    return address.client("dynamodb")


@pytest.fixture(scope="module")
def shared(address) -> str:
    return address.table()


@pytest.fixture
def table(dynamodb, shared) -> str:
    """A table with the one item."""
    dynamodb.put_item(TableName=shared, Item={**KEY, **HELD})
    return shared


def item(dynamodb, table: str) -> dict | None:
    return dynamodb.get_item(TableName=table, Key=KEY).get("Item")


def writes(dynamodb, table: str):
    """The three kinds of conditional write, each of which would change the item."""
    changed = {"n": {"Value": NINE, "Action": "PUT"}}
    return {
        "put": lambda **more: dynamodb.put_item(TableName=table, Item=KEY, **more),
        "update": lambda **more: dynamodb.update_item(TableName=table, Key=KEY, AttributeUpdates=changed, **more),
        "delete": lambda **more: dynamodb.delete_item(TableName=table, Key=KEY, **more),
    }


@pytest.mark.parametrize("kind", ["put", "update", "delete"])
def test_a_condition_that_holds_lets_the_write_through(dynamodb, table, kind):
    for expected in HOLDS:
        dynamodb.put_item(TableName=table, Item={**KEY, **HELD})
        writes(dynamodb, table)[kind](Expected=expected)
        assert item(dynamodb, table) != {**KEY, **HELD}, expected


@pytest.mark.parametrize("kind", ["put", "update", "delete"])
def test_a_condition_that_fails_stops_the_write_and_shows_the_item(dynamodb, table, kind):
    for expected in FAILS:
        with pytest.raises(ClientError) as failed:
            writes(dynamodb, table)[kind](Expected=expected, ReturnValuesOnConditionCheckFailure="ALL_OLD")
        assert failed.value.response["Error"]["Code"] == "ConditionalCheckFailedException", expected
        assert failed.value.response["Item"] == item(dynamodb, table) == {**KEY, **HELD}, expected


def test_conditions_are_joined_by_and_unless_or_is_asked_for(dynamodb, table):
    one_of_two = {"n": {"Value": FIVE}, "s": {"Value": {"S": "other"}}}
    update = writes(dynamodb, table)["update"]
    for joined in ({}, {"ConditionalOperator": "AND"}):
        with pytest.raises(ClientError, match="ConditionalCheckFailed"):
            update(Expected=one_of_two, **joined)
    update(Expected=one_of_two, ConditionalOperator="OR")
    assert item(dynamodb, table)["n"] == NINE


def test_a_missing_item_fails_a_condition_and_shows_nothing(dynamodb, table):
    with pytest.raises(ClientError, match="ConditionalCheckFailed") as failed:
        dynamodb.delete_item(
            TableName=table,
            Key={"pk": {"S": "no such"}},
            Expected={"n": {"Value": FIVE}},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert "Item" not in failed.value.response


VALUES = [
    {"S": ""},
    {"N": "9.0E-5"},
    {"B": b"\x00"},
    {"BOOL": False},
    {"NULL": True},
    {"SS": ["p", "q"]},
    {"NS": ["1", "2"]},
    {"BS": [b"p", b"q"]},
    {"L": [{"N": "1"}, {"BOOL": True}]},
    {"M": {"in": {"L": [{"B": b"x"}]}}},
]


@pytest.mark.parametrize("value", VALUES, ids=lambda one: next(iter(one)))
def test_any_value_is_put_as_it_is(dynamodb, table, value):
    dynamodb.update_item(TableName=table, Key=KEY, AttributeUpdates={"v": {"Value": value}})
    stored = item(dynamodb, table)["v"]
    ((kind, inner),) = stored.items()
    if kind in ("SS", "NS", "BS"):
        stored = {kind: sorted(inner)}
    assert stored == ({"N": "0.00009"} if kind == "N" else value)


def test_numbers_sets_and_lists_are_added_to_and_sets_taken_from(dynamodb, table):
    def update(**wanted) -> dict:
        updates = {name: {"Action": action, "Value": value} for name, (action, value) in wanted.items()}
        answer = dynamodb.update_item(TableName=table, Key=KEY, AttributeUpdates=updates, ReturnValues="ALL_NEW")[
            "Attributes"
        ]
        return {
            name: {kind: sorted(one[kind], key=str) if kind != "N" else one[kind] for kind in one}
            for name, one in answer.items()
            if name in wanted
        }

    assert update(n=("ADD", {"N": "-7.5"}), new=("ADD", ONE)) == {"n": {"N": "-2.5"}, "new": ONE}
    assert update(ss=("ADD", {"SS": ["z"]}), more=("ADD", {"BS": [b"p"]})) == {
        "ss": {"SS": ["x", "y", "z"]},
        "more": {"BS": [b"p"]},
    }
    assert update(ss=("DELETE", {"SS": ["x", "none"]})) == {"ss": {"SS": ["y", "z"]}}
    assert update(ss=("DELETE", {"SS": ["y", "z"]})) == {}, "an empty set is no attribute"
    assert update(l=("ADD", {"L": [ONE]})) == {"l": {"L": [ONE]}}
    assert update(l=("ADD", {"L": [NINE]})) == {"l": {"L": [ONE, NINE]}}


def test_taking_away_what_is_not_there_changes_nothing_and_makes_no_record(address, dynamodb):
    table = address.table()
    dynamodb.put_item(TableName=table, Item=KEY)
    dynamodb.update_item(TableName=table, Key=KEY, AttributeUpdates={"none": {"Action": "DELETE"}})
    taken = {"none": {"Action": "DELETE", "Value": {"SS": ["x"]}}}
    dynamodb.update_item(TableName=table, Key=KEY, AttributeUpdates=taken)
    dynamodb.update_item(TableName=table, Key={"pk": {"S": "other"}}, AttributeUpdates=taken)
    assert [one["eventName"] for one in address.records(address.stream(table))] == ["INSERT"]
    assert item(dynamodb, table) == KEY


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"Expected": {"n": {"Value": FIVE, "Exists": False}}}, "Exists is set to false"),
        ({"Expected": {"n": {"Exists": True}}}, "Value must be provided"),
        ({"Expected": {"n": {"ComparisonOperator": "BETWEEN", "AttributeValueList": [ONE]}}}, "number of argument"),
        ({"Expected": {"n": {"ComparisonOperator": "NULL", "AttributeValueList": [ONE]}}}, "number of argument"),
        ({"Expected": {"n": {"ComparisonOperator": "IN", "AttributeValueList": []}}}, "number of argument"),
        ({"Expected": {"n": {"ComparisonOperator": "NEAR", "AttributeValueList": [ONE]}}}, "comparisonOperator"),
        ({"Expected": {"n": {"ComparisonOperator": "EQ", "Value": ONE}}}, "cannot be used with ComparisonOperator"),
        ({"Expected": {"n": {"Value": FIVE}}, "ConditionalOperator": "XOR"}, "conditionalOperator"),
        ({"Expected": {"n": {"Value": FIVE}}, "ConditionExpression": "attribute_exists(n)"}, "both expression and"),
        ({"AttributeUpdates": {"n": {"Action": "PUT"}}}, "Only DELETE action"),
        ({"AttributeUpdates": {"n": {"Action": "ADD", "Value": {"S": "x"}}}}, "not supported for the type S"),
        ({"AttributeUpdates": {"n": {"Action": "DELETE", "Value": ONE}}}, "not supported for the type N"),
        ({"AttributeUpdates": {"n": {"Action": "MOVE", "Value": ONE}}}, "attributeUpdates.n"),
        ({"AttributeUpdates": {"n": {"Value": ONE}}, "UpdateExpression": "REMOVE n"}, "both expression and"),
    ],
)
def test_what_dynamodb_refuses_is_refused(dynamodb, table, members, text):
    with pytest.raises(ClientError, match=text) as refused:
        dynamodb.update_item(TableName=table, Key=KEY, **members)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert item(dynamodb, table) == {**KEY, **HELD}
