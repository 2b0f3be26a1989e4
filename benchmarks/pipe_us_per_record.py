"""``pipe_us_per_record``: page bytes in, PutEvents entries out, for the records that the pipe's filter lets through.

A pipe as the seed has it: MODIFY to SHIPPED, a template of four paths, a bus as its target; batches of 100 in pieces of
ten. CPU time of the thread that does it. Beside the figure its stages.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import thread_time_ns

from afterbay.core.change.page import split_page
from afterbay.core.mapping.commands import Deliver, ReadShard
from afterbay.core.mapping.events import (
    Created,
    Event,
    RecordsRead,
)
from afterbay.core.mapping.machine import Mapping
from afterbay.core.mapping.outcome import Outcome
from afterbay.core.pipe.filters import compile_filters
from afterbay.core.pipe.machine import Ask, PipeExecution
from afterbay.core.pipe.plan import Plan
from afterbay.core.pipe.request import parse_create
from afterbay.core.target.call import Answered, AwsCall
from benchmarks.answered import answered
from benchmarks.harness import Benchmark, Better, Budget, Result, median
from benchmarks.pages import PAGE_RECORDS, STREAM_ARN, make_pages

__all__ = ["BENCHMARK"]

PAGES = 20
ROUNDS = 5
BUDGET_US = 25.0
NOW = datetime(2026, 9, 21, 14, 0, tzinfo=UTC)
PIPE = {
    "Name": "orders-shipped",
    "RoleArn": "arn:aws:iam::000000000000:role/any",
    "Source": STREAM_ARN,
    "SourceParameters": {
        "DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON", "BatchSize": 100, "ParallelizationFactor": 4},
        "FilterCriteria": {
            "Filters": [
                {
                    "Pattern": json.dumps(
                        {"eventName": ["MODIFY"], "dynamodb": {"NewImage": {"status": {"S": ["SHIPPED"]}}}}
                    )
                }
            ]
        },
    },
    "Target": "arn:aws:events:eu-west-1:000000000000:event-bus/commerce",
    "TargetParameters": {
        "InputTemplate": '{"order": <$.dynamodb.Keys.pk.S>, "total": <$.dynamodb.NewImage.amount.N>,'
        ' "customer": "<$.dynamodb.NewImage.customer.S>", "at": <$.dynamodb.ApproximateCreationDateTime>}',
        "EventBridgeEventBusParameters": {"Source": "shop.orders", "DetailType": "OrderShipped"},
    },
}


@dataclass(slots=True)
class Spent:
    """Nanoseconds of CPU; ``matched`` records became ``entries``."""

    split_ns: int = 0
    machine_ns: int = 0
    execution_ns: int = 0
    matched: int = 0
    entries: int = 0


class _Drive:
    """A mapping over pages whose batches go through the pipe's stages; a bus that takes everything at once."""

    def __init__(self, pages: Sequence[bytes]) -> None:
        settings = parse_create(PIPE, account="000000000000", region="eu-west-1")
        self._plan = Plan(settings)
        self._mapping = Mapping(settings.arn, settings.source_settings(), b"seed", compile_filters=compile_filters)
        self._pages = iter(pages)
        self.spent = Spent()

    def run(self) -> Spent:
        events: deque[Event] = deque([Created(enabled=True)])
        while events:
            event = events.popleft()
            began = thread_time_ns()
            commands = self._mapping.handle(event, NOW)
            self.spent.machine_ns += thread_time_ns() - began
            told = (answered(command, self._read, self._execute) for command in commands)
            events += [done for done in told if done is not None]
        return self.spent

    def _read(self, command: ReadShard) -> RecordsRead | None:
        page = next(self._pages, None)
        if page is None:
            return None
        began = thread_time_ns()
        records, _ = split_page(page, STREAM_ARN)
        self.spent.split_ns += thread_time_ns() - began
        return RecordsRead(command.shard, command.run, tuple(records))

    def _execute(self, command: Deliver) -> Outcome:
        batch = command.batch
        began = thread_time_ns()
        execution = PipeExecution(self._plan, batch, NOW, identifiers=list)
        step = execution.begin(NOW)
        while isinstance(step, Ask):
            assert isinstance(step.call, AwsCall), "a bus is called"
            self.spent.entries += len(step.call.parameters["Entries"])  # type: ignore[arg-type]  # PutEvents' list
            step = execution.told(Answered(members={"FailedEntryCount": 0, "Entries": []}), NOW)
        self.spent.execution_ns += thread_time_ns() - began
        self.spent.matched += len(batch.records)
        return step.outcome


def _measured(pages: Sequence[bytes], matched: int) -> list[Spent]:
    rounds = [_Drive(pages).run() for _ in range(ROUNDS)]
    assert all(one.matched == one.entries == matched for one in rounds), "every matched record becomes an entry"
    return rounds


def _per_matched(rounds: Sequence[Spent], *stages: str) -> float:
    return median(sum(getattr(one, stage) for stage in stages) / one.matched for one in rounds)


def _run() -> list[Result]:
    pages = make_pages(PAGES)
    half = _measured(pages, PAGES * PAGE_RECORDS // 2)
    every = _measured([page.replace(b'"PACKED"', b'"SHIPPED"') for page in pages], PAGES * PAGE_RECORDS)
    stages = ("split_ns", "machine_ns", "execution_ns")
    return [
        Result(
            "pipe_us_per_record",
            _per_matched(half, *stages) / 1000,
            "us CPU",
            Better.LOWER,
            budget=Budget(BUDGET_US),
            note="of a matched record, page bytes to PutEvents entries; another is read and left out for each",
        ),
        Result(
            "pipe_us_per_record_all_match",
            _per_matched(every, *stages) / 1000,
            "us CPU",
            Better.LOWER,
            budget=Budget(BUDGET_US),
            note="the same where every record matches",
        ),
        *(Result(f"pipe_{stage}", _per_matched(half, stage), "ns CPU", Better.LOWER) for stage in stages),
    ]


NAMES = ("pipe_us_per_record", "pipe_us_per_record_all_match", "pipe_split_ns", "pipe_machine_ns", "pipe_execution_ns")
BENCHMARK = Benchmark(NAMES, _run)
