"""The handler that needs no code: sinks and their options come from environment variables."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Mapping, Sequence

from afterbay.errors import SettingsError
from afterbay.handler.delivery import Answer
from afterbay.handler.each import Handler
from afterbay.handler.into import into
from afterbay.handler.poison_store import poison_store
from afterbay.sinks.address import SinkAddress, open_sink, parse_address
from afterbay.sinks.options import Expiry
from afterbay.sinks.where import read_where

__all__ = ["handler_from", "into_sink"]


def into_sink(event: object, context: object = None) -> Answer:
    """Write every change to the sinks that AFTERBAY_SINK names; make it a function's ``Handler``.

    AFTERBAY_SINK: sink addresses, separated by blanks. AFTERBAY_TTL: ``skip`` (the default) or ``mirror``, for
    addresses that do not say it themselves; so for AFTERBAY_WHERE, a pattern on the item (docs/sinks.md).
    AFTERBAY_POISON: where poison records are stored before they are acknowledged. They are read at the first call; a
    wrong one fails every call with its reason.
    """
    return _ready()(event, context)


def handler_from(environment: Mapping[str, str]) -> Handler:
    """The handler that ``environment`` describes. Raises ``SettingsError`` that names the variable."""
    poison_store(environment)  # a wrong one is refused before anything is read
    addresses = environment.get("AFTERBAY_SINK", "").split()
    if not addresses:
        raise SettingsError(
            "AFTERBAY_SINK is not set", where="environment", hint="as in AFTERBAY_SINK=dynamodb://orders-copy"
        )
    ttl = environment.get("AFTERBAY_TTL") or None
    if ttl is not None and ttl not in tuple(Expiry):
        raise SettingsError(f"AFTERBAY_TTL={ttl[:40]} is not known", hint="ttl is skip (the default) or mirror")
    text = environment.get("AFTERBAY_WHERE")
    where = read_where(text, "AFTERBAY_WHERE") if text else None
    parsed = [parse_address(address, ttl=ttl, where=where) for address in addresses]
    _refuse_rival_filters(parsed)
    return into(*map(open_sink, parsed))


def _refuse_rival_filters(addresses: Sequence[SinkAddress]) -> None:
    """One store under two filters: what one writes, the other removes, and which of them is first is chance."""
    for one, other in itertools.combinations(addresses, 2):
        same = (one.scheme, one.place, one.parameters) == (other.scheme, other.place, other.parameters)
        if same and one.where is not other.where:
            raise SettingsError(
                f"AFTERBAY_SINK names {one} twice, with filters of its own each",
                where="environment",
                hint='name it once; {"$or":[...]} in a pattern takes what matches any of several',
            )


@functools.cache
def _ready() -> Handler:
    """Once per process; a failure is not kept, so that each call says it."""
    return handler_from(os.environ)
