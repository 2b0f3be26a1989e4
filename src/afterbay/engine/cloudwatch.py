"""Metrics on their way to CloudWatch (R139 to R148): gathered by minute, sent now and then, kept until they are."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import TypeAlias

from afterbay.aws.regions import AwsRegions
from afterbay.core.change.arn import is_pipe
from afterbay.core.mapping.deadletter import Letter
from afterbay.core.mapping.metrics import Datum, of_attempt, of_handling, of_invocation, of_letter
from afterbay.core.mapping.outcome import Cause, Failed, NotReached
from afterbay.core.mapping.settings import MappingSettings
from afterbay.engine.background import Background
from afterbay.engine.meter import Attempt, Handled, Listener
from afterbay.errors import AfterbayError
from afterbay.telemetry.statistics import Gathered, as_metric_data

__all__ = ["CloudWatch", "PutMetricData", "put_through"]

log = logging.getLogger(__name__)

SEND_EVERY_S = 5.0
DATA_PER_CALL_MAX = 1_000
"""What one PutMetricData takes."""

PutMetricData: TypeAlias = Callable[[str, str, list[dict[str, object]]], Awaitable[object]]
"""``(region, namespace, data)``; raises ``AfterbayError``."""


def put_through(aws: AwsRegions) -> PutMetricData:
    """PutMetricData of the region that is asked for."""

    async def put(region: str, namespace: str, data: list[dict[str, object]]) -> object:
        return await aws.of(region).call("cloudwatch", "put_metric_data", Namespace=namespace, MetricData=data)

    return put


class CloudWatch(Listener):
    """Listens to the engine and sends what AWS would show of its mappings.

    ``settings_of`` finds a mapping by UUID, None once it is gone. ``counts_functions``: no Lambda service counts the
    invocations (functions inside this process). ``start`` it, and ``close`` it, which sends what is left.
    """

    def __init__(
        self,
        put: PutMetricData,
        namespace: str,
        *,
        settings_of: Callable[[str], MappingSettings | None],
        counts_functions: bool = False,
        send_every_s: float = SEND_EVERY_S,
    ) -> None:
        self._put = put
        self._namespace = namespace
        self._settings_of = settings_of
        self._counts_functions = counts_functions
        self._send_every_s = send_every_s
        self._gathered = Gathered()
        self._failing = False
        self._background = Background(self._run)

    def start(self) -> None:
        self._background.start()

    async def close(self) -> None:
        """Send what is left, if the service takes it, and end."""
        await self._background.stop()
        await self.send()

    def forget(self) -> None:
        """Drop what is gathered: what it tells of is gone."""
        self._gathered = Gathered()

    def add(self, data: Iterable[Datum]) -> None:
        for one in data:
            self._gathered.add(one)

    def attempt(self, attempt: Attempt) -> None:
        settings, outcome = attempt.settings, attempt.outcome
        if settings.is_pipe:
            return  # a pipe has metrics of its own (X106)
        self.add(of_attempt(attempt.mapping, settings, attempt.batch, outcome, attempt.started, attempt.ended))
        if self._counts_functions and not isinstance(outcome, NotReached):
            error = isinstance(outcome, Failed) and outcome.cause is Cause.FUNCTION_ERROR
            duration_ms = (attempt.ended - attempt.started).total_seconds() * 1000
            self.add(of_invocation(settings.function_arn, attempt.started, error=error, duration_ms=duration_ms))

    def handled(self, handled: Handled) -> None:
        if handled.settings.is_pipe:
            return
        self.add(
            of_handling(
                handled.mapping,
                handled.settings,
                handled.at,
                polled=handled.polled,
                filtered_out=handled.filtered_out,
                dropped=handled.dropped,
                deleted=handled.deleted,
            )
        )

    def letter_sent(self, letter: Letter, *, delivered: bool, tries: int, at: datetime) -> None:
        if tries == 0 and not is_pipe(
            letter.function_arn
        ):  # what failed once was counted as dropped, and is not counted again when it arrives after all
            self.add(of_letter(letter, self._settings_of(letter.mapping), at, delivered=delivered))

    async def send(self) -> None:
        """Send what is gathered. What the service does not take is kept for the next time."""
        sets = self._gathered.take()
        for region, group in itertools.groupby(sets, key=lambda pair: pair[0].region):
            of_region = list(group)
            for start in range(0, len(of_region), DATA_PER_CALL_MAX):
                some = of_region[start : start + DATA_PER_CALL_MAX]
                try:
                    await self._put(region, self._namespace, as_metric_data(some))
                except AfterbayError as error:
                    self._gathered.put_back(some)
                    self._failed(error)
                else:
                    self._failing = False

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._send_every_s)
            await self.send()

    def _failed(self, error: AfterbayError) -> None:
        if not self._failing:
            log.warning(
                "metrics not sent; kept and sent again", extra={"namespace": self._namespace, "why": str(error)}
            )
        self._failing = True
        if self._gathered.lost:
            log.warning("metrics lost: the service takes none", extra={"statistic_sets": self._gathered.lost})
            self._gathered.lost = 0
