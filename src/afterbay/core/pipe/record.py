"""A record as a pipe hands it on (X19, X26): what a function of a mapping gets, but for Kinesis, whose members are not
nested."""

from __future__ import annotations

from afterbay.core.change.source import SourceKind
from afterbay.core.template.implicit import Source

__all__ = ["FORMS", "pipe_form"]

FORMS: dict[SourceKind, Source] = {SourceKind.TABLE: "dynamodb", SourceKind.KINESIS: "kinesis", SourceKind.QUEUE: "sqs"}
"""What templates call the sources: it decides which fields are parsed on the way (X37)."""

_NESTED, _BEHIND = b'{"kinesis":{', b'},"eventSource":'


def pipe_form(body: bytes, kind: SourceKind) -> bytes:
    """``body`` is in Lambda's form, as ``core.change`` makes it. What is nested comes to the root by cutting: a quote
    inside a text is never bare, so ``_BEHIND`` is where the nested members end."""
    if kind is not SourceKind.KINESIS:
        return body
    end = body.index(_BEHIND)
    return b"{" + body[len(_NESTED) : end] + b"," + body[end + 2 :]
