"""Vectors as test parameters: facts as data, read whole or not at all.

A test opens a vector and must read every member of its ``input`` and ``expect``: a fact that no test looks at would
otherwise pass unseen.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent


class Reader:
    """The members of one object, and which of them were read."""

    def __init__(self, members: dict[str, object], where: str) -> None:
        self._members = members
        self._where = where
        self._read: set[str] = set()

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._members)

    def __getitem__(self, name: str) -> object:
        self._read.add(name)
        return self._members[name]

    def unread(self) -> list[str]:
        return [f"{self._where}.{name}" for name in self._members if name not in self._read]


@dataclass(frozen=True)
class Vector:
    name: str
    source: str
    input: dict[str, object]
    expect: dict[str, object]
    status: str = ""
    rules: tuple[str, ...] = ()

    @contextmanager
    def opened(self) -> Iterator[tuple[Reader, Reader]]:
        """``input`` and ``expect``; fails at the end if a member was not read."""
        given, wanted = Reader(self.input, "input"), Reader(self.expect, "expect")
        yield given, wanted
        unread = given.unread() + wanted.unread()
        assert not unread, f"{self.name}: the test does not read {unread}"


def vectors(path: str, marks: Callable[[Vector], list[pytest.MarkDecorator]] = lambda _: []) -> list:
    """The vectors of one file as parameters; the id is the vector's name and source. Names are unique."""
    loaded = [Vector(**one) for one in json.loads((HERE / path).read_text())]
    assert len({one.name for one in loaded}) == len(loaded) > 0
    return [pytest.param(one, id=f"{one.name} ({one.source})", marks=marks(one)) for one in loaded]
