"""Case s03, its core part: numbers that gain a digit keep their order, as positions, as tokens and behind a guard."""

import json
from pathlib import Path

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.sequence import SequenceNumber, SequenceToken
from afterbay.core.change.wire import raw_from_lambda
from afterbay.core.guard import APPLIED, DUPLICATE, STALE, judge

CASE = json.loads(Path(__file__).with_name("s03-sequence-numbers-grow-a-digit.json").read_text())
RECORDS = {one["label"]: one for one in CASE["records"]}
CHECKS = {one["name"]: one for one in CASE["checks"]}


def record(label: str) -> ChangeRecord:
    return ChangeRecord({name: one for name, one in RECORDS[label].items() if name != "label"})


def test_the_lowest_of_the_three_numbers_has_24_digits():
    lowest = min(SequenceNumber(text) for text in CHECKS["lowest-of"]["values"])
    assert lowest.text == "999999999999999999999985"


def test_reading_after_the_checkpoint_yields_the_longer_numbers_and_not_the_checkpoint():
    checkpoint = int(CHECKS["resume-after"]["checkpoint"])
    positions = {label: raw_from_lambda(json.dumps(one).encode()).position for label, one in RECORDS.items()}
    behind = sorted((label for label in positions if positions[label] > checkpoint), key=positions.__getitem__)
    assert behind == ["v2", "other"]


def test_after_a_second_delivery_the_guard_holds_the_later_value():
    stored: dict[str, str] = {}
    state: dict[str, object] = {}
    verdicts = []
    for label in (label for batch in CASE["deliver"] for label in batch):
        change = record(label)
        key = change.keys["pk"]
        verdict = judge(change.token, stored.get(key))
        verdicts.append(verdict)
        if verdict == APPLIED:
            stored[key], state[key] = change.token, change.new["v"]
    assert state == {"K1": 2, "K9": 1}
    assert verdicts == [APPLIED, APPLIED, APPLIED, STALE]
    assert judge(record("v2").token, stored["K1"]) == DUPLICATE


def test_the_lowest_of_the_reported_failures_is_the_first_record():
    reported = [one["itemIdentifier"] for one in CHECKS["response"]["handler_returns"]["batchItemFailures"]]
    lowest = min(map(SequenceNumber, reported))
    assert lowest == record("v1").sequence_number
    assert all(record(label).sequence_number >= lowest for label in RECORDS)


def test_a_stored_token_gives_the_same_digits_back():
    for label, one in RECORDS.items():
        assert str(SequenceToken.parse(record(label).token).number) == one["dynamodb"]["SequenceNumber"]
