"""What DescribeTable tells a load."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from afterbay.backfill.table import describe_table, read_table
from afterbay.core.change.arn import parse_stream_arn
from afterbay.errors import DeniedError, NotFoundError, SettingsError, UnavailableError
from scanned import STREAM

TABLE = {
    "TableName": "items",
    "TableArn": "arn:aws:dynamodb:eu-west-1:000000000000:table/items",
    "TableId": "id",
    "CreationDateTime": datetime(2026, 1, 1, 10, 11, 12, 345_678, tzinfo=UTC),
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("sk", "pk", "other")],
    "ItemCount": 10,
    "TableSizeBytes": 5_000,
    "LatestStreamArn": STREAM,
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
}


def test_a_table_is_read() -> None:
    table = read_table(TABLE)
    assert (table.name, table.region, tuple(table.keys)) == ("items", "eu-west-1", ("pk", "sk"))
    assert (table.items, table.item_bytes, table.read_units) == (10, 500, 5)
    assert table.streams and table.stream_arn == STREAM


def test_estimates_that_say_nothing_are_none() -> None:
    table = read_table(
        {**TABLE, "ItemCount": 0, "TableSizeBytes": 0, "ProvisionedThroughput": {"ReadCapacityUnits": 0}}
    )
    assert (table.items, table.item_bytes, table.read_units) == (None, None, None)


def test_a_stream_that_is_disabled_records_nothing() -> None:
    table = read_table({**TABLE, "StreamSpecification": None})
    assert not table.streams and table.stream_arn == STREAM


def test_a_table_that_never_had_a_stream_has_an_arn_for_its_records() -> None:
    table = read_table({**TABLE, "LatestStreamArn": None, "StreamSpecification": None})
    assert not table.streams
    assert parse_stream_arn(table.stream_arn).label == "2026-01-01T10:11:12.345"


def test_an_answer_of_another_form_is_told() -> None:
    with pytest.raises(UnavailableError):
        read_table(None)


class Refusing:
    def __init__(self, error: Exception) -> None:
        self.error = error

    async def call(self, service: str, operation: str, **parameters: object) -> dict[str, object]:
        raise self.error


async def test_a_table_that_is_not_there_is_the_callers_mistake() -> None:
    with pytest.raises(SettingsError, match="no table 'items'"):
        await describe_table(Refusing(NotFoundError("no", code="ResourceNotFoundException")), "items")
    with pytest.raises(DeniedError):
        await describe_table(Refusing(DeniedError("no", code="AccessDeniedException")), "items")
