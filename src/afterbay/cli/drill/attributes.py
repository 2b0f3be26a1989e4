"""Which attributes a function reads of an item, by a look at its source.

A guess, and only one: a handler that finds an attribute missing would fail for a reason that no drill is about. Where
it guesses wrong, the person gives an item (``--item``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["attributes_in", "attributes_of"]

_TAGS = r"(?P<tag>S|N|B|BOOL|SS|NS|M|L|NULL)"
_NAME = r"(?P<name>[A-Za-z_$][\w$-]*)"
_READS = (
    re.compile(rf"""\[\s*["']{_NAME}["']\s*\]\s*\[\s*["']{_TAGS}["']\s*\]"""),  # image["total"]["N"]
    re.compile(rf"""\.{_NAME}\??\.{_TAGS}\b(?!\s*\()"""),  # image.total.N, image.total?.N
    re.compile(
        rf"""\.get\(\s*["']{_NAME}["'][^()]*\)\s*(?:\[\s*|\.get\(\s*)["']{_TAGS}["']"""
    ),  # .get("total", {}).get("N")
)

_SUFFIXES = frozenset({".py", ".js", ".mjs", ".cjs", ".ts", ".mts"})
_FOLDERS_LEFT_OUT = frozenset({"node_modules", "__pycache__", ".venv", ".git", "tests", "test"})
FILES_MAX = 200
FILE_BYTES_MAX = 500_000


def attributes_in(source: str) -> dict[str, str]:
    """Attribute names and DynamoDB's types, as a source text reads them of typed images. The first type of a name
    counts."""
    found: dict[str, str] = {}
    for read in _READS:
        for match in read.finditer(source):
            found.setdefault(match["name"], match["tag"])
    return found


def attributes_of(code: Path) -> dict[str, str]:
    """The same of all sources of a function: a folder or a file. Blocking."""
    found: dict[str, str] = {}
    for file in _sources(code):
        for name, tag in attributes_in(file.read_text("utf-8", "replace")).items():
            found.setdefault(name, tag)
    return found


def _sources(code: Path) -> Iterator[Path]:
    files = [code] if code.is_file() else sorted(code.rglob("*"))
    read = 0
    for file in files:
        inside = file.parts[len(code.parts) :]
        if file.suffix not in _SUFFIXES or not file.is_file() or _FOLDERS_LEFT_OUT & set(inside):
            continue
        if file.stat().st_size <= FILE_BYTES_MAX:
            yield file
            read += 1
        if read >= FILES_MAX:
            return
