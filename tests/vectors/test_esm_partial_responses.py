"""Answers of a function under ReportBatchItemFailures, as recorded (R79 to R86, R97 to R102).

Each answer is read by ``read_answer`` and played through the mapping's machine: once as the first answer, with what
comes next held back, and, where a vector counts invocations, as the answer that is given every time.
"""

from __future__ import annotations

import json
import re

import pytest

from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.deadletter import document
from afterbay.core.mapping.outcome import Delivered, Failed, FailedFrom, Outcome
from afterbay.core.mapping.settings import MappingSettings, parse_create
from afterbay.core.shard.position import ShardId
from unit.core.mapping.driving import ARN, T0, World, after, answered
from vectors.loading import Reader, Vector, vectors

QUEUE = "arn:aws:sqs:eu-west-1:000000000000:letters"
LONG_S = 120.0
COUNTED = re.compile(r"invocations_with_MaximumRetryAttempts_(\d+)")


def number(name: str) -> int:
    """``<seq:2>`` or a number as it is written."""
    ordinal = re.fullmatch(r"<seq:(\d+)>", name)
    return int(ordinal[1]) * 10**20 + 499659 if ordinal else int(name)


class Played:
    """A vector's batch and answer."""

    def __init__(self, given: Reader) -> None:
        self.types = given["FunctionResponseTypes"]
        self.attempts_max = given["MaximumRetryAttempts"] if "MaximumRetryAttempts" in given.names else -1
        self.positions = {name: number(name) for name in given["batch"]}
        self.error = given["function_error"] if "function_error" in given.names else None
        if "response_bytes" in given.names:
            self.payload = given["response_bytes"].encode()
        else:
            text = json.dumps(given["response_payload"] if "response_payload" in given.names else None)
            for name, position in self.positions.items():
                text = text.replace(name, str(position))
            self.payload = text.encode()

    def settings(self, attempts_max: int) -> MappingSettings:
        request = {
            "EventSourceArn": ARN,
            "FunctionName": "f",
            "StartingPosition": "TRIM_HORIZON",
            "FunctionResponseTypes": self.types,
            "MaximumRetryAttempts": attempts_max,
            "DestinationConfig": {"OnFailure": {"Destination": QUEUE}},
        }
        return parse_create(request).settings

    def answer(self, batch: Batch) -> Outcome:
        return answered(batch, self.payload, error=self.error, partial=bool(self.types))

    def world(self, attempts_max: int) -> World:
        records = [
            RawRecord(b"{}", position, ItemKey(b"k"), T0.timestamp(), "INSERT") for position in self.positions.values()
        ]
        return World(self.settings(attempts_max), {"s": records}, self.answer)

    def first_only(self) -> World:
        """The answer was given once, everything that follows from it but the next invocation was done."""
        world = self.world(-1)

        def once(batch: Batch) -> Outcome:
            world.hold = True
            return self.answer(batch)

        world.function = once
        return world.start().run(LONG_S)

    def always(self, attempts_max: int) -> World:
        return self.world(attempts_max).start().run(LONG_S)


def check_verdict(verdict: object, outcome: Outcome, played: Played) -> None:
    first = min(played.positions.values())
    match verdict:
        case "complete_success":
            assert outcome == Delivered()
        case "complete_failure":
            assert isinstance(outcome, Failed) and outcome.splittable
        case "partial_failure":
            assert isinstance(outcome, FailedFrom)
        case "partial_failure_without_progress":
            assert isinstance(outcome, FailedFrom) and outcome.position == first
        case _:
            raise AssertionError(f"no such verdict: {verdict}")


def check_checkpoint(checkpoint: object, world: World, played: Played) -> None:
    row = world.stored.rows.get(ShardId("s"))
    where, _, name = str(checkpoint).partition(" ")
    done = {
        "after": lambda: played.positions[name],
        "before": lambda: max((one for one in played.positions.values() if one < played.positions[name]), default=None),
        "unchanged": lambda: None,
    }[where]()
    if done is None:
        assert row is None, "nothing of the shard was saved: it begins where the mapping began"
    else:
        assert row is not None and row.at == after(done)


def check_next(world: World, played: Played, wanted: Reader) -> None:
    """What was held back: the batch that is invoked next."""
    first = world.batches[0]
    if wanted["verdict"] == "complete_success":
        assert world.in_hand == []
        return
    (following,) = world.in_hand
    if "next_batch" in wanted.names:
        expected = [played.positions[name] for name in wanted["next_batch"]]
        assert [one.position for one in following.batch.records] == expected
    if "retry_budget" in wanted.names:
        assert wanted["retry_budget"] == "fresh"
        assert following.batch.attempts == 0 and following.batch.request_id != first.request_id
    if "counts_as_attempt" in wanted.names:
        assert wanted["counts_as_attempt"] is True
        assert following.batch.attempts == 1 and following.batch.request_id == first.request_id


def check_letter(world: World, wanted: Reader) -> None:
    (letter,) = world.letters
    told = document(letter, world.now)
    if "destination_functionError" in wanted.names:
        assert told["responseContext"]["functionError"] == wanted["destination_functionError"]
    if "destination_condition" in wanted.names:
        assert told["requestContext"]["condition"] == wanted["destination_condition"]
    if "approximateInvokeCount" in wanted.names:
        assert told["requestContext"]["approximateInvokeCount"] == wanted["approximateInvokeCount"]


@pytest.mark.parametrize("vector", vectors("esm/partial_responses.json"))
def test_an_answer_counts_as_recorded(vector: Vector) -> None:
    with vector.opened() as (given, wanted):
        played = Played(given)
        once = played.first_only()
        (first,) = once.batches
        assert [one.position for one in first.records] == sorted(played.positions.values())
        check_verdict(wanted["verdict"], played.answer(first), played)
        if "checkpoint" in wanted.names:
            check_checkpoint(wanted["checkpoint"], once, played)
        check_next(once, played, wanted)
        if "LastProcessingResult" in wanted.names:
            assert once.mapping.last_result.value == wanted["LastProcessingResult"]
        counts = {int(found[1]): wanted[name] for name in wanted.names if (found := COUNTED.fullmatch(name))}
        if "invocations" in wanted.names:
            counts[played.attempts_max] = wanted["invocations"]
        for attempts_max, count in counts.items():
            world = played.always(attempts_max)
            assert len(world.delivered) == count
            if wanted["verdict"] == "complete_success":
                assert world.letters == []
            else:
                check_letter(world, wanted)
        if "normative" in wanted.names:  # ours, by analogy: nobody saw AWS do it
            assert wanted["normative"] is False and vector.source.startswith("[undocumented]")
