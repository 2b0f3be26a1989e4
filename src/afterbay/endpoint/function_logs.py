"""Function logs into the address's own CloudWatch Logs, group and stream made on demand."""

from __future__ import annotations

from afterbay.aws.regions import AwsRegions
from afterbay.errors import ServiceError
from afterbay.functions.logs import LogEvent

__all__ = ["FunctionLogs"]

_EXISTS = "ResourceAlreadyExistsException"
KNOWN_MAX = 10_000


class FunctionLogs:
    """``await logs(region, group, stream, events)``."""

    def __init__(self, aws: AwsRegions) -> None:
        self._aws = aws
        self._known: set[tuple[str, ...]] = set()

    async def __call__(self, region: str, group: str, stream: str, events: list[LogEvent]) -> None:
        await self._make(region, "create_log_group", logGroupName=group)
        await self._make(region, "create_log_stream", logGroupName=group, logStreamName=stream)
        await self._aws.of(region).call(
            "logs",
            "put_log_events",
            logGroupName=group,
            logStreamName=stream,
            logEvents=[{"timestamp": int(time.timestamp() * 1000), "message": text} for time, text in events],
        )

    async def _make(self, region: str, operation: str, **names: str) -> None:
        name = (region, operation, *names.values())
        if name in self._known:
            return
        try:
            await self._aws.of(region).call("logs", operation, **names)
        except ServiceError as error:
            if error.code != _EXISTS:
                raise
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known.add(name)
