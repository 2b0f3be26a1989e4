"""Writes that moto gets wrong, mended in front of it: what a failed request leaves, and numbers."""

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def table(address) -> str:
    return address.table()


def keys(address, table) -> list[tuple[str, str]]:
    return [(r["eventName"], r["dynamodb"]["Keys"]["pk"]["S"]) for r in address.records(address.stream(table))]


def stored(address, table) -> set[str]:
    return {one["pk"]["S"] for one in address.client("dynamodb").scan(TableName=table)["Items"]}


def test_an_update_that_fails_on_a_new_item_leaves_none(address, table):
    with pytest.raises(ClientError):
        address.client("dynamodb").update_item(
            TableName=table,
            Key={"pk": {"S": "a"}},
            UpdateExpression="SET v = other + :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )
    assert (stored(address, table), keys(address, table)) == (set(), [])


@pytest.mark.parametrize("value", [{"L": [{"N": 7}]}, {"M": {"a": {"N": 7}}}, {"NS": [7]}])
def test_a_value_of_another_json_type_is_refused_and_leaves_nothing(address, table, value):
    """boto3 would not send it. It was stored, and the next write of the item was never answered."""
    for item, status in (({"pk": {"S": "a"}, "v": value}, 400), ({"pk": {"S": "a"}, "v": {"S": "1"}}, 200)):
        answer = address.dynamodb("PutItem", {"TableName": table, "Item": item})
        assert answer.status == status, answer.body
    assert keys(address, table) == [("INSERT", "a")]


def test_a_value_without_a_type_is_answered(address, table):
    """moto raises StopIteration for it, which no future takes: the request was never answered."""
    answer = address.dynamodb("PutItem", {"TableName": table, "Item": {"pk": {"S": "a"}, "v": {}}})
    assert answer.status >= 400 and keys(address, table) == []


def test_a_cancelled_transaction_leaves_nothing_and_later_writes_are_seen(address, table):
    dynamodb = address.client("dynamodb")
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "old"}, "v": {"S": "1"}})
    with pytest.raises(ClientError, match="TransactionCanceledException"):
        dynamodb.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": table, "Item": {"pk": {"S": "new"}}}},
                {"Delete": {"TableName": table, "Key": {"pk": {"S": "old"}}}},
                {
                    "ConditionCheck": {
                        "TableName": table,
                        "Key": {"pk": {"S": "none"}},
                        "ConditionExpression": "attribute_exists(pk)",
                    }
                },
            ]
        )
    assert stored(address, table) == {"old"}
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "after"}})
    assert keys(address, table) == [("INSERT", "old"), ("INSERT", "after")]


def test_old_images_are_those_before_the_write(address, table):
    dynamodb = address.client("dynamodb")
    for value in ("1", "2", "3"):
        dynamodb.update_item(
            TableName=table,
            Key={"pk": {"S": "a"}},
            UpdateExpression="SET m = :m",
            ExpressionAttributeValues={":m": {"M": {"deep": {"L": [{"N": value}]}}}},
        )
    records = address.records(address.stream(table))
    images = [[one["dynamodb"].get(name, {}).get("m") for name in ("OldImage", "NewImage")] for one in records]
    deep = [None, *({"M": {"deep": {"L": [{"N": value}]}}} for value in ("1", "2", "3"))]
    assert images == [[deep[n], deep[n + 1]] for n in range(3)]


def test_sums_keep_all_their_digits(address, table):
    dynamodb = address.client("dynamodb")
    long = "12345678901234567890123456789012345.678"
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "a"}, "n": {"N": long}})
    added = dynamodb.update_item(
        TableName=table,
        Key={"pk": {"S": "a"}},
        UpdateExpression="ADD n :v",
        ExpressionAttributeValues={":v": {"N": "0.002"}},
        ReturnValues="UPDATED_NEW",
    )
    assert added["Attributes"]["n"] == {"N": "12345678901234567890123456789012345.68"}


@pytest.mark.parametrize("number", ["1" * 39, "1E+126", "1E-131", "seven"])
def test_a_number_that_cannot_be_stored_is_refused(address, table, number):
    with pytest.raises(ClientError) as refused:
        address.client("dynamodb").put_item(TableName=table, Item={"pk": {"S": "a"}, "n": {"N": number}})
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_tables_of_two_regions_are_apart(address, table):
    assert table not in address.client("dynamodb", "ap-south-1").list_tables()["TableNames"]


def test_every_partiql_call_makes_its_records(address, table):
    dynamodb = address.client("dynamodb")
    dynamodb.execute_statement(Statement=f"INSERT INTO \"{table}\" VALUE {{'pk': 'a', 'v': '1'}}")
    dynamodb.batch_execute_statement(Statements=[{"Statement": f"INSERT INTO \"{table}\" VALUE {{'pk': 'b'}}"}])
    dynamodb.execute_transaction(
        TransactStatements=[
            {"Statement": f"UPDATE \"{table}\" SET v='2' WHERE pk='a'"},
            {"Statement": f"DELETE FROM \"{table}\" WHERE pk='b'"},
        ]
    )
    assert keys(address, table) == [("INSERT", "a"), ("INSERT", "b"), ("MODIFY", "a"), ("REMOVE", "b")]


@pytest.mark.parametrize(
    "change", ["SET m.y = 'x.y'", "SET v = 'a, b.c' SET l[0] = 7", 'REMOVE "m"."x"', "REMOVE v, m.x"]
)
def test_a_partiql_update_inside_a_document_is_refused(address, table, change):
    """moto would set an attribute of that name, and the stream would tell of it (S71)."""
    dynamodb = address.client("dynamodb")
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "a"}, "v": {"S": "1"}, "m": {"M": {"x": {"S": "1"}}}})
    with pytest.raises(dynamodb.exceptions.ClientError, match=r"path inside a document.*use UpdateItem"):
        dynamodb.execute_statement(Statement=f"UPDATE \"{table}\" {change} WHERE pk='a'")
    assert keys(address, table) == [("INSERT", "a")]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}]}, "1 .* at 'keySchema'"),
        ({"KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}]}, "1 .* at 'attributeDefinitions'"),
        ({}, "2 .* at 'attributeDefinitions' .*; .* at 'keySchema'"),
    ],
)
def test_a_table_without_keys_is_refused_and_not_a_failure_of_the_address(address, given, told):
    """A failure is retried nine times by the SDK (DESIGN section 5)."""
    with pytest.raises(ClientError, match=f"ValidationException.*{told}"):
        address.client("dynamodb").create_table(TableName="bare", BillingMode="PAY_PER_REQUEST", **given)


def test_a_table_with_a_binary_key_is_scanned_in_segments(address):
    """E15: a backfill reads so. moto took such a key for text, and failed."""
    dynamodb = address.client("dynamodb")
    dynamodb.create_table(
        TableName="binary",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "B"}],
        BillingMode="PAY_PER_REQUEST",
    )
    ids = {bytes([255, one]) for one in range(20)}
    for one in ids:
        dynamodb.put_item(TableName="binary", Item={"id": {"B": one}})
    pages = [dynamodb.scan(TableName="binary", Segment=one, TotalSegments=4)["Items"] for one in range(4)]
    found = [item["id"]["B"] for page in pages for item in page]
    assert set(found) == ids and len(found) == len(ids) and all(pages)
