"""The wildcard operator: its text, its match, and the bound on how complex a field's wildcards may be (P24, P25)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["COMPLEXITY_MAX", "Globs", "is_too_complex", "read_wildcard"]

COMPLEXITY_MAX = 10
"""The most wildcard prefixes that one input may leave open at once; 11 is refused."""

STEPS_MAX = 50_000
"""Subsets looked at before a field counts as too complex. Real patterns need a few hundred; adversarial ones would
need a number that grows with a power of their length."""

_STAR = -1


@dataclass(frozen=True, slots=True)
class Globs:
    """A wildcard as the literal texts between its stars; one text means that it has no star."""

    texts: tuple[str, ...]

    def match(self, value: str) -> bool:
        first, last = self.texts[0], self.texts[-1]
        if len(self.texts) == 1:
            return value == first
        at, end = len(first), len(value) - len(last)
        if at > end or not value.startswith(first) or not value.endswith(last):
            return False
        for text in self.texts[1:-1]:  # leftmost placement is enough: whatever follows has most room
            at = value.find(text, at, end)
            if at < 0:
                return False
            at += len(text)
        return True

    @property
    def tokens(self) -> tuple[int, ...]:
        """The bytes of the quoted text, a star as -1."""
        found: list[int] = []
        for text in self.texts:
            found += (
                [_STAR, *text.encode("utf-8", "surrogatepass")]
                if found
                else [34, *text.encode("utf-8", "surrogatepass")]
            )
        return (*found, 34)


def read_wildcard(text: str) -> Globs:
    """Resolve escapes and cut at the stars. Raises ``ValueError`` in AWS's words, its offsets in bytes (P24)."""
    texts: list[str] = [""]
    position, at, after_star = 1, 0, False
    while at < len(text):
        letter = text[at]
        if letter == "*":
            if after_star:
                raise ValueError(f"Consecutive wildcard characters at pos {position - 1}")
            texts.append("")
            after_star = True
        else:
            after_star = False
            if letter == "\\":
                letter = text[at + 1 : at + 2]
                if letter not in ("*", "\\") or not letter:
                    raise ValueError(f"Invalid escape character at pos {position}")
                at, position = at + 1, position + 1
            texts[-1] += letter
        at += 1
        position += len(letter.encode("utf-8", "surrogatepass"))
    return Globs(tuple(texts))


def is_too_complex(wildcards: Iterable[Globs]) -> bool:
    """Would some input leave more than ``COMPLEXITY_MAX`` wildcard prefixes of this field open at once (P25)?

    States are (pattern, tokens consumed); the subsets that inputs can reach are walked until one is too large.
    """
    tokens = [one.tokens for one in dict.fromkeys(wildcards)]
    if sum(map(len, tokens)) <= COMPLEXITY_MAX:
        return False
    start = frozenset((pattern, 0) for pattern in range(len(tokens)))
    seen = {start}
    todo = [start]
    steps = 0
    while todo:
        subset = todo.pop()
        for byte in _bytes_of_interest(tokens, subset):
            after = frozenset(_step(tokens, subset, byte))
            if len(after) > COMPLEXITY_MAX:
                return True
            if after not in seen:
                seen.add(after)
                todo.append(after)
            steps += 1
            if steps > STEPS_MAX:
                return True
    return False


def _bytes_of_interest(tokens: list[tuple[int, ...]], subset: frozenset[tuple[int, int]]) -> set[int]:
    """What any state of the subset waits for, and one byte (256) that stands for all others."""
    found = {256}
    for pattern, consumed in subset:
        found.update(token for token in tokens[pattern][consumed : consumed + 1] if token != _STAR)
    return found


def _step(tokens: list[tuple[int, ...]], subset: frozenset[tuple[int, int]], byte: int) -> Iterable[tuple[int, int]]:
    for pattern, consumed in subset:
        word = tokens[pattern]
        if consumed and word[consumed - 1] == _STAR:
            yield pattern, consumed  # the star just consumed takes this byte too
        if consumed < len(word) and word[consumed] == byte:
            yield pattern, consumed + 1
            if word[consumed + 1 : consumed + 2] == (_STAR,):
                yield pattern, consumed + 2  # the star may be empty: it is open beside what leads to it
