"""How long a failed batch rests: any part of what the core says, and never less than the target asks for (R91, X89)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from afterbay.core.mapping.commands import Rest
from afterbay.core.mapping.events import Rested
from afterbay.core.shard.position import ShardId
from afterbay.engine.perform import Performer

NOW = datetime(2026, 1, 2, tzinfo=UTC)


class StandingClock:
    def __init__(self) -> None:
        self.slept_s: list[float] = []

    def now(self) -> datetime:
        return NOW

    async def sleep_until(self, when: datetime) -> None:
        self.slept_s.append((when - NOW).total_seconds())


@pytest.mark.parametrize(("at_least_s", "slept_s"), [(0.0, 2.0), (1.5, 2.0), (30.0, 30.0)])
async def test_a_rest_is_no_shorter_than_what_is_asked_for(at_least_s: float, slept_s: float) -> None:
    clock, names = StandingClock(), ("source", "deliverer", "store", "outbox", "threads", "jitter", "meter", "settings")
    unused: dict[str, Any] = dict.fromkeys(names)
    performer = Performer(mapping="m", clock=clock, rests=lambda delay_s: delay_s / 4, **unused)  # type: ignore[arg-type]
    shard = ShardId("s")
    assert await performer(Rest(shard, 0, 1, "r", 8.0, at_least_s)) == Rested(shard, 0, 1, "r")
    assert clock.slept_s == [slept_s]
