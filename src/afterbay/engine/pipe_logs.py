"""What pipes tell while they run: log records to their destinations (X100 to X104), metrics to CloudWatch (X106)."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime

import msgspec

from afterbay.core.change.arn import parse_arn
from afterbay.core.mapping.metrics import Datum
from afterbay.core.pipe.log_record import RECORD_BYTES_MAX
from afterbay.core.pipe.log_settings import LogSettings
from afterbay.core.pipe.machine import PipeExecution
from afterbay.core.pipe.metrics import of_concurrency, of_execution
from afterbay.core.pipe.plan import Plan
from afterbay.core.pipe.telling import log_records
from afterbay.core.target import log_group, stream
from afterbay.core.target.call import AwsCall, Call, Refused, Reply

__all__ = ["PipeLogs"]

log = logging.getLogger(__name__)

WAITING_MAX = 10_000
"""Records that wait to be sent, of all pipes; beyond it the oldest are lost, and that is said. A pipe is not held up by
its log."""

PER_CALL_MAX = 500
"""Records in one call, so that it stays below every destination's bytes with ordinary records."""


class PipeLogs:
    """A ``PipeListener``. ``perform`` makes calls, ``metrics`` takes data of ``AWS/EventBridge/Pipes``. ``start`` it,
    and ``close`` it, which sends what is left."""

    def __init__(
        self,
        perform: Callable[[Call, str], Awaitable[Reply]],
        metrics: Callable[[Iterable[Datum]], None],
        now: Callable[[], datetime],
    ) -> None:
        self._perform = perform
        self._metrics = metrics
        self._now = now
        self._waiting: deque[tuple[Plan, int, bytes]] = deque(maxlen=WAITING_MAX)
        self._news = asyncio.Event()
        self._lost = 0
        self._running: dict[tuple[str, str], int] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._flush()

    def began(self, plan: Plan) -> None:
        home = parse_arn(plan.settings.arn)
        running = self._running[home.account, home.region] = self._running.get((home.account, home.region), 0) + 1
        self._metrics(of_concurrency(home.account, home.region, running, self._now()))

    def executed(self, plan: Plan, execution: PipeExecution, execution_id: str) -> None:
        home = parse_arn(plan.settings.arn)
        self._running[home.account, home.region] -= 1
        self._metrics(
            of_execution(
                plan.settings.arn,
                execution.execution(),
                events=len(execution.bodies),
                event_bytes=sum(map(len, execution.bodies)),
                began=execution.began,
                duration=(execution.ended or execution.began) - execution.began,
            )
        )
        settings = plan.settings.log
        for record in log_records(plan, execution, execution_id):
            assert settings is not None, "somebody asked for it"
            bytes_max = RECORD_BYTES_MAX if settings.cuts else None
            document = record.document(include_data=settings.includes_data, bytes_max=bytes_max)
            if len(self._waiting) == WAITING_MAX:
                self._lost += 1
            self._waiting.append((plan, record.timestamp_ms, msgspec.json.encode(document)))
            self._news.set()

    async def _run(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            await self._flush()

    async def _flush(self) -> None:
        while self._waiting:
            plan = self._waiting[0][0]
            some: list[tuple[int, bytes]] = []
            while self._waiting and self._waiting[0][0] is plan and len(some) < PER_CALL_MAX:
                _, moment, body = self._waiting.popleft()
                some.append((moment, body))
            for call in _calls(plan, some):
                await self._send(call, plan)
        if self._lost:
            log.warning("pipe log records lost: their destinations are too slow", extra={"records": self._lost})
            self._lost = 0

    async def _send(self, call: AwsCall, plan: Plan) -> None:
        reply = await self._perform(call, "")
        if isinstance(reply, Refused):
            fields = {"pipe": plan.settings.arn, "destination": call.service, "why": reply.told}
            log.warning("pipe log records not written", extra=fields)


def _calls(plan: Plan, records: Sequence[tuple[int, bytes]]) -> Iterable[AwsCall]:
    """The same records for every destination (X100)."""
    settings: LogSettings | None = plan.settings.log
    if settings is None:
        return
    if settings.cloudwatch_logs_log_destination is not None:
        events = [log_group.LogEvent(at_ms, body.decode()) for at_ms, body in records]
        yield log_group.put_log_events(
            settings.cloudwatch_logs_log_destination.log_group_arn, plan.settings.name, events
        )
    if settings.firehose_log_destination is not None:
        lines = [body + b"\n" for _, body in records]
        yield stream.put_record_batch(settings.firehose_log_destination.delivery_stream_arn, lines)
    if settings.s3_log_destination is not None:
        prefix = (settings.s3_log_destination.prefix or "").strip("/")
        name = f"{plan.settings.name}/{records[0][0]}-{uuid.uuid4()}.json"
        parameters = {
            "Bucket": settings.s3_log_destination.bucket_name,
            "Key": f"{prefix}/{name}" if prefix else name,
            "Body": b"".join(body + b"\n" for _, body in records),
        }
        yield AwsCall("s3", "put_object", parse_arn(plan.settings.arn).region, parameters)
