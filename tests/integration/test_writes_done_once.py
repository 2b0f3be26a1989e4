"""Writes that must not be done twice, or not at all: tokens of transactions, batches, PartiQL's INSERT (S70, S71)."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

KEY = {"pk": {"S": "a"}}


@pytest.fixture
def table(address) -> str:
    return address.table()


@pytest.fixture
def dynamodb(address):
    return address.client("dynamodb")


def add(dynamodb, table: str, token: str, amount: int = 1, **more):
    wanted = {"UpdateExpression": "ADD n :a", "ExpressionAttributeValues": {":a": {"N": str(amount)}}}
    update = {"Update": {"TableName": table, "Key": KEY, **wanted, **more}}
    return dynamodb.transact_write_items(ClientRequestToken=token, TransactItems=[update])


def events(address, table: str) -> list[str]:
    return [one["eventName"] for one in address.records(address.stream(table))]


def total(dynamodb, table: str) -> str:
    return dynamodb.get_item(TableName=table, Key=KEY)["Item"]["n"]["N"]


def test_a_transaction_that_is_sent_again_is_done_once(address, dynamodb, table):
    for _ in range(3):
        add(dynamodb, table, f"{table}-one")
    add(dynamodb, table, f"{table}-two")
    assert total(dynamodb, table) == "2"
    assert events(address, table) == ["INSERT", "MODIFY"]


def test_a_token_with_another_request_is_refused(address, dynamodb, table):
    add(dynamodb, table, table)
    with pytest.raises(ClientError) as refused:
        add(dynamodb, table, table, amount=2)
    assert refused.value.response["Error"]["Code"] == "IdempotentParameterMismatchException"
    assert total(dynamodb, table) == "1"


def test_a_token_is_forgotten_after_ten_minutes(address, dynamodb, table):
    add(dynamodb, table, table)
    address.call("clock", "POST", {"advance_s": 590})
    add(dynamodb, table, table)
    assert total(dynamodb, table) == "1"
    address.call("clock", "POST", {"advance_s": 20})
    add(dynamodb, table, table)
    assert total(dynamodb, table) == "2"


def test_a_cancelled_transaction_uses_up_no_token(dynamodb, table):
    once = {"ConditionExpression": "attribute_exists(pk)"}
    with pytest.raises(ClientError, match="TransactionCanceled"):
        add(dynamodb, table, table, **once)
    dynamodb.put_item(TableName=table, Item=KEY)
    add(dynamodb, table, table, **once)
    assert total(dynamodb, table) == "1"


def test_a_transaction_of_statements_is_done_once_too(address, dynamodb, table):
    statements = [{"Statement": f"UPDATE \"{table}\" SET n=1 WHERE pk='a'"}]
    for number in "05":
        dynamodb.put_item(TableName=table, Item={**KEY, "n": {"N": number}})
        dynamodb.execute_transaction(ClientRequestToken=table, TransactStatements=statements)
    assert total(dynamodb, table) == "5"
    assert events(address, table) == ["INSERT", "MODIFY", "MODIFY"]
    with pytest.raises(ClientError, match="IdempotentParameterMismatch"):
        statements[0]["Statement"] = f"UPDATE \"{table}\" SET n=2 WHERE pk='a'"
        dynamodb.execute_transaction(ClientRequestToken=table, TransactStatements=statements)


def test_a_batch_of_too_many_and_of_one_item_twice_is_refused_whole(address, dynamodb, table):
    def batch(*requests: dict) -> None:
        dynamodb.batch_write_item(RequestItems={table: list(requests)})

    puts = [{"PutRequest": {"Item": {"pk": {"S": f"k{n}"}}}} for n in range(26)]
    with pytest.raises(ClientError, match="Too many items"):
        batch(*puts)
    with pytest.raises(ClientError, match="contains duplicates"):
        batch(puts[0], {"DeleteRequest": {"Key": {"pk": {"S": "k0"}}}})
    assert events(address, table) == []
    batch(*puts[:25])
    assert events(address, table) == ["INSERT"] * 25


def test_numbers_that_are_equal_are_one_key_of_a_batch(address, dynamodb):
    table = address.table(key={"HASH": "pk", "RANGE": "sk:N"})
    puts = [{"PutRequest": {"Item": {"pk": {"S": "a"}, "sk": {"N": number}}}} for number in ("1", "1.0")]
    with pytest.raises(ClientError, match="contains duplicates"):
        dynamodb.batch_write_item(RequestItems={table: puts})


def test_an_insert_statement_replaces_nothing(address, dynamodb, table):
    dynamodb.put_item(TableName=table, Item={**KEY, "n": {"N": "1"}})
    with pytest.raises(ClientError) as refused:
        dynamodb.execute_statement(Statement=f"INSERT INTO \"{table}\" VALUE {{'pk': 'a'}}")
    assert refused.value.response["Error"]["Code"] == "DuplicateItemException"
    assert total(dynamodb, table) == "1"
    dynamodb.execute_statement(Statement=f"INSERT INTO \"{table}\" VALUE {{'pk': 'b'}}")
    assert events(address, table) == ["INSERT", "INSERT"]


NOTHING = {
    "the same set in another order": ("SET ss = :v", {"SS": ["y", "x"]}),
    "an element that is there": ("ADD ss :v", {"SS": ["x"]}),
    "an element that is not there": ("DELETE ss :v", {"SS": ["q"]}),
    "a number spelt otherwise": ("SET n = :v", {"N": "1.000"}),
    "a number in a list": ("SET l[0] = :v", {"N": "1.0"}),
    "a sum that is the same": ("SET n = n + :v", {"N": "0"}),
}


@pytest.mark.parametrize("name", NOTHING)
def test_an_update_that_changes_no_value_makes_no_record(address, dynamodb, table, name):
    item = {**KEY, "n": {"N": "1"}, "ss": {"SS": ["x", "y"]}, "l": {"L": [{"N": "1"}]}}
    dynamodb.put_item(TableName=table, Item=item)
    expression, value = NOTHING[name]
    dynamodb.update_item(TableName=table, Key=KEY, UpdateExpression=expression, ExpressionAttributeValues={":v": value})
    assert events(address, table) == ["INSERT"]


def test_settings_and_the_end_of_a_table_make_no_record(address, dynamodb, table):
    stream = address.stream(table)
    dynamodb.put_item(TableName=table, Item={**KEY, "g": {"S": "x"}})
    dynamodb.tag_resource(ResourceArn=stream.partition("/stream/")[0], Tags=[{"Key": "a", "Value": "b"}])
    dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"})
    units = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
    dynamodb.update_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "g")],
        GlobalSecondaryIndexUpdates=[
            {
                "Create": {
                    "IndexName": "by-g",
                    "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                    "ProvisionedThroughput": units,
                }
            }
        ],
    )
    dynamodb.update_table(TableName=table, ProvisionedThroughput={**units, "ReadCapacityUnits": 7})
    dynamodb.delete_table(TableName=table)
    assert [one["eventName"] for one in address.records(stream)] == ["INSERT"]
