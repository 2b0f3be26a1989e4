"""The engine in real time, on a stream in memory: what it delivers, saves, sends, and survives."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from afterbay.core.mapping.lifecycle import State
from afterbay.core.shard.position import ShardEnd, ShardId
from afterbay.engine.status import as_document, take
from afterbay.errors import IteratorExpiredError, SettingsError, StateError, ThrottledError, UnavailableError
from afterbay.ports import Answer
from afterbay.targets.archive import archive_key
from afterbay.targets.document import document
from unit.core.mapping.driving import after, settings
from unit.engine.rig import QUEUE, Rig, record


async def test_what_is_written_reaches_the_function_and_is_checkpointed(rig: Rig) -> None:
    await rig.supervisor.create("m", settings(batch_size=2), enabled=True)
    await rig.source.append("s", *(record(rig.clock, n) for n in (1, 2, 3)))
    await rig.until(lambda: sum(map(len, rig.calls)) == 3)
    await rig.until(lambda: any(row.at == after(3) for row in rig.store.load("m")))
    status = rig.supervisor.describe("m")
    assert status is not None
    assert (status.state, status.last_processing_result) == (State.ENABLED, "OK")
    first = rig.heard.attempts[0]
    assert [one.position for one in first.batch.records] == rig.calls[0] and first.started <= first.ended


async def test_a_function_that_is_not_reached_costs_no_attempt(rig: Rig) -> None:
    async def throttled(numbers: list[int]) -> Answer:
        if len(rig.calls) <= 3:
            raise ThrottledError("slow down", code="TooManyRequestsException")
        return Answer(b"null")

    rig.answer = throttled
    await rig.supervisor.create("m", settings(retry_attempts_max=0, on_failure=QUEUE), enabled=True)
    await rig.source.append("s", record(rig.clock, 1))
    await rig.until(lambda: len(rig.calls) == 4)
    await rig.until(lambda: any(row.at == after(1) for row in rig.store.load("m")))
    assert rig.sent == []
    assert len(set(rig.request_ids)) == 1


async def test_what_fails_until_its_table_keeps_it_no_longer_holds_nobody_back(rig: Rig) -> None:
    """R51, R88: the stream of a table keeps a record for 24 hours."""

    async def broken(numbers: list[int]) -> Answer:
        return Answer(b"{}", "Unhandled" if 1 in numbers else None)

    rig.answer = broken
    await rig.supervisor.create("m", settings(), enabled=True)
    nearly_a_day_old = rig.clock.now().timestamp() - 24 * 3600 + 60
    bad = msgspec.structs.replace(record(rig.clock, 1), created_s=nearly_a_day_old)
    await rig.source.append("s", bad, record(rig.clock, 2))
    await rig.until(lambda: len(rig.calls) > 1)
    assert rig.calls[-1] == [1, 2]
    await rig.clock.advance(61)
    await rig.until(lambda: any(row.at == after(2) for row in rig.store.load("m")))
    assert rig.calls[-1] == [2]


async def test_a_letter_that_cannot_be_sent_is_kept_and_sent_later(rig: Rig) -> None:
    async def broken(numbers: list[int]) -> Answer:
        return Answer(b"{}", "Unhandled")

    rig.answer = broken
    rig.target_failures = 2
    await rig.supervisor.create("m", settings(retry_attempts_max=0, on_failure=QUEUE), enabled=True)
    await rig.source.append("s", record(rig.clock, 1))
    await rig.until(lambda: rig.store.outbox_size() == 1 and rig.target_failures == 1)
    assert any(row.at == after(1) for row in rig.store.load("m")), "the shard went on"
    await rig.until(lambda: len(rig.sent) == 1)
    assert rig.sent[0].request_id == rig.request_ids[0]
    await rig.until(lambda: rig.store.outbox_size() == 0)


class Archive:
    """Bodies by name; ``failures``: how often it takes nothing first. ``before``: how many letters were out by then."""

    def __init__(self, rig: Rig, failures: int = 0) -> None:
        self.rig, self.failures = rig, failures
        self.kept: dict[str, bytes] = {}
        self.before: list[int] = []

    async def put(self, key: str, event: bytes) -> None:
        if self.failures:
            self.failures -= 1
            raise StateError("the disk is full")
        self.kept[key] = event
        self.before.append(len(self.rig.sent))

    async def get(self, key: str) -> bytes | None:
        return self.kept.get(key)


async def test_bodies_are_archived_before_their_letter_is_sent() -> None:
    rig = Rig(archive=lambda rig: Archive(rig, failures=1))
    await rig.source.add_shard("s")

    async def broken(numbers: list[int]) -> Answer:
        return Answer(b"{}", "Unhandled")

    rig.answer = broken
    rig.target_failures = 1
    async with rig.supervisor:
        await rig.supervisor.create("m", settings(retry_attempts_max=0, on_failure=QUEUE), enabled=True)
        await rig.source.append("s", record(rig.clock, 1), record(rig.clock, 2))
        await rig.until(lambda: sum(one.count for one in rig.sent) == 2)
    archive = rig.archive
    assert isinstance(archive, Archive)
    assert archive.kept == {archive_key(one): one.event for one in rig.sent}
    assert archive.before[0] == 0, "kept before anything was sent"
    assert b'{"n":1}' in b"".join(archive.kept.values())
    assert all("payload" not in document(one, rig.clock.now()) for one in rig.sent), "a queue gets no bodies"


async def test_without_an_archive_a_letter_carries_no_bodies(rig: Rig) -> None:
    async def broken(numbers: list[int]) -> Answer:
        return Answer(b"{}", "Unhandled")

    rig.answer = broken
    await rig.supervisor.create("m", settings(retry_attempts_max=0, on_failure=QUEUE), enabled=True)
    await rig.source.append("s", record(rig.clock, 1))
    await rig.until(lambda: len(rig.sent) == 1)
    assert rig.sent[0].event == b""


async def test_letters_that_wait_are_told_with_tries_and_the_last_error(rig: Rig) -> None:
    async def broken(numbers: list[int]) -> Answer:
        return Answer(b"{}", "Unhandled")

    rig.answer = broken
    rig.target_failures = 1_000
    await rig.supervisor.create("m", settings(retry_attempts_max=0, on_failure=QUEUE), enabled=True)
    await rig.source.append("s", record(rig.clock, 1))
    await rig.until(lambda: rig.store.outbox_size() == 1 and rig.outbox.status().last_error is not None)
    await rig.until(lambda: rig.store.outbox(limit=1)[0].tries > 0)
    document = await rig.outbox.document()
    (told,) = document["letters"]  # type: ignore[misc]
    assert document["waiting"] == 1
    assert (told["destination"], told["first"], told["condition"]) == (QUEUE, "1", "RetryAttemptsExhausted")
    assert told["tries"] >= 1 and "down" in told["last_error"] and "event" not in told


async def test_a_failing_source_is_read_again_and_loses_nothing(rig: Rig) -> None:
    rig.source.failures += [
        ThrottledError("slow down", code="ThrottlingException"),
        IteratorExpiredError("old", code="ExpiredIteratorException"),
        UnavailableError("oops", code="InternalServerError"),
    ]
    await rig.supervisor.create("m", settings(), enabled=True)
    await rig.source.append("s", record(rig.clock, 1), record(rig.clock, 2))
    await rig.until(lambda: sum(map(len, rig.calls)) == 2)
    assert [n for call in rig.calls for n in call] == [1, 2]


async def test_draining_waits_for_what_is_in_flight() -> None:
    rig = Rig()
    await rig.source.add_shard("s")
    started, release = asyncio.Event(), asyncio.Event()

    async def slow(numbers: list[int]) -> Answer:
        started.set()
        await release.wait()
        return Answer(b"null")

    rig.answer = slow
    async with rig.supervisor:
        await rig.supervisor.create("m", settings(), enabled=True)
        await rig.source.append("s", record(rig.clock, 1))
        await started.wait()
        asyncio.get_running_loop().call_later(0.05, release.set)
    assert any(row.at == after(1) for row in rig.store.load("m"))


async def test_a_deleted_mapping_is_gone_with_its_positions(rig: Rig) -> None:
    await rig.supervisor.create("m", settings(), enabled=True)
    await rig.source.append("s", record(rig.clock, 1))
    await rig.until(lambda: bool(rig.store.load("m")) and bool(rig.calls))
    await rig.supervisor.delete("m")
    await rig.until(lambda: rig.supervisor.describe("m") is None)
    assert rig.store.load("m") == ()


async def test_everything_is_cleared_whatever_state_it_is_in(rig: Rig) -> None:
    await rig.supervisor.create("settled", settings(), enabled=True)
    await rig.source.append("s", record(rig.clock, 1))
    await rig.until(lambda: any(row.at == after(1) for row in rig.store.load("settled")))
    await rig.supervisor.create("new", settings(), enabled=True)
    status = rig.supervisor.describe("new")
    assert status is not None and status.state is State.CREATING
    await rig.supervisor.clear()
    await rig.until(lambda: rig.supervisor.describe("new") is None and rig.supervisor.describe("settled") is None)
    assert rig.store.load("settled") == rig.store.load("new") == ()


async def test_an_update_while_another_is_under_way_is_refused_as_in_use(rig: Rig) -> None:
    started, release = asyncio.Event(), asyncio.Event()

    async def slow(numbers: list[int]) -> Answer:
        started.set()
        await release.wait()
        return Answer(b"null")

    rig.answer = slow
    await rig.supervisor.create("m", settings(), enabled=True)
    await rig.source.append("s", record(rig.clock, 1))
    await started.wait()
    await rig.supervisor.update("m", settings(batch_size=7), enabled=None)
    with pytest.raises(SettingsError) as refused:
        await rig.supervisor.update("m", settings(batch_size=8), enabled=None)
    assert refused.value.code == "ResourceInUseException"
    release.set()


async def test_a_mapping_that_ends_by_a_bug_starts_again_from_its_checkpoint(rig: Rig) -> None:
    await rig.supervisor.create("m", settings(), enabled=True)
    await rig.source.append("s", record(rig.clock, 1))
    await rig.until(lambda: any(row.at == after(1) for row in rig.store.load("m")))
    (runner,) = rig.supervisor
    read = rig.source.read

    async def broken(*args: object, **kwargs: object) -> object:
        rig.source.read = read  # type: ignore[method-assign]
        raise ZeroDivisionError("a bug")

    rig.source.read = broken  # type: ignore[method-assign,assignment]
    await rig.source.append("s", record(rig.clock, 2))
    await rig.until(lambda: runner not in tuple(rig.supervisor))
    await rig.until(lambda: sum(map(len, rig.calls)) >= 2)
    assert rig.calls[-1] == [2]


async def test_advancing_the_clock_ends_a_batching_window(rig: Rig) -> None:
    await rig.supervisor.create("m", settings(batching_window_s=300), enabled=True)
    await rig.source.append("s", record(rig.clock, 1))
    (runner,) = rig.supervisor
    await rig.until(lambda: ShardId("s") in runner.mapping.shards and runner.mapping.shards[ShardId("s")].buffered == 1)
    assert rig.calls == []
    await rig.clock.advance(301)
    await rig.until(lambda: rig.calls == [[1]])


async def test_the_end_of_a_source_is_told_once_all_of_it_is_delivered_and_without_being_asked(rig: Rig) -> None:
    """S23, X12: a listing finds that the stream is disabled, the next one that is due at the latest."""
    await rig.supervisor.create("m", settings(), enabled=True)
    await rig.source.append("s", record(rig.clock, 1))
    await rig.source.close_shard("s")
    await rig.until(lambda: any(isinstance(row.at, ShardEnd) for row in rig.store.load("m")))
    await rig.clock.advance(30)
    rig.source.disabled = True
    assert rig.over == []
    await rig.clock.advance(61)
    await rig.until(lambda: rig.over == ["m"])
    assert rig.calls == [[1]]
    await rig.clock.advance(300)
    assert rig.over == ["m"], "once"


async def test_status_tells_shards_lanes_and_what_blocks() -> None:
    rig = Rig()
    await rig.source.add_shard("s")

    async def broken(numbers: list[int]) -> Answer:
        return Answer(b"{}", "Unhandled")

    rig.answer = broken
    async with rig.supervisor:
        await rig.supervisor.create("m", settings(), enabled=True)
        await rig.source.append("s", record(rig.clock, 1))
        await rig.until(lambda: len(rig.calls) >= 2)
        document = as_document(take(rig.supervisor, rig.clock.now()))
        (mapping,) = document["mappings"]
        assert mapping["uuid"] == "m"
        assert mapping["shards"][0]["shard"] == "s"
        assert "failed attempt" in mapping["shards"][0]["blocked_by"]
        assert mapping["notices"][0]["notice"].startswith("a batch keeps failing")
        assert msgspec.json.encode(document)
