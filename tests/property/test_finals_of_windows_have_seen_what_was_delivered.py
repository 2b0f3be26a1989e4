"""The final invocations of tumbling windows, added up, have seen each delivered record once (R121 to R130).

Over failures, partial answers, splits, discards, late records, shard ends, and crashes: the state and the position are
saved in one step.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.outcome import Delivered, FailedFrom, NotReached, Outcome
from afterbay.core.mapping.window import IDLE_CLOSE_S, event_of
from property.plans import Crashed, Function, Plan, Run, plans, records_of
from property.test_the_checkpoint_never_passes_an_unfinished_record import watched as never_ahead
from unit.core.mapping.driving import T0, Stored, answered

W = 10
CRASHES = st.lists(st.tuples(st.integers(1, 60), st.booleans()), max_size=3)


@dataclass
class Counting(Function):
    """Gathers in the state what it succeeds with. ``finals``: request id and content of each final invocation that
    succeeded."""

    finals: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def ask(self, run: Run, batch: Batch) -> Outcome:
        command = run.deliveries[-1]
        assert command.window is not None
        event = json.loads(event_of(batch.records, command.window))
        seen = event["state"].get("seen", [])
        assert event["isFinalInvokeForWindow"] is batch.final
        outcome = self(batch, partial=run.mapping.settings.report_batch_item_failures)
        match outcome:
            case Delivered():
                done = [one.position for one in batch.records]
                if batch.final:  # once more after a crash, it stands for the one before
                    self.finals[event["shardId"], batch.request_id] = seen
            case FailedFrom(position=lowest):
                done = [one.position for one in batch.records if one.position < lowest]
            case _:
                return outcome
        state = {"seen": [*seen, *done]}
        names = [{"itemIdentifier": str(one.position)} for one in batch.records if one.position not in done]
        payload = json.dumps({"state": state, "batchItemFailures": names}).encode()
        return answered(batch, payload, partial=run.mapping.settings.report_batch_item_failures, window=True)


class Windows(Run):
    def _call(self, batch: Batch) -> Outcome:
        assert isinstance(self.scripted, Counting)
        return self.scripted.ask(self, batch)


@st.composite
def windowed(draw: st.DrawFn, records_max: int = 14) -> Plan:
    plan = draw(plans(factors=st.just(1), filters=False, limits=st.just("retries"), records_max=records_max))
    offset_s = 0
    stream = {}
    for name, shard in plan.stream.items():
        stream[name] = []
        for one in shard:
            offset_s += draw(st.sampled_from([0, 1, 4, 11, 25, -3]))
            created_s = T0.timestamp() - 3600 + offset_s
            stream[name].append(replace_record(one, created_s))
    return replace(plan.with_settings(tumbling_window_s=W), stream=stream)


def replace_record(one, created_s: float):
    return type(one)(one.body, one.position, one.key, created_s, one.event_name)


def check(plan: Plan, crashes: list[tuple[int, bool]]) -> None:
    stored, function, now = Stored(), Counting(plan), None
    for crash_at, effect in [*crashes, (None, True)]:
        run = Windows(plan, stored=stored, function=function, crash_at=crash_at, effect=effect)
        run.now = now or run.now
        run.finished |= {*function.done, *(one for letter in stored.letters.values() for one in records_of(letter))}
        never_ahead(run)
        try:
            run.to_the_end().run(W + 2 * IDLE_CLOSE_S)
        except Crashed:
            now = run.now
            continue
        if crash_at is None:
            break
    lettered = [one for letter in stored.letters.values() for one in records_of(letter)]
    given_up = [letter for letter in stored.letters.values() if not letter.count]
    summed = Counter(one for seen in function.finals.values() for one in seen)
    assert max(summed.values(), default=1) == 1, "counted once, over retries and crashes"
    assert set(summed) <= set(function.done)
    if not given_up:  # a final that was given up takes with it what its window had gathered
        missing = set(plan.records) - set(lettered) - set(summed)
        assert not missing, "what was delivered is in some final"
        if not crashes:  # a crash behind a letter lets its records be tried, and delivered, again (R50)
            assert not set(summed) & set(lettered)


@settings(max_examples=60)
@given(windowed(), CRASHES)
def test_the_sum_over_all_finals_is_what_was_delivered(plan: Plan, crashes: list[tuple[int, bool]]) -> None:
    check(plan, crashes)


def check_windows(plan: Plan) -> None:
    """No batch mixes windows (R123), but for what came late, and each final comes before its next window."""
    run = Windows(plan, function=Counting(plan))
    run.to_the_end().run(W + 2 * IDLE_CLOSE_S)
    open_windows: dict[str, int] = {}
    for asked, outcome in run.calls:
        assert asked.window is not None
        window = asked.window.window
        assert (window.start_s % W, window.end_s - window.start_s) == (0, W)
        assert all(one.created_s < window.end_s for one in asked.batch.records)
        assert open_windows.setdefault(asked.shard, window.start_s) == window.start_s, "the last one was not closed"
        if asked.batch.final and (isinstance(outcome, Delivered) or given_up(run, asked.batch, outcome)):
            del open_windows[asked.shard]
    assert not open_windows


def given_up(run: Run, batch: Batch, outcome: Outcome) -> bool:
    limit = run.plan.settings.retry_attempts_max
    return limit is not None and not isinstance(outcome, NotReached) and batch.attempts + 1 > limit


@settings(max_examples=60)
@given(windowed())
def test_each_window_is_closed_before_the_next_one_opens(plan: Plan) -> None:
    check_windows(plan)


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(max_examples=3000)
@given(windowed(records_max=40), CRASHES)
def test_the_same_over_many_more_worlds(plan: Plan, crashes: list[tuple[int, bool]]) -> None:
    check(plan, crashes)
    check_windows(plan)
