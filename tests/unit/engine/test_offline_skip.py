"""A stopped engine's shard is unblocked in its file: letters and position in one step."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from afterbay.core.mapping.checkpoint import SavedShard
from afterbay.core.mapping.deadletter import Condition
from afterbay.core.mapping.events import SkipRequested
from afterbay.core.mapping.lineup import POSITIONED
from afterbay.core.shard.position import After, Position, ShardEnd, ShardId, TrimHorizon
from afterbay.engine import offline_skip
from afterbay.engine.offline_skip import GivenUp, give_up
from afterbay.errors import IteratorExpiredError, SettingsError, TrimmedError
from afterbay.sources.memory import MemorySource
from afterbay.stores.sqlite import SqliteStore
from unit.core.mapping.driving import record, settings

QUEUE = "arn:aws:sqs:eu-west-1:000000000000:dlq"
KEEPS = '{"keep": [true]}'
START = SavedShard(POSITIONED, TrimHorizon())
NOW = datetime(2026, 1, 1, 1, tzinfo=UTC)


async def stream(*positions: int, dropped: frozenset[int] = frozenset()) -> MemorySource:
    source = MemorySource()
    await source.add_shard("s")
    bodies = [(n, b'{"keep":false}' if n in dropped else b'{"keep":true}') for n in positions]
    await source.append("s", *(record(n, f"k{n % 5}", body=body) for n, body in bodies))
    return source


async def given_up(
    source: MemorySource,
    through: int,
    *rows: SavedShard,
    shard: str = "s",
    letter_to: str | None = None,
    **more: object,
) -> GivenUp:
    chosen = settings(**({"on_failure": QUEUE, "batch_size": 2} | more))
    request = SkipRequested(ShardId(shard), Position(through), letter_to)
    return await give_up("m", chosen, (START, *rows), b"seed", source, request, lambda: NOW, pause_s=0.0)


def row(at: int, **more: object) -> SavedShard:
    return replace(SavedShard(ShardId("s"), After(Position(at))), **more)  # type: ignore[arg-type]


async def test_what_is_behind_the_position_gets_letters_and_the_position_moves() -> None:
    done = await given_up(await stream(1, 2, 3, 4, 5, 6), 5, row(1))
    assert [(one.first, one.last, one.count) for one in done.letters] == [(2, 3, 2), (4, 5, 2)]
    assert {one.condition for one in done.letters} == {Condition.SKIPPED_BY_OPERATOR}
    assert done.rows == (row(5),) and (done.records, done.keys) == (4, 4)


async def test_a_shard_that_never_moved_has_no_position_and_gets_one() -> None:
    done = await given_up(await stream(1, 2), 1)
    assert [one.count for one in done.letters] == [1] and done.rows == (row(1),)


async def test_what_a_filter_leaves_out_is_in_no_letter() -> None:
    done = await given_up(await stream(1, 2, 3, dropped=frozenset({2})), 3, filters=(KEEPS,))
    assert [(one.first, one.last, one.count) for one in done.letters] == [(1, 3, 2)]


async def test_a_pipes_filter_is_read_as_the_pipe_reads_it() -> None:
    pipe = "arn:aws:pipes:eu-west-1:000000000000:pipe/p"
    source = MemorySource()
    await source.add_shard("s")
    await source.append("s", record(1, "k", body=b'{"eventSource":"aws:dynamodb"}'))
    hidden = ('{"eventSource": [{"exists": false}]}',)  # what the poller adds, a pipe's pattern does not see (X21)
    assert (await given_up(source, 1, filters=hidden, function_arn=pipe)).records == 1
    assert (await given_up(source, 1, filters=hidden)).records == 0


async def test_what_a_lane_finished_ahead_of_the_others_is_in_no_letter() -> None:
    lanes = (Position(4), Position(1), Position(4))
    source = await stream(*range(1, 9))
    done = await given_up(source, 6, row(1, lanes=lanes), parallelization_factor=3, batch_size=1)
    plain = await given_up(source, 6, row(1), batch_size=1)
    assert {one.first for one in done.letters} < {one.first for one in plain.letters}
    assert all(isinstance(one.at, After) and one.at.position >= 6 for one in done.rows)


async def test_a_position_between_two_records_is_one_too() -> None:
    done = await given_up(await stream(1, 3, 5), 4)
    assert [one.last for one in done.letters] == [3] and done.rows == (row(3),)


async def test_a_shard_that_ended_is_done_with_its_last_record() -> None:
    source = await stream(1, 2)
    await source.close_shard("s")
    done = await given_up(source, 2)
    assert [one.at for one in done.rows] == [ShardEnd()] and done.records == 2


async def test_what_is_done_needs_no_letter() -> None:
    assert (await given_up(await stream(1, 2, 3), 2, row(2))).letters == ()
    assert await given_up(await stream(1), 1, SavedShard(ShardId("s"), ShardEnd())) == GivenUp((), (), 0)


async def test_more_than_is_read_ahead_is_given_up_piece_by_piece() -> None:
    done = await given_up(await stream(*range(1, 12_001)), 11_500, batch_size=1_000)
    assert done.records == 11_500 and done.rows == (row(11_500),)
    assert [one.first for one in done.letters][:2] == [1, 1_001]


async def test_what_is_not_in_the_stream_yet_cannot_be_skipped() -> None:
    with pytest.raises(SettingsError, match="9 lies ahead in s: nothing is behind 2 yet"):
        await given_up(await stream(1, 2), 9)


async def test_what_was_trimmed_is_passed_and_in_no_letter() -> None:
    source = await stream(7, 8)
    source.failures = [TrimmedError("gone", code="TrimmedDataAccessException"), IteratorExpiredError("old", code="E")]
    done = await given_up(source, 7, row(1))
    assert [(one.first, one.last) for one in done.letters] == [(7, 7)]


async def test_without_a_destination_a_letter_has_to_be_sent_somewhere() -> None:
    with pytest.raises(SettingsError, match=r"--letter-to"):
        await given_up(await stream(1), 1, on_failure=None)
    done = await given_up(await stream(1), 1, on_failure=None, letter_to=QUEUE)
    assert [one.destination for one in done.letters] == [QUEUE]


async def test_a_file_shard_or_parent_that_does_not_fit_is_refused() -> None:
    source = await stream(1)
    await source.add_shard("child", "s")
    with pytest.raises(SettingsError, match=r"the stream has no shard other.*it has s, child"):
        await given_up(source, 1, shard="other")
    with pytest.raises(SettingsError, match="its parent s is not done"):
        await given_up(source, 1, shard="child")
    request = SkipRequested(ShardId("s"), Position(1))
    with pytest.raises(SettingsError, match="no position of mapping m"):
        await give_up("m", settings(), (), b"seed", source, request, lambda: NOW)


async def test_letters_and_positions_are_stored_in_one_step(tmp_path: Path) -> None:
    done = await given_up(await stream(1, 2, 3, 4), 3)
    store = SqliteStore(tmp_path / "state")
    assert not store.give_up("m", done.rows, done.letters, outbox_max=1)
    assert store.load("m") == () and store.outbox_size() == 0, "no room: nothing changed"
    assert store.give_up("m", done.rows, done.letters, outbox_max=10)
    assert store.load("m") == done.rows
    assert [one.letter.last for one in store.outbox(limit=9)] == [2, 3]
    store.close()


def test_a_pause_is_no_longer_than_the_engines() -> None:
    assert offline_skip.PAUSE_S * offline_skip.EMPTY_READS_MAX <= 5
