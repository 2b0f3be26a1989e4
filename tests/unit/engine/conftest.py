"""The engine around things in memory, one for each test."""

from __future__ import annotations

import pytest

from unit.engine.rig import Rig


@pytest.fixture
async def rig():
    rig = Rig()
    await rig.source.add_shard("s")
    async with rig.supervisor:
        yield rig
