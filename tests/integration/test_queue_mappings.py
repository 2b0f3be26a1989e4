"""Mappings of SQS queues on the running address: boto3 outside, moto's queues behind, time moved by ``POST clock``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integration.serving import REGION, Function, Served, child, unique, wait_for


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with child(tmp_path_factory.mktemp("address")) as one:
        yield one


class Queue:
    def __init__(self, served: Served, *, fifo: bool = False, **attributes: str) -> None:
        self.client = served.client("sqs")
        self.name = unique("q") + (".fifo" if fifo else "")
        more = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if fifo else {}
        self.url = self.client.create_queue(QueueName=self.name, Attributes={**more, **attributes})["QueueUrl"]
        self.arn = f"arn:aws:sqs:{REGION}:000000000000:{self.name}"

    def send(self, *bodies: str, **more: object) -> None:
        for body in bodies:
            self.client.send_message(QueueUrl=self.url, MessageBody=body, **more)

    def left(self) -> int:
        """Messages that are in the queue, hidden ones too."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def gone(self) -> None:
        wait_for(lambda: self.left() == 0, "the queue is empty")


@pytest.fixture
def function(served: Served, tmp_path: Path) -> Function:
    return served.function(tmp_path)


@pytest.fixture
def mapping(served: Served) -> Iterator[Callable[..., str]]:
    made: list[str] = []

    def create(function: Function, queue: Queue, **settings: object) -> str:
        answer = served.client("lambda").create_event_source_mapping(
            FunctionName=function.name, EventSourceArn=queue.arn, **settings
        )
        made.append(answer["UUID"])
        served.settle(answer["UUID"], "Enabled" if settings.get("Enabled", True) else "Disabled")
        return answer["UUID"]

    yield create
    for one in made:
        served.client("lambda").delete_event_source_mapping(UUID=one)
    for one in made:
        wait_for(lambda one=one: served.state(one) is None, "the mapping is gone")


PARTIAL = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}


def test_a_message_is_delivered_whole_and_then_deleted(served, function, mapping):
    queue = Queue(served)
    uuid = mapping(function, queue, BatchSize=5)
    more = {"kind": {"DataType": "String", "StringValue": "order"}, "raw": {"DataType": "Binary", "BinaryValue": b"\0"}}
    queue.send("hello", MessageAttributes=more)
    wait_for(lambda: function.batches() == [["hello"]], "the message")
    queue.gone()
    (record,) = function.lines()[0]["records"]
    assert (record["eventSource"], record["eventSourceARN"], record["awsRegion"]) == ("aws:sqs", queue.arn, REGION)
    assert record["md5OfBody"] == hashlib.md5(b"hello", usedforsecurity=False).hexdigest()
    assert record["attributes"]["ApproximateReceiveCount"] == "1" and record["attributes"]["SentTimestamp"].isdigit()
    assert {"SenderId", "ApproximateFirstReceiveTimestamp"} <= record["attributes"].keys()
    empty = {"stringListValues": [], "binaryListValues": []}
    assert record["messageAttributes"] == {
        "kind": {"stringValue": "order", **empty, "dataType": "String"},
        "raw": {"binaryValue": "AA==", **empty, "dataType": "Binary"},
    }
    assert record["messageId"] and record["receiptHandle"] and record["md5OfMessageAttributes"]
    status = wait_for(lambda: (one := served.status(uuid)) and one["counters"]["deleted"] == 1 and one, "its count")
    assert status["queue"] == {"concurrency": 5, "batches": 0, "resting": 0, "messages": 0, "waiting": 0}


def test_a_failed_batch_comes_again_when_its_time_is_over_and_ends_where_the_queue_says(served, function, mapping):
    dead = Queue(served)
    redrive = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 2})
    queue = Queue(served, VisibilityTimeout="60", RedrivePolicy=redrive)
    function.plan("bad")
    mapping(function, queue)
    queue.send("bad")
    wait_for(lambda: len(function.batches()) == 1, "the first time")
    assert queue.left() == 1, "it is hidden, not deleted"
    served.call("clock", advance_s=61)
    wait_for(lambda: len(function.batches()) == 2, "the second time")
    counts = [line["records"][0]["attributes"]["ApproximateReceiveCount"] for line in function.lines()]
    assert counts == ["1", "2"]
    ids = [line["id"] for line in function.lines()]
    assert ids[0] != ids[1], "another receipt is another batch"
    served.call("clock", advance_s=61)
    wait_for(lambda: dead.left() == 1, "the queue's own redrive")
    assert queue.left() == 0 and len(function.batches()) == 2


def test_failures_that_are_named_are_left_alone_and_the_others_deleted(served, function, mapping):
    queue = Queue(served, VisibilityTimeout="60")
    function.plan("b", "d", times=1, partial=True)
    uuid = mapping(function, queue, Enabled=False, **PARTIAL)
    queue.send("a", "b", "c", "d")
    served.client("lambda").update_event_source_mapping(UUID=uuid, Enabled=True)
    wait_for(lambda: sum(map(len, function.batches())) == 4, "all four")
    wait_for(lambda: queue.left() == 2, "what was done is deleted")
    served.call("clock", advance_s=61)
    wait_for(lambda: sum(map(len, function.batches())) == 6, "what was named comes again")
    queue.gone()
    assert sorted(name for batch in function.batches() for name in batch) == ["a", "b", "b", "c", "d", "d"]


def test_a_window_gathers_what_several_receives_give(served, function, mapping):
    queue = Queue(served, VisibilityTimeout="300")
    uuid = mapping(function, queue, BatchSize=25, MaximumBatchingWindowInSeconds=60)
    queue.send(*(f"m{n:02}" for n in range(30)))
    wait_for(lambda: len(function.batches()) == 1, "a full batch")
    assert len(function.batches()[0]) == 25
    wait_for(lambda: served.status(uuid)["queue"]["waiting"] == 5, "the rest is received")
    served.call("clock", advance_s=61)
    wait_for(lambda: len(function.batches()) == 2, "what the window gathered")
    assert len(function.batches()[1]) == 5
    queue.gone()


def test_messages_that_no_filter_wants_are_deleted_unseen(served, function, mapping):
    queue = Queue(served)
    mapping(function, queue, FilterCriteria={"Filters": [{"Pattern": '{"body": {"kind": ["order"]}}'}]})
    wanted = json.dumps({"kind": "order"})
    queue.send(json.dumps({"kind": "visit"}), "plain", wanted)
    queue.gone()
    assert [name for batch in function.batches() for name in batch] == [wanted]


def test_groups_of_a_fifo_queue_stay_in_order_through_a_failure(served, function, mapping):
    queue = Queue(served, fifo=True, VisibilityTimeout="60")
    function.plan("a1", times=1)
    for number in range(4):
        for group in "ab":
            queue.send(f"{group}{number}", MessageGroupId=group)
    mapping(function, queue, BatchSize=1)
    wait_for(lambda: len(function.records()) == 5, "the other group goes on, the failed one waits")
    wait_for(lambda: queue.left() == 3, "and is deleted")
    assert "a2" not in {name for batch in function.batches() for name in batch}
    served.call("clock", advance_s=61)
    queue.gone()
    names = [batch[0] for batch in function.batches()]
    assert [name for name in names if name[0] == "a"] == ["a0", "a1", "a1", "a2", "a3"]
    assert [name for name in names if name[0] == "b"] == ["b0", "b1", "b2", "b3"]


def test_a_message_waits_while_the_function_is_not_reached(served, function, mapping):
    queue = Queue(served, VisibilityTimeout="300")
    served.call("faults", service="lambda", operation="Invoke", error="TooManyRequestsException", times=2)
    uuid = mapping(function, queue)
    queue.send("patience")
    wait_for(lambda: served.status(uuid)["counters"]["not_reached"] >= 1, "it was throttled")
    wait_for(lambda: served.call("clock", advance_s=5) and function.batches() == [["patience"]], "and delivered after")
    queue.gone()
    assert function.lines()[0]["records"][0]["attributes"]["ApproximateReceiveCount"] == "1"


def test_a_disabled_mapping_leaves_the_queue_alone_and_says_so_at_once(served, function, mapping):
    queue, client = Queue(served), served.client("lambda")
    made = client.create_event_source_mapping(FunctionName=function.name, EventSourceArn=queue.arn, Enabled=False)
    assert (made["State"], made["StateTransitionReason"]) == ("Disabled", "USER_INITIATED")
    assert not {"StartingPosition", "LastProcessingResult", "DestinationConfig", "MaximumRetryAttempts"} & made.keys()
    assert (made["BatchSize"], made["MaximumBatchingWindowInSeconds"]) == (10, 0)
    queue.send("later")
    scaling = {"ScalingConfig": {"MaximumConcurrency": 2}}
    updated = client.update_event_source_mapping(UUID=made["UUID"], **scaling, Enabled=True)
    assert (updated["State"], updated["ScalingConfig"]) == ("Enabling", {"MaximumConcurrency": 2})
    wait_for(lambda: function.batches() == [["later"]], "what waited")
    served.settle(made["UUID"], "Enabled")
    client.delete_event_source_mapping(UUID=made["UUID"])
    wait_for(lambda: served.state(made["UUID"]) is None, "it is gone, without a long poll")


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"BatchSize": 11}, "must be greater than 0 if maximum batch size is greater than 10"),
        ({"StartingPosition": "LATEST"}, "StartingPosition is not valid for SQS event sources."),
        (
            {"MaximumRetryAttempts": 2},
            "Unsupported MaximumRetryAttempts parameter for given event source mapping type.",
        ),
    ],
)
def test_what_a_queue_does_not_take_is_refused(served, function, settings, text):
    queue, client = Queue(served), served.client("lambda")
    with pytest.raises(client.exceptions.InvalidParameterValueException, match=text):
        client.create_event_source_mapping(FunctionName=function.name, EventSourceArn=queue.arn, **settings)


def test_a_queue_must_be_there_and_hide_messages_long_enough(served, function):
    client = served.client("lambda")
    refused = client.exceptions.InvalidParameterValueException
    absent = f"arn:aws:sqs:{REGION}:000000000000:nowhere"
    with pytest.raises(refused, match=r"NonExistentQueue.*does not exist"):
        client.create_event_source_mapping(FunctionName=function.name, EventSourceArn=absent)
    short = Queue(served, VisibilityTimeout="29")
    with pytest.raises(refused, match="Queue visibility timeout: 29 seconds is less than Function timeout: 30 seconds"):
        client.create_event_source_mapping(FunctionName=function.name, EventSourceArn=short.arn)
