"""What is wrong with an answer that is almost right, in words: loud where AWS is silent.

Decides what is told; what an answer means is ``response.py``'s. Of the answer only names of members are quoted: an
identifier may be an item's key.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence

from afterbay.core.change.scalar import json_kind
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.notice import Notice, Warned
from afterbay.core.shard.position import Position

__all__ = ["FAILURES", "IDENTIFIER", "ignored_failures", "malformed", "misspelt", "no_state", "not_json", "rewound"]

FAILURES, IDENTIFIER = "batchItemFailures", "itemIdentifier"

_EVENT_ID = re.compile(r"[0-9a-f]{32}")
_RIGHT = (
    f'answer {{"{FAILURES}": [{{"{IDENTIFIER}": the record\'s dynamodb.SequenceNumber}}]}}'
    " (of Kinesis: kinesis.sequenceNumber; of a queue: messageId)"
)


def malformed(answer: JsonValue, positions: Mapping[str, Position]) -> Warned:
    """An answer whose failures cannot be placed: all of the batch is retried (R97)."""
    return Warned(Notice.MALFORMED_ANSWER, f"{_first_fault(answer, positions)}: {_RIGHT}")


def not_json() -> Warned:
    return Warned(Notice.MALFORMED_ANSWER, f"the answer is no JSON: {_RIGHT}")


def misspelt(answer: Mapping[str, JsonValue]) -> Warned | None:
    """An answer without failures that has a member which looks like them: AWS takes it for a success (R97)."""
    name = _looks_like(FAILURES, [one for one in answer if answer[one]])
    if name is None:
        return None
    return Warned(
        Notice.MISSPELT_ANSWER, f"the answer has {name!r}, which is not read; no record was retried: {_RIGHT}"
    )


def ignored_failures(answer: JsonValue) -> Warned | None:
    """Failures that a mapping without ReportBatchItemFailures does not look for (R86)."""
    failures = answer.get(FAILURES) if isinstance(answer, dict) else None
    if not isinstance(failures, list) or not failures:
        return None
    return Warned(
        Notice.IGNORED_FAILURES,
        f"{len(failures)} record(s) were named as failed and count as done: "
        "set FunctionResponseTypes to [ReportBatchItemFailures]",
    )


def rewound(named: Sequence[Position], positions: Mapping[str, Position]) -> Warned | None:
    """Several named failures: what lies behind the lowest comes again, named or not (R98)."""
    failed = set(named)
    lowest = min(failed)
    good = sum(position > lowest and position not in failed for position in positions.values())
    if len(failed) < 2 or not good:
        return None
    return Warned(
        Notice.REWOUND,
        f"rewound to {lowest}, the lowest of {len(failed)} reported failures; {good} good record(s) behind it will be "
        "repeated: the function must bear repeats, or stop at its first failure and report only that",
    )


def no_state() -> Warned:
    """An answer in window mode without a state (R84, R125)."""
    return Warned(Notice.NO_STATE, 'answer {"state": {...}}, an object, in every invocation of a tumbling window')


def _first_fault(answer: JsonValue, positions: Mapping[str, Position]) -> str:
    if not isinstance(answer, dict):
        return f"the answer is {json_kind(answer)}, not an object"
    failures = answer.get(FAILURES)
    if not isinstance(failures, list):
        return f"{FAILURES} is {json_kind(failures)}, not an array"
    for index, entry in enumerate(failures):
        fault = _fault(entry, positions)
        if fault is not None:
            return f"{FAILURES}[{index}] {fault}"
    raise AssertionError("only an answer with a fault is asked about")


def _fault(entry: JsonValue, positions: Mapping[str, Position]) -> str | None:
    if not isinstance(entry, dict):
        return f"is {json_kind(entry)}, not an object"
    if IDENTIFIER not in entry:
        name = _looks_like(IDENTIFIER, list(entry))
        return f"has no {IDENTIFIER}" + (f" but {name!r}" if name is not None else "")
    named = entry[IDENTIFIER]
    if not isinstance(named, str):
        return f"has {json_kind(named)} as its {IDENTIFIER}, not a string"
    if not named:
        return f"has an empty {IDENTIFIER}"
    if named in positions:
        return None
    if _EVENT_ID.fullmatch(named):
        return "names a record by what looks like its eventID"
    return "names no record of the batch"


def _looks_like(wanted: str, names: Sequence[str]) -> str | None:
    """The name that somebody may have meant as ``wanted``, if there is one."""
    plain = {re.sub(r"[^a-z]", "", name.lower()): name for name in names}
    close = difflib.get_close_matches(wanted.lower(), plain, n=1, cutoff=0.8)
    return plain[close[0]] if close else None
