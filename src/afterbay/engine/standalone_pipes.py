"""The pipes of ``afterbay run``: what each does with a batch, by calls of AWS's own services, and what it tells.

Every call is made with the process's own credentials: a pipe's role is not assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from afterbay.aws.client import AwsSettings
from afterbay.aws.regions import AwsRegions
from afterbay.core.change.arn import parse_arn
from afterbay.core.mapping.metrics import Datum
from afterbay.core.pipe.definition import PipeSettings
from afterbay.core.pipe.plan import Plan
from afterbay.core.pipe.target_parameters import InvocationParameters
from afterbay.core.pipe.target_service import TargetKind
from afterbay.core.target.call import AwsCall, Call, DestinationCall, Refused, Reply
from afterbay.core.target.state_machine import START_SYNC
from afterbay.engine.clock import Clock
from afterbay.engine.pipe import EXECUTION_S_MAX, PipeDeliverer
from afterbay.engine.pipe_logs import PipeLogs
from afterbay.engine.wanted import WantedPipe
from afterbay.errors import AfterbayError, DeniedError, SettingsError
from afterbay.ports import Function
from afterbay.targets.caller import TargetCaller, refusal_of
from afterbay.targets.destination import DestinationCaller
from afterbay.targets.registered import RegisteredDestinations

__all__ = ["StandalonePipes", "functions_of"]

SYNC_TIMEOUT_S = int(EXECUTION_S_MAX) + 10
"""Longer than an execution: a state machine that is waited for may take all of it (X75). Who else does not answer for
so long is not there, which costs no attempt (X85)."""

CALLS_MAX = 32
"""Calls of targets, enrichments and logs under way at once in a Region; more wait in line."""

_REFUSED_STATUSES = (401, 403)
"""The credentials that a destination was called with may have been changed."""


class StandalonePipes:
    """``start`` it before the first batch, ``close`` it behind the last. ``function`` finds what invokes a function by
    its ARN, ``metrics`` takes what pipes measure."""

    def __init__(
        self,
        wanted: Iterable[WantedPipe],
        aws: AwsSettings,
        clock: Clock,
        *,
        function: Callable[[str], Function],
        metrics: Callable[[Iterable[Datum]], None],
    ) -> None:
        self._wanted = tuple(wanted)
        self._plans = {one.pipe.arn: Plan(one.pipe) for one in self._wanted}
        self._clock = clock
        # One attempt: the engine waits out what is internal, visibly, and no call is made twice behind its back (X85).
        self._aws = AwsRegions(aws, attempts_max=1, threads=CALLS_MAX)
        self._waiting = AwsRegions(aws, read_timeout_s=SYNC_TIMEOUT_S, attempts_max=1, threads=CALLS_MAX)
        self._asking = AwsRegions(aws)
        self._registered = RegisteredDestinations(self._asking, clock.now)
        self._destinations = DestinationCaller(self._registered.find, clock, authorized=lambda connection, token: None)
        self._calls = TargetCaller(self._aws, function, self._destinations)
        self._sync_calls = TargetCaller(self._waiting, function, self._destinations)
        self.logs = PipeLogs(self._perform, metrics, clock.now)

    async def start(self) -> None:
        """Look at what pipes call, as far as it must be of a certain kind, and begin to log. Raises as ``check``."""
        for one in self._wanted:
            await self.check(one)
        self.logs.start()

    def deliverer(self, pipe_arn: str) -> PipeDeliverer:
        """What delivers the batches of a pipe."""
        return PipeDeliverer(lambda: self._plans[pipe_arn], self._perform, self._clock, self.logs)

    def role(self, pipe_arn: str) -> str:
        """The role that the pipe was given, as records of Kinesis name it."""
        return self._plans[pipe_arn].settings.role_arn

    async def close(self) -> None:
        """Send what is left of the logs."""
        await self.logs.close()
        await self._destinations.close()
        self._aws.close()
        self._waiting.close()
        self._asking.close()

    async def _perform(self, call: Call, request_id: str) -> Reply:
        if isinstance(call, AwsCall) and call.operation == START_SYNC:
            return await self._sync_calls(call, request_id)
        if not isinstance(call, DestinationCall):
            return await self._calls(call, request_id)
        try:
            await self._registered.look_up(call.arn)
        except AfterbayError as error:
            return refusal_of(error)
        reply = await self._calls(call, request_id)
        if isinstance(reply, Refused) and reply.status in _REFUSED_STATUSES:
            self._registered.forget(call.arn)
        return reply

    async def check(self, wanted: WantedPipe) -> None:
        """Raises ``SettingsError`` with the pipe's place for what cannot be called from here, ``ServiceError``."""
        for arn, kind, waits in _called(wanted.pipe):
            try:
                if kind is TargetKind.API_DESTINATION:
                    await self._registered.look_up(arn)
                elif kind is TargetKind.STATE_MACHINE and waits:
                    await self._check_express(arn)
            except SettingsError as error:
                raise SettingsError(error.message, where=wanted.place, hint=error.hint) from error

    async def _check_express(self, arn: str) -> None:
        """X55, X63: only an Express state machine can be waited for. Who may not look learns it from the first call."""
        try:
            told = await self._asking.of(parse_arn(arn).region).call(
                "stepfunctions", "describe_state_machine", stateMachineArn=arn
            )
        except DeniedError:
            return
        if told.get("type") != "EXPRESS":
            raise SettingsError(
                f"{arn} is a {told.get('type')} state machine, which cannot be waited for",
                hint="use an Express one, or as a target InvocationType FIRE_AND_FORGET",
            )


def functions_of(pipe: PipeSettings) -> Iterator[tuple[str, bool]]:
    """The functions that a pipe calls, and whether it waits for each."""
    for arn, kind, waits in _called(pipe):
        if kind is TargetKind.FUNCTION:
            yield arn, waits


def _called(pipe: PipeSettings) -> Iterator[tuple[str, TargetKind, bool]]:
    if pipe.enrichment is not None and pipe.enrichment_service is not None:
        yield pipe.enrichment, pipe.enrichment_service.kind, True
    parameters = pipe.target_parameters
    waits = not isinstance(parameters, InvocationParameters) or parameters.waits
    yield pipe.target, pipe.target_service.kind, waits
