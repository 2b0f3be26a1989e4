"""The function's two sinks, opened once more by the demo itself: to compare them, and to replay into them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from afterbay.cli.demo.places import Names, Places
from afterbay.sinks.dynamodb import DynamoDbSink
from afterbay.sinks.options import Expiry, SinkOptions
from afterbay.sinks.sqlite import SqliteSink

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["OpenSink", "open_sinks"]


@dataclass(frozen=True, slots=True)
class OpenSink:
    """``name`` is for people. ``stored`` reads everything below the guard: tokens and tombstones too."""

    name: str
    sink: SqliteSink | DynamoDbSink
    _places: Places
    _client: DynamoDBClient

    def stored(self) -> Mapping[str, object]:
        """Every row by its key, as it is stored."""
        if isinstance(self.sink, SqliteSink):
            with closing(sqlite3.connect(self._places.sqlite)) as database:
                rows = database.execute(f'SELECT _key, * FROM "{Names.SQL_TABLE}"')
                return {str(row[0]): tuple(row[1:]) for row in rows}
        pages = self._client.get_paginator("scan").paginate(TableName=self._places.copy, ConsistentRead=True)
        return {str(item["pk"]): item for page in pages for item in page["Items"]}


def open_sinks(places: Places, client: DynamoDBClient) -> tuple[OpenSink, OpenSink]:
    """As the function opens them: expiries are mirrored."""
    mirror = SinkOptions(ttl=Expiry.MIRROR)
    return (
        OpenSink("SQLite file", SqliteSink(places.sqlite, Names.SQL_TABLE, options=mirror), places, client),
        OpenSink(f"table {places.copy}", DynamoDbSink(places.copy, client=client, options=mirror), places, client),
    )
