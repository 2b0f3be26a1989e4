"""Log records on their way: the same to every destination, in calls that it takes, never in the pipe's way (X100)."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import UTC, datetime

import pytest

from afterbay.core.mapping.deadletter import Condition, Letter
from afterbay.core.pipe.plan import Plan
from afterbay.core.shard.position import Position, ShardId
from afterbay.core.target.call import Answered, AwsCall, Call, Fault, Refused, Reply
from afterbay.engine import pipe_logs
from afterbay.engine.pipe_logs import PER_CALL_BYTES_MAX, PipeLogs
from unit.core.pipe.making import HOME, pipe
from unit.core.pipe.running import Ran, change, taken

GROUP = f"arn:aws:logs:{HOME}:log-group:pipes"
FIREHOSE = f"arn:aws:firehose:{HOME}:deliverystream/pipes"
EVERYWHERE = {
    "Level": "INFO",
    "CloudwatchLogsLogDestination": {"LogGroupArn": GROUP},
    "FirehoseLogDestination": {"DeliveryStreamArn": FIREHOSE},
    "S3LogDestination": {"BucketName": "pipes", "BucketOwner": "111122223333", "Prefix": "/a/"},
}
STEPS = 4
"""Of an execution without an enrichment, at INFO."""


class World:
    def __init__(self) -> None:
        self.calls: list[AwsCall] = []
        self.metrics: list = []
        self.answer: Reply = Answered()
        self.gate = asyncio.Event()
        self.gate.set()
        self.logs = PipeLogs(self.perform, self.metrics.extend, lambda: datetime(2026, 1, 1, tzinfo=UTC))

    async def perform(self, call: Call, request_id: str) -> Reply:
        assert isinstance(call, AwsCall)
        self.calls.append(call)
        await self.gate.wait()
        return self.answer

    def execute(self, settings, times: int = 1) -> None:
        ran, plan = Ran(settings, [change(1)], taken), Plan(settings)
        for number in range(times):
            self.logs.began(plan)
            self.logs.left(plan)
            self.logs.executed(plan, ran.execution, f"id-{number}")

    def written(self) -> list[dict]:
        """The records that went to the log group."""
        mine = [call for call in self.calls if call.operation == "put_log_events"]
        return [json.loads(one["message"]) for call in mine for one in call.parameters["logEvents"]]


async def test_the_same_records_go_to_every_destination() -> None:
    world = World()
    world.execute(pipe(LogConfiguration=EVERYWHERE))
    await world.logs.close()
    logs, firehose, s3 = world.calls
    assert (logs.parameters["logGroupName"], logs.parameters["logStreamName"]) == ("pipes", "orders-shipped")
    lines = [one["Data"] for one in firehose.parameters["Records"]]
    assert firehose.parameters["DeliveryStreamName"] == "pipes" and all(line.endswith(b"\n") for line in lines)
    assert s3.parameters["ExpectedBucketOwner"] == "111122223333"
    assert s3.parameters["Bucket"] == "pipes" and s3.parameters["Body"] == b"".join(lines)
    assert s3.parameters["Key"].startswith("a/orders-shipped/") and s3.parameters["Key"].endswith(".json")
    told = world.written()
    assert [json.loads(line) for line in lines] == told and len(told) == STEPS
    assert {call.region for call in world.calls} == {"us-east-1"}


async def test_they_are_sent_while_the_pipe_runs_on() -> None:
    world = World()
    world.logs.start()
    world.gate.clear()
    world.execute(pipe(LogConfiguration=EVERYWHERE))
    while not world.calls:
        await asyncio.sleep(0)
    world.execute(pipe(LogConfiguration=EVERYWHERE), times=3)
    world.gate.set()
    await world.logs.close()
    assert len(world.written()) >= 4 * STEPS


async def test_what_was_being_sent_when_it_ends_is_sent_again_rather_than_lost() -> None:
    world = World()
    world.logs.start()
    world.gate.clear()
    world.execute(pipe(LogConfiguration=EVERYWHERE))
    while not world.calls:
        await asyncio.sleep(0)
    world.calls.clear()
    closing = asyncio.create_task(world.logs.close())
    await asyncio.sleep(0)
    world.gate.set()
    await closing
    assert len(world.written()) == STEPS


async def test_a_call_is_no_larger_than_its_destinations_take() -> None:
    world = World()
    template = {"InputTemplate": json.dumps({"pad": "x" * 8000, "id": "<$.eventID>"})}
    configuration = {**EVERYWHERE, "Level": "TRACE", "IncludeExecutionData": ["ALL"]}
    world.execute(pipe(LogConfiguration=configuration, TargetParameters=template), times=80)
    await world.logs.close()
    sizes = [
        sum(len(one["message"].encode()) + 26 for one in call.parameters["logEvents"])
        for call in world.calls
        if call.operation == "put_log_events"
    ]
    assert len(sizes) > 1 and max(sizes) <= PER_CALL_BYTES_MAX
    assert len({(one["executionId"], one["messageType"]) for one in world.written()}) == len(world.written()) == 640


@pytest.mark.parametrize("bound, value", [("WAITING_MAX", 10), ("WAITING_BYTES_MAX", 2500)])
async def test_what_waits_is_bounded_and_what_is_lost_is_said(bound, value, monkeypatch, caplog) -> None:
    monkeypatch.setattr(pipe_logs, bound, value)
    world = World()
    with caplog.at_level(logging.WARNING):
        world.execute(pipe(LogConfiguration=EVERYWHERE), times=10)
        await world.logs.close()
    (lost,) = [one for one in caplog.records if "lost" in one.message]
    kept = len(world.written())
    assert 0 < kept < 20 and lost.records == 10 * STEPS - kept


async def test_a_destination_that_refuses_is_said_and_harms_nobody(caplog) -> None:
    world = World()
    world.answer = Refused(Fault.NOT_FOUND, "ResourceNotFoundException", "no such group")
    with caplog.at_level(logging.WARNING):
        world.execute(pipe(LogConfiguration=EVERYWHERE))
        await world.logs.close()
    assert [one.destination for one in caplog.records] == ["logs", "firehose", "s3"]
    assert all("no such group" in one.why for one in caplog.records)


async def test_pipes_that_are_forgotten_leave_nothing_to_send() -> None:
    world = World()
    world.execute(pipe(LogConfiguration=EVERYWHERE))
    world.logs.forget()
    await world.logs.close()
    assert world.calls == []


async def test_metrics_tell_of_each_execution_and_of_how_many_run() -> None:
    world, settings = World(), pipe()
    plan = Plan(settings)
    world.logs.began(plan)
    world.logs.began(plan)
    world.logs.left(plan)
    world.logs.began(plan)
    assert [one.value for one in world.metrics if one.series.metric == "Concurrency"] == [1, 2, 2]
    world.execute(settings)
    told = {one.series.metric for one in world.metrics}
    assert {"Invocations", "EventCount", "EventSize", "Duration", "TargetStageDuration"} <= told
    assert world.calls == [], "a pipe that logs nothing calls nobody"


def test_a_letter_that_is_not_taken_raises_one_alarm_however_often_it_is_sent() -> None:
    """X93."""
    world, at = World(), datetime(2026, 1, 1, tzinfo=UTC)
    mine = letter(f"arn:aws:pipes:{HOME}:pipe/orders-shipped")
    for tries in range(3):
        world.logs.letter_sent(mine, delivered=False, tries=tries, at=at)
    world.logs.letter_sent(mine, delivered=True, tries=3, at=at)
    world.logs.letter_sent(letter(f"arn:aws:lambda:{HOME}:function:f"), delivered=False, tries=0, at=at)
    (alarm,) = world.metrics
    assert (alarm.series.metric, alarm.value, alarm.at) == ("DestinationDeliveryFailures", 1, at)
    assert alarm.series.dimensions == (("PipeName", "orders-shipped"),) and alarm.series.region == "us-east-1"


def letter(function_arn: str) -> Letter:
    return Letter(
        mapping=function_arn,
        shard=ShardId("shard"),
        request_id="r",
        destination=f"arn:aws:sqs:{HOME}:letters",
        function_arn=function_arn,
        stream_arn="arn:s",
        condition=Condition.RETRY_ATTEMPTS_EXHAUSTED,
        invoke_count=1,
        first=Position(1),
        last=Position(1),
        first_created_s=1.0,
        last_created_s=1.0,
        count=1,
        response=None,
    )
