"""A lane goes on once what it did is saved."""

from __future__ import annotations

import asyncio

from afterbay.engine.saves import Saves
from unit.core.mapping.driving import settings
from unit.engine.rig import Rig, record


async def test_waiting_ends_with_the_last_save() -> None:
    saves = Saves()
    await saves.settled()
    saves.begins()
    saves.begins()
    waiting = asyncio.create_task(saves.settled())
    for _ in range(2):
        await asyncio.sleep(0)
        assert not waiting.done()
        saves.ends()
    await asyncio.wait_for(waiting, 5)


async def test_a_save_that_begins_as_another_ends_is_waited_for() -> None:
    saves = Saves()
    saves.begins()
    waiting = asyncio.create_task(saves.settled())
    await asyncio.sleep(0)
    saves.ends()
    saves.begins()
    for _ in range(3):
        await asyncio.sleep(0)
    assert not waiting.done()
    saves.ends()
    await asyncio.wait_for(waiting, 5)


async def test_a_batch_is_called_only_once_the_one_before_is_saved(rig: Rig) -> None:
    """However slow the disk: a kill repeats one batch of a lane."""
    seen: list[tuple[int, int]] = []
    save = rig.store.save
    saved = [0]

    def slow(mapping, shards, forget=()):
        save(mapping, shards, forget)
        saved[0] = max(int(getattr(row.at, "position", 0)) for row in shards)

    rig.store.save = slow  # type: ignore[method-assign]

    async def look(numbers):
        seen.append((numbers[0], saved[0]))
        return await rig.succeed(numbers)

    rig.answer = look
    await rig.supervisor.create("m", settings(batch_size=1), enabled=True)
    await rig.source.append("s", *(record(rig.clock, n) for n in range(1, 21)))
    await rig.until(lambda: len(seen) == 20)
    assert seen == [(n, n - 1) for n in range(1, 21)]
