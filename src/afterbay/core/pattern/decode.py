"""Events as JSON bytes: reject by looking for texts that must be there, else decode only the wanted branches.

msgspec decodes into structs made for the pattern: wanted members, and the joined keys (P8) whose presence sends the
event to the exact matcher. What the structs cannot take (an array, a scalar where an object is wanted, broken JSON)
goes there too. Of repeated keys the last counts (P10), as in ``text.read_event``.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from afterbay.core.pattern.compile import MISSING, Answer, Constants, Form, Place, emit, looks_at_numbers, places_of
from afterbay.core.pattern.members import Leaves
from afterbay.core.pattern.number import number_of
from afterbay.core.pattern.operators import Equals, Prefix, Suffix
from afterbay.core.pattern.syntax import Alternative

__all__ = ["compile_bytes", "compile_rejection"]

_NEEDLES_MAX = 4
"""Texts looked for per path: each costs a scan of the record."""


def _needle(leaves: Leaves) -> tuple[bytes, ...]:
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

    The longest text of each alternative is looked for, since long texts are the rarest.
    """
    if not alternatives:
        return None
    wanted: list[tuple[bytes, ...]] = []
    for alternative in alternatives:
        needles = [needle for leaves in alternative.values() if (needle := _needle(leaves))]
        if not needles:
            return None
        wanted.append(max(needles, key=lambda needle: min(map(len, needle))))
    texts = list(dict.fromkeys(text for needle in wanted for text in needle))
    if len(texts) > 2 * _NEEDLES_MAX:
        return None
    names = {f"k{place}": text for place, text in enumerate(texts)}
    absent = " and ".join(f"{name} not in data" for name in names)
    scope: dict[str, object] = {**names, "backslash": b"\\"}
    exec(f"def reject(data): return {absent} and backslash not in data", scope)  # names made here, texts as constants
    reject: Callable[[bytes], bool] = scope["reject"]  # type: ignore[assignment]
    return reject


def _scalar_of(raw: msgspec.Raw) -> object:
    """A member whose spelling matters, as a leaf; an object is as good as missing, an array sends the event away."""
    text = bytes(raw)
    head = text[:1]
    if head == b"{":
        return MISSING
    if head in b"-0123456789":
        return number_of(text.decode())
    return _DECODE(text)


_DECODE = msgspec.json.Decoder().decode


class _StructForm:
    """Members as attributes: ``m<n>`` of the place's struct, joined keys as ``j<n>``."""

    def __init__(self, raw_paths: set[str]) -> None:
        self._raw_paths = raw_paths
        self.joined_names: dict[tuple[int, str], str] = {}
        self.empties: dict[int, object] = {}

    def branch(self, place: Place, parent: str, constants: Constants) -> list[str]:
        empty = f"empty{place.number}"
        constants[empty] = self.empties[place.number]
        here = f"x{place.number}"
        return [f"{here} = {parent}.m{place.number}", f"if {here} is None: {here} = {empty}"]

    def leaf(self, place: Place, parent: str, constants: Constants) -> list[str]:
        here = f"x{place.number}"
        lines = [f"{here} = {parent}.m{place.number}"]
        if place.path in self._raw_paths:
            constants["scalar_of"] = _scalar_of
            lines.append(f"if {here} is not MISSING: {here} = scalar_of({here})")
        return [
            *lines,
            f"if type({here}) is dict: {here} = MISSING",
            f"elif type({here}) is list: return None",
        ]

    def joined(self, place: Place, key: str, constants: Constants) -> str:
        return f"x{place.number}.{self.joined_names[place.number, key]} is not MISSING"


def _struct_of(place: Place, form: _StructForm, raw_paths: set[str]) -> type[msgspec.Struct]:
    fields: list[tuple[str, object, object]] = []
    rename: dict[str, str] = {}
    for child in place.below.values():
        name = f"m{child.number}"
        rename[name] = child.name
        if child.below:
            inner = _struct_of(child, form, raw_paths)
            form.empties[child.number] = inner()
            fields.append((name, inner | None, None))
        else:
            fields.append((name, msgspec.Raw if child.path in raw_paths else object, MISSING))
    for place_of_key, key in enumerate(place.joined()):
        name = f"j{place_of_key}"
        rename[name] = key
        form.joined_names[place.number, key] = name
        fields.append((name, msgspec.Raw, MISSING))
    return msgspec.defstruct(f"Wanted{place.number}", fields, rename=rename, gc=False)


def _can_be_named(paths: list[str]) -> bool:
    """msgspec takes member names that stand in JSON without an escape."""
    return all(
        letter not in '"\\' and letter >= " " and not "\ud800" <= letter <= "\udfff"
        for path in paths
        for letter in path
    )


def compile_bytes(alternatives: list[Alternative]) -> Callable[[bytes], Answer] | None:
    """The function for JSON bytes; None if the pattern is not one that structs can serve."""
    raw_paths = {path for one in alternatives for path, leaves in one.items() if looks_at_numbers(leaves)}
    paths = list(dict.fromkeys(path for alternative in alternatives for path in alternative))
    if not _can_be_named(paths) or len(paths) > 64:
        return None
    form = _StructForm(raw_paths)
    root = _struct_of(places_of(paths)[0], form, raw_paths)
    checked: Form = form
    answer = emit(alternatives, checked)
    if answer is None:
        return None
    decode = msgspec.json.Decoder(root).decode
    found = answer
    broken = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)

    def match(data: bytes) -> Answer:
        try:
            return found(decode(data))
        except broken:
            return None

    return match
