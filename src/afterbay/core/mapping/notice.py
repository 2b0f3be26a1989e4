"""What an operator should hear of. The semantics stay AWS's; these say what it would do in silence."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

__all__ = ["Notice", "Warned"]


class Notice(Enum):
    """What an operator should hear of; steady work is silent."""

    DROPPED = "records were discarded and no destination is set"
    DISCARDED = "records were discarded to the destination"
    BISECTED = "a failed batch was split"
    TRIMMED = "records were trimmed by the stream before they were done"
    PARENT_MISSING = "a parent shard is gone; its last records may be missing"
    SHARD_GONE = "a shard is gone before it was read to its end; its last records may be missing"
    SOURCE_FAILED = "the source cannot be read"
    SOURCE_RECOVERED = "the source can be read again"
    BLOCKED = "a batch keeps failing and neither a retry limit nor an age limit is set"
    MALFORMED_ANSWER = "the function's answer cannot be read, so its whole batch failed"
    MISSPELT_ANSWER = "the function's answer has a misspelt batchItemFailures, so nothing is retried"
    IGNORED_FAILURES = "the function names failed records and the mapping does not ask for them, so nothing is retried"
    REWOUND = "the function names several failed records; all behind the lowest come again"
    NOT_DELETED = "messages that are done could not be deleted; they will come again"
    NO_STATE = "the function's answer has no window state, so its whole batch failed"


class Warned(NamedTuple):
    """What an answer should be told about, where AWS is silent. ``detail`` says what was seen, and the fix."""

    notice: Notice
    detail: str
