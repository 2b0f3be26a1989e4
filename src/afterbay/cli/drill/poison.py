"""A record that always fails: is it isolated, does its letter arrive, and does the shard recover.

The failure is ours: an invocation with the poisoned item ends as an unhandled exception would, whatever the code.
"""

from __future__ import annotations

from collections.abc import Sequence

from afterbay.cli.drill.draft import GROUP
from afterbay.cli.drill.report import Steps
from afterbay.cli.drill.subject import Subject
from afterbay.cli.drill.trace import Traced
from afterbay.cli.drill.witness import SentLetter
from afterbay.core.change.raw import ItemKey
from afterbay.core.mapping.lane import lane_of
from afterbay.core.mapping.settings import MappingSettings
from afterbay.engine.meter import Attempt

__all__ = ["NAMES", "judge_isolation", "poison", "tell_attempts"]

ISOLATED = "poison: its neighbours arrive"
LETTER = "poison: its letter arrives"
RECOVERY = "poison: the shard recovers"
NAMES = {
    ISOLATED: "a record that always fails holds up or takes along none of the others",
    LETTER: "what is given up is told to the failure destination",
    RECOVERY: "the age of the oldest record goes back to 0, and new changes arrive",
}

IN_LANE = 5
"""Items in the poison's own shard and lane, itself among them, so that others are in a batch with it."""

OTHERS = 3
"""Items that may be in any lane."""

SCATTERED_MAX = 90
SCATTERED_PER_LANE = 12
"""Items where nothing but a partition key tells the shard: enough of them share the poison's, of the four that a stream
has here. A transaction takes a hundred."""

LETTER_S = 10.0

WITHIN_S = 60.0
AHEAD_S = 23 * 3600.0
"""As far as records last. A mapping that gives nothing up is not waited for so long."""

AHEAD_ENDLESS_S = 900.0
ATTEMPTS_ENDLESS = 6
"""After so many attempts, or a quarter of an hour, of a mapping without a limit it is shown that it goes on."""


async def poison(subject: Subject, traced: Traced, steps: Steps) -> None:
    """Write some items at once, one of which fails, and watch what becomes of them."""
    if not traced.taken:
        for name, promise in NAMES.items():
            steps.not_applicable(name, promise, "the function takes none of the drill's items")
        return
    ground, settings, kind = subject.ground, subject.settings, subject.draft.kind
    numbers, bad = _chosen(subject)
    neighbours = [one for one in numbers if one != bad]
    count = len(neighbours)
    await subject.prepare(numbers)
    await ground.look()
    ground.poison.keys.add(subject.key(bad))
    steps.begin(ground.now())
    await ground.enable(subject.mapping, enabled=False)  # so that its first batch has all of them
    written = ground.now()
    await subject.change(numbers)
    await ground.enable(subject.mapping, enabled=True)
    steps.see(written, f"{kind.value} of {count + 1} items, read together; the function fails with one of them")

    def tried() -> list[Attempt]:
        found = subject.record(bad, kind)
        return [] if found is None else subject.witness.attempts_with(found.record.position)

    endless = settings.retry_attempts_max is None and settings.record_age_max_s is None
    await ground.until(lambda: bool(tried()), ahead_s=subject.patience_s)
    if endless:
        await ground.until(lambda: len(tried()) >= ATTEMPTS_ENDLESS, within_s=WITHIN_S / 2, ahead_s=AHEAD_ENDLESS_S)
        given_up = False
    else:
        given_up = await ground.idle(within_s=WITHIN_S, ahead_s=AHEAD_S)
    if given_up and settings.on_failure is not None:
        await ground.until(lambda: bool(_letters(subject, bad)), within_s=LETTER_S, ahead_s=0)
    tell_attempts(tried(), steps)
    arrived = [attempt for one in neighbours if (attempt := subject.done(one, kind)) is not None]
    last = max((one.ended for one in arrived), default=ground.now())
    steps.see(last, f"{len(arrived)} of {count} neighbours arrived")
    judge_isolation(settings, tried(), count - len(arrived), given_up, steps)
    _judge_letter(subject, bad, given_up, steps)
    await _judge_recovery(subject, given_up, steps)
    ground.poison.keys.clear()
    if not given_up:
        await ground.idle(within_s=WITHIN_S / 2, ahead_s=AHEAD_ENDLESS_S)


def _chosen(subject: Subject) -> tuple[list[int], int]:
    """The items to write, in order, and the one among them that fails: some before it and some behind it."""
    factor = subject.settings.parallelization_factor
    bad = next(subject.numbers)
    if len(subject.draft.needs.keys) == 1:
        scattered = [next(subject.numbers) for _ in range(min(SCATTERED_MAX, SCATTERED_PER_LANE * factor))]
        half = len(scattered) // 2
        return [*scattered[:half], bad, *scattered[half:]], bad
    lane = lane_of(ItemKey(subject.key(bad)), factor)
    tried = range(bad + 1, bad + GROUP)
    beside = [one for one in tried if lane_of(ItemKey(subject.key(one)), factor) == lane][: IN_LANE - 1]
    others = [one for one in tried if one not in beside][:OTHERS]
    half = len(beside) // 2
    return [*others[:1], *beside[:half], bad, *beside[half:], *others[1:]], bad


def tell_attempts(tried: Sequence[Attempt], steps: Steps) -> None:
    """Each attempt with the poison, those of one size together."""
    start = 0
    for place in range(1, len(tried) + 1):
        size = len(tried[start].batch.records)
        if place < len(tried) and len(tried[place].batch.records) == size:
            continue
        times = place - start
        what = f"failed in a batch of {size}" if size > 1 else "failed alone"
        steps.see(tried[start].ended, f"{what}, {times} time(s)")
        start = place


def judge_isolation(
    settings: MappingSettings, tried: Sequence[Attempt], lost: int, given_up: bool, steps: Steps
) -> None:
    if not lost:
        steps.held(ISOLATED, NAMES[ISOLATED])
    elif not given_up:
        steps.broken(
            ISOLATED,
            NAMES[ISOLATED],
            f"{lost} neighbours wait behind it, until the stream drops it after 24 hours: set MaximumRetryAttempts or"
            " MaximumRecordAgeInSeconds",
        )
    elif not settings.bisect and any(len(one.batch.records) > 1 for one in tried):
        steps.broken(
            ISOLATED,
            NAMES[ISOLATED],
            f"{lost} neighbours were given up with it: set BisectBatchOnFunctionError, so that its batch is split",
        )
    else:
        steps.broken(
            ISOLATED,
            NAMES[ISOLATED],
            f"{lost} neighbours were given up: more MaximumRetryAttempts, or a longer MaximumRecordAgeInSeconds, let"
            " the batch be split to the end",
        )


def _judge_letter(subject: Subject, bad: int, given_up: bool, steps: Steps) -> None:
    letters = _letters(subject, bad)
    for one in letters:
        what = "arrived at" if one.delivered else "could not be sent to"
        steps.see(
            one.at,
            f"a letter of {one.letter.count} record(s), {one.letter.condition.value} after"
            f" {one.letter.invoke_count} attempts, {what} {one.letter.destination}",
        )
    if any(one.delivered for one in letters):
        steps.held(LETTER, NAMES[LETTER])
    elif not given_up:
        steps.not_applicable(LETTER, NAMES[LETTER], "the mapping gives nothing up")
    elif subject.settings.on_failure is None:
        steps.broken(
            LETTER,
            NAMES[LETTER],
            "the record was given up and nobody was told: set DestinationConfig.OnFailure to a queue, topic or bucket",
        )
    else:
        steps.broken(LETTER, NAMES[LETTER], f"no letter of the record arrived at {subject.settings.on_failure}")


def _letters(subject: Subject, bad: int) -> list[SentLetter]:
    """The letters whose range has the poison's record."""
    found = subject.record(bad, subject.draft.kind)
    if found is None:
        return []
    position, shard = found.record.position, found.shard
    sent = subject.witness.letters
    return [one for one in sent if one.letter.shard == shard and one.letter.first <= position <= one.letter.last]


async def _judge_recovery(subject: Subject, given_up: bool, steps: Steps) -> None:
    ground = subject.ground
    if not given_up:
        steps.see(ground.now(), f"the oldest record is {subject.age_s():.0f} s old, and gets older")
        steps.broken(
            RECOVERY,
            NAMES[RECOVERY],
            "the shard is blocked by it: set MaximumRetryAttempts or MaximumRecordAgeInSeconds",
        )
        return
    steps.begin(ground.now())
    number = next(subject.numbers)
    await subject.prepare([number])
    steps.see(ground.now(), "one more change written")
    await subject.change([number])
    arrived = await subject.arrived(number, subject.draft.kind)
    age_s = subject.age_s()
    told = "it arrived" if arrived else "it did not arrive"
    steps.see(ground.now(), f"{told}; the oldest record that is not done is {age_s:.0f} s old")
    if arrived and not age_s:
        steps.held(RECOVERY, NAMES[RECOVERY])
    else:
        steps.broken(RECOVERY, NAMES[RECOVERY], "a change that was written after it did not arrive")
