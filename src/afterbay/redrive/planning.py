"""What a plan says of a letter: whether its records can be had, where they go, and what a guard would say.

Decides; the letter, its owner, its records and the moment are handed in. Rules: E5 the guard, E17 a plan changes
nothing, E18 what is lost is said to be, with an offer.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec import UNSET, Raw, UnsetType

from afterbay.core.change.arn import parse_arn
from afterbay.core.change.raw import RawRecord
from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.source import SourceKind
from afterbay.core.change.value import Item, canonical, json_bytes
from afterbay.core.guard import Kind, judge
from afterbay.errors import RecordError
from afterbay.redrive.bodies import Bodies, source_kind
from afterbay.redrive.letter import DeadLetter, LetterKind
from afterbay.redrive.owner import Form, Owner
from afterbay.redrive.plan import Destination, PlannedLetter, PlannedRecord, Wanted, written_place
from afterbay.redrive.send import change_of

__all__ = ["Asked", "Tokens", "instant", "keys_of", "plan_letter", "repair_offer", "time_left_s"]

GUARD_UNKNOWN = "unknown"
WOULD = {Kind.APPLIED: "would apply", Kind.DUPLICATE: "duplicate", Kind.STALE: "stale: newer already applied"}

_OR_RUN = {
    LetterKind.MAPPING: ", or one of `afterbay run` (--mappings FILE)",
    LetterKind.PIPE: ", or one of `afterbay run` (--pipes FILE)",
}
"""What runs there is known to its own files alone."""

Tokens = Mapping[bytes, str | None]
"""By canonical key, the token that a sink holds; a key that it was not asked for is not there."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the plan was asked for. ``into`` and ``function`` None: the letter's own function. ``images``: to show them,
    ``skips_expiries``: the sink leaves expiries out."""

    into: str | None = None
    function: str | None = None
    images: bool = False
    skips_expiries: bool = False


def plan_letter(
    letter: DeadLetter,
    owner: Owner,
    bodies: Bodies,
    asked: Asked,
    *,
    now: datetime,
    retention_s: float,
    tokens: Tokens | None = None,
) -> PlannedLetter:
    """The plan of one letter. ``tokens``: what the sink of ``asked.into`` holds; None: it cannot be asked."""
    wanted, why, send = _wanted(letter, owner, bodies, asked)
    stored = dict(tokens) if tokens is not None else None
    left_s = time_left_s(letter, now, retention_s)
    return PlannedLetter(
        place=written_place(letter.place),
        kind=letter.kind,
        wanted=wanted,
        why=why,
        owner=letter.owner,
        target=letter.target,
        condition=letter.condition,
        error=letter.error,
        attempts=letter.attempts,
        request_id=letter.request_id,
        sent_at=instant(letter.sent_s),
        stream=letter.stream_arn or None,
        shard=letter.shard or None,
        first=None if letter.span is None else str(letter.span.first),
        last=None if letter.span is None else str(letter.span.last),
        batch_size=letter.count,
        trimmed_at=None if left_s is None else instant((letter.first_created_s or 0.0) + retention_s),
        time_left_s=left_s,
        lost=bodies.lost if letter.span is not None else None,
        bodies_from=bodies.come_from,
        send=send,
        filters=owner.filters,
        records=tuple(_record(one, asked, stored) for one in bodies.records),
        left_out=tuple(_record(one, asked, None) for one in bodies.left_out),
        repair=repair_offer(letter, asked.into) if wanted is Wanted.LOST else None,
    )


def _wanted(letter: DeadLetter, owner: Owner, bodies: Bodies, asked: Asked) -> tuple[Wanted, str, Destination | None]:
    if letter.kind is LetterKind.UNKNOWN:
        return Wanted.UNKNOWN, letter.why, None
    if letter.kind not in (LetterKind.RULE, LetterKind.POISON) and letter.span is None:
        return Wanted.HELD, letter.why, None
    if bodies.unreadable is not None:
        return Wanted.HELD, f"its records cannot be read: {bodies.unreadable}", None
    if bodies.come_from is None:
        return Wanted.LOST, bodies.lost or "its records are nowhere to be had", None
    if owner.hidden_filters:
        why = "its filters are encrypted: without kms:Decrypt nobody knows which of its records to send"
        return Wanted.HELD, why, None
    send = _destination(letter, owner, asked)
    if send is None:
        return Wanted.HELD, f"{owner.why}; give --into SINK or --function NAME", None
    notes: list[str] = []
    if not owner.found:
        or_run = _OR_RUN.get(letter.kind, "")
        notes.append(f"its {letter.kind.value} is gone{or_run}: no filter of it is applied")
    if bodies.lost is not None:
        notes.append(f"the bodies come from the {bodies.come_from.value}")
    return Wanted.REDRIVE, "; ".join(notes), send


def _destination(letter: DeadLetter, owner: Owner, asked: Asked) -> Destination | None:
    if asked.into is not None:
        return Destination(into=asked.into, form=owner.form, batch_size=owner.batch_size)
    if asked.function is not None:
        if _same_function(asked.function, owner.function or letter.owner):
            return Destination(
                function=asked.function, form=owner.form, partial=owner.partial, batch_size=owner.batch_size
            )
        form = Form.EVENT if letter.kind is LetterKind.RULE else Form.RECORDS
        return Destination(function=asked.function, form=form, batch_size=owner.batch_size)
    if owner.function is None:
        return None
    return Destination(function=owner.function, form=owner.form, partial=owner.partial, batch_size=owner.batch_size)


def _same_function(name: str, arn: str) -> bool:
    """A function named by its name alone is the letter's own if that is the last part of the letter's ARN."""
    return name == arn or (":" not in name and arn.endswith(f":function:{name}"))


def time_left_s(letter: DeadLetter, now: datetime, retention_s: float) -> float | None:
    """Until the stream drops the first record; 0: that is over. None where a letter needs no stream."""
    if letter.first_created_s is None or letter.span is None:
        return None
    return max(0.0, round(letter.first_created_s + retention_s - now.timestamp(), 1))


def repair_offer(letter: DeadLetter, into: str | None) -> str | None:
    """What still mends a current-state sink once records are lost (E14, E18); None for a stream of no table.

    An address with a user, and so maybe a password, is not repeated.
    """
    if source_kind(letter.stream_arn) is not SourceKind.TABLE or not letter.stream_arn:
        return None
    table = parse_arn(letter.stream_arn).resource.removeprefix("table/").partition("/")[0]
    sink = "SINK" if into is None or "@" in into else shlex.quote(into)
    return f"afterbay verify {table} --against {sink} --repair --yes"


def instant(epoch_s: float | None) -> str | None:
    if epoch_s is None:
        return None
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _record(record: RawRecord, asked: Asked, stored: dict[bytes, str | None] | None) -> PlannedRecord:
    """``stored`` moves along: of two changes of one key, the second meets the first."""
    number = str(record.position)
    try:
        change = change_of(record)
        return PlannedRecord(
            sequence_number=number,
            kind=change.kind.value,
            key=_plain(change.keys),
            guard=_guard(change, asked, stored) if asked.into is not None else None,
            old=_plain(change.old) if asked.images else UNSET,
            new=_plain(change.new) if asked.images else UNSET,
        )
    except RecordError as broken:
        guard = None if asked.into is None else f"poison: {broken}"
        return PlannedRecord(sequence_number=number, kind=record.event_name, guard=guard)


def _guard(change: ChangeRecord, asked: Asked, stored: dict[bytes, str | None] | None) -> str:
    key = canonical(change.keys_typed)
    if stored is None or key not in stored:
        return GUARD_UNKNOWN
    kind = judge(change.token, stored[key]).kind
    if kind is not Kind.APPLIED:
        return WOULD[kind]
    stored[key] = change.token
    return "would skip: an expiry" if change.is_expiry and asked.skips_expiries else WOULD[kind]


def keys_of(records: Sequence[RawRecord]) -> dict[bytes, dict[str, object]]:
    """The items that records are about, by canonical key; those that cannot be decoded are none."""
    found: dict[bytes, dict[str, object]] = {}
    for record in records:
        try:
            typed = change_of(record).keys_typed
            found[canonical(typed)] = typed
        except RecordError:
            continue
    return found


def _plain(item: Item | None) -> Raw | UnsetType:
    return UNSET if item is None else Raw(json_bytes(item))
