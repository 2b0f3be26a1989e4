"""What the engine's journal keeps of a record, and what it tells of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.core.mapping.batch import describe
from afterbay.core.mapping.lane import lane_of
from afterbay.core.shard.position import Position
from afterbay.engine.journal import Journal
from afterbay.engine.meter import Meter
from afterbay.engine.recall import Account, recall
from afterbay.engine.scribe import _range_in
from afterbay.errors import StateError, ThrottledError
from afterbay.ports import Answer, JournalRow
from afterbay.stores.journal_file import JournalFile
from afterbay.stores.memory import MemoryStore
from afterbay.stores.sqlite import SqliteStore
from afterbay.telemetry.journal import (
    Answered,
    Lettered,
    Lifecycle,
    Lost,
    Passed,
    Read,
    Resting,
    Sent,
    Told,
    Verdicts,
)
from afterbay.telemetry.marks import KeyMarks
from unit.core.mapping.driving import settings
from unit.engine.rig import QUEUE, Rig

NEW = '{"dynamodb": {"NewImage": {"n": {"S": ["yes"]}}}}'
SLOW = "TooManyRequestsException: Invoke: slow down"


class Journaled(Rig):
    """The engine with its journal, on a store in memory or in a file."""

    def __init__(self, store: MemoryStore | SqliteStore, *, keys_in_clear: bool = False) -> None:
        super().__init__()
        self.journal = Journal(store, keys_in_clear=keys_in_clear)
        meter = Meter(self.heard, self.journal)
        self.outbox._meter = meter
        self.supervisor._meter = meter

    def record(self, position: int, key: str, body: str | None = None) -> RawRecord:
        text = body or f'{{"n":{position},"secret":"image"}}'
        return RawRecord(text.encode(), position, ItemKey(key.encode()), self.clock.now().timestamp(), "INSERT")

    async def passed(self, position: int) -> None:
        """Until the position is saved, and the journal has heard of it."""

        async def is_passed() -> bool:
            told = await self.journal.about(Position(position))
            return any(isinstance(one.entry, Passed) for one in told.entries)

        for _ in range(2_000):
            if await is_passed():
                return
            await asyncio.sleep(0.002)  # polls a state that has no event of its own
        raise AssertionError(f"{position} was never passed")


@pytest.fixture(params=["memory", "sqlite"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Journaled]:
    store = MemoryStore(b"seed" * 8) if request.param == "memory" else SqliteStore(tmp_path / "state")
    rig = Journaled(store)
    await rig.source.add_shard("s")
    async with rig.supervisor:
        yield rig
    await rig.journal.close()
    store.close()


def kinds(account: Account) -> list[str]:
    return [type(one.entry).__name__ for one in account.entries if not isinstance(one.entry, Lifecycle)]


async def test_a_record_that_is_delivered_is_read_sent_answered_and_passed(rig: Journaled) -> None:
    await rig.supervisor.create("m", settings(batch_size=2), enabled=True)
    await rig.source.append("s", *(rig.record(n, f"k{n}") for n in (1, 2, 3)))
    await rig.passed(3)
    told = await rig.journal.about(Position(3))
    assert kinds(told) == ["Read", "Sent", "Answered", "Passed"]
    read, sent, answered, passed = (one for one in told.entries if not isinstance(one.entry, Lifecycle))
    assert (read.first, read.last, read.shard, read.mapping) == (1, 3, "s", "m")
    assert (sent.first, sent.last) == (3, 3)
    assert sent.request_id == answered.request_id == rig.request_ids[1]
    assert isinstance(answered.entry, Answered) and answered.entry.outcome == "Delivered"
    assert passed.first is not None and passed.last is not None and passed.first <= 3 <= passed.last
    assert [one.number for one in told.entries] == sorted(one.number for one in told.entries)
    assert all(before.at <= after.at for before, after in zip(told.entries, told.entries[1:], strict=False))
    assert [(place.mapping, place.shard, place.position) for place in told.places] == [("m", "s", 3)]


async def test_an_item_is_found_by_the_mark_of_its_key_with_each_of_its_records(rig: Journaled) -> None:
    await rig.supervisor.create("m", settings(batch_size=1), enabled=True)
    await rig.source.append("s", *(rig.record(n, key) for n, key in ((1, "a"), (2, "b"), (3, "a"))))
    await rig.passed(3)
    told = await rig.journal.about(rig.journal.mark_of(b"a"))
    assert [place.position for place in told.places] == [1, 3]
    sent = [one for one in told.entries if isinstance(one.entry, Sent)]
    assert [(one.first, one.last) for one in sent] == [(1, 1), (3, 3)]
    assert (await rig.journal.about(rig.journal.mark_of(b"nobody"))).places == ()


async def test_a_filtered_record_is_read_and_passed_and_in_no_delivery(rig: Journaled) -> None:
    await rig.supervisor.create("m", settings(filters=(NEW,)), enabled=True)
    no = '{"n":1,"dynamodb":{"NewImage":{"n":{"S":"no"}}}}'
    yes = '{"n":2,"dynamodb":{"NewImage":{"n":{"S":"yes"}}}}'
    await rig.source.append("s", rig.record(1, "a", no), rig.record(2, "a", yes))
    await rig.passed(1)
    told = await rig.journal.about(Position(1))
    assert kinds(told) == ["Read", "Passed"]
    assert isinstance(told.entries[-2].entry, Read) and told.entries[-2].entry.filtered_out == 1
    await rig.passed(2)
    assert kinds(await rig.journal.about(Position(2))) == ["Read", "Sent", "Answered", "Passed"]


async def test_lanes_that_overlap_are_told_apart(rig: Journaled) -> None:
    await rig.supervisor.create("m", settings(parallelization_factor=2), enabled=True)
    await rig.source.append("s", *(rig.record(n, f"k{n}") for n in range(1, 9)))
    for position in range(1, 9):
        await rig.passed(position)
    batches = {n: request for request, call in zip(rig.request_ids, rig.calls, strict=True) for n in call}
    assert len(set(batches.values())) > 1
    for position in range(1, 9):
        told = await rig.journal.about(Position(position))
        sent = [one for one in told.entries if isinstance(one.entry, Sent)]
        answered = [one for one in told.entries if isinstance(one.entry, Answered)]
        assert [one.request_id for one in sent] == [one.request_id for one in answered] == [batches[position]]


async def test_a_poison_record_is_followed_through_splits_rests_and_its_letter(rig: Journaled) -> None:
    async def poisoned(numbers: list[int]) -> Answer:
        return Answer(b"{}", "Unhandled") if 2 in numbers else Answer(b"null")

    rig.answer = poisoned
    rig.target_failures = 1
    await rig.supervisor.create("m", settings(bisect=True, retry_attempts_max=2, on_failure=QUEUE), enabled=True)
    await rig.source.append("s", *(rig.record(n, f"k{n}") for n in (1, 2)))
    await rig.until(lambda: len(rig.sent) == 1)
    await rig.passed(2)
    await rig.until(lambda: len(rig.heard.letters) == 2)
    told = await rig.journal.about(Position(2))
    notices = [one.entry.notice for one in told.entries if isinstance(one.entry, Told)]
    assert sorted(notices) == ["BISECTED", "DISCARDED"]
    sent = [one for one in told.entries if isinstance(one.entry, Sent)]
    assert [(one.first, one.last) for one in sent][:2] == [(1, 2), (2, 2)]
    assert len({one.request_id for one in sent}) == 2, "the split made a batch of its own"
    failed = [one.entry for one in told.entries if isinstance(one.entry, Answered)]
    assert {(one.outcome, one.reason) for one in failed} == {("Failed", "function error")}
    assert len(failed) == len(sent)
    assert any(isinstance(one.entry, Resting) and one.entry.delay_s > 0 for one in told.entries)
    steps = [one.entry.step.value for one in told.entries if isinstance(one.entry, Lettered)]
    assert steps[0] == "asked" and set(steps) == {"asked", "stored", "failed", "sent"} and steps[-1] == "sent"
    letter = next(one.entry for one in told.entries if isinstance(one.entry, Lettered))
    assert (letter.condition, letter.destination, letter.count) == ("RetryAttemptsExhausted", QUEUE, 1)
    neighbour = await rig.journal.about(Position(1))
    assert not any(isinstance(one.entry, Lettered) for one in neighbour.entries)


async def test_a_split_in_one_lane_is_not_told_of_a_record_in_another(rig: Journaled) -> None:
    keys = {lane: [f"k{n}" for n in range(40) if lane_of(ItemKey(b"k%d" % n), 2) == lane][:2] for lane in (0, 1)}

    async def poisoned(numbers: list[int]) -> Answer:
        return Answer(b"{}", "Unhandled") if 1 in numbers else Answer(b"null")

    rig.answer = poisoned
    wanted = settings(bisect=True, retry_attempts_max=0, on_failure=QUEUE, parallelization_factor=2)
    await rig.supervisor.create("m", wanted, enabled=True)
    places = [keys[0][0], keys[1][0], keys[0][1], keys[1][1]]
    await rig.source.append("s", *(rig.record(n, key) for n, key in enumerate(places, start=1)))
    for position in (1, 2, 3, 4):
        await rig.passed(position)
    notices = {
        position: [
            one.entry.notice
            for one in (await rig.journal.about(Position(position))).entries
            if isinstance(one.entry, Told)
        ]
        for position in (1, 2, 3, 4)
    }
    assert notices == {1: ["BISECTED", "DISCARDED"], 2: [], 3: ["BISECTED"], 4: []}


async def test_what_was_too_old_before_it_was_sent_is_told_with_its_letter(rig: Journaled) -> None:
    await rig.supervisor.create("m", settings(record_age_max_s=60, on_failure=QUEUE), enabled=True)
    old = RawRecord(b'{"n":1}', 1, ItemKey(b"a"), rig.clock.now().timestamp() - 3600, "INSERT")
    await rig.source.append("s", old)
    await rig.passed(1)
    told = await rig.journal.about(Position(1))
    assert not any(isinstance(one.entry, Sent) for one in told.entries)
    assert {one.entry.condition for one in told.entries if isinstance(one.entry, Lettered)} == {"RecordAgeExceeded"}
    assert [one.entry.notice for one in told.entries if isinstance(one.entry, Told)] == ["DISCARDED"]


async def test_a_function_that_was_not_reached_is_told_with_the_reason(rig: Journaled) -> None:
    async def throttled(numbers: list[int]) -> Answer:
        if len(rig.calls) == 1:
            raise ThrottledError(SLOW, code="TooManyRequestsException", retry_after_s=0.5)
        return Answer(b"null")

    rig.answer = throttled
    await rig.supervisor.create("m", settings(), enabled=True)
    await rig.source.append("s", rig.record(1, "a"))
    await rig.passed(1)
    told = await rig.journal.about(Position(1))
    answers = [one.entry for one in told.entries if isinstance(one.entry, Answered)]
    assert [(one.outcome, one.retry_after_s) for one in answers] == [("NotReached", 0.5), ("Delivered", None)]
    assert answers[0].reason == SLOW


async def test_a_partial_answer_says_from_where_on_it_failed(rig: Journaled) -> None:
    async def partly(numbers: list[int]) -> Answer:
        return Answer(b'{"batchItemFailures":[{"itemIdentifier":"2"}]}') if 1 in numbers else Answer(b"null")

    rig.answer = partly
    await rig.supervisor.create("m", settings(report_batch_item_failures=True), enabled=True)
    await rig.source.append("s", *(rig.record(n, f"k{n}") for n in (1, 2)))
    await rig.passed(2)
    first = await rig.journal.about(Position(1))
    second = await rig.journal.about(Position(2))
    outcomes = [(one.entry.outcome, one.entry.failed_from) for one in second.entries if isinstance(one.entry, Answered)]
    assert outcomes == [("FailedFrom", "2"), ("Delivered", None)]
    assert len([one for one in first.entries if isinstance(one.entry, Answered)]) == 1


async def test_the_verdicts_that_into_printed_belong_to_their_invocation(rig: Journaled) -> None:
    async def sinks(numbers: list[int]) -> Answer:
        line = (
            '{"afterbay":"verdicts","request_id":"%s","records":1,"failed":1,"sinks":[{"sink":"memory:x","applied":0,'
            '"poison":1}],"reasons":[{"sink":"memory:x","kind":"poison","reason":"no number","records":1}]}\n'
        )
        rig.journal.line(line % rig.request_ids[-1], "", rig.clock.now())
        rig.journal.line("something else\n", rig.request_ids[-1], rig.clock.now())
        rig.journal.line('{"afterbay":"verdicts", no JSON\n', rig.request_ids[-1], rig.clock.now())
        return Answer(b"null")

    rig.answer = sinks
    await rig.supervisor.create("m", settings(batch_size=1), enabled=True)
    await rig.source.append("s", rig.record(1, "a"), rig.record(2, "b"))
    await rig.passed(2)
    told = await rig.journal.about(Position(2))
    assert kinds(told) == ["Read", "Sent", "Verdicts", "Answered", "Passed"]
    (verdicts,) = (one for one in told.entries if isinstance(one.entry, Verdicts))
    assert verdicts.request_id == rig.request_ids[1]
    assert isinstance(verdicts.entry, Verdicts)
    assert verdicts.entry.sinks == {"memory:x": {"applied": 0, "poison": 1}}
    assert verdicts.entry.reasons[0].reason == "no number"


async def test_trouble_of_the_shard_and_requests_of_the_user_are_told_beside(rig: Journaled) -> None:
    rig.source.failures.append(ThrottledError("slow down", code="ThrottlingException"))
    await rig.supervisor.create("m", settings(), enabled=True)
    await rig.source.append("s", rig.record(1, "a"))
    await rig.passed(1)
    told = await rig.journal.about(Position(1))
    assert [one.entry.event for one in told.entries if isinstance(one.entry, Lifecycle)] == ["Created"]
    assert [one.entry.notice for one in told.entries if isinstance(one.entry, Told)] == [
        "SOURCE_FAILED",
        "SOURCE_RECOVERED",
    ]
    unknown = await rig.journal.about(Position(99), "s")
    assert unknown.places == ()
    assert "SOURCE_FAILED" in [one.entry.notice for one in unknown.entries if isinstance(one.entry, Told)]
    assert (await rig.journal.about(Position(1), "another")).places == ()


async def test_no_image_is_kept_and_no_key_unless_asked_for() -> None:
    for in_clear in (False, True):
        store = MemoryStore(b"seed" * 8)
        rig = Journaled(store, keys_in_clear=in_clear)
        await rig.source.add_shard("s")

        async def broken(numbers: list[int]) -> Answer:
            return Answer(b'{"errorType":"ValueError","errorMessage":"it was customer-8"}', "Unhandled")

        rig.answer = broken
        async with rig.supervisor:
            await rig.supervisor.create("m", settings(retry_attempts_max=0, on_failure=QUEUE), enabled=True)
            await rig.source.append("s", rig.record(1, "customer-7"))
            await rig.passed(1)
            told = await rig.journal.about(Position(1))
        await rig.journal.close()
        kept = b"".join(row.body for _, row in store.journal_holding(b""))
        assert b"image" not in kept
        assert (b"customer-7" in kept) is in_clear
        assert (b"customer-8" in kept) is in_clear, "an error's text may quote a key"
        assert b"ValueError" in kept
        assert told.places[0].key == (b"customer-7" if in_clear else None)
        assert KeyMarks(b"seed" * 8).of(b"customer-7") in kept


async def test_the_journal_is_read_from_the_file_beside_the_engine_and_after_it(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state")
    rig = Journaled(store)
    await rig.source.add_shard("s")
    async with rig.supervisor:
        await rig.supervisor.create("m", settings(), enabled=True)
        await rig.source.append("s", rig.record(10**39, "a"))
        await rig.passed(10**39)
        for _ in range(2):
            with JournalFile(tmp_path / "state") as beside:
                mark = KeyMarks(beside.seed()).of(b"a")
                assert kinds(recall(beside, mark))[:4] == ["Read", "Sent", "Answered", "Passed"]
    await rig.journal.close()
    store.close()
    with JournalFile(tmp_path / "state") as after:
        told = recall(after, Position(10**39))
    assert told.places[0].position == 10**39
    assert told.entries[-1].entry.event == "StopRequested"  # type: ignore[union-attr]


class Refusing(MemoryStore):
    """Takes no row of the journal until it is told to."""

    full = True

    def append_journal(self, rows) -> None:  # type: ignore[no-untyped-def]
        if self.full:
            raise StateError("the disk is full")
        super().append_journal(rows)


async def test_a_store_that_takes_none_loses_journal_rows_and_the_journal_says_how_many(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = Refusing(b"seed")
    journal = Journal(store)
    line = '{"afterbay":"verdicts","request_id":"r","records":0,"failed":0,"sinks":[],"reasons":[]}'
    for _ in range(3):
        journal.line(line, "", datetime(2026, 1, 1, tzinfo=UTC))
        await journal.write()
    assert [record.message for record in caplog.records] == ["journal not written; records go on"]
    store.full = False
    journal.line(line, "", datetime(2026, 1, 1, tzinfo=UTC))
    await journal.write()
    rows = recall(store, Position(1), "any").entries
    assert [one.entry.rows for one in rows if isinstance(one.entry, Lost)] == [3]
    journal.line(line, "", datetime(2026, 1, 1, tzinfo=UTC))
    await journal.close()
    assert len(store.journal_holding(b"")) == 3, "what was lost is told once"


async def test_what_is_pending_is_bounded_and_the_oldest_go_first() -> None:
    store = MemoryStore(b"seed")
    journal = Journal(store, pending_bytes_max=1_000)
    line = '{"afterbay":"verdicts","request_id":"%d","records":0,"failed":0,"sinks":[],"reasons":[]}'
    for number in range(100):
        journal.line(line % number, "", datetime(2026, 1, 1, tzinfo=UTC))
    await journal.close()
    kept = [row.request_id for _, row in store.journal_holding(b"")]
    assert kept[-1] == "99" and kept[0] is None and 1 < len(kept) < 10
    (lost,) = (one.entry for one in recall(store, Position(1), "any").entries)
    assert isinstance(lost, Lost) and lost.rows == 100 - (len(kept) - 1)


async def test_forgetting_drops_what_is_not_written_yet() -> None:
    store = MemoryStore(b"seed")
    journal = Journal(store)
    line = '{"afterbay":"verdicts","request_id":"r","records":0,"failed":0,"sinks":[],"reasons":[]}'
    journal.line(line, "", datetime(2026, 1, 1, tzinfo=UTC))
    await journal.forget()
    await journal.close()
    assert store.journal_holding(b"") == []


def test_the_words_of_a_notice_give_its_range() -> None:
    records = [RawRecord(b"{}", n, ItemKey(b"k"), 0.0, "INSERT") for n in (7, 10**39)]
    assert _range_in(f"{describe(records)}: too old") == (7, 10**39)
    assert _range_in(describe([])) == (None, None)


def test_a_row_that_is_no_entry_is_refused() -> None:
    store = MemoryStore(b"seed")
    store.append_journal([JournalRow("m", "s", 1, 1, None, b"nonsense")])
    with pytest.raises(StateError, match="entry that cannot be read"):
        recall(store, Position(1))
