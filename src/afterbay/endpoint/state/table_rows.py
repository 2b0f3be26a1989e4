"""DynamoDB's tables over a restart: calls that define them are made again, items are stored as such.

For moto's thread; what is to be stored is noted by the loop, in the same step as the records of the stream.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, cast

import msgspec
from moto.dynamodb.models.dynamo_type import DynamoType, Item

from afterbay.core.change.wire import JsonValue
from afterbay.endpoint.capture import Write, home_of, typed
from afterbay.endpoint.moto import Moto
from afterbay.endpoint.protocol import Request, Response
from afterbay.endpoint.state.calls import Call, CallLog, Kept, draw_call_seed
from afterbay.endpoint.state.moto_keeper import carried_out, standing
from afterbay.endpoint.state.state import Op, State

if TYPE_CHECKING:
    from moto.dynamodb.models.table import Table

__all__ = ["DEFINING", "DESTINATION", "KEPT", "REPLICAS", "TableRows", "definition", "put_back"]

SERVICE = "dynamodb"
DEFINING = frozenset(
    {
        "CreateTable",
        "UpdateTable",
        "DeleteTable",
        "UpdateTimeToLive",
        "TagResource",
        "UntagResource",
        "UpdateContinuousBackups",
        "PutResourcePolicy",
        "DeleteResourcePolicy",
    }
)
"""Operations that change a table and none of its items."""

_PUT = "INSERT INTO items (home, key, body) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body"
_DELETE = "DELETE FROM items WHERE home = ? AND key = ?"
_DELETE_ALL = "DELETE FROM items WHERE home = ?"
_TARGET = "x-amz-target"
DESTINATION = "KinesisStreamingDestination"
REPLICAS = "Replicas"
KEPT = frozenset({DESTINATION, REPLICAS})
"""No operations: rows that say how a table's destination stands, and where its replicas are."""


class TableRows:
    """Definitions and items of every table."""

    def __init__(self, state: State, moto: Moto, now: Callable[[], datetime]) -> None:
        self._state = state
        self._moto = moto
        self._now = now

    def define(self, region: str, target: str, body: bytes, carry_out: Callable[[], Response]) -> Response:
        """Carry out a call that defines a table, and have the loop note it."""
        seed, at = draw_call_seed(), self._now()
        with standing(self._moto, at, seed):
            response = carry_out()
        if response.status >= 400:
            return response
        members: Mapping[str, JsonValue] = msgspec.json.decode(body)
        operation = target.rpartition(".")[2]
        home = _home(region, str(members.get("TableName") or members.get("ResourceArn") or ""))
        request = Request("POST", "/", "", {_TARGET: target}, body, region)
        ops = CallLog.ops(Call(SERVICE, operation, at, seed, request), Kept(home, ends=operation == "DeleteTable"))
        if operation == "DeleteTable":
            # no other table's calls name this one
            ops = [("DELETE FROM calls WHERE service = ? AND scope = ?", (SERVICE, home)), (_DELETE_ALL, (home,))]
        self._moto.on_loop(lambda: self._state.note(ops))
        return response

    def keep(self, region: str, table: str, what: str, body: bytes, *, part: str) -> None:
        """Something of ours about a table, as it is from now on; it takes the place of what the same part was.

        ``what`` is one of ``KEPT``.
        """
        home = _home(region, table)
        request = Request("POST", "/", "", {}, body, region)
        call = Call(SERVICE, what, self._now(), draw_call_seed(), request)
        ops = CallLog.ops(call, Kept(home, part=part))
        self._moto.on_loop(lambda: self._state.note(ops))

    @staticmethod
    def apart(calls: Iterable[Call]) -> tuple[list[Call], list[Call]]:
        """Calls that define tables, and what ``keep`` stored."""
        every = list(calls)
        return [one for one in every if one.operation not in KEPT], [one for one in every if one.operation in KEPT]

    def copied(self, table: Table) -> None:
        """A table was made of a backup: keep it as one that was created, with all its items."""
        home = _home(table.region_name, table.name)
        body = msgspec.json.encode(definition(table))
        request = Request("POST", "/", "", {_TARGET: "DynamoDB_20120810.CreateTable"}, body, table.region_name)
        call = Call(SERVICE, "CreateTable", self._now(), draw_call_seed(), request)
        ops = CallLog.ops(call, Kept(home))
        ops += [(_PUT, (home, _key(one.hash_key, one.range_key), _image(typed(one)))) for one in table.all_items()]
        self._moto.on_loop(lambda: self._state.note(ops))

    @staticmethod
    def written(writes: Iterable[Write]) -> list[Op]:
        """What storing these writes takes."""
        ops: list[Op] = []
        for write in writes:
            home = _home(write.recorder.region, write.recorder.table_name)
            key = _key(write.hash_key, write.range_key)
            ops.append((_DELETE, (home, key)) if write.new is None else (_PUT, (home, key, _image(write.new))))
        return ops

    def restore(self, calls: Iterable[Call]) -> None:
        """Define the tables again and put their items back."""
        for call in calls:
            target = call.request.headers[_TARGET]
            request = call.request
            with standing(self._moto, call.at, call.seed):
                carried_out(call, partial(self._moto.call_dynamodb, request.region, target, request.body))
        tables = {
            _home(backend.region_name, name): table
            for backend in self._moto.dynamodb_regions()
            for name, table in backend.tables.items()
        }
        for home, body in self._state.rows("SELECT home, body FROM items ORDER BY number"):
            assert isinstance(body, bytes), "as it was written"
            table = tables.get(str(home))
            if table is not None:
                put_back(table, body)


_IMAGE = msgspec.json.Decoder(dict[str, dict[str, object]])


def put_back(table: Table, body: bytes) -> Item:
    """Put an item where it belongs, past all that looks at a write; ``body`` is its typed form as JSON."""
    make = _value if b'"B' in body else DynamoType  # the look into each value costs as much as all else
    image = _IMAGE.decode(body)
    hash_key = make(image[table.hash_key_attr])
    range_key = None if table.range_key_attr is None else make(image[table.range_key_attr])
    item: object = Item(hash_key, range_key, {})
    assert isinstance(item, Item)
    attributes = cast("dict[str, DynamoType]", vars(item)["attrs"])
    attributes.update((name, make(value)) for name, value in image.items())  # past its __setitem__
    home_of(table, hash_key, range_key)[hash_key if range_key is None else range_key] = item
    return item


def _value(typed: dict[str, object]) -> DynamoType:
    """A value as moto holds it: binary as bytes, at any depth."""
    value = DynamoType(typed)
    _decode(value)
    return value


def _decode(value: DynamoType) -> None:
    if value.is_binary():
        value.value = b64decode(value.value)
    elif value.is_map():
        for one in value.value.values():
            _decode(one)
    elif value.is_list():
        for one in value.value:
            _decode(one)
    elif value.type == "BS":
        value.value = [b64decode(one) for one in value.value]


def _home(region: str, table: str) -> str:
    """Region and name; ``table`` may be an ARN."""
    return f"{region}/{table.rpartition('/')[2]}"


def _key(hash_key: DynamoType, range_key: DynamoType | None) -> bytes:
    parts = [hash_key] if range_key is None else [hash_key, range_key]
    return msgspec.json.encode([(part.type, part.value) for part in parts])


def _image(image: dict[str, object]) -> bytes:
    return msgspec.json.encode(image)


def definition(table: Table) -> dict[str, object]:
    """The CreateTable that makes an empty table like this one."""
    described = table.describe(base_key="Table")["Table"]
    members: dict[str, object] = {
        name: described[name] for name in ("TableName", "KeySchema", "AttributeDefinitions") if name in described
    }
    on_demand = table.billing_mode == "PAY_PER_REQUEST"
    members["BillingMode"] = "PAY_PER_REQUEST" if on_demand else "PROVISIONED"
    if not on_demand:
        members["ProvisionedThroughput"] = _units(table.throughput)
    if table.indexes:
        members["LocalSecondaryIndexes"] = [_index(one) for one in table.indexes]
    if table.global_indexes:
        members["GlobalSecondaryIndexes"] = [
            _index(one) | ({} if on_demand else {"ProvisionedThroughput": _units(one.throughput)})
            for one in table.global_indexes
        ]
    return members


def _index(index: object) -> dict[str, object]:
    return {
        "IndexName": vars(index)["name"],
        "KeySchema": vars(index)["schema"],
        "Projection": vars(index)["projection"],
    }


def _units(throughput: Mapping[str, object]) -> dict[str, int]:
    """Whole numbers of at least one, as CreateTable wants them."""
    return {name: max(int(str(throughput.get(name) or 1)), 1) for name in ("ReadCapacityUnits", "WriteCapacityUnits")}
