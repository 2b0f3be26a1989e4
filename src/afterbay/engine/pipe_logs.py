"""What pipes tell while they run: log records to their destinations (X100 to X104), metrics to CloudWatch (X93,
X106)."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from itertools import islice

import msgspec

from afterbay.core.change.arn import is_pipe, parse_arn
from afterbay.core.mapping.deadletter import Letter
from afterbay.core.mapping.metrics import Datum
from afterbay.core.pipe.log_record import RECORD_BYTES_MAX
from afterbay.core.pipe.log_settings import LogSettings
from afterbay.core.pipe.machine import PipeExecution
from afterbay.core.pipe.metrics import of_concurrency, of_execution, of_unsent_letter
from afterbay.core.pipe.plan import Plan
from afterbay.core.pipe.telling import log_records
from afterbay.core.target import log_group, stream
from afterbay.core.target.call import AwsCall, Call, Refused, Reply
from afterbay.engine.background import Background
from afterbay.engine.meter import Listener

__all__ = ["PipeLogs"]

log = logging.getLogger(__name__)

WAITING_MAX = 10_000
WAITING_BYTES_MAX = 64 * 1024 * 1024
"""Records that wait to be sent, of all pipes; beyond either the new ones are lost, and that is said. A pipe is not held
up by its log."""

PER_CALL_MAX = 500
PER_CALL_BYTES_MAX = 1024 * 1024
"""Of one call: what every destination takes (PutLogEvents 1 MiB, PutRecordBatch 500 records and 4 MiB)."""

RECORD_OVERHEAD_BYTES = 26
"""What CloudWatch Logs counts for each event beside its message."""

_Record = tuple[Plan, int, bytes]


class PipeLogs(Listener):
    """A ``PipeListener``, and a listener to what the engine measures. ``perform`` makes calls, ``metrics`` takes data
    of ``AWS/EventBridge/Pipes``. ``start`` it, and ``close`` it, which sends what is left."""

    def __init__(
        self,
        perform: Callable[[Call, str], Awaitable[Reply]],
        metrics: Callable[[Iterable[Datum]], None],
        now: Callable[[], datetime],
    ) -> None:
        self._perform = perform
        self._metrics = metrics
        self._now = now
        self._waiting: deque[_Record] = deque()
        self._waiting_bytes = 0
        self._news = asyncio.Event()
        self._lost = 0
        self._running: dict[tuple[str, str], int] = {}
        self._background = Background(self._run)

    def start(self) -> None:
        self._background.start()

    async def close(self) -> None:
        await self._background.stop()
        await self._flush()

    def forget(self) -> None:
        """Drop what waits: there are no pipes any more."""
        self._waiting.clear()
        self._waiting_bytes = self._lost = 0
        self._running.clear()

    def began(self, plan: Plan) -> None:
        home = parse_arn(plan.settings.arn)
        running = self._running[home.account, home.region] = self._running.get((home.account, home.region), 0) + 1
        self._metrics(of_concurrency(home.account, home.region, running, self._now()))

    def left(self, plan: Plan) -> None:
        home = parse_arn(plan.settings.arn)
        self._running[home.account, home.region] = max(0, self._running.get((home.account, home.region), 0) - 1)

    def executed(self, plan: Plan, execution: PipeExecution, execution_id: str) -> None:
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
            self._add((plan, record.timestamp_ms, msgspec.json.encode(document)))

    def letter_sent(self, letter: Letter, *, delivered: bool, tries: int, at: datetime) -> None:
        """Rules: X93 a letter that is not taken raises the alarm once; it is sent again until it is."""
        if not delivered and tries == 0 and is_pipe(letter.function_arn):
            self._metrics(of_unsent_letter(letter.function_arn, at))

    def _add(self, record: _Record) -> None:
        size = len(record[2])
        if len(self._waiting) >= WAITING_MAX or self._waiting_bytes + size > WAITING_BYTES_MAX:
            self._lost += 1
        else:
            self._waiting.append(record)
            self._waiting_bytes += size
        self._news.set()

    async def _run(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            await self._flush()

    async def _flush(self) -> None:
        """Send what waits. What is being sent waits too until it is: who is cut off meanwhile sends it again."""
        while self._waiting:
            some = self._some()
            for call in _calls(some[0][0], [(moment, body) for _, moment, body in some]):
                await self._send(call, some[0][0])
            for one in some:
                if self._waiting and self._waiting[0] is one:  # else they were forgotten meanwhile
                    self._waiting.popleft()
                    self._waiting_bytes -= len(one[2])
        if self._lost:
            log.warning("pipe log records lost: their destinations are too slow", extra={"records": self._lost})
            self._lost = 0

    def _some(self) -> list[_Record]:
        """The first records that wait, of one pipe, as many as a call takes; one at least."""
        some: list[_Record] = []
        size = 0
        for record in islice(self._waiting, PER_CALL_MAX):
            size += len(record[2]) + RECORD_OVERHEAD_BYTES
            if some and (record[0] is not some[0][0] or size > PER_CALL_BYTES_MAX):
                break
            some.append(record)
        return some

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
            "ExpectedBucketOwner": settings.s3_log_destination.bucket_owner,
            "Key": f"{prefix}/{name}" if prefix else name,
            "Body": b"".join(body + b"\n" for _, body in records),
        }
        yield AwsCall("s3", "put_object", parse_arn(plan.settings.arn).region, parameters)
