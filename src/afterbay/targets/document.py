"""What a dead letter says, whoever wrote it: a mapping's document or a pipe's."""

from __future__ import annotations

from datetime import datetime

from afterbay.core.change.arn import is_pipe
from afterbay.core.mapping import deadletter as of_mappings
from afterbay.core.mapping.deadletter import Letter
from afterbay.core.pipe import deadletter as of_pipes

__all__ = ["document"]


def document(letter: Letter, now: datetime) -> dict[str, object]:
    """The document as a queue or a topic gets it, sent at ``now`` (R110, X91)."""
    return of_pipes.document(letter, now) if is_pipe(letter.function_arn) else of_mappings.document(letter, now)
