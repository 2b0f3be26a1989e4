"""Archives keep what they want for as long as they say; replays send it again, minute by minute (B70 to B77)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from afterbay.core.bus.archive import Archived
from afterbay.core.bus.replay import ReplayState
from afterbay.engine.archive import ArchiveKeeper
from unit.engine.bus_rig import REGION, BusRig, bus_arn, target

BUS = bus_arn("default")


class Rows:
    """An ``ArchiveStore``."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, str, Archived]] = []

    def keep(self, region: str, archive: str, event: Archived) -> None:
        self.kept.append((region, archive, event))

    def drop(self, region: str, archive: str, count: int) -> None:
        mine = [one for one in self.kept if one[:2] == (region, archive)][:count]
        self.kept = [one for one in self.kept if one not in mine]


@pytest.fixture
async def rig() -> AsyncIterator[BusRig]:
    rig = BusRig()
    yield rig
    await rig.archives.close()
    await rig.engine.clear()


def archive(rig: BusRig, name: str = "a", **more: object) -> str:
    made = rig.home.archives.create({"ArchiveName": name, "EventSourceArn": BUS, **more}, now=rig.clock.now())
    return str(made["ArchiveArn"])


def shown(rig: BusRig, name: str = "a") -> tuple[int, bool]:
    """How many events an archive says it has, and whether it says that they have a size."""
    body = rig.home.archives.describe({"ArchiveName": name})
    return body["EventCount"], body["SizeBytes"] > 0


def replay(rig: BusRig, name: str, archive_arn: str, minutes: int = 60, **more: object) -> None:
    """Start a replay of the last so many minutes."""
    now = rig.clock.now()
    rig.home.replays.start(
        {
            "ReplayName": name,
            "EventSourceArn": archive_arn,
            "EventStartTime": (now - timedelta(minutes=minutes)).timestamp(),
            "EventEndTime": now.timestamp(),
            "Destination": {"Arn": BUS, **more},
        },
        now=now,
    )
    rig.archives.replay(REGION, name, rig.engine)


def state(rig: BusRig, name: str) -> str:
    return rig.home.replays.current(name).state


async def test_an_archive_keeps_what_it_wants_and_no_replay_of_it(rig: BusRig) -> None:
    wanting = archive(rig, EventPattern='{"detail": {"n": [{"prefix": "yes"}]}}')
    rig.put("yes-1", "no", "yes-2")
    assert shown(rig) == (2, True)
    rig.rule("r", target())
    replay(rig, "again", wanting)
    await rig.settle()
    assert rig.ids("q") == ["yes-1", "yes-2"]
    assert shown(rig) == (2, True)
    assert state(rig, "again") == ReplayState.COMPLETED


async def test_what_is_past_its_retention_goes(rig: BusRig) -> None:
    archive(rig, RetentionDays=1)
    archive(rig, "for-ever")
    rig.put("old")
    await rig.clock.advance(86_400 - 10)
    rig.put("new")
    await rig.clock.advance(20)
    rig.archives.prune(REGION)
    assert shown(rig) == (1, True)
    assert shown(rig, "for-ever") == (2, True)
    await rig.clock.advance(86_400)
    rig.archives.prune(REGION)
    assert shown(rig) == (0, False)


@pytest.mark.parametrize("bound", [{"events_max": 3}, {"bytes_max": 90}])
async def test_the_oldest_go_when_there_are_too_many(bound: dict[str, int]) -> None:
    rows, rig = Rows(), BusRig()
    keeper = ArchiveKeeper(rig.homes, rig.clock.now, rows, **bound)
    rig.engine._archives = keeper  # the rig's own has no bounds to try
    archive(rig)
    rig.put(*(str(n) for n in range(5)))
    left = [one.event.id for _, _, one in rows.kept]
    assert left == [str(n) for n in range(5)][-len(left) :]
    assert shown(rig) == (len(left), True)
    assert 0 < len(left) < 5


async def test_archived_events_come_back_with_their_counts(rig: BusRig) -> None:
    rows = Rows()
    archive(rig)
    rig.engine._archives = ArchiveKeeper(rig.homes, rig.clock.now, rows)
    rig.put("a", "b")
    again = BusRig(rig.clock)
    made = archive(again)
    again.archives.restore(rows.kept)
    assert shown(again) == shown(rig)
    again.rule("r", target())
    replay(again, "again", made)
    await again.settle()
    assert again.ids("q") == ["a", "b"]
    await again.engine.close()


async def test_a_deleted_archive_forgets_its_events(rig: BusRig) -> None:
    rows = Rows()
    rig.engine._archives = keeper = ArchiveKeeper(rig.homes, rig.clock.now, rows)
    archive(rig)
    archive(rig, "b")
    rig.put("e")
    rig.home.archives.delete({"ArchiveName": "a"})
    keeper.forget(REGION, "a")
    assert [name for _, name, _ in rows.kept] == ["b"]


async def test_a_replay_goes_minute_by_minute_first_minute_first(rig: BusRig) -> None:
    """B74: events are archived as they come, with the times they say."""
    made, now = archive(rig), rig.clock.now()
    for one, minutes in (("late", 1), ("early", 50), ("middle", 20), ("too-early", 70)):
        rig.put(one, time=now - timedelta(minutes=minutes))
    rig.rule("r", target())
    replay(rig, "again", made)
    await rig.settle()
    assert rig.ids("q") == ["early", "middle", "late"]


async def test_a_replay_is_for_the_rules_it_names(rig: BusRig) -> None:
    made = archive(rig)
    rig.put("e")
    wanted = rig.rule("wanted", target("a"))
    rig.rule("other", target("b"))
    replay(rig, "again", made, FilterArns=[wanted])
    await rig.settle()
    assert (rig.ids("a"), rig.ids("b")) == (["e"], [])


async def test_a_replay_is_cancelled_between_two_events(rig: BusRig) -> None:
    made = archive(rig)
    rig.put(*(str(n) for n in range(50)))
    rig.rule("r", target())
    replay(rig, "again", made)
    while not rig.calls:
        await asyncio.sleep(0)
    rig.home.replays.cancel({"ReplayName": "again"})
    await rig.settle()
    assert state(rig, "again") == ReplayState.CANCELLED
    assert 0 < len(rig.calls) < 50


async def test_a_replay_waits_for_room() -> None:
    rig = BusRig(waiting_max=4)
    made = archive(rig)
    rig.put(*(str(n) for n in range(40)))
    rig.rule("r", target())
    rig.blocked.add("q")
    replay(rig, "again", made)
    await rig.settle()
    assert rig.engine.waiting == 4
    assert state(rig, "again") == ReplayState.RUNNING
    rig.release("q")
    await rig.settle()
    assert len(rig.calls) == 40
    assert state(rig, "again") == ReplayState.COMPLETED
    await rig.engine.close()


async def test_a_replay_that_a_restart_interrupted_goes_on_from_its_minute(rig: BusRig) -> None:
    made, now = archive(rig), rig.clock.now()
    for one, minutes in (("first", 50), ("second", 30), ("same minute", 30), ("third", 10)):
        rig.put(one, time=now - timedelta(minutes=minutes))
    rig.rule("r", target())
    replay(rig, "again", made)
    while len(rig.calls) < 2:
        await asyncio.sleep(0)
    await rig.archives.close()  # in the minute of the second
    assert state(rig, "again") == ReplayState.RUNNING
    rig.archives.resume(rig.engine)
    await rig.settle()
    assert state(rig, "again") == ReplayState.COMPLETED
    assert rig.ids("q")[:2] == ["first", "second"]
    assert rig.ids("q")[-3:] == ["second", "same minute", "third"], "the minute again, and what was left"
    assert rig.ids("q").count("first") == 1


async def test_a_replay_that_was_being_cancelled_is_cancelled_after_a_restart(rig: BusRig) -> None:
    made = archive(rig)
    rig.put("e")
    rig.rule("r", target())
    replay(rig, "again", made)
    rig.home.replays.cancel({"ReplayName": "again"})
    await rig.archives.close()
    rig.archives.resume(rig.engine)
    await rig.settle()
    assert (state(rig, "again"), rig.calls) == (ReplayState.CANCELLED, [])
