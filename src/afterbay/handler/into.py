"""A Lambda handler that writes every change to guarded sinks and reports what each of them said (E8)."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import Kind, Verdict
from afterbay.errors import RecordError, SettingsError
from afterbay.handler.delivery import Answer, Delivery, read_event
from afterbay.handler.each import Handler
from afterbay.handler.poison import refuse_poison_store
from afterbay.handler.report import print_verdicts
from afterbay.handler.transform import Transform, transformed
from afterbay.ports import Sink

__all__ = ["into"]

PIECE_RECORDS = 100
"""Changes given to a sink at once. When the function's time runs out, whole pieces are done and the rest is
reported."""

MARGIN_S_MAX = 1.0
MARGIN_SHARE = 0.1
"""What is kept of the function's time for the answer itself: a tenth of it, a second at most."""

_OUT_OF_TIME = Verdict(Kind.RETRYABLE, "the function's time was nearly over")
_RANK = {kind: rank for rank, kind in enumerate(Kind)}


def into(*sinks: Sink, transform: Transform | None = None) -> Handler:
    """Make a handler that decodes, guards, writes and reports; several sinks are written side by side.

    ``transform`` makes another item of a change (None removes it from the sink). A record fails if any sink says so,
    and then comes again to all of them: their guards know it. Shortly before the function's time is over, what is
    unfinished is reported as failed. One line of JSON on stdout counts the verdicts (docs/sinks.md).
    """
    if not sinks:
        raise SettingsError("into() needs a sink", hint='as in afterbay.into(afterbay.sink("memory:test"))')
    # One thread per sink: a write left behind by an invocation that ran out of time is never overtaken by the next
    # one's.
    threads = [ThreadPoolExecutor(1, thread_name_prefix="afterbay-sink") for _ in sinks]

    def handler(event: object, context: object = None) -> Answer:
        refuse_poison_store(os.environ)
        time_left_s = _time_left(context)
        delivery = read_event(event)
        verdicts, accepted = _decoded(delivery, transform)
        writes = [_Write(sink, [change for _, change in accepted]) for sink in sinks]
        futures = [thread.submit(write.run) for thread, write in zip(threads, writes, strict=True)]
        _wait(futures, writes, time_left_s)
        by_sink = [dict(zip((place for place, _ in accepted), write.verdicts(), strict=True)) for write in writes]
        everything = [verdicts | written for written in by_sink]
        print_verdicts(dict(zip(map(_label, sinks), everything, strict=True)), len(delivery.records), context)
        failed = [
            place
            for place in range(len(delivery.records))
            if max((one[place].kind for one in everything), key=_RANK.__getitem__).failed
        ]
        return delivery.answer(failed)

    return handler


class _Write:
    """One batch on its way into one sink. What is done by when is read from another thread."""

    def __init__(self, sink: Sink, changes: Sequence[ChangeRecord]) -> None:
        self._sink = sink
        self._changes = changes
        self._done: list[Verdict] = []
        self._lock = threading.Lock()
        self._stopped = False

    def run(self) -> None:
        for start in range(0, len(self._changes), PIECE_RECORDS):
            if self._stopped:
                return
            piece = self._changes[start : start + PIECE_RECORDS]
            told = self._sink.apply(piece)
            assert len(told) == len(piece), f"{_label(self._sink)}: {len(told)} verdicts for {len(piece)} changes"
            with self._lock:
                if not self._stopped:
                    self._done += told

    def stop(self) -> None:
        """Start no further piece, and count none that ends from now on: it was reported as failed."""
        with self._lock:
            self._stopped = True

    def verdicts(self) -> list[Verdict]:
        with self._lock:
            return self._done + [_OUT_OF_TIME] * (len(self._changes) - len(self._done))


def _decoded(
    delivery: Delivery, transform: Transform | None
) -> tuple[dict[int, Verdict], list[tuple[int, ChangeRecord]]]:
    """The changes to write, by place, and the verdicts of records that none can be made of."""
    verdicts: dict[int, Verdict] = {}
    accepted: list[tuple[int, ChangeRecord]] = []
    for place, carried in enumerate(delivery.records):
        try:
            change = carried.change()
            outcome = change if transform is None else transformed(change, transform)
        except RecordError as broken:
            outcome = Verdict(Kind.POISON, str(broken))
        if isinstance(outcome, Verdict):
            verdicts[place] = outcome
        else:
            accepted.append((place, outcome))
    return verdicts, accepted


def _wait(futures: Sequence[Future[None]], writes: Sequence[_Write], time_left_s: Callable[[], float] | None) -> None:
    """Let the sinks finish, or stop them in time. What a sink raised is raised once the others are done with."""
    wait(futures, timeout=None if time_left_s is None else max(0.0, time_left_s()))
    for write in writes:
        write.stop()
    for future in futures:
        if future.done():
            future.result()
        else:
            future.cancel()


def _time_left(context: object) -> Callable[[], float] | None:
    """Seconds until the answer must be on its way; None where nobody says (a unit test)."""
    remaining_ms = getattr(context, "get_remaining_time_in_millis", None)
    if remaining_ms is None:
        return None
    margin_s = min(MARGIN_S_MAX, MARGIN_SHARE * float(remaining_ms()) / 1000)
    return lambda: float(remaining_ms()) / 1000 - margin_s


def _label(sink: Sink) -> str:
    """A sink of ours names itself; one of the user's is called by its type, since its text may say anything."""
    return str(sink) if type(sink).__module__.startswith("afterbay.") else type(sink).__name__
