"""What a pipe reads and how: the parameters of each kind of source, typed (X9, X10, X14, X71, X92).

Decides what a request's SourceParameters mean and which are refused, once the model has nothing against them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from afterbay.core.change.source import SourceKind, is_fifo
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.admission import FIFO, STANDARD_QUEUE, STANDARD_TOPIC
from afterbay.core.mapping.constraints import integer, members, moment, text
from afterbay.core.mapping.settings import StartingPosition
from afterbay.core.pipe.errors import Field
from afterbay.core.pipe.shape import MISSING
from afterbay.core.pipe.source_service import SourceService

__all__ = ["QueueParameters", "SourceParameters", "StreamParameters", "faults", "read"]

WINDOW = "MaximumBatchingWindowInSeconds"
ALL_OURS = "SourceParameters"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamParameters:
    """Of a DynamoDB or a Kinesis stream. ``batch_size`` None: not given, and so the default applies (X71); None stands
    for -1, "without limit", in ``record_age_max_s`` and ``retry_attempts_max``."""

    starting_position: StartingPosition
    starting_at: datetime | None = None
    batch_size: int | None = None
    batching_window_s: int = 0
    record_age_max_s: int | None = None
    retry_attempts_max: int | None = None
    parallelization_factor: int = 1
    bisect: bool = False
    dead_letter_arn: str | None = None

    def shown(self, batch_size: int | None) -> dict[str, JsonValue]:
        """The members by their names on the wire; those with a default always (inferred)."""
        whole: dict[str, JsonValue] = {
            **_size(batch_size),
            WINDOW: self.batching_window_s,
            "MaximumRecordAgeInSeconds": _or_minus_one(self.record_age_max_s),
            "MaximumRetryAttempts": _or_minus_one(self.retry_attempts_max),
            "ParallelizationFactor": self.parallelization_factor,
            "StartingPosition": self.starting_position.value,
        }
        if self.starting_at is not None:
            whole["StartingPositionTimestamp"] = self.starting_at.timestamp()
        if self.bisect:
            whole["OnPartialBatchItemFailure"] = "AUTOMATIC_BISECT"
        if self.dead_letter_arn is not None:
            whole["DeadLetterConfig"] = {"Arn": self.dead_letter_arn}
        return whole


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueParameters:
    """Of an SQS queue. ``batch_size`` None: not given."""

    batch_size: int | None = None
    batching_window_s: int = 0

    def shown(self, batch_size: int | None) -> dict[str, JsonValue]:
        return {**_size(batch_size), WINDOW: self.batching_window_s}


SourceParameters = StreamParameters | QueueParameters


def faults(source: str, service: SourceService, parameters: Mapping[str, JsonValue]) -> Iterator[Field]:
    """What is wrong with SourceParameters, which may be empty, once the model has nothing against them.

    Rules: X6 the source's own parameters are required. Those of other sources are refused: they would have no effect
    (ours).
    """
    for name, value in parameters.items():
        if name.endswith("Parameters") and name not in service.groups and value:
            yield Field(f"{ALL_OURS}.{name}", f"The source is {service.title}: these parameters are not its own")
    given, path = members(parameters, service.groups[0]), f"{ALL_OURS}.{service.groups[0]}"
    if given is None:
        if service.needs_group:
            yield Field(path, MISSING)
        return
    if service.kind is SourceKind.KINESIS:
        yield from _starting_faults(given, path)
    if service.kind is SourceKind.QUEUE and is_fifo(source) and integer(given, WINDOW):
        yield Field(f"{path}.{WINDOW}", "A batching window is not supported for FIFO queues")  # as for mappings (Q2)
    arn = text(members(given, "DeadLetterConfig") or {}, "Arn")
    if arn is not None and (sentence := _dead_letter_fault(arn)):
        yield Field(f"{path}.DeadLetterConfig.Arn", sentence)


def read(service: SourceService, parameters: Mapping[str, JsonValue]) -> SourceParameters:
    """The source's parameters, typed, after ``faults`` found none."""
    given = members(parameters, service.groups[0]) or {}
    size, window_s = integer(given, "BatchSize"), integer(given, WINDOW) or 0
    if service.kind is SourceKind.QUEUE:
        return QueueParameters(batch_size=size, batching_window_s=window_s)
    return StreamParameters(
        starting_position=StartingPosition(text(given, "StartingPosition")),
        starting_at=moment(given, "StartingPositionTimestamp"),
        batch_size=size,
        batching_window_s=window_s,
        record_age_max_s=_limit(integer(given, "MaximumRecordAgeInSeconds")),
        retry_attempts_max=_limit(integer(given, "MaximumRetryAttempts")),
        parallelization_factor=integer(given, "ParallelizationFactor") or 1,
        bisect=text(given, "OnPartialBatchItemFailure") is not None,
        dead_letter_arn=text(members(given, "DeadLetterConfig") or {}, "Arn"),
    )


def _starting_faults(given: Mapping[str, JsonValue], path: str) -> Iterator[Field]:
    """AT_TIMESTAMP and its time stamp go together, as for mappings (R8, E10)."""
    at_timestamp = text(given, "StartingPosition") == StartingPosition.AT_TIMESTAMP.value
    path = f"{path}.StartingPositionTimestamp"
    if at_timestamp and given.get("StartingPositionTimestamp") is None:
        yield Field(path, MISSING)
    if not at_timestamp and given.get("StartingPositionTimestamp") is not None:
        yield Field(path, "Only valid with the StartingPosition AT_TIMESTAMP")


def _dead_letter_fault(arn: str) -> str | None:
    """A standard queue or topic: no FIFO (X92), and no bucket (X90). The sentences are ours."""
    if STANDARD_QUEUE.fullmatch(arn) or STANDARD_TOPIC.fullmatch(arn):
        return None
    allowed = "use a standard SQS queue or a standard SNS topic"
    if FIFO.fullmatch(arn):
        return f"{arn} is a FIFO queue or topic, which is no dead-letter destination: {allowed}"
    return f"{arn} is no dead-letter destination: {allowed}"


def _size(batch_size: int | None) -> dict[str, JsonValue]:
    return {} if batch_size is None else {"BatchSize": batch_size}


def _limit(value: int | None) -> int | None:
    return None if value == -1 else value


def _or_minus_one(value: int | None) -> int:
    return -1 if value is None else value
