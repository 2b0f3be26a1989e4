"""The handler that needs no code: sinks and their options come from environment variables."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping

from afterbay.errors import SettingsError
from afterbay.handler.delivery import Answer
from afterbay.handler.each import Handler
from afterbay.handler.into import into
from afterbay.handler.poison import refuse_poison_store
from afterbay.sinks.address import sink

__all__ = ["handler_from", "into_sink"]


def into_sink(event: object, context: object = None) -> Answer:
    """Write every change to the sinks that AFTERBAY_SINK names; make it a function's ``Handler``.

    AFTERBAY_SINK: sink addresses, separated by blanks. AFTERBAY_TTL: ``skip`` (the default) or ``mirror``, for
    addresses that do not say it themselves. They are read at the first call; a wrong one fails every call with its
    reason.
    """
    return _ready()(event, context)


def handler_from(environment: Mapping[str, str]) -> Handler:
    """The handler that ``environment`` describes. Raises ``SettingsError`` that names the variable."""
    if environment.get("AFTERBAY_WHERE"):
        raise SettingsError(
            "AFTERBAY_WHERE is not built yet", where="environment", hint="filter in the mapping's FilterCriteria"
        )
    refuse_poison_store(environment)
    addresses = environment.get("AFTERBAY_SINK", "").split()
    if not addresses:
        raise SettingsError(
            "AFTERBAY_SINK is not set", where="environment", hint="as in AFTERBAY_SINK=dynamodb://orders-copy"
        )
    ttl = environment.get("AFTERBAY_TTL") or None
    return into(*(sink(address, ttl=ttl) for address in addresses))


@functools.cache
def _ready() -> Handler:
    """Once per process; a failure is not kept, so that each call says it."""
    return handler_from(os.environ)
