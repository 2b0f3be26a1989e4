"""A REMOVE seen from downstream: what it leaves behind, and whether the item expired or was deleted.

Decides who removed an item (S65 to S67) and how long its trace is kept (E6, E7). Writing the trace is each sink's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from afterbay.errors import SettingsError

__all__ = ["RETENTION_DEFAULT_S", "RETENTION_MIN_S", "Removal", "TombstoneRetention", "removal"]

_DAY_S = 24 * 60 * 60

RETENTION_DEFAULT_S = 8 * _DAY_S
RETENTION_MIN_S = _DAY_S
"""The stream keeps a record for 24 hours; a trace that goes earlier lets a replay resurrect the item (E6, E7)."""


class Removal(Enum):
    """Why an item is gone."""

    DELETED = "deleted"
    EXPIRED = "expired"


def removal(user_identity: Mapping[str, object] | None) -> Removal:
    """Who removed the item, by the record's ``userIdentity`` (None: the record has none).

    Rules: S65 both spellings, GetRecords' capitals and Lambda's lower case. S67: a replica of a global table shows a
    plain removal where another region expired the item, so DELETED is no proof that a user did it.
    """
    if user_identity is None:
        return Removal.DELETED
    kind = user_identity.get("type", user_identity.get("Type"))
    principal = user_identity.get("principalId", user_identity.get("PrincipalId"))
    if kind == "Service" and principal == "dynamodb.amazonaws.com":
        return Removal.EXPIRED
    return Removal.DELETED


@dataclass(frozen=True, slots=True)
class TombstoneRetention:
    """How long a sink keeps the token of a removed item (E7).

    ``retention_s`` is never below the stream's 24 hours plus ``letters_kept_s``, the retention of the dead-letter
    queue: a redrive can come that late.
    """

    retention_s: int = RETENTION_DEFAULT_S
    letters_kept_s: int = 0

    def __post_init__(self) -> None:
        least = RETENTION_MIN_S + self.letters_kept_s
        if self.retention_s < least:
            raise SettingsError(
                f"tombstones are to be kept for {self.retention_s} s; a replay can come after {least} s (E7)",
                hint=f"use {max(least, RETENTION_DEFAULT_S)} or more",
            )

    def purge_at_s(self, removed_s: float) -> int:
        """The epoch second from which the trace of an item removed at ``removed_s`` may go."""
        return int(removed_s) + self.retention_s
