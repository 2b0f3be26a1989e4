"""Tumbling windows: which one a record belongs to, what it has gathered, and when it closes (R121 to R131).

Decides for one shard, which has one lane (R131). Time is passed in; the window's state is the function's own JSON, kept
byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice

import msgspec

from afterbay.core.change.raw import RawRecord
from afterbay.core.change.wire import payload
from afterbay.core.mapping.batch import Batch, make_final
from afterbay.core.mapping.request_id import RequestIds
from afterbay.core.shard.position import ShardId

__all__ = ["IDLE_CLOSE_S", "STATE_BYTES_MAX", "Tumbling", "Window", "WindowCall", "event_of", "state_in"]

STATE_BYTES_MAX = 1024 * 1024
"""A state above this ends its window early (R129)."""

IDLE_CLOSE_S = 120
"""How long after its end a window closes when no later record comes (R127)."""

EMPTY_STATE = b"{}"


class Window(msgspec.Struct, frozen=True):
    """An open window, as it is saved with the shard's position.

    ``start_s`` and ``end_s`` are epoch seconds. ``state`` is what the function returned last, a JSON object. ``last``
    is the position of its last record that is done, as text (a sequence number fits no 64-bit integer).
    """

    start_s: int
    end_s: int
    state: bytes = EMPTY_STATE
    last: str = "0"

    @property
    def early(self) -> bool:
        """True if the state grew too large: the window ends before its time (R129)."""
        return len(self.state) > STATE_BYTES_MAX


class WindowCall(msgspec.Struct, frozen=True):
    """What an invocation is told besides its records (R121). ``final``: it has none, and closes the window."""

    window: Window
    final: bool
    shard: ShardId
    stream_arn: str

    @property
    def terminated_early(self) -> bool:
        return self.final and self.window.early

    def info(self) -> dict[str, object]:
        """``timeWindowInfo`` of a dead letter (R130)."""
        return {
            "window": {"start": _instant(self.window.start_s), "end": _instant(self.window.end_s)},
            "isFinalInvokeForWindow": self.final,
            "isWindowTerminatedEarly": self.terminated_early,
        }


_SAVED = msgspec.msgpack.Decoder(Window)


class Tumbling:
    """The windows of one shard, one after another.

    ``length_s`` 0: windows were switched off, and one that is still open is only to be closed. ``saved`` is what
    ``saved()`` gave before a restart. Windows never go backwards: a record that comes late, with a creation time before
    the open window, belongs to the open one.
    """

    def __init__(self, shard: ShardId, stream_arn: str, length_s: int, saved: bytes | None, now_s: float) -> None:
        self.shard, self.stream_arn = shard, stream_arn
        self.length_s = length_s
        self.window = None if saved is None else _SAVED.decode(saved)
        self._caught_up = False
        self._heard_s = now_s

    def saved(self) -> bytes | None:
        return None if self.window is None else msgspec.msgpack.encode(self.window)

    def heard(self, records: int, now_s: float) -> None:
        """A page with so many records came; an empty one says that nothing later is there yet."""
        self._caught_up = records == 0
        if records:
            self._heard_s = now_s

    def closes(self, following: RawRecord | None, *, ended: bool, now_s: float) -> bool:
        """True if the open window gets its final invocation now.

        Rules: R126 a record of a later window waits, R127 nothing came for long, R128 the shard ends, R129 the state is
        too large. A window of another length is closed before anything else, so that nothing it gathered is lost.
        """
        window = self.window
        if window is None:
            return False
        if window.early or window.end_s - window.start_s != self.length_s:
            return True
        if following is not None:
            return following.created_s >= window.end_s
        idle_s = self.idle_close_s()
        return ended or (idle_s is not None and now_s >= idle_s)

    def idle_close_s(self) -> float | None:
        """When the open window closes if nothing comes; None while there may be records that were not read yet."""
        if self.window is None or not self._caught_up:
            return None
        return max(float(self.window.end_s), self._heard_s) + IDLE_CLOSE_S

    def admit(self, waiting: Iterable[RawRecord], count_max: int) -> tuple[int, bool]:
        """How many of ``waiting`` a batch may take, and whether a later window keeps more from joining (R123).

        Opens a window for the first of them if none is open (R122). ``waiting`` is not empty.
        """
        if not self.length_s:
            return count_max, False
        count = 0
        for record in islice(waiting, count_max):
            if self.window is None:
                start_s = int(record.created_s // self.length_s) * self.length_s
                self.window = Window(start_s, start_s + self.length_s)
            if record.created_s >= self.window.end_s:
                return count, True
            count += 1
        return count, False

    def told_bytes(self) -> int:
        """How much of the payload the window takes besides the records (R56)."""
        call = self.call(final=False)
        return 0 if call is None else len(event_of((), call)) - len(payload(()))

    def final_batch(self, ids: RequestIds) -> Batch:
        """The invocation that closes the open window."""
        assert self.window is not None, "only an open window closes"
        return make_final(self.shard, ids, start_s=self.window.start_s, last=int(self.window.last))

    def call(self, *, final: bool) -> WindowCall | None:
        """What the next invocation is told; None where there is no window."""
        return None if self.window is None else WindowCall(self.window, final, self.shard, self.stream_arn)

    def took(self, state: bytes | None, last: int) -> None:
        """Records up to ``last`` are done; ``state`` is what the function returned, None if it did not say (R124)."""
        assert self.window is not None, "a batch in window mode has a window"
        kept = self.window.state if state is None else state
        self.window = Window(self.window.start_s, self.window.end_s, kept, str(last))

    def close(self) -> None:
        """The final invocation is done, or given up; what it returned is dropped (R126)."""
        self.window = None


def event_of(records: Iterable[RawRecord], call: WindowCall | None) -> bytes:
    """The event that a function gets: the records (R132), and what it is told of their window (R121)."""
    event = payload(records)
    if call is None:
        return event
    told = msgspec.json.encode({**call.info(), "shardId": call.shard, "eventSourceARN": call.stream_arn})
    return b"".join((event[:-1], b',"state":', call.window.state, b",", told[1:]))


class _Answer(msgspec.Struct):
    state: msgspec.Raw = msgspec.Raw()


_ANSWER = msgspec.json.Decoder(_Answer)


def state_in(payload: bytes) -> bytes | None:
    """The state that an answer holds: a JSON object as it was written; None where there is none (R125)."""
    try:
        state = bytes(_ANSWER.decode(payload).state).strip()
        state.decode()  # what is skipped over is not checked: it goes into the next event as it is
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return state if state.startswith(b"{") else None


def _instant(epoch_s: int) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
