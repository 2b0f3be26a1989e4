"""The one dead letter that must be there, held member by member against R110 to R112.

Decides what the document must say. Which record it is about is read from the stream, never from the letter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from afterbay.core.change.wire import JsonValue

__all__ = ["ExpectedLetter", "faults"]

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

CLOCK_STEP_S = 2.0
"""A creation time is cut to the second, and clocks of two processes are read at two moments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedLetter:
    """``requests`` are the ids of the invocations that got the record, in order; the last are of one batch (R89).
    ``sent_between`` bounds the moment of sending, in epoch seconds."""

    function_arn: str
    stream_arn: str
    shard: str
    sequence: str
    created_s: float
    invoke_count: int
    requests: tuple[str, ...]
    sent_between: tuple[float, float]

    def members(self) -> dict[str, Callable[[JsonValue], bool]]:
        """Path -> whether a value is right. A member that is not named here must not be there."""
        arrival = datetime.fromtimestamp(self.created_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")  # R112: no fraction
        batch = "DDBStreamBatchInfo."
        return {
            "version": _is("1.0"),
            "timestamp": self._is_moment,
            "requestContext.requestId": self._is_request,
            "requestContext.functionArn": _is(self.function_arn),
            "requestContext.condition": _is("RetryAttemptsExhausted"),
            "requestContext.approximateInvokeCount": _is(self.invoke_count),
            "responseContext.statusCode": _is(200),
            "responseContext.executedVersion": _is("$LATEST"),
            "responseContext.functionError": _is(None),  # R83: the function answered, and named the record
            batch + "shardId": _is(self.shard),
            batch + "startSequenceNumber": _is(self.sequence),
            batch + "endSequenceNumber": _is(self.sequence),
            batch + "approximateArrivalOfFirstRecord": _is(arrival),
            batch + "approximateArrivalOfLastRecord": _is(arrival),
            batch + "batchSize": _is(1),
            batch + "streamArn": _is(self.stream_arn),
        }

    def _is_moment(self, value: JsonValue) -> bool:
        if not isinstance(value, str) or _MOMENT.fullmatch(value) is None:
            return False
        first_s, last_s = self.sent_between
        return first_s - CLOCK_STEP_S <= datetime.fromisoformat(value).timestamp() <= last_s + CLOCK_STEP_S

    def _is_request(self, value: JsonValue) -> bool:
        """A UUID, and the very one that the function saw at each attempt of that batch (R89, R110)."""
        try:
            is_uuid = isinstance(value, str) and str(UUID(value)) == value
        except ValueError:
            return False
        return is_uuid and self.requests[-self.invoke_count :] == (value,) * self.invoke_count


def faults(body: str, expected: ExpectedLetter) -> list[str]:
    """What is wrong with a letter, member by member; empty where all is right."""
    try:
        document: JsonValue = msgspec.json.decode(body)
    except msgspec.DecodeError as wrong:
        return [f"it is no JSON: {wrong}"]
    if not isinstance(document, dict):
        return ["it is no JSON object"]
    found = dict(_leaves(document))
    wanted = expected.members()
    wrong_members = [f"{path} is missing" for path in wanted if path not in found]
    wrong_members += [
        f"{path} is {found[path]!r}" for path, right in wanted.items() if path in found and not right(found[path])
    ]
    wrong_members += [f"{path} does not belong there" for path in found if path not in wanted]
    return wrong_members


def _leaves(document: Mapping[str, JsonValue], above: str = "") -> Iterator[tuple[str, JsonValue]]:
    for name, value in document.items():
        path = f"{above}{name}"
        if isinstance(value, dict):
            yield from _leaves(value, path + ".")
        else:
            yield path, value


def _is(wanted: JsonValue) -> Callable[[JsonValue], bool]:
    """Equal and of one type: 1 is not True, nor is it 1.0."""
    return lambda value: type(value) is type(wanted) and value == wanted
