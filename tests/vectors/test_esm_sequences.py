"""Whole sequences of invocations, as recorded (R59, R79 to R111), out of the mapping's own machine.

Each vector's settings go through ``parse_create``; its records and its function are played until nothing is left to do.
A vector's kind is told by its members, never by its name. Sequences with tumbling windows are played in
``unit/core/mapping/test_windows.py``.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.core.mapping.batch import PAYLOAD_BYTES_MAX, Batch
from afterbay.core.mapping.bisect import halves
from afterbay.core.mapping.deadletter import document
from afterbay.core.mapping.outcome import Cause, Delivered, Failed, NotReached, Outcome, ResponseContext
from afterbay.core.mapping.request_id import RequestIds
from afterbay.core.mapping.settings import parse_create
from afterbay.core.shard.position import ShardId
from unit.core.mapping.driving import ARN, T0, World, after, answered
from vectors.loading import Reader, Vector, vectors

SOURCES = {"dynamodb": ARN, "kinesis": "arn:aws:kinesis:eu-west-1:000000000000:stream/clicks"}
QUEUE = "arn:aws:sqs:eu-west-1:000000000000:letters"
LONG_S = 300.0  # longer than every limit and back-off of a vector
AT_ONCE_MS = 100
"""Between what was recorded after splits (9 to 46 ms) and before retries (from 238 ms on), R91."""
UNHANDLED = Failed(Cause.FUNCTION_ERROR, response=ResponseContext("$LATEST", "Unhandled"))


def number(ordinal: int) -> int:
    """A sequence number; the tenth has a digit more than the ninth, as text it would come first."""
    return ordinal * 10**20 + 499659


def made(ordinal: int, *, age_s: float = 0.0, body: bytes = b"{}") -> RawRecord:
    return RawRecord(body, number(ordinal), ItemKey(b"k"), T0.timestamp() - age_s, "INSERT")


class Played:
    """A mapping with a vector's settings, its records, and a function; run until nothing is left to do."""

    def __init__(self, esm: dict, records: list[RawRecord], function: Callable[[Batch], Outcome]) -> None:
        esm = dict(esm)
        arn = SOURCES[esm.pop("source", "dynamodb")]
        request = {"EventSourceArn": ARN, "FunctionName": "f", "StartingPosition": "TRIM_HORIZON", **esm}
        request["DestinationConfig"] = {"OnFailure": {"Destination": QUEUE}}
        settings = replace(parse_create(request).settings, event_source_arn=arn)
        self.times: list[datetime] = []
        self.function = function
        self.world = World(settings, {"s": records}, self._invoke)
        self.world.start().run(LONG_S)

    def _invoke(self, batch: Batch) -> Outcome:
        self.times.append(self.world.now)
        return self.function(batch)

    @property
    def invocations(self) -> list[list[int]]:
        """Ordinals."""
        return [[position // 10**20 for position in batch] for batch in self.world.delivered]


def check_letters(played: Played, names: dict[int, str], wanted: Reader) -> None:
    letters, told = played.world.letters, wanted["destination"]
    if "destination_document_count" in wanted.names:
        assert len(letters) == wanted["destination_document_count"]
    for letter, recorded in zip(letters, told, strict=True):
        expected = dict(recorded)
        sent = document(letter, played.world.now)
        context = sent["requestContext"]
        kinesis = ":kinesis:" in played.world.mapping.settings.event_source_arn
        batch = sent["KinesisBatchInfo" if kinesis else "DDBStreamBatchInfo"]
        held = [name for ordinal, name in names.items() if letter.first <= number(ordinal) <= letter.last]
        assert held == expected.pop("records") and batch["batchSize"] == len(held)
        assert context["condition"] == expected.pop("condition")
        count = expected.pop("approximateInvokeCount", None)
        if "backoff_hint" in wanted.names:  # how many fit is the back-off's, which is no contract (R91)
            assert count > 2 and wanted["backoff_hint"].startswith(f"{count} invocations fit")
            assert context["approximateInvokeCount"] == len(played.invocations) > 2
        elif count is not None:
            assert context["approximateInvokeCount"] == count
        assert batch["batchSize"] == expected.pop("batchSize", len(held))
        if "functionError" in expected:
            assert sent["responseContext"]["functionError"] == expected.pop("functionError")
        if expected.pop("responseContext", None) == "absent":
            assert "responseContext" not in sent
        assert not expected, f"members of a document that this test does not read: {expected}"


def check_gaps(played: Played, wanted: Reader) -> None:
    """Not how long, only whether there is a pause at all (R91)."""
    for pair, observed in wanted["observed_gap_ms"].items():
        first, second = (int(index) for index in pair.split("->"))
        gap_ms = int(re.search(r"\d+", str(observed))[0])
        paused = played.times[second] > played.times[first]
        assert paused is (gap_ms >= AT_ONCE_MS)


def check_the_rest(played: Played, wanted: Reader) -> None:
    """What single vectors say besides."""
    world = played.world
    if "last_processing_result" in wanted.names:
        assert world.mapping.last_result.value == wanted["last_processing_result"]
    if "not_seen_in_full" in wanted.names:  # what was inferred is checked like what was seen
        assert "inferred" in wanted["not_seen_in_full"]
    if "odd_split" in wanted.names:
        size, left, right = (int(digits) for digits in re.findall(r"\d+", wanted["odd_split"])[:3])
        batch = next(one for one in world.batches if len(one.records) == size)
        parts = halves(batch, ShardId("s"), RequestIds(b"seed", "uuid-1"))
        assert [len(part.records) for part in parts] == [left, right]
    if "destination_not_ordered_before_next_batch" in wanted.names:
        # R118: storing the letter is all that the machine asks for; the next batch starts in the same instant.
        assert "after the handler started on" in wanted["destination_not_ordered_before_next_batch"]
        assert played.times[-1] == played.times[-2]


def failing_records(given: Reader, wanted: Reader) -> None:
    """``bad`` records make the function fail, by an exception or by a partial answer."""
    names = {int(name): name for name in given["records"]}
    bad = {number(int(name)) for name in given["bad"]} if "bad" in given.names else set()
    mode = given["mode"] if "mode" in given.names else "raise"
    age_s = given["record_age_at_create_s"] if "record_age_at_create_s" in given.names else 0

    def function(batch: Batch) -> Outcome:
        hit = [one.position for one in batch.records if one.position in bad]
        if mode == "raise":
            return UNHANDLED if hit else Delivered()
        assert mode == "partial"
        answer = {"batchItemFailures": [{"itemIdentifier": str(position)} for position in hit]}
        return answered(batch, json.dumps(answer).encode(), partial=True)

    played = Played(given["esm"], [made(ordinal, age_s=age_s) for ordinal in names], function)
    assert played.world.mapping.settings.report_batch_item_failures is (mode == "partial")
    invocations = [[names[ordinal] for ordinal in batch] for batch in played.invocations]
    if "invocations" in wanted.names:
        assert invocations == wanted["invocations"]
    if "times_record_invoked" in wanted.names:
        assert Counter(name for batch in invocations for name in batch) == wanted["times_record_invoked"]
    if "request_id_groups" in wanted.names:
        groups: dict[str, list[int]] = {}
        for index, batch in enumerate(played.world.batches):
            groups.setdefault(batch.request_id, []).append(index)
        assert list(groups.values()) == wanted["request_id_groups"]
    if "observed_gap_ms" in wanted.names:
        check_gaps(played, wanted)
    check_letters(played, names, wanted)
    check_the_rest(played, wanted)
    assert played.world.saved() == after(number(max(names))), "the shard moves on"


def records_before_the_mapping(given: Reader, wanted: Reader) -> None:
    count = given["records_present_before_create"]
    played = Played(given["esm"], [made(ordinal) for ordinal in range(1, count + 1)], lambda batch: Delivered())
    assert [len(batch) for batch in played.invocations] == wanted["batch_sizes"]
    assert [ordinal for batch in played.invocations for ordinal in batch] == list(range(1, count + 1))


def payload_too_large(given: Reader, wanted: Reader) -> None:
    """A record that no invocation can carry: each refusal is an attempt that no handler sees (R80)."""
    names = dict(enumerate(given["records"], start=1))
    bodies = {"oversized": b"x" * PAYLOAD_BYTES_MAX, "next": b"{}"}
    seen: list[list[str]] = []

    def function(batch: Batch) -> Outcome:
        if sum(len(one.body) for one in batch.records) >= PAYLOAD_BYTES_MAX:
            return Failed(Cause.TOO_LARGE, splittable=False, response=ResponseContext("$LATEST", None))
        seen.append([names[one.position // 10**20] for one in batch.records])
        return Delivered()

    played = Played(given["esm"], [made(ordinal, body=bodies[name]) for ordinal, name in names.items()], function)
    assert seen == wanted["handler_invocations"]
    check_letters(played, names, wanted)


def scripted_outcomes(given: Reader, wanted: Reader) -> None:
    """One record, and what comes of it each time it is tried."""
    outcomes = {"429": NotReached("throttled"), "function_error": UNHANDLED}
    script = iter([outcomes[one] for one in given["outcomes"]])
    played = Played(given["esm"], [made(1)], lambda batch: next(script))
    assert played.world.letters
    assert len(played.invocations) - 1 == wanted["discarded_after_outcome_index"]


def kind_of(given: Reader):
    if "outcomes" in given.names:
        return scripted_outcomes
    if "records_present_before_create" in given.names:
        return records_before_the_mapping
    return payload_too_large if "oversized" in given["records"] else failing_records


SEQUENCES = [
    one for one in vectors("esm/sequences.json") if "TumblingWindowInSeconds" not in one.values[0].input.get("esm", {})
]


@pytest.mark.parametrize("vector", SEQUENCES)
def test_invocations_and_letters_come_as_recorded(vector: Vector) -> None:
    with vector.opened() as (given, wanted):
        kind_of(given)(given, wanted)
