"""One handler file, unchanged: in a unit test, as a zip on the local address, and by ``afterbay run --inline``."""

from __future__ import annotations

import importlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.forked import launch
from integration.serving import ROLE, WAIT_S, Served, child, environment, unique, wait_for, zipped

MODULE = "orders_handlers"
SOURCE = '''\
"""Orders into a sink, and a line for each order that was shipped."""

import os
from pathlib import Path

import afterbay

store = afterbay.into(afterbay.sink(os.environ["SINK"]))


@afterbay.each
def note(change):
    if change.diff().moved("status", from_="PENDING", to="SHIPPED"):
        with Path(os.environ["NOTES"]).open("a") as out:
            out.write(f"{change.new['pk']} {change.new['total']}\\n")
'''
LIVE = {"a": {"pk": "a", "status": "SHIPPED", "total": 12.5}, "c": {"pk": "c", "status": "PENDING", "total": 3}}
NOTES = ["a 12.5"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with child(tmp_path_factory.mktemp("address")) as one:
        yield one


def write(served: Served, table: str) -> None:
    dynamodb = served.client("dynamodb")
    for key, status, total in [("a", "PENDING", "12.5"), ("b", "PENDING", "1"), ("c", "PENDING", "3")]:
        dynamodb.put_item(TableName=table, Item={"pk": {"S": key}, "status": {"S": status}, "total": {"N": total}})
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "a"}, "status": {"S": "SHIPPED"}, "total": {"N": "12.5"}})
    dynamodb.delete_item(TableName=table, Key={"pk": {"S": "b"}})


def variables(folder: Path) -> dict[str, str]:
    return {"SINK": f"sqlite:///{folder}/orders.sqlite3?table=orders", "NOTES": str(folder / "notes")}


def live(folder: Path) -> dict[str, dict]:
    file = folder / "orders.sqlite3"
    if not file.exists():
        return {}
    database = sqlite3.connect(file)
    try:
        rows = database.execute("SELECT item FROM orders_live").fetchall()
    except sqlite3.OperationalError:
        return {}  # the view is not there yet
    finally:
        database.close()
    return {item["pk"]: item for item in (json.loads(row[0]) for row in rows)}


def notes(folder: Path) -> list[str]:
    file = folder / "notes"
    return file.read_text().splitlines() if file.exists() else []


def arrived(folder: Path) -> bool:
    return live(folder) == LIVE and notes(folder) == NOTES


def test_as_a_zip_on_the_local_address(served, tmp_path):
    table = served.table()
    for handler in ("store", "note"):
        name = unique(handler)
        served.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.11",
            Handler=f"{MODULE}.{handler}",
            Role=ROLE,
            Code={"ZipFile": zipped(**{MODULE: SOURCE})},
            Timeout=30,
            Environment={"Variables": variables(tmp_path)},
        )
        served.client("lambda").create_event_source_mapping(
            FunctionName=name,
            EventSourceArn=table.stream,
            StartingPosition="TRIM_HORIZON",
            FunctionResponseTypes=["ReportBatchItemFailures"],
        )
    write(served, table.name)
    wait_for(lambda: arrived(tmp_path), "sink and notes are right")


def test_inline_in_the_engine(served, tmp_path):
    table = served.table()
    (tmp_path / f"{MODULE}.py").write_text(SOURCE)
    mapping = {"FunctionName": "f", "EventSourceArn": table.stream, "StartingPosition": "TRIM_HORIZON"}
    (tmp_path / "mapping.json").write_text(
        json.dumps({**mapping, "FunctionResponseTypes": ["ReportBatchItemFailures"]})
    )
    write(served, table.name)
    own = environment(served.url, PYTHONPATH=str(tmp_path), **variables(tmp_path))
    for handler, done in [("store", lambda: live(tmp_path) == LIVE), ("note", lambda: notes(tmp_path) == NOTES)]:
        words = ["run", "--mapping", "mapping.json", "--state", f"{handler}.state", "--inline", f"{MODULE}:{handler}"]
        with (tmp_path / "log").open("ab") as log:
            engine = launch(*words, env=own, cwd=tmp_path, stdout=log, stderr=log)
        try:
            wait_for(done, f"what {handler} does is done")
            engine.terminate()
            assert engine.wait(WAIT_S) == 0, (tmp_path / "log").read_text()
        finally:
            engine.kill()
            engine.wait(WAIT_S)


def test_called_in_a_unit_test(tmp_path, monkeypatch):
    (tmp_path / f"{MODULE}.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, value in variables(tmp_path).items():
        monkeypatch.setenv(name, value)
    module = importlib.import_module(MODULE)
    event = {"Records": [*(record(*one) for one in CHANGES)]}
    assert module.store(event, None) == {"batchItemFailures": []}
    assert module.note(event, None) == {"batchItemFailures": []}
    assert module.store(event, None) == {"batchItemFailures": []}, "a replay"
    assert arrived(tmp_path)


def order(key: str, status: str, total: str) -> dict:
    return {"pk": {"S": key}, "status": {"S": status}, "total": {"N": total}}


CHANGES = [
    ("INSERT", 1, {"NewImage": order("a", "PENDING", "12.5")}),
    ("INSERT", 2, {"NewImage": order("b", "PENDING", "1")}),
    ("INSERT", 3, {"NewImage": order("c", "PENDING", "3")}),
    ("MODIFY", 4, {"OldImage": order("a", "PENDING", "12.5"), "NewImage": order("a", "SHIPPED", "12.5")}),
    ("REMOVE", 5, {"OldImage": order("b", "PENDING", "1")}),
]
"""The changes that ``write`` makes."""


def record(kind: str, number: int, images: dict[str, dict]) -> dict:
    (key,) = {image["pk"]["S"] for image in images.values()}
    return {
        "eventID": f"{number:032x}",
        "eventName": kind,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "eventSourceARN": "arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/2026-01-01T00:00:00.000",
        "dynamodb": {
            "ApproximateCreationDateTime": 1767225600.0,
            "Keys": {"pk": {"S": key}},
            **images,
            "SequenceNumber": str(number * 10**20 + 499659),
            "SizeBytes": 40,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    }
