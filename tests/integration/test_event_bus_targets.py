"""Events of a bus reach every kind of target, and what a target does not take reaches its own dead letters."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from integration.buses import ACCOUNT, Queue, World, eventually
from integration.serving import REGION, ROLE, Served, child, unique, wait_for, zipped
from unit.targets.server import Server, Told, serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with child(tmp_path_factory.mktemp("address")) as one:
        yield one


@pytest.fixture(scope="module")
def world(served: Served) -> Iterator[World]:
    world = World(served)
    yield world
    world.close()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def test_a_queue_gets_the_event_in_aws_form(world: World) -> None:
    bus, queue = world.bus(), world.queue()
    world.rule(bus, {"Arn": queue.arn})
    (event_id,) = world.put(bus, {"n": 1}, Resources=["arn:x"], Time="2026-01-02T03:04:05.9Z")
    ((message,),) = [eventually(queue.messages, 1, "the message")]
    assert message["Body"] == (
        f'{{"version":"0","id":"{event_id}","detail-type":"t","source":"shop","account":"{ACCOUNT}",'
        f'"time":"2026-01-02T03:04:05Z","region":"{REGION}","resources":["arn:x"],"detail":{{"n":1}}}}'
    )


@pytest.mark.parametrize("attributes", [{"FifoQueue": "true", "ContentBasedDeduplication": "true"}, {}])
def test_a_fifo_or_fair_queue_gets_its_group(world: World, attributes: dict[str, str]) -> None:
    bus, queue = world.bus(), world.queue(**attributes)
    world.rule(bus, {"Arn": queue.arn, "SqsParameters": {"MessageGroupId": "orders"}})
    world.put(bus, {"n": 1})
    (message,) = eventually(queue.messages, 1, "the message")
    assert message["Attributes"]["MessageGroupId"] == "orders"


def test_a_topic_tells_its_queue(world: World) -> None:
    bus, queue = world.bus(), world.queue()
    sns = world.served.client("sns")
    topic = sns.create_topic(Name=unique("topic"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    world.rule(bus, {"Arn": topic, "InputPath": "$.detail"})
    world.put(bus, {"n": 1})
    (notice,) = eventually(queue.bodies, 1, "the notification")
    assert notice["Message"] == '{"n":1}'


def test_a_function_is_invoked_asynchronously(world: World, tmp_path) -> None:
    seen, code = tmp_path / "seen", "def handler(event, context):\n    open({!r}, 'a').write(event['id'] + '\\n')\n"
    made = world.served.client("lambda").create_function(
        FunctionName=unique("f"),
        Runtime="python3.11",
        Handler="app.handler",
        Role=ROLE,
        Code={"ZipFile": zipped(app=code.format(str(seen)))},
    )
    bus = world.bus()
    world.rule(bus, {"Arn": made["FunctionArn"]})
    ids = world.put(bus, {"n": 1}, {"n": 2})
    wait_for(lambda: seen.exists() and sorted(seen.read_text().split()) == sorted(ids), "both were handled")


def test_a_stream_gets_a_record_under_its_key(world: World) -> None:
    kinesis, name, bus = world.served.client("kinesis"), unique("s"), world.bus()
    kinesis.create_stream(StreamName=name, ShardCount=1)
    arn = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}"
    world.rule(bus, {"Arn": arn, "KinesisParameters": {"PartitionKeyPath": "$.detail.key"}, "InputPath": "$.detail"})
    world.rule(bus, {"Arn": arn, "InputPath": "$.source"})
    (event_id,) = world.put(bus, {"key": "k1"})
    shard = kinesis.list_shards(StreamName=name)["Shards"][0]["ShardId"]

    def records() -> list[tuple[str, bytes]]:
        iterator = kinesis.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        found = kinesis.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
        return [(one["PartitionKey"], one["Data"]) for one in found]

    assert sorted(eventually(records, 2, "both records")) == sorted([("k1", b'{"key":"k1"}'), (event_id, b'"shop"')])


def test_a_log_group_gets_the_event_at_its_time(world: World) -> None:
    logs, group, bus = world.served.client("logs"), f"/aws/events/{unique('g')}", world.bus()
    logs.create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
    now = int(time.time()) - 60
    template = f'{{"timestamp": {now}000, "message": "order <n>"}}'
    world.rule(bus, {"Arn": arn})
    world.rule(bus, {"Arn": arn, "InputTransformer": {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": template}})
    world.put(bus, {"n": 7}, Time=now)

    def lines() -> list[tuple[int, str]]:
        return [(one["timestamp"], one["message"]) for one in logs.filter_log_events(logGroupName=group)["events"]]

    eventually(lines, 2, "both lines")
    assert (now * 1000, "order 7") in lines()
    assert {at for at, _ in lines()} == {now * 1000}


def test_events_that_come_together_are_all_in_a_new_log_group(world: World) -> None:
    """Each may be the one that makes the stream."""
    logs, group, bus = world.served.client("logs"), f"/aws/events/{unique('g')}", world.bus()
    logs.create_log_group(logGroupName=group)
    letters = world.queue()
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
    world.rule(bus, {"Arn": arn, "InputPath": "$.detail.n", "DeadLetterConfig": {"Arn": letters.arn}})
    world.put(bus, *({"n": n} for n in range(10)))

    def lines() -> list[int]:
        found = [int(one["message"]) for one in logs.filter_log_events(logGroupName=group)["events"]]
        return sorted(found) + letters.letters()

    assert eventually(lines, 10, "all lines") == list(range(10))


def test_a_delivery_stream_writes_to_its_bucket(world: World) -> None:
    firehose, s3, name, bus = world.served.client("firehose"), world.served.client("s3"), unique("lake"), world.bus()
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    arn = firehose.create_delivery_stream(
        DeliveryStreamName=name,
        ExtendedS3DestinationConfiguration={
            "RoleARN": ROLE,
            "BucketARN": f"arn:aws:s3:::{name}",
            "Prefix": "orders/",
            "ProcessingConfiguration": {"Enabled": False},
        },
    )["DeliveryStreamARN"]
    described = firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    assert (described["DeliveryStreamARN"], described["DeliveryStreamStatus"]) == (arn, "ACTIVE")
    template = '{"n": <n>}'
    world.rule(bus, {"Arn": arn, "InputTransformer": {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": template}})
    world.put(bus, {"n": 1})
    (found,) = eventually(lambda: s3.list_objects_v2(Bucket=name).get("Contents", []), 1, "the object")
    assert found["Key"].startswith("orders/")
    assert s3.get_object(Bucket=name, Key=found["Key"])["Body"].read() == b'{"n": 1}'


BUCKET = {"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::b"}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"HttpEndpointDestinationConfiguration": {"EndpointConfiguration": {"Url": "https://x"}}}, "to S3 only"),
        ({"DeliveryStreamType": "KinesisStreamAsSource"}, "no other source"),
        ({"CompressionFormat": "GZIP"}, "CompressionFormat"),
        ({"Prefix": "a/!{timestamp:yyyy}/"}, "Prefix"),
        ({"Prefix": "a-"}, "Prefix"),
        ({"ProcessingConfiguration": {"Enabled": True, "Processors": []}}, "ProcessingConfiguration"),
        ({"DataFormatConversionConfiguration": {}}, "DataFormatConversionConfiguration"),
        ({"DynamicPartitioningConfiguration": {"Enabled": True}}, "DynamicPartitioningConfiguration"),
        ({"S3BackupMode": "Enabled"}, "S3BackupMode"),
        ({"FileExtension": ".json"}, "FileExtension"),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else "",
)
def test_a_delivery_stream_that_would_not_do_as_it_says_is_refused(world: World, asked: dict, told: str) -> None:
    if "HttpEndpointDestinationConfiguration" in asked:
        asked["HttpEndpointDestinationConfiguration"]["S3Configuration"] = BUCKET
    elif "DeliveryStreamType" in asked:
        asked = {**asked, "S3DestinationConfiguration": BUCKET}
    else:
        asked = {"ExtendedS3DestinationConfiguration": {**BUCKET, **asked}}
    with pytest.raises(ClientError) as error:
        world.served.client("firehose").create_delivery_stream(DeliveryStreamName=unique("no"), **asked)
    assert error.value.response["Error"]["Code"] == "InvalidArgumentException"
    assert told in error.value.response["Error"]["Message"]


def test_another_bus_hands_it_to_its_own_rules(world: World) -> None:
    first, second, queue = world.bus(), world.bus(), world.queue()
    world.rule(first, {"Arn": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{second}", "RoleArn": ROLE})
    world.rule(second, {"Arn": queue.arn})
    (event_id,) = world.put(first, {"n": 1})
    (event,) = eventually(queue.bodies, 1, "the event")
    assert event["id"] == event_id


def test_a_bus_of_another_region_gives_it_another_id(world: World) -> None:
    far, name = "us-west-2", unique("far")
    there = world.client("events", far)
    arn = there.create_event_bus(Name=name)["EventBusArn"]
    queue = Queue(world.client("sqs", far), unique("q"), far)
    there.put_rule(Name="r", EventBusName=name, EventPattern='{"source": ["shop"]}')
    there.put_targets(Rule="r", EventBusName=name, Targets=[{"Id": "1", "Arn": queue.arn}])
    bus = world.bus()
    world.rule(bus, {"Arn": arn, "RoleArn": ROLE})
    (event_id,) = world.put(bus, {"n": 1})
    (event,) = eventually(queue.bodies, 1, "the event")
    assert event["id"] != event_id
    assert (event["region"], event["detail"]) == (REGION, {"n": 1})


def test_an_api_destination_is_called_with_its_key(world: World, server: Server) -> None:
    bus = world.bus()
    parameters = {"PathParameterValues": ["$.detail.id"], "QueryStringParameters": {"q": "1"}}
    world.rule(bus, {"Arn": world.destination(f"{server.url}/orders/*"), "RoleArn": ROLE, "HttpParameters": parameters})
    world.put(bus, {"id": "a/b"})
    (seen,) = eventually(lambda: server.seen, 1, "the call")
    assert (seen.method, seen.path, seen.headers["x-key"]) == ("POST", "/orders/a%2Fb?q=1", "hush")
    assert json.loads(seen.body)["detail"] == {"id": "a/b"}


def test_an_oauth_destination_fetches_its_token(world: World, server: Server) -> None:
    server.answers = lambda seen: Told(body=b'{"access_token": "t", "expires_in": 60}')
    name, bus = unique("c"), world.bus()
    client = {"ClientID": "me", "ClientSecret": "hush"}
    auth = {"ClientParameters": client, "AuthorizationEndpoint": f"{server.url}/token", "HttpMethod": "POST"}
    made = world.events.create_connection(
        Name=name, AuthorizationType="OAUTH_CLIENT_CREDENTIALS", AuthParameters={"OAuthParameters": auth}
    )
    assert made["ConnectionState"] == "AUTHORIZING"
    arn = world.events.create_api_destination(
        Name=name, ConnectionArn=made["ConnectionArn"], InvocationEndpoint=f"{server.url}/in", HttpMethod="PUT"
    )["ApiDestinationArn"]
    state = lambda: world.events.describe_connection(Name=name)["ConnectionState"]  # noqa: E731
    wait_for(lambda: state() == "AUTHORIZED", "the connection is authorized")
    assert world.events.describe_api_destination(Name=name)["ApiDestinationState"] == "ACTIVE"
    world.rule(bus, {"Arn": arn, "RoleArn": ROLE})
    world.put(bus, {"n": 1})
    (seen,) = eventually(lambda: server.of("/in"), 1, "the call")
    assert seen.headers["authorization"] == "Bearer t"
    assert len(server.of("/token")) == 1


GONE = {
    "sqs": f"arn:aws:sqs:{REGION}:{ACCOUNT}:gone",
    "sns": f"arn:aws:sns:{REGION}:{ACCOUNT}:gone",
    "lambda": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:gone",
    "kinesis": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/gone",
    "firehose": f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/gone",
    "logs": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/events/gone",
    "bus": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/gone",
    "api-destination": f"arn:aws:events:{REGION}:{ACCOUNT}:api-destination/gone/0-0",
}


@pytest.mark.parametrize("arn", GONE.values(), ids=GONE)
def test_a_target_that_is_not_there_is_no_resource(world: World, arn: str) -> None:
    """B52: final, at the first call."""
    bus, letters = world.bus(), world.queue()
    rule = world.rule(bus, {"Arn": arn, "RoleArn": ROLE, "DeadLetterConfig": {"Arn": letters.arn}})
    (event_id,) = world.put(bus, {"n": 1})
    (letter,) = eventually(letters.letters, 1, "the letter")
    assert {name: letter[name] for name in ("ERROR_CODE", "RETRY_ATTEMPTS", "RULE_ARN", "TARGET_ARN")} == {
        "ERROR_CODE": "NO_RESOURCE",
        "RETRY_ATTEMPTS": "0",
        "RULE_ARN": rule,
        "TARGET_ARN": arn,
    }
    assert letters.bodies()[0]["id"] == event_id


def test_each_target_has_its_own_budget_and_its_own_letters(world: World, server: Server) -> None:
    """B53, B63: one is down, another is a little broken, the third is well."""
    answers = {"/down": Told(503), "/odd": Told(400)}
    server.answers = lambda seen: answers.get(seen.path, Told())
    bus, down, odd = world.bus(), world.queue(), world.queue()

    def target(path: str, letters: Queue, retries: int) -> dict:
        return {
            "Arn": world.destination(f"{server.url}{path}"),
            "RoleArn": ROLE,
            "RetryPolicy": {"MaximumRetryAttempts": retries, "MaximumEventAgeInSeconds": 3600},
            "DeadLetterConfig": {"Arn": letters.arn},
        }

    of_down = world.rule(bus, target("/down", down, 2))
    of_odd = world.rule(bus, target("/odd", odd, 2))
    of_well = world.rule(bus, target("/well", odd, 2))
    ids = world.put(bus, {"n": 1}, {"n": 2})
    eventually(lambda: server.of("/well"), 2, "both arrive")
    eventually(odd.letters, 2, "both are given up")
    wait_for(lambda: world.served.call("clock", advance_s=5) is not None and len(down.letters()) == 2, "the letters")
    assert len(server.of("/down")) == 6, "three calls for each event"
    assert len(server.of("/odd")) == 2, "one call for each"
    told = [(one["ERROR_CODE"], one["RETRY_ATTEMPTS"], one["EXHAUSTED_RETRY_CONDITION"]) for one in down.letters()]
    assert told == [("ERROR_FROM_TARGET", "2", "MaximumRetryAttempts")] * 2
    assert {one["id"] for one in down.bodies()} == {one["id"] for one in odd.bodies()} == set(ids)

    wait_for(lambda: world.sum_of("InvocationsSentToDlq", of_down) == 2, "the metrics")
    counted = {
        metric: tuple(world.sum_of(metric, rule) for rule in (of_down, of_odd, of_well))
        for metric in ("MatchedEvents", "TriggeredRules", "Invocations", "FailedInvocations", "InvocationsSentToDlq")
    }
    assert counted == {
        "MatchedEvents": (2, 2, 2),
        "TriggeredRules": (2, 2, 2),
        "Invocations": (2, 2, 2),
        "FailedInvocations": (2, 2, 0),
        "InvocationsSentToDlq": (2, 2, 0),
    }


def test_the_clock_drives_hours_of_retries(world: World, server: Server) -> None:
    """B51: the age limit of a day ends it."""
    server.answers = lambda seen: Told(500)
    bus, letters = world.bus(), world.queue()
    world.rule(
        bus,
        {"Arn": world.destination(server.url), "RoleArn": ROLE, "DeadLetterConfig": {"Arn": letters.arn}},
    )
    world.put(bus, {"n": 1})
    wait_for(lambda: server.seen, "the first call")
    wait_for(lambda: world.served.call("clock", advance_s=7200) is not None and letters.letters(), "the letter")
    (letter,) = letters.letters()
    assert letter["EXHAUSTED_RETRY_CONDITION"] == "MaximumEventAgeInSeconds"
    assert int(letter["RETRY_ATTEMPTS"]) == len(server.seen) - 1 > 3


def test_a_letter_waits_for_its_queue(world: World) -> None:
    name, bus = unique("later"), world.bus()
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    rule = world.rule(bus, {"Arn": GONE["sqs"], "DeadLetterConfig": {"Arn": arn}})
    world.put(bus, {"n": 1})
    wait_for(lambda: world.sum_of("InvocationsFailedToBeSentToDlq", rule) == 1, "its queue is not there")
    letters = Queue(world.served.client("sqs"), name)
    wait_for(lambda: world.served.call("clock", advance_s=600) is not None and letters.letters(), "the letter")
    assert letters.letters()[0]["ERROR_CODE"] == "NO_RESOURCE"


def test_planned_faults_are_met_by_put_events(world: World) -> None:
    bus = world.bus()
    world.served.call("faults", service="events", operation="PutEvents", error="ThrottlingException", times=1)
    with pytest.raises(ClientError) as error:
        world.put(bus, {"n": 1})
    assert error.value.response["Error"]["Code"] == "ThrottlingException"
    world.put(bus, {"n": 1})


def test_a_planned_fault_of_a_target_is_tried_again(world: World) -> None:
    bus, queue = world.bus(), world.queue()
    world.rule(bus, {"Arn": queue.arn})
    world.served.call("faults", service="sqs", operation="SendMessage", error="ServiceUnavailable", times=3)
    world.put(bus, {"n": 1})
    wait_for(lambda: world.served.call("clock", advance_s=1) is not None and queue.messages(), "it arrives after all")


def test_a_try_is_one_call_of_the_target(world: World) -> None:
    """B51: no retries are one call, whatever the SDK would do by itself."""
    bus, queue, letters = world.bus(), world.queue(), world.queue()
    world.rule(
        bus, {"Arn": queue.arn, "RetryPolicy": {"MaximumRetryAttempts": 0}, "DeadLetterConfig": {"Arn": letters.arn}}
    )
    world.served.call("faults", service="sqs", operation="SendMessage", error="ServiceUnavailable", times=1)
    world.put(bus, {"n": 1})
    (letter,) = wait_for(letters.letters, "the letter")
    assert (letter["RETRY_ATTEMPTS"], letter["EXHAUSTED_RETRY_CONDITION"]) == ("0", "MaximumRetryAttempts")
    assert queue.messages() == []


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ({"Arn": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:m"}, "state machines"),
        ({"Arn": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:api/prod/POST/x"}, "no API Gateway"),
        ({"Arn": GONE["bus"], "InputPath": "$.detail"}, "input settings"),
        ({"Arn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/c"}, "ecs"),
    ],
)
def test_what_nothing_here_would_call_is_refused_by_name(world: World, target: dict, told: str) -> None:
    name = unique("rule")
    world.events.put_rule(Name=name, EventPattern='{"source": ["x"]}')
    with pytest.raises(ClientError) as error:
        world.events.put_targets(Rule=name, Targets=[{"Id": "1", "RoleArn": ROLE, **target}])
    assert error.value.response["Error"]["Code"] == "ValidationException"
    assert told in error.value.response["Error"]["Message"]


def test_a_reset_empties_the_buses(world: World) -> None:
    bus, queue = world.bus(), world.queue()
    world.rule(bus, {"Arn": queue.arn})
    world.rule("default", {"Arn": queue.arn})
    world.events.create_archive(
        ArchiveName=unique("a"), EventSourceArn=f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{bus}"
    )
    world.destination("https://example.com")
    world.served.call("reset")
    assert [one["Name"] for one in world.events.list_event_buses()["EventBuses"]] == ["default"]
    assert world.events.list_rules()["Rules"] == []
    assert world.events.list_archives()["Archives"] == []
    assert world.events.list_connections()["Connections"] == []
    assert world.events.list_api_destinations()["ApiDestinations"] == []
    assert world.served.client("firehose").list_delivery_streams()["DeliveryStreamNames"] == []
