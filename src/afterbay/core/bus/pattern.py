"""Patterns as EventBridge's requests give them: compiled, counted, tried (B3, B26, B72).

The language itself is ``core/pattern``'s.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from afterbay.core.bus.constraints import Text, check, invalid
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import text
from afterbay.core.pattern import Pattern, PatternError
from afterbay.core.pattern.text import Pairs
from afterbay.errors import SettingsError

__all__ = ["PATTERN", "compile_pattern", "has_wildcard", "managed_pattern", "try_pattern"]

PATTERN = Text(name="EventPattern", high=4096)

_NOT_REPLAYED = '"replay-name": [{"exists": false}]'
_TRIED = (Text(name="EventPattern", high=4096, required=True), Text(name="Event", required=True))
_EVENT_MEMBERS = ("id", "account", "source", "time", "region", "detail-type")
"""What TestEventPattern wants of an event (P52)."""


def compile_pattern(pattern: str) -> Pattern:
    """The pattern, ready to match. Raises ``SettingsError`` with the whole of AWS's text (B26)."""
    try:
        return Pattern(pattern, dialect="rule")
    except PatternError as error:
        raise SettingsError(error.aws_text, code=error.code, where=error.where, hint=error.hint) from error


def has_wildcard(pattern: Pattern) -> bool:
    """True for a pattern that counts against the quota of rules with wildcards (B3)."""
    leaves = (leaf for alternative in pattern.alternatives for found in alternative.values() for leaf in found)
    for leaf in leaves:
        nested = leaf.operand[0][0] if isinstance(leaf.operand, Pairs) and leaf.operand else None
        if "wildcard" in (leaf.name, nested):
            return True
    return False


def managed_pattern(pattern: str | None) -> str:
    """The pattern of the rule that feeds an archive: the archive's own, and no event that a replay sent (B72)."""
    own = (pattern or "{}").strip().removesuffix("}").rstrip()
    return f"{own}{'' if own == '{' else ', '}{_NOT_REPLAYED}}}"


def try_pattern(params: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Answer TestEventPattern. Raises ``SettingsError`` (B26; P52 for the event)."""
    check(params, _TRIED)
    pattern, event = compile_pattern(text(params, "EventPattern") or ""), text(params, "Event") or ""
    if not _is_event(event):
        raise invalid("Parameter Event is not valid.")
    return {"Result": pattern.matches(event.encode(errors="surrogatepass"))}


def _is_event(event: str) -> bool:
    try:
        read: JsonValue = json.loads(event)
    except (ValueError, RecursionError):
        return False
    return isinstance(read, dict) and all(name in read for name in _EVENT_MEMBERS)
