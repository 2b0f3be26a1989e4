"""Which condition of which filter a record does not meet: for who asks why it was never delivered."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from afterbay.core.change.source import SourceKind
from afterbay.core.mapping.settings import MappingSettings
from afterbay.core.pattern import Dialect, Pattern
from afterbay.core.pattern.explain import LeafReport
from afterbay.core.pipe.filters import HIDDEN

__all__ = ["FilterVerdict", "judge"]

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class FilterVerdict:
    """One filter of a mapping against one record. ``number`` counts from 1, in the order of ``Filters``; ``because``
    has a sentence for each condition that does not hold."""

    number: int
    pattern: str
    matched: bool
    because: tuple[str, ...]


def judge(settings: MappingSettings, body: bytes) -> tuple[FilterVerdict, ...]:
    """Every filter's verdict on a record of a table's stream, in Lambda's form (R71); empty where there are none.

    A pipe's patterns do not see every member (X21). Other sources' records are not judged: their payload would have to
    be taken apart first (R77), and nobody can read one of them again by its number.
    """
    if settings.kind is not SourceKind.TABLE:
        return ()
    dialect: Dialect = "mapping"
    if settings.is_pipe:
        dialect = "pipe"
        seen = {name: raw for name, raw in _members.decode(body).items() if name not in HIDDEN[settings.kind]}
        body = msgspec.json.encode(seen)
    return tuple(_verdict(number, text, dialect, body) for number, text in enumerate(settings.filters, start=1))


def _verdict(number: int, text: str, dialect: Dialect, body: bytes) -> FilterVerdict:
    told = Pattern(text, dialect=dialect).explain(body)
    because = () if told.matched else tuple(dict.fromkeys(_sentence(one) for one in told.leaves if not one.holds))
    if not told.matched and told.note is not None:
        because = (*because, told.note)
    return FilterVerdict(number, text, told.matched, because)


def _sentence(leaf: LeafReport) -> str:
    there = ", ".join(leaf.there) if leaf.there else "not there"
    return f"{leaf.path} was {there}, wanted {' or '.join(leaf.wanted)}"
