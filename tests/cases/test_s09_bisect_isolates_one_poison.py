"""s09: one poison record in a batch of eight; its neighbours survive, and the setting makes the difference."""

from __future__ import annotations

import json

from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.deadletter import document
from afterbay.core.mapping.outcome import Cause, Delivered, Failed, Outcome, ResponseContext
from cases.driven import case, created, cut, labels
from unit.core.mapping.driving import World, after

CASE = case("s09-bisect-isolates-one-poison")
LABELS = labels(CASE["records"])
(POISON,) = [position for position, label in LABELS.items() if label == "r6"]
KEYS = {int(one["dynamodb"]["SequenceNumber"]): one["dynamodb"]["Keys"]["pk"]["S"] for one in CASE["records"]}
UNHANDLED = Failed(Cause.FUNCTION_ERROR, response=ResponseContext("$LATEST", "Unhandled"))


def raises(batch: Batch) -> bool:
    """The case's handler: does a value in any record of the batch match?"""
    rule = CASE["handler"]["raise_when"]
    for record in batch.records:
        value = json.loads(record.body)
        for name in rule["path"].split("."):
            value = value.get(name, {})
        if value == rule["equals"]:
            return True
    return False


class Played:
    def __init__(self, **override: object) -> None:
        self.succeeded: list[int] = []
        self.world = World(created(CASE["mapping"], **override), {"s": cut(CASE["records"])}, self._function)
        self.world.start().run(120)

    def _function(self, batch: Batch) -> Outcome:
        if raises(batch):
            return UNHANDLED
        self.succeeded += [one.position for one in batch.records]
        return Delivered()


def test_every_neighbour_is_delivered_and_the_shard_moves_on() -> None:
    played = Played()
    assert sorted(played.succeeded) == sorted(LABELS.keys() - {POISON})
    assert played.world.saved() == after(max(LABELS))
    assert len(played.world.delivered) < 30


def test_exactly_one_message_reaches_the_queue_and_it_names_the_poison_alone() -> None:
    world = Played().world
    (letter,) = world.letters
    told = document(letter, world.now)
    info = told["DDBStreamBatchInfo"]
    assert (info["startSequenceNumber"], info["endSequenceNumber"]) == (str(POISON), str(POISON))
    assert (info["batchSize"], info["shardId"], info["streamArn"]) == (1, "s", CASE["mapping"]["EventSourceArn"])
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert "poison" not in json.dumps(told) and "payload" not in told


def test_splitting_uses_no_attempt() -> None:
    """Alone, the poison is in exactly three calls, and the message says three."""
    world = Played().world
    assert world.delivered.count([POISON]) == 1 + CASE["mapping"]["MaximumRetryAttempts"] == 3
    assert world.letters[0].invoke_count == 3


def test_successful_deliveries_of_each_key_stay_in_order() -> None:
    by_key: dict[str, list[str]] = {}
    for position in Played().succeeded:
        by_key.setdefault(KEYS[position], []).append(LABELS[position])
    assert by_key == {"A": ["r1", "r3", "r7"], "B": ["r2", "r5"], "C": ["r4", "r8"], "Z": ["r9"]}


def test_without_bisect_the_whole_batch_is_retried_and_one_message_of_eight_is_sent() -> None:
    played = Played(BisectBatchOnFunctionError=False)
    eight = sorted(LABELS)[:8]
    assert played.world.delivered == [eight, eight, eight, sorted(LABELS)[8:]]
    (letter,) = played.world.letters
    assert (letter.count, letter.invoke_count, letter.first, letter.last) == (8, 3, eight[0], eight[-1])
