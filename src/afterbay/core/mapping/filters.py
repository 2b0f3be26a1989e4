"""Which records a mapping hands on at all (R71 to R78).

Decides from a record's bytes alone; what a pattern means is ``core.pattern``'s. Filtering comes before batching: what
is left out takes no place in a batch, and its position still counts as done (R78).

A table's record is judged as it is. A Kinesis record and a message carry a payload of the sender's own, ``data`` and
``body``, which a pattern sees parsed; it need not be JSON (R77).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable

import msgspec
from msgspec import Raw

from afterbay.core.change.source import SourceKind
from afterbay.core.pattern import Dialect, Pattern, PatternError, PatternSet
from afterbay.errors import SettingsError

__all__ = ["CompileFilters", "Passes", "check_pattern", "compile_filters"]

Passes = Callable[[bytes], bool]

CompileFilters = Callable[[tuple[str, ...], SourceKind], Passes | None]
"""``compile_filters``, or a pipe's."""
"""Whether a record's body (Lambda's form) gets through."""

_PAYLOAD = {SourceKind.KINESIS: "data", SourceKind.QUEUE: "body"}
_members = msgspec.json.Decoder(dict[str, Raw])


def check_pattern(text: str | None, kind: SourceKind = SourceKind.TABLE) -> str:
    """One member of ``Filters``, as it was written (R24). Raises ``SettingsError`` with AWS's text (E15); ``hint`` says
    what is wrong and where.

    Kinesis data are filtered by a pattern that is JSON itself: one that asks for plain text is refused (R77).
    """
    try:
        pattern = Pattern(text if text is not None else "null", dialect="mapping")
    except PatternError as error:
        hint = "a filter is an object with a Pattern" if text is None else str(error)
        raise SettingsError("Invalid filter pattern definition.", hint=hint) from error
    assert text is not None, "null is no pattern"
    if kind is SourceKind.KINESIS and "data" in pattern.needs:
        raise SettingsError(
            "Invalid filter pattern definition.", hint='data is matched as JSON, as in {"data": {"member": ["value"]}}'
        )
    return text


def compile_filters(
    patterns: tuple[str, ...],
    kind: SourceKind = SourceKind.TABLE,
    *,
    dialect: Dialect = "mapping",
    hidden: frozenset[str] = frozenset(),
) -> Passes | None:
    """The test that a record's body must pass: any pattern matches (R71). None: no filters.

    ``hidden``: members of a record that no pattern sees, as if they were not there (a pipe's, X21).
    """
    if not patterns:
        return None
    compiled = [Pattern(pattern, dialect=dialect) for pattern in patterns]
    asked_for = hidden & {path.partition(".")[0] for pattern in compiled for path in pattern.needs}
    member = _PAYLOAD.get(kind)
    if member is None and asked_for:
        return _without(asked_for, PatternSet(compiled).on_bytes())
    return PatternSet(compiled).on_bytes() if member is None else _with_payload(compiled, member, kind, asked_for)


def _without(hidden: frozenset[str], matches: Callable[[bytes], bool]) -> Passes:
    def passes(body: bytes) -> bool:
        record = _members.decode(body)
        for name in hidden:
            record.pop(name, None)
        return matches(msgspec.json.encode(record))

    return passes


def _with_payload(patterns: Iterable[Pattern], member: str, kind: SourceKind, hidden: frozenset[str]) -> Passes:
    """Patterns are sorted by what they want of the payload: JSON, plain text, or nothing.

    Rules: R77 a payload that is no JSON is left out by patterns that want JSON and is nothing to those that look at the
    metadata alone. JSON is an object or an array here (ours): anything else counts as plain text.
    """
    wants_json: list[Pattern] = []
    wants_text: list[Pattern] = []
    for pattern in patterns:
        if any(path.startswith(member + ".") for path in pattern.needs):
            wants_json.append(pattern)
        elif member in pattern.needs:
            wants_text.append(pattern)
        else:
            wants_json.append(pattern)
            wants_text.append(pattern)
    on_json, on_text = PatternSet(wants_json), PatternSet(wants_text)

    def passes(body: bytes) -> bool:
        record = _members.decode(body)
        if kind is SourceKind.KINESIS:
            record |= _members.decode(record.pop("kinesis"))
            payload = base64.b64decode(msgspec.json.decode(record[member], type=str))
        else:
            payload = msgspec.json.decode(record[member], type=str).encode()
        for name in hidden:
            record.pop(name, None)
        if _is_json(payload):
            record[member] = Raw(payload)
            return bool(wants_json) and on_json.matches(msgspec.json.encode(record))
        return bool(wants_text) and on_text.matches(msgspec.json.encode(record))

    return passes


def _is_json(payload: bytes) -> bool:
    """True for an object or an array, and nothing around it but blanks."""
    if payload.lstrip()[:1] not in (b"{", b"["):
        return False
    try:
        msgspec.json.decode(payload)
        payload.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
