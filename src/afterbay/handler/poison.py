"""A record that no retry will mend, said by the user's own code."""

from __future__ import annotations

from collections.abc import Mapping

from afterbay.errors import SettingsError

__all__ = ["Poison", "refuse_poison_store"]


class Poison(Exception):
    """Raise it in a handler or a transform for a record that will fail each time, with the reason.

    It is reported like any failure: the mapping's own limits (attempts, age, bisect) then send the record to its
    dead-letter destination.
    """


def refuse_poison_store(environment: Mapping[str, str]) -> None:
    """AFTERBAY_POISON would store such records first and acknowledge them; that is not built, so it is refused by
    name."""
    if environment.get("AFTERBAY_POISON"):
        raise SettingsError(
            "AFTERBAY_POISON is not built yet",
            where="environment",
            hint="leave it unset: poison records are reported, and the mapping's limits and OnFailure handle them",
        )
