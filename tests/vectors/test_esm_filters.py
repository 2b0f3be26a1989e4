"""Filters as recorded and documented (R71 to R78): patterns through ``parse_create``, records through the machine.

Records are in Lambda's form, cut from what GetRecords would answer. A vector's kind is told by its members, never by
its name. Data that may be something else than JSON are Kinesis's (R77); of a table's change they never are.
"""

from __future__ import annotations

import base64
import json

import pytest

from afterbay.core.change.kinesis import kinesis_record
from afterbay.core.change.page import split_page
from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.core.change.view import ChangeKind, ViewType
from afterbay.core.mapping.settings import MappingSettings, parse_create, parse_update
from afterbay.errors import SettingsError
from unit.core.mapping.driving import ARN, T0, World, after
from vectors.loading import Reader, Vector, vectors

KINESIS = "arn:aws:kinesis:eu-west-1:000000000000:stream/clicks"


def number(ordinal: int) -> int:
    return ordinal * 10**20 + 499659


def mapping(patterns: list[dict], arn: str = ARN, **more: object) -> MappingSettings:
    request = {"EventSourceArn": arn, "FunctionName": "f", "StartingPosition": "TRIM_HORIZON", **more}
    return parse_create({**request, "FilterCriteria": {"Filters": patterns}}).settings


def change(ordinal: int, kind: ChangeKind, view: ViewType, old: dict | None, new: dict | None) -> dict:
    """A record as GetRecords answers it."""
    item = new if new is not None else old
    assert item is not None
    return {
        "eventID": f"{ordinal:032x}",
        "eventName": kind,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": {
            "ApproximateCreationDateTime": int(T0.timestamp()),
            "Keys": {"id": item.get("id", {"S": str(ordinal)})},
            **view.images(kind, old=old, new=new),
            "SequenceNumber": str(number(ordinal)),
            "SizeBytes": 10,
            "StreamViewType": view,
        },
    }


def cut(changes: list[dict]) -> list[RawRecord]:
    return list(split_page(json.dumps({"Records": changes}).encode(), ARN)[0])


def inserted(*images: dict) -> list[RawRecord]:
    view = ViewType.NEW_AND_OLD_IMAGES
    return cut([change(n, ChangeKind.INSERT, view, None, image) for n, image in enumerate(images, start=1)])


def through(settings: MappingSettings, records: list[RawRecord]) -> World:
    """The mapping when every record is done: what did not pass counts as filtered out and is done too (R78)."""
    world = World(settings, {"s": records}).start().run(1)
    counters = world.mapping.counters
    assert counters.polled == len(records) == counters.filtered_out + sum(map(len, world.delivered))
    assert world.saved() == after(records[-1].position)
    return world


def ordinals(world: World) -> list[int]:
    return [position // 10**20 for batch in world.delivered for position in batch]


def items_put(given: Reader, wanted: Reader) -> None:
    """Items are put into a table, one after the other; a put that changes nothing makes no record."""
    view, table, changes = ViewType(given["StreamViewType"]), {}, []
    for item in given["put_items"]:
        key = json.dumps(item["id"])
        old = table.get(key)
        table[key] = item
        if old != item:
            kind = ChangeKind.INSERT if old is None else ChangeKind.MODIFY
            changes.append(change(len(changes) + 1, kind, view, old, item))
    world = through(mapping(given["Filters"], BatchSize=given["BatchSize"]), cut(changes))
    bodies = [[json.loads(one.body) for one in batch.records] for batch in world.batches]
    assert len(bodies) == wanted["invocations"]
    assert [
        [
            {
                "eventName": body["eventName"],
                "NewImage": body["dynamodb"].get("NewImage"),
                "OldImage": body["dynamodb"].get("OldImage"),
            }
            for body in batch
        ]
        for batch in bodies
    ] == wanted["delivered"]


def kinds_of_change(given: Reader, wanted: Reader) -> None:
    item, changes = {"id": {"S": "a"}, "n": {"N": "1"}}, []
    for ordinal, name in enumerate(given["event_names"], start=1):
        kind = ChangeKind(name)
        old = None if kind is ChangeKind.INSERT else item
        new = None if kind is ChangeKind.REMOVE else {**item, "n": {"N": "2"}}
        changes.append(change(ordinal, kind, ViewType.NEW_AND_OLD_IMAGES, old, new))
    world = through(mapping(given["Filters"]), cut(changes))
    assert [one.event_name for batch in world.batches for one in batch.records] == wanted["matched"]


def some_are_kept(given: Reader, wanted: Reader) -> None:
    images = [{"id": {"S": str(n)}, "keep": {"BOOL": keep}} for n, keep in enumerate(given["keep"])]
    world = through(mapping(given["Filters"], BatchSize=given["BatchSize"]), inserted(*images))
    assert ordinals(world) == wanted["delivered_ordinals"]
    assert len(world.delivered) == 1, "what is left out takes no place in a batch"
    assert wanted["checkpoint"] == f"after record {len(images)}"
    assert world.saved() == after(number(len(images)))


def a_pattern_that_matches_nothing(given: Reader, wanted: Reader) -> None:
    records = inserted(given["NewImage"])
    assert wanted["match"] is False
    assert through(mapping([{"Pattern": given["pattern"]}]), records).delivered == []
    assert ordinals(through(mapping([{"Pattern": wanted["working_pattern"]}]), records)) == [1]


def repeated_keys(given: Reader, wanted: Reader) -> None:
    """Bodies that have every combination of the values that either pattern names."""
    values = [None, "hello", "world", "x", "other"]
    bodies = [{"data": {"k": k, "u": u}} for k in values for u in values]
    records = [
        RawRecord(json.dumps(body).encode(), number(n), ItemKey(b"k"), T0.timestamp(), "INSERT")
        for n, body in enumerate(bodies, start=1)
    ]
    found = ordinals(through(mapping([{"Pattern": given["pattern"]}]), records))
    assert found == ordinals(through(mapping([{"Pattern": wanted["equivalent_pattern"]}]), records))
    assert [bodies[one - 1] for one in found] == [{"data": {"k": "world", "u": "x"}}]


DATA_PATTERNS = {
    "valid JSON": ({"dynamodb": {"NewImage": {"v": {"S": ["yes"]}}}}, {"data": {"v": ["yes"]}}),
    "no data filter": ({"eventName": ["INSERT"]}, {"partitionKey": ["p"], "eventSource": ["aws:kinesis"]}),
    "non-JSON": ({"dynamodb": "yes"}, {"data": ["yes"]}),
}
"""For a table, and for Kinesis."""


def formats(given: Reader, wanted: Reader) -> None:
    """What comes of data and pattern of either form. The data of a table's change is JSON."""
    for_table, for_kinesis = ({"Pattern": json.dumps(one)} for one in DATA_PATTERNS[given["pattern_for_data"]])
    incoming, action = given["incoming_data"], wanted["action"]
    if action == "error at create/update":
        assert incoming in ("valid JSON", "non-JSON")  # whatever comes: the pattern is judged before anything does
        for pattern, arn in ((for_table, ARN), (for_kinesis, KINESIS)):
            with pytest.raises(SettingsError, match="Invalid filter pattern definition"):
                mapping([pattern], arn)
            with pytest.raises(SettingsError, match="Invalid filter pattern definition"):
                parse_update(mapping([], arn), {"FilterCriteria": {"Filters": [pattern]}})
        return
    passed = {"filter": [1], "drop record": [], "filter on metadata only": [1, 2]}[action]
    if incoming == "non-JSON":
        data = [b"yes", b'{"v": "yes"']
    else:
        data = [b'{"v": "yes"}', b'{"v": "no"}']
        yes, no = {"id": {"S": "1"}, "v": {"S": "yes"}}, {"id": {"S": "2"}, "v": {"S": "no"}}
        view = ViewType.NEW_AND_OLD_IMAGES
        records = inserted(yes, no) + cut([change(3, ChangeKind.MODIFY, view, no, {**no, "w": {"N": "1"}})])
        assert ordinals(through(mapping([for_table]), records)) == passed
    records = [kinesis(number, one) for number, one in enumerate(data, start=1)]
    assert ordinals(through(mapping([for_kinesis], KINESIS), records)) == passed


def kinesis(ordinal: int, data: bytes) -> RawRecord:
    return kinesis_record(
        stream_arn=KINESIS,
        shard="shardId-000000000000",
        sequence_number=str(number(ordinal)),
        partition_key="p",
        data=data,
        arrived=T0,
        role="arn:aws:iam::000000000000:role/any",
    )


def kinesis_data(given: Reader, wanted: Reader) -> None:
    settings = mapping(given["Filters"], KINESIS)
    records = [kinesis(n, json.dumps(data).encode()) for n, data in enumerate(given["data_json"], start=1)]
    world = through(settings, records)
    bodies = [json.loads(one.body) for batch in world.batches for one in batch.records]
    assert [json.loads(base64.b64decode(one["kinesis"]["data"])) for one in bodies] == wanted["delivered_data_json"]
    assert len(world.delivered) == wanted["invocations"]


KINDS = {
    frozenset({"Filters", "put_items", "StreamViewType", "BatchSize"}): items_put,
    frozenset({"Filters", "event_names"}): kinds_of_change,
    frozenset({"Filters", "keep", "BatchSize"}): some_are_kept,
    frozenset({"Filters", "data_json"}): kinesis_data,
    frozenset({"incoming_data", "pattern_for_data"}): formats,
    frozenset({"pattern", "NewImage"}): a_pattern_that_matches_nothing,
    frozenset({"pattern"}): repeated_keys,
}


@pytest.mark.parametrize("vector", vectors("esm/filters.json"))
def test_a_filter_lets_through_what_was_recorded(vector: Vector) -> None:
    with vector.opened() as (given, wanted):
        KINDS[given.names](given, wanted)
