"""Tumbling windows, in the machine (R121 to R131)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from afterbay.core.mapping.batch import PAYLOAD_BYTES_MAX, Batch
from afterbay.core.mapping.commands import Deliver
from afterbay.core.mapping.deadletter import Condition, document
from afterbay.core.mapping.events import DisableRequested, EnableRequested, UpdateRequested
from afterbay.core.mapping.outcome import Outcome
from afterbay.core.mapping.response import read_answer
from afterbay.core.mapping.window import IDLE_CLOSE_S, STATE_BYTES_MAX, Tumbling, event_of, state_in
from afterbay.core.shard.position import ShardId
from vectors.loading import vectors

from .driving import T0, Stored, World, after, record, settings

W = 10
Answer = tuple[str | None, object]


def count(event: dict) -> Answer:
    return None, {"state": {"count": event["state"].get("count", 0) + len(event["Records"])}}


def at(offset_s: float, position: int, **more: object):
    """A record created ``offset_s`` after T0, which is the start of a window."""
    return record(position, age_s=-offset_s, **more)


class Windows(World):
    """A world whose function is given events and answers with a function error and a payload."""

    def __init__(self, mapping_settings, stream, answer: Callable[[dict], Answer] = count, **more: object) -> None:
        super().__init__(mapping_settings, stream, self._ask, **more)
        self.answer_of = answer
        self.events: list[dict] = []

    def _ask(self, batch: Batch) -> Outcome:
        command = self.deliveries[-1]
        assert command.window is not None
        event = json.loads(event_of(batch.records, command.window))
        self.events.append(event)
        error, payload = self.answer_of(event)
        return read_answer(
            json.dumps(payload).encode(),
            function_error=error,
            executed_version="$LATEST",
            positions={str(one.position): one.position for one in batch.records},
            partial=self.mapping.settings.report_batch_item_failures,
            window=True,
        )

    @property
    def seen(self) -> list[tuple[list[int], dict, bool]]:
        """Per invocation: positions, state handed in, whether final."""
        pairs = zip(self.delivered, self.events, strict=True)
        return [(positions, event["state"], event["isFinalInvokeForWindow"]) for positions, event in pairs]


def windowed(**changes: object):
    return settings(tumbling_window_s=W, **changes)


# ---- recorded

SEQUENCES = [
    one for one in vectors("esm/sequences.json") if "TumblingWindowInSeconds" in one.values[0].input.get("esm", {})
]
RECORDED = [one for one in SEQUENCES if "invocations" in one.values[0].expect]
OVERSIZED = [one for one in SEQUENCES if "next_invocation" in one.values[0].expect]


def test_every_recorded_window_is_driven() -> None:
    assert len(RECORDED) + len(OVERSIZED) == len(SEQUENCES) > 1


@pytest.mark.parametrize("vector", RECORDED)
def test_windows_carry_their_state_and_close_as_recorded(vector) -> None:
    with vector.opened() as (given, wanted):
        esm = given["esm"]
        configured = settings(
            tumbling_window_s=esm["TumblingWindowInSeconds"],
            batch_size=esm["BatchSize"],
            batching_window_s=esm["MaximumBatchingWindowInSeconds"],
            parallelization_factor=esm["ParallelizationFactor"],
        )
        assert given["function"] == "state.count += len(Records)"
        records = [
            record(int(ordinal), age_s=T0.timestamp() - moment) for ordinal, moment in given["records_epoch_s"].items()
        ]
        world = Windows(configured, {"s": records}).start().run(1)
        for event, positions, invocation in zip(world.events, world.delivered, wanted["invocations"], strict=True):
            assert [str(one) for one in positions] == invocation["records"]
            assert [event["window"]["start"], event["window"]["end"]] == invocation["window"]
            assert event["state"] == invocation["state_in"]
            assert event["isFinalInvokeForWindow"] is invocation["final"]
            assert event["isWindowTerminatedEarly"] is invocation["early"]
        ids = [command.batch.request_id for command in world.deliveries]
        assert (len(set(ids)) == len(ids)) is wanted["every_invocation_has_its_own_request_id"]


@pytest.mark.parametrize("vector", OVERSIZED)
def test_a_state_that_grew_too_large_ends_its_window_at_once(vector) -> None:
    with vector.opened() as (given, wanted):
        assert given["function"] == "returns a state holding one string of 1048640 characters"
        large = {"text": "x" * 1_048_640}

        def grows(event: dict) -> Answer:
            return None, {"state": large}

        configured = settings(tumbling_window_s=given["esm"]["TumblingWindowInSeconds"])
        world = Windows(configured, {"s": [at(0, 1)]}, grows).start().run(1)
        first, following = world.events
        assert (first["state"], first["isFinalInvokeForWindow"]) == ({}, False)
        told = wanted["next_invocation"]
        assert following["Records"] == told["records"]
        assert following["isFinalInvokeForWindow"] is told["final"]
        assert following["isWindowTerminatedEarly"] is told["early"]
        assert told["state_in"] == "the complete oversized state" and following["state"] == large
        world.stream["s"].append(at(W, 2))
        world.run(1)
        assert world.events[2]["state"] == wanted["later_window_state_in"]


# ---- which records, and when


def test_a_batch_never_holds_records_of_two_windows() -> None:
    stream = {"s": [at(0, 1), at(9.5, 2), at(10, 3), at(25, 4)]}
    world = Windows(windowed(batch_size=100), stream).start().run(1)
    assert world.seen == [
        ([1, 2], {}, False),
        ([], {"count": 2}, True),
        ([3], {}, False),
        ([], {"count": 1}, True),
        ([4], {}, False),
    ]
    assert world.events[-1]["window"] == {"start": "2026-01-01T00:00:20Z", "end": "2026-01-01T00:00:30Z"}


def test_batch_size_and_batching_window_hold_inside_a_window() -> None:
    world = Windows(windowed(batch_size=2, batching_window_s=5), {"s": [at(0, 1), at(1, 2), at(2, 3)]}).start().run(4)
    assert world.delivered == [[1, 2]]
    world.run(2)
    assert world.seen == [([1, 2], {}, False), ([3], {"count": 2}, False)]


def test_a_later_windows_record_does_not_wait_for_the_batching_window_of_the_one_before() -> None:
    """Nothing can join the batch any more, so it goes; the later record still waits (R54)."""
    world = Windows(windowed(batch_size=100, batching_window_s=300), {"s": [at(0, 1), at(12, 2)]}).start().run(1)
    assert world.seen == [([1], {}, False), ([], {"count": 1}, True)]


def test_a_window_is_not_closed_by_the_clock_while_records_may_come() -> None:
    world = Windows(windowed(), {"s": [at(0, 1)]}).start().run(W + 94)
    assert world.seen == [([1], {}, False)]


def test_an_idle_window_closes_some_time_after_its_end() -> None:
    world = Windows(windowed(), {"s": [at(0, 1)]}).start().run(W + IDLE_CLOSE_S - 1)
    assert len(world.events) == 1
    world.run(2)
    assert world.seen == [([1], {}, False), ([], {"count": 1}, True)]
    world.run(600)
    assert len(world.events) == 2, "closed once"


def test_the_idle_time_of_a_window_counts_from_what_came_last() -> None:
    world = Windows(windowed(), {"s": [at(0, 1)]}).start().run(100)
    world.stream["s"].append(at(1, 2))
    world.run(IDLE_CLOSE_S - 1)
    assert world.seen == [([1], {}, False), ([2], {"count": 1}, False)]
    world.run(2)
    assert world.seen[2:] == [([], {"count": 2}, True)]


def test_a_window_read_long_after_its_end_waits_for_what_comes_late() -> None:
    """The idle time counts from the last record read: an old stream that is caught up is not idle yet."""
    world = Windows(windowed(), {"s": [at(-3600, 1)]}).start().run(IDLE_CLOSE_S - 1)
    assert len(world.events) == 1
    world.run(2)
    assert len(world.events) == 2


def test_a_record_that_comes_late_belongs_to_the_open_window() -> None:
    world = Windows(windowed(batch_size=1), {"s": [at(12, 1), at(5, 2)]}).start().run(1)
    assert world.seen == [([1], {}, False), ([2], {"count": 1}, False)]
    assert world.events[1]["window"] == world.events[0]["window"]


def test_the_end_of_a_shard_closes_its_window_and_children_start_afresh() -> None:
    stream = {"s": [at(0, 1)], "child": [at(1, 2)]}
    world = Windows(windowed(), stream, parents={"child": ("s",)}, closed={"s"}).start().run(1)
    assert world.seen == [([1], {}, False), ([], {"count": 1}, True), ([2], {}, False)]
    assert [event["shardId"] for event in world.events] == ["s", "s", "child"]


def test_children_wait_for_the_final_invocation_of_their_parent() -> None:
    stream = {"s": [at(0, 1)], "child": [at(1, 2)]}

    def fails_at_the_end(event: dict) -> Answer:
        return ("Unhandled", None) if event["isFinalInvokeForWindow"] else count(event)

    world = Windows(windowed(), stream, fails_at_the_end, parents={"child": ("s",)}, closed={"s"}).start().run(60)
    assert {event["shardId"] for event in world.events} == {"s"} and len(world.events) > 2


# ---- state


def test_an_answer_without_state_is_a_failure_and_the_batch_is_tried_again() -> None:
    """R84, R125: an answer that a mapping without windows would take for a success."""
    answers: list[Answer] = [(None, None), (None, {"batchItemFailures": []}), (None, {"state": 7})]

    def forgets(event: dict) -> Answer:
        return answers.pop(0) if answers else count(event)

    world = Windows(windowed(), {"s": [at(0, 1)]}, forgets).start().run(60)
    assert world.seen == [([1], {}, False)] * 4
    assert len({command.batch.request_id for command in world.deliveries}) == 1


def test_what_the_final_invocation_returns_is_dropped_but_must_be_a_state() -> None:
    finals = iter([None, {"state": {"count": 99}}])

    def answer(event: dict) -> Answer:
        return (None, next(finals)) if event["isFinalInvokeForWindow"] else count(event)

    world = Windows(windowed(), {"s": [at(0, 1), at(10, 2)]}, answer).start().run(60)
    assert world.seen == [
        ([1], {}, False),
        ([], {"count": 1}, True),
        ([], {"count": 1}, True),
        ([2], {}, False),
    ]


def test_a_partial_answer_brings_its_state_along() -> None:
    def first_two(event: dict) -> Answer:
        done = event["Records"][:2]
        state = {"count": event["state"].get("count", 0) + len(done)}
        failures = [{"itemIdentifier": one["n"]} for one in event["Records"][2:]]
        return None, {"state": state, "batchItemFailures": failures}

    stream = {"s": [at(0, n, body=json.dumps({"n": str(n)}).encode()) for n in range(1, 6)]}
    world = Windows(windowed(report_batch_item_failures=True), stream, first_two).start().run(1)
    assert world.seen == [([1, 2, 3, 4, 5], {}, False), ([3, 4, 5], {"count": 2}, False), ([5], {"count": 4}, False)]


def test_a_bisected_batch_hands_the_state_from_half_to_half() -> None:
    def not_four(event: dict) -> Answer:
        return ("Unhandled", None) if len(event["Records"]) > 2 else count(event)

    stream = {"s": [at(0, n) for n in range(1, 5)]}
    world = Windows(windowed(bisect=True), stream, not_four).start().run(1)
    assert world.seen == [([1, 2, 3, 4], {}, False), ([1, 2], {}, False), ([3, 4], {"count": 2}, False)]


def test_a_discarded_batch_leaves_the_state_as_it_was() -> None:
    def not_two(event: dict) -> Answer:
        return ("Unhandled", None) if event["Records"][0]["n"] == 2 else count(event)

    stream = {"s": [at(0, n, body=json.dumps({"n": n}).encode()) for n in (1, 2, 3)]}
    limits = windowed(batch_size=1, retry_attempts_max=0, on_failure="arn:aws:sqs:eu-west-1:000000000000:letters")
    world = Windows(limits, stream, not_two).start().run(1)
    assert world.seen == [([1], {}, False), ([2], {"count": 1}, False), ([3], {"count": 1}, False)]
    (letter,) = world.letters
    assert document(letter, T0)["timeWindowInfo"] == {
        "window": {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:00:10Z"},
        "isFinalInvokeForWindow": False,
        "isWindowTerminatedEarly": False,
    }


def test_records_and_state_together_stay_below_the_payload_limit() -> None:
    state = {"text": "x" * (STATE_BYTES_MAX - 100)}
    bodies = [json.dumps({"text": "y" * 1_000_000}).encode() for _ in range(7)]
    stream = {"s": [at(0, n, body=body) for n, body in enumerate(bodies, start=1)]}
    world = Windows(windowed(), stream, lambda event: (None, {"state": state})).start().run(1)
    assert world.delivered[0] == [1, 2, 3, 4, 5, 6], "six records fit while the state is empty"
    stream["s"] += [at(0, n, body=body) for n, body in enumerate(bodies, start=8)]
    world.run(1)
    assert [n for batch in world.delivered for n in batch] == list(range(1, 15))
    sizes = [len(event_of(one.batch.records, one.window)) for one in world.deliveries]
    assert max(sizes) <= PAYLOAD_BYTES_MAX and max(map(len, world.delivered[1:])) == 5


@pytest.mark.parametrize(("over", "delivered"), [(0, [[1, 2]]), (1, [[1], [2]])])
def test_the_limit_counts_the_window_to_the_byte(over: int, delivered: list) -> None:
    """R56."""
    probe = Windows(windowed(), {"s": [at(0, 1)]}).start().run(1)
    told = len(event_of((), probe.deliveries[0].window))
    small = b"{}"
    large = b'"' + b"y" * (PAYLOAD_BYTES_MAX - told - len(small) - len(b'"",') + over) + b'"'
    world = Windows(windowed(), {"s": [at(0, 1, body=large), at(0, 2, body=small)]}).start().run(1)
    assert world.delivered == delivered


def test_a_state_takes_of_the_room_that_ends_a_batching_window() -> None:
    """R54, R56: what waits is sent once it fills the payload beside the state."""
    state = {"text": "x" * (STATE_BYTES_MAX - 100)}
    stream = {"s": [at(0, 1)]}
    configured = windowed(batching_window_s=60, batch_size=1000)
    world = Windows(configured, stream, lambda event: (None, {"state": state})).start().run(60)
    stream["s"] += [at(0, n, body=json.dumps({"text": "y" * 1_000_000}).encode()) for n in range(2, 8)]
    world.run(1)
    assert world.delivered == [[1], [2, 3, 4, 5, 6]]


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (b'{"state":{"a":1.10}}', b'{"a":1.10}'),
        (b' {"x": 0, "state" :  { "a" : [1] } } ', b'{ "a" : [1] }'),
        (b'{"state":{}}', b"{}"),
        (b'{"state":null}', None),
        (b'{"state":[]}', None),
        (b'{"state":"{}"}', None),
        (b'{"State":{}}', None),
        (b"[]", None),
        (b"null", None),
        (b"", None),
        (b'{"state":{}', None),
        (b'{"state":{"a":"\xff"}}', None),
        (b'{"state":' + b"[" * 100_000, None),
    ],
)
def test_a_state_is_a_json_object_and_kept_as_it_was_written(answer: bytes, state: bytes | None) -> None:
    assert state_in(answer) == state


# ---- a final invocation that fails


def test_a_failing_final_invocation_blocks_its_shard_until_it_succeeds() -> None:
    left = [1] * 5

    def fails_five_times(event: dict) -> Answer:
        if event["isFinalInvokeForWindow"] and left:
            left.pop()
            return "Unhandled", None
        return count(event)

    world = Windows(windowed(bisect=True), {"s": [at(0, 1), at(10, 2)]}, fails_five_times).start().run(300)
    finals = [command for command in world.deliveries if command.batch.final]
    assert len(finals[:6]) == 6 and len({one.batch.request_id for one in finals[:6]}) == 1
    assert world.delivered[:8] == [[1], [], [], [], [], [], [], [2]]


def letter_of_the_end(**limits: object):
    def fails_at_the_end(event: dict) -> Answer:
        return ("Unhandled", None) if event["isFinalInvokeForWindow"] else count(event)

    configured = windowed(on_failure="arn:aws:sqs:eu-west-1:000000000000:letters", **limits)
    world = Windows(configured, {"s": [at(0, 1), at(50, 2)]}, fails_at_the_end).start().run(100)
    (letter,) = world.letters
    assert world.delivered[-1] == [2], "the shard goes on"
    assert world.events[-1]["state"] == {}
    return world, letter


def test_a_final_invocation_is_given_up_after_its_retries() -> None:
    world, letter = letter_of_the_end(retry_attempts_max=2)
    assert world.delivered == [[1], [], [], [], [2]]
    assert letter.condition is Condition.RETRY_ATTEMPTS_EXHAUSTED
    told = document(letter, datetime(2026, 1, 1, tzinfo=UTC))
    assert told["DDBStreamBatchInfo"] == {"shardId": "s", "streamArn": letter.stream_arn}
    assert told["requestContext"]["approximateInvokeCount"] == 3


def test_a_final_invocation_is_given_up_when_its_window_is_too_old_but_not_untried() -> None:
    world, letter = letter_of_the_end(record_age_max_s=60)
    assert letter.condition is Condition.RECORD_AGE_EXCEEDED and letter.count == 0
    assert "responseContext" not in document(letter, T0)
    assert world.delivered.count([]) > 2
    aged = windowed(record_age_max_s=60)
    late = Windows(aged, {"s": [at(0, 1)]}).start().run(W + IDLE_CLOSE_S + 1)
    assert late.seen[-1] == ([], {"count": 1}, True), "older than the limit when first due, and still tried once"


# ---- restart, update


def test_a_restart_goes_on_with_the_window_as_it_was_saved() -> None:
    stored = Stored()
    Windows(windowed(batch_size=1), {"s": [at(0, 1), at(1, 2)]}, stored=stored).start().run(1)
    assert stored.rows[ShardId("s")].at == after(2)
    again = Windows(windowed(batch_size=1), {"s": [at(0, 1), at(1, 2), at(2, 3), at(11, 4)]}, stored=stored)
    again.start().run(1)
    assert again.seen == [([3], {"count": 2}, False), ([], {"count": 3}, True), ([4], {}, False)]


def test_position_and_state_are_saved_together() -> None:
    """A crash between would count a record twice, or not at all."""
    world = Windows(windowed(batch_size=1), {"s": [at(0, n) for n in range(1, 6)]}).start().run(1)
    for saved in world.saves:
        for row in saved.shards:
            if row.window is not None:
                done = getattr(row.at, "position", 0)
                assert f'{{"count": {done}}}'.encode() in row.window or done == 0


def test_a_restart_closes_an_idle_window_once() -> None:
    stored = Stored()
    Windows(windowed(), {"s": [at(0, 1)]}, stored=stored).start().run(1)
    again = Windows(windowed(), {"s": [at(0, 1)]}, stored=stored).start().run(W + IDLE_CLOSE_S + 1)
    assert again.seen == [([], {"count": 1}, True)]
    third = Windows(windowed(), {"s": [at(0, 1)]}, stored=stored).start().run(W + IDLE_CLOSE_S + 1)
    assert third.seen == []


@pytest.mark.parametrize("length_s", [0, 7])
def test_a_window_of_another_length_is_closed_before_anything_else(length_s: int) -> None:
    """[undocumented] Ours: what a window gathered is handed over, never dropped, when windows change or go."""
    world = Windows(windowed(), {"s": [at(0, 1)]}).start().run(1)
    world.tell(UpdateRequested(settings(tumbling_window_s=length_s)))
    world.run(1)
    assert world.seen == [([1], {}, False), ([], {"count": 1}, True)]
    if length_s:
        world.stream["s"].append(at(8, 2))
        world.run(1)
        assert world.events[-1]["window"]["start"] == "2026-01-01T00:00:07Z"
        return
    command: Deliver | None = None
    world.function = lambda batch: read_answer(
        b"null", function_error=None, executed_version="$LATEST", positions={}, partial=False
    )
    world.stream["s"].append(at(8, 2))
    world.run(1)
    command = world.deliveries[-1]
    assert (command.window, [one.position for one in command.batch.records]) == (None, [2])


def test_disabling_keeps_the_window_and_enabling_goes_on_with_it() -> None:
    world = Windows(windowed(), {"s": [at(0, 1)]}).start().run(1)
    world.tell(DisableRequested())
    world.run(W + IDLE_CLOSE_S + 60)
    assert len(world.events) == 1, "nothing is invoked while it is off"
    world.tell(EnableRequested())
    world.stream["s"].append(at(5, 2))
    world.run(1)
    assert world.seen == [([1], {}, False), ([2], {"count": 1}, False)]


def test_more_lanes_and_no_windows_close_the_open_window_once_and_wait_for_it() -> None:
    """Found by the simulator: each lane closed the window."""
    world = Windows(windowed(), {"s": [at(0, 1)]}).start().run(1)
    world.tell(UpdateRequested(settings(tumbling_window_s=0, parallelization_factor=3)))
    world.hold = True
    world.stream["s"] += [at(1, n, key=f"k{n}") for n in range(2, 8)]
    world.run(1)
    assert [(one.lane, one.batch.final) for one in world.in_hand] == [(0, True)]
    world.answer()
    world.function = lambda batch: read_answer(
        b"null", function_error=None, executed_version="$LATEST", positions={}, partial=False
    )
    world.run(1)
    assert {one.lane for one in world.in_hand} == {0, 1, 2} and not any(one.batch.final for one in world.in_hand)


@pytest.mark.parametrize("length_s", [0, 7])
def test_a_window_that_nothing_was_delivered_of_is_closed_too(length_s: int) -> None:
    """It was opened, and saved, for records that waited for the batching window."""
    stored = Stored()
    Windows(windowed(batching_window_s=60), {"s": [at(0, 1)]}, stored=stored).start().run(1)
    assert stored.rows[ShardId("s")].window is not None
    again = Windows(settings(tumbling_window_s=length_s), {"s": []}, stored=stored).start().run(1)
    assert again.seen == [([], {}, True)]


def test_a_restart_says_nothing_of_what_is_unread() -> None:
    """R127: until a page came, however old the open window is."""
    stored = Stored()
    Windows(windowed(), {"s": [at(0, 1)]}, stored=stored).start().run(1)
    windows = Tumbling(ShardId("s"), "arn", W, stored.rows[ShardId("s")].window, T0.timestamp() + 10**6)
    assert windows.window is not None and windows.idle_close_s() is None


def test_an_idle_window_whose_batch_still_fails_wakes_nobody() -> None:
    """A moment that has passed would be asked for again and again."""
    world = Windows(windowed(), {"s": [at(0, 1)]}, lambda event: ("Unhandled", None)).start()
    world.run(W + IDLE_CLOSE_S + 100)
    assert all(seen == ([1], {}, False) for seen in world.seen)


def test_an_idle_window_stays_open_while_records_may_be_unread() -> None:
    """R127: after a page with records nobody knows that nothing later is there, however long the next read takes."""
    now_s = T0.timestamp()
    windows = Tumbling(ShardId("s"), "arn", W, None, now_s)
    windows.admit([at(0, 1)], 10)
    windows.heard(1, now_s)
    assert windows.idle_close_s() is None
    assert not windows.closes(None, ended=False, now_s=now_s + 10 * IDLE_CLOSE_S)
    windows.heard(0, now_s + 1)
    assert windows.idle_close_s() == now_s + W + IDLE_CLOSE_S
    assert windows.closes(None, ended=False, now_s=now_s + W + IDLE_CLOSE_S)
    assert not windows.closes(None, ended=False, now_s=now_s + W + IDLE_CLOSE_S - 1)


def test_lanes_that_wait_for_an_open_window_wake_nobody() -> None:
    """Found by the simulator: the mapping woke again and again, and the process with it."""
    world = Windows(windowed(), {"s": [at(0, 1)]}).start().run(1)
    world.hold = True
    world.tell(UpdateRequested(settings(tumbling_window_s=0, parallelization_factor=3, batching_window_s=1)))
    world.stream["s"] += [at(1, n, key=f"k{n}") for n in range(2, 8)]
    world.run(10)
    assert [one.batch.final for one in world.in_hand] == [True]
    world.answer()
    world.function = lambda batch: read_answer(
        b"null", function_error=None, executed_version="$LATEST", positions={}, partial=False
    )
    while world.in_hand:
        world.answer()
        world.run(3)
    assert sorted(n for batch in world.delivered[2:] for n in batch) == list(range(2, 8))


def test_batches_of_a_window_say_why_they_were_sent() -> None:
    stream = {"s": [at(0, 1), at(1, 2), at(12, 3)]}
    world = Windows(windowed(batching_window_s=300), stream).start().run(1)
    assert [batch.why.value for batch in world.batches] == ["its tumbling window ended", "closes a tumbling window"]
