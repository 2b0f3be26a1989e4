"""The machine of a queue, driven with time passed in: receive, deliver, delete or leave (Q7 to Q19)."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import timedelta

import pytest

from afterbay.core.change.wire import payload
from afterbay.core.mapping.batch import PAYLOAD_BYTES_MAX
from afterbay.core.mapping.diagnosis import not_json
from afterbay.core.mapping.events import (
    DeletionRequested,
    DisableRequested,
    EnableRequested,
    StopRequested,
    UpdateRequested,
)
from afterbay.core.mapping.lifecycle import State
from afterbay.core.mapping.notice import Notice
from afterbay.core.mapping.outcome import Cause, Delivered, Failed, FailedSome, NotReached, Outcome
from afterbay.core.mapping.queue_commands import DeleteMessages, DeliverMessages, Receive, ReturnMessages
from afterbay.core.mapping.queue_events import BatchAnswered, MessagesDeleted
from afterbay.core.mapping.result import LastResult
from afterbay.core.mapping.settings import MappingSettings
from afterbay.core.shard.position import Position
from afterbay.errors import SettingsError

from .queue_driving import FIFO, T0, VISIBILITY_S, World, settings

FAILED = Failed(Cause.FUNCTION_ERROR)
PIPE = "arn:aws:pipes:eu-west-1:000000000000:pipe/p"
THROTTLED = NotReached("TooManyRequestsException: slow down")


def named(*bad: str):
    """A function that names these messages as failed."""

    def answer(command: DeliverMessages) -> Outcome:
        pairs = zip(command.message_ids, command.batch.records, strict=True)
        failed = frozenset(Position(record.position) for name, record in pairs if name in bad)
        return FailedSome(failed) if failed else Delivered()

    return answer


def flat(batches: list[list[str]]) -> list[str]:
    return [name for batch in batches for name in batch]


# ---- what comes of a batch


def test_a_batch_that_is_done_is_deleted() -> None:
    world = World(settings()).start().run(1)
    world.queue.send("a", "b")
    world.run(1)
    assert world.delivered == [["a", "b"]] and world.queue.kept == []
    counters = world.mapping.counters
    assert (counters.polled, counters.invoked, counters.delivered, counters.deleted) == (2, 2, 2, 2)
    assert world.mapping.last_result is LastResult.OK


def test_a_failed_batch_is_left_and_comes_again_as_another_one() -> None:
    world = World(settings(), lambda command: FAILED if len(world.delivered) == 1 else Delivered()).start()
    world.queue.send("a", "b")
    world.run(VISIBILITY_S - 1)
    assert world.delivered == [["a", "b"]] and world.queue.names() == ["a", "b"], "left, and hidden"
    world.run(2)
    assert world.delivered == [["a", "b"]] * 2 and world.queue.kept == []
    assert len(set(world.request_ids)) == 2
    assert world.mapping.counters.errors == 1 and world.mapping.counters.failed_invoke == 2


def test_messages_that_are_named_are_left_and_the_others_deleted() -> None:
    world = World(settings(report_batch_item_failures=True), named("b")).start()
    world.queue.send("a", "b", "c")
    world.run(1)
    assert world.queue.names() == ["b"]
    world.run(VISIBILITY_S)
    assert world.delivered == [["a", "b", "c"], ["b"]]
    assert world.mapping.counters.deleted == 2 and world.mapping.last_result is LastResult.OK


def test_a_message_that_cannot_be_deleted_is_told() -> None:
    world = World(settings())
    world.hold = True
    world.start()
    world.queue.send("a")
    world.run(1)
    (command,) = world.in_hand
    world.mapping.handle(BatchAnswered(command.batch.request_id, Delivered()), world.now)
    told = world.tell(MessagesDeleted(command.batch.request_id, 0, "message a: InternalError"))
    assert [one.notice for one in world.told] == [Notice.NOT_DELETED] and told
    assert world.mapping.batches == {} and world.mapping.counters.deleted == 0


def test_what_did_not_reach_the_function_is_tried_again_until_the_queue_shows_it() -> None:
    world = World(settings(), lambda command: THROTTLED).start()
    world.queue.send("a")
    world.run(VISIBILITY_S - 1)
    assert len(set(world.request_ids)) == 1 and len(world.request_ids) > 3, "one batch, one receipt"
    assert world.queue.kept[0].count == 1 and world.mapping.counters.errors == 0
    world.run(20)
    assert world.queue.kept[0].count == 2, "then it is left to the queue"
    assert world.mapping.last_result is LastResult.NONE


def test_a_throttled_batch_is_delivered_once_the_function_is_reached() -> None:
    world = World(settings(), lambda command: THROTTLED if len(world.delivered) < 3 else Delivered()).start()
    world.queue.send("a")
    world.run(5)
    assert world.delivered == [["a"]] * 3 and world.queue.kept == []


def test_an_answer_that_is_odd_is_told_once_in_a_while() -> None:
    odd = Failed(Cause.INVALID_RESPONSE, warned=not_json())
    world = World(settings(report_batch_item_failures=True, batch_size=1), lambda command: odd).start()
    world.queue.send("a", "b", "c")
    world.run(1)
    assert [one.notice for one in world.told] == [Notice.MALFORMED_ANSWER]


@pytest.mark.parametrize(
    ("function", "jitter", "pauses_s"),
    [
        ("arn:aws:lambda:eu-west-1:000000000000:function:f", 1.0, [0.25, 0.5, 1.0]),
        ("arn:aws:lambda:eu-west-1:000000000000:function:f", 1.25, [0.3125, 0.625, 1.25]),
        (PIPE, 1.0, [1.0, 2.0, 4.0]),
        (PIPE, 0.25, [0.25, 0.5, 1.0]),
    ],
)
def test_a_batch_that_was_not_reached_rests_as_a_mappings_or_as_a_pipes(
    function: str, jitter: float, pauses_s: list[float]
) -> None:
    """R91, X89."""
    world = World(settings(function_arn=function))
    world.hold = True
    world.start().run(0.1)
    world.queue.send("a")
    world.run(0.1)
    for pause_s in pauses_s:
        command = world.in_hand.pop()
        world.tell(BatchAnswered(command.batch.request_id, THROTTLED, jitter))
        assert world.wake == world.now + timedelta(seconds=pause_s)
        world.run(pause_s)
    world.tell(BatchAnswered(world.in_hand[0].batch.request_id, NotReached("down", retry_after_s=7.0), 0.0))
    assert world.wake == world.now + timedelta(seconds=7), "what is asked for is waited for in full"


# ---- batches and windows


def test_without_a_window_a_batch_is_what_a_receive_gave() -> None:
    world = World(settings(batch_size=3)).start()
    world.queue.send(*"abcdefg")
    world.run(1)
    assert sorted(flat(world.delivered)) == list("abcdefg")
    assert max(map(len, world.delivered)) == 3


def test_a_window_gathers_until_the_batch_is_full_or_the_time_is_over() -> None:
    world = World(settings(batch_size=25, batching_window_s=20)).start().run(1)
    names = [f"m{n}" for n in range(30)]
    world.queue.send(*names)
    world.run(1)
    assert world.delivered == [names[:25]]
    world.run(18)
    assert len(world.delivered) == 1
    world.run(2)
    assert world.delivered == [names[:25], names[25:]]
    assert world.queue.kept == []


def test_a_batch_closes_where_the_payload_is_full() -> None:
    world = World(settings(batch_size=1000, batching_window_s=20)).start().run(1)
    for name in "abc":
        world.queue.send(name, body=name * 2_500_000)
    world.run(1)
    assert world.delivered == [["a", "b"]], "the third would not fit"
    world.run(21)
    assert world.delivered == [["a", "b"], ["c"]]


@pytest.mark.parametrize(("spare", "at_once"), [(0, True), (2, False)])
def test_a_batch_closes_once_the_event_as_it_is_sent_leaves_no_room(spare: int, at_once: bool) -> None:
    """Q8, R56: its frame and the comma count."""

    def gathered(text: str) -> World:
        world = World(settings(batch_size=1000, batching_window_s=20)).start().run(1)
        world.queue.send("a", body=text)
        world.queue.send("b")
        return world.run(1)

    probe = gathered("x").run(20)
    (sent,) = [command for command in probe.commands if isinstance(command, DeliverMessages)]
    text = "x" * (PAYLOAD_BYTES_MAX - len(payload(sent.batch.records)) + 1 - spare)
    assert gathered(text).delivered == ([["a", "b"]] if at_once else [])


def test_a_message_that_comes_again_while_it_waits_counts_once() -> None:
    world = World(settings(batch_size=100, batching_window_s=40)).start().run(1)
    world.queue.send("a")
    world.run(38)  # its visibility time-out is over in between
    assert world.queue.kept[0].count == 2
    world.run(5)
    assert world.delivered == [["a"]] and world.queue.kept == [], "the second receipt deletes it"


def test_messages_that_no_filter_wants_are_deleted() -> None:
    world = World(settings(filters=('{"body": ["yes"]}',))).start()
    world.queue.send("a", body="yes")
    world.queue.send("b", body="no")
    world.queue.send("c", body='{"yes": 1}')
    world.run(1)
    assert world.delivered == [["a"]] and world.queue.kept == []
    counters = world.mapping.counters
    assert (counters.filtered_out, counters.deleted) == (2, 1)


# ---- concurrency


def test_one_receive_waits_on_an_empty_queue_and_several_work_off_a_full_one() -> None:
    world = World(settings()).start().run(60)
    assert world.polls == 1
    world.queue.send(*(f"m{n}" for n in range(200)))
    receives = 0
    while world.queue.kept:
        world.run(0.01)
        receives = max(receives, world.polls)
    assert receives <= 5
    world.run(60)
    assert world.polls == 1 and len(world.delivered) == 20


def test_five_batches_run_at_once_and_more_when_messages_keep_coming() -> None:
    world = World(settings(batch_size=1), takes=timedelta(seconds=1)).start()
    world.queue.send(*(f"m{n}" for n in range(400)))
    world.run(0.5)
    assert world.in_flight == 5, "five to begin with"
    world.run(10)
    assert 5 < world.most_in_flight <= 5 + 300 / 6
    world.run(60)
    assert world.queue.kept == [] and world.mapping.scaling.limit == 5, "and five again"


@pytest.mark.parametrize("most", [2, 7])
def test_a_maximum_concurrency_is_never_exceeded(most: int) -> None:
    world = World(settings(batch_size=1, concurrency_max=most), takes=timedelta(seconds=5)).start()
    world.queue.send(*(f"m{n}" for n in range(60)))
    world.run(200)
    assert world.most_in_flight == most and world.queue.kept == []


def test_no_more_is_received_than_can_be_delivered() -> None:
    world = World(settings(batch_size=2, concurrency_max=2))
    world.hold = True
    world.start()
    world.queue.send(*(f"m{n}" for n in range(20)))
    world.run(10)
    assert len(world.in_hand) == 2 and world.polls == 0 and len(world.mapping.inbox) == 0
    assert sum(one.count for one in world.queue.kept) == 4, "the others stay visible for whoever else reads"
    world.answer(world.in_hand.pop(0), Delivered())
    world.run(1)
    assert len(world.in_hand) == 2


@pytest.mark.parametrize(("reports", "left"), [(False, 1), (True, 5)])
def test_failures_slow_a_mapping_down_unless_it_hears_of_each_message(reports: bool, left: int) -> None:
    world = World(settings(batch_size=1, report_batch_item_failures=reports), lambda command: FAILED).start()
    world.queue.send(*(f"m{n}" for n in range(12)))
    world.run(0.2)
    assert world.mapping.scaling.limit == left


# ---- FIFO


def test_a_group_waits_for_its_failed_message_and_others_go_on() -> None:
    world = World(
        settings(event_source_arn=FIFO, batch_size=1),
        lambda command: FAILED if command.message_ids == ("a1",) and world.queue.kept[0].count == 1 else Delivered(),
    ).start()
    for name in ("a1", "a2"):
        world.queue.send(name, group="a")
    world.queue.send("b1", "b2", group="b")
    world.run(VISIBILITY_S - 1)
    assert flat(world.delivered) == ["a1", "b1", "b2"]
    world.run(5)
    assert flat(world.delivered) == ["a1", "b1", "b2", "a1", "a2"] and world.queue.kept == []


def test_messages_never_overtake_one_of_their_group_that_failed() -> None:
    for seed in range(60):
        rng = random.Random(seed)
        failing = {f"{group}{n}" for group in "abc" for n in range(8) if rng.random() < 0.3}
        done: dict[str, list[str]] = defaultdict(list)

        def answer(command: DeliverMessages, failing=failing, done=done, rng=rng) -> Outcome:
            if failing & set(command.message_ids):
                failing -= set(command.message_ids) if rng.random() < 0.7 else set()
                return rng.choice((FAILED, THROTTLED))
            for name in command.message_ids:
                done[name[0]].append(name)
            return Delivered()

        size = rng.choice((1, 2, 3, 10))
        world = World(settings(event_source_arn=FIFO, batch_size=size), answer)
        for n in range(8):
            for group in "abc":
                world.queue.send(f"{group}{n}", group=group)
        world.start().run(2_000)
        assert world.queue.kept == [], seed
        assert dict(done) == {group: [f"{group}{n}" for n in range(8)] for group in "abc"}, seed


def test_what_waits_behind_a_failed_message_of_its_group_is_given_back() -> None:
    """Two that are received together and do not fit into one invocation."""
    world = World(
        settings(event_source_arn=FIFO),
        lambda command: FAILED if command.message_ids == ("a1",) and world.queue.kept[0].count == 1 else Delivered(),
    ).start()
    for name in ("a1", "a2"):
        world.queue.send(name, group="a", body=name * 2_000_000)
    world.queue.send("b1", group="b")
    world.run(VISIBILITY_S - 1)
    assert flat(world.delivered) == ["a1", "b1"]
    world.run(5)
    assert flat(world.delivered) == ["a1", "b1", "a1", "a2"] and world.queue.kept == []


# ---- lifecycle


def test_a_disabled_mapping_asks_for_nothing() -> None:
    world = World(settings()).start(enabled=False).run(60)
    assert world.mapping.state is State.DISABLED and world.commands == []


def test_a_disabled_mapping_finishes_what_runs_and_gives_back_what_waits() -> None:
    world = World(settings(batch_size=100, batching_window_s=20))
    world.hold = True
    world.start().run(1)
    world.queue.send(*(f"m{n:03}" for n in range(103)))
    world.run(1)
    assert len(world.in_hand) == 1 and len(world.mapping.inbox) == 3
    world.tell(DisableRequested())
    world.run(1)
    assert world.mapping.state is State.DISABLING and world.polls == 0
    assert [one.name for one in world.queue.kept if one.hidden_until <= world.now] == ["m100", "m101", "m102"]
    world.answer(world.in_hand.pop(), Delivered())
    world.run(1)
    assert world.mapping.state is State.DISABLED and world.queue.names() == ["m100", "m101", "m102"]
    world.hold = False
    world.tell(EnableRequested())
    world.run(21)
    assert world.mapping.state is State.ENABLED and world.queue.kept == []


def test_what_a_late_receive_gives_is_given_back() -> None:
    world = World(settings()).start().run(1)
    world.tell(DisableRequested())
    world.queue.send("late")
    got = world.queue.receive(1, world.now)
    (given_back,) = [one for one in world.answer_poll(got) if isinstance(one, ReturnMessages)]
    assert given_back.messages == got and world.mapping.state is State.DISABLING
    world.run(1)
    assert world.mapping.state is State.DISABLED and world.delivered == []


def test_a_throttled_batch_does_not_hold_up_a_stop() -> None:
    world = World(settings(), lambda command: THROTTLED).start()
    world.queue.send("a")
    world.run(5)
    world.tell(StopRequested())
    world.run(0.1)
    assert world.mapping.stopped and not world.mapping.gone
    assert world.queue.kept[0].hidden_until <= world.now, "somebody else may have it at once"


def test_new_settings_count_from_the_next_batch_on() -> None:
    world = World(settings(batch_size=1)).start().run(1)
    world.tell(UpdateRequested(settings(batch_size=3)))
    assert world.mapping.state is State.UPDATING
    world.run(1)
    world.queue.send("a", "b", "c")
    world.run(1)
    assert world.mapping.state is State.ENABLED and world.delivered == [["a", "b", "c"]]


def test_a_request_during_a_transition_is_in_use_and_a_deletion_ends_it() -> None:
    world = World(settings())
    world.hold = True
    world.start()
    world.queue.send("a")
    world.run(1)
    world.tell(DeletionRequested())
    assert world.mapping.state is State.DELETING
    world.tell(StopRequested())
    assert not world.mapping.stopped, "what runs is awaited"
    world.answer(world.in_hand.pop(), Delivered())
    world.run(1)
    assert world.mapping.gone and world.mapping.stopped and world.queue.kept == []
    other = World(settings()).start().run(1)
    other.hold = True
    other.queue.send("b")
    other.run(1)
    other.tell(UpdateRequested(settings()))
    with pytest.raises(SettingsError, match="in use"):
        other.tell(UpdateRequested(settings()))


# ---- a queue that cannot be read


def test_a_queue_that_cannot_be_read_is_tried_again_and_told_once() -> None:
    world = World(settings())
    world.failures = ["QueueDoesNotExist: gone"] * 4
    world.start().run(0.1)
    assert world.mapping.state is State.ENABLED and world.mapping.failure == "QueueDoesNotExist: gone"
    receives = sum(isinstance(one, Receive) for one in world.commands)
    assert receives == 1, "not at once"
    world.run(10)
    world.queue.send("a")
    world.run(1)
    assert [one.notice for one in world.told] == [Notice.SOURCE_FAILED, Notice.SOURCE_RECOVERED]
    assert world.mapping.failure is None and world.delivered == [["a"]]


def test_a_queue_that_cannot_be_described_is_asked_again_and_shows_as_enabled() -> None:
    world = World(settings())
    world.describe_failures = ["AccessDenied: no", "AccessDenied: no"]
    world.start()
    world.queue.send("a")
    assert world.mapping.state is State.ENABLED
    world.run(5)
    assert world.delivered == [["a"]]
    assert [one.notice for one in world.told] == [Notice.SOURCE_FAILED, Notice.SOURCE_RECOVERED]


def test_time_that_is_waited_for_is_none_of_a_mapping_at_rest() -> None:
    world = World(settings(), lambda command: THROTTLED).start()
    world.queue.send("a")
    world.run(1)
    assert world.wake is not None and world.wake > T0
    world.tell(DisableRequested())
    assert world.wake is None
    deletes = [one for one in world.commands if isinstance(one, DeleteMessages)]
    assert deletes == []


def why(mapping_settings: MappingSettings, *sent: tuple[str, str]) -> list[str]:
    """Why each batch was sent when it was."""
    told: list[str] = []

    def function(command: DeliverMessages) -> Outcome:
        told.append(command.batch.why.value)
        return Delivered()

    world = World(mapping_settings, function).start().run(1)
    for name, body in sent:
        world.queue.send(name, body=body)
    world.run(45)
    return told


def test_a_batch_says_why_it_was_sent_when_it_was() -> None:
    """What `afterbay dev` shows of each invocation."""
    short = [(name, name) for name in "abc"]
    assert why(settings(batch_size=3), *short) == ["BatchSize reached"]
    assert why(settings(batch_size=10), *short) == ["no batching window"]
    assert why(settings(batch_size=2, batching_window_s=20), *short) == ["BatchSize reached", "batching window over"]
    large = [(name, name * 2_500_000) for name in "abc"]
    assert why(settings(batch_size=1000, batching_window_s=20), *large) == ["6 MB reached", "batching window over"]


# ---- what the service could not take of a batch (X85)


def refusing(*bad: str, times: int):
    """A target that could not take these messages, for so many deliveries."""
    left = times

    def answer(command: DeliverMessages) -> Outcome:
        nonlocal left
        pairs = zip(command.message_ids, command.batch.records, strict=True)
        failed = frozenset(Position(record.position) for name, record in pairs if name in bad)
        left -= 1
        return FailedSome(failed, not_reached=THROTTLED) if failed and left >= 0 else Delivered()

    return answer


def test_what_was_not_reached_is_delivered_again_under_the_same_receipt_and_the_rest_is_gone() -> None:
    world = World(settings(report_batch_item_failures=True), refusing("b", times=2)).start().run(1)
    world.queue.send("a", "b", "c")
    world.run(5)
    assert world.delivered == [["a", "b", "c"], ["b"], ["b"]] and world.queue.kept == []
    assert len(set(world.request_ids)) == 2, "the rest is a batch of its own"
    counters = world.mapping.counters
    assert (counters.delivered, counters.deleted, counters.errors, counters.not_reached) == (3, 3, 0, 2)
    assert counters.polled == 3, "nothing was received again"


def test_a_group_waits_for_what_was_not_reached_of_it() -> None:
    one = settings(event_source_arn=FIFO, batch_size=2, report_batch_item_failures=True)
    world = World(one, refusing("a1", times=1)).start().run(1)
    world.queue.send("a1", "a2", group="a")
    world.run(1)
    world.queue.send("a3", group="a")
    world.run(5)
    assert world.delivered == [["a1", "a2"], ["a1"], ["a3"]]


def test_a_batch_of_which_nothing_was_reached_is_the_same_batch_again() -> None:
    world = World(settings(), refusing("a", "b", times=1)).start().run(1)
    world.queue.send("a", "b")
    world.run(5)
    assert world.delivered == [["a", "b"]] * 2 and len(set(world.request_ids)) == 1


def test_a_mapping_that_ends_gives_back_what_was_not_reached() -> None:
    world = World(settings(), refusing("b", times=9)).start().run(1)
    world.hold = True
    world.queue.send("a", "b")
    world.run(1)
    world.stop()
    world.hold = False
    (command,) = world.in_hand
    world.tell(BatchAnswered(command.batch.request_id, refusing("b", times=9)(command)))
    world.run(1)
    assert world.mapping.stopped and world.queue.names() == ["b"]


def test_a_pipe_with_a_window_hides_messages_longer_than_their_queue_does() -> None:
    """X87: 7 minutes, the window and 30 seconds; without a window the queue's own time counts."""
    for window_s, hidden_s in ((20, 470), (0, VISIBILITY_S)):
        own = settings(function_arn=PIPE, batching_window_s=window_s, report_batch_item_failures=True)
        world = World(own, lambda command: Failed(Cause.FUNCTION_ERROR)).start().run(1)
        world.queue.send("a")
        world.run(window_s + 1)
        assert world.delivered == [["a"]]
        world.run(hidden_s - window_s - 5)
        assert len(world.delivered) == 1, "it is hidden still"
        world.run(window_s + 6)
        assert len(world.delivered) == 2
    down = settings(function_arn=PIPE, batching_window_s=20, report_batch_item_failures=True)
    world = World(down, lambda command: NotReached("down")).start().run(1)
    world.queue.send("a")
    world.run(460)
    assert world.queue.kept[0].count == 1 and len(world.delivered) > 5, "what is internal costs no receive (X85)"
    assert settings(batching_window_s=20).hides_s is None, "of a mapping it is the queue's own (Q6)"


def test_a_queue_that_denies_is_over_for_a_pipe_until_it_lets_itself_be_read_again() -> None:
    """X5. One that is not there is not: it may be there again."""
    for reason, is_over in (("AccessDenied: no", True), ("NonExistentQueue: no", False)):
        world = World(settings())
        world.failures = [reason]
        world.start().run(0.1)
        assert world.mapping.failure == reason and world.mapping.source_over is is_over
        world.queue.send("a")
        world.run(30)
        assert world.delivered == [["a"]] and not world.mapping.source_over


def test_a_queue_that_lets_nobody_delete_is_over_for_a_pipe_however_much_may_be_read() -> None:
    """X5."""
    world = World(settings())
    world.hold = True
    world.start()
    for name, denied in (("a", True), ("b", False)):
        world.queue.send(name)
        world.run(0.1)
        request_id = world.in_hand.pop().batch.request_id
        world.mapping.handle(BatchAnswered(request_id, Delivered()), world.now)
        world.tell(MessagesDeleted(request_id, 0 if denied else 1, "AccessDenied: no" if denied else None, denied))
        world.run(0.1)
        assert world.mapping.source_over is denied and world.mapping.failure is None
