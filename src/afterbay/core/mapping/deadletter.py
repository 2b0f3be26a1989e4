"""The record of what was discarded, and why (R109 to R118).

Decides what a dead letter says. Storing and sending it are the engine's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum

import msgspec

from afterbay.core.mapping.outcome import ResponseContext
from afterbay.core.mapping.window import WindowCall
from afterbay.core.shard.position import Position, ShardId

__all__ = ["Condition", "Letter", "batch_members", "document", "is_bucket", "object_key"]


class Condition(Enum):
    """Why records were given up (R110); AWS knows no other value for streams than the first two."""

    RETRY_ATTEMPTS_EXHAUSTED = "RetryAttemptsExhausted"
    RECORD_AGE_EXCEEDED = "RecordAgeExceeded"
    SKIPPED_BY_OPERATOR = "SkippedByOperator"  # ours: somebody said so (skip.py)


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One discarded batch or part of a batch.

    The same (mapping, shard, request id, last record) is the same letter: storing it twice keeps it once. ``event`` is
    what the function got, kept only for a destination that gets it too (S3, R114) and for an archive of bodies (E18).
    ``first_created_s`` and ``last_created_s`` are creation times in epoch seconds. ``response`` is None where the
    function's answer is not told (R111). ``window``: the tumbling window that was told of; a final invocation has
    ``count`` 0 and no first and last (R130).
    """

    mapping: str
    shard: ShardId
    request_id: str
    destination: str
    function_arn: str
    stream_arn: str
    condition: Condition
    invoke_count: int
    first: Position
    last: Position
    first_created_s: float
    last_created_s: float
    count: int
    response: ResponseContext | None = None
    event: bytes = b""
    window: WindowCall | None = None


def document(letter: Letter, now: datetime) -> dict[str, object]:
    """The document as its destination gets it, sent at ``now``.

    Rules: R110 members, R111 no responseContext on age, R112 arrival times, R114 ``payload`` is JSON text, R130
    windows.
    """
    whole: dict[str, object] = {
        "requestContext": {
            "requestId": letter.request_id,
            "functionArn": letter.function_arn,
            "condition": letter.condition.value,
            "approximateInvokeCount": letter.invoke_count,
        }
    }
    if letter.response is not None:
        whole["responseContext"] = {
            "statusCode": letter.response.status_code,
            "executedVersion": letter.response.executed_version,
            "functionError": letter.response.function_error,
        }
    whole |= batch_members(letter, now)
    if letter.window is not None:
        whole["timeWindowInfo"] = letter.window.info()
    if letter.event and is_bucket(letter.destination):
        whole["payload"] = letter.event.decode()
    return whole


def is_bucket(destination: str) -> bool:
    """True for a destination that gets what the function got (R114)."""
    return ":s3:" in destination


def batch_members(letter: Letter, now: datetime) -> dict[str, object]:
    """What every document says of the batch, a mapping's and a pipe's (X91): version, time, and where the records are.

    Rules: R112 arrival times, whole seconds for tables and milliseconds for Kinesis.
    """
    kinesis = ":kinesis:" in letter.stream_arn
    precision = "milliseconds" if kinesis else "seconds"
    records: dict[str, object] = {
        "startSequenceNumber": str(letter.first),
        "endSequenceNumber": str(letter.last),
        "approximateArrivalOfFirstRecord": _instant(_moment(letter.first_created_s), precision),
        "approximateArrivalOfLastRecord": _instant(_moment(letter.last_created_s), precision),
        "batchSize": letter.count,
    }
    whole: dict[str, object] = {}
    whole["version"] = "1.0"
    whole["timestamp"] = _instant(now, "milliseconds")
    whole["KinesisBatchInfo" if kinesis else "DDBStreamBatchInfo"] = {
        "shardId": letter.shard,
        **(records if letter.count else {}),
        "streamArn": letter.stream_arn,
    }
    return whole


def object_key(letter: Letter, now: datetime, unique: str) -> str:
    """The S3 key of a letter sent at ``now`` (R115). ``unique`` is a UUID that the driver draws."""
    day = now.strftime("%Y/%m/%d")
    moment = now.strftime("%Y-%m-%dT%H.%M.%S")
    return f"aws/lambda/{letter.mapping}/{letter.shard}/{day}/{moment}-{unique}"


def _moment(epoch_s: float) -> datetime:
    return datetime.fromtimestamp(epoch_s, UTC)


def _instant(moment: datetime, precision: str) -> str:
    return moment.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")
