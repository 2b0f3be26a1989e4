"""Request ids, derived so that a restarted engine gives the same batch the same id (DESIGN section 8)."""

from __future__ import annotations

import hashlib

from afterbay.core.shard.position import ShardId

__all__ = ["RequestIds"]


class RequestIds:
    """Derives UUIDs from where a batch stands. ``seed`` is drawn once per state file, ``mapping`` is the mapping's
    UUID.

    The last position and the count belong to it besides the first: a letter is kept once per request id, so two batches
    that hold different records must never share one.
    """

    __slots__ = ("_prefix",)

    def __init__(self, seed: bytes, mapping: str) -> None:
        self._prefix = hashlib.sha256(seed + b"/" + mapping.encode())

    def derive(self, shard: ShardId, first: int, last: int, count: int, generation: int) -> str:
        digest = self._prefix.copy()
        digest.update(f"/{shard}/{first}/{last}/{count}/{generation}".encode())
        hexes = digest.hexdigest()
        variant = "89ab"[int(hexes[16], 16) & 3]
        return f"{hexes[:8]}-{hexes[8:12]}-4{hexes[13:16]}-{variant}{hexes[17:20]}-{hexes[20:32]}"
