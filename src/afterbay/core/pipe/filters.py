"""Which records a pipe takes in at all (X20 to X23, X26).

Patterns and payloads are a mapping's (``core.mapping.filters``); what is a pipe's own is that a record has fewer
members while it is judged: what the poller adds comes after filtering (X21).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from afterbay.core.change.arn import is_pipe
from afterbay.core.change.source import SourceKind
from afterbay.core.mapping import filters as of_mappings
from afterbay.core.mapping.filters import CompileFilters, Passes
from afterbay.core.pattern import Pattern, PatternError
from afterbay.core.pipe.errors import Field

__all__ = ["HIDDEN", "compile_filters", "compiler_of", "faults"]

_ADDED = frozenset({"awsRegion", "eventSource", "eventSourceARN", "eventVersion"})

HIDDEN = {
    SourceKind.TABLE: _ADDED,
    SourceKind.KINESIS: _ADDED | {"eventID", "eventName", "invokeIdentityArn"},
    SourceKind.QUEUE: _ADDED,
}
"""The members that patterns do not see. ``eventName`` and ``eventID`` of a table's records come from the stream itself
and are seen (X21, conflict)."""

_DATA = {SourceKind.TABLE: "dynamodb", SourceKind.KINESIS: "data"}
_WHERE = "SourceParameters.FilterCriteria.Filters"


def faults(patterns: Sequence[str | None], kind: SourceKind) -> Iterator[Field]:
    """What is wrong with the patterns of a request; None is a filter without one.

    Rules: X23 a stream's data are filtered by a pattern that is JSON itself: one that asks for plain text is refused.
    """
    for number, text in enumerate(patterns):
        sentence = "a filter is an object with a Pattern" if text is None else _fault(text, kind)
        if sentence is not None:
            yield Field(f"{_WHERE}[{number}].Pattern", sentence)


def compile_filters(patterns: tuple[str, ...], kind: SourceKind) -> Passes | None:
    """The test that a record's body, in Lambda's form, must pass: any pattern matches (X20). None: no filters.

    A pattern sees the record in a pipe's form: what Lambda nests under ``kinesis`` is at the root (X26), ``data`` and
    ``body`` are seen parsed (X37) if pattern and payload are of one form, JSON or plain (X22, X23).
    """
    return of_mappings.compile_filters(patterns, kind, dialect="pipe", hidden=HIDDEN[kind])


def compiler_of(owner_arn: str) -> CompileFilters:
    """How the owner of filters, a mapping's function or a pipe, reads them."""
    return compile_filters if is_pipe(owner_arn) else of_mappings.compile_filters


def _fault(text: str, kind: SourceKind) -> str | None:
    try:
        pattern = Pattern(text, dialect="pipe")
    except PatternError as error:
        return error.aws_text
    data = _DATA.get(kind)
    if data is not None and data in pattern.needs:
        return f'{data} is matched as JSON, as in {{"{data}": {{"member": ["value"]}}}}'
    return None
