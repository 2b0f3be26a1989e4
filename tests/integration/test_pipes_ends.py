"""What pipes read and where they deliver, on the running address with boto3: every source and target (X18 to X28, X60
to X72)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from integration.pipes import HOME, Pipes, Queue, api_destination, function, web
from integration.serving import Served, child, unique, wait_for


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with child(tmp_path_factory.mktemp("address")) as one:
        yield one


@pytest.fixture
def pipes(served: Served) -> Iterator[Pipes]:
    made = Pipes(served)
    yield made
    made.close()


def key(record: dict) -> str:
    return record["dynamodb"]["Keys"]["pk"]["S"]


# Sources


def test_a_kinesis_record_comes_flat_and_its_data_are_filtered_and_rendered_parsed(served, pipes):
    kinesis, name, out = served.client("kinesis"), unique("s"), Queue(served)
    kinesis.create_stream(StreamName=name, ShardCount=1)
    arn = f"arn:aws:kinesis:{HOME}:stream/{name}"
    template = {"InputTemplate": '{"n": <$.data.n>, "by": "<$.partitionKey>", "whole": <aws.pipes.event>}'}
    pipes.make(arn, out.arn, filters=[{"data": {"n": [{"numeric": [">", 1]}]}}], sending=template)
    for n in (1, 2, 3):
        kinesis.put_record(StreamName=name, PartitionKey=f"k{n}", Data=json.dumps({"n": n}).encode())
    told = out.bodies(2)
    assert [(one["n"], one["by"]) for one in told] == [(2, "k2"), (3, "k3")]
    assert told[0]["whole"]["eventSource"] == "aws:kinesis" and "kinesis" not in told[0]["whole"]


def test_a_message_that_no_filter_wants_is_deleted_and_the_others_are_once_delivered(served, pipes):
    source, out = Queue(served), Queue(served)
    pipes.make(source.arn, out.arn, filters=[{"body": {"kind": ["order"]}}], sending={"InputTemplate": "<$.body.id>"})
    source.send('{"kind": "note", "id": 1}')
    source.send("no json")
    source.send('{"kind": "order", "id": 2}')
    assert out.bodies() == [2]
    wait_for(lambda: source.left() == 0, "the queue is empty")
    assert len(out.got) == 1


def test_a_group_of_a_fifo_queue_stays_in_order(served, pipes):
    source, out = Queue(served, fifo=True), Queue(served, fifo=True)
    sending = {
        "SqsQueueParameters": {"MessageGroupId": "$.attributes.MessageGroupId"},
        "InputTemplate": '{"n": <$.body.n>}',
    }
    pipes.make(source.arn, out.arn, reading={"BatchSize": 3}, sending=sending)
    for n in range(8):
        source.send(json.dumps({"n": n}), MessageGroupId=f"g{n % 2}", MessageDeduplicationId=str(n))
    out.take(8)
    for group in ("g0", "g1"):
        mine = [json.loads(one["Body"]) for one in out.got if one["Attributes"]["MessageGroupId"] == group]
        assert [one["n"] for one in mine] == sorted(one["n"] for one in mine) and len(mine) == 4
    wait_for(lambda: source.left() == 0, "the queue is empty")


def test_a_pipe_follows_its_stream_through_splits(served, pipes):
    table, out = served.table(), Queue(served)
    pipes.make(table.stream, out.arn, sending={"InputTemplate": "<$.dynamodb.NewImage.n.N>"})
    for n in range(4):
        table.put("one", "two", n=n)
        (open_shard, *_) = [
            one["ShardId"]
            for one in served.client("dynamodbstreams").describe_stream(StreamArn=table.stream)["StreamDescription"][
                "Shards"
            ]
            if "EndingSequenceNumber" not in one["SequenceNumberRange"]
        ]
        served.call("streams/split", StreamArn=table.stream, ShardId=open_shard)
    assert sorted(out.bodies(8)) == sorted([0, 1, 2, 3] * 2)


# Targets


def test_a_fifo_queue_gets_its_group_from_a_path(served, pipes):
    table, out = served.table(), Queue(served, fifo=True)
    group = {"MessageGroupId": "$.dynamodb.Keys.pk.S", "MessageDeduplicationId": "$.eventID"}
    pipes.make(table.stream, out.arn, reading={"BatchSize": 10}, sending={"SqsQueueParameters": group})
    table.put("a", "b")
    out.take(2)
    assert {one["Attributes"]["MessageGroupId"] for one in out.got} == {"a", "b"}
    record = json.loads(out.got[0]["Body"])
    assert out.got[0]["Attributes"]["MessageDeduplicationId"] == record["eventID"]


def test_a_topic_a_stream_and_a_bus_get_an_entry_for_each_record(served, pipes):
    table, out = served.table(), Queue(served)
    sns, kinesis, events = served.client("sns"), served.client("kinesis"), served.client("events")
    topic = sns.create_topic(Name=unique("t"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=out.arn, Attributes={"RawMessageDelivery": "true"})
    stream = unique("s")
    kinesis.create_stream(StreamName=stream, ShardCount=1)
    bus = unique("b")
    bus_arn = events.create_event_bus(Name=bus)["EventBusArn"]
    caught = Queue(served)
    events.put_rule(Name="all", EventBusName=bus, EventPattern='{"detail-type": ["Event from aws:dynamodb"]}')
    events.put_targets(Rule="all", EventBusName=bus, Targets=[{"Id": "q", "Arn": caught.arn}])
    template = '{"key": <$.dynamodb.Keys.pk.S>}'
    keyed = {"KinesisStreamParameters": {"PartitionKey": "$.dynamodb.Keys.pk.S"}, "InputTemplate": template}
    pipes.make(table.stream, topic, sending={"InputTemplate": template})
    pipes.make(table.stream, f"arn:aws:kinesis:{HOME}:stream/{stream}", sending=keyed)
    name = pipes.make(table.stream, bus_arn, sending={"InputTemplate": template})
    table.put("a", "b")
    assert out.bodies(2) == [{"key": "a"}, {"key": "b"}]
    shard = kinesis.describe_stream(StreamName=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    read = lambda: kinesis.get_records(ShardIterator=iterator["ShardIterator"])["Records"]  # noqa: E731
    records = wait_for(lambda: len(read()) == 2 and read(), "both are in the stream")
    assert [(one["PartitionKey"], json.loads(one["Data"])["key"]) for one in records] == [("a", "a"), ("b", "b")]
    told = caught.bodies(2)
    assert {one["detail"]["key"] for one in told} == {"a", "b"}
    assert {one["source"] for one in told} == {f"Pipe {name}"}


def test_a_log_group_gets_a_message_with_a_time_of_the_records(served, pipes):
    source, logs, group = Queue(served), served.client("logs"), unique("/g")
    logs.create_log_group(logGroupName=group)
    own = {"CloudWatchLogsParameters": {"LogStreamName": "orders", "Timestamp": "$.body.at"}}
    arn = f"arn:aws:logs:{HOME}:log-group:{group}"
    pipes.make(source.arn, arn, sending={**own, "InputTemplate": "order <$.body.id>"})
    now = int(time.time() * 1000)
    for n in (2, 1):
        source.send(json.dumps({"id": n, "at": now + n}))

    def written() -> list[dict]:
        try:
            return logs.get_log_events(logGroupName=group, logStreamName="orders", startFromHead=True)["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []

    wait_for(lambda: len(written()) == 2, "both are written")
    assert [(one["message"], one["timestamp"]) for one in written()] == [("order 1", now + 1), ("order 2", now + 2)]


def test_a_function_that_nobody_waits_for_is_called_and_its_error_is_not_heard(served, pipes, tmp_path):
    table, told = served.table(), tmp_path / "told"
    code = f"def handler(event, context):\n    open({str(told)!r}, 'a').write('x')\n    raise ValueError('no')\n"
    own = {"LambdaFunctionParameters": {"InvocationType": "FIRE_AND_FORGET"}}
    name = pipes.make(table.stream, function(served, code), sending=own)
    table.put("a")
    wait_for(lambda: told.exists(), "the function was called")
    (mapping,) = [one for one in served.call("status", "GET")["mappings"] if one["uuid"].endswith(f"pipe/{name}")]
    assert mapping["counters"]["errors"] == 0


def test_an_api_destination_enriches_and_another_is_the_target(served, pipes):
    table = served.table()
    with web() as one:
        one.answer = lambda path, body: (200, b'{"tier": "gold"}' if path.startswith("/tier") else b"OK")
        enrichment, target = (api_destination(served, f"{one.url}/{path}/*") for path in ("tier", "take"))
        path_of = lambda path: {"HttpParameters": {"PathParameterValues": [path]}}  # noqa: E731
        pipes.make(
            table.stream,
            target,
            Enrichment=enrichment,
            EnrichmentParameters={**path_of("$.dynamodb.Keys.pk.S"), "InputTemplate": '{"id": <$.eventID>}'},
            sending={**path_of("$.tier"), "InputTemplate": '{"was": <$.tier>}'},
        )
        table.put("a")
        wait_for(lambda: len(one.seen) == 2, "both were called")
        (asked, headers, sent), (took, _, body) = one.seen
        assert (asked, took) == ("/tier/a", "/take/gold")
        assert list(json.loads(sent)) == ["id"] and json.loads(body) == {"was": "gold"}
        assert headers["X-Key"] == "secret" and headers["User-Agent"] == "Amazon/EventBridge/ApiDestinations"


def test_a_function_enriches_and_may_drop_records(served, pipes):
    table, out = served.table(), Queue(served)
    code = "def handler(event, context):\n    return [{'id': r['id']} for r in event if r['id'] != 'skip']\n"
    pipes.make(
        table.stream,
        out.arn,
        Enrichment=function(served, code),
        EnrichmentParameters={"InputTemplate": '{"id": <$.dynamodb.Keys.pk.S>}'},
        sending={"InputTemplate": '"<$.id> by <aws.pipes.pipe-name>"'},
        reading={"BatchSize": 1},
    )
    table.put("skip", "a", "b")
    assert [one.partition(" ")[0] for one in out.bodies(2)] == ["a", "b"]


def test_messages_larger_than_one_call_takes_go_in_several(served, pipes):
    source, out = Queue(served), Queue(served)
    sending = {"InputTemplate": "<$.body>"}
    name = pipes.make(source.arn, out.arn, sending=sending, DesiredState="STOPPED", until="STOPPED")
    for n in range(4):
        source.send(f"{n}" * 400_000)
    pipes.client.start_pipe(Name=name)
    out.take(4)
    assert sorted(one["Body"][0] for one in out.got) == list("0123")
