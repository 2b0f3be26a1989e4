"""``Pattern``: one pattern, ready to match; ``PatternSet``: many against one event."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import cast

from afterbay.core.pattern.compile import (
    ALTERNATIVES_COMPILED_MAX,
    compile_dict,
    compile_entry,
    compile_values,
    looks_at_numbers,
)
from afterbay.core.pattern.decode import compile_decoder, compile_rejection
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
    """Alternatives with all ways to match them. All but the function for plain dicts are made when first needed."""

    def __init__(self, alternatives: list[Alternative]) -> None:
        self._alternatives = _merged(alternatives)
        self.matches = cast("Callable[[Event], bool]", compile_entry(self._alternatives, self._careful, self._other))

    @cached_property
    def _exact(self) -> Matcher:
        return Matcher(self._alternatives)

    @cached_property
    def _on_dict(self) -> Callable[[object], bool | None] | None:
        return compile_dict(self._alternatives)

    @cached_property
    def _reader(self) -> _Reader:
        return _Reader(self._alternatives)

    def _careful(self, event: object) -> bool:
        answer = self._on_dict(event) if self._on_dict is not None else None
        return self._exact.matches(cast("dict[str, object]", event)) if answer is None else answer

    def _other(self, event: object) -> bool:
        if type(event) is not bytes and isinstance(event, Mapping):  # asking the ABC costs an eighth of a match
            return self._exact.matches(cast("Mapping[str, object]", event))
        decoded = self._reader.read(_bytes_of(event))
        return decoded is not None and self.matches(decoded)

    def on_bytes(self) -> Callable[[bytes], bool]:
        """``matches`` for who has nothing but bytes: a third of the time, on the way there, is finding that out."""
        rejects, decode, matches = self._reader.rejects, self._reader.decode, self.matches

        def judge(data: bytes) -> bool:
            if rejects is not None and rejects(data):
                return False
            decoded = decode(data)
            return decoded is not None and matches(decoded)

        return judge


class _Reader:
    """Reads of an event's bytes what some alternatives need."""

    def __init__(self, alternatives: list[Alternative]) -> None:
        paths = list(dict.fromkeys(path for alternative in alternatives for path in alternative))
        numbers = any(looks_at_numbers(leaves) for alternative in alternatives for leaves in alternative.values())
        self.decode = compile_decoder(paths, keep_numbers=numbers)
        self.rejects = compile_rejection(alternatives)

    def read(self, data: bytes) -> dict[str, object] | None:
        """None: no JSON object, or one that no alternative can hold for."""
        return None if self.rejects is not None and self.rejects(data) else self.decode(data)


def _bytes_of(event: object) -> bytes:
    if isinstance(event, bytes):
        return event
    if isinstance(event, bytearray | memoryview):
        return bytes(cast("bytearray", event))
    raise TypeError(f"an event is a mapping or JSON bytes, not {type(event).__name__}")


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
        """``matches(event)``: does the event, a mapping or JSON bytes, satisfy the pattern? Bytes that are no JSON
        object match nothing (P52, P61). Anything else, a ``str`` too, is a ``TypeError``; nothing else is raised."""

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
        decoded = event if isinstance(event, Mapping) else read_event(_bytes_of(event))
        return explain(self.alternatives, decoded, self.matches(event), self.dialect)


class PatternSet:
    """Many patterns against one event. An empty set matches nothing (for a mapping without filters, do not ask).

    Patterns that want one of some texts at a path are found by the event's value there; only those, and the patterns
    that cannot be found so, are tried. Of bytes is decoded, once, what any of the patterns needs.
    """

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self.patterns = tuple(patterns)
        self._alternatives = [one for pattern in self.patterns for one in pattern.alternatives]
        few = 0 < len(self._alternatives) <= ALTERNATIVES_COMPILED_MAX
        self._as_one = _Compiled(self._alternatives) if few else None
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

    @cached_property
    def _reader(self) -> _Reader:
        return _Reader(self._alternatives)

    @cached_property
    def _values(self) -> Callable[[object], tuple[object, ...] | None]:
        return compile_values(list(self._by_text))

    @cached_property
    def _paths(self) -> Paths:
        return Paths(self._by_text)

    def matches(self, event: Event) -> bool:
        """Does any pattern match (R71)?"""
        if self._as_one is not None:
            return self._as_one.matches(event)
        return next(self._matching(event), None) is not None

    def on_bytes(self) -> Callable[[bytes], bool]:
        """``matches`` for JSON bytes alone: a function to be called for every record of a stream."""
        return self.matches if self._as_one is None else self._as_one.on_bytes()

    def matching(self, event: Event) -> list[int]:
        """The places of all patterns that match, ascending."""
        return list(self._matching(event))

    def _matching(self, event: Event) -> Iterator[int]:
        decoded = event if isinstance(event, Mapping) else self._reader.read(_bytes_of(event))
        if decoded is not None:
            for place in self._candidates(decoded):
                if self.patterns[place].matches(decoded):
                    yield place

    def _candidates(self, event: Mapping[str, object]) -> list[int]:
        """The places of the patterns that the event's texts leave possible, ascending."""
        values = self._values(event)
        found = list(self._always)
        if values is not None:
            for by_text, value in zip(self._by_text.values(), values, strict=True):
                found += by_text.get(cast("str", value), ())  # a value of another type equals no text
        else:
            for path, occurrences in self._paths.occurrences(event).items():
                by_text = self._by_text[path]
                for value, _ in occurrences:
                    if isinstance(value, str):
                        found += by_text.get(value, ())
        return sorted(set(found))


def _key_of(alternative: Alternative) -> tuple[str, list[str]] | None:
    """A path that must hold one of some texts; the one with the longest texts, taken as the rarest."""
    best: tuple[str, list[str]] | None = None
    for path, leaves in alternative.items():
        texts = [one.test.value for one in leaves if isinstance(one.test, Equals) and isinstance(one.test.value, str)]
        if len(texts) == len(leaves) and (best is None or min(map(len, texts)) > min(map(len, best[1]))):
            best = path, texts
    return best
