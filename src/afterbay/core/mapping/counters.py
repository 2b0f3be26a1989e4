"""What a mapping counts (R141 to R147), in records unless a name says otherwise."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Counters"]


@dataclass(slots=True)
class Counters:
    """Totals since the engine started. ``reads`` counts pages of a stream and receipts of a queue, empty ones too, but
    none that came when the mapping had stopped reading (R140); ``invocations`` counts attempts that reached the
    function, ``deleted`` the messages that were taken from a queue because the function is done with them."""

    reads: int = 0
    polled: int = 0
    filtered_out: int = 0
    invoked: int = 0
    failed_invoke: int = 0
    dropped: int = 0
    letters: int = 0
    lettered: int = 0
    delivered: int = 0
    invocations: int = 0
    errors: int = 0
    not_reached: int = 0
    retries: int = 0
    bisects: int = 0
    deleted: int = 0
