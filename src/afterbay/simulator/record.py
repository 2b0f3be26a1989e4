"""A written record as the simulator knows it, and what has become of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from afterbay.core.change.raw import RawRecord
from afterbay.core.shard.position import ShardId

__all__ = ["State", "Written"]


class State(Enum):
    """What has become of a record, in the eyes of the process that runs now: a crash forgets what was not saved."""

    OPEN = "open"
    DONE = "done"
    FILTERED = "filtered out"
    EXEMPT = "not owed"  # trimmed before it was read, or older than LATEST


@dataclass(slots=True, eq=False)
class Written:
    """One record. ``index``: its place among all writes. ``before``: the record of the same item that came before and
    passes the filters.

    ``optional``: written before LATEST was fixed. ``trimmed``: the stream has it no more. ``saved``: a saved position
    passed it. ``forgotten``: an earlier run may have had it. ``in_letter``: a stored letter names it; ``honest``: the
    function said it was done, and it was.
    """

    index: int
    shard: ShardId
    raw: RawRecord
    token: str
    image: bytes | None
    passes: bool
    before: Written | None
    state: State = State.OPEN
    optional: bool = False
    trimmed: bool = False
    seen: bool = False
    saved: bool = False
    forgotten: bool = False
    in_letter: bool = False
    honest: bool = False
    invoked: int = 0
    seen_us: int = 0

    def __repr__(self) -> str:
        return f"record {self.raw.position} (write {self.index}, {self.state.value})"
