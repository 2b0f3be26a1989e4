"""``into`` when sinks raise, lag behind one another, or the function's time runs out: nothing unfinished is done."""

from __future__ import annotations

import json
import random
import threading

import pytest

import afterbay
from afterbay.core.guard import APPLIED
from afterbay.handler.into import PIECE_RECORDS
from afterbay.sinks.memory import MemorySink
from contract.histories import KEYS, History


def numbers(records):
    return [record["dynamodb"]["SequenceNumber"] for record in records]


def names(answer):
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


@pytest.fixture
def made():
    return History(random.Random(1))


class Raising:
    def apply(self, changes):
        raise afterbay.SettingsError("the table is another one")

    def close(self): ...


class Gated(MemorySink):
    """Lets the first piece through, then waits for ``release``."""

    def __init__(self, *, pieces_free):
        super().__init__()
        self.release = threading.Event()
        self.waiting = threading.Event()
        self.pieces_free = pieces_free
        self.pieces = []

    def apply(self, changes):
        self.pieces.append(len(changes))
        self.pieces_free -= 1
        if self.pieces_free < 0:
            self.waiting.set()
            assert self.release.wait(60)
        return super().apply(changes)


class Finishing(MemorySink):
    """Says when it has been given everything, and its thread has nothing left to do but to end."""

    def __init__(self, *, records):
        super().__init__()
        self.left = records
        self.finished = threading.Event()

    def apply(self, changes):
        told = super().apply(changes)
        self.left -= len(changes)
        if not self.left:
            threading.Timer(0.2, self.finished.set).start()
        return told


class Context:
    """Time runs out exactly when the sink has come to where the test wants it."""

    aws_request_id = "r-1"

    def __init__(self, *reached):
        self.reached = reached
        self.asked = 0

    def get_remaining_time_in_millis(self):
        self.asked += 1
        if self.asked == 1:
            return 60_000
        assert all(event.wait(60) for event in self.reached)
        return 0


def test_a_sink_that_raises_fails_the_invocation_with_its_reason(made):
    with pytest.raises(afterbay.SettingsError, match="another one"):
        afterbay.into(Raising())({"Records": [made.put(KEYS[2])]}, None)


def test_the_other_sinks_are_written_all_the_same_and_the_retry_finds_it_done(made, capsys):
    records = [made.put(key) for key in KEYS[:3]]
    sink = MemorySink()
    with pytest.raises(afterbay.SettingsError):
        afterbay.into(Raising(), sink)({"Records": records}, None)
    assert len(sink.rows()) == 3
    capsys.readouterr()
    assert names(afterbay.into(sink)({"Records": records}, None)) == []
    assert json.loads(capsys.readouterr().out)["sinks"][0]["duplicate"] == 3


def test_a_verdict_too_few_is_a_bug_that_fails_the_batch(made):
    class Short(Raising):
        def apply(self, changes):
            return [APPLIED] * (len(changes) - 1)

    with pytest.raises(AssertionError, match="Short: 1 verdicts for 2 changes"):
        afterbay.into(Short())({"Records": [made.put(KEYS[2]), made.put(KEYS[3])]}, None)


def test_what_is_done_when_the_time_is_over_counts_and_the_rest_is_reported(made, capsys):
    records = [made.put(KEYS[2], n={"N": str(number)}) for number in range(2 * PIECE_RECORDS + 7)]
    slow = Gated(pieces_free=1)
    quick = Finishing(records=len(records))
    handler = afterbay.into(quick, slow)
    try:
        answer = handler({"Records": records}, Context(slow.waiting, quick.finished))
    finally:
        slow.release.set()
    assert names(answer) == numbers(records[PIECE_RECORDS:])
    told = json.loads(capsys.readouterr().out)
    assert (told["request_id"], told["records"], told["failed"]) == ("r-1", 2 * PIECE_RECORDS + 7, PIECE_RECORDS + 7)
    assert [one["retryable"] for one in told["sinks"]] == [0, PIECE_RECORDS + 7]
    assert told["reasons"][0]["reason"] == "the function's time was nearly over"
    # The retry waits for the write that was left behind, and is not overtaken by it.
    assert names(handler({"Records": records[PIECE_RECORDS:]}, None)) == []
    assert [one.item["n"] for one in slow.read_live()] == [2 * PIECE_RECORDS + 6]
    assert slow.pieces == [PIECE_RECORDS, PIECE_RECORDS, PIECE_RECORDS, 7]  # none was begun after the time was over


def test_records_in_one_sink_only_come_again_to_all(made):
    """The worst verdict counts: one sink's poison record is reported, though the other has it."""
    records = [made.put(KEYS[2], _tok={"S": "mine"}), made.put(KEYS[3])]

    class Refusing(MemorySink):
        def apply(self, changes):
            return [
                afterbay.Verdict(afterbay.Kind.POISON, "refused") if "_tok" in change.new else APPLIED
                for change in changes
            ]

    sink = MemorySink()
    assert names(afterbay.into(sink, Refusing())({"Records": records}, None)) == numbers(records[:1])
    assert len(sink.rows()) == 2


def test_a_reason_shows_no_value_of_the_item(made, capsys):
    record = made.put(KEYS[2], card={"N": "4929-1234"})
    assert names(afterbay.into(MemorySink())({"Records": [record]}, None)) == numbers([record])
    line = capsys.readouterr().out
    assert "card" in line and "4929" not in line
