"""A Lambda handler from a function of one change."""

from __future__ import annotations

import functools
import inspect
import logging
import os
from collections.abc import Callable

from afterbay.core.change.record import ChangeRecord
from afterbay.errors import RecordError, SettingsError
from afterbay.handler.delivery import Answer, Telling, read_event
from afterbay.handler.poison import Poison
from afterbay.handler.poison_store import poison_store, store_all

__all__ = ["Handler", "each"]

Handler = Callable[[object, object], Answer]
"""What the function service calls: event and context (None in a test) -> which records failed."""

log = logging.getLogger("afterbay.handler")


def each(function: Callable[[ChangeRecord], object]) -> Handler:
    """Make a handler that calls ``function`` with one change after the other, in order.

    The first exception ends it: that record is reported under its own identifier and those behind it are not tried.
    A mapping on a stream sends them again by itself; queues and pipes take what is not named for done, so there they
    are named too. Where nobody reads the answer (a topic, the bus) the exception leaves the handler. With
    AFTERBAY_POISON set, a record that is ``Poison`` or cannot be decoded is stored there, and the next one is called.
    Raises ``SettingsError`` for a function that a call does not run: each record would be told as done, undone (E8).
    """
    if not callable(function):
        raise SettingsError(
            f"each() takes a function of one change, not {type(function).__name__}", hint="as in @afterbay.each"
        )
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise SettingsError(
            f"each() calls {getattr(function, '__name__', 'its function')}, and a call does not run it",
            hint="write it as a plain function: no async, no yield; asyncio.run() inside it is fine",
        )

    @functools.wraps(function)
    def handler(event: object, context: object = None) -> Answer:
        store = poison_store(os.environ)
        delivery = read_event(event)
        for place, carried in enumerate(delivery.records):
            try:
                function(carried.change())
            except Exception as failure:  # the user's code: whatever it raises is this record's failure
                if store is not None and isinstance(failure, Poison | RecordError):
                    told = store_all(store, [(place, carried, str(failure))], context)
                    if told.refused is None:
                        log.warning("poison record stored", extra={"identifier": carried.identifier, "place": place})
                        continue
                    log.error("poison record not stored", extra={"reason": told.refused})
                log.error(
                    "record failed",
                    extra={"identifier": carried.identifier, "place": place, "records": len(delivery.records)},
                    exc_info=failure,
                )
                behind = len(delivery.records) if delivery.telling is Telling.EACH else place + 1
                return delivery.answer(range(place, behind), failure)
        return delivery.answer(())

    return handler
