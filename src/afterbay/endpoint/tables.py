"""DynamoDB's table API: moto's tables, with streams, expiry and normalised numbers of our own.

Every request runs in moto's thread as one step: moto's call, what it wrote, and the hand-over of the records to the
event loop in the same order. What a failed request wrote is undone (S71).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import msgspec
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import Table

from afterbay.core.change.wire import JsonValue
from afterbay.emulator.record import Change
from afterbay.emulator.stream import ON_DEMAND_SHARDS, PROVISIONED_SHARDS, KeyElement, StreamLog
from afterbay.endpoint.batches import check_batch
from afterbay.endpoint.cancellations import cancelled_for_keys
from afterbay.endpoint.capture import Capture, Recorder, Write
from afterbay.endpoint.destinations import OPERATIONS, Destination, Destinations
from afterbay.endpoint.expiry import ExpiryIndex
from afterbay.endpoint.keys import KEYED_OPERATIONS, check_keys
from afterbay.endpoint.kinesis import KinesisStreams
from afterbay.endpoint.legacy import LEGACY_OPERATIONS, as_expressions
from afterbay.endpoint.moto import Moto
from afterbay.endpoint.numbers import normalise
from afterbay.endpoint.partiql.calls import PARTIQL_OPERATIONS, Statements
from afterbay.endpoint.plain_put import PlainPut, plain_put
from afterbay.endpoint.protocol import Request, Response, TimeKeeper, json_object, json_response
from afterbay.endpoint.repeats import Repeats
from afterbay.endpoint.replicas import Replicas, ReplicaWish, take_replicas
from afterbay.endpoint.state.calls import Call
from afterbay.endpoint.state.state import State
from afterbay.endpoint.state.table_rows import DEFINING, DESTINATION, REPLICAS, TableRows
from afterbay.endpoint.stream_members import StreamWish, check_update, describe, take_wish
from afterbay.endpoint.streams import StreamRegistry
from afterbay.endpoint.table_id import table_id
from afterbay.endpoint.table_key import TableKey
from afterbay.endpoint.updates import UpdatedItem, name_updates, removing_updates
from afterbay.endpoint.values import check_values
from afterbay.errors import EndpointError

__all__ = ["Tables"]

TARGET_PREFIX = "DynamoDB_20120810."

_SHAPING = frozenset({"CreateTable", "UpdateTable", "DeleteTable", "DescribeTable"})
_TRANSACTIONS = frozenset({"TransactGetItems", "TransactWriteItems"})
_READ = _SHAPING | {
    "PutItem",
    *KEYED_OPERATIONS,
    *_TRANSACTIONS,
    "RestoreTableFromBackup",
    "RestoreTableToPointInTime",
}
"""Operations whose members we look at; of the others only those that hold a number."""

_RESTORING = frozenset({"RestoreTableFromBackup", "RestoreTableToPointInTime", "ImportTable"})
"""Operations that make a table of something else."""

KEY_NAME_BYTES_MAX = 255
"""Of the name of a key attribute (S100)."""

SWEEP_MAX = 1000
"""Items removed in one step: a longer one would hold up every other request."""


@dataclass(frozen=True, slots=True)
class _TableFacts:
    arn: str
    name: str
    id: str
    keys: tuple[KeyElement, ...]
    on_demand: bool


class Tables:
    """The service as the address calls it. ``expiry_changed`` is told, on the loop, that an expiry was written."""

    def __init__(
        self,
        moto: Moto,
        streams: StreamRegistry,
        clock: TimeKeeper,
        expiry_changed: Callable[[], None],
        *,
        kinesis: KinesisStreams,
        state: State | None = None,
    ) -> None:
        self._moto = moto
        self._streams = streams
        self._clock = clock
        self._expiry_changed = expiry_changed
        self._capture = Capture()
        self._expiry = ExpiryIndex()
        self._state = state
        self._rows = None if state is None else TableRows(state, moto, clock.now)
        self._destinations = Destinations(moto, kinesis, self._keep_destination)
        self._replicas = Replicas(moto, self._keep_replicas)
        self._repeats = Repeats(clock.now)
        self._statements = Statements(self._perform, self._read_together, self._table_key)

    async def __call__(self, request: Request) -> Response:
        target = request.headers.get("x-amz-target", "")
        operation = target.removeprefix(TARGET_PREFIX)
        body = request.body
        if operation in OPERATIONS:
            asked = json_object(body)
            return await self._moto.run(lambda: self._destinations.call(request.region, operation, asked))
        if operation in PARTIQL_OPERATIONS:
            return await self._statements(request.region, operation, json_object(body))
        members: dict[str, JsonValue] = {}
        changed = False
        if operation in _READ or b'"N' in body or (operation in LEGACY_OPERATIONS and b'"Expected"' in body):
            members = json_object(body)
            changed = as_expressions(operation, members)
            changed |= name_updates(operation, members)
            changed |= normalise(members)
        put = plain_put(members, len(body)) if operation == "PutItem" else None
        if put is not None:
            return await self._moto.run(lambda: self._put(request.region, put, target))
        if operation in _READ:
            check_values(operation, members)
        if changed:
            body = msgspec.json.encode(members)
        if operation in _SHAPING:
            return await self._shape(request.region, target, operation, members)
        removing = removing_updates(operation, members)

        def step() -> Response:
            if operation == "BatchWriteItem":
                check_batch(members, partial(self._key_names, request.region))
            if operation in KEYED_OPERATIONS:
                check_keys(members, partial(self._key, request.region))
            if operation in _TRANSACTIONS:
                refusal = cancelled_for_keys(members, partial(self._key, request.region))
                if refusal is not None:
                    return refusal
            return self._call(request.region, target, body, removing)

        if operation == "TransactWriteItems":
            response = await self._moto.run(lambda: self._repeats.once(request.region, members, step))
        else:
            response = await self._moto.run(step)
        if operation in _RESTORING or operation == "UpdateTimeToLive":
            made = str(members.get("TargetTableName", "")) if operation in _RESTORING else ""
            await self._moto.run(lambda: self._adopt(request.region, made))
        return response

    async def _perform(self, region: str, operation: str, members: dict[str, JsonValue]) -> Response:
        """What a statement stands for, as if it had been asked for by itself."""
        headers = {"x-amz-target": TARGET_PREFIX + operation}
        return await self(Request("POST", "/", "", headers, msgspec.json.encode(members), region))

    async def _read_together(self, region: str, reads: Sequence[tuple[str, dict[str, JsonValue]]]) -> list[Response]:
        """Queries and Scans, with nothing written in between. Raises ``EndpointError``."""
        bodies: list[tuple[str, bytes]] = []
        for operation, members in reads:
            normalise(members)
            check_values(operation, members)
            bodies.append((TARGET_PREFIX + operation, msgspec.json.encode(members)))
        return await self._moto.run(lambda: [self._call(region, target, body, ()) for target, body in bodies])

    async def _table_key(self, region: str, table: str, index: str | None) -> TableKey:
        """Raises ``EndpointError`` for a table or an index that is not there."""
        return await self._moto.run(partial(self._key, region, table, index))

    def restore(self, calls: Iterable[Call]) -> None:
        """Make the stored tables again. In moto's thread."""
        assert self._rows is not None, "only an address with a state has something to restore"
        definitions, kept = TableRows.apart(calls)
        self._rows.restore(definitions)
        for call in kept:
            if call.operation == DESTINATION:
                self._destinations.restore(call.request.region, call.request.body)
            else:
                self._replicas.restore(call.request.body)
        for backend in self._moto.dynamodb_regions():
            self._adopt(backend.region_name)

    async def sweep(self) -> None:
        """Remove what is expired now, as the service does: REMOVE with its own name (S65, S66)."""
        while await self._moto.run(self._sweep):
            pass

    def next_due_s(self) -> int | None:
        """Epoch seconds of the next expiry, or None. If moto's thread changes it, ``expiry_changed`` follows."""
        return self._expiry.next_due_s()

    async def reset(self) -> None:
        self._expiry = ExpiryIndex()
        self._capture = Capture()
        self._destinations.reset()
        self._replicas.reset()
        self._repeats.reset()
        self._streams.reset()

    async def _shape(self, region: str, target: str, operation: str, members: dict[str, JsonValue]) -> Response:
        """CreateTable, UpdateTable, DeleteTable, DescribeTable: moto's answer with the stream's members."""
        if operation == "CreateTable":
            _check_keys(members)
        wish, replicas = take_wish(members), take_replicas(members)
        name = str(members.get("TableName", ""))
        if operation == "UpdateTable" and wish is not None:
            before = await self._moto.run(lambda: self._facts(region, name))
            if before is not None:
                check_update(wish, self._streams.enabled(before.arn), before.name)
        if operation == "UpdateTable" and replicas is not None:
            await self._moto.run(lambda: self._replicas.check(region, _table_name(name), replicas))
        body = msgspec.json.encode(members)

        latest: StreamLog | None = None

        def change_stream(facts: _TableFacts) -> None:
            nonlocal latest
            if wish is not None:
                self._grant(wish, facts)
            latest = self._streams.latest(facts.arn)
            if operation == "DeleteTable":
                self._streams.forget_table(facts.arn)

        def carry_out() -> tuple[Response, _TableFacts | None]:
            known = self._facts(region, name)
            response = self._call(region, target, body, ())
            self._adopt(region)
            facts = self._facts(region, name) or known
            if response.status == 200 and facts is not None:
                if operation == "DeleteTable":
                    self._destinations.forget_table(region, facts.name)
                    self._replicas.left(region, facts.name)
                # In the same step as the table: a write that follows at once finds its stream.
                self._moto.on_loop(partial(change_stream, facts))
                if replicas is not None:
                    self._change_replicas(region, facts, replicas)
            return response, facts

        response, facts = await self._moto.run(carry_out)
        if response.status != 200 or facts is None:
            return response
        answer = json_object(response.body)
        for description in (answer.get("TableDescription"), answer.get("Table")):
            if isinstance(description, dict):
                description["TableId"] = facts.id
                self._replicas.describe(region, facts.name, description)
                describe(description, latest, operation)
        return json_response(answer, protocol="json-1.0")

    def _change_replicas(self, region: str, facts: _TableFacts, wish: ReplicaWish) -> None:
        """In moto's thread, after the table's own change."""
        for other in wish.create:
            made = self._replicas.create(region, facts.name, other)
            if self._rows is not None:
                self._rows.copied(made)
            self._adopt(other)
            there = self._facts(other, facts.name)
            assert there is not None, "it was made just now"
            self._moto.on_loop(partial(self._grant_as, facts, there))
        for other in wish.delete:
            there = self._facts(other, facts.name)
            body = msgspec.json.encode({"TableName": facts.name})
            self._call(other, TARGET_PREFIX + "DeleteTable", body, ())
            self._destinations.forget_table(other, facts.name)
            self._replicas.left(other, facts.name)
            if there is not None:
                self._moto.on_loop(partial(self._streams.forget_table, there.arn))

    def _grant_as(self, facts: _TableFacts, replica: _TableFacts) -> None:
        """A replica of a streamed table has a stream of its own (S79)."""
        latest = self._streams.enabled(facts.arn)
        if latest is not None:
            self._grant(StreamWish(latest.view), replica)

    def _grant(self, wish: StreamWish, facts: _TableFacts) -> None:
        if wish.view is None:
            self._streams.disable(facts.arn)
            return
        roots = ON_DEMAND_SHARDS if facts.on_demand else PROVISIONED_SHARDS
        self._streams.enable(facts.arn, view=wish.view, keys=facts.keys, roots=roots)

    # ---- in moto's thread

    def _call(self, region: str, target: str, body: bytes, removing: tuple[UpdatedItem, ...]) -> Response:
        rows, operation = self._rows, target.removeprefix(TARGET_PREFIX)
        if rows is not None and operation in DEFINING:
            return rows.define(region, target, body, lambda: self._moto.call_dynamodb(region, target, body))
        response = self._carry_out(region, lambda: self._moto.call_dynamodb(region, target, body), removing)
        return _without_unasked_capacity(body, response)

    def _put(self, region: str, put: PlainPut, target: str) -> Response:
        """By the table alone where it takes the item, else as any other request."""
        table = self._moto.dynamodb(region).tables.get(put.table)
        if table is None or not put.takes(table):
            body = msgspec.json.encode({"TableName": put.table, "Item": put.item})
            return self._call(region, target, body, ())

        recorder = _known_recorder(table)

        def write() -> Response:
            put.store(table, recorder)
            return json_response({}, protocol="json-1.0")

        return self._carry_out(region, write, ())

    def _key_names(self, region: str, table: str) -> tuple[str, ...] | None:
        found = self._facts(region, table)
        return None if found is None else tuple(key.name for key in found.keys)

    def _key(self, region: str, name: str, index: str | None = None) -> TableKey:
        table = self._moto.dynamodb(region).tables.get(_table_name(name))
        if table is None:
            raise EndpointError("ResourceNotFoundException", "Requested resource not found")
        schema = table.schema
        if index is not None:
            found = next((one for one in table.all_indexes() if one.name == index), None)
            if found is None:
                raise EndpointError("ValidationException", "The table does not have the specified index")
            schema = found.schema
        kinds = {one["AttributeName"]: one["AttributeType"] for one in table.attr}
        ordered = sorted(schema, key=lambda one: one["KeyType"] != "HASH")
        return TableKey({one["AttributeName"]: kinds[one["AttributeName"]] for one in ordered})

    def _carry_out(self, region: str, call: Callable[[], Response], removing: tuple[UpdatedItem, ...]) -> Response:
        """moto's call and what comes of it, in one step."""
        succeeded = False
        try:
            response = call()
            succeeded = response.status < 400
        finally:
            writes = self._capture.take()
            if not succeeded:
                self._undo(region, writes)
        if succeeded and writes:
            kept = [write for write in writes if not self._made_by_removing(write, removing)]
            self._undo(region, [write for write in writes if write not in kept])
            self._commit(kept, expired=False)
        return response

    def _undo(self, region: str, writes: list[Write]) -> None:
        tables = self._moto.dynamodb(region).tables
        for write in reversed(writes):
            table = tables.get(write.recorder.table_name)
            if table is not None:
                write.undo(table)

    def _commit(self, writes: list[Write], *, expired: bool) -> None:
        """Hand records to the loop: stored there before the answer is known, and in the order of the writes."""
        self._hand_over(writes, expired=expired)
        self._replicas.replicate(writes, _known_recorder)
        replicated = self._capture.take()
        if replicated:
            self._hand_over(replicated, expired=False)  # elsewhere it is a plain removal (S67)

    def _hand_over(self, writes: list[Write], *, expired: bool) -> None:
        now = self._clock.now()
        if self._state is not None and writes:
            self._moto.on_loop(partial(self._state.note, TableRows.written(writes)))
        self._destinations.deliver(writes, expired=expired, now=now)
        for table_arn, group in groupby(writes, key=lambda write: write.recorder.table_arn):
            changes = [Change(write.old, write.new, expired) for write in group]
            self._moto.on_loop(partial(self._streams.commit, table_arn, changes, now))

    def _keep_destination(self, region: str, one: Destination) -> None:
        if self._rows is not None:
            self._rows.keep(region, one.table, DESTINATION, msgspec.json.encode(one), part=one.stream_arn)

    def _keep_replicas(self, region: str, name: str, regions: frozenset[str]) -> None:
        if self._rows is not None:
            self._rows.keep(region, name, REPLICAS, msgspec.json.encode([name, sorted(regions)]), part=REPLICAS)

    def _made_by_removing(self, write: Write, removing: tuple[UpdatedItem, ...]) -> bool:
        """True for an item that an update with nothing but REMOVE or DELETE created: AWS creates none (S71)."""
        if not removing or write.old is not None or write.new is None:
            return False
        return UpdatedItem(write.recorder.table_name, msgspec.json.encode(write.new, order="sorted")) in removing

    def _adopt(self, region: str, made: str = "") -> None:
        """Put our recorder where moto has none yet, and note which tables have an expiry.

        ``made``: the name of a table that came with its items.
        """
        if made and self._rows is not None and made in self._moto.dynamodb(region).tables:
            self._rows.copied(self._moto.dynamodb(region).tables[made])
        for table in self._moto.dynamodb(region).tables.values():
            recorder = _recorder(table)
            if recorder is None:
                recorder = Recorder(self._capture, table, self._note_expiry)
                vars(table)["stream_shard"] = recorder
            wanted = table.ttl.get("AttributeName") if table.ttl["TimeToLiveStatus"] == "ENABLED" else None
            if wanted != recorder.ttl_attribute:
                recorder.ttl_attribute = wanted
                self._expiry.rebuild(recorder, table, self._clock.now())
                self._moto.on_loop(self._expiry_changed)

    def _note_expiry(self, recorder: Recorder, item: Item) -> None:
        if recorder.ttl_attribute is not None and self._expiry.written(recorder, item, self._clock.now()):
            self._moto.on_loop(self._expiry_changed)

    def _sweep(self) -> bool:
        """One step of a sweep; True if there may be more."""
        now = self._clock.now()
        full = False
        for backend in self._moto.dynamodb_regions():
            for table in backend.tables.values():
                recorder = _recorder(table)
                if recorder is None or recorder.ttl_attribute is None:
                    continue
                if self._expiry.outgrown(recorder, table):
                    self._expiry.rebuild(recorder, table, now)
                found = list(self._expiry.due(recorder, table, now, limit=SWEEP_MAX))
                full = full or len(found) == SWEEP_MAX
                for item in found:
                    table.delete_item(item.hash_key, item.range_key)
        self._commit(self._capture.take(), expired=True)
        return full

    def _facts(self, region: str, name: str) -> _TableFacts | None:
        tables = self._moto.dynamodb(region).tables
        table: Table | None = tables.get(_table_name(name))
        if table is None:
            return None
        keys = tuple(KeyElement(key["AttributeName"], key["KeyType"]) for key in table.schema)
        return _TableFacts(table.table_arn, table.name, table_id(table), keys, table.billing_mode == "PAY_PER_REQUEST")


def _check_keys(members: Mapping[str, JsonValue]) -> None:
    """What a table cannot be without, and moto fails for want of; names that are too long (S100). Raises
    ``EndpointError``."""
    lacking = [name for name in ("AttributeDefinitions", "KeySchema") if not members.get(name)]
    if lacking:
        problems = "; ".join(
            f"Value null at '{name[0].lower()}{name[1:]}' failed to satisfy constraint: Member must not be null"
            for name in lacking
        )
        plural = "s" if len(lacking) > 1 else ""
        raise EndpointError("ValidationException", f"{len(lacking)} validation error{plural} detected: {problems}")
    schema = members["KeySchema"]
    for place, element in enumerate(schema if isinstance(schema, list) else ()):
        name = element.get("AttributeName") if isinstance(element, dict) else None
        if isinstance(name, str) and len(name.encode()) > KEY_NAME_BYTES_MAX:
            raise EndpointError(
                "ValidationException",
                f"1 validation error detected: Value '{name}' at 'keySchema.{place + 1}.member.attributeName' failed "
                f"to satisfy constraint: Member must have length less than or equal to {KEY_NAME_BYTES_MAX}",
            )


def _without_unasked_capacity(asked: bytes, response: Response) -> Response:
    """moto tells the capacity that some operations consume unasked."""
    if response.status != 200 or b'"ConsumedCapacity"' not in response.body:
        return response
    if b'"ReturnConsumedCapacity"' in asked and json_object(asked).get("ReturnConsumedCapacity") != "NONE":
        return response
    answer = json_object(response.body)
    answer.pop("ConsumedCapacity", None)
    return json_response(answer, protocol="json-1.0")


def _table_name(name_or_arn: str) -> str:
    return name_or_arn.rpartition("/")[2]


def _known_recorder(table: Table) -> Recorder:
    recorder = _recorder(table)
    assert recorder is not None, "a table is adopted as it is made"
    return recorder


def _recorder(table: Table) -> Recorder | None:
    """Our recorder, where it stands already."""
    shard: object = vars(table)["stream_shard"]
    return shard if isinstance(shard, Recorder) else None
