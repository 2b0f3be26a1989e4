"""The detail of an event: which texts are one, and their compact form (B12, B18, B24)."""

from __future__ import annotations

import re

import msgspec

from afterbay.core.pattern.text import Pairs, read_tree

__all__ = ["DEPTH_MAX", "compact_detail"]

DEPTH_MAX = 1000
"""Levels of a detail (B18)."""

_LOW, _HIGH = -(2**63), 2**63 - 1  # B18
_DIGITS_MAX = 20  # of a 64-bit integer, with its sign
_LONG_DIGITS = re.compile(r"[0-9]{19}")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?', re.DOTALL)
_STRING_OR_BLANKS = re.compile(r'("(?:[^"\\]|\\.)*")|[ \t\n\r]+', re.DOTALL)


def compact_detail(text: str) -> bytes | None:
    """The text without the blanks between its tokens, everything else as it is spelled; None: it is no detail.

    Rules: B12 a JSON object and nothing else; B18 integers of 64 bits, at most 1,000 levels. What AWS answers to those
    two is not known: they count as malformed here.
    """
    compact = _formatted(text)
    if compact is None or compact[:1] != b"{":
        return None
    return None if _has_wide_integer(text) or _is_too_deep(text) else compact


def _formatted(text: str) -> bytes | None:
    """JSON without blanks, or None where it is broken.

    The quick reader gives up on deep nesting and on escaped halves of surrogate pairs; both are for the patient one.
    """
    try:
        return msgspec.json.format(text.encode(), indent=-1)
    except (msgspec.DecodeError, RecursionError):
        return _patiently(text)
    except UnicodeEncodeError:
        return None  # half a surrogate pair, not escaped: no text that could be sent on


def _patiently(text: str) -> bytes | None:
    try:
        tree = read_tree(text, depth_max=DEPTH_MAX)
    except ValueError:
        return None
    return _STRING_OR_BLANKS.sub(r"\1", text).encode() if isinstance(tree, Pairs) else None


def _has_wide_integer(text: str) -> bool:
    """Only a text with so many digits in a row can have one: nearly all are passed at once."""
    if not _LONG_DIGITS.search(text):
        return False
    return any(_is_wide(token) for token in _TOKEN.findall(text))


def _is_wide(token: str) -> bool:
    if token[0] == '"' or not token.lstrip("-").isdecimal():
        return False
    return len(token) > _DIGITS_MAX or not _LOW <= int(token) <= _HIGH


def _is_too_deep(text: str) -> bool:
    if text.count("{") + text.count("[") <= DEPTH_MAX:
        return False
    depth = 0
    for bracket in re.sub(r'"(?:[^"\\]|\\.)*"|[^][{}"]+', "", text, flags=re.DOTALL):
        depth += 1 if bracket in "[{" else -1
        if depth > DEPTH_MAX:
            return True
    return False
