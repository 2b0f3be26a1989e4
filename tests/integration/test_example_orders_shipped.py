"""examples/orders-shipped is up with one command in both forms: each consumer has a shipment once, whatever is edited,
replayed or broken."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from integration.serving import REGION
from integration.test_templates import EXAMPLES, Up, up

FOLDER = EXAMPLES / "orders-shipped"
FORMS = ("template.yaml", "plan.json")
BUCKET = "orders-archive-000000000000"
WINDOW_S = 5
IN_TIME_S = 10
"""From bus to consumer, a function's first start on a busy machine included."""


class Shop:
    """The example, up: orders to write, and what each consumer has."""

    def __init__(self, one: Up, index: Path) -> None:
        self.up = one
        self._index = index

    def hurry(self) -> None:
        """Let the pipe's batching window be over."""
        data = json.dumps({"advance_s": WINDOW_S}).encode()
        with urllib.request.urlopen(f"{self.up.url}/_afterbay/clock", data=data, timeout=30) as answer:
            assert answer.status == 200

    def put(self, key: str, status: str, city: str = "Lyon") -> None:
        item = {"pk": {"S": key}, "status": {"S": status}, "total": {"N": "19.9"}, "city": {"S": city}}
        self.up.client("dynamodb").put_item(TableName="orders", Item=item)

    def ship(self, key: str) -> None:
        for status in ("PLACED", "PAID", "SHIPPED"):
            self.put(key, status)

    def found(self) -> dict[str, dict]:
        """The search index by key."""
        with closing(sqlite3.connect(self._index)) as index:
            made = index.execute("SELECT 1 FROM sqlite_master WHERE name = 'orders_live'").fetchone()
            rows = index.execute("SELECT item FROM orders_live").fetchall() if made else []
        return {row["pk"]: row for row in (json.loads(item) for (item,) in rows)}

    def objects(self) -> list[dict]:
        """The archive's, as they are listed."""
        return self.up.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])

    def archived(self) -> dict[str, dict]:
        """The archive's records by the name of their object."""
        s3 = self.up.client("s3")
        names = [one["Key"] for one in self.objects()]
        return {name: json.load(s3.get_object(Bucket=BUCKET, Key=name)["Body"]) for name in names}

    def counted(self) -> dict[str, dict]:
        """The rows of analytics by key."""
        return {row["pk"]["S"]: row for row in self.up.client("dynamodb").scan(TableName="shipments")["Items"]}

    def on_the_bus(self) -> int:
        """Events so far, those that no rule wanted too; what was replayed does not count."""
        return self.up.client("events").describe_archive(ArchiveName="orders-shipped")["EventCount"]

    def calls(self) -> dict[str, int]:
        """How often each consumer was called: each says one line a call."""
        return {name: self.up.log.count(f"\n{name} | ") for name in ("search", "archive", "analytics")}

    def verdicts(self, kind: str) -> int:
        """Of the two consumers that have a sink."""
        return sum(int(one) for one in re.findall(rf'"{kind}":(\d+)', self.up.log))

    def has(self, keys: set[str]) -> bool:
        orders = {one["Key"].split("/")[1] for one in self.objects()}
        return self.found().keys() == orders == self.counted().keys() == keys

    def letters(self, queue: str) -> list[dict]:
        sqs = self.up.client("sqs")
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        asked = {"QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0, "MessageAttributeNames": ["All"]}
        return sqs.receive_message(**asked).get("Messages", [])


@contextmanager
def shop(folder: Path, form: str) -> Iterator[Shop]:
    """The example with an index of its own."""
    here = folder / "example"
    shutil.copytree(FOLDER, here)
    file, index = here / form, folder / "index.sqlite3"
    text = file.read_text()
    assert text.count("/tmp/orders-index.sqlite3"), "the index is where the template says"
    file.write_text(text.replace("/tmp/orders-index.sqlite3", str(index)))
    with up(folder, file) as one:
        yield Shop(one, index)


@pytest.mark.parametrize(("form", "events"), [("template.yaml", 2), ("plan.json", 3)])
def test_each_consumer_has_a_shipment_once_and_an_edit_or_a_replay_changes_nothing(tmp_path, form, events):
    """The pipe of the template drops the edit, that of the plan leaves it to the rules."""
    with shop(tmp_path, form) as one:
        assert "2 tables, " in one.up.log and "3 rules" in one.up.log and "1 pipe" in one.up.log
        one.ship("a")
        one.put("a", "SHIPPED", city="Nice")  # an edit of a shipped order, in one batch with its shipping
        one.ship("b")
        one.hurry()
        one.up.until(lambda: one.has({"a", "b"}), "each consumer has both orders")
        assert {key: row["city"] for key, row in one.found().items()} == {"a": "Lyon", "b": "Lyon"}
        assert {row["was"]["S"] for row in one.counted().values()} == {"PAID"}
        kept = one.found(), one.archived(), one.counted()
        assert len(kept[1]) == 2 and one.on_the_bus() == events
        one.up.client("events").start_replay(
            ReplayName="again",
            EventSourceArn=f"arn:aws:events:{REGION}:000000000000:archive/orders-shipped",
            EventStartTime=datetime(2020, 1, 1, tzinfo=UTC),
            EventEndTime=datetime.now(UTC) + timedelta(hours=1),  # its clock was moved
            Destination={"Arn": f"arn:aws:events:{REGION}:000000000000:event-bus/commerce"},
        )
        twice = {"search": 4, "archive": 4, "analytics": 4}
        one.up.until(lambda: one.calls() == twice, "each consumer was called again for each shipment")
        assert (one.verdicts("applied"), one.verdicts("duplicate")) == (4, 4)
        assert (one.found(), one.archived(), one.counted()) == kept
        for queue in ("orders-pipe-dlq", "search-dlq", "archive-dlq", "analytics-dlq"):
            assert one.letters(queue) == []


@pytest.mark.parametrize("form", FORMS)
def test_a_consumer_that_is_gone_leaves_the_others_alone(tmp_path, form):
    """B53, B96."""
    with shop(tmp_path, form) as one:
        one.up.client("lambda").delete_function(FunctionName="search")
        one.ship("a")
        one.hurry()
        (letter,) = one.up.until(lambda: one.letters("search-dlq"), "what search did not get is in its queue")
        told = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
        assert told["RULE_ARN"] == f"arn:aws:events:{REGION}:000000000000:rule/commerce/search"
        assert (told["ERROR_CODE"], told["RETRY_ATTEMPTS"]) == ("NO_RESOURCE", "0")
        event = json.loads(letter["Body"])
        assert event["detail"]["dynamodb"]["Keys"] == {"pk": {"S": "a"}}
        one.up.until(lambda: len(one.objects()) == 1 and one.counted().keys() == {"a"}, "the others have the order")
        (stored,) = one.objects()
        late_s = (stored["LastModified"] - datetime.fromisoformat(event["time"])).total_seconds()
        assert late_s <= IN_TIME_S
        calls = {"search": 0, "archive": 1, "analytics": 1}
        one.up.until(lambda: one.calls() == calls, "each of the others was called once")  # it says so last
        assert one.found() == {}
        for queue in ("orders-pipe-dlq", "archive-dlq", "analytics-dlq"):
            assert one.letters(queue) == []


def test_the_terraform_block_sends_a_batch_of_more_than_ten_in_pieces(tmp_path):
    """X70: what PutEvents would refuse as one call is several."""
    with shop(tmp_path, "plan.json") as one:
        (pipe,) = one.up.client("pipes").list_pipes()["Pipes"]
        told = one.up.client("pipes").describe_pipe(Name=pipe["Name"])["SourceParameters"]["DynamoDBStreamParameters"]
        assert (told["BatchSize"], told["MaximumBatchingWindowInSeconds"]) == (100, 5)
        entry = {"Source": "s", "DetailType": "t", "Detail": "{}", "EventBusName": "commerce"}
        with pytest.raises(ClientError, match="less than or equal to 10"):
            one.up.client("events").put_events(Entries=[entry] * 11)
        one.ship("a")  # one order, and so one shard and batch; each edit of it passes the block's filter
        for number in range(11):
            one.put("a", "SHIPPED", city=str(number))
        one.up.until(lambda: one.on_the_bus() == 12, "all of them are on the bus")
        one.up.until(lambda: one.has({"a"}), "each consumer has the shipment")
        calls = {"search": 1, "archive": 1, "analytics": 1}
        one.up.until(lambda: one.calls() == calls, "each consumer was called once")  # it says so last
        batches = [int(n) for n in re.findall(r"orders-shipped-to-bus: (\d+) records?.*: ok in", one.up.log)]
        assert batches == [12]
        assert one.letters("orders-pipe-dlq") == []
