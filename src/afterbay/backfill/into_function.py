"""Images into a function, as the INSERT records of a mapping's event, marked so that it can tell them apart (E13).

Decides how images are cut into invocations and what an answer means: the grammar of a mapping with
ReportBatchItemFailures (R97, R98), whose earliest failure counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from afterbay.backfill.images import Image
from afterbay.backfill.source import Time
from afterbay.core.guard import APPLIED, SKIPPED, Kind, Verdict
from afterbay.core.mapping.batch import ENVELOPE_BYTES, PAYLOAD_BYTES_MAX
from afterbay.core.mapping.diagnosis import FAILURES
from afterbay.core.mapping.outcome import Delivered, Failed, FailedFrom, FailedSome, NotReached, Outcome
from afterbay.core.mapping.response import read_answer
from afterbay.core.mapping.retry import backoff_s
from afterbay.core.pattern import Pattern
from afterbay.core.shard.position import Position
from afterbay.engine.jitter import spread
from afterbay.errors import (
    DeniedError,
    NotFoundError,
    PayloadTooLargeError,
    ServiceError,
    SettingsError,
    UnavailableError,
)
from afterbay.ports import Function

__all__ = ["ATTEMPTS_MAX", "BATCH", "BATCH_MAX", "IN_A_ROW_MAX", "FunctionDestination", "cut"]

BATCH = 100
BATCH_MAX = 10_000
"""As a mapping's (R4)."""

ATTEMPTS_MAX = 4
"""Of a batch that the function fails, before it is cut in halves; and of a record alone, before it is given up."""

IN_A_ROW_MAX = 10
"""Records given up with none done in between: then it is not they, but something behind the function that is down."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A record on its way: its place among the images, its number, its JSON."""

    place: int
    position: Position
    body: bytes


class FunctionDestination:
    """A ``Destination``. An image that ``where`` (a pattern on the item) does not match is not sent."""

    def __init__(self, function: Function, time: Time, *, batch: int = BATCH, where: Pattern | None = None) -> None:
        if not 1 <= batch <= BATCH_MAX:
            raise SettingsError(
                f"a batch of {batch} records is not possible", where="--batch", hint=f"1 to {BATCH_MAX:,}"
            )
        self._function = function
        self._time = time
        self._batch = batch
        self._where = where
        self._in_a_row = 0

    async def write(self, images: Sequence[Image]) -> list[Verdict]:
        verdicts = [SKIPPED] * len(images)
        sent = [
            _Sent(place, Position(one.number), msgspec.json.encode(one.record))
            for place, one in enumerate(images)
            if self._where is None or self._where.matches(one.item)
        ]
        for batch in cut(sent, self._batch):
            await self._deliver(batch, verdicts, ATTEMPTS_MAX)
        return verdicts

    async def close(self) -> None:
        """The function's calls belong to whoever made it."""

    async def _deliver(self, batch: Sequence[_Sent], verdicts: list[Verdict], attempts_max: int) -> None:
        """Deliver a batch again and again, until every record of it is done, or is the one that fails.

        Rules: R98 what lies before the earliest failure is done, R92 and R93 a batch that fails as a whole is halved.
        """
        attempts = 0
        while batch:
            outcome = await self._invoke(batch)
            attempts += 1
            match outcome:
                case Delivered():
                    self._done(verdicts, batch)
                    return
                case NotReached(reason=reason):
                    _tell(verdicts, batch, Verdict(Kind.RETRYABLE, reason))
                    return
                case FailedFrom(position=position):
                    done = [one for one in batch if one.position < position]
                    self._done(verdicts, done)
                    if done:
                        attempts = 1
                    batch = batch[len(done) :]
                    if attempts >= ATTEMPTS_MAX:
                        self._give_up(verdicts, batch[0], "the function reports it as failed")
                        batch, attempts = batch[1:], 0
                        continue
                case Failed(cause=cause):
                    if len(batch) == 1 and attempts >= ATTEMPTS_MAX:
                        self._give_up(verdicts, batch[0], f"the function fails with it: {cause.value}")
                        return
                    if len(batch) > 1 and attempts >= attempts_max:
                        middle = len(batch) // 2
                        await self._deliver(batch[:middle], verdicts, 1)
                        await self._deliver(batch[middle:], verdicts, 1)
                        return
                case FailedSome():
                    raise AssertionError("answers are read as a stream's")
            await self._time.sleep(spread(backoff_s(attempts)))

    def _done(self, verdicts: list[Verdict], sent: Sequence[_Sent]) -> None:
        _tell(verdicts, sent, APPLIED)
        if sent:
            self._in_a_row = 0

    def _give_up(self, verdicts: list[Verdict], sent: _Sent, reason: str) -> None:
        """Raises ``UnavailableError`` where it is not this record that is wrong; its page is not passed then."""
        self._in_a_row += 1
        if self._in_a_row >= IN_A_ROW_MAX:
            raise UnavailableError(
                f"{self._in_a_row} records in a row failed, each of them alone: {reason}",
                code="FunctionFails",
                hint="look at the function's log, mend it, and run it again",
            )
        verdicts[sent.place] = Verdict(Kind.POISON, reason)

    async def _invoke(self, batch: Sequence[_Sent]) -> Outcome:
        """Raises ``ServiceError`` where the next batch would fare no better."""
        event = b'{"Records":[' + b",".join([one.body for one in batch]) + b"]}"
        try:
            answer = await self._function.invoke(event, request_id="")
        except (DeniedError, NotFoundError, PayloadTooLargeError):
            raise
        except ServiceError as error:
            return NotReached(error.told)
        return read_answer(
            answer.payload,
            function_error=answer.function_error,
            executed_version=answer.executed_version,
            positions={str(one.position): one.position for one in batch},
            partial=FAILURES.encode() in answer.payload,
        )


def cut(sent: Sequence[_Sent], batch: int, bytes_max: int = PAYLOAD_BYTES_MAX) -> Iterator[list[_Sent]]:
    """Batches of ``batch`` records at most, in order, whose event is not larger than a function takes (R56)."""
    made: list[_Sent] = []
    size = ENVELOPE_BYTES
    for one in sent:
        if made and (len(made) == batch or size + 1 + len(one.body) > bytes_max):
            yield made
            made, size = [], ENVELOPE_BYTES
        made.append(one)
        size += len(one.body) + 1
    if made:
        yield made


def _tell(verdicts: list[Verdict], sent: Sequence[_Sent], verdict: Verdict) -> None:
    for one in sent:
        verdicts[one.place] = verdict
