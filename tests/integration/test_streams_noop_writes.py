"""Writes that change nothing make no record: ``vectors/streams/noop-writes.json`` (S71), under every view type."""

from collections.abc import Callable

import pytest

from integration.running import Running
from vectors.loading import vectors

KEY = {"pk": {"S": "k"}}
ITEM = {**KEY, "x": {"N": "5"}, "m": {"M": {"a": {"S": "1"}, "b": {"S": "2"}}}}
SAME_MAP = {"M": dict(reversed(ITEM["m"]["M"].items()))}


class Table:
    """A table with the item ``k`` stored, and short names for the writes."""

    def __init__(self, address: Running, view: str) -> None:
        self.address = address
        self.dynamodb = address.client("dynamodb")
        self.name = address.table(view=view)
        self.put(ITEM)

    def put(self, item: dict) -> None:
        self.dynamodb.put_item(TableName=self.name, Item=item)

    def update(self, expression: str, key: dict = KEY, **values: dict) -> None:
        more = {"ExpressionAttributeValues": {f":{name}": one for name, one in values.items()}} if values else {}
        self.dynamodb.update_item(TableName=self.name, Key=key, UpdateExpression=expression, **more)

    def batch(self, *requests: dict) -> None:
        self.dynamodb.batch_write_item(RequestItems={self.name: list(requests)})

    def transact(self, operation: str, table: str | None = None, **arguments: object) -> None:
        self.dynamodb.transact_write_items(TransactItems=[{operation: {"TableName": table or self.name, **arguments}}])

    def put_key_only_twice(self) -> None:
        other = {"pk": {"S": "key only"}}
        self.put(other)
        self.before += 1
        self.put(other)

    before = 1
    """Records that the preparation makes."""

    def delete_missing_attribute(self) -> None:
        self.dynamodb.update_item(TableName=self.name, Key=KEY, AttributeUpdates={"none": {"Action": "DELETE"}})

    def remove_on_missing_item(self) -> None:
        missing = {"pk": {"S": "missing"}}
        self.update("REMOVE x", key=missing)
        assert "Item" not in self.dynamodb.get_item(TableName=self.name, Key=missing)


WRITES: dict[str, Callable[[Table], object]] = {
    "PutItem equal to the stored item": lambda t: t.put(ITEM),
    "BatchWriteItem Put equal to stored items": lambda t: t.batch({"PutRequest": {"Item": ITEM}}),
    "TransactWriteItems Put equal to the stored item": lambda t: t.transact("Put", Item=ITEM),
    "TransactWriteItems Update that sets the stored values": lambda t: t.transact(
        "Update", Key=KEY, UpdateExpression="SET x = :v", ExpressionAttributeValues={":v": ITEM["x"]}
    ),
    "UpdateItem SET x to the stored value": lambda t: t.update("SET x = :v", v=ITEM["x"]),
    "UpdateItem ADD x 0 on an existing number": lambda t: t.update("ADD x :v", v={"N": "0"}),
    "UpdateItem SET x to the same map with members in another JSON order": lambda t: t.update("SET m = :v", v=SAME_MAP),
    "UpdateItem REMOVE of an attribute the item does not have": lambda t: t.update("REMOVE nothing"),
    "AttributeUpdates DELETE of an attribute the item does not have": Table.delete_missing_attribute,
    "UpdateItem REMOVE on an item that does not exist (and is not created)": Table.remove_on_missing_item,
    "PutItem with only the key over an item with only the key": Table.put_key_only_twice,
    "DeleteItem of an item that does not exist": lambda t: t.dynamodb.delete_item(
        TableName=t.name, Key={"pk": {"S": "missing"}}
    ),
    "BatchWriteItem Delete of items that do not exist": lambda t: t.batch(
        {"DeleteRequest": {"Key": {"pk": {"S": "missing"}}}}
    ),
    "TransactWriteItems member on a table without a stream": lambda t: t.transact(
        "Put", table=t.address.table(view=None), Item=ITEM
    ),
}


@pytest.mark.parametrize("vector", vectors("streams/noop-writes.json"))
def test_a_write_that_changes_nothing_makes_no_record(address, vector):
    with vector.opened() as (given, wanted):
        for view in given["views"]:
            table = Table(address, view)
            WRITES[given["op"]](table)
            assert len(address.records(address.stream(table.name))) - table.before == wanted["records"]
