"""The readers of a table's stream, as Lambda and EventBridge Pipes list them, and waiting until they have begun."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import msgspec

from afterbay.aws.client import Caller
from afterbay.backfill.handover import Handover, Reader, handover
from afterbay.backfill.source import Time
from afterbay.errors import ServiceError, ThrottledError, UnavailableError

__all__ = ["list_readers", "wait_for_readers"]

WAIT_MAX_S = 180.0
"""A mapping takes up to a minute on AWS, a pipe two."""

LOOK_EVERY_S = 1.0


_T = TypeVar("_T")


class _Mapping(msgspec.Struct):
    UUID: str
    State: str
    FunctionArn: str = ""
    StartingPosition: str | None = None
    LastModified: datetime | None = None


class _Pipe(msgspec.Struct):
    Name: str
    CurrentState: str
    Target: str = ""
    LastModifiedTime: datetime | None = None


async def list_readers(aws: Caller, stream_arn: str) -> tuple[list[Reader], list[str]]:
    """Mappings and pipes on the stream, and what could not be listed, a line each. Raises
    ``ServiceError``."""
    readers: list[Reader] = []
    unseen: list[str] = []
    for kind, listed in (("mapping", _mappings), ("pipe", _pipes)):
        try:
            readers += await listed(aws, stream_arn)
        except (ThrottledError, UnavailableError):
            raise
        except ServiceError as refused:  # no permission, or an address that has no such service
            unseen.append(f"whether a {kind} reads the stream cannot be seen: {refused}")
    return readers, unseen


async def wait_for_readers(
    aws: Caller, stream_arn: str, function: str | None, time: Time, say: Callable[[str], None]
) -> Handover:
    """What the readers are once none of them is starting. Says when it waits, and what cannot be seen. Raises
    ``ServiceError``, also when one is not ready in time: its position is not fixed (E12)."""
    end_s = time.now_s() + WAIT_MAX_S
    said = False
    while True:
        readers, unseen = await list_readers(aws, stream_arn)
        found = handover(readers, function)
        if not found.starting:
            for line in unseen:
                say(line)
            return found
        names = ", ".join(f"{one.name} ({one.state})" for one in found.starting)
        if time.now_s() >= end_s:
            raise UnavailableError(
                f"not ready within {WAIT_MAX_S:.0f} s: {names}",
                code="ReaderNotReady",
                hint="its position in the stream must be fixed before the first page is read (E12)",
            )
        if not said:
            say(f"waiting until its position in the stream is fixed: {names}")
            said = True
        await time.sleep(LOOK_EVERY_S)


async def _mappings(aws: Caller, stream_arn: str) -> list[Reader]:
    found: list[Reader] = []
    marker: dict[str, object] = {}
    while True:
        answer = await aws.call("lambda", "list_event_source_mappings", EventSourceArn=stream_arn, **marker)
        found += [
            Reader(f"mapping {one.UUID}", one.FunctionArn, one.State, one.StartingPosition, one.LastModified)
            for one in _converted(answer.get("EventSourceMappings"), list[_Mapping])
        ]
        if not answer.get("NextMarker"):
            return found
        marker = {"Marker": answer["NextMarker"]}


async def _pipes(aws: Caller, stream_arn: str) -> list[Reader]:
    found: list[Reader] = []
    token: dict[str, object] = {}
    while True:
        answer = await aws.call("pipes", "list_pipes", SourcePrefix=stream_arn, **token)
        found += [
            Reader(f"pipe {one.Name}", one.Target, one.CurrentState, changed=one.LastModifiedTime)
            for one in _converted(answer.get("Pipes"), list[_Pipe])
        ]
        if not answer.get("NextToken"):
            return found
        token = {"NextToken": answer["NextToken"]}


def _converted(told: object, kind: type[_T]) -> _T:
    try:
        return msgspec.convert(told or [], kind)
    except msgspec.ValidationError as wrong:
        raise UnavailableError(f"a listing of readers has another form: {wrong}", code="UnreadableAnswer") from wrong
