"""Case s13: exactly these records, by real calls at the local address."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from integration.running import Running, running_address

CASE = json.loads(Path(__file__).with_name("s13-which-writes-make-records.json").read_text())
KEY = {"pk": "N"}
FAILS = {8: "ConditionalCheckFailedException", 10: "TransactionCanceledException", 12: "ValidationException"}
"""Operation 12 names an attribute ``missing``, one of DynamoDB's reserved words: it makes no record by failing. The
same update with the name aliased is carried out beside it."""


@pytest.fixture
def address() -> Iterator[Running]:
    with running_address() as running:
        yield running


def carry_out(address: Running, table: str, operation: dict) -> None:
    dynamodb = address.client("dynamodb")
    arguments = {name: value for name, value in operation.items() if name not in ("n", "op")}
    match operation["op"]:
        case "BatchWriteItem":
            dynamodb.batch_write_item(RequestItems={table: arguments["Requests"]})
        case "TransactWriteItems":
            named = [
                {kind: {"TableName": table, **one}} for item in arguments["TransactItems"] for kind, one in item.items()
            ]
            dynamodb.transact_write_items(TransactItems=named)
        case op:
            call = {"PutItem": "put_item", "UpdateItem": "update_item", "DeleteItem": "delete_item"}[op]
            getattr(dynamodb, call)(TableName=table, **arguments)


def test_only_writes_that_change_something_make_records(address):
    (key,) = CASE["table"]["key"]
    table = address.table(view=CASE["table"]["view"], key={key["role"]: f"{key['name']}:{key['type']}"})
    for operation in CASE["operations"]:
        if operation["n"] in FAILS:
            with pytest.raises(ClientError) as refused:
                carry_out(address, table, operation)
            assert refused.value.response["Error"]["Code"] == FAILS[operation["n"]]
            if operation["n"] == 12:
                aliased = {"UpdateExpression": "REMOVE #m", "ExpressionAttributeNames": {"#m": "missing"}}
                carry_out(address, table, {**operation, **aliased})
        else:
            carry_out(address, table, operation)
    records = address.records(address.stream(table))
    x, new, newer = ({"S": text} for text in ("x", "new", "newer"))
    got: dict[str, list] = {}
    for record in records:
        change = record["dynamodb"]
        old, image = (None if name not in change else change[name].get("a") for name in ("OldImage", "NewImage"))
        got.setdefault(change["Keys"]["pk"]["N"], []).append((record["eventName"], old, image))
    assert got == {
        "7": [("INSERT", None, x), ("REMOVE", x, None)],
        "8": [("INSERT", None, new), ("MODIFY", new, newer), ("REMOVE", newer, None)],
        "10": [("INSERT", None, {"S": "t"})],
        "12": [("INSERT", None, {"S": "b"})],
    }
    check_identities(records)
    stored = address.client("dynamodb").scan(TableName=table)["Items"]
    assert {one["pk"]["N"] for one in stored} == {"10", "12"}


def check_identities(records: list[dict]) -> None:
    assert len({one["eventID"] for one in records}) == len(records) and all(one["eventID"] for one in records)
    numbers = [one["dynamodb"]["SequenceNumber"] for one in records]
    assert all(re.fullmatch("[1-9][0-9]{20,39}", one) for one in numbers)
    assert [int(one) for one in numbers] == sorted({int(one) for one in numbers})
    assert {one["dynamodb"]["StreamViewType"] for one in records} == {CASE["table"]["view"]}


def test_a_number_key_reads_back_normalised_and_finds_its_item_however_spelt(address):
    table = address.table(key={"HASH": "pk:N"})
    dynamodb = address.client("dynamodb")
    dynamodb.put_item(TableName=table, Item={"pk": {"N": "7.0"}, "n": {"NS": ["1E2", "2.50"]}})
    item = dynamodb.get_item(TableName=table, Key={"pk": {"N": "0.07E2"}})["Item"]
    assert item["pk"] == {"N": "7"} and set(item["n"]["NS"]) == {"100", "2.5"}
