"""What a target's answer says of the records it got (X80 to X82): which of them failed, if it says so.

Decides from the answer alone. What becomes of the failed ones is the mapping core's (``core.mapping.retry``).
"""

from __future__ import annotations

import msgspec

from afterbay.core.change.wire import JsonValue

__all__ = ["Report", "read_report"]

FAILURES, IDENTIFIER = "batchItemFailures", "itemIdentifier"

Report = tuple[str, ...] | None
"""The identifiers of the records that failed, none if all are done; None: the answer cannot be placed, all failed."""


def read_report(payload: bytes, *, strict: bool = True) -> Report:
    """Rules: X80 no list, null, an empty list or an empty answer is success; an identifier that is none is the failure
    of all. Whether an identifier names a record of the batch is for whoever has the batch.

    ``strict``: an answer that is no JSON is a failure too, as of a function; a web server's ``OK`` is not (ours). Any
    other JSON that is no object says nothing about records.
    """
    if not payload:
        return ()
    try:
        answer: JsonValue = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None if strict else ()
    failures = answer.get(FAILURES) if isinstance(answer, dict) else None
    if failures is None or failures == []:
        return ()
    if not isinstance(failures, list):
        return None
    named = [one.get(IDENTIFIER) if isinstance(one, dict) else None for one in failures]
    if any(not isinstance(name, str) or not name for name in named):
        return None
    return tuple(str(name) for name in named)
