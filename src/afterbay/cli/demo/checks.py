"""The promises of the pipeline, each held against what was found. Pure: evidence in, findings out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from afterbay.cli.demo.evidence import Evidence, Found, SinkContents
from afterbay.cli.demo.letter import ExpectedLetter, faults
from afterbay.cli.demo.orders import Life
from afterbay.cli.demo.stream import Streamed
from afterbay.cli.demo.witness import Delivery
from afterbay.core.guard import Kind

__all__ = ["AGE", "LETTER", "ORDER", "REPLAY", "SINKS", "Check", "judge"]

SINKS = "sinks hold the table"
ORDER = "order per key"
LETTER = "poison isolated"
AGE = "caught up"
REPLAY = "replay changes nothing"

AGE_MAX_S = 2.0
"""Creation times are whole seconds, so the age of nothing at all may still read as one."""

RETRY_ATTEMPTS = 3
"""The mapping's own limit: the first attempt and these make the letter's invocation count (R88)."""

SHOWN_MAX = 3
"""Faults that a finding tells one by one."""


@dataclass(frozen=True, slots=True)
class Check:
    """A promise and what came of it. ``found`` has the figures, or what is wrong."""

    name: str
    promise: str
    held: bool
    found: str


def judge(evidence: Evidence) -> tuple[Check, ...]:
    """All five, in order."""
    return (_sinks(evidence), _order(evidence), _letter(evidence), _age(evidence), _replay(evidence))


def _sinks(evidence: Evidence) -> Check:
    wrong = [fault for sink in evidence.sinks for fault in _differences(evidence.table, sink)]
    wrong += _unlike_lives(evidence)
    sizes = ", ".join(f"{len(sink.items)} in {sink.name}" for sink in evidence.sinks)
    return _check(
        SINKS,
        "every live order of the table is in each sink with its final state, and nothing else is",
        wrong,
        f"{len(evidence.table)} live orders: {sizes}, equal to the last digit",
    )


def _differences(table: Found, sink: SinkContents) -> Iterator[str]:
    for key in sorted(table.keys() | sink.items.keys()):
        if key not in sink.items:
            yield f"{sink.name} lacks {key}"
        elif key not in table:
            yield f"{sink.name} has {key}, which the table has not"
        elif table[key] != sink.items[key]:
            yield f"{sink.name} has another {key}"


def _unlike_lives(evidence: Evidence) -> Iterator[str]:
    """The table itself must be what was written, or equal sinks would prove nothing."""
    live = sum(life.kinds[-1] != "REMOVE" for life in evidence.lives)
    if len(evidence.table) != live:
        yield f"the table has {len(evidence.table)} orders, and {live} were left alive"


def _order(evidence: Evidence) -> Check:
    """First deliveries ascend per key, and are just the changes that were made: none lost, none invented."""
    firsts: dict[str, dict[int, Delivery]] = defaultdict(dict)
    for delivery in evidence.deliveries:
        firsts[delivery.key].setdefault(delivery.number, delivery)
    wrong: list[str] = []
    for life in evidence.lives:
        seen = list(firsts.pop(life.order.pk, {}).values())
        if any(earlier.number > later.number for earlier, later in pairwise(seen)):
            wrong.append(f"{life.order.pk}: a later change was delivered first")
        events = [delivery.event for delivery in sorted(seen, key=lambda one: one.number)]
        if events != list(life.kinds):
            wrong.append(f"{life.order.pk}: {_listed(life.kinds)} made, {_listed(events)} delivered")
    wrong += [f"{key}: delivered, and never written" for key in firsts]
    changes = sum(len(life.kinds) for life in evidence.lives)
    return _check(
        ORDER,
        "each order's changes were delivered in the order they were made, none lost",
        wrong,
        f"{changes} changes of {len(evidence.lives)} orders in {len(evidence.deliveries)} deliveries",
    )


def _letter(evidence: Evidence) -> Check:
    promise = "the poison record and only it is in the failure queue, with the document of R110"
    life, place = _malformed(evidence.lives)
    of_key = [record for record in evidence.stream if record.pk == life.order.pk]
    if len(of_key) <= place:
        return Check(LETTER, promise, False, f"{life.order.pk}: the stream has no change number {place + 1}")
    poison = of_key[place]
    wrong = [] if len(evidence.letters) == 1 else [f"{len(evidence.letters)} letters in the queue, not 1"]
    wrong += [fault for body in evidence.letters[:1] for fault in faults(body, _expected_letter(evidence, poison))]
    number = poison.change.sequence_number
    return _check(
        LETTER,
        promise,
        wrong,
        f"1 letter, for {life.order.pk} at {number}, after {1 + RETRY_ATTEMPTS} attempts alone",
    )


def _expected_letter(evidence: Evidence, poison: Streamed) -> ExpectedLetter:
    """What the letter must say, by the stream's record and the function's notes."""
    number = str(poison.change.sequence_number)
    places = evidence.places
    return ExpectedLetter(
        function_arn=places.function_arn,
        stream_arn=places.stream_arn,
        shard=poison.shard,
        sequence=number,
        created_s=poison.change.created_s,
        invoke_count=1 + RETRY_ATTEMPTS,
        requests=tuple(one.request for one in evidence.deliveries if one.sequence == number),
        sent_between=(places.started_s, evidence.gathered_s),
    )


def _malformed(lives: Sequence[Life]) -> tuple[Life, int]:
    return next((life, place) for life in lives if (place := life.poison_place) is not None)


def _age(evidence: Evidence) -> Check:
    progress = evidence.progress
    wrong = [] if progress.age_s <= AGE_MAX_S else [f"its oldest record is {progress.age_s:.1f} s old"]
    wrong += [] if evidence.mapping_state == "Enabled" else [f"the mapping is {evidence.mapping_state}"]
    wrong += [] if progress.outbox == 0 else [f"{progress.outbox} letter(s) not sent"]
    return _check(
        AGE, "the mapping is Enabled and its age went back to about 0", wrong, f"age {progress.age_s:.1f} s, Enabled"
    )


def _replay(evidence: Evidence) -> Check:
    made = sum(len(life.kinds) for life in evidence.lives)
    poison = 1
    wrong = [] if len(evidence.stream) == made else [f"the stream has {len(evidence.stream)} records of {made} changes"]
    told: list[str] = []
    for one in evidence.replays:
        count = {kind: one.counts.get(kind, 0) for kind in Kind}
        if count[Kind.APPLIED] or one.rows_changed:
            wrong.append(f"{one.sink}: {count[Kind.APPLIED]} applied, {one.rows_changed} rows changed")
        if count[Kind.POISON] != poison or count[Kind.RETRYABLE] or count[Kind.SKIPPED]:
            strange = ", ".join(f"{number} {kind.value}" for kind, number in count.items() if number)
            wrong.append(f"{one.sink}: {strange}; only one record is poison, and none is skipped or fails")
        told.append(
            f"{one.sink}: applied 0, duplicates {count[Kind.DUPLICATE]}, stale {count[Kind.STALE]},"
            f" {one.rows} rows equal"
        )
    return _check(
        REPLAY, "replaying the whole stream from TRIM_HORIZON changes nothing in either sink", wrong, "; ".join(told)
    )


def _check(name: str, promise: str, wrong: Sequence[str], figures: str) -> Check:
    if not wrong:
        return Check(name, promise, True, figures)
    more = f", and {len(wrong) - SHOWN_MAX} more" if len(wrong) > SHOWN_MAX else ""
    return Check(name, promise, False, "; ".join(wrong[:SHOWN_MAX]) + more)


def _listed(kinds: Sequence[str]) -> str:
    return ", ".join(kinds) or "nothing"
