"""Dead letters as lines for people, and with their records; those are told as ``afterbay tail`` tells changes.

Decides the words; values in, values out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from afterbay.cli.change_lines import change_document, change_lines, unreadable_document, unreadable_line
from afterbay.cli.kinesis_lines import envelope_document, envelope_lines
from afterbay.core.change.kinesis import EVENT_NAME, envelope_of
from afterbay.core.change.kinesis_change import change_in
from afterbay.core.change.raw import RawRecord
from afterbay.errors import RecordError
from afterbay.redrive.letter import DeadLetter, LetterKind
from afterbay.redrive.listing import Seen, letter_document
from afterbay.redrive.planning import instant, time_left_s
from afterbay.redrive.report import span_of_time
from afterbay.redrive.send import change_of

__all__ = ["list_lines", "show_document", "show_lines"]

TRIMMED = "trimmed"


def list_lines(seen: Sequence[Seen], now: datetime) -> Iterator[str]:
    """A line for each cause, and below it one for each letter."""
    by_cause: dict[tuple[object, ...], list[Seen]] = {}
    for one in seen:
        by_cause.setdefault(_cause(one.letter), []).append(one)
    for of_cause in sorted(by_cause.values(), key=len, reverse=True):
        yield _headline(of_cause, now)
        for one in of_cause:
            yield f"  {_line(one, now)}"


def show_lines(seen: Seen, now: datetime) -> Iterator[str]:
    """A letter and its records."""
    yield f"{_name(seen.letter)}: {_line(seen, now)}"
    bodies = seen.bodies
    if bodies.lost is not None and seen.letter.span is not None:
        kept = "" if bodies.come_from is None else f"; the bodies below come from the {bodies.come_from.value}"
        yield f"  lost from the stream: {bodies.lost}{kept}"
    if bodies.unreadable is not None:
        yield f"  cannot be read: {bodies.unreadable}"
    for record in bodies.records:
        yield from (f"  {line}" for line in _record_lines(record, seen.letter.shard))
    if bodies.left_out:
        yield f"  {len(bodies.left_out)} more in the range, left out by the filter of its {seen.letter.kind.value}"


def show_document(seen: Seen, now: datetime) -> dict[str, object]:
    """One letter of ``deadletters show --json``: as in a list, with its records as ``tail`` tells changes."""
    bodies = seen.bodies
    return {
        **letter_document(seen, now),
        "records": [msgspec.Raw(_record_document(one, seen.letter.shard)) for one in bodies.records],
        "left_out_by_filter": [str(one.position) for one in bodies.left_out],
        "bodies_from": None if bodies.come_from is None else bodies.come_from.value,
        "lost": bodies.lost,
        "unreadable": bodies.unreadable,
    }


def _record_document(record: RawRecord, shard: str) -> bytes:
    try:
        if record.event_name != EVENT_NAME:
            return change_document(change_of(record), shard, images=True)
        envelope = envelope_of(record.body)
        change = change_in(envelope.data)
        if change is None:
            return envelope_document(envelope, shard, data=True)
        return change_document(change, shard, images=True, number=envelope.sequenceNumber)
    except RecordError as broken:
        return unreadable_document(shard, str(record.position), str(broken), record.body)


def _record_lines(record: RawRecord, shard: str) -> list[str]:
    try:
        if record.event_name != EVENT_NAME:
            return change_lines(change_of(record), images=False)
        envelope = envelope_of(record.body)
        change = change_in(envelope.data)
        return envelope_lines(envelope, data=False) if change is None else change_lines(change, images=False)
    except RecordError as broken:
        return [unreadable_line(shard or "its event", str(record.position), str(broken), record.body)]


def _cause(letter: DeadLetter) -> tuple[object, ...]:
    return (letter.kind, letter.owner, letter.condition, letter.error)


def _headline(seen: Sequence[Seen], now: datetime) -> str:
    letters = [one.letter for one in seen]
    count = f"{len(seen)} letter{'s' if len(seen) > 1 else ''}"
    if seen[0].letter.kind is LetterKind.UNKNOWN:
        return f"unknown, left alone: {count}"
    records = sum(one.count for one in letters)
    oldest = instant(min((one.sent_s for one in letters if one.sent_s is not None), default=None))
    left = [one for one in (time_left_s(each.letter, now, each.retention_s) for each in seen) if one is not None]
    text = f"{_name(letters[0])}: {count}, {records} record(s), oldest {oldest or 'unknown'}"
    if any(left):
        text += f", {span_of_time(min(one for one in left if one))} left for the first"
    return text + (f", {left.count(0.0)} {TRIMMED}" if 0.0 in left else "")


def _name(letter: DeadLetter) -> str:
    """Who and why, as in ``RetryAttemptsExhausted (Unhandled), function orders``."""
    if letter.kind is LetterKind.UNKNOWN:
        return "unknown"
    why = " ".join(one for one in (letter.condition, f"({letter.error})" if letter.error else "") if one)
    who = "function" if letter.kind in (LetterKind.MAPPING, LetterKind.POISON) else letter.kind.value
    name = letter.owner.rsplit(":", 1)[-1] if who == "function" else letter.owner.rpartition("/")[2]
    return f"{why}, {who} {name}" if name else why  # a handler outside of Lambda has no ARN


def _line(seen: Seen, now: datetime) -> str:
    letter = seen.letter
    parts = [str(letter.place)]
    if letter.kind is LetterKind.RULE:
        parts.append(f"to {letter.target}")
        parts += [letter.detail] if letter.detail else []
    elif letter.kind is LetterKind.POISON:
        parts.append(letter.detail)
    if letter.span is not None:
        parts.append(f"shard {letter.shard} from {letter.span.first} to {letter.span.last}")
        parts.append(f"batch of {letter.count}")
    if letter.attempts is not None:
        parts.append(f"{letter.attempts} attempt(s)")
    left_s = time_left_s(letter, now, seen.retention_s)
    if left_s is not None:
        parts.append(f"{span_of_time(left_s)} left" if left_s else TRIMMED)
    return ", ".join([*parts, *([letter.why] if letter.why else [])])
