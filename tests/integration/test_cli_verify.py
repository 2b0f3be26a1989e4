"""``afterbay verify`` on a local address: damage of every kind is found, and mended while the table goes on."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import quote

import pytest
from typer.testing import CliRunner

import afterbay
from afterbay.cli.main import app
from afterbay.sinks.live import live_item
from integration.running import REGION
from integration.serving import wait_for

EXACT = "12345678901234567890.123456789"
WHERE = '{"state":{"S":["open"]}}'


class Copied:
    """A table and its SQLite sink, which a consumer of the stream keeps up to date."""

    def __init__(self, address, file) -> None:
        self.address = address
        self.name = address.table()
        self.stream = address.stream(self.name)
        self.file = file
        self.sink = f"sqlite:///{quote(str(file))}?table=copy&where={quote(WHERE)}"
        self._done = 0
        self._items = address.client("dynamodb")

    def put(self, pk: str, state: str = "open", **attributes: dict) -> None:
        item = {"pk": {"S": pk}, "state": {"S": state}, "total": {"N": EXACT}, **attributes}
        self._items.put_item(TableName=self.name, Item=item)

    def delete(self, pk: str) -> None:
        self._items.delete_item(TableName=self.name, Key={"pk": {"S": pk}})

    def consume(self) -> None:
        """What the stream has behind the consumer's position, into the sink."""
        with closing(afterbay.sink(self.sink)) as sink:
            records = self.address.records(self.stream)
            changes = [
                one
                for one in afterbay.changes({"Records": records}, stream_arn=self.stream)
                if one.sequence_number.number > self._done
            ]
            assert not any(one.failed for one in sink.apply(changes))
            self._done = max((one.sequence_number.number for one in changes), default=self._done)

    def skip(self) -> None:
        """The consumer loses what the stream has behind its position."""
        self._done = max(int(one["dynamodb"]["SequenceNumber"]) for one in self.address.records(self.stream))

    @contextmanager
    def living(self, keys: list[str]) -> Iterator[None]:
        """The table changes all the time, and a consumer follows, while the block runs."""
        stop = threading.Event()
        turns = []

        def live() -> None:
            while not stop.is_set():
                turn = len(turns)
                self.put(keys[turn % len(keys)], "open" if turn % 3 else "shut", turn={"N": str(turn)})
                if turn % 5 == 4:
                    self.delete(keys[turn % len(keys)])
                if turn % 10 == 9:
                    self.consume()
                turns.append(turn)

        writer = threading.Thread(target=live)
        writer.start()
        wait_for(lambda: len(turns) > 20, "the table changes")
        try:
            yield
        finally:
            stop.set()
            writer.join()

    def sql(self, statement: str, *values: object) -> list[tuple]:
        with closing(sqlite3.connect(self.file, timeout=30, isolation_level=None)) as database:
            return list(database.execute(statement, values))

    def shown(self) -> dict[str, dict]:
        with closing(afterbay.sink(self.sink)) as sink:
            return {one.key: one.item for one in sink.read_live()}

    def expected(self) -> dict[str, dict]:
        items = self._items.scan(TableName=self.name, ConsistentRead=True)["Items"]
        found = (live_item(one, frozenset({"pk"})) for one in items if one["state"]["S"] == "open")
        return {one.key: one.item for one in found}

    def verify(self, *words: str, code: int, sink: str | None = None):
        """The command's result."""
        result = CliRunner().invoke(app, ["verify", self.name, "--against", sink or self.sink, *words])
        assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
        return result


@pytest.fixture
def copied(address, tmp_path, monkeypatch):
    for name, value in (("ENDPOINT_URL", address.url), ("ACCESS_KEY_ID", "x"), ("SECRET_ACCESS_KEY", "x")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    return Copied(address, tmp_path / "copy.db")


def key(pk: str) -> str:
    return json.dumps({"pk": {"S": pk}}, separators=(",", ":"))


def damage(copied: Copied) -> dict[str, str]:
    """Eight kinds of it. The keys, and the kind that each must be told as."""
    sql = copied.sql
    sql("DELETE FROM copy WHERE _key = ?", key("lost"))
    ghost = '{"pk":"ghost","state":"open"}'
    sql("INSERT INTO copy SELECT 'ghost', ?, ?, _tok, 0, NULL FROM copy WHERE _key = ?", key("ghost"), ghost, key("k1"))
    old = dict(sql("SELECT _key, _tok FROM copy"))
    copied.put("old", version={"N": "2"})
    copied.put("reset", version={"N": "2"})
    copied.skip()
    sql("UPDATE copy SET item = replace(item, '\"open\"', '\"opne\"') WHERE _key = ?", key("wrong"))
    sql("UPDATE copy SET item = replace(item, ?, '1.2345678901234567e19') WHERE _key = ?", EXACT, key("digits"))
    back = '{"pk":"back","state":"open"}'
    sql("UPDATE copy SET item = ?, _deleted = 0, _expires = NULL WHERE _key = ?", back, key("back"))
    shut = '{"pk":"shut","state":"shut"}'
    sql("UPDATE copy SET item = ?, _deleted = 0, _expires = NULL WHERE _key = ?", shut, key("shut"))
    sql("UPDATE copy SET _tok = ? WHERE _key = ?", "0" * 64, key("reset"))
    assert old[key("old")] > "0" * 64
    return {
        "lost": "missing",
        "ghost": "extra",
        "old": "stale",
        "wrong": "different",
        "digits": "different",
        "back": "extra",
        "shut": "extra",
        "reset": "stale",
    }


def test_each_kind_of_damage_is_found_and_mended_under_load(copied):
    for number in range(30):
        copied.put(f"k{number}", n={"N": str(number)})
    for name in ("lost", "old", "wrong", "digits", "back", "reset"):
        copied.put(name)
    copied.delete("back")
    copied.put("shut", "shut")
    copied.consume()
    assert "nothing differs" in copied.verify(code=0).stdout
    wanted = damage(copied)
    before = copied.sql("SELECT * FROM copy ORDER BY _key")

    told = json.loads(copied.verify("--json", "--wait", "0", code=1).stdout)
    assert {one["key"]["pk"]["S"]: one["kind"] for one in told["samples"]} == wanted
    assert (told["missing"], told["extra"], told["stale"], told["different"]) == (1, 3, 2, 2)
    assert copied.sql("SELECT * FROM copy ORDER BY _key") == before, "verify only looks"

    refused = copied.verify("--repair", code=2)
    assert "--yes" in refused.stderr and copied.sql("SELECT * FROM copy ORDER BY _key") == before

    with copied.living([f"k{number}" for number in range(10)]):
        told = json.loads(copied.verify("--repair", "--yes", "--json", "--wait", "1.5", code=0).stdout)
    # On a busy machine a change can be on its way for longer than the wait: its item is mended too, and rightly.
    assert told["repair"]["repaired"] >= 8 and told["repair"]["could_not"] == []
    copied.consume()
    assert copied.shown() == copied.expected()
    copied.verify("--wait", "0", code=0)


def test_what_a_ttl_removed_is_kept_and_said_so_and_samples_and_logs_are_compared(copied, tmp_path):
    copied.address.client("dynamodb").update_time_to_live(
        TableName=copied.name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"}
    )
    for number in range(5):
        copied.put(f"k{number}")
    copied.put("short", until={"N": "1000000000000"})
    copied.consume()
    copied.sql("UPDATE copy SET item = replace(item, '1000000000000', '1700000000') WHERE _key = ?", key("short"))
    copied.delete("short")

    told = copied.verify(code=0).stdout
    assert "kept" in told and "nothing differs" in told
    mirror = copied.verify("--wait", "0", "--json", code=1, sink=copied.sink + "&ttl=mirror")
    assert json.loads(mirror.stdout)["extra"] == 1

    sampled = json.loads(copied.verify("--sample", "3", "--json", code=0).stdout)
    assert sampled["sample"]["of_table"] == sampled["sample"]["of_sink"] == 3
    assert 0.6 < sampled["sample"]["damaged_share_below"] < 0.7

    values = copied.verify("--wait", "0", "--show-values", code=1, sink=f"sqlite:///{tmp_path / 'none.db'}?table=t")
    assert "missing " + key("k0") + ": never written" in values.stdout and EXACT in values.stdout
    log = "s3://log/changes?mode=log&format=jsonl"
    refused = copied.verify("--repair", "--yes", code=2, sink=log)
    assert "cannot be mended" in refused.stderr
