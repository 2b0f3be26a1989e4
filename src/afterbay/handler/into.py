"""A Lambda handler that writes every change to guarded sinks and reports what each of them said (E8)."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.rewrite import rewritten
from afterbay.core.guard import Kind, Verdict
from afterbay.errors import RecordError, SettingsError
from afterbay.handler.delivery import Answer, Carried, Delivery, Telling, read_event
from afterbay.handler.each import Handler
from afterbay.handler.poison_store import NOTHING_STORED, PoisonStore, Stored, poison_store, store_all
from afterbay.handler.report import print_verdicts
from afterbay.handler.transform import Transform, transformed
from afterbay.ports import Sink
from afterbay.sinks.where import WhereSink, matches

if TYPE_CHECKING:
    from afterbay.core.pattern import Pattern

__all__ = ["into"]

PIECE_RECORDS = 100
"""Changes given to a sink at once. When the function's time runs out, whole pieces are done and the rest is
reported."""

MARGIN_S_MAX = 1.0
MARGIN_SHARE = 0.1
"""What is kept of the function's time for the answer itself: a tenth of it, a second at most."""

_OUT_OF_TIME = Verdict(Kind.RETRYABLE, "the function's time was nearly over")


def into(*sinks: Sink, transform: Transform | None = None) -> Handler:
    """Make a handler that decodes, guards, writes and reports; several sinks are written side by side.

    ``transform`` makes another item of a change (None removes it from the sink). A sink's ``where`` judges the source's
    item, before ``transform``, which is not asked for an item that no sink wants. A record fails if any sink says so,
    and then comes again to all of them: their guards know it. Shortly before the function's time is over, what is
    unfinished is reported as failed. One line of JSON on stdout counts the verdicts (docs/sinks.md). With
    AFTERBAY_POISON set, a record that is poison for a sink, and retryable for none, is stored there and acknowledged.
    Raises ``SettingsError`` for what is no sink and no function.
    """
    if not sinks:
        raise SettingsError("into() needs a sink", hint='as in afterbay.into(afterbay.sink("memory:test"))')
    for one in sinks:
        if not callable(getattr(one, "apply", None)):
            raise SettingsError(
                f"into() takes sinks, not {type(one).__name__}", hint='as in into(afterbay.sink("memory:test"))'
            )
    if transform is not None and not callable(transform):
        raise SettingsError(
            f"into(transform=) takes a function of a change, not {type(transform).__name__}",
            hint="it returns an item, or None to remove it",
        )
    stores = [sink.inner if isinstance(sink, WhereSink) else sink for sink in sinks]
    filters = [sink.where if isinstance(sink, WhereSink) else None for sink in sinks]
    # One thread per sink: a write left behind by an invocation that ran out of time is never overtaken by the next
    # one's.
    threads = [ThreadPoolExecutor(1, thread_name_prefix="afterbay-sink") for _ in sinks]
    labels = _labels(stores)

    def handler(event: object, context: object = None) -> Answer:
        store = poison_store(os.environ)
        time_left_s = _time_left(context)
        delivery = read_event(event)
        outcomes = [_outcomes(carried, filters, transform) for carried in delivery.records]
        routes = [[told[place] for told in outcomes] for place in range(len(stores))]
        writes = [
            _Write(sink, [one for one in route if isinstance(one, ChangeRecord)])
            for sink, route in zip(stores, routes, strict=True)
        ]
        futures = [thread.submit(write.run) for thread, write in zip(threads, writes, strict=True)]
        _wait(futures, writes, time_left_s)
        everything = [_settled(route, write.verdicts()) for route, write in zip(routes, writes, strict=True)]
        failed = [place for place in range(len(delivery.records)) if any(one[place].failed for one in everything)]
        kept = NOTHING_STORED
        if store is not None and failed:
            kept = _stored(store, delivery, failed, everything, context, time_left_s)
        print_verdicts(dict(zip(labels, everything, strict=True)), len(delivery.records), context, kept)
        return delivery.answer([place for place in failed if place not in kept.places])

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


def _outcomes(
    carried: Carried, filters: Sequence[Pattern | None], transform: Transform | None
) -> list[ChangeRecord | Verdict]:
    """For each sink, by its filter, the change to write, or the verdict of a record that none can be made of."""
    try:
        change = carried.change()
        wanted = [where is None or matches(change, where) for where in filters]
        gone = change if all(wanted) else rewritten(change, None)
    except RecordError as broken:
        return [Verdict(Kind.POISON, str(broken))] * len(filters)
    taken = transformed(change, transform) if transform is not None and any(wanted) else change
    return [taken if one else gone for one in wanted]


def _settled(route: Sequence[ChangeRecord | Verdict], written: Sequence[Verdict]) -> dict[int, Verdict]:
    """One sink's verdicts by place: what it said of the changes among the records' verdicts."""
    told = iter(written)
    return {place: one if isinstance(one, Verdict) else next(told) for place, one in enumerate(route)}


def _stored(
    store: PoisonStore,
    delivery: Delivery,
    failed: Sequence[int],
    everything: Sequence[Mapping[int, Verdict]],
    context: object,
    time_left_s: Callable[[], float] | None,
) -> Stored:
    """Store what is poison, and nothing that comes again anyway: what stands behind a record that is to be retried."""
    poison: list[tuple[int, Carried, str]] = []
    for place in failed:
        told = [one[place] for one in everything if one[place].failed]
        if any(one.kind is Kind.RETRYABLE for one in told):
            if delivery.telling is Telling.EACH:
                continue
            break
        poison.append((place, delivery.records[place], "; ".join(one.reason for one in told)))
    return store_all(store, poison, context, time_left_s)


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


def _labels(sinks: Sequence[Sink]) -> list[str]:
    """One for each, all different: a table of one name in two regions is two sinks, and so is a file in two folders."""
    labels: list[str] = []
    for label in map(_label, sinks):
        unique, count = label, 1
        while unique in labels:
            count += 1
            unique = f"{label} ({count})"
        labels.append(unique)
    return labels


def _label(sink: Sink) -> str:
    """A sink of ours names itself; one of the user's is called by its type, since its text may say anything."""
    return str(sink) if type(sink).__module__.startswith("afterbay.") else type(sink).__name__
