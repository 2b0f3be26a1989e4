"""What a mapping's events and commands say of records, as rows of the journal.

Decides what is kept: what moves records, not what moves nothing (an empty page, a timer), and of a queue's mapping what
is asked of it and told: its messages have no place in a stream. Rows are made at once, where
the records are; nothing of a record but its position and the mark of its key is held on to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeAlias, assert_never

from afterbay.core.change.raw import RawRecord
from afterbay.core.mapping.commands import Command, Deliver, Rest, SavePositions, StoreLetter, Tell
from afterbay.core.mapping.deadletter import Letter
from afterbay.core.mapping.events import (
    Event,
    Invoked,
    LetterStored,
    PositionsLoaded,
    PositionsSaved,
    RecordsRead,
    Request,
    ShardWithdrawn,
    SkipRequested,
)
from afterbay.core.mapping.outcome import Delivered, Failed, FailedFrom, FailedSome, NotReached, Outcome
from afterbay.core.mapping.queue_commands import QueueCommand
from afterbay.core.mapping.queue_events import QueueEvent
from afterbay.core.shard.position import After, ShardEnd
from afterbay.engine.meter import Handled
from afterbay.ports import JournalRow
from afterbay.telemetry.journal import (
    Answered,
    Entry,
    Lettered,
    LetterStep,
    Lifecycle,
    Passed,
    Read,
    Resting,
    Sent,
    Told,
    encode,
    pack,
)
from afterbay.telemetry.marks import KeyMarks

__all__ = ["Scribe", "letter_row", "milliseconds"]

FAILED_SOME_MAX = 1_000
"""Positions that an answer names at most: more than any batch of a pipe or a queue fails in practice."""

_Range: TypeAlias = tuple[int | None, int | None]
_NOWHERE: _Range = (None, None)
_HIGHEST = 10**57 - 1
"""No sequence number is higher (S46; Kinesis' have 56 digits)."""

_DESCRIBED = re.compile(r"[0-9]+ record\(s\) from ([0-9]+) to ([0-9]+)")


_Lane: TypeAlias = tuple[str, int]
"""A shard and the number of a lane."""


class Scribe:
    """Writes down one mapping, handing each row to ``add`` in order; the row of an event comes before its commands'.

    What it remembers is bounded by the shards and lanes that are being read.
    """

    def __init__(
        self, mapping: str, marks: KeyMarks, add: Callable[[JournalRow], None], *, keys_in_clear: bool
    ) -> None:
        self._mapping = mapping
        self._marks = marks
        self._hand_on = add
        self._keys_in_clear = keys_in_clear
        self._under_way: dict[_Lane, _Range] = {}
        self._letters: dict[_Lane, Letter] = {}
        self._saving: SavePositions | None = None
        self._passed: dict[str, int] = {}

    def handled(self, handled: Handled) -> None:
        event, at_ms = handled.event, milliseconds(handled.at)
        match event:
            case RecordsRead():
                if event.records or event.end:
                    self._read(event, at_ms, handled.filtered_out)
            case Invoked():
                self._answered(event, at_ms)
            case LetterStored(shard=shard, lane=lane):
                letter = self._letters.pop((shard, lane), None)
                if letter is not None:
                    self._hand_on(letter_row(letter, LetterStep.STORED, at_ms))
            case _:
                self._other(event, at_ms)
        if handled.commands:
            self._commands(event, handled.commands, at_ms)

    def _add(self, shard: str, where: _Range, request_id: str | None, entry: Entry) -> None:
        self._hand_on(JournalRow(self._mapping, shard, where[0], where[1], request_id, encode(entry)))

    # Records

    def _read(self, event: RecordsRead, at_ms: int, filtered_out: int) -> None:
        keys = [record.key for record in event.records]
        where, positions = _packed(event.records)
        entry = Read(
            at_ms=at_ms,
            positions=positions,
            marks=self._marks.of_all(keys),
            filtered_out=filtered_out,
            end=event.end,
            keys=list[bytes](keys) if self._keys_in_clear else None,
        )
        self._add(event.shard, where, None, entry)
        self._passed.setdefault(event.shard, 0)

    def _sent(self, command: Deliver, at_ms: int) -> None:
        batch, shard, lane = command.batch, command.shard, command.lane
        where, positions = _packed(batch.records)
        self._under_way[shard, lane] = where
        entry = Sent(
            at_ms=at_ms,
            lane=lane,
            generation=batch.generation,
            attempts=batch.attempts,
            positions=positions,
            why=batch.why.value,
        )
        self._add(shard, where, batch.request_id, entry)

    def _answered(self, event: Invoked, at_ms: int) -> None:
        entry = _answer(event.outcome, event.lane, at_ms, messages=self._keys_in_clear)
        self._add(event.shard, self._batch_of(event), event.request_id, entry)

    def _batch_of(self, of: Invoked | Rest) -> _Range:
        """The range of the batch that is under way in a lane."""
        return self._under_way.get((of.shard, of.lane), _NOWHERE)

    def _commands(self, event: Event | QueueEvent, commands: Sequence[Command | QueueCommand], at_ms: int) -> None:
        requests: dict[_Range, str] = {}  # a notice names its records, not its request
        if isinstance(event, Invoked):
            requests[self._batch_of(event)] = event.request_id
        for command in commands:
            match command:
                case Deliver():
                    self._sent(command, at_ms)
                case Rest(shard=shard, lane=lane, request_id=request_id, delay_s=delay_s):
                    resting = Resting(at_ms=at_ms, lane=lane, delay_s=delay_s)
                    self._add(shard, self._batch_of(command), request_id, resting)
                case StoreLetter(shard=shard, lane=lane, letter=letter):
                    requests[_range_of(letter)] = letter.request_id
                    self._letters[shard, lane] = letter
                    self._hand_on(letter_row(letter, LetterStep.ASKED, at_ms))
                case Tell(shard=shard, notice=notice, detail=detail):
                    where = _range_in(detail)
                    told = Told(at_ms=at_ms, notice=notice.name, detail=detail)
                    self._add(shard or "", where, requests.get(where) if where != _NOWHERE else None, told)
                case SavePositions():
                    self._saving = command
                case _:
                    pass

    # Positions, and what is asked of the mapping

    def _other(self, event: Event | QueueEvent, at_ms: int) -> None:
        match event:
            case PositionsLoaded(saved=saved):
                self._passed |= {row.shard: row.at.position for row in saved if isinstance(row.at, After)}
            case PositionsSaved():
                self._saved(at_ms)
            case ShardWithdrawn(shard=shard):
                self._let_go(shard)
            case SkipRequested(shard=shard, through=through):
                entry = Lifecycle(at_ms=at_ms, event=type(event).__name__, detail=f"through {through}")
                self._add(shard, _NOWHERE, None, entry)
            case _:
                if isinstance(event, Request):
                    self._add("", _NOWHERE, None, Lifecycle(at_ms=at_ms, event=type(event).__name__))

    def _saved(self, at_ms: int) -> None:
        """What was asked for is safe now: a row for each shard whose position moved."""
        command, self._saving = self._saving, None
        if command is None:
            return
        for row in command.shards:
            before = self._passed.get(row.shard, 0)
            if isinstance(row.at, After) and row.at.position > before:
                self._passed[row.shard] = row.at.position
                self._add(row.shard, (before + 1, row.at.position), None, Passed(at_ms=at_ms))
            elif isinstance(row.at, ShardEnd) and row.shard in self._passed:
                self._add(row.shard, (before + 1, _HIGHEST), None, Passed(at_ms=at_ms, end=True))
                self._let_go(row.shard)
        for shard in command.forget:
            self._let_go(shard)

    def _let_go(self, shard: str) -> None:
        """A shard is not read any more."""
        self._passed.pop(shard, None)
        for lane in [lane for lane in self._under_way if lane[0] == shard]:
            del self._under_way[lane]


def milliseconds(moment: datetime) -> int:
    """The epoch's, as entries have it."""
    return int(moment.timestamp() * 1000)


def letter_row(letter: Letter, step: LetterStep, at_ms: int, tries: int = 0) -> JournalRow:
    """A dead letter came as far as ``step``; it outlives its mapping."""
    entry = Lettered(
        at_ms=at_ms,
        step=step,
        condition=letter.condition.value,
        destination=letter.destination,
        count=letter.count,
        invoke_count=letter.invoke_count,
        tries=tries,
    )
    first, last = _range_of(letter)
    return JournalRow(letter.mapping, letter.shard, first, last, letter.request_id, encode(entry))


def _range_of(letter: Letter) -> _Range:
    return (letter.first, letter.last) if letter.count else _NOWHERE


def _packed(records: Sequence[RawRecord]) -> tuple[_Range, bytes]:
    if not records:
        return _NOWHERE, b""
    first, last, positions = pack([record.position for record in records])
    return (first, last), positions


def _range_in(detail: str) -> _Range:
    """The records that a notice is about: the core names them in words, as ``batch.describe`` does."""
    found = _DESCRIBED.match(detail)
    return (int(found[1]), int(found[2])) if found else _NOWHERE


def _answer(outcome: Outcome, lane: int, at_ms: int, *, messages: bool) -> Answered:
    said = outcome.said if isinstance(outcome, Failed | FailedSome) else None
    error_type = None if said is None else said.kind
    error_message = said.message if said is not None and messages else None
    match outcome:
        case Delivered():
            return Answered(at_ms=at_ms, lane=lane, outcome="Delivered")
        case NotReached(reason=reason, retry_after_s=advice):
            return Answered(at_ms=at_ms, lane=lane, outcome="NotReached", reason=reason, retry_after_s=advice)
        case Failed(cause=cause):
            return Answered(
                at_ms=at_ms,
                lane=lane,
                outcome="Failed",
                reason=cause.value,
                error_type=error_type,
                error_message=error_message,
            )
        case FailedFrom(position=position):
            return Answered(at_ms=at_ms, lane=lane, outcome="FailedFrom", failed_from=str(position))
        case FailedSome(positions=positions, not_reached=not_reached):
            some = [str(position) for position in sorted(positions)[:FAILED_SOME_MAX]]
            reason = "" if not_reached is None else not_reached.reason
            return Answered(
                at_ms=at_ms,
                lane=lane,
                outcome="FailedSome",
                failed_some=some,
                reason=reason,
                error_type=error_type,
                error_message=error_message,
            )
        case _:
            assert_never(outcome)
