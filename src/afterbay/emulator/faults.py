"""Faults that are to happen: the next N calls of an operation answer an error (S104).

Services and operations are named as boto3 names them. Whoever carries out a call asks ``take`` first.
"""

from __future__ import annotations

from dataclasses import dataclass

from afterbay.errors import SettingsError

__all__ = ["Fault", "FaultPlan"]

FAULTS_MAX = 1000
"""A plan longer than this is a mistake in a loop."""


@dataclass(frozen=True, slots=True)
class Fault:
    """``times`` more calls of ``service``.``operation`` answer ``error``."""

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

    def clear(self) -> None:
        self._planned.clear()

    def pending(self) -> tuple[Fault, ...]:
        return tuple(fault for waiting in self._planned.values() for fault in waiting)
