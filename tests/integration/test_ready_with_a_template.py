"""Health says ready only once what a template declares is up."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request

from afterbay.endpoint.local import LocalAddress


def health(url: str) -> int:
    try:
        with urllib.request.urlopen(url + "/_afterbay/health", timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


async def test_the_address_is_not_ready_before_it_is_told():
    async with LocalAddress("127.0.0.1", 0, ready=False) as local:
        assert await asyncio.to_thread(health, local.url) == 503
        local.mark_ready()
        assert await asyncio.to_thread(health, local.url) == 200
