"""s10, the document part: the letter of a discarded batch has the members of the case's and no record bodies.

Reading the records again is in ``test_s10_redrive``.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from afterbay.core.change.page import split_page
from afterbay.core.change.raw import RawRecord
from afterbay.core.mapping.deadletter import document
from afterbay.core.mapping.outcome import Cause, Failed, ResponseContext
from unit.core.mapping.driving import World, settings

CASE = json.loads((Path(__file__).parent / "s10-failure-queue-has-no-bodies.json").read_text())
(SHARD,) = [one for one in CASE["shards"] if one["records"]]
FRESH = next(one["body"] for one in CASE["failure_queue"] if one["name"] == "fresh")
ATTEMPTS = FRESH["requestContext"]["approximateInvokeCount"]
DESTINATIONS = {
    "queue": "arn:aws:sqs:eu-west-1:000000000000:letters",
    "topic": "arn:aws:sns:eu-west-1:000000000000:letters",
    "bucket": "arn:aws:s3:::letters",
}


def delivered() -> list[RawRecord]:
    """The records of the message's range that pass the mapping's filter: r2, r4 and r5."""
    own = [
        {name: value for name, value in one.items() if name not in ("label", "eventSourceARN")}
        for one in SHARD["records"]
        if one["label"] in ("r2", "r4", "r5")
    ]
    return list(split_page(json.dumps({"Records": own}).encode(), CASE["mapping"]["EventSourceArn"])[0])


def letter(destination: str) -> dict[str, object]:
    """What the destination gets when the three records failed on each of their attempts."""
    unhandled = Failed(Cause.FUNCTION_ERROR, response=ResponseContext("$LATEST", "Unhandled"))
    wanted = settings(
        event_source_arn=CASE["mapping"]["EventSourceArn"],
        function_arn=FRESH["requestContext"]["functionArn"],
        batch_size=CASE["mapping"]["BatchSize"],
        retry_attempts_max=ATTEMPTS - 1,
        on_failure=DESTINATIONS[destination],
    )
    world = World(wanted, {SHARD["id"]: delivered()}, lambda _: unhandled).start().run(60)
    (stored,) = world.letters
    return document(stored, world.now)


def members(value: object) -> object:
    return {name: members(one) for name, one in value.items()} if isinstance(value, dict) else type(value)


@pytest.mark.parametrize("destination", ["queue", "topic"])
def test_a_queue_or_topic_gets_just_the_members_of_the_cases_letter(destination: str) -> None:
    """R110, R113. Not compared by value: the id, and the times: the case writes fractions (R112: without)."""
    told = letter(destination)
    assert members(told) == members(FRESH)
    for part, varying in [
        ("requestContext", {"requestId"}),
        ("responseContext", set()),
        ("DDBStreamBatchInfo", {"approximateArrivalOfFirstRecord", "approximateArrivalOfLastRecord"}),
    ]:
        got, wanted = told[part], FRESH[part]
        assert {name: got[name] for name in got.keys() - varying} == {n: wanted[n] for n in wanted.keys() - varying}
    assert told["version"] == FRESH["version"]


@pytest.mark.parametrize("destination", ["queue", "topic"])
def test_no_body_of_a_record_is_in_the_document(destination: str) -> None:
    text = json.dumps(letter(destination))
    for body in ("Records", "payload", "Keys", "NewImage", "OldImage", '"order"'):
        assert body not in text


def test_a_bucket_keeps_the_bodies_with_the_letter() -> None:
    """The case's option, on AWS too: a destination that keeps what the stream will have dropped (R114)."""
    told = letter("bucket")
    records = json.loads(told.pop("payload"))["Records"]
    assert [one["dynamodb"]["Keys"]["pk"]["S"] for one in records] == ["K2", "K4", "K5"]
    assert members(told) == members(FRESH)
