"""``afterbay.handler.into_sink`` without a line of code: a real stream, routed to two sinks by their filters."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

import afterbay
from integration.serving import ROLE, Served, child, unique, wait_for, zipped

HISTORY = {"a": ["PENDING", "SHIPPED"], "b": ["SHIPPED", "RETURNED"], "c": ["PENDING"], "d": ["SHIPPED", None]}
"""The statuses of each order, in turn; None deletes it."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with child(tmp_path_factory.mktemp("address")) as one:
        yield one


def write(served: Served, table: str) -> None:
    dynamodb = served.client("dynamodb")
    for turn in range(2):
        for key, statuses in HISTORY.items():
            match statuses[turn:]:
                case [None, *_]:
                    dynamodb.delete_item(TableName=table, Key={"pk": {"S": key}})
                case [status, *_]:
                    dynamodb.put_item(TableName=table, Item={"pk": {"S": key}, "status": {"S": status}})


def test_each_order_is_in_the_sink_that_its_status_names(served, tmp_path):
    table, copy, name = served.table(), served.table(), unique("route")
    file = f"sqlite:///{quote(str(tmp_path / 'pending.db'))}?table=pending"
    own = quote('{"status":{"S":["PENDING"]}}')
    served.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Handler="afterbay.handler.into_sink",
        Role=ROLE,
        Code={"ZipFile": zipped(unused="")},
        Timeout=30,
        Environment={
            "Variables": {
                "AFTERBAY_SINK": f"dynamodb://{copy.name} {file}&where={own}",
                "AFTERBAY_WHERE": '{"status":{"S":["SHIPPED"]}}',
            }
        },
    )
    served.client("lambda").create_event_source_mapping(
        FunctionName=name,
        EventSourceArn=table.stream,
        StartingPosition="TRIM_HORIZON",
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    write(served, table.name)
    stored = served.client("dynamodb")

    def shipped() -> dict[str, bool]:
        """Every key of the copy: is it live?"""
        return {item["pk"]["S"]: "_deleted" not in item for item in stored.scan(TableName=copy.name)["Items"]}

    wait_for(lambda: shipped() == {"a": True, "b": False, "c": False, "d": False}, "the shipped orders are right")
    pending = afterbay.sink(file)
    wait_for(lambda: [one.item["pk"] for one in pending.read_live()] == ["c"], "the pending orders are right")
    pending.close()
