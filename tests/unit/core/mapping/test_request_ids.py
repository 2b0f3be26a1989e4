"""Request ids follow from where a batch stands (DESIGN section 8)."""

from __future__ import annotations

import uuid

from afterbay.core.mapping.request_id import RequestIds
from afterbay.core.shard.position import ShardId

S = ShardId("shardId-1")


def test_an_id_is_the_same_in_every_process_and_release() -> None:
    """Else a restart would give a stored letter's batch another id, and its letter would be sent twice."""
    ids = RequestIds(b"seed", "11111111-2222-3333-4444-555555555555")
    assert ids.derive(S, 1, 2, 2, 0) == "d0dd6d59-397b-4e40-a828-6e6314e85c89"
    assert ids.derive(S, 10**20, 10**21, 100, 7) == "e764626f-43fd-4173-a378-56b3ef56a773"


def test_an_id_is_a_random_uuid_by_its_form() -> None:
    ids = RequestIds(b"seed", "m")
    variants = set()
    for first in range(200):
        text = ids.derive(S, first, first, 1, 0)
        read = uuid.UUID(text)
        assert str(read) == text and read.version == 4 and read.variant == uuid.RFC_4122
        variants.add(text[19])
    assert variants == set("89ab")


def test_whatever_differs_gives_another_id() -> None:
    plain = ("seed", "m", "s", 1, 2, 2, 0)
    others = [("tree", *plain[1:]), ("seed", "n", *plain[2:]), ("seed", "m", "t", *plain[3:])]
    others += [(*plain[:place], 9, *plain[place + 1 :]) for place in range(3, 7)]
    others += [("seed", "m", "s", 12, 2, 2, 0), ("seed", "m", "s", 1, 22, 2, 0), ("seed", "m", "s/1", 2, 2, 2, 0)]
    found = {
        RequestIds(seed.encode(), mapping).derive(ShardId(shard), first, last, count, generation)
        for seed, mapping, shard, first, last, count, generation in [plain, *others]
    }
    assert len(found) == 1 + len(others)
