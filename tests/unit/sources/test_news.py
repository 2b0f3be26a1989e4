"""Waiting for something new: woken by who tells, else as long as the clock says."""

from __future__ import annotations

import asyncio

from afterbay.engine.clock import Clock
from afterbay.sources.news import News


def test_what_is_told_wakes_who_waits() -> None:
    async def scene() -> None:
        news = News(Clock())
        waiting = asyncio.create_task(news.wait(news.mark, 3600))
        await asyncio.sleep(0)
        news.tell()
        await asyncio.wait_for(waiting, 5)

    asyncio.run(scene())


def test_what_was_told_since_the_look_is_not_missed() -> None:
    async def scene() -> None:
        news = News(Clock())
        mark = news.mark
        news.tell()
        await asyncio.wait_for(news.wait(mark, 3600), 5)

    asyncio.run(scene())


def test_a_wait_ends_by_the_clock_that_is_handed_in() -> None:
    async def scene() -> None:
        clock = Clock()
        news = News(clock)
        waiting = asyncio.create_task(news.wait(news.mark, 60))
        await asyncio.sleep(0)
        await clock.advance(59)
        assert not waiting.done()
        await clock.advance(1)
        await asyncio.wait_for(waiting, 5)

    asyncio.run(scene())
