"""JSON with the line of every value."""

from __future__ import annotations

import re
from bisect import bisect_right
from json import JSONDecodeError, JSONDecoder

from afterbay.core.change.wire import JsonValue
from afterbay.declaration.place import Path
from afterbay.errors import SettingsError

__all__ = ["read_json"]

DEPTH_MAX = 200
DIGITS_MAX = 300  # as in YAML

_BLANK = re.compile(r"[ \t\r\n]*")
_WORD = re.compile(r"true|false|null")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")
_STRINGS = JSONDecoder(strict=False)  # a line break inside a text is common in inline code
_WORDS: dict[str, JsonValue] = {"true": True, "false": False, "null": None}


def read_json(text: str, file: str) -> tuple[JsonValue, dict[Path, int]]:
    """The value and the lines of its parts. Raises ``SettingsError`` with file and line; a name may come once only."""
    return _Reader(text.removeprefix("\ufeff"), file).read()


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._at = 0
        self._breaks = [found.start() for found in re.finditer("\n", text)]
        self._lines: dict[Path, int] = {}

    def read(self) -> tuple[JsonValue, dict[Path, int]]:
        self._skip()
        value = self._value(())
        self._skip()
        if self._at < len(self._text):
            raise self._wrong("text behind the end")
        return value, self._lines

    def _value(self, path: Path) -> JsonValue:
        self._lines.setdefault(path, self._line())
        if len(path) > DEPTH_MAX:
            raise self._wrong(f"more than {DEPTH_MAX} levels deep")
        begin = self._peek()
        if begin == "{":
            return self._object(path)
        if begin == "[":
            return self._array(path)
        if begin == '"':
            return self._string()
        if found := _WORD.match(self._text, self._at):
            self._at = found.end()
            return _WORDS[found[0]]
        if found := _NUMBER.match(self._text, self._at):
            self._at = found.end()
            if found[1] or found[2]:
                return float(found[0])
            return int(found[0]) if len(found[0]) <= DIGITS_MAX else found[0]
        raise self._wrong("a value is missing" if begin else "the text ends too early")

    def _object(self, path: Path) -> dict[str, JsonValue]:
        members: dict[str, JsonValue] = {}
        self._at += 1
        self._skip()
        while self._peek() != "}":
            if members:
                self._expect(",")
            if self._peek() != '"':
                raise self._wrong("a name in double quotes is missing")
            line = self._line()
            name = self._string()
            if name in members:
                raise SettingsError(
                    f"{name} is there twice, first on line {self._lines[(*path, name)]}", where=f"{self._file}:{line}"
                )
            self._lines[(*path, name)] = line
            self._skip()
            self._expect(":")
            members[name] = self._value((*path, name))
            self._skip()
        self._at += 1
        return members

    def _array(self, path: Path) -> list[JsonValue]:
        elements: list[JsonValue] = []
        self._at += 1
        self._skip()
        while self._peek() != "]":
            if elements:
                self._expect(",")
            elements.append(self._value((*path, len(elements))))
            self._skip()
        self._at += 1
        return elements

    def _string(self) -> str:
        try:
            value, self._at = _STRINGS.raw_decode(self._text, self._at)
        except JSONDecodeError as error:
            self._at = min(error.pos, len(self._text))
            raise self._wrong(error.msg) from error
        return str(value)

    def _expect(self, sign: str) -> None:
        if self._peek() != sign:
            raise self._wrong(f"{sign!r} is missing" if self._peek() else "the text ends too early")
        self._at += 1
        self._skip()

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _skip(self) -> None:
        found = _BLANK.match(self._text, self._at)
        assert found is not None, "the pattern matches nothing, too"
        self._at = found.end()

    def _line(self) -> int:
        return bisect_right(self._breaks, self._at - 1) + 1

    def _wrong(self, what: str) -> SettingsError:
        return SettingsError(f"this is not JSON: {what}", where=f"{self._file}:{self._line()}")
