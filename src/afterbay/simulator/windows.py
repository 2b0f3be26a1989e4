"""What a tumbling window must be told, and when it closes (R121 to R131): the oracle's half for windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NoReturn

from afterbay.core.mapping.checkpoint import SavedShard
from afterbay.core.mapping.commands import Deliver
from afterbay.core.mapping.window import WindowCall
from afterbay.core.shard.position import ShardId
from afterbay.simulator.handler import count_in
from afterbay.simulator.record import Written
from afterbay.simulator.violation import Watch

__all__ = ["ExpectedWindows"]

Span = tuple[int, int]
Seen = tuple[Span | None, int]
"""The open window of a shard (epoch seconds), and how many records its state must have counted."""

_CLOSED: Seen = (None, 0)


class ExpectedWindows:
    """The windows of every shard, as they must be: what is done is counted, and a crash goes back to what was saved."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._seen: dict[ShardId, Seen] = {}
        self._issued: list[dict[ShardId, Seen]] = []
        self._saved: dict[ShardId, Seen] = {}
        self._may_close: set[ShardId] = set()

    def open_ones(self) -> Iterator[ShardId]:
        """The shards that have an open window."""
        return (shard for shard, (opened, _) in self._seen.items() if opened is not None)

    def process_started(self) -> None:
        self._issued.clear()

    def run_begins(self, rows: Sequence[SavedShard], gone: set[ShardId]) -> None:
        """What the window of a shard that is gone had gathered is lost with it."""
        self._seen = {row.shard: self._saved.get(row.shard, _CLOSED) for row in rows if row.shard not in gone}
        self._may_close = {row.shard for row in rows if row.window is not None}

    def save_issued(self, shards: Sequence[SavedShard]) -> None:
        self._issued.append({row.shard: self._seen.get(row.shard, _CLOSED) for row in shards})

    def save_is_durable(self) -> None:
        self._saved |= self._issued.pop(0)

    def counted(self, shard: ShardId, records: int) -> None:
        """So many more records of the open window are done."""
        opened, counted = self._seen.get(shard, _CLOSED)
        self._seen[shard] = (opened, counted + records)

    def discarded(self, shard: ShardId) -> None:
        """A window may be open with nothing in it."""
        self._may_close.add(shard)

    def closed(self, shard: ShardId) -> None:
        self._seen[shard] = _CLOSED
        self._may_close.discard(shard)

    def told(self, command: Deliver, records: Sequence[Written], length_s: int, *, closing: bool, ended: bool) -> None:
        """Check what a delivery is told of its window. ``closing``: another lane is closing one; ``ended``: the shard
        was read to its end."""
        call = command.window
        if call is None:
            self._fail("an invocation of a window mapping tells of its window (R121)", f"{command.batch}")
        if call.final != (not records):
            self._fail("only the final invocation has no records (R126)", f"{command.shard}")
        shard = command.shard
        told: Span = (call.window.start_s, call.window.end_s)
        opened, counted = self._seen.get(shard, _CLOSED)
        if call.final and (closing or (opened is None and shard not in self._may_close)):
            self._fail("a window is closed once (R126)", f"{shard} lane {command.lane}: {told}")
        if opened is None:
            self._opens(told, records, length_s)
            opened, counted = told, 0
            self._seen[shard] = (opened, 0)
        if told != opened:
            self._fail("one window is open per shard (R124)", f"{told} instead of {opened}")
        if told[1] - told[0] != length_s and not call.final:
            self._fail("a window of another length is only closed (R122)", f"{told}")
        if count_in(call.window.state) != counted:
            self._fail(
                "a window's state holds just what is done (R124, R128)",
                f"{shard} {told}: {count_in(call.window.state)} counted, {counted} done",
            )
        if any(record.raw.created_s >= told[1] for record in records):
            self._fail("a batch never mixes windows (R123)", f"{told}: {command.batch}")
        self._note(call, counted, length_s, ended=ended)

    def _opens(self, told: Span, records: Sequence[Written], length_s: int) -> None:
        """A window begins with its first record; LATEST's slack may come late, into one open since a restart."""
        if not records or not length_s or records[0].optional:
            return
        if told[0] != int(records[0].raw.created_s // length_s) * length_s:
            self._fail("windows are aligned to their first record (R122)", f"{told} for {records[0]}")

    def _note(self, call: WindowCall, counted: int, length_s: int, *, ended: bool) -> None:
        met = self._watch.met
        if not call.final:
            if counted:
                met("R124 a state went on")
            return
        met("R126 a final invocation early (R129)" if call.terminated_early else "R126 a final invocation")
        if ended:
            met("R128 a shard's end closes its window")
        if call.window.end_s - call.window.start_s != length_s:
            met("R126 a window of another length was closed after an update")

    def _fail(self, rule: str, detail: str) -> NoReturn:
        self._watch.fail(rule, detail)
