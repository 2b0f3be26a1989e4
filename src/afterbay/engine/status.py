"""A typed snapshot of everything that runs, for ``afterbay status``, ``/_afterbay/status`` and the console alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from afterbay.core.mapping.machine import Mapping
from afterbay.core.mapping.queue import QueueMapping
from afterbay.core.mapping.snapshot import MappingSnapshot, queue_snapshot, snapshot
from afterbay.core.pipe.resource import PipeResource
from afterbay.engine.outbox import OutboxStatus
from afterbay.engine.supervisor import Supervisor

__all__ = ["NoticeTold", "PipeTold", "RunningMapping", "Status", "as_document", "take"]


@dataclass(frozen=True, slots=True)
class NoticeTold:
    """Something an operator should have heard of. ``at`` is a UTC instant in ISO form."""

    at: str
    notice: str
    shard: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class RunningMapping:
    """One mapping and the last notices about it, newest last."""

    mapping: MappingSnapshot
    notices: tuple[NoticeTold, ...]


@dataclass(frozen=True, slots=True)
class PipeTold:
    """One pipe. ``mapping`` is the ``uuid`` of the mapping that reads its source, which is there while the pipe runs;
    ``warnings`` are about its settings."""

    name: str
    mapping: str
    state: str
    desired_state: str
    reason: str | None
    source: str
    enrichment: str | None
    target: str
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, pipe: PipeResource) -> PipeTold:
        settings = pipe.settings
        return cls(
            name=pipe.name,
            mapping=settings.arn,
            state=pipe.state.value,
            desired_state=pipe.desired_state.value,
            reason=pipe.reason,
            source=settings.source,
            enrichment=settings.enrichment,
            target=settings.target,
            warnings=settings.warnings,
        )


@dataclass(frozen=True, slots=True)
class Status:
    """``at``: the moment of the snapshot, UTC, in ISO form."""

    at: str
    mappings: tuple[RunningMapping, ...]
    outbox: OutboxStatus
    pipes: tuple[PipeTold, ...] = ()


def take(supervisor: Supervisor, now: datetime, pipes: Iterable[PipeResource] = ()) -> Status:
    """Freeze what the supervisor's mappings are doing, and the pipes that some of them read for."""
    mappings = [
        RunningMapping(
            _snapshot(runner.mapping, now),
            tuple(NoticeTold(at.isoformat(), tell.notice.value, tell.shard, tell.detail) for at, tell in runner.told),
        )
        for runner in supervisor
    ]
    told = tuple(PipeTold.of(one) for one in pipes)
    return Status(now.isoformat(), tuple(mappings), supervisor.outbox.status(), told)


def _snapshot(mapping: object, now: datetime) -> MappingSnapshot:
    match mapping:
        case Mapping():
            return snapshot(mapping, now)
        case QueueMapping():
            return queue_snapshot(mapping, now)
        case _:
            raise AssertionError(f"no mapping of ours: {mapping!r}")


def as_document(status: Status) -> dict[str, object]:
    """The documented JSON form: a mapping's members and its notices side by side."""
    return {
        "at": status.at,
        "mappings": [{**asdict(one.mapping), "notices": [asdict(n) for n in one.notices]} for one in status.mappings],
        "pipes": [asdict(one) for one in status.pipes],
        "outbox": asdict(status.outbox),
    }
