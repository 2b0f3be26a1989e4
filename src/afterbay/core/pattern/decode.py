"""Events as JSON bytes: reject by looking for texts that must be there, else decode only the wanted branches.

msgspec decodes into dicts that hold the wanted members alone, the joined keys (P8) among them; all else is checked and
skipped. A number that is no integer keeps its spelling where that matters (P16). What msgspec refuses (lone surrogates,
numbers beyond its range, broken JSON, great depth) is read by ``text.read_event``, which decides. Of repeated keys the
last counts (P10) in both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, TypedDict, cast

import msgspec

from afterbay.core.pattern.compile import Place, are_few, places_of
from afterbay.core.pattern.members import Leaves
from afterbay.core.pattern.number import number_of
from afterbay.core.pattern.operators import Equals, Prefix, Suffix
from afterbay.core.pattern.syntax import Alternative
from afterbay.core.pattern.text import read_event

__all__ = ["compile_decoder", "compile_rejection"]

_NEEDLES_MAX = 4
"""Texts looked for per path: each costs a scan of the record."""

_BACKSLASH = ord("\\")

Decode = Callable[[bytes], "dict[str, object] | None"]
"""JSON bytes -> the event, or what a pattern looks at in it; None if they are no JSON object."""


_Needle = tuple[bytes, ...]


def _needle(leaves: Leaves) -> _Needle:
    """Texts of which one must stand in the record for the leaf array to hold; empty if no such thing is known."""
    found: list[bytes] = []
    for member in leaves:
        test = member.test
        if isinstance(test, Equals) and isinstance(test.value, str):
            before, text, after = b'"', test.value, b'"'
        elif isinstance(test, Prefix):
            before, text, after = b'"', test.text, b""
        elif isinstance(test, Suffix):
            before, text, after = b"", test.text, b'"'
        else:
            return ()
        if any(letter in '"\\' or letter < " " or "\ud800" <= letter <= "\udfff" for letter in text):
            return ()
        found.append(before + text.encode() + after)
    return tuple(found) if len(found) <= _NEEDLES_MAX else ()


def compile_rejection(alternatives: list[Alternative]) -> Callable[[bytes], bool] | None:
    """A test on raw bytes that is True only for what cannot match: never for a record with a backslash (DESIGN 8).

    The longest text of each alternative is looked for, since long texts are the rarest; where that makes too many, the
    one that most alternatives share. None if some alternative has no text, or they are still too many.
    """
    needles = [
        [needle for leaves in alternative.values() if (needle := _needle(leaves))] for alternative in alternatives
    ]
    if not needles or not all(needles):
        return None
    shared = Counter(needle for found in needles for needle in set(found))

    def by_length(needle: _Needle) -> tuple[int, ...]:
        return (min(map(len, needle)),)

    def by_share(needle: _Needle) -> tuple[int, ...]:
        return (shared[needle], *by_length(needle))

    for best in (by_length, by_share):
        texts = list(dict.fromkeys(text for found in needles for text in max(found, key=best)))
        if len(texts) <= 2 * _NEEDLES_MAX:
            return _absence_of(texts)
    return None


def _absence_of(texts: list[bytes]) -> Callable[[bytes], bool]:
    """``find`` and a number for the backslash: ``in`` first tries whether bytes are a number, which takes as long as
    the search."""
    names = {f"k{place}": text for place, text in enumerate(texts)}
    absent = " and ".join(f"find({name}) < 0" for name in names)
    source = f"def reject(data):\n find = data.find\n return {absent} and {_BACKSLASH} not in data"
    scope: dict[str, object] = {**names}
    exec(source, scope)  # names made here, texts as constants
    return cast("Callable[[bytes], bool]", scope["reject"])


def _type_of(place: Place) -> object:
    """The members of a place that are wanted, as a type for msgspec. A value or an array where an object is wanted is
    taken too: the first says nothing, the second is the matcher's business."""
    members: dict[str, object] = {}
    for child in place.below.values():
        inner: object = Any
        if child.below and child.path is None:
            inner = _type_of(child) | list[Any] | str | int | float | bool | None
        members[child.name] = inner
    members.update((key, Any) for key in place.joined())
    make = cast("Callable[..., object]", TypedDict)
    return make("Wanted", members, total=False)


def compile_decoder(paths: list[str], *, keep_numbers: bool) -> Decode:
    """Decode what joined ``paths`` need of an event. ``keep_numbers``: some of them look at numbers."""
    if not are_few(paths) or not all(path.isascii() for path in paths):  # msgspec misses other names in a TypedDict
        wanted: object = dict[str, Any]
    else:
        wanted = _type_of(places_of(paths)[0])
    hook = number_of if keep_numbers else None
    read = cast("Callable[[bytes], dict[str, object]]", msgspec.json.Decoder(wanted, float_hook=hook).decode)

    def decode(data: bytes) -> dict[str, object] | None:
        try:
            if not data.isascii():
                data.decode()  # msgspec does not look at what it skips
            return read(data)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return read_event(data)

    return decode
