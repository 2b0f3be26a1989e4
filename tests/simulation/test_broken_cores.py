"""The simulator is worth what it catches: cores broken on purpose, one rule each, are found within a few worlds."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from afterbay.core.guard import APPLIED
from afterbay.core.mapping import dispatch, lineup, retry
from afterbay.core.mapping import shard as shards
from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.checkpoint import Watermark
from afterbay.core.mapping.dispatch import Dispatch
from afterbay.core.mapping.lane import Lane, LaneState
from afterbay.core.mapping.lineup import Lineup
from afterbay.core.mapping.machine import Mapping
from afterbay.core.mapping.outcome import Cause, Delivered, Failed, FailedFrom, NotReached
from afterbay.core.mapping.request_id import RequestIds
from afterbay.core.mapping.retry import GiveUp, Replace, decide
from afterbay.core.mapping.shard import Shard
from afterbay.core.mapping.skip import Skip
from afterbay.core.mapping.window import Tumbling
from afterbay.core.shard.position import TrimHorizon
from afterbay.simulator import handler, sink
from afterbay.simulator.run import run_world

SEEDS_MAX = 150

Patch = pytest.MonkeyPatch


def checkpoint_passes_an_unfinished_record(patch: Patch) -> None:
    advance = Watermark.advance
    patch.setattr(Watermark, "advance", lambda self, unfinished: advance(self, None))


def checkpoint_moves_with_one_lane(patch: Patch) -> None:
    """The position of the first lane, not of the slowest."""
    settle = Shard.settle_watermark

    def first_lane_only(self: Shard) -> bool:
        return settle(self) | self._watermark.advance(self.lanes[0].lowest())

    patch.setattr(Shard, "settle_watermark", first_lane_only)


def checkpoint_never_moves(patch: Patch) -> None:
    patch.setattr(Shard, "settle_watermark", lambda self: False)


def letter_is_saved_after_the_checkpoint(patch: Patch) -> None:
    lowest = Lane.lowest

    def as_if_stored(self: Lane) -> Any:
        if self.state is not LaneState.STORING_LETTER:
            return lowest(self)
        rest = [*self.batches[-1].records[self.discarding :], *self.waiting]
        return rest[0].position if rest else None

    patch.setattr(Lane, "lowest", as_if_stored)


def lanes_mix_items(patch: Patch) -> None:
    turns = itertools.count()
    patch.setattr(shards, "lane_of", lambda key, factor: next(turns) % factor)


def retry_budget_is_one_more(patch: Patch) -> None:
    def generous(batch: Any, outcome: Any, settings: Any, *rest: Any) -> Any:
        limit = settings.retry_attempts_max
        return decide(batch, outcome, replace(settings, retry_attempts_max=None if limit is None else limit + 1), *rest)

    patch.setattr(dispatch, "decide", generous)


def retry_budget_is_one_less(patch: Patch) -> None:
    def stingy(batch: Any, outcome: Any, settings: Any, *rest: Any) -> Any:
        limit = settings.retry_attempts_max
        return decide(batch, outcome, replace(settings, retry_attempts_max=limit and limit - 1), *rest)

    patch.setattr(dispatch, "decide", stingy)


def progress_keeps_the_budget(patch: Patch) -> None:
    def kept(batch: Batch, *rest: Any) -> Any:
        decision = decide(batch, *rest)
        if isinstance(decision, Replace) and not decision.split:
            for one in decision.batches:
                one.attempts = batch.attempts
        return decision

    patch.setattr(dispatch, "decide", kept)


def throttles_use_the_budget(patch: Patch) -> None:
    def counted(batch: Any, outcome: Any, *rest: Any) -> Any:
        return decide(batch, Failed(Cause.FUNCTION_ERROR) if isinstance(outcome, NotReached) else outcome, *rest)

    patch.setattr(dispatch, "decide", counted)


def bisect_goes_right_first(patch: Patch) -> None:
    halves = retry.halves
    patch.setattr(retry, "halves", lambda *args: halves(*args)[::-1])


def bisect_never_happens(patch: Patch) -> None:
    patch.setattr(dispatch, "decide", lambda batch, outcome, settings, *rest: decide(
        batch, outcome, replace(settings, bisect=False), *rest
    ))  # fmt: skip


def one_failure_discards_a_retried_batch(patch: Patch) -> None:
    def hasty(batch: Any, outcome: Any, *rest: Any) -> Any:
        decision = decide(batch, outcome, *rest)
        return GiveUp(None) if isinstance(outcome, Failed) and isinstance(decision, retry.Again) else decision

    patch.setattr(dispatch, "decide", hasty)


def answers_read_with(patch: Patch, choose: Callable[[dict[str, int]], int]) -> None:
    """The place to go on from is chosen another way among the records that an answer names."""
    read = handler.read_answer

    def other(payload: bytes, **given: Any) -> Any:
        outcome = read(payload, **given)
        if not isinstance(outcome, FailedFrom):
            return outcome
        named = {one["itemIdentifier"] for one in json.loads(payload)["batchItemFailures"]}
        chosen = choose({name: position for name, position in given["positions"].items() if name in named})
        return replace(outcome, position=chosen)

    patch.setattr(handler, "read_answer", other)


def partial_answer_rewinds_to_the_highest(patch: Patch) -> None:
    answers_read_with(patch, lambda named: max(named.values()))


def sequence_numbers_compare_as_text(patch: Patch) -> None:
    answers_read_with(patch, lambda named: named[min(named)])


def partial_answer_redoes_only_one_record(patch: Patch) -> None:
    def lone(batch: Batch, outcome: Any, *rest: Any) -> Any:
        decision = decide(batch, outcome, *rest)
        if isinstance(outcome, FailedFrom) and isinstance(decision, Replace) and not decision.split:
            for one in decision.batches:
                one.records = one.records[:1]
        return decision

    patch.setattr(dispatch, "decide", lone)


def malformed_answer_is_success(patch: Patch) -> None:
    def mild(batch: Any, outcome: Any, *rest: Any) -> Any:
        lenient = isinstance(outcome, Failed) and outcome.cause is Cause.INVALID_RESPONSE
        return decide(batch, Delivered() if lenient else outcome, *rest)

    patch.setattr(dispatch, "decide", mild)


def age_takes_one_record_more(patch: Patch) -> None:
    prefix = retry.expired_prefix

    def greedy(records: Any, *rest: Any) -> int:
        count = prefix(records, *rest)
        return min(len(records), count + 1) if count else 0

    patch.setattr(dispatch, "expired_prefix", greedy)


def age_is_never_looked_at(patch: Patch) -> None:
    patch.setattr(dispatch, "expired_prefix", lambda *args: 0)


def filtered_counts_as_lost(patch: Patch) -> None:
    read = Shard.records_read

    def wrong(self: Shard, *args: Any) -> Any:
        counters = self._context.counters
        before = counters.filtered_out
        commands = read(self, *args)
        counters.dropped += counters.filtered_out - before
        return commands

    patch.setattr(Shard, "records_read", wrong)


def filters_are_not_looked_at(patch: Patch) -> None:
    begin = Mapping._start

    def unfiltered(self: Mapping, *args: Any) -> Any:
        self._compile_filters = lambda patterns, kind: None
        return begin(self, *args)

    patch.setattr(Mapping, "_start", unfiltered)


def repeats_are_delivered_again(patch: Patch) -> None:
    read = Shard.records_read

    def forgetful(self: Shard, *args: Any) -> Any:
        self._last_read = None
        return read(self, *args)

    patch.setattr(Shard, "records_read", forgetful)


def expired_iterator_starts_over(patch: Patch) -> None:
    expired = Shard.iterator_expired

    def over(self: Shard, now: datetime) -> Any:
        self.start, self._last_read = TrimHorizon(), None
        return expired(self, now)

    patch.setattr(Shard, "iterator_expired", over)


def throttled_read_skips_a_record(patch: Patch) -> None:
    failed = Shard.read_failed

    def skipping(self: Shard, *args: Any) -> Any:
        if self._last_read is not None:
            self._last_read = type(self._last_read)(self._last_read + 10**20)
        return failed(self, *args)

    patch.setattr(Shard, "read_failed", skipping)


def child_does_not_wait_for_its_parent(patch: Patch) -> None:
    patch.setattr(lineup, "may_start", lambda shard, unfinished: True)


def child_does_not_wait_for_the_save(patch: Patch) -> None:
    finish = Lineup.finish

    def at_once(self: Lineup, row: Any) -> None:
        finish(self, row)
        self._unsaved_ends.clear()

    patch.setattr(Lineup, "finish", at_once)


def window_state_is_lost_in_a_crash(patch: Patch) -> None:
    patch.setattr(Tumbling, "saved", lambda self: None)


def window_state_is_not_carried_on(patch: Patch) -> None:
    took = Tumbling.took
    patch.setattr(Tumbling, "took", lambda self, state, last: took(self, None, last))


def batch_mixes_windows(patch: Patch) -> None:
    admit = Tumbling.admit

    def all_of_it(self: Tumbling, waiting: Any, count_max: int) -> Any:
        admit(self, waiting, count_max)
        return count_max, False

    patch.setattr(Tumbling, "admit", all_of_it)


def idle_window_never_closes(patch: Patch) -> None:
    patch.setattr(Tumbling, "idle_close_s", lambda self: None)


def batch_is_one_too_large(patch: Patch) -> None:
    take = Lane.take
    patch.setattr(Lane, "take", lambda self, count_max, bytes_max: take(self, count_max + 1, bytes_max))


def batching_window_is_ignored(patch: Patch) -> None:
    patch.setattr(Lane, "full", lambda self, batch_size, bytes_max: True)


def batching_window_lasts_twice_as_long(patch: Patch) -> None:
    next_window = Lane.next_window

    def later(self: Lane, now: datetime, window_s: int) -> None:
        next_window(self, now, window_s)
        if window_s:
            self.window_ends = max(self.window_ends, now + timedelta(seconds=2 * window_s))

    patch.setattr(Lane, "next_window", later)


def request_ids_are_shared(patch: Patch) -> None:
    derive = RequestIds.derive
    patch.setattr(RequestIds, "derive", lambda self, shard, first, last, count, generation: derive(
        self, shard, first, 0, 0, 0
    ))  # fmt: skip


def restart_forgets_how_far_each_lane_was(patch: Patch) -> None:
    init = Lane.__init__
    patch.setattr(Lane, "__init__", lambda self, window_ends, done: init(self, window_ends, type(done)(0)))


def sink_has_no_guard(patch: Patch) -> None:
    patch.setattr(sink, "judge", lambda token, stored: APPLIED)


def skip_leaves_one_record(patch: Patch) -> None:
    head = Skip.head

    def timid(self: Skip, batch: Batch, tumbling: Any) -> int | None:
        count = head(self, batch, tumbling)
        return count - 1 if count and count > 1 else count

    patch.setattr(Skip, "head", timid)


def skip_does_not_wait_for_what_is_in_flight(patch: Patch) -> None:
    advance = Dispatch.advance

    def hasty(self: Dispatch, now: datetime) -> Any:
        for lane in self.lanes:
            if self.skip is not None and lane.state is LaneState.INVOKING:
                lane.state = LaneState.IDLE
        return advance(self, now)

    patch.setattr(Dispatch, "advance", hasty)


BROKEN: dict[Callable[[Patch], None], str] = {
    checkpoint_passes_an_unfinished_record: "no checkpoint passes an unfinished record",
    checkpoint_moves_with_one_lane: "no checkpoint passes an unfinished record",
    checkpoint_never_moves: "what is done is saved in the end",
    letter_is_saved_after_the_checkpoint: "passes an unfinished record",
    lanes_mix_items: "",
    retry_budget_is_one_more: "at most 1 + MaximumRetryAttempts",
    retry_budget_is_one_less: "retries are used up when a batch is discarded",
    progress_keeps_the_budget: "retries are used up when a batch is discarded",
    throttles_use_the_budget: "",
    bisect_goes_right_first: "split left first",
    bisect_never_happens: "",
    one_failure_discards_a_retried_batch: "retries are used up when a batch is discarded",
    partial_answer_rewinds_to_the_highest: "cut where the answer says",
    sequence_numbers_compare_as_text: "cut where the answer says",
    partial_answer_redoes_only_one_record: "cut where the answer says",
    malformed_answer_is_success: "",
    age_takes_one_record_more: "only what is too old expires",
    age_is_never_looked_at: "what is too old is discarded",
    filtered_counts_as_lost: "the counters say what happened",
    filters_are_not_looked_at: "",
    repeats_are_delivered_again: "",
    expired_iterator_starts_over: "",
    throttled_read_skips_a_record: "",
    child_does_not_wait_for_its_parent: "a child waits",
    child_does_not_wait_for_the_save: "a child waits until its parent's end is saved",
    window_state_is_lost_in_a_crash: "a window's state holds just what is done",
    window_state_is_not_carried_on: "a window's state holds just what is done",
    batch_mixes_windows: "a batch never mixes windows",
    idle_window_never_closes: "a mapping comes to rest",
    batch_is_one_too_large: "BatchSize is a maximum",
    batching_window_is_ignored: "a batch waits for its window",
    batching_window_lasts_twice_as_long: "a record waits one batching window at most",
    request_ids_are_shared: "",
    restart_forgets_how_far_each_lane_was: "",
    sink_has_no_guard: "the sink has",
    skip_leaves_one_record: "everything that an operator named is skipped",
    skip_does_not_wait_for_what_is_in_flight: "",
}
"""What is broken, and words of the rule that must name it (empty: several rules may be first)."""


@pytest.mark.parametrize("break_it", BROKEN, ids=lambda one: one.__name__)
def test_a_broken_core_is_caught(break_it: Callable[[Patch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    break_it(monkeypatch)
    for seed in range(1, SEEDS_MAX + 1):
        report = run_world(seed)
        if report.violation is not None:
            assert BROKEN[break_it] in report.violation
            assert f"seed {seed}, step " in report.violation
            return
    pytest.fail(f"{SEEDS_MAX} worlds noticed nothing")
