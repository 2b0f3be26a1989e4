"""What is noted is stored before it is told, together, and in order; what cannot be stored is told as well."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from afterbay.endpoint.state.state import KeptClock, Op, State
from afterbay.errors import StateError


def put(name: str, value: str = "1") -> Op:
    return "INSERT INTO meta VALUES (?, ?)", (name, value)


def kept(path: Path) -> dict[str, str]:
    state = State(path)
    found = {str(name): str(value) for name, value in state.rows("SELECT name, value FROM meta")}
    state.folder.close()
    return found


def during(path: Path, work: Callable[[State], Awaitable[None]]) -> None:
    async def run() -> None:
        state = State(path)
        state.start()
        try:
            await work(state)
        finally:
            await state.close()

    asyncio.run(run())


def test_what_is_durable_is_in_the_file(tmp_path):
    async def work(state: State) -> None:
        state.note([put("a")])
        await state.durable()
        # another connection sees it: it is committed
        assert state.rows("SELECT count(*) FROM meta") == [(1,)]

    during(tmp_path / "state", work)
    assert kept(tmp_path / "state") == {"a": "1"}


def test_with_nothing_to_store_nobody_waits(tmp_path):
    async def work(state: State) -> None:
        await asyncio.wait_for(state.durable(), 1)

    during(tmp_path / "state", work)


def test_one_turn_of_the_loop_is_one_transaction(tmp_path):
    async def work(state: State) -> None:
        state.note([put("good")])
        state.note([put("bad"), put("bad")])  # the second breaks a rule of the table
        with pytest.raises(StateError):
            await state.durable()

    during(tmp_path / "state", work)
    assert kept(tmp_path / "state") == {}


def test_who_waits_while_the_disk_is_busy_waits_for_the_next_transaction(tmp_path):
    async def work(state: State) -> None:
        state.note([put("first")])
        waiting = asyncio.create_task(state.durable())
        await asyncio.sleep(0)  # the first one is on its way to the disk
        state.note([put("second")])
        await state.durable()
        assert state.rows("SELECT count(*) FROM meta") == [(2,)]
        await waiting

    during(tmp_path / "state", work)


def test_what_was_noted_is_stored_at_the_end(tmp_path):
    async def work(state: State) -> None:
        state.note([put("last")])

    during(tmp_path / "state", work)
    assert kept(tmp_path / "state") == {"last": "1"}


def test_after_a_failure_nothing_is_stored_and_everyone_is_told(tmp_path):
    async def work(state: State) -> None:
        state.note([("INSERT INTO nowhere VALUES (1)", ())])
        with pytest.raises(StateError, match="nowhere"):
            await state.durable()
        state.note([put("later")])
        with pytest.raises(StateError, match="nowhere"):
            await state.durable()
        assert state.failed is not None
        with pytest.raises(StateError, match="nowhere"):
            await state.failed

    during(tmp_path / "state", work)
    assert kept(tmp_path / "state") == {}


def test_a_full_disk_is_told_as_one(tmp_path):
    async def work(state: State) -> None:
        pages = int(str(state.rows("PRAGMA page_count")[0][0]))
        state.rows(f"PRAGMA max_page_count = {pages}")  # what SQLite says when the disk takes no more
        state.note([put("large", "x" * 1_000_000)])
        with pytest.raises(StateError, match="the disk is full"):
            await state.durable()

    during(tmp_path / "state", work)


def test_a_reset_leaves_the_clock_alone(tmp_path):
    async def work(state: State) -> None:
        state.note_advance(60)
        state.note([("INSERT INTO items (home, key, body) VALUES ('r/t', 'k', 'b')", ())])
        state.note_reset()

    during(tmp_path / "state", work)
    state = State(tmp_path / "state")
    assert state.clock_offset == timedelta(seconds=60)
    assert state.rows("SELECT count(*) FROM items") == [(0,)]
    state.folder.close()


class Still:
    """A clock that only moves when told."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 5, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    async def sleep_until(self, when: datetime) -> None:
        self.time = max(self.time, when)

    async def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def test_the_clock_is_ahead_by_all_its_moves(tmp_path):
    async def work(state: State) -> None:
        clock = KeptClock(Still(), state)
        before = clock.now()
        await clock.advance(900)
        await clock.advance(0.5)
        assert clock.now() - before == timedelta(seconds=900.5)

    during(tmp_path / "state", work)
    during(tmp_path / "state", lambda state: KeptClock(Still(), state).advance(1))
    state = State(tmp_path / "state")
    assert state.clock_offset == timedelta(seconds=901.5)
    state.folder.close()
