"""One line of JSON per invocation: how many records each sink applied, refused or failed. Never a key or an image.

The engine's journal reads it (DESIGN section 8), and so does any log search; docs/sinks.md has the format.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from afterbay.core.guard import Kind, Verdict
from afterbay.handler.poison_store import NOTHING_STORED, Stored, unicode_text

__all__ = ["print_verdicts", "verdict_line"]

REASONS_MAX = 5
REASON_CHARS_MAX = 300
"""A line must stay readable, and a log event of the service is bounded; counts are always whole."""


def print_verdicts(sinks: Mapping[str, Mapping[int, Verdict]], records: int, context: object, stored: Stored) -> None:
    """Write the line to stdout in one piece, so that no other line gets into it. ``stored``: the poison records that
    are acknowledged all the same."""
    request_id = getattr(context, "aws_request_id", None)
    sys.stdout.write(verdict_line(sinks, records, str(request_id) if request_id else None, stored) + "\n")
    sys.stdout.flush()


def verdict_line(
    sinks: Mapping[str, Mapping[int, Verdict]], records: int, request_id: str | None, stored: Stored = NOTHING_STORED
) -> str:
    """``sinks``: label -> verdicts by place in the batch."""
    failed = {place for verdicts in sinks.values() for place, verdict in verdicts.items() if verdict.failed}
    line: dict[str, object] = {
        "afterbay": "verdicts",
        "request_id": request_id,
        "records": records,
        "failed": len(failed - stored.places),
        "sinks": [{"sink": label, **_counts(verdicts.values())} for label, verdicts in sinks.items()],
        "reasons": _reasons(sinks),
    }
    if stored.places:
        line["stored"] = len(stored.places)
    if stored.refused is not None:
        line["not_stored"] = unicode_text(stored.refused[:REASON_CHARS_MAX])
    return msgspec.json.encode(line).decode()


def _counts(verdicts: Iterable[Verdict]) -> dict[str, int]:
    counted = Counter(verdict.kind for verdict in verdicts)
    return {kind.value: counted[kind] for kind in Kind}


def _reasons(sinks: Mapping[str, Mapping[int, Verdict]]) -> list[dict[str, object]]:
    counted = Counter(
        (label, verdict.kind.value, unicode_text(verdict.reason[:REASON_CHARS_MAX]))
        for label, verdicts in sinks.items()
        for verdict in verdicts.values()
        if verdict.failed
    )
    return [
        {"sink": label, "kind": kind, "reason": reason, "records": count}
        for (label, kind, reason), count in counted.most_common(REASONS_MAX)
    ]
