"""Small parts for tests of loads: images, functions and sinks that fail as told."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from afterbay.backfill.images import Image, Images
from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import APPLIED, Verdict
from afterbay.errors import ServiceError
from afterbay.ports import Answer
from scanned import STREAM

NOW_S = 1767607872.0


def images(*keys: str, size: int = 1) -> list[Image]:
    items = [{"pk": {"S": key}, "v": {"S": "x" * size}} for key in keys]
    return Images(STREAM, ("pk",), NOW_S).of(items, NOW_S)


class Function:
    """Answers each event as ``answers`` says of its keys; keeps them."""

    def __init__(self, answer: Callable[[list[dict]], object]) -> None:
        self._answer = answer
        self.events: list[list[dict]] = []

    async def invoke(self, payload: bytes, *, request_id: str) -> Answer:
        records = json.loads(payload)["Records"]
        self.events.append(records)
        told = self._answer(records)
        if isinstance(told, ServiceError):
            raise told
        return told if isinstance(told, Answer) else Answer(json.dumps(told).encode())

    def calls(self) -> list[list[str]]:
        return [[key(one) for one in records] for records in self.events]


def key(record: dict) -> str:
    return record["dynamodb"]["Keys"]["pk"]["S"]


def failing(*numbers: str) -> dict:
    return {"batchItemFailures": [{"itemIdentifier": one} for one in numbers]}


class ScriptedSink:
    """``verdicts`` by key, the next one first; ``applied`` where nothing is said."""

    def __init__(self, **verdicts: list[Verdict]) -> None:
        self.verdicts = verdicts
        self.batches: list[list[str]] = []

    def apply(self, changes: Sequence[ChangeRecord]) -> list[Verdict]:
        keys = [str(one.keys["pk"]) for one in changes]
        self.batches.append(keys)
        return [self.verdicts[one].pop(0) if self.verdicts.get(one) else APPLIED for one in keys]

    def close(self) -> None: ...
