"""The engine in real time, on a stream in memory: what it delivers, saves, sends, and survives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import msgspec
import pytest

from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.core.mapping.deadletter import Letter
from afterbay.core.mapping.lifecycle import State
from afterbay.core.shard.position import ShardId
from afterbay.engine.clock import Clock
from afterbay.engine.meter import Attempt, Meter
from afterbay.engine.outbox import Outbox
from afterbay.engine.status import as_document, take
from afterbay.engine.supervisor import Connections, Supervisor
from afterbay.errors import IteratorExpiredError, SettingsError, ThrottledError, UnavailableError
from afterbay.ports import Answer
from afterbay.sources.memory import MemorySource
from afterbay.stores.memory import MemoryStore
from unit.core.mapping.driving import after, settings

QUEUE = "arn:aws:sqs:eu-west-1:000000000000:dlq"


def record(clock: Clock, position: int) -> RawRecord:
    return RawRecord(b'{"n":%d}' % position, position, ItemKey(b"k"), clock.now().timestamp(), "INSERT")


class Rig:
    """An engine around a stream in memory; ``answer`` is what the function does."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.source = MemorySource()
        self.store = MemoryStore(b"seed")
        self.calls: list[list[int]] = []
        self.request_ids: list[str] = []
        self.sent: list[Letter] = []
        self.target_failures = 0
        self.attempts: list[Attempt] = []
        self.news = asyncio.Condition()
        self.answer: Callable[[list[int]], Awaitable[Answer]] = self.succeed
        threads = ThreadPoolExecutor(2)
        self.outbox = Outbox(self.store, lambda arn: self, self.clock, threads)
        self.supervisor = Supervisor(
            Connections(source=lambda s: self.source, function=lambda s: self),
            self.store,
            self.outbox,
            self.clock,
            jitter=lambda delay_s: delay_s / 100,
            meter=Meter(on_attempt=self.attempts.append),
            threads=threads,
        )

    async def succeed(self, numbers: list[int]) -> Answer:
        return Answer(b"null")

    async def invoke(self, payload: bytes, *, request_id: str) -> Answer:
        numbers = [one["n"] for one in msgspec.json.decode(payload)["Records"]]
        self.calls.append(numbers)
        self.request_ids.append(request_id)
        try:
            return await self.answer(numbers)
        finally:
            await self.wake()

    async def send(self, letter: Letter, *, now: datetime) -> None:
        if self.target_failures:
            self.target_failures -= 1
            await self.wake()
            raise UnavailableError("down", code="ServiceUnavailable")
        self.sent.append(letter)
        await self.wake()

    async def wake(self) -> None:
        async with self.news:
            self.news.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        async def met() -> None:
            while not condition():
                await asyncio.sleep(0.002)  # polls a state that has no event of its own

        await asyncio.wait_for(met(), 10)


@pytest.fixture
async def rig():
    rig = Rig()
    await rig.source.add_shard("s")
    async with rig.supervisor:
        yield rig


async def test_what_is_written_reaches_the_function_and_is_checkpointed(rig: Rig) -> None:
    await rig.supervisor.create("m", settings(batch_size=2), enabled=True)
    await rig.source.append("s", *(record(rig.clock, n) for n in (1, 2, 3)))
    await rig.until(lambda: sum(map(len, rig.calls)) == 3)
    await rig.until(lambda: any(row.at == after(3) for row in rig.store.load("m")))
    status = rig.supervisor.describe("m")
    assert status is not None
    assert (status.state, status.last_processing_result) == (State.ENABLED, "OK")
    assert 0 <= rig.attempts[0].iterator_age_ms < 5000


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
