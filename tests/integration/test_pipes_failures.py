"""What a pipe does when its target fails, and what it tells: retries, bisect, letters, logs, metrics (X80 to X106)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from integration.pipes import HOME, Pipes, Queue, api_destination, function, web
from integration.serving import Served, afterbay, child, unique, wait_for


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with child(tmp_path_factory.mktemp("address")) as one:
        yield one


@pytest.fixture
def pipes(served: Served) -> Iterator[Pipes]:
    made = Pipes(served)
    yield made
    made.close()


def judge(served: Served, told: Path, verdict: str) -> str:
    """A function that writes the keys of each batch to ``told``, then does ``verdict`` with ``keys`` and ``first``."""
    told.touch()
    code = (
        "import json, pathlib\n"
        f"told = pathlib.Path({str(told)!r})\n"
        "def handler(event, context):\n"
        "    keys = [one['dynamodb']['Keys']['pk']['S'] for one in event]\n"
        "    first = not told.read_text()\n"
        "    with told.open('a') as out:\n"
        "        out.write(json.dumps(keys) + '\\n')\n"
        f"    {verdict}\n"
    )
    return function(served, code)


def batches(told: Path) -> list[list[str]]:
    text = told.read_text()
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def hurry(served: Served) -> bool:
    """Move time on, for what waits before it tries again."""
    served.call("clock", advance_s=1)
    return True


def test_a_partial_answer_by_event_id_repeats_what_it_names_and_its_items_later_changes(served, pipes, tmp_path):
    table, told = served.table(), tmp_path / "told"
    named = "[{'itemIdentifier': event[1]['eventID']}] if first else []"
    target = judge(served, told, f"return {{'batchItemFailures': {named}}}")
    table.put("a", "b", "c")
    table.put("b", n=1)
    pipes.make(table.stream, target, reading={"BatchSize": 4, "MaximumRetryAttempts": 2})
    wait_for(lambda: hurry(served) and len(batches(told)) == 2, "the failed ones came again")
    assert batches(told) == [["a", "b", "c", "b"], ["b", "b"]]


def test_a_poison_record_is_bisected_out_and_lettered_to_a_queue_and_to_a_topic(served, pipes, tmp_path):
    table, letters, topic_letters = served.table(), Queue(served), Queue(served)
    sns = served.client("sns")
    topic = sns.create_topic(Name=unique("t"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=topic_letters.arn, Attributes={"RawMessageDelivery": "true"})
    table.put("a", "bad", "b", "c")
    names, told = [], [tmp_path / "one", tmp_path / "two"]
    for file, arn in zip(told, (letters.arn, topic), strict=True):
        reading = {
            "BatchSize": 4,
            "MaximumRetryAttempts": 0,
            "OnPartialBatchItemFailure": "AUTOMATIC_BISECT",
            "DeadLetterConfig": {"Arn": arn},
        }
        names.append(pipes.make(table.stream, judge(served, file, "assert 'bad' not in keys"), reading=reading))
    for name, queue, file in zip(names, (letters, topic_letters), told, strict=True):
        wait_for(lambda queue=queue: hurry(served) and queue.left(), "the letter")
        (letter,) = queue.bodies()
        arn = pipes.describe(name)["Arn"]
        assert letter["context"] == {"partnerResourceArn": arn, "condition": "RetryAttemptsExhausted"}
        assert letter["DDBStreamBatchInfo"]["batchSize"] == 1 and "requestContext" not in letter
        wait_for(lambda file=file: {"b", "c"} <= {key for one in batches(file) for key in one}, "the rest came")
        assert batches(file)[0] == ["a", "bad", "b", "c"] and ["a", "bad"] in batches(file)
        assert [one for one in batches(file) if one == ["bad"]] == [["bad"]]
    entries = wait_for(lambda: served.call("status", "GET")["outbox"]["waiting"] == 0, "all letters are sent")
    assert entries


def test_a_throttled_target_costs_no_attempt(served, pipes):
    table, out = served.table(), Queue(served)
    served.call("faults", service="sqs", operation="SendMessageBatch", error="RequestThrottled", times=4)
    try:
        name = pipes.make(table.stream, out.arn, reading={"MaximumRetryAttempts": 0, "BatchSize": 10})
        table.put("a", "b")
        wait_for(lambda: hurry(served) and out.left() == 2, "both are there in the end")
    finally:
        served.call("faults", "DELETE")
    (mapping,) = [one for one in served.call("status", "GET")["mappings"] if one["uuid"].endswith(f"pipe/{name}")]
    assert mapping["counters"]["dropped"] == 0 and mapping["counters"]["not_reached"] >= 1


def test_a_message_that_the_target_could_not_take_is_received_once(served, pipes):
    source, out = Queue(served), Queue(served)
    served.call("faults", service="sqs", operation="SendMessageBatch", error="ServiceUnavailable", times=3)
    try:
        pipes.make(source.arn, out.arn)
        source.send("hello")
        wait_for(lambda: hurry(served) and out.left() == 1, "it is there in the end")
    finally:
        served.call("faults", "DELETE")
    (record,) = out.bodies()
    assert record["attributes"]["ApproximateReceiveCount"] == "1"


def test_a_server_that_fails_is_tried_until_it_does_not_and_a_refusal_counts(served, pipes):
    table, letters = served.table(), Queue(served)
    with web() as one:
        answers = {"a": [503, 503, 200], "b": [400, 400]}
        one.answer = lambda path, body: ((answers[json.loads(body)] or [200]).pop(0), b"")
        reading = {"MaximumRetryAttempts": 1, "DeadLetterConfig": {"Arn": letters.arn}}
        sending = {"InputTemplate": '"<$.dynamodb.Keys.pk.S>"'}
        pipes.make(table.stream, api_destination(served, f"{one.url}/hook"), reading=reading, sending=sending)
        table.put("a", "b")
        wait_for(lambda: hurry(served) and letters.left(), "the letter of the refused one")
        assert [json.loads(body) for _, _, body in one.seen] == ["a", "a", "a", "b", "b"]
        assert letters.bodies()[0]["DDBStreamBatchInfo"]["batchSize"] == 1


def test_a_pipe_tells_its_log_group_and_its_bucket_each_step_with_its_data(served, pipes):
    table, out = served.table(), Queue(served)
    logs, s3, group, bucket = served.client("logs"), served.client("s3"), unique("/pipes"), unique("bucket")
    logs.create_log_group(logGroupName=group)
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    configuration = {
        "Level": "TRACE",
        "IncludeExecutionData": ["ALL"],
        "CloudwatchLogsLogDestination": {"LogGroupArn": f"arn:aws:logs:{HOME}:log-group:{group}"},
        "S3LogDestination": {"BucketName": bucket, "BucketOwner": "000000000000", "Prefix": "logs"},
    }
    code = "def handler(event, context):\n    return [{'tier': 'gold'} for one in event]\n"
    name = pipes.make(
        table.stream,
        out.arn,
        Enrichment=function(served, code),
        sending={"InputTemplate": '{"was": <$.tier>}'},
        LogConfiguration=configuration,
    )
    table.put("a")
    arn = pipes.describe(name)["Arn"]

    def in_logs() -> list[dict]:
        streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
        found = [logs.get_log_events(logGroupName=group, logStreamName=one["logStreamName"]) for one in streams]
        return [json.loads(event["message"]) for one in found for event in one["events"]]

    def in_bucket() -> list[dict]:
        listed = s3.list_objects_v2(Bucket=bucket, Prefix="logs/").get("Contents", [])
        bodies = [s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in listed]
        return [json.loads(line) for body in bodies for line in body.splitlines()]

    steps = [
        "ExecutionStarted",
        "EnrichmentStageEntered",
        "EnrichmentInvocationStarted",
        "EnrichmentInvocationSucceeded",
        "EnrichmentStageSucceeded",
        "TargetStageEntered",
        "TargetTransformationStarted",
        "TargetTransformationSucceeded",
        "TargetInvocationStarted",
        "TargetInvocationSucceeded",
        "TargetStageSucceeded",
        "ExecutionSucceeded",
    ]
    for read in (in_logs, in_bucket):
        wait_for(lambda read=read: len(read()) >= len(steps), "all steps are told")
        records = read()
        assert sorted(one["messageType"] for one in records) == sorted(steps)
        assert {one["resourceArn"] for one in records} == {arn} and {one["logLevel"] for one in records} == {"TRACE"}
        assert len({one["executionId"] for one in records}) == 1
        by_step = {one["messageType"]: one for one in records}
        (record,) = json.loads(by_step["ExecutionStarted"]["payload"])
        assert record["dynamodb"]["Keys"] == {"pk": {"S": "a"}}
        assert json.loads(by_step["EnrichmentStageSucceeded"]["payload"]) == [{"tier": "gold"}]
        assert json.loads(by_step["TargetTransformationSucceeded"]["payload"]) == [{"was": "gold"}]
        assert "gold" in by_step["TargetInvocationSucceeded"]["awsRequest"]


def test_an_error_is_told_with_what_the_function_said(served, pipes, tmp_path):
    table, group = served.table(), unique("/pipes")
    logs = served.client("logs")
    logs.create_log_group(logGroupName=group)
    configuration = {
        "Level": "ERROR",
        "CloudwatchLogsLogDestination": {"LogGroupArn": f"arn:aws:logs:{HOME}:log-group:{group}"},
    }
    target = judge(served, tmp_path / "told", "raise ValueError('secretly')")
    name = pipes.make(table.stream, target, reading={"MaximumRetryAttempts": 0}, LogConfiguration=configuration)
    table.put("a")

    def told() -> list[dict]:
        try:
            found = logs.get_log_events(logGroupName=group, logStreamName=name)["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [json.loads(one["message"]) for one in found]

    records = wait_for(lambda: len(told()) == 3 and told(), "three errors")
    assert [one["messageType"] for one in records] == [
        "TargetInvocationFailed",
        "TargetStageFailed",
        "ExecutionFailed",
    ]
    assert all("payload" not in one and "awsRequest" not in one for one in records)
    error = records[0]["error"]
    assert (error["awsService"], error["resourceArn"], error["httpStatusCode"]) == ("lambda", target, 200)
    assert "ValueError" in error["details"]


def test_metrics_are_in_cloudwatch_by_pipe_and_by_account(served, pipes, tmp_path):
    table, cloudwatch = served.table(), served.client("cloudwatch")
    target = judge(served, tmp_path / "told", "assert 'bad' not in keys")
    name = pipes.make(table.stream, target, reading={"MaximumRetryAttempts": 0, "BatchSize": 1})
    table.put("a", "bad")
    wait_for(lambda: len(batches(tmp_path / "told")) == 2, "both were delivered")
    served.call("clock", advance_s=61)  # metrics are put every minute

    def statistics(metric: str, dimension: str, value: str) -> float:
        now = datetime.now(UTC)
        found = cloudwatch.get_metric_statistics(
            Namespace="AWS/EventBridge/Pipes",
            MetricName=metric,
            Dimensions=[{"Name": dimension, "Value": value}],
            StartTime=now - timedelta(hours=2),
            EndTime=now + timedelta(hours=2),
            Period=3600,
            Statistics=["Sum"],
        )
        return sum(one["Sum"] for one in found["Datapoints"])

    wait_for(lambda: statistics("EventCount", "PipeName", name) == 2, "the metrics are there")
    assert statistics("Invocations", "PipeName", name) == 2
    assert statistics("ExecutionFailed", "PipeName", name) == statistics("TargetStageFailed", "PipeName", name) == 1
    assert statistics("EventSize", "PipeName", name) > 100 and statistics("Duration", "PipeName", name) > 0
    assert statistics("Invocations", "AwsAccountId", "000000000000") >= 2
    assert statistics("ExecutionFailed", "AwsAccountId", "000000000000") == 0


def test_status_tells_of_a_pipe_in_its_own_words(served, pipes):
    table, out = served.table(), Queue(served)
    name = pipes.make(table.stream, out.arn, reading={"BatchSize": 100})
    (told,) = [one for one in served.call("status", "GET")["pipes"] if one["name"] == name]
    assert (told["state"], told["target"], told["reason"]) == ("RUNNING", out.arn, None)
    assert "in pieces of 10" in told["warnings"][0]
    done = afterbay("status", url=served.url)
    assert done.returncode == 0, done.stderr
    (shown,) = [one for one in done.stdout.split("pipe ") if one.startswith(f"{name}  RUNNING")]
    assert "in pieces of 10" in " ".join(shown.split()) and "Enabled" not in shown
