"""Reads what ``stopwatch.handler`` wrote."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Call", "calls", "delivered"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the handler. Times are monotonic nanoseconds."""

    began_ns: int
    ended_ns: int
    records: int
    first_key: str


def calls(file: Path) -> list[Call]:
    """In the order in which they ended; a line that is still being written is not one yet."""
    if not file.exists():
        return []
    text = file.read_text(encoding="utf-8")
    found: list[Call] = []
    for line in text[: text.rfind("\n") + 1].splitlines():
        began, ended, records, key = line.split(" ", 3)
        found.append(Call(int(began), int(ended), int(records), key))
    return found


def delivered(file: Path) -> int:
    return sum(call.records for call in calls(file))
