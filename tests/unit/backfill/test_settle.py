"""When a difference counts: after a change had its time to arrive, and never while both sides move."""

from __future__ import annotations

from contextlib import closing

import pytest

from afterbay.backfill.compare import Finding, Kind
from afterbay.backfill.notebook import Notebook, Sighting, Suspect
from afterbay.backfill.settle import Differing, Look, Settled, settle
from unit.backfill.sides import Time


class Script:
    """Both sides of keys as a function of time: key -> now -> (table, sink)."""

    def __init__(self, time: Time, **keys) -> None:
        self.time = time
        self.keys = keys
        self.looks = 0
        self.refreshed = 0

    def look(self, key: str) -> Look:
        table, sink = self.keys[key](self.time.now_s)
        if table == sink:
            return Look(key)
        return Look(key, Differing(Finding(Kind.DIFFERENT, ("v",)), Sighting.of(table, None, sink), None))

    async def look_at(self, keys) -> list[Look]:
        self.looks += len(keys)
        return [self.look(key) for key in keys]

    async def refresh(self) -> None:
        self.refreshed += 1


async def settled(wait_s: float = 10.0, looks_many: int = 100, **keys) -> tuple[Settled, set[str], Script]:
    time = Time()
    script = Script(time, **keys)
    with closing(Notebook()) as notebook:
        for key in keys:
            one = script.look(key).differing
            if one is not None:
                notebook.suspect([one.suspect(key, time.now_s)])
        told = await settle(notebook, script, wait_s=wait_s, pace=time.pace, looks_many=looks_many)
        return told, {one.key for page in notebook.suspects() for one in page}, script


async def test_a_change_that_arrives_in_time_is_no_difference():
    told, left, script = await settled(late=lambda now_s: (2, 1 if now_s < 4 else 2))
    assert (told, left) == (Settled(agreed=1), set())
    assert script.time.now_s < 6, "and nobody waits longer than for it"


async def test_what_stays_as_it_is_counts_when_the_time_is_over():
    told, left, script = await settled(wrong=lambda now_s: (2, 1))
    assert (told, left) == (Settled(), {"wrong"})
    assert script.time.now_s == pytest.approx(10)


async def test_no_wait_counts_at_the_second_look():
    told, left, script = await settled(wait_s=0, wrong=lambda now_s: (2, 1), now=lambda now_s: (1, 1))
    assert (told, left, script.looks, script.time.now_s) == (Settled(), {"wrong"}, 1, 0)


async def test_a_key_that_moves_on_both_sides_is_on_its_way():
    told, left, _ = await settled(hot=lambda now_s: (round(now_s, 2), round(now_s, 2) - 1))
    assert (told, left) == (Settled(in_flight=1), set())


async def test_a_table_that_moves_over_a_sink_that_does_not_differs():
    told, left, _ = await settled(dead=lambda now_s: (round(now_s, 2), "old"))
    assert (told, left) == (Settled(), {"dead"})


async def test_a_sink_that_moves_to_no_state_of_the_table_differs():
    told, left, _ = await settled(broken=lambda now_s: ("new", round(now_s, 2)))
    assert (told, left) == (Settled(), {"broken"})


async def test_many_keys_are_looked_at_once_when_all_had_their_time():
    keys = {f"k{number}": lambda now_s: (1, 2) for number in range(450)}
    told, left, script = await settled(looks_many=400, **keys)
    assert (told, len(left), script.looks, script.refreshed) == (Settled(), 450, 450, 1)
    assert script.time.now_s == pytest.approx(10)


async def test_what_is_decided_is_not_looked_at_again():
    time = Time()
    script = Script(time, kept=lambda now_s: (None, 1))
    with closing(Notebook()) as notebook:
        notebook.suspect([Suspect("kept", 0.0, Sighting.of(None, None, 1), Finding(Kind.KEPT), None, decided=True)])
        assert await settle(notebook, script, wait_s=10, pace=time.pace) == Settled()
        assert (notebook.count(Kind.KEPT), script.looks, time.now_s) == (1, 0, 0)
