"""A function's answer -> the outcome that the retry rules act on (R79, R81, R86, R97).

Decides what an answer means. Which identifier names which record is handed in.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.outcome import Cause, Delivered, Failed, FailedFrom, Outcome, ResponseContext
from afterbay.core.mapping.window import state_in
from afterbay.core.shard.position import Position

__all__ = ["read_answer"]


def read_answer(
    payload: bytes,
    *,
    function_error: str | None,
    executed_version: str,
    positions: Mapping[str, Position],
    partial: bool,
    window: bool = False,
) -> Outcome:
    """Reduce an answer to one outcome.

    ``positions`` gives the place of every record by the identifier that the function uses for it (a sequence number).
    ``partial``: the mapping has ``ReportBatchItemFailures``; without it failures are not looked for (R86). A failure
    that cannot be placed fails the whole batch: a guess would move the checkpoint past a record that nobody processed.
    ``window``: the invocation was one of a tumbling window, whose answer must hold a state.

    Rules: R81 a function error, R84 and R125 the state, R97 the grammar, R98 the lowest failure wins and is compared as
    an integer.
    """
    if function_error is not None:
        response = ResponseContext(executed_version, function_error)
        return Failed(Cause.FUNCTION_ERROR, splittable=True, response=response)
    response = ResponseContext(executed_version, None)
    state = state_in(payload) if window else None
    if window and state is None:
        return Failed(Cause.NO_STATE, splittable=True, response=response)
    if not partial or not payload:
        return Delivered(state)
    malformed = Failed(Cause.INVALID_RESPONSE, splittable=True, response=response)
    try:
        answer: JsonValue = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError):
        return malformed
    if answer in (None, "", [], {}):
        return Delivered(state)
    if not isinstance(answer, dict):
        return malformed
    failures = answer.get("batchItemFailures")
    if failures is None or failures == []:
        return Delivered(state)
    if not isinstance(failures, list):
        return malformed
    lowest = _lowest(failures, positions)
    return malformed if lowest is None else FailedFrom(lowest, response, state)


def _lowest(failures: list[JsonValue], positions: Mapping[str, Position]) -> Position | None:
    """The lowest position that is named; None if any entry names no record of the batch."""
    lowest: Position | None = None
    for entry in failures:
        named = entry.get("itemIdentifier") if isinstance(entry, dict) else None
        position = positions.get(named) if isinstance(named, str) else None
        if position is None:
            return None
        lowest = position if lowest is None else min(lowest, position)
    return lowest
