"""What placeholders may name: paths and reserved names in pipes, declared and reserved names on buses (B49).

Decides which ``<...>`` is a placeholder at all, and how its value is come by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from afterbay.core.template.errors import TemplateError
from afterbay.core.template.event import Event
from afterbay.core.template.path import MISSING, Path

__all__ = [
    "BUS_CONTEXT",
    "PIPE_CONTEXT",
    "PIPE_NAMES",
    "WHOLE_EVENTS",
    "Context",
    "Fetch",
    "Kind",
    "Names",
    "bus_names",
]

Kind = Literal["pipe", "bus"]

Context = Mapping[str, str | datetime | None]
"""What reserved names stand for, by the names of ``PIPE_CONTEXT`` or ``BUS_CONTEXT``. None, or absent: there is none.

``now`` is when this transformer got the event (X42): ISO 8601 text, or an aware ``datetime``.
"""

Fetch = Callable[[Event, Context], object]
"""The value of a reserved name, or ``MISSING``."""

PIPE_CONTEXT = ("pipe_arn", "pipe_name", "source_arn", "enrichment_arn", "target_arn", "now")
BUS_CONTEXT = ("rule_arn", "rule_name", "now")


def _iso(moment: datetime) -> str:
    """Milliseconds and ``Z``: how many digits AWS writes is not told (X42)."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _member(name: str) -> Fetch:
    def fetch(_: Event, context: Context) -> object:
        value = context.get(name)
        if value is None:
            return MISSING
        return _iso(value) if isinstance(value, datetime) else value

    return fetch


_EVENTS: dict[str, Fetch] = {
    "event": lambda event, _: event.raw,
    "event.json": lambda event, _: event.json,
    "event.ingestion-time": _member("now"),
}


@dataclass(frozen=True, slots=True)
class Names:
    """``pattern`` is the regular expression of a placeholder's name; ``variables`` are a bus's ``InputPathsMap``."""

    pattern: str
    reserved: Mapping[str, Fetch]
    takes_paths: bool = False
    variables: Mapping[str, Path] = field(default_factory=dict[str, Path])

    def find(self, name: str, owner: str) -> Path | Fetch:
        """What ``name`` stands for. Raises ``TemplateError``: InvalidPath, or UnknownVariable in the words of a bus
        (X40, B40), where ``owner`` is what the template is called."""
        if self.takes_paths and name.startswith("$"):
            return Path(name)
        found = self.variables.get(name) or self.reserved.get(name)
        if found is None:
            raise TemplateError(f"{owner} contains invalid placeholder {name}.", code="UnknownVariable")
        return found


WHOLE_EVENTS = frozenset(f"aws.{owner}.{name}" for owner in ("pipes", "events") for name in ("event", "event.json"))
"""Names that stand for the event itself."""

PIPE_NAMES = Names(
    pattern=r"\$[^<>]*|aws\.pipes\.[^<>]*",
    reserved={
        "aws.pipes.pipe-arn": _member("pipe_arn"),
        "aws.pipes.pipe-name": _member("pipe_name"),
        "aws.pipes.source-arn": _member("source_arn"),
        "aws.pipes.enrichment-arn": _member("enrichment_arn"),
        "aws.pipes.target-arn": _member("target_arn"),
        **{f"aws.pipes.{name}": fetch for name, fetch in _EVENTS.items()},
    },
    takes_paths=True,
)
"""X40 to X43. Other angle brackets are text."""

_BUS_RESERVED: Mapping[str, Fetch] = {
    "aws.events.rule-arn": _member("rule_arn"),
    "aws.events.rule-name": _member("rule_name"),
    **{f"aws.events.{name}": fetch for name, fetch in _EVENTS.items()},
    "aws.events.event": lambda event, _: event.envelope,
}


def bus_names(variables: Mapping[str, str]) -> Names:
    """B40, B45, B46. A bare path is no placeholder here but looks like one: it is refused rather than sent as text.

    Raises ``TemplateError`` InvalidPath for a variable's path.
    """
    paths: dict[str, Path] = {}
    for name, path in variables.items():
        try:
            paths[name] = Path(path)
        except TemplateError as wrong:
            raise wrong.read_in(f"variable {name}") from wrong
    return Names(
        pattern=r"[A-Za-z0-9_-]+|aws\.events\.[^<>]*|\$[^<>]*",
        reserved=_BUS_RESERVED,
        variables=paths,
    )
