"""A redrive as a sequence of steps: what is done next, decided from what came of the step before (E17).

Decides; ``apply`` does. A step is a value, so that a test can end the sequence behind any of them: whatever was done by
then, the same plan applied again ends in the same state. A letter is removed only once every one of its records has
succeeded, and what repeats meets the guard.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias, TypeVar

from afterbay.core.change.raw import RawRecord
from afterbay.engine.playback import batches
from afterbay.redrive.letter import ObjectPlace, Place, QueuePlace
from afterbay.redrive.mailbox import Holding
from afterbay.redrive.owner import Form
from afterbay.redrive.plan import Destination, Plan, PlannedLetter, Wanted
from afterbay.redrive.queue import HOLD_S
from afterbay.redrive.result import LetterResult, LetterState, Outcome, RecordResult

__all__ = [
    "Again",
    "Answer",
    "Find",
    "ReadAgain",
    "Release",
    "Removal",
    "Remove",
    "Send",
    "Step",
    "Tell",
    "Wait",
    "redrive",
]

CHUNK_LETTERS = 10
"""Letters held together: as many as one receive gives. What is held is hidden from others, and for a while longer if
the process dies."""

WAIT_S = 5
WAITS_MAX = 2 * HOLD_S // WAIT_S
"""Long enough for what a killed run holds to show again, of a large queue too."""

HIDDEN = "another reader of the queue has it, or it waits behind others of its group: apply once more"

SINK_RECORDS_MAX = 100
"""Changes given to a sink at once, as ``into`` does."""


@dataclass(frozen=True, slots=True)
class Find:
    """Keep these letters, all of one place, from others: ``Holding``."""

    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Let some time pass: a letter is hidden. Answered by None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ReadAgain:
    """Read a letter's records and filter them as the plan says: ``Again``."""

    letter: PlannedLetter


@dataclass(frozen=True, slots=True)
class Again:
    """What is sent. ``lost``: it is nowhere to be had any more; ``failed``: it could not be read now."""

    records: tuple[RawRecord, ...] = ()
    lost: str | None = None
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """Send records, in order: one ``RecordResult`` for each."""

    letter: PlannedLetter
    records: tuple[RawRecord, ...]


@dataclass(frozen=True, slots=True)
class Remove:
    """The letter is done with: ``Removal``."""

    place: Place


@dataclass(frozen=True, slots=True)
class Removal:
    """``what`` became of it; ``failed``: why it is still there."""

    what: str = ""
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """Give back what is held of this letter's place. Answered by None."""

    place: Place


@dataclass(frozen=True, slots=True)
class Tell:
    """A letter's end. Answered by None."""

    result: LetterResult


Step: TypeAlias = Find | Wait | ReadAgain | Send | Remove | Release | Tell
Answer: TypeAlias = Holding | Again | tuple[RecordResult, ...] | Removal | None
Course: TypeAlias = Generator[Step, Answer, None]

_T = TypeVar("_T")


def redrive(plan: Plan) -> Course:
    """The steps of a plan. Each is answered as its docstring says, before the next one is asked for."""
    for letter in plan.letters:
        if letter.wanted is not Wanted.REDRIVE:
            yield Tell(_told(letter, LetterState(letter.wanted.value), letter.why))
    for of_place in _by_place([one for one in plan.letters if one.wanted is Wanted.REDRIVE]):
        yield from _redrive_place(of_place)


def _by_place(letters: Sequence[PlannedLetter]) -> Iterator[list[PlannedLetter]]:
    """Each in the order of the stream: older changes go first."""
    ordered = sorted(letters, key=lambda one: (_home(one), one.stream or "", one.shard or "", int(one.first or 0)))
    for _, found in groupby(ordered, key=_home):
        yield list(found)


def _home(letter: PlannedLetter) -> str:
    match letter.place.place():
        case QueuePlace(url=url):
            return url
        case ObjectPlace(bucket=bucket):
            return f"s3://{bucket}"


def _redrive_place(letters: Sequence[PlannedLetter]) -> Course:
    """The letters that are there, in chunks; then those that are hidden, once they show or when waiting is over.

    Whether a letter is gone or hidden is not known while anything of its queue is hidden: it holds up no other.
    """
    left = {one.place.place(): one for one in letters}
    waits = 0
    while left:
        found = yield from _ask(Find(tuple(left)), Holding)
        for place in [one for one in left if one not in found.held and one not in found.hidden]:
            yield Tell(_told(left.pop(place), LetterState.ALREADY_DONE, "the letter is not there any more"))
        there = [one for one in left if one in found.held]
        if len(there) > CHUNK_LETTERS:  # too many to be kept from others all the while
            yield Release(there[0])
        before = len(left)
        for start in range(0, len(there), CHUNK_LETTERS):
            chunk = there[start : start + CHUNK_LETTERS]
            if len(there) > CHUNK_LETTERS:
                found = yield from _ask(Find(tuple(chunk)), Holding)
            for place in chunk:
                if place in found.held:
                    yield from _redrive_letter(left.pop(place))
            yield Release(chunk[0])
        if left and len(left) == before:
            waits += 1
            if waits > WAITS_MAX:
                break
            yield Wait(WAIT_S)
    for letter in left.values():
        yield Tell(_told(letter, LetterState.HIDDEN, HIDDEN))


def _redrive_letter(letter: PlannedLetter) -> Course:
    again = yield from _ask(ReadAgain(letter), Again)
    if again.failed is not None:
        yield Tell(_told(letter, LetterState.FAILED, again.failed))
        return
    if again.lost is not None:
        yield Tell(_told(letter, LetterState.LOST, again.lost))
        return
    if [str(one.position) for one in again.records] != [one.sequence_number for one in letter.records]:
        yield Tell(_told(letter, LetterState.CHANGED, "its records are not those of the plan: plan again"))
        return
    results: list[RecordResult] = []
    for batch in _batches(again.records, letter.send or Destination()):
        results += yield from _ask(Send(letter, batch), tuple)
        if not all(one.outcome.succeeded for one in results):
            rest = again.records[len(results) :]
            results += [
                RecordResult(str(one.position), Outcome.NOT_REACHED, "an earlier record failed") for one in rest
            ]
            yield Tell(_told(letter, LetterState.FAILED, _why(results), results))
            return
    removal = yield from _ask(Remove(letter.place.place()), Removal)
    if removal.failed is not None:
        yield Tell(_told(letter, LetterState.NOT_REMOVED, removal.failed, results))
    else:
        yield Tell(_told(letter, LetterState.DONE, "", results, removed=removal.what))


def _batches(records: Sequence[RawRecord], send: Destination) -> Iterator[tuple[RawRecord, ...]]:
    """As a mapping cuts them: its BatchSize, and 6 MB (R54)."""
    if send.into is not None:
        return batches(records, SINK_RECORDS_MAX)
    return batches(records, 1 if send.form is Form.EVENT else max(1, send.batch_size))


def _why(results: Sequence[RecordResult]) -> str:
    failed = next(one for one in results if not one.outcome.succeeded)
    return f"{failed.sequence_number}: {failed.reason}"


def _told(
    letter: PlannedLetter,
    state: LetterState,
    why: str,
    records: Sequence[RecordResult] = (),
    *,
    removed: str = "",
) -> LetterResult:
    return LetterResult(
        letter=str(letter.place.place()),
        owner=letter.owner,
        state=state,
        why=why,
        records=tuple(records),
        removed=removed,
    )


def _ask(step: Step, kind: type[_T]) -> Generator[Step, Answer, _T]:
    """The answer to a step, which the driver owes it in this kind."""
    answer = yield step
    assert isinstance(answer, kind), f"{type(step).__name__} was answered by {type(answer).__name__}"
    return answer
