"""One process of a function: started, given one event at a time, timed, killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from afterbay.functions import documents, launch
from afterbay.functions.definition import Client, FunctionDefinition
from afterbay.functions.logs import LogLine, LogSink
from afterbay.functions.output import OutputPipe
from afterbay.functions.runtime_api import Invocation, RuntimeApi
from afterbay.functions.runtimes import Node, launch_arguments, runtime_variables
from afterbay.ports import Answer

__all__ = ["Child", "ChildGoneError", "LaunchSettings", "LoggedAnswer"]

INIT_FREE_S = 10.0
"""Loading the function is not charged to its time-out for so long, as on AWS; then its time-out starts to run."""

TAIL_BYTES = 4096
"""What ``LogType=Tail`` answers: the last 4 KB of the invocation's log."""


class ChildGoneError(Exception):
    """The process ended before it took the event: the function has not seen it, a fresh process may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSettings:
    """What is the same for every process of an address or a run.

    ``libraries`` is the folder of ``libraries.link_libraries``; ``endpoint_url`` becomes AWS_ENDPOINT_URL (None: AWS's
    own endpoints). ``client`` is for Python; ``node`` runs functions in JavaScript, None: it is not at hand. ``watch``
    says how a process learns that its engine died (``launch.launcher``).
    """

    libraries: Path
    endpoint_url: str | None
    client: Client
    node: Node | None = None
    watch: Literal["signal", "pipe"] = "signal" if sys.platform == "linux" else "pipe"


@dataclass(frozen=True, slots=True)
class LoggedAnswer:
    """An answer, the end of its log, and how long it took without the start of the process."""

    answer: Answer
    log_tail: bytes
    duration_ms: float


class Child:
    """A process and its Runtime API. Use: ``start``, any number of ``invoke`` one after the other, ``close``."""

    def __init__(
        self, function: FunctionDefinition, settings: LaunchSettings, *, log: LogSink, now: Callable[[], datetime]
    ) -> None:
        self._function = function
        self._settings = settings
        self._log = log
        self._now = now
        self._stream = f"{now():%Y/%m/%d}/[{function.version}]{uuid.uuid4().hex}"
        self._api = RuntimeApi()
        self._started_at = 0.0
        self._cold = True
        self._broken = False
        self._request_id = ""
        self._tail = bytearray()
        self._process: asyncio.subprocess.Process | None = None
        self._output: OutputPipe | None = None
        self._exit: asyncio.Task[int] | None = None

    @property
    def reusable(self) -> bool:
        """True while it can take another event."""
        return not self._broken and self._exit is not None and not self._exit.done()

    async def start(self) -> None:
        """Spawn the process; does not wait until it is ready. After an exception call ``close``."""
        address = await self._api.start()
        self._started_at = time.monotonic()
        self._output = OutputPipe(self._line)
        function, settings = self._function, self._settings
        way, *arguments = launch_arguments(function, settings.client, settings.libraries, settings.node)
        launcher = str(Path(launch.__file__).with_name("launcher.py"))
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-S", "-s", "-P", "-u", launcher, way, settings.watch, str(os.getpid()), *arguments),
                cwd=function.code,
                env=self._environment(address),
                stdin=asyncio.subprocess.PIPE,  # the lifeline: held open, never written to
                stdout=self._output.write_fd,
                stderr=self._output.write_fd,
                start_new_session=True,
            )
        finally:
            self._output.handed_over()
        self._exit = asyncio.create_task(self._process.wait())

    async def invoke(
        self, payload: bytes, *, request_id: str, client_context: str | None = None, invoked_arn: str | None = None
    ) -> LoggedAnswer:
        """Have the function answer one event. Raises ``ChildGoneError`` if it ended while idle.

        ``invoked_arn`` is the ARN as the caller named it, with an alias, say; None: the function's own. After an answer
        that says that the process is gone or of no more use, ``reusable`` is False.
        """
        if not self._cold and not self.reusable:
            raise ChildGoneError
        self._request_id, self._tail = request_id, bytearray()
        self._line(documents.start_line(request_id, self._function.version))
        arn = invoked_arn or self._function.arn
        answer, began_at, init_ms = await self._serve(payload, request_id, client_context, arn)
        self._cold = False
        duration_ms = (time.monotonic() - began_at) * 1000
        self._report(request_id, duration_ms, init_ms, answer)
        return LoggedAnswer(answer, bytes(self._tail[-TAIL_BYTES:]), duration_ms)

    async def close(self) -> None:
        """Kill the process and what it started; return when it is gone."""
        self._broken = True
        if self._process is not None:
            # The group outlives its leader while anything that the function started is in it.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        if self._exit is not None:
            await self._exit
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        await self._api.close()
        if self._output is not None:
            self._output.close()

    async def _serve(
        self, payload: bytes, request_id: str, client_context: str | None, arn: str
    ) -> tuple[Answer, float, float | None]:
        """The answer, when the function's time began to run, and how long loading took if this was the first event."""
        init_ms = None
        timeout_s = float(self._function.timeout_s)
        if self._cold:
            failed = await self._load(request_id)
            began_at = time.monotonic()
            if failed is not None:
                self._broken = True
                return failed, began_at, None
            init_ms = (began_at - self._started_at) * 1000
        else:
            began_at = time.monotonic()
        # The process compares the deadline with the machine's clock, which moving the address's clock does not move.
        deadline_ms = time.time_ns() // 1_000_000 + int(timeout_s * 1000)
        invocation = Invocation(request_id, payload, arn, deadline_ms, client_context)
        answer = self._api.offer(invocation)
        await self._first_of(answer, timeout_s=timeout_s)
        if answer.done():
            self._broken = self._too_large(answer.result())
            return answer.result(), began_at, init_ms
        if self._exit_task.done() and not self._api.taken:
            raise ChildGoneError
        return await self._cut_off(request_id), began_at, init_ms

    async def _load(self, request_id: str) -> Answer | None:
        """Wait until the process asks for work; the answer is what went wrong, or None."""
        ready = asyncio.create_task(self._api.ready.wait())
        failed = asyncio.create_task(self._api.init_failed.wait())
        try:
            await self._first_of(ready, failed, timeout_s=INIT_FREE_S + self._function.timeout_s)
        finally:
            ready.cancel()
            failed.cancel()
        if self._api.init_error is not None:
            return Answer(self._api.init_error, function_error="Unhandled")
        return None if self._api.ready.is_set() else await self._cut_off(request_id)

    async def _first_of(self, *wanted: asyncio.Future[Answer] | asyncio.Task[Literal[True]], timeout_s: float) -> None:
        """Return at the first of what is wanted, the end of the process, and the time-out."""
        await asyncio.wait([*wanted, self._exit_task], timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)

    async def _cut_off(self, request_id: str) -> Answer:
        """No answer will come: say why. A process that is still there ran out of time, and is killed first."""
        self._broken = True
        if self._exit_task.done():
            answer = documents.exited(request_id, self._exit_task.result())
            self._drain()
            self._line(documents.message_of(answer) + "\nRuntime.ExitError\n")
            return answer
        await self.close()
        timeout_s = self._function.timeout_s
        self._line(f"{self._now():%Y-%m-%dT%H:%M:%S.000Z} {request_id} Task timed out after {timeout_s}.00 seconds\n")
        return documents.timed_out(request_id, timeout_s)

    def _report(self, request_id: str, duration_ms: float, init_ms: float | None, answer: Answer) -> None:
        self._drain()
        status = None
        if self._broken:
            status = "timeout" if b"Sandbox.Timedout" in answer.payload[:100] else "error"
        self._line(documents.end_line(request_id))
        memory_mb = self._function.memory_mb
        report = documents.report_line(
            request_id,
            duration_ms=duration_ms,
            memory_mb=memory_mb,
            used_mb=self._used_mb(),
            init_ms=init_ms,
            status=status,
        )
        self._line(report)
        self._request_id = ""

    def _used_mb(self) -> int | None:
        """The most memory the process had at once, where the platform tells (Linux) and it is still there."""
        if self._process is None:
            return None
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_bytes()
        except OSError:
            return None
        _, found, rest = status.partition(b"VmHWM:")
        return int(rest.split(None, 1)[0]) // 1024 if found else None

    def _drain(self) -> None:
        if self._output is not None:
            self._output.flush()

    def _line(self, text: str) -> None:
        if self._request_id:
            self._tail += text.encode()
            del self._tail[:-TAIL_BYTES]
        function = self._function
        group = function.log_group_name
        line = LogLine(function.name, function.region, group, self._stream, self._request_id, self._now(), text)
        self._log(line)

    @property
    def _exit_task(self) -> asyncio.Task[int]:
        if self._exit is None:
            raise AssertionError("a process is used after it was started")
        return self._exit

    @staticmethod
    def _too_large(answer: Answer) -> bool:
        """True for an answer over the limit: AWS's client ends when it is refused, so the process is not used again."""
        return answer.function_error is not None and b"Function.ResponseSizeTooLarge" in answer.payload[:100]

    def _environment(self, api_address: str) -> dict[str, str]:
        """The runtime's own variables and the function's; nothing of the engine's but the way to find programs."""
        function = self._function
        own = {
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "LAMBDA_TASK_ROOT": str(function.code),
            "LAMBDA_RUNTIME_DIR": str(self._settings.libraries),
            "AWS_LAMBDA_RUNTIME_API": api_address,
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": function.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group_name,
            "AWS_LAMBDA_LOG_STREAM_NAME": self._stream,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_REGION": function.region,
            "AWS_DEFAULT_REGION": function.region,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "_HANDLER": function.handler,
            **runtime_variables(function, path=os.environ.get("PATH", os.defpath)),
        }
        if self._settings.endpoint_url is not None:
            own["AWS_ENDPOINT_URL"] = self._settings.endpoint_url
        return {**function.variables, **own} | {
            name: v for name, v in function.variables.items() if name in _OVERRIDABLE
        }


_OVERRIDABLE = frozenset(
    {"PATH", "LANG", "TZ", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"}
    | {"NODE_PATH", "LD_LIBRARY_PATH"}
)
"""Variables of the runtime that a function's own declaration replaces; the others are reserved, as on AWS."""
