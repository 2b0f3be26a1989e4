"""``replay``: a recording, or an event, through a real mapping into a handler of this process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

import msgspec

from afterbay.core.change.arn import parse_arn, parse_function_name
from afterbay.core.change.raw import RawRecord
from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.source import SourceKind, source_kind
from afterbay.core.change.wire import JsonValue, raw_from_lambda
from afterbay.core.mapping.deadletter import document
from afterbay.core.mapping.filters import compile_filters
from afterbay.core.mapping.lane import lane_of
from afterbay.core.mapping.outcome import Delivered
from afterbay.core.mapping.settings import CreateRequest, StartingPosition, parse_create, unknown_parameters
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import ShardId
from afterbay.errors import SettingsError
from afterbay.functions.local import Handler, LocalFunction
from afterbay.sources.recording import Recorded, RecordedSource, load_recording
from afterbay.testing.recorded import Recording
from afterbay.testing.virtual import VirtualCall, VirtualLetter, VirtualMapping

__all__ = ["Call", "Replayed", "replay"]

FUNCTION = "handler"
LETTERS = "dead-letters"
"""The queue that letters name where the settings name no destination."""

SHARD = ShardId("shardId-00000000000000000001-00000001")
"""The shard of the records of an event."""

BLOCKED_AFTER_S = 3600.0


@dataclass(frozen=True, slots=True)
class Call:
    """One invocation of the handler. ``attempt`` counts from 1 for each batch; ``at_s`` is virtual, from the beginning.

    ``event`` and ``answer`` are JSON, decoded; ``error`` is the message of what the handler raised, None: nothing.
    ``ok``: the whole batch was done with it.
    """

    shard: str
    records: tuple[ChangeRecord, ...]
    attempt: int
    at_s: float
    event: dict[str, JsonValue]
    answer: JsonValue
    error: str | None
    ok: bool


@dataclass(frozen=True, slots=True)
class Replayed:
    """What happened. Every record is in exactly one of ``delivered``, ``filtered``, ``discarded`` and ``blocked``.

    ``delivered``: in the order in which they were done. ``letters``: the documents that the failure destination gets
    (R110). ``blocked``: not done when nothing moved any more. ``took_s``: virtual seconds.
    """

    calls: tuple[Call, ...]
    delivered: tuple[ChangeRecord, ...]
    filtered: tuple[ChangeRecord, ...]
    discarded: tuple[ChangeRecord, ...]
    blocked: tuple[ChangeRecord, ...]
    letters: tuple[dict[str, object], ...]
    took_s: float


def replay(
    source: str | os.PathLike[str] | Recording | Mapping[str, object],
    handler: Handler,
    *,
    paced: bool = False,
    blocked_after_s: float = BLOCKED_AFTER_S,
    **settings: object,
) -> Replayed:
    """Run a recording (or an event, as ``stream_event`` makes it) through a mapping into ``handler``.

    ``settings`` are CreateEventSourceMapping's own, as ``BatchSize=10`` or ``MaximumRetryAttempts=2``, checked as AWS
    checks them; StartingPosition is TRIM_HORIZON unless it is given. Batches, windows, filters, lanes, partial answers,
    bisect, retries, record age and letters are those of the engine; time is virtual and nobody sleeps. All records are
    there from the beginning, at the time of the newest; ``paced``: each comes when it was written. A mapping that may
    retry for ever stops after ``blocked_after_s`` without progress. EventSourceArn may be the records' own alone.

    Raises ``SettingsError`` for wrong settings and for what is no recording of a table's stream, ``RecordError`` for a
    record that cannot be read. What the handler raises is a failed attempt, as on AWS, and stands in ``calls``.
    """
    if not callable(handler):
        raise SettingsError(
            f"{type(handler).__name__} is no handler", where="replay()", hint="a function of event and context"
        )
    recorded = _recorded(source)
    if source_kind(recorded.stream_arn) is SourceKind.KINESIS:
        raise SettingsError(
            f"plays a table's stream, and this is a recording of {recorded.stream_arn}",
            where="replay()",
            hint="recording(path).events() are what a mapping hands to a handler",
        )
    request = _request(recorded.stream_arn, settings)
    stream = parse_arn(recorded.stream_arn)
    home = {"region": stream.region, "account": stream.account, "partition": stream.partition}
    function_arn = parse_function_name(request.function_name).arn(**home)
    wanted = request.resolved(function_arn)
    if wanted.starting_position is not StartingPosition.TRIM_HORIZON:
        raise SettingsError(
            "LATEST begins behind all that is recorded", where="replay(StartingPosition=)", hint="leave it out"
        )
    queue = f"arn:{stream.partition}:sqs:{stream.region}:{stream.account}:{LETTERS}"
    mapping = VirtualMapping(
        RecordedSource(recorded),
        replace(wanted, on_failure=wanted.on_failure or queue),  # what is discarded is known by its letters
        LocalFunction(handler, name=FUNCTION, arn=function_arn),
        enabled=request.enabled,
        paced=paced,
        blocked_after_s=blocked_after_s,
    )
    mapping.run()
    return _told(recorded, mapping)


def _recorded(source: str | os.PathLike[str] | Recording | Mapping[str, object]) -> Recorded:
    if isinstance(source, Recording):
        return source.recorded
    if isinstance(source, str | os.PathLike):
        return load_recording(source)
    records = source.get("Records") if isinstance(source, Mapping) else None  # pyright: ignore[reportUnnecessaryIsInstance] # a test's
    if not isinstance(records, list) or not records:
        raise SettingsError("an event has Records", where="replay()", hint="stream_event(change(new={...})) makes one")
    raw = tuple(raw_from_lambda(msgspec.json.encode(one)) for one in cast("list[object]", records))
    arn = ChangeRecord(raw[0].body).stream_arn
    whole = {SHARD: raw}
    return Recorded(arn, {SHARD: ShardDescription(SHARD, closed=True)}, whole, tuple((SHARD, one) for one in raw), {})


def _request(stream_arn: str, settings: Mapping[str, object]) -> CreateRequest:
    given = cast("Mapping[str, JsonValue]", settings)
    unknown = unknown_parameters(given)
    if unknown:
        raise SettingsError(
            f"{unknown[0]!r} is no parameter of CreateEventSourceMapping",
            where="replay()",
            hint="names are AWS's own, as in BatchSize",
        )
    if given.get("EventSourceArn", stream_arn) != stream_arn:
        raise SettingsError(
            f"the records are of {stream_arn}, and are not played as those of {given['EventSourceArn']!r}",
            where="replay(EventSourceArn=)",
            hint="leave it out; change(stream_arn=...) makes records of another stream",
        )
    wanted: dict[str, JsonValue] = {
        "FunctionName": FUNCTION,
        "StartingPosition": "TRIM_HORIZON",
        **given,
        "EventSourceArn": stream_arn,
    }
    return parse_create(wanted)


def _told(recorded: Recorded, mapping: VirtualMapping) -> Replayed:
    settings = mapping.mapping.settings
    passes = compile_filters(settings.filters, settings.kind)
    filtered: list[ChangeRecord] = []
    discarded: list[ChangeRecord] = []
    blocked: list[ChangeRecord] = []
    for shard, raw in recorded.order:
        if (shard, raw.position) in mapping.done:
            continue
        change = ChangeRecord(raw.body)
        if passes is not None and not passes(raw.body):
            filtered.append(change)
        elif any(_holds(one, shard, raw, settings.parallelization_factor) for one in mapping.letters):
            discarded.append(change)
        else:
            blocked.append(change)
    return Replayed(
        calls=tuple(_call(one, mapping) for one in mapping.calls),
        delivered=tuple(ChangeRecord(raw.body) for raw in mapping.done.values()),
        filtered=tuple(filtered),
        discarded=tuple(discarded),
        blocked=tuple(blocked),
        letters=tuple(document(one.letter, one.at) for one in mapping.letters),
        took_s=(mapping.now - mapping.began).total_seconds(),
    )


def _holds(one: VirtualLetter, shard: ShardId, raw: RawRecord, factor: int) -> bool:
    """A letter names a range, in which records of other lanes lie, too."""
    letter = one.letter
    in_range = letter.shard == shard and letter.first <= raw.position <= letter.last
    return in_range and lane_of(raw.key, factor) == one.lane


def _call(one: VirtualCall, mapping: VirtualMapping) -> Call:
    answer = _decoded(one.answer.payload)
    error: str | None = None
    if one.answer.function_error is not None:
        error = str(answer.get("errorMessage")) if isinstance(answer, dict) else str(answer)
    return Call(
        shard=one.shard,
        records=tuple(ChangeRecord(raw.body) for raw in one.batch.records),
        attempt=one.attempt,
        at_s=(one.at - mapping.began).total_seconds(),
        event=cast("dict[str, JsonValue]", msgspec.json.decode(one.payload)),
        answer=answer,
        error=error,
        ok=isinstance(one.outcome, Delivered),
    )


def _decoded(answer: bytes) -> JsonValue:
    """What the handler answered; ``bytes`` that are no JSON as text."""
    try:
        return cast("JsonValue", msgspec.json.decode(answer)) if answer else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return answer.decode("utf-8", "replace")
