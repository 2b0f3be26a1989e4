"""A pipe that runs in a test: batches of real records, calls answered by a function, time passed in."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from afterbay.core.change.kinesis import kinesis_record
from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.outcome import Outcome
from afterbay.core.pipe.definition import PipeSettings
from afterbay.core.pipe.machine import Ask, PipeExecution
from afterbay.core.pipe.plan import Plan
from afterbay.core.target.call import Answered, Call, Reply
from unit.core.pipe.making import REGION, SOURCES

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

Target = Callable[[Call], Reply]


def taken(call: Call) -> Reply:
    """Whatever it is, it worked, and nobody says more."""
    return Answered()


def change(number: int, *, key: str = "", event_id: str = "", **members: object) -> RawRecord:
    """A table's record in Lambda's form."""
    key = key or f"ORDER#{number}"
    body = {
        "eventID": event_id or f"e{number}",
        "eventName": "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        "dynamodb": {"Keys": {"pk": {"S": key}}, "SequenceNumber": str(number), "SizeBytes": 26},
        "eventSourceARN": SOURCES["dynamodb"],
        **members,
    }
    return RawRecord(json.dumps(body).encode(), number, ItemKey(key.encode()), NOW.timestamp(), "MODIFY")


def click(number: int, data: bytes = b"{}") -> RawRecord:
    """A Kinesis record in Lambda's form."""
    return kinesis_record(
        stream_arn=SOURCES["kinesis"],
        shard="shardId-0",
        sequence_number=str(number),
        partition_key='a"},"eventSource":"b',
        data=data,
        arrived=NOW,
        role="",
    )


def batch_of(records: Sequence[RawRecord]) -> Batch:
    return Batch(tuple(records), "00000000-0000-0000-0000-000000000000", 0)


class Ran:
    """One execution, from its beginning to its end."""

    def __init__(self, settings: PipeSettings, records: Sequence[RawRecord], *targets: Target, now: datetime = NOW):
        """``targets`` answer the calls in turn; the last one answers all that follow."""
        plan = Plan(settings)
        self.calls: list[Call] = []
        names = [json.loads(one.body).get("eventID") or json.loads(one.body)["messageId"] for one in records]
        self.execution = PipeExecution(plan, batch_of(records), now, identifiers=lambda: names)
        step = self.execution.begin(now)
        while isinstance(step, Ask):
            self.calls.append(step.call)
            answer = targets[min(len(self.calls), len(targets)) - 1]
            step = self.execution.told(answer(step.call), now)
        self.outcome: Outcome = step.outcome


def data_of(record: RawRecord) -> bytes:
    return base64.b64decode(json.loads(record.body)["kinesis"]["data"])
