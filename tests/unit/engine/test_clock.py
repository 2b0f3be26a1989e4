"""The controllable clock: what is due runs at its own instant, in order."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from afterbay.engine.clock import Clock


async def test_what_is_due_runs_in_order_each_at_its_own_instant() -> None:
    clock = Clock()
    start = clock.now()
    woken: list[tuple[str, int]] = []

    async def sleeper(name: str, after_s: int) -> None:
        await clock.sleep_until(start + timedelta(seconds=after_s))
        woken.append((name, round((clock.now() - start).total_seconds())))

    async with asyncio.TaskGroup() as tasks:
        for name, after_s in (("late", 300), ("early", 100), ("middle", 200)):
            tasks.create_task(sleeper(name, after_s))
        await asyncio.sleep(0)
        await clock.advance(1000)
    assert woken == [("early", 100), ("middle", 200), ("late", 300)]


async def test_a_sleep_asked_for_on_the_way_is_part_of_the_way() -> None:
    clock = Clock()
    start = clock.now()
    instants: list[int] = []

    async def ticker() -> None:
        for n in range(1, 6):
            await clock.sleep_until(start + timedelta(seconds=60 * n))
            instants.append(round((clock.now() - start).total_seconds()))

    task = asyncio.create_task(ticker())
    await asyncio.sleep(0)
    await clock.advance(300)
    await task
    assert instants == [60, 120, 180, 240, 300]


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = Clock()
    task = asyncio.create_task(clock.sleep(50))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    before = clock.now()
    await clock.advance(100)
    assert clock.now() - before >= timedelta(seconds=100)


async def test_it_follows_a_services_clock_but_not_its_rounding() -> None:
    clock = Clock()
    near = clock.now() - timedelta(seconds=1)
    clock.follow(near)
    assert clock.now() - near >= timedelta(seconds=1)
    far: datetime = clock.now() + timedelta(hours=3)
    woken = asyncio.create_task(clock.sleep(3600))
    await asyncio.sleep(0)
    clock.follow(far)
    await woken
    assert abs(clock.now() - far) < timedelta(seconds=1)
