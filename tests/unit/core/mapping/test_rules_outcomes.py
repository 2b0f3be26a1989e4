"""Outcomes, retries, bisect, partial answers, age and letters, rule by rule where other tests look at something else
(R79 to R120)."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import pytest

from afterbay.core.mapping.batch import Batch, make_batch
from afterbay.core.mapping.bisect import halves
from afterbay.core.mapping.commands import Rest
from afterbay.core.mapping.deadletter import Condition, document
from afterbay.core.mapping.notice import Notice
from afterbay.core.mapping.outcome import (
    Cause,
    Delivered,
    Failed,
    FailedFrom,
    FailedSome,
    NotReached,
    Outcome,
    ResponseContext,
)
from afterbay.core.mapping.request_id import RequestIds
from afterbay.core.mapping.response import read_answer
from afterbay.core.mapping.retry import Again, GiveUp, Replace, backoff_s, decide, expired_prefix, pipe_backoff_s
from afterbay.core.shard.position import Position, ShardId

from .driving import T0, World, after, answered, record, settings

UNHANDLED = Failed(Cause.FUNCTION_ERROR, response=ResponseContext("$LATEST", "Unhandled"))
TOO_LARGE = Failed(Cause.TOO_LARGE, splittable=False, response=ResponseContext("$LATEST", None))
QUEUE = "arn:aws:sqs:eu-west-1:000000000000:dlq"
BUCKET = "arn:aws:s3:::dlq"
PIPE = "arn:aws:pipes:eu-west-1:000000000000:pipe/p"
S = ShardId("s")
IDS = RequestIds(b"seed", "uuid-1")


def scripted(outcomes: Iterable[Outcome]) -> Callable[[Batch], Outcome]:
    """One after the other, then success."""
    script = iter(outcomes)
    return lambda batch: next(script, Delivered())


def records(count: int, **more: object) -> dict[str, list]:
    return {"s": [record(n, **more) for n in range(1, count + 1)]}


def timed(world: World) -> list[float]:
    """When each delivery is made, in seconds from T0 on; filled as the world runs."""
    moments: list[float] = []
    function = world.function

    def clocked(batch: Batch) -> Outcome:
        moments.append((world.now - T0) / timedelta(seconds=1))
        return function(batch)

    world.function = clocked
    return moments


# ---- outcomes


def test_too_large_is_never_split_and_uses_the_budget() -> None:
    """R80: also where more than one record was refused, with bisect on."""
    chosen = settings(bisect=True, retry_attempts_max=1, on_failure=QUEUE)
    world = World(chosen, records(2), lambda batch: TOO_LARGE).start().run(60)
    assert world.delivered == [[1, 2], [1, 2]]
    (letter,) = world.letters
    assert letter.invoke_count == 2 and letter.response is None
    assert letter.condition is Condition.RETRY_ATTEMPTS_EXHAUSTED


def test_without_the_setting_the_answer_is_not_looked_at() -> None:
    """R86: whatever it is."""
    for payload in (b'{"batchItemFailures":[{"itemIdentifier":"1"}]}', b"", b"no JSON", b"\xff", b"7"):
        world = World(settings(), records(2), lambda batch, said=payload: answered(batch, said, partial=False))
        assert world.start().run(60).delivered == [[1, 2]] and world.mapping.last_result.value == "OK"


def test_with_the_setting_an_empty_answer_is_a_success_and_what_is_no_json_is_not() -> None:
    """R79, R97."""

    def read(payload: bytes) -> Outcome:
        return read_answer(payload, function_error=None, executed_version="1", positions={}, partial=True)

    assert read(b"") == read(b"null") == Delivered()
    for wrong in (b"{", b"\xff", b"[" * 100_000, b"true", b"[0]", b'"text"'):
        assert read(wrong) == Failed(Cause.INVALID_RESPONSE, response=ResponseContext("1", None))


def test_failures_outside_of_their_member_fail_the_whole_batch() -> None:
    """R97: a container of the wrong type is malformed, be its entries right or not."""
    positions = {str(n): Position(n) for n in (1, 2, 3)}
    for wrong in (
        b'[{"itemIdentifier":"2"}]',
        b'{"batchItemFailures":{"itemIdentifier":"2"}}',
        b'{"batchItemFailures":7}',
        b'["2"]',
    ):
        outcome = read_answer(wrong, function_error=None, executed_version="1", positions=positions, partial=True)
        assert outcome == Failed(Cause.INVALID_RESPONSE, response=ResponseContext("1", None))


def test_where_each_record_stands_alone_only_those_named_have_failed() -> None:
    """As in a queue; nothing is rewound to the lowest."""
    named = b'{"batchItemFailures":[{"itemIdentifier":"3"},{"itemIdentifier":"1"}]}'
    positions = {str(n): Position(n) for n in (1, 2, 3)}
    outcome = read_answer(
        named, function_error=None, executed_version="7", positions=positions, partial=True, each=True
    )
    assert outcome == FailedSome(frozenset({Position(1), Position(3)}), ResponseContext("7", None))


def test_a_function_error_counts_whatever_the_payload_says() -> None:
    """R81, R97."""
    payload = b'{"batchItemFailures": []}'
    outcome = read_answer(payload, function_error="Unhandled", executed_version="7", positions={}, partial=True)
    assert outcome == Failed(Cause.FUNCTION_ERROR, response=ResponseContext("7", "Unhandled"))


# ---- retries


@pytest.mark.parametrize("retries", [0, 1, 2, 3])
def test_a_batch_is_tried_once_more_than_the_limit(retries: int) -> None:
    """R88; at zero too."""
    world = World(settings(retry_attempts_max=retries, on_failure=QUEUE), records(2), lambda batch: UNHANDLED)
    world.start().run(300)
    assert world.delivered == [[1, 2]] * (1 + retries)
    assert world.letters[0].invoke_count == 1 + retries


def test_without_limits_a_batch_is_tried_until_it_succeeds() -> None:
    """R88 (-1), R108: years old or not."""
    world = World(settings(), records(1, age_s=10**9), scripted([UNHANDLED] * 110)).start().run(3_400)
    assert len(world.delivered) == 111 and world.saved() == after(1)
    assert world.mapping.counters.dropped == 0


def test_pauses_double_up_to_a_cap_and_start_anew_with_each_batch() -> None:
    """R91: 250 ms, doubling, at most 30 s."""
    assert [backoff_s(n) for n in (1, 2, 3, 4)] == [0.25, 0.5, 1.0, 2.0]
    assert backoff_s(8) == backoff_s(1000) == 30.0
    world = World(settings(batch_size=1), records(2), scripted([UNHANDLED] * 3 + [Delivered()] + [UNHANDLED] * 2))
    moments = timed(world)
    world.start().run(60)
    gaps = [round(b - a, 3) for a, b in itertools.pairwise(moments)]
    assert gaps == [0.25, 0.5, 1.0, 0.0, 0.25, 0.5]


def test_throttles_back_off_the_same_way_without_counting_and_start_anew_when_it_is_reached() -> None:
    """R85, R91."""
    throttled = NotReached("throttled")
    script = [throttled, throttled, throttled, UNHANDLED, throttled, throttled]
    world = World(settings(retry_attempts_max=1), records(1), scripted(script))
    moments = timed(world)
    world.start().run(60)
    gaps = [round(b - a, 3) for a, b in itertools.pairwise(moments)]
    assert gaps == [0.25, 0.5, 1.0, 0.25, 0.25, 0.5]
    assert world.mapping.counters.dropped == 0 and world.saved() == after(1)


def test_a_pipes_pauses_double_from_a_second_to_a_minute_until_something_is_delivered() -> None:
    """X89: not with each batch anew, and whatever the failure."""
    assert [pipe_backoff_s(n) for n in (1, 2, 3, 6, 7, 1000)] == [1.0, 2.0, 4.0, 32.0, 60.0, 60.0]
    script = [UNHANDLED, NotReached("throttled"), UNHANDLED, UNHANDLED, Delivered(), UNHANDLED]
    chosen = settings(batch_size=1, retry_attempts_max=1, function_arn=PIPE)
    world = World(chosen, records(3), scripted(script))
    moments = timed(world)
    world.start().run(60)
    assert world.delivered == [[1], [1], [1], [2], [2], [3], [3]], "the first is given up, the second delivered"
    assert [round(b - a, 3) for a, b in itertools.pairwise(moments)] == [1.0, 2.0, 0.0, 8.0, 0.0, 1.0]


def test_a_pipe_waits_as_long_as_its_target_asks_at_least() -> None:
    """X89: the advice is told apart from the pause, any part of which the driver may leave out."""
    world = World(settings(function_arn=PIPE), records(1), scripted([NotReached("busy", 30.0)]))
    (rest,) = [command for _, command in world.start().run().pending if isinstance(command, Rest)]
    assert (rest.delay_s, rest.at_least_s) == (1.0, 30.0)


def test_what_did_not_reach_the_function_is_never_split() -> None:
    """R85."""
    world = World(settings(bisect=True), records(2), scripted([NotReached("throttled")] * 2)).start().run(60)
    assert world.delivered == [[1, 2]] * 3 and world.mapping.counters.bisects == 0


def test_after_progress_or_a_split_the_rest_goes_at_once() -> None:
    """R91, R92, R98."""
    split = World(settings(bisect=True), records(2), scripted([UNHANDLED]))
    moments = timed(split)
    split.start().run(1)
    assert split.delivered == [[1, 2], [1], [2]] and moments == [0.0, 0.0, 0.0]
    progress = World(settings(report_batch_item_failures=True), records(2), scripted([FailedFrom(Position(2))]))
    moments = timed(progress)
    progress.start().run(1)
    assert progress.delivered == [[1, 2], [2]] and moments == [0.0, 0.0]


def test_ids_are_of_one_unchanged_batch() -> None:
    """R89: attempts share it, suffixes and halves do not."""
    whole = make_batch([record(n) for n in (1, 2, 3)], S, IDS)
    first, second = halves(whole, S, IDS)
    suffix = decide(whole, FailedFrom(Position(2)), settings(), S, IDS)
    assert isinstance(suffix, Replace)
    ids = [whole.request_id, first.request_id, second.request_id, suffix.batches[0].request_id]
    assert len({*ids[:3]}) == 3 and ids[3] != ids[0]
    assert isinstance(decide(whole, UNHANDLED, settings(), S, IDS), Again) and whole.request_id == ids[0]


# ---- bisect


def test_a_batch_of_one_is_never_split_and_a_failed_pair_always() -> None:
    """R92, R94: at zero retries too, and the parent's attempts do not count."""
    chosen = settings(bisect=True, retry_attempts_max=0)
    pair, one = make_batch([record(1), record(2)], S, IDS), make_batch([record(1)], S, IDS)
    pair.attempts = 5
    decision = decide(pair, UNHANDLED, chosen, S, IDS)
    assert isinstance(decision, Replace) and decision.split
    assert [len(part.records) for part in decision.batches] == [1, 1]
    assert [part.attempts for part in decision.batches] == [0, 0]
    assert isinstance(decide(one, UNHANDLED, chosen, S, IDS), GiveUp)


@pytest.mark.parametrize(("count", "left"), [(2, 1), (3, 1), (4, 2), (5, 2), (9, 4)])
def test_the_left_half_is_the_smaller_one(count: int, left: int) -> None:
    """R93."""
    parts = halves(make_batch([record(n) for n in range(1, count + 1)], S, IDS), S, IDS)
    assert [len(part.records) for part in parts] == [left, count - left]
    assert [one.position for part in parts for one in part.records] == list(range(1, count + 1))


def test_without_limits_bisect_isolates_the_record_and_then_blocks_on_it() -> None:
    """R96."""

    def bad(batch: Batch) -> Outcome:
        return UNHANDLED if any(one.position == 3 for one in batch.records) else Delivered()

    world = World(settings(bisect=True, batch_size=4), records(6), bad).start().run(600)
    assert world.delivered[:4] == [[1, 2, 3, 4], [1, 2], [3, 4], [3]]
    assert set(map(tuple, world.delivered[4:])) == {(3,)} and world.saved() == after(2)


# ---- partial answers


def naming(*numbers: int) -> bytes:
    return json.dumps({"batchItemFailures": [{"itemIdentifier": str(n)} for n in numbers]}).encode()


def test_progress_has_a_fresh_budget_and_then_all_that_is_left_goes_in_one_letter() -> None:
    """R90, R98, R99: records that never failed included."""
    chosen = settings(report_batch_item_failures=True, retry_attempts_max=1, on_failure=BUCKET)

    def function(batch: Batch) -> Outcome:
        bad = [one.position for one in batch.records if one.position == 2]
        return answered(batch, naming(*bad), partial=True)

    world = World(chosen, records(4), function).start().run(60)
    assert world.delivered == [[1, 2, 3, 4], [2, 3, 4], [2, 3, 4]]
    (letter,) = world.letters
    assert (letter.first, letter.last, letter.count, letter.invoke_count) == (2, 4, 3, 2)
    assert letter.response == ResponseContext("$LATEST", None)


def test_a_budget_that_was_used_in_part_is_whole_again_after_progress() -> None:
    """R90: recorded as 5 invocations of one record with MaximumRetryAttempts 3."""
    chosen = settings(report_batch_item_failures=True, retry_attempts_max=2, on_failure=QUEUE)
    script = [UNHANDLED, UNHANDLED, FailedFrom(Position(2)), UNHANDLED, UNHANDLED, UNHANDLED]
    world = World(chosen, records(2), scripted(script)).start().run(60)
    assert world.delivered == [[1, 2]] * 3 + [[2]] * 3
    assert world.letters[0].invoke_count == 3


def test_with_bisect_progress_cuts_where_it_was_reported() -> None:
    """R100: and does not halve."""
    chosen = settings(report_batch_item_failures=True, bisect=True)
    world = World(chosen, records(8), scripted([FailedFrom(Position(3))])).start().run(1)
    assert world.delivered == [list(range(1, 9)), list(range(3, 9))]


@pytest.mark.parametrize(
    "outcome", [UNHANDLED, FailedFrom(Position(1)), Failed(Cause.INVALID_RESPONSE), Failed(Cause.NO_STATE)]
)
def test_with_bisect_a_failure_without_progress_halves(outcome: Outcome) -> None:
    """R81, R83, R84, R101."""
    chosen = settings(report_batch_item_failures=True, bisect=True)
    world = World(chosen, records(4), scripted([outcome])).start().run(1)
    assert world.delivered == [[1, 2, 3, 4], [1, 2], [3, 4]]


def test_a_letter_of_a_malformed_answer_has_its_function_error_and_it_is_null() -> None:
    """R83, R102."""
    chosen = settings(report_batch_item_failures=True, retry_attempts_max=0, on_failure=QUEUE)
    world = World(chosen, records(2), lambda batch: answered(batch, b"[7]", partial=True)).start().run(1)
    context = document(world.letters[0], T0)["responseContext"]
    assert context == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": None}


# ---- record age


def test_age_is_looked_at_before_a_throttled_batch_is_tried_again() -> None:
    """R103."""
    chosen = settings(record_age_max_s=60, retry_attempts_max=0, on_failure=QUEUE)
    world = World(chosen, records(1), lambda batch: NotReached("throttled")).start().run(120)
    (letter,) = world.letters
    assert letter.condition is Condition.RECORD_AGE_EXCEEDED
    assert letter.invoke_count == 1 and letter.response is None and len(world.delivered) > 3


def test_only_leading_records_are_too_old() -> None:
    """R104, R107."""
    now_s = T0.timestamp()

    def prefix(*ages: float, limit: int | None = 60) -> int:
        return expired_prefix([record(n, age_s=age) for n, age in enumerate(ages, start=1)], limit, now_s)

    assert [prefix(80, 0, 80), prefix(0, 80), prefix(80, 60), prefix(60), prefix(59.9)] == [1, 0, 2, 1, 0]
    assert prefix(10**9, limit=None) == 0


def test_whichever_limit_comes_first_counts() -> None:
    """R108."""
    retries = settings(record_age_max_s=60, retry_attempts_max=2, on_failure=QUEUE)
    world = World(retries, records(1), lambda batch: UNHANDLED).start().run(200)
    assert world.letters[0].condition is Condition.RETRY_ATTEMPTS_EXHAUSTED and len(world.delivered) == 3
    age = settings(record_age_max_s=60, retry_attempts_max=1000, on_failure=QUEUE)
    world = World(age, records(1), lambda batch: UNHANDLED).start().run(200)
    assert world.letters[0].condition is Condition.RECORD_AGE_EXCEEDED
    assert world.letters[0].invoke_count == len(world.delivered) < 20


# ---- letters


def test_successes_and_filtered_records_get_no_letter() -> None:
    """R109."""
    stream = {"s": [record(1, body=b'{"keep":true}'), record(2, body=b'{"keep":false}')]}
    chosen = settings(filters=('{"keep": [true]}',), on_failure=QUEUE, retry_attempts_max=0)
    assert World(chosen, stream).start().run(1).letters == []


def test_one_letter_for_each_part_that_was_discarded() -> None:
    """R109: two halves that fail are two letters."""
    chosen = settings(bisect=True, retry_attempts_max=0, on_failure=QUEUE)
    world = World(chosen, records(2), lambda batch: UNHANDLED).start().run(1)
    assert [(one.first, one.last, one.count) for one in world.letters] == [(1, 1, 1), (2, 2, 1)]
    assert world.mapping.counters.letters == world.mapping.counters.lettered == 2


def test_a_letter_tells_what_the_function_saw() -> None:
    """R110, R113: the id, the qualifier, first and last record and their times, how many; and no records."""
    arn = "arn:aws:lambda:eu-west-1:000000000000:function:f:live"
    stream = {"s": [record(n, age_s=30 - n, body=b'{"secret":1}') for n in (1, 2, 3)]}
    world = World(settings(function_arn=arn, retry_attempts_max=0, on_failure=QUEUE), stream, lambda batch: UNHANDLED)
    world.start().run(1)
    told = document(world.letters[0], datetime.fromisoformat("2026-01-01T00:00:01.250+00:00"))
    assert told == {
        "requestContext": {
            "requestId": world.batches[0].request_id,
            "functionArn": arn,
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 1,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2026-01-01T00:00:01.250Z",
        "DDBStreamBatchInfo": {
            "shardId": "s",
            "startSequenceNumber": "1",
            "endSequenceNumber": "3",
            "approximateArrivalOfFirstRecord": "2025-12-31T23:59:31Z",
            "approximateArrivalOfLastRecord": "2025-12-31T23:59:33Z",
            "batchSize": 3,
            "streamArn": world.mapping.settings.event_source_arn,
        },
    }


def test_a_letter_names_the_version_that_ran() -> None:
    """R110."""
    failed = Failed(Cause.FUNCTION_ERROR, response=ResponseContext("7", "Unhandled"))
    world = World(settings(retry_attempts_max=0, on_failure=QUEUE), records(1), lambda batch: failed).start().run(1)
    context = document(world.letters[0], T0)["responseContext"]
    assert context == {"statusCode": 200, "executedVersion": "7", "functionError": "Unhandled"}


def test_a_bucket_gets_the_event_of_just_the_discarded_records_as_text() -> None:
    """R104, R114."""
    stream = {"s": [record(n, age_s=80 if n < 3 else 0, body=b'{"n":%d}' % n) for n in (1, 2, 3)]}
    world = World(settings(record_age_max_s=60, on_failure=BUCKET), stream).start().run(1)
    payload = document(world.letters[0], T0)["payload"]
    assert isinstance(payload, str) and json.loads(payload) == {"Records": [{"n": 1}, {"n": 2}]}
    assert world.delivered == [[3]]


def test_the_next_batch_goes_once_the_letter_is_stored() -> None:
    """R118: it is never waited for that it is sent; but what it stands for is not passed before it is kept."""

    class Slow(World):
        def takes_s(self, command: object) -> float:
            return 5.0 if type(command).__name__ == "StoreLetter" else 0.0

    world = Slow(settings(batch_size=1, retry_attempts_max=0, on_failure=QUEUE), records(2), scripted([UNHANDLED]))
    moments = timed(world)
    world.start().run(4.9)
    assert moments == [0.0] and S not in world.stored.rows
    world.run(1)
    assert moments == [0.0, 5.0] and world.saved() == after(2)


def test_without_destination_the_shard_moves_on_and_it_is_told() -> None:
    """R120: silent on AWS."""
    world = World(settings(batch_size=1, retry_attempts_max=0), records(2), scripted([UNHANDLED])).start().run(1)
    assert world.delivered == [[1], [2]] and world.saved() == after(2)
    assert world.letters == [] and world.mapping.counters.dropped == 1 and world.mapping.counters.letters == 0
    assert [one.notice for one in world.told] == [Notice.DROPPED]


def test_a_rest_names_the_batch_it_is_for() -> None:
    """R89: an answer to the pause of another batch wakes nothing."""
    world = World(settings(), records(1), lambda batch: UNHANDLED).start().run(0.1)
    (rest,) = [one for _, one in world.pending if isinstance(one, Rest)]
    assert (rest.request_id, rest.delay_s) == (world.batches[0].request_id, 0.25)


@pytest.mark.parametrize(
    "payload", [b'{"batchItemFailures": []}', b'{"batchItemFailures":[{"itemIdentifier":"1"}]}', b""]
)
@pytest.mark.parametrize("partial", [True, False])
def test_a_window_wants_its_state_beside_partial_answers_too(payload: bytes, partial: bool) -> None:
    """R84, R125."""
    batch = make_batch([record(1)], S, IDS)
    outcome = answered(batch, payload, partial=partial, window=True)
    assert isinstance(outcome, Failed) and outcome.cause is Cause.NO_STATE and outcome.splittable


def test_a_number_names_no_record_even_where_its_digits_do() -> None:
    """R97 (ours): identifiers are text."""
    batch = make_batch([record(1), record(2)], S, IDS)
    outcome = answered(batch, b'{"batchItemFailures":[{"itemIdentifier":2}]}', partial=True)
    assert outcome == Failed(Cause.INVALID_RESPONSE, response=ResponseContext("$LATEST", None))


# X85 and X81: what the service could not take costs nothing, also where nothing is left out


def test_some_that_were_not_reached_cost_no_attempt_even_if_all_must_go_again() -> None:
    batch = make_batch([record(1), record(2)], S, IDS)
    first = FailedSome(frozenset({Position(1)}), not_reached=NotReached("busy", 5.0))
    one = settings(retry_attempts_max=0)
    decision = decide(batch, first, one, S, IDS)
    assert decision == Again(5.0) and (batch.attempts, batch.not_reached) == (0, 1), "2 may not overtake 1"
    assert isinstance(decide(batch, FailedSome(frozenset({Position(1)})), one, S, IDS), GiveUp)


def test_some_that_were_not_reached_go_on_alone() -> None:
    batch = make_batch([record(1, "a"), record(2, "b")], S, IDS)
    some = FailedSome(frozenset({Position(2)}), not_reached=NotReached("busy"))
    decision = decide(batch, some, settings(retry_attempts_max=0), S, IDS)
    assert isinstance(decision, Replace)
    (rest,) = decision.batches
    assert [one.position for one in rest.records] == [2] and rest.attempts == 0
