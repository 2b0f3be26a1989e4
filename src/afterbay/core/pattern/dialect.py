"""Which operator is documented for which service (P57): everything is accepted, strictness is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from afterbay.core.pattern.errors import Dialect, PatternError
from afterbay.core.pattern.members import Member
from afterbay.core.pattern.syntax import Alternative
from afterbay.core.pattern.text import Pairs

__all__ = ["Unwanted", "check_dialect", "unwanted"]

_REFUSED: dict[str, frozenset[str]] = {
    "rule": frozenset(),
    "pipe": frozenset(
        {
            "wildcard",
            "anything-but prefix",
            "anything-but suffix",
            "anything-but equals-ignore-case",
            "anything-but wildcard",
        }
    ),
    "mapping": frozenset(),
}
_NOT_LISTED: dict[str, frozenset[str]] = {
    "rule": frozenset({"exactly"}),
    "pipe": frozenset({"cidr", "exactly"}),
    "mapping": frozenset(
        {
            "wildcard",
            "cidr",
            "exactly",
            "prefix equals-ignore-case",
            "suffix equals-ignore-case",
            "anything-but prefix",
            "anything-but suffix",
            "anything-but equals-ignore-case",
            "anything-but wildcard",
        }
    ),
}
_GUIDES = {"rule": "EventBridge", "pipe": "EventBridge Pipes", "mapping": "Lambda"}


@dataclass(frozen=True, slots=True)
class Unwanted:
    """An operator at a path that the guide of the service excludes (``refused``) or does not list."""

    path: str
    operator: str
    refused: bool
    guide: str

    @property
    def text(self) -> str:
        verb = "excludes" if self.refused else "does not list"
        return f"the guide of {self.guide} {verb} the operator {self.operator}"

    def __str__(self) -> str:
        return f"{self.path}: {self.text}"


def check_dialect(dialect: str) -> None:
    """Refuse a name that is none of the three."""
    if dialect not in _REFUSED:
        raise PatternError(f"dialect {dialect!r} is unknown", hint="one of rule, pipe, mapping")


def _name(member: Member) -> str:
    nested = isinstance(member.operand, Pairs) and member.operand
    return f"{member.name} {member.operand[0][0]}" if nested and isinstance(member.operand, Pairs) else member.name


def unwanted(alternatives: list[Alternative], dialect: Dialect) -> list[Unwanted]:
    """Each path and operator once."""

    def all_of_them() -> Iterator[Unwanted]:
        for alternative in alternatives:
            for path, leaves in alternative.items():
                for name in map(_name, leaves):
                    refused = name in _REFUSED[dialect]
                    if refused or name in _NOT_LISTED[dialect]:
                        yield Unwanted(path, name, refused, _GUIDES[dialect])

    return list(dict.fromkeys(all_of_them()))
