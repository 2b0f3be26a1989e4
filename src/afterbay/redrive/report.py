"""A plan, and what became of it, in a few lines: what a person reads before ``--yes``, and afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from afterbay.redrive.plan import Plan, PlannedLetter, Wanted
from afterbay.redrive.result import LetterResult, LetterState

__all__ = ["plan_lines", "plan_summary", "result_document", "result_line", "result_summary", "span_of_time"]


def plan_lines(plan: Plan) -> Iterator[str]:
    """A line for each letter, and one for all."""
    for letter in plan.letters:
        yield _plan_line(letter)
        if letter.repair is not None:
            yield f"  what still mends the sink: {letter.repair}"
    yield plan_summary(plan)


def plan_summary(plan: Plan) -> str:
    records = sum(len(one.records) for one in plan.letters if one.wanted is Wanted.REDRIVE)
    text = f"{plan.count(Wanted.REDRIVE)} letter(s) to redrive with {records} record(s)"
    for wanted in (Wanted.LOST, Wanted.HELD, Wanted.UNKNOWN):
        if plan.count(wanted):
            text += f", {plan.count(wanted)} {wanted.value}"
    return text


def _plan_line(letter: PlannedLetter) -> str:
    place = str(letter.place.place())
    match letter.wanted:
        case Wanted.REDRIVE:
            text = f"redrive {place}: {len(letter.records)} record(s) {_to(letter)}"
            if letter.left_out:
                text += f", {len(letter.left_out)} left out by the filter"
            told = Counter(one.guard for one in letter.records if one.guard is not None)
            if told:
                text += "; the sink: " + ", ".join(f"{number} {guard}" for guard, number in sorted(told.items()))
            if letter.lost is None and letter.time_left_s is not None:
                text += f"; {span_of_time(letter.time_left_s)} left"
            return text + (f" ({letter.why})" if letter.why else "")
        case Wanted.LOST:
            span = f"stream {letter.stream}, shard {letter.shard}, from {letter.first} to {letter.last}"
            return f"lost {place}: {letter.why} ({span})"
        case Wanted.HELD | Wanted.UNKNOWN:
            return f"{letter.wanted.value} {place}: {letter.why}"


def _to(letter: PlannedLetter) -> str:
    send = letter.send
    if send is None:
        return ""
    if send.into is not None:
        return f"into {_shown(send.into)}"
    return f"through {(send.function or '').rsplit(':function:', 1)[-1]}"


def _shown(address: str) -> str:
    """Without what may be a user and a password, and without parameters."""
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}" if rest else address.partition("?")[0]


def result_line(result: LetterResult) -> str:
    """As it goes: one for each letter."""
    told = Counter(one.outcome.value for one in result.records)
    records = ", ".join(f"{number} {outcome}" for outcome, number in told.items())
    parts = [one for one in (records, result.why, f"letter {result.removed}" if result.removed else "") if one]
    return f"{result.state.value} {result.letter}" + (f": {'; '.join(parts)}" if parts else "")


def result_summary(results: Sequence[LetterResult]) -> str:
    letters = Counter(one.state.value for one in results)
    records = Counter(record.outcome.value for one in results for record in one.records)
    text = "letters: " + (", ".join(f"{number} {state}" for state, number in letters.items()) or "none")
    return text + ("; records: " + ", ".join(f"{n} {outcome}" for outcome, n in records.items()) if records else "")


def result_document(results: Sequence[LetterResult]) -> dict[str, object]:
    """What ``redrive apply --json`` prints."""
    states = Counter(one.state for one in results)
    outcomes = Counter(record.outcome.value for one in results for record in one.records)
    return {
        "letters": {state.value: states[state] for state in LetterState},
        "records": dict(outcomes),
        "results": results,
    }


def span_of_time(seconds: float) -> str:
    """As in ``23 h 59 min``."""
    minutes = int(seconds) // 60
    if minutes >= 48 * 60:
        return f"{minutes // (24 * 60)} d {minutes // 60 % 24} h"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
