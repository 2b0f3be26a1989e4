"""A function in processes of its own: one for each invocation under way, kept warm, bounded in number."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from afterbay.errors import UnavailableError
from afterbay.functions.child import Child, ChildGoneError, LaunchSettings, LoggedAnswer
from afterbay.functions.definition import FunctionDefinition, check_request_size
from afterbay.functions.logs import LogSink
from afterbay.ports import Answer

__all__ = ["CHILDREN_MAX", "ProcessFunction"]

CHILDREN_MAX = 10
"""Processes of one function at a time: a parallelization factor of 10 is as wide as one shard gets. At 128 MB each
that is what a developer's machine has; callers beyond it wait, which costs no attempt."""


class ProcessFunction:
    """``ports.Function`` over processes. A crash, a time-out or a failed start costs its own invocation only.

    ``packages`` is awaited before a process starts: the folder of what the code's requirements are.
    """

    def __init__(
        self,
        definition: FunctionDefinition,
        settings: LaunchSettings,
        *,
        log: LogSink,
        now: Callable[[], datetime],
        children_max: int = CHILDREN_MAX,
        packages: Callable[[], Awaitable[Path | None]] | None = None,
    ) -> None:
        self.definition = definition
        self._settings = settings
        self._log = log
        self._now = now
        self._packages = packages
        self._slots = asyncio.Semaphore(children_max)
        self._idle: list[Child] = []
        self._busy: set[asyncio.Task[LoggedAnswer]] = set()
        self._closed = False

    async def invoke(self, payload: bytes, *, request_id: str) -> Answer:
        """See ``ports.Function``. Raises ``PayloadTooLargeError`` (R80), and ``UnavailableError`` once closed."""
        return (await self.invoke_logged(payload, request_id=request_id)).answer

    async def invoke_logged(
        self, payload: bytes, *, request_id: str, client_context: str | None = None, invoked_arn: str | None = None
    ) -> LoggedAnswer:
        """The same, with the end of the log; ``invoked_arn`` is the ARN as the caller named it.

        A caller that is cancelled takes its process with it.
        """
        check_request_size(payload)
        if self._closed:
            raise _closed(self.definition.name)
        task = asyncio.create_task(self._take_turn(payload, request_id, client_context, invoked_arn))
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)
        try:
            return await task
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is not None and not current.cancelling():  # closed under the caller, who is not to blame
                raise _closed(self.definition.name) from None
            raise

    async def close(self, *, grace_s: float = 0.0) -> None:
        """Take no more events, let what runs finish within ``grace_s``, kill what is left. No process stays behind."""
        self._closed = True
        if self._busy and grace_s > 0:
            await asyncio.wait(self._busy, timeout=grace_s)
        for task in self._busy:
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)
        idle, self._idle = self._idle, []
        await asyncio.gather(*(child.close() for child in idle))

    async def _take_turn(
        self, payload: bytes, request_id: str, client_context: str | None, invoked_arn: str | None
    ) -> LoggedAnswer:
        async with self._slots:  # first come, first served
            while True:
                child = self._idle.pop() if self._idle else await self._start_child()
                try:
                    answer = await child.invoke(
                        payload, request_id=request_id, client_context=client_context, invoked_arn=invoked_arn
                    )
                except ChildGoneError:
                    await child.close()
                    continue  # it ended while idle and never saw the event
                except BaseException:
                    await child.close()  # cancelled in the middle of an event, or a bug: nothing to use again
                    raise
                if child.reusable:
                    self._idle.append(child)
                else:
                    await child.close()
                return answer

    async def _start_child(self) -> Child:
        definition = self.definition
        if self._packages is not None:
            definition = replace(definition, packages=await self._packages())
        child = Child(definition, self._settings, log=self._log, now=self._now)
        try:
            await child.start()
        except OSError as error:  # no more processes or files, no interpreter, no code folder
            await child.close()
            raise UnavailableError(
                f"no process for function {self.definition.name}: {error}", code="ServiceException"
            ) from error
        return child


def _closed(name: str) -> UnavailableError:
    return UnavailableError(f"function {name} is being closed", code="ServiceException")
