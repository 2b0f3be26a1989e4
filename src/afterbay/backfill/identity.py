"""What a state file is of: one load of one table into one destination. Another one must not go on from it.

Decides what has to be the same. No secret is in it: of an address only a digest, and its text without user, password
and parameters.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from afterbay.core.pattern import Pattern
from afterbay.errors import StatePlaceError
from afterbay.sinks.address import SinkAddress

__all__ = ["Identity", "function_print", "sink_print"]


@dataclass(frozen=True, slots=True)
class Identity:
    """``table`` is the ARN, ``created`` tells this table from an earlier one of its name. ``source`` says what is read:
    the table itself, or an export by its ARN. ``into`` names the destination as an error may show it, ``print`` is a
    digest of all that makes it this one, filters included."""

    table: str
    created: str
    source: str
    into: str
    print: str

    def check(self, other: Identity, file: object) -> None:
        """``other`` is what the file is of. Raises ``StatePlaceError`` that says what differs."""
        differs = None
        if other.table != self.table:
            differs = f"of {other.table}, and this load is of {self.table}"
        elif other.created != self.created:
            differs = f"of an earlier table of that name, created at {other.created}; this one was at {self.created}"
        elif other.source != self.source:
            differs = f"of a load from {other.source}, and this one is from {self.source}"
        elif other.into != self.into:
            differs = f"of a load into {other.into}, and this one is into {self.into}"
        elif other.print != self.print:
            differs = f"of a load into {other.into} with other parameters or filters"
        if differs is not None:
            raise StatePlaceError(
                f"state file {file} is {differs}", hint="name another --state file, or remove this one"
            )


def sink_print(address: SinkAddress) -> str:
    """A digest of the sink and of what it takes. A user and a password are not part of it."""
    options = address.options
    return _digest(
        {
            "scheme": address.scheme,
            "place": address.place,
            "parameters": dict(address.parameters),
            "ttl": options.ttl.value,
            "fields": None if options.fields is None else sorted(options.fields),
            "without": sorted(options.without),
            "where": [] if address.where is None else _spelled(address.where),
        }
    )


def function_print(name: str, where: str | None) -> str:
    """A digest of the function's name and of the filter's text."""
    return _digest({"function": name, "where": where or ""})


def _spelled(where: Pattern) -> list[str]:
    """A pattern by its paths and operands, however it was written."""
    return sorted(
        repr([(path, [(leaf.name, leaf.operand) for leaf in leaves]) for path, leaves in sorted(alternative.items())])
        for alternative in where.alternatives
    )


def _digest(told: Mapping[str, object]) -> str:
    return hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()
