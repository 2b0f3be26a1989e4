"""The demo's function, whole, as it goes into the zip. It would run in AWS Lambda as it is.

Environment: AFTERBAY_SINK has the sinks' addresses, AFTERBAY_TTL says what an expiry does to them, DEMO_WITNESS names a
file that gets one line per record and delivery.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Mapping
from decimal import Decimal

import afterbay

__all__ = ["handler", "project", "projection"]

Answer = dict[str, list[dict[str, str]]]


def project(item: Mapping[str, object]) -> dict[str, object]:
    """What the sinks show of an order: all it has, and its amount in cents."""
    amount = item.get("amount_usd")
    if isinstance(amount, bool) or not isinstance(amount, int | Decimal):
        raise afterbay.Poison(f"amount_usd is no number but a {type(amount).__name__}")
    return {**item, "amount_cents": int(amount * 100)}


def projection(change: afterbay.ChangeRecord) -> dict[str, object]:
    """``transform`` of ``afterbay.into``: asked for inserts and modifications, which have a new image."""
    return project(change.new or {})


def handler(event: object, context: object) -> Answer:
    """Write the changes to every sink, answer which of them failed, and note down what was delivered."""
    answer = _ready()(event, context)
    _note(event, answer, str(getattr(context, "aws_request_id", "")))
    return answer


@functools.cache
def _ready() -> Callable[[object, object], Answer]:
    """Made at the first event and kept, so that sinks stay open from one invocation to the next."""
    ttl = os.environ.get("AFTERBAY_TTL")
    sinks = [afterbay.sink(address, ttl=ttl) for address in os.environ["AFTERBAY_SINK"].split()]
    return afterbay.into(*sinks, transform=projection)


def _note(event: object, answer: Answer, request_id: str) -> None:
    """One append in one piece: several processes of this function write to the file at once."""
    failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    lines = ""
    for change in afterbay.changes(event):
        number = str(change.sequence_number)
        note = {
            "key": change.keys["pk"],
            "sequence": number,
            "event": change.kind.value,
            "verdict": "failed" if number in failed else "done",
            "request": request_id,
        }
        lines += json.dumps(note) + "\n"
    file = os.open(os.environ["DEMO_WITNESS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, lines.encode())
    finally:
        os.close(file)
