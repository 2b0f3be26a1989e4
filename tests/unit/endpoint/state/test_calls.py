"""Which calls are kept, what each is about, and which of them are forgotten."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from afterbay.endpoint.protocol import Request
from afterbay.endpoint.routing import Route, route
from afterbay.endpoint.state.calls import Call, CallLog, Kept, draw_call_seed, kept
from afterbay.endpoint.state.state import State

NOW = datetime(2026, 1, 5, 10, 11, 12, 345678, UTC)
REGION = "eu-west-1"


def json_call(service: str, target: str, **members: object) -> tuple[Route, Request]:
    headers = {"x-amz-target": target, "content-type": "application/x-amz-json-1.0"}
    request = Request("POST", "/", "", headers, msgspec.json.encode(members), REGION)
    return Route(service, REGION, target.rpartition(".")[2]), request


def sqs(operation: str, **members: object) -> tuple[Route, Request]:
    return json_call("sqs", f"AmazonSQS.{operation}", **members)


def s3(method: str, path: str, query: str = "", **headers: str) -> tuple[Route, Request]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request(method, path, query, {"host": "127.0.0.1:4566", **named}, b"", REGION)
    return route(request), request


def form(service: str, body: str) -> tuple[Route, Request]:
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    request = Request("POST", "/", "", headers, body.encode(), REGION)
    return Route(service, REGION, body.partition("Action=")[2].partition("&")[0]), request


def named(call: tuple[Route, Request]) -> tuple[str, str]:
    about = kept(*call)
    assert about is not None
    return about.scope, about.name


@pytest.mark.parametrize(
    "call",
    [
        sqs("SendMessage", QueueUrl="http://h/0/q", MessageBody="m"),
        sqs("ReceiveMessage", QueueUrl="http://h/0/q"),
        sqs("GetQueueAttributes", QueueUrl="http://h/0/q"),
        form("sns", "Action=Publish&TopicArn=arn:aws:sns:eu-west-1:000000000000:t&Message=m"),
        form("sns", "Action=ListTopics"),
        form("cloudwatch", "Action=PutMetricData&Namespace=n"),
        json_call("logs", "Logs_20140328.PutLogEvents", logGroupName="g"),
        json_call("kinesis", "Kinesis_20131202.PutRecord", StreamName="s"),
        json_call("kinesis", "Kinesis_20131202.ListShards", StreamName="s"),
        json_call("firehose", "Firehose_20150804.ListDeliveryStreams"),
        form("iam", "Action=GetRole&RoleName=r"),
        s3("GET", "/bucket/key"),
        s3("HEAD", "/bucket/key"),
        s3("POST", "/bucket/key", "select&select-type=2"),
    ],
    ids=lambda call: f"{call[0].service}-{call[0].operation}",
)
def test_data_and_questions_are_no_calls_to_make_again(call):
    assert kept(*call) is None


def test_a_queue_is_named_in_whatever_form_the_call_has():
    calls = [
        sqs("CreateQueue", QueueName="q"),
        sqs("SetQueueAttributes", QueueUrl="http://h:1/000000000000/q"),
        form("sqs", "Action=TagQueue&QueueUrl=http%3A%2F%2Fh%2F000000000000%2Fq"),
    ]
    assert [named(call) for call in calls] == [("eu-west-1/q", "q")] * 3


def test_records_of_a_delivery_stream_are_made_again_as_objects():
    record = {"Data": "eA=="}
    for operation, members in (("PutRecord", {"Record": record}), ("PutRecordBatch", {"Records": [record]})):
        call = json_call("firehose", f"Firehose_20150804.{operation}", DeliveryStreamName="lake", **members)
        about = kept(*call)
        assert about is not None
        assert (about.scope, about.part, about.ends) == ("eu-west-1/lake", None, False)


def test_a_topic_is_named_by_its_own_and_its_subscriptions_arn():
    topic = "arn:aws:sns:eu-west-1:000000000000:t"
    bodies = ["CreateTopic&Name=t", f"Subscribe&TopicArn={topic}", f"Unsubscribe&SubscriptionArn={topic}:1-2"]
    for body in (*bodies, f"DeleteTopic&TopicArn={topic}"):
        assert named(form("sns", f"Action={body}")) == ("eu-west-1/t", "t")


def test_an_object_is_the_same_in_path_and_virtual_style():
    first = kept(*s3("PUT", "/bucket/a%2Fb/c"))
    assert first is not None
    assert (first.scope, first.part) == ("bucket", "a/b/c")
    assert kept(*s3("PUT", "/a%2Fb/c", host="bucket.s3.localhost:4566")) == first


def test_objects_of_a_host_that_is_not_understood_are_never_taken_for_one():
    assert kept(*s3("PUT", "/a/b", host="bucket.example.internal:4566")) == Kept("a")


def test_an_object_that_something_was_made_of_is_pinned():
    copied = kept(*s3("PUT", "/to/new", x_amz_copy_source="/from/a%20b?versionId=null"))
    assert copied == Kept("to", pins=(("from", "a b"),))
    assert kept(*s3("POST", "/bucket/key", "uploads")) == Kept("bucket", pins=(("bucket", "key"),))


class Log:
    """A log of calls on a file, by number of body."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.numbers = 0

    def add(self, about: Kept, service: str = "s3", body: bytes | None = None) -> None:
        self.numbers += 1
        request = Request("PUT", "/", "", {}, str(self.numbers).encode() if body is None else body, REGION)
        call = Call(service, "Op", NOW, draw_call_seed(), request, (b"fetched",))

        async def store() -> None:
            state = State(self.path)
            state.start()
            state.note(CallLog.ops(call, about))
            await state.close()

        asyncio.run(store())

    def left(self, service: str = "s3") -> list[bytes]:
        state = State(self.path)
        try:
            return [call.request.body for call in CallLog(state).of(service)]
        finally:
            state.folder.close()


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "state")


def test_a_call_comes_back_as_it_was(log: Log) -> None:
    log.add(Kept("bucket"), body=b"\x00\xff")
    state = State(log.path)
    (call,) = CallLog(state).all()
    state.folder.close()
    assert (call.service, call.operation, call.at, call.fetched) == ("s3", "Op", NOW, (b"fetched",))
    assert (call.request.method, call.request.body, call.request.region) == ("PUT", b"\x00\xff", REGION)


def test_a_write_takes_the_place_of_an_earlier_one_of_the_same_part(log: Log) -> None:
    log.add(Kept("b", part="k"))
    log.add(Kept("b", part="other"))
    log.add(Kept("b", part="k?tagging"))
    log.add(Kept("b", part="k", undoes=("k?tagging",)))
    assert log.left() == [b"2", b"4"]


def test_what_is_pinned_is_never_forgotten(log: Log) -> None:
    log.add(Kept("b", part="k"))
    log.add(Kept("b", part="other"))
    log.add(Kept("to", pins=(("b", "k"),)))
    log.add(Kept("b", part="k"))
    log.add(Kept("b", part="k"))
    assert log.left() == [b"1", b"2", b"3", b"5"]
    log.add(Kept("b", pins=(("b", None),)))
    log.add(Kept("b", part="other"))
    assert log.left() == [b"1", b"2", b"3", b"5", b"6", b"7"]


def test_the_same_call_again_is_not_kept_unless_another_came_between(log: Log) -> None:
    log.add(Kept("b", kind="versioning"), body=b"on")
    log.add(Kept("b", part="k"), body=b"object")
    log.add(Kept("b", kind="versioning", pins=(("b", None),)), body=b"on")
    assert log.left() == [b"on", b"object"]
    log.add(Kept("b", kind="versioning"), body=b"off")
    log.add(Kept("b", kind="versioning"), body=b"on")
    assert log.left() == [b"on", b"object", b"off", b"on"]


def test_a_queue_that_was_deleted_is_made_again(log: Log) -> None:
    log.add(Kept("r/dead-1", kind="create", name="dead-1"), "sqs", b"create dead-1")
    log.add(Kept("r/work-1", kind="create", name="work-1"), "sqs", b"create work-1 to dead-1")
    log.add(Kept("r/dead-1", kind="create", ends=True, name="dead-1"), "sqs", b"delete dead-1")
    for _ in range(2):
        log.add(Kept("r/dead-1", kind="create", name="dead-1"), "sqs", b"create dead-1")
    assert log.left("sqs") == [b"create dead-1", b"create work-1 to dead-1", b"delete dead-1", b"create dead-1"]


def test_a_subscription_is_made_again_after_any_was_ended(log: Log) -> None:
    for body in (b"a", b"b", b"a"):
        log.add(Kept("t", kind=f"subscribe {body.decode()}", unless="unsubscribe"), "sns", body)
    assert log.left("sns") == [b"a", b"b"]
    log.add(Kept("t", kind="unsubscribe", unless="unsubscribe"), "sns", b"end a")
    log.add(Kept("t", kind="subscribe a", unless="unsubscribe"), "sns", b"a")
    assert log.left("sns") == [b"a", b"b", b"end a", b"a"]


def test_a_resource_that_nobody_names_is_forgotten_with_its_end(log: Log) -> None:
    log.add(Kept("r/work-1", name="work-1"), "sqs", b"create work-1")
    log.add(Kept("r/other", name="other"), "sqs", b"create other")
    log.add(Kept("r/work-1", ends=True, name="work-1"), "sqs", b"delete work-1")
    assert log.left("sqs") == [b"create other"]


def test_a_resource_that_others_name_is_kept_with_its_end(log: Log) -> None:
    log.add(Kept("r/dead", name="dead"), "sqs", b"create dead")
    log.add(Kept("r/q", name="q"), "sqs", b"create q with dead letters to dead")
    log.add(Kept("r/dead", ends=True, name="dead"), "sqs", b"delete dead")
    assert log.left("sqs") == [b"create dead", b"create q with dead letters to dead", b"delete dead"]


def test_calls_of_one_service_do_not_end_those_of_another(log: Log) -> None:
    log.add(Kept("r/x", name="x"), "sqs")
    log.add(Kept("r/x", name="x"), "sns")
    log.add(Kept("r/x", ends=True, name="x"), "sns")
    assert log.left("sqs") == [b"1"]
    assert log.left("sns") == []
