"""Buses as rows: what waits, what archives hold, and what there is, are read back as they were."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from afterbay.core.bus.archive import Archived
from afterbay.core.bus.deadletter import Letter
from afterbay.core.bus.delivery import Delivery
from afterbay.core.bus.envelope import Arrival, Event, Hop
from afterbay.core.bus.outcome import ErrorCode
from afterbay.endpoint.state.bus_rows import BusRows
from afterbay.endpoint.state.state import State
from afterbay.engine.bus import DeliveryEntry, LetterEntry
from afterbay.errors import StateError

RULE = "arn:aws:events:eu-west-1:000000000000:rule/orders/r"
EVENT = Event(
    id="e",
    detail_type="t",
    source="shop",
    account="000000000000",
    time_s=7,
    region="eu-west-1",
    resources=("arn:x",),
    detail='{"é":"\\ud800"}'.encode(),
    replay_name="p",
)
ARRIVAL = Arrival(
    event=EVENT,
    bus_arn="arn:aws:events:eu-west-1:000000000000:event-bus/orders",
    arrived_s=8.5,
    hops=(Hop(RULE, across_regions=True),),
    rules=(RULE,),
    trace_header="Root=1",
    entry_bytes=9,
)
DELIVERY = DeliveryEntry(
    Delivery(
        rule_arn=RULE,
        target_id="1",
        target_arn="arn:aws:sqs:eu-west-1:000000000000:q",
        arrival=ARRIVAL,
        due_s=9.25,
        attempts=2,
        error_code=ErrorCode.TIMEOUT,
        error_message="slow",
        token_refreshed=True,
    )
)
LETTER = LetterEntry(Letter(queue_arn="q", rule_arn=RULE, body=b"{}", attributes={"A": "b"}), "1", 10.5, 3)

_T = TypeVar("_T")


def during(path: Path, work: Callable[[BusRows, State], _T]) -> _T:
    """What ``work`` answers; all that it noted is stored behind it."""

    async def run() -> _T:
        state = State(path)
        state.start()
        try:
            return work(BusRows(state), state)
        finally:
            await state.close()

    return asyncio.run(run())


def test_what_waits_is_read_back_by_number(tmp_path: Path) -> None:
    def write(rows: BusRows, state: State) -> None:
        rows.put(2, LETTER)
        rows.put(1, LETTER)
        rows.put(3, DELIVERY)
        rows.put(1, DELIVERY)  # takes the place of the other
        rows.remove(3)

    during(tmp_path / "s", write)
    assert during(tmp_path / "s", lambda rows, _: list(rows.waiting())) == [(1, DELIVERY), (2, LETTER)]


def test_archives_lose_their_oldest_events_and_no_others(tmp_path: Path) -> None:
    def one(n: int) -> Archived:
        return Archived(event=EVENT, archived_s=float(n), counted_bytes=n)

    def write(rows: BusRows, state: State) -> None:
        for n in range(4):
            rows.keep("eu-west-1", "a", one(n))
            rows.keep("eu-west-1", "b", one(n))
            rows.keep("us-west-2", "a", one(n))
        rows.drop("eu-west-1", "a", 3)

    during(tmp_path / "s", write)
    found = during(tmp_path / "s", lambda rows, _: list(rows.archived()))
    assert [event.archived_s for region, name, event in found if (region, name) == ("eu-west-1", "a")] == [3.0]
    assert len(found) == 9
    assert found[0] == ("eu-west-1", "b", one(0))


def test_the_last_body_of_a_region_counts(tmp_path: Path) -> None:
    def write(rows: BusRows, state: State) -> None:
        rows.changed("eu-west-1", b"old")
        rows.changed("us-west-2", b"other")
        rows.changed("eu-west-1", b"new")

    during(tmp_path / "s", write)
    found = during(tmp_path / "s", lambda rows, _: rows.homes())
    assert sorted(found) == [("eu-west-1", b"new"), ("us-west-2", b"other")]


@pytest.mark.parametrize(
    ("statement", "read"),
    [
        ("INSERT INTO bus_entries VALUES (1, x'c1')", lambda rows: list(rows.waiting())),
        ("INSERT INTO bus_archived VALUES (1, 'r', 'a', x'c1')", lambda rows: list(rows.archived())),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, statement: str, read: Callable[[BusRows], object]) -> None:
    during(tmp_path / "s", lambda _, state: state.note([(statement, ())]))
    with pytest.raises(StateError, match="cannot be read"):
        during(tmp_path / "s", lambda rows, _: read(rows))


def test_a_reset_forgets_all_of_it(tmp_path: Path) -> None:
    def write(rows: BusRows, state: State) -> None:
        rows.put(1, DELIVERY)
        rows.keep("r", "a", Archived(event=EVENT, archived_s=0.0, counted_bytes=1))
        rows.changed("r", b"body")
        state.note_reset()

    during(tmp_path / "s", write)
    read = lambda rows, _: (list(rows.waiting()), list(rows.archived()), list(rows.homes()))  # noqa: E731
    assert during(tmp_path / "s", read) == ([], [], [])
