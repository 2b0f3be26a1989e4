"""The writes of stream vectors, carried out by boto3: an operation per form, never per vector."""

import re
from base64 import b64decode
from collections.abc import Callable

from integration.running import Running

KEY_VALUES = {"HASH": "P", "RANGE": "C"}
"""The item of vectors that name none."""


def wire_item(item: dict) -> dict:
    """A typed item as boto3 takes it: binary is base64 text in the vectors."""
    return {name: {"B": b64decode(one["B"])} if "B" in one else one for name, one in item.items()}


def numbers(text: str) -> dict:
    """``a=3,b=4`` as a typed item."""
    pairs = (pair.split("=") for pair in text.split(",") if "=" in pair)
    return {name.strip(): {"N": value.strip()} for name, value in pairs}


def update(values: dict) -> dict:
    """UpdateItem's arguments that set ``values``; none of them: an update with the key alone."""
    if not values:
        return {}
    names = list(values)
    return {
        "UpdateExpression": "SET " + ", ".join(f"#n{i} = :v{i}" for i in range(len(names))),
        "ExpressionAttributeNames": {f"#n{i}": name for i, name in enumerate(names)},
        "ExpressionAttributeValues": {f":v{i}": wire_item({"v": values[name]})["v"] for i, name in enumerate(names)},
    }


class Writer:
    """Carries out a vector's operations on one table. ``unstreamed`` is made when an operation asks for it."""

    def __init__(self, address: Running, table: str, key: dict[str, str], item_key: dict[str, str] | None) -> None:
        self._address = address
        self._dynamodb = address.client("dynamodb")
        self._table = table
        self._schema = key
        values = item_key or {name: KEY_VALUES[role] for role, name in key.items()}
        self._key = {name: {"S": value} for name, value in values.items()}
        self._other = ""
        self._forms: tuple[tuple[str, Callable[[re.Match], None]], ...] = (
            (r"PutItem same", self._put_same),
            (r"PutItem key only", lambda _: self._put({})),
            (
                r"PutItem (?:new )?(?P<values>[a-z]=[0-9a-z=,]+)(?: \(replaces\))?",
                lambda m: self._put(numbers(m["values"])),
            ),
            (r"DeleteItem(?P<existing> existing)?(?: missing)?", self._delete),
            (r"UpdateItem key only \(creates\)", lambda _: self._update({})),
            (r"UpdateItem SET (?P<values>[a-z]=[0-9]+)(?: \(creates\))?", lambda m: self._update(numbers(m["values"]))),
            (r"BatchWrite Put (?P<values>[a-z]=[0-9]+)", lambda m: self._batch_put(numbers(m["values"]))),
        )

    def carry_out(self, operation: str | dict) -> None:
        if isinstance(operation, dict):
            ((name, arguments),) = operation.items()
            {
                "PutItem": lambda: self._dynamodb.put_item(TableName=self._table, Item=wire_item(arguments["Item"])),
                "UpdateItem": lambda: self._dynamodb.update_item(
                    TableName=self._table, Key=arguments["Key"], **update(arguments["set"])
                ),
                "DeleteItem": lambda: self._dynamodb.delete_item(TableName=self._table, Key=arguments["Key"]),
                "BatchWriteItem": lambda: self._batch(arguments),
                "TransactWriteItems": lambda: self._transact(arguments),
                "PartiQL": lambda: self._partiql(arguments),
            }[name]()
            return
        for form, act in self._forms:
            found = re.fullmatch(form, operation)
            if found:
                act(found)
                return
        raise AssertionError(f"no form for the operation {operation!r}")

    def _put(self, values: dict) -> None:
        self._dynamodb.put_item(TableName=self._table, Item={**self._key, **values})

    def _put_same(self, _: re.Match) -> None:
        stored = self._dynamodb.get_item(TableName=self._table, Key=self._key)["Item"]
        self._dynamodb.put_item(TableName=self._table, Item=stored)

    def _delete(self, found: re.Match) -> None:
        if found["existing"]:
            self._put({})
        self._dynamodb.delete_item(TableName=self._table, Key=self._key)

    def _update(self, values: dict) -> None:
        self._dynamodb.update_item(TableName=self._table, Key=self._key, **update(values))

    def _batch_put(self, values: dict) -> None:
        self._batch([{"Put": {**self._key, **values}}])

    def _batch(self, members: list[dict]) -> None:
        requests = [
            {"PutRequest": {"Item": one["Put"]}} if "Put" in one else {"DeleteRequest": {"Key": one["Delete"]}}
            for one in members
        ]
        self._dynamodb.batch_write_item(RequestItems={self._table: requests})

    def _transact(self, members: list[dict]) -> None:
        items = []
        for member in members:
            table = self._unstreamed() if member.get("table") == "unstreamed" else self._table
            match next(name for name in member if name != "table"):
                case "Put":
                    items.append({"Put": {"TableName": table, "Item": member["Put"]}})
                case "Delete":
                    items.append({"Delete": {"TableName": table, "Key": member["Delete"]}})
                case "Update":
                    wanted = member["Update"]
                    items.append({"Update": {"TableName": table, "Key": wanted["Key"], **update(wanted["set"])}})
        self._dynamodb.transact_write_items(TransactItems=items)

    def _unstreamed(self) -> str:
        self._other = self._other or self._address.table(view=None, key=self._schema)
        return self._other

    def _partiql(self, text: str) -> None:
        insert = re.fullmatch(r"INSERT (\w+)=(\w+)", text)
        change = re.fullmatch(r"UPDATE SET (\w+)=(\d+) WHERE (\w+)=(\w+)", text)
        delete = re.fullmatch(r"DELETE WHERE (\w+)=(\w+)", text)
        if insert:
            statement = f"INSERT INTO \"{self._table}\" VALUE {{'{insert[1]}': '{insert[2]}'}}"
        elif change:
            statement = f"UPDATE \"{self._table}\" SET {change[1]}={change[2]} WHERE {change[3]}='{change[4]}'"
        else:
            assert delete, f"no form for the statement {text!r}"
            statement = f"DELETE FROM \"{self._table}\" WHERE {delete[1]}='{delete[2]}'"
        self._dynamodb.execute_statement(Statement=statement)
