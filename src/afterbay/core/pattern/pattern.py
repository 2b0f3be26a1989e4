"""``Pattern``: one pattern, ready to match; ``PatternSet``: many against one event."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import cast

import msgspec

from afterbay.core.pattern.compile import compile_dict, compile_entry, looks_at_numbers
from afterbay.core.pattern.decode import compile_bytes, compile_rejection
from afterbay.core.pattern.dialect import check_dialect, unwanted
from afterbay.core.pattern.errors import Dialect, PatternError
from afterbay.core.pattern.explain import Explanation, explain
from afterbay.core.pattern.match import Matcher, Paths
from afterbay.core.pattern.operators import Equals
from afterbay.core.pattern.syntax import Alternative, read_pattern
from afterbay.core.pattern.text import read_event

__all__ = ["Pattern", "PatternSet"]

Event = Mapping[str, object] | bytes


class _Compiled:
    """Alternatives with all ways to match them, each made when first needed."""

    def __init__(self, alternatives: list[Alternative]) -> None:
        self._exact = Matcher(alternatives)
        merged = _merged(alternatives)
        self._on_dict = compile_dict(merged)
        self._on_bytes = compile_bytes(merged)
        self._rejects = compile_rejection(merged)
        self.matches = cast("Callable[[Event], bool]", compile_entry(merged, self._careful, self._other))

    def _careful(self, event: object) -> bool:
        answer = self._on_dict(event) if self._on_dict is not None else None
        return self._exact.matches(cast("dict[str, object]", event)) if answer is None else answer

    def _other(self, event: object) -> bool:
        if isinstance(event, Mapping):
            return self._exact.matches(cast("Mapping[str, object]", event))
        data = event if isinstance(event, bytes) else bytes(cast("bytearray | memoryview", event))
        if self._rejects is not None and self._rejects(data):
            return False
        answer = self._on_bytes(data) if self._on_bytes is not None else None
        if answer is not None:
            return answer
        decoded = read_event(data)
        return decoded is not None and self._exact.matches(decoded)


def _merged(alternatives: list[Alternative]) -> list[Alternative]:
    """Alternatives of one and the same single path as one: their members are ORed either way."""
    merged: list[Alternative] = []
    single: dict[str, Alternative] = {}
    for alternative in alternatives:
        if len(alternative) != 1:
            merged.append(alternative)
            continue
        ((path, leaves),) = alternative.items()
        if path in single:
            single[path][path] = (*single[path][path], *leaves)
        else:
            single[path] = {path: leaves}
            merged.append(single[path])
    return merged


class Pattern:
    """An event pattern of EventBridge, Pipes or Lambda, compiled.

    ``source`` is JSON text (repeated keys are kept apart, P9) or a dict. Raises ``PatternError`` with AWS's words.
    ``dialect`` says which service it is for: ``rule`` (the default), ``pipe`` or ``mapping``; with ``strict`` what that
    service's guide excludes is refused (P57).
    """

    def __init__(
        self, source: str | bytes | Mapping[str, object], *, dialect: Dialect = "rule", strict: bool = False
    ) -> None:
        check_dialect(dialect)
        try:
            self.alternatives = read_pattern(source)
        except PatternError as wrong:
            raise wrong.spoken_by(dialect) from wrong
        self.dialect: Dialect = dialect
        if strict:
            for fault in unwanted(self.alternatives, dialect):
                if fault.refused:
                    raise PatternError(fault.text, path=fault.path, dialect=dialect)
        self.source = source
        self.matches = _Compiled(self.alternatives).matches
        """``matches(event)``: does the event, a dict or JSON bytes, satisfy the pattern? Never raises: bytes that are
        no JSON object match nothing (P52, P61)."""

    def __repr__(self) -> str:
        text = self.source if isinstance(self.source, str) else json.dumps(self.source, default=str)
        return f"Pattern({text!r}, dialect={self.dialect!r})"

    @property
    def needs(self) -> frozenset[str]:
        """The joined paths (P8) of all leaf arrays: what of an event the answer depends on."""
        return frozenset(path for alternative in self.alternatives for path in alternative)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Operators that the service's guide does not list (P57)."""
        return tuple(str(fault) for fault in unwanted(self.alternatives, self.dialect))

    def explain(self, event: Event) -> Explanation:
        """Leaf by leaf: what was wanted, what was there, and the usual cause where they differ."""
        decoded = event if isinstance(event, Mapping) else read_event(bytes(event))
        return explain(self.alternatives, decoded, self.matches(event), self.dialect)


class PatternSet:
    """Many patterns against one event. An empty set matches nothing (for a mapping without filters, do not ask).

    Patterns that want one of some texts at a path are found by the event's value there; only those, and the patterns
    that cannot be found so, are tried. Bytes are decoded once.
    """

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self.patterns = tuple(patterns)
        self._any = _Compiled([one for pattern in self.patterns for one in pattern.alternatives]).matches
        self._by_text: dict[str, dict[str, list[int]]] = {}
        self._always: list[int] = []
        for place, pattern in enumerate(self.patterns):
            keys = [_key_of(alternative) for alternative in pattern.alternatives]
            if any(key is None for key in keys):
                self._always.append(place)
                continue
            for path, texts in (key for key in keys if key is not None):
                for text in texts:
                    self._by_text.setdefault(path, {}).setdefault(text, []).append(place)
        self._paths = Paths(self._by_text)
        self._numbers = any(
            looks_at_numbers(leaves)
            for pattern in self.patterns
            for alternative in pattern.alternatives
            for leaves in alternative.values()
        )

    def matches(self, event: Event) -> bool:
        """Does any pattern match (R71)?"""
        return bool(self.patterns) and self._any(event)

    def matching(self, event: Event) -> list[int]:
        """The places of all patterns that match, ascending."""
        decoded = event if isinstance(event, Mapping) else self._decode(bytes(event))
        if decoded is None:
            return []
        tried = set(self._always)
        for path, values in self._paths.occurrences(decoded).items():
            by_text = self._by_text[path]
            for value, _ in values:
                if isinstance(value, str) and value in by_text:
                    tried.update(by_text[value])
        return [place for place in sorted(tried) if self.patterns[place].matches(decoded)]

    def _decode(self, data: bytes) -> Mapping[str, object] | None:
        """Numbers keep their spelling only where a pattern looks at numbers."""
        if self._numbers:
            return read_event(data)
        try:
            return _OBJECT.decode(data)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return read_event(data)


_OBJECT = msgspec.json.Decoder(dict[str, object])


def _key_of(alternative: Alternative) -> tuple[str, list[str]] | None:
    """A path that must hold one of some texts; the one with the longest texts, taken as the rarest."""
    best: tuple[str, list[str]] | None = None
    for path, leaves in alternative.items():
        texts = [one.test.value for one in leaves if isinstance(one.test, Equals) and isinstance(one.test.value, str)]
        if len(texts) == len(leaves) and (best is None or min(map(len, texts)) > min(map(len, best[1]))):
            best = path, texts
    return best
