"""Faults that are to happen: the next N calls of an operation answer an error, or oddly (S104).

Services and operations are named as boto3 names them. Whoever carries out a call asks ``take`` first. An oddity is an
answer that AWS gives now and then and that a reader must be able to take.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from afterbay.errors import SettingsError

__all__ = ["ODDITIES", "Fault", "FaultPlan", "Oddity"]

FAULTS_MAX = 1000
"""A plan longer than this is a mistake in a loop."""


class Oddity(StrEnum):
    """What a call of DynamoDB Streams answers instead of an error."""

    EMPTY_PAGE = "EmptyPage"
    """No records and a next iterator, although records follow (S13)."""

    LATEST_SLACK = "LatestSlack"
    """LATEST stands before the newest record, not behind it (S38)."""

    LATE_CHILDREN = "LateChildren"
    """Children that have no children themselves are not listed yet (S28)."""

    OPEN_PARENT = "OpenParent"
    """A shard whose children are listed shows no ``EndingSequenceNumber`` yet (S26)."""

    SPLIT_PAGE = "SplitPage"
    """The page ends between a parent and its first child (S25)."""


ODDITIES: Mapping[str, frozenset[Oddity]] = {
    "GetRecords": frozenset({Oddity.EMPTY_PAGE}),
    "GetShardIterator": frozenset({Oddity.LATEST_SLACK}),
    "DescribeStream": frozenset({Oddity.LATE_CHILDREN, Oddity.OPEN_PARENT, Oddity.SPLIT_PAGE}),
}
"""Which operation of ``dynamodbstreams`` can answer how."""


@dataclass(frozen=True, slots=True)
class Fault:
    """``times`` more calls of ``service``.``operation`` answer ``error``: a code of AWS's, or an ``Oddity``'s name."""

    service: str
    operation: str
    error: str
    times: int

    def __post_init__(self) -> None:
        for name in ("service", "operation", "error"):
            if not getattr(self, name):
                raise SettingsError(f"{name} must not be empty", where=name)
        if self.times < 1:
            raise SettingsError(f"times must be at least 1, not {self.times}", where="times")
        if self.error not in tuple(Oddity):
            return
        home = next(name for name, ones in ODDITIES.items() if Oddity(self.error) in ones)
        if (self.service, self.operation) != ("dynamodbstreams", home):
            raise SettingsError(
                f"{self.service} {self.operation} cannot answer with {self.error}",
                where="error",
                hint=f"plan it for dynamodbstreams {home}",
            )


class FaultPlan:
    """Faults by operation, first planned first taken."""

    def __init__(self) -> None:
        self._planned: dict[tuple[str, str], list[Fault]] = {}

    def plan(self, fault: Fault) -> None:
        waiting = self._planned.setdefault((fault.service, fault.operation), [])
        if len(waiting) >= FAULTS_MAX:
            raise SettingsError(
                f"{FAULTS_MAX} faults wait for {fault.service} {fault.operation} already",
                hint="plan one with a higher `times`, or clear them first",
            )
        waiting.append(fault)

    def take(self, service: str, operation: str) -> str | None:
        """The error code that this call must answer, or None; counts the call."""
        waiting = self._planned.get((service, operation))
        if not waiting:
            return None
        fault = waiting.pop(0)
        if fault.times > 1:
            waiting.insert(0, Fault(fault.service, fault.operation, fault.error, fault.times - 1))
        return fault.error

    def take_if(self, service: str, operation: str, wanted: Callable[[str], bool]) -> str | None:
        """As ``take`` where ``wanted`` says yes to the next error; else nothing is counted: for whoever only asks
        whether the call is allowed."""
        waiting = self._planned.get((service, operation))
        return self.take(service, operation) if waiting and wanted(waiting[0].error) else None

    def waits_for(self, service: str) -> bool:
        """True while a fault of any operation of ``service`` has not happened."""
        return any(waiting for (name, _), waiting in self._planned.items() if name == service)

    def clear(self) -> None:
        self._planned.clear()

    def pending(self) -> tuple[Fault, ...]:
        return tuple(fault for waiting in self._planned.values() for fault in waiting)
