"""A function's answer -> the outcome that the retry rules act on (R79, R81, R86, R97).

Decides what an answer means. Which identifier names which record is handed in.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping import diagnosis
from afterbay.core.mapping.diagnosis import FAILURES, IDENTIFIER
from afterbay.core.mapping.notice import Warned
from afterbay.core.mapping.outcome import (
    Cause,
    Delivered,
    Failed,
    FailedFrom,
    FailedSome,
    Outcome,
    ResponseContext,
    Said,
)
from afterbay.core.mapping.window import state_in
from afterbay.core.shard.position import Position

__all__ = ["read_answer", "said_in"]

_FAILURES = FAILURES.encode()

KIND_CHARS_MAX = 200
MESSAGE_CHARS_MAX = 1_000
"""Of an error's text: enough to know it again. A message may be as long as an answer, and is kept for every attempt."""


class _Error(msgspec.Struct):
    errorType: str = ""
    errorMessage: str = ""


_ERROR = msgspec.json.Decoder(_Error)


def read_answer(
    payload: bytes,
    *,
    function_error: str | None,
    executed_version: str,
    positions: Mapping[str, Position],
    partial: bool,
    window: bool = False,
    each: bool = False,
) -> Outcome:
    """Reduce an answer to one outcome.

    ``positions`` gives the place of every record by the identifier that the function uses for it (a sequence number).
    ``partial``: the mapping has ``ReportBatchItemFailures``; without it failures are not looked for (R86). A failure
    that cannot be placed fails the whole batch: a guess would move the checkpoint past a record that nobody processed.
    ``window``: the invocation was one of a tumbling window, whose answer must hold a state. ``each``: a failure is that
    of its own record alone, as in a queue; else everything behind the lowest one has failed with it.

    Rules: R81 a function error, R84 and R125 the state, R97 the grammar, R98 the lowest failure wins and is compared as
    an integer.
    """
    if function_error is not None:
        response = ResponseContext(executed_version, function_error)
        return Failed(Cause.FUNCTION_ERROR, splittable=True, response=response, said=said_in(payload))
    response = ResponseContext(executed_version, None)
    state = state_in(payload) if window else None
    if window and state is None:
        return Failed(Cause.NO_STATE, splittable=True, response=response, warned=diagnosis.no_state())
    if not partial:
        return Delivered(state, _unasked(payload))
    if not payload:
        return Delivered(state)
    try:
        answer: JsonValue = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Failed(Cause.INVALID_RESPONSE, response=response, warned=diagnosis.not_json())
    if answer in (None, "", [], {}):
        return Delivered(state)
    failures = answer.get(FAILURES) if isinstance(answer, dict) else answer
    if failures is None or failures == []:
        return Delivered(state, diagnosis.misspelt(answer) if isinstance(answer, dict) else None)
    named = _named(failures, positions) if isinstance(answer, dict) and isinstance(failures, list) else None
    if named is None:
        return Failed(Cause.INVALID_RESPONSE, response=response, warned=diagnosis.malformed(answer, positions))
    if each:
        return FailedSome(frozenset(named), response)
    return FailedFrom(min(named), response, state, diagnosis.rewound(named, positions))


def said_in(payload: bytes) -> Said | None:
    """What an error document of a function says; None where it says nothing that can be read."""
    try:
        error = _ERROR.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    said = Said(error.errorType[:KIND_CHARS_MAX], error.errorMessage[:MESSAGE_CHARS_MAX])
    return said if said.kind or said.message else None


def _named(failures: list[JsonValue], positions: Mapping[str, Position]) -> list[Position] | None:
    """The positions that are named; None if any entry names no record of the batch."""
    found: list[Position] = []
    for entry in failures:
        named = entry.get(IDENTIFIER) if isinstance(entry, dict) else None
        position = positions.get(named) if isinstance(named, str) else None
        if position is None:
            return None
        found.append(position)
    return found


def _unasked(payload: bytes) -> Warned | None:
    """What to tell of failures that nobody asked for; an answer that does not name them is not read at all."""
    if _FAILURES not in payload:
        return None
    try:
        return diagnosis.ignored_failures(msgspec.json.decode(payload))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
