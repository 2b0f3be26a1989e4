"""A record that no retry will mend, said by the user's own code."""

from __future__ import annotations

__all__ = ["Poison"]


class Poison(Exception):
    """Raise it in a handler or a transform for a record that will fail each time, with the reason.

    It is reported like any failure: the mapping's own limits (attempts, age, bisect) then send the record to its
    dead-letter destination. Where the function has AFTERBAY_POISON, record and reason are stored there and the record
    is acknowledged.
    """
