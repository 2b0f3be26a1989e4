"""The rest of the address: moto's other services, its own calls, faults, services of ours."""

import asyncio
import hashlib
import io
import json
import socket

import pytest
from botocore.exceptions import ClientError

from afterbay.endpoint.address import Address
from afterbay.endpoint.protocol import Response
from afterbay.engine.clock import Clock
from afterbay.errors import SettingsError, StateError


def test_a_topic_delivers_to_a_queue_of_this_address(address):
    sqs, sns = address.client("sqs"), address.client("sns")
    queue = sqs.create_queue(QueueName="letters")["QueueUrl"]
    assert queue == f"{address.url}/000000000000/letters"
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name="news")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    sns.publish(TopicArn=topic, Message="hello")
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    assert message["Body"] == "hello"


def test_a_long_poll_holds_up_nobody_and_ends_with_the_message(address):
    queue = address.client("sqs").create_queue(QueueName="slow")["QueueUrl"]

    async def poll_while_sending():
        sqs = address.client("sqs")
        polling = asyncio.create_task(asyncio.to_thread(sqs.receive_message, QueueUrl=queue, WaitTimeSeconds=20))
        listed = await asyncio.to_thread(address.client("dynamodb").list_tables)
        assert "TableNames" in listed and not polling.done()
        await asyncio.to_thread(address.client("sns").list_topics)
        await asyncio.to_thread(sqs.send_message, QueueUrl=queue, MessageBody="here")
        return await polling

    (message,) = asyncio.run(poll_while_sending())["Messages"]
    assert message["Body"] == "here"


def test_big_objects_come_back_as_they_were(address):
    s3 = address.client("s3")
    s3.create_bucket(Bucket="things", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    body = hashlib.shake_256(b"big").digest(12_000_000)
    s3.upload_fileobj(io.BytesIO(body), "things", "a folder/ü+1")
    assert s3.get_object(Bucket="things", Key="a folder/ü+1")["Body"].read() == body
    s3.put_object(Bucket="things", Key="small", Body=b"12345", Metadata={"a_b": "c"})
    head = s3.head_object(Bucket="things", Key="small")
    assert (head["ContentLength"], head["Metadata"]) == (5, {"a_b": "c"})


def test_the_control_services_answer(address):
    assert address.client("sts").get_caller_identity()["Account"] == "000000000000"
    assert address.client("iam").list_roles()["Roles"] == []
    cloudwatch = address.client("cloudwatch")
    cloudwatch.put_metric_data(Namespace="here", MetricData=[{"MetricName": "m", "Value": 1}])
    assert [one["MetricName"] for one in cloudwatch.list_metrics(Namespace="here")["Metrics"]] == ["m"]
    assert address.client("logs").describe_log_groups()["logGroups"] == []
    assert address.client("kinesis").list_streams()["StreamNames"] == []
    address.client("sqs", "nowhere-9").create_queue(QueueName="any")


def test_a_service_that_is_not_served_is_told_apart(address):
    with pytest.raises(ClientError, match="does not serve 'pipes'; it serves cloudwatch, "):
        address.client("pipes").list_pipes()


def test_what_would_call_a_function_through_moto_is_refused(address):
    function = "arn:aws:lambda:eu-west-1:000000000000:function:f"
    topic = address.client("sns").create_topic(Name="calls")["TopicArn"]
    with pytest.raises(ClientError, match="topics to functions"):
        address.client("sns").subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function)
    address.client("s3").create_bucket(Bucket="calls", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    events = {"LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"]}
    with pytest.raises(ClientError, match="notifications to functions"):
        address.client("s3").put_bucket_notification_configuration(
            Bucket="calls", NotificationConfiguration={"LambdaFunctionConfigurations": [events]}
        )


def test_a_service_of_ours_is_served_beside_moto(address):
    async def service(request):
        return Response(200, b'{"Functions": []}', {"x-seen": f"{request.region} {'/'.join(request.segments)}"})

    address.address.add_service("lambda", service)
    answer = address.client("lambda").list_functions()
    assert answer["Functions"] == []
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-seen"] == "eu-west-1 2015-03-31/functions"


@pytest.mark.parametrize(
    "service, operation, call",
    [
        ("dynamodbstreams", "ListStreams", lambda a: a.client("dynamodbstreams").list_streams()),
        ("dynamodb", "ListTables", lambda a: a.client("dynamodb").list_tables()),
        ("sqs", "ListQueues", lambda a: a.client("sqs").list_queues()),
        ("sns", "ListTopics", lambda a: a.client("sns").list_topics()),
        ("s3", "ListBuckets", lambda a: a.client("s3").list_buckets()),
        ("cloudwatch", "ListMetrics", lambda a: a.client("cloudwatch").list_metrics()),
        ("logs", "DescribeLogGroups", lambda a: a.client("logs").describe_log_groups()),
    ],
)
def test_a_planned_fault_is_met_once_by_its_operation(address, service, operation, call):
    fault = {"service": service, "operation": operation, "error": "ThrottlingException", "times": 1}
    assert address.call("faults", "POST", fault)[0] == 200
    with pytest.raises(ClientError) as met:
        call(address)
    assert met.value.response["Error"]["Code"] == "ThrottlingException"
    call(address)


def test_a_fault_is_named_as_boto3_names_the_call(address):
    fault = {"service": "sqs", "operation": "list_queues", "error": "ThrottlingException", "times": 1}
    assert address.call("faults", "POST", fault)[0] == 200
    with pytest.raises(ClientError, match="ThrottlingException"):
        address.client("sqs").list_queues()


def test_a_fault_is_met_below_http_and_can_be_cleared(address):
    fault = {"service": "dynamodbstreams", "operation": "ListStreams", "error": "InternalServerError", "times": 5}
    address.call("faults", "POST", fault)
    with pytest.raises(Exception, match="planned") as met:
        address.on_loop(address.address.streams.list_streams("eu-west-1"))
    assert (met.value.code, met.value.status) == ("InternalServerError", 500)
    assert address.call("faults", "DELETE")[0] == 200
    address.on_loop(address.address.streams.list_streams("eu-west-1"))


@pytest.mark.parametrize(
    "method, path, body, text",
    [
        ("POST", "clock", {"advance_s": -1}, "advance_s"),
        ("POST", "clock", {"advance": 1}, "known are advance_s"),
        ("POST", "clock", b"{", "JSON"),
        ("POST", "streams/split", {"StreamArn": "x", "ShardId": "y"}, "not found"),
        ("POST", "streams/roll", {"StreamArn": "x"}, "ShardId"),
        ("POST", "faults", {"service": "dynamo", "operation": "o", "error": "e"}, "boto3 has no service 'dynamo'"),
        ("POST", "faults", {"service": "sqs", "operation": "Receive", "error": "e"}, "no operation 'Receive'"),
        ("POST", "faults", {"service": "sqs", "operation": "SendMessage", "error": "e", "times": 0}, "times"),
        ("GET", "nothing", None, "GET health"),
    ],
)
def test_a_wrong_call_of_the_addresss_own_is_told_how_to_mend_it(address, method, path, body, text):
    status, answer = address.call(path, method, body)
    assert status in (400, 404) and text in answer["error"]


def test_reset_empties_it(address):
    table = address.table()
    stream = address.stream(table)
    address.client("sqs").create_queue(QueueName="gone")
    assert address.call("reset", "POST")[0] == 200
    assert address.client("dynamodb").list_tables()["TableNames"] == []
    assert not address.client("sqs").list_queues().get("QueueUrls")
    with pytest.raises(ClientError, match="not found"):
        address.shards(stream)


def test_a_port_in_use_is_named(address):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        async def start():
            from afterbay.endpoint.http import HttpServer

            await HttpServer(address.address.handle, Clock()).start("127.0.0.1", port)

        with pytest.raises(SettingsError, match=str(port)):
            asyncio.run(start())


@pytest.mark.parametrize(
    ("service", "target"),
    [
        ("sqs", "AmazonSQS.SendMessage"),
        ("sqs", "AmazonSQS.ReceiveMessage"),
        ("kinesis", "Kinesis_20131202.PutRecord"),
        ("logs", "Logs_20140328.CreateLogGroup"),
        ("firehose", "Firehose_20150804.PutRecord"),
        ("monitoring", "GraniteServiceVersion20100801.PutMetricData"),
        ("dynamodb", "DynamoDB_20120810.PutItem"),
    ],
)
@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"a":' * 30_000 + b"1" + b"}" * 30_000, "nested too deep"),
        (b'{"a":' + b"[" * 60_000 + b"]" * 60_000 + b"}", "nested too deep"),
        (b"{", "not JSON"),
        (b'{"a": "\xff"}', "not JSON"),
        (b"[1]", "must be a JSON object, not list"),
    ],
    ids=["deep objects", "deep lists", "cut", "no UTF-8", "a list"],
)
def test_a_body_that_is_no_json_object_is_refused_by_every_service(address, service, target, body, told):
    """moto took it for an empty one, or failed."""
    answer = address.json(service, target, body)
    refusal = json.loads(answer.body)
    assert (answer.status, refusal["__type"].rpartition("#")[2]) == (400, "SerializationException")
    assert told in refusal["message"]


def test_no_depth_of_json_is_the_addresss_fault(address):
    """What we can still go through, moto may not: it is deeper in the stack by then."""
    for depth in range(800, 1010, 5):
        body = json.dumps({"logGroupName": "deep"}).encode()[:-1] + b', "x": ' + b"[" * depth + b"]" * depth + b"}"
        answer = address.json("logs", "Logs_20140328.CreateLogGroup", body)
        assert answer.status in (200, 400), depth


def test_a_queues_time_out_beyond_its_bound_is_refused(address):
    sqs = address.client("sqs")
    with pytest.raises(ClientError, match=r"InvalidAttributeValue.*VisibilityTimeout"):
        sqs.create_queue(QueueName="late", Attributes={"VisibilityTimeout": "43201"})
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix="late")


def test_a_second_address_in_one_process_is_refused(address):
    async def start():
        async with Address("127.0.0.1", 0, Clock()):
            pass

    with pytest.raises(StateError, match="one local address"):
        asyncio.run(start())


def test_health_answers_503_until_it_is_marked_ready(address):
    address.address._ready = False
    assert address.call("health") == (503, {"ready": False})
    address.address.mark_ready()
    assert address.call("health") == (200, {"ready": True})
