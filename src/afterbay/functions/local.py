"""A Python callable in this process as a function: no start, no isolation, for tests and ``afterbay run --inline``.

It is called as Lambda calls a handler. What a process alone can do is not done here: its time-out and memory limit are
told to the handler (``get_remaining_time_in_millis``), not enforced, since a thread cannot be killed.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import msgspec

from afterbay.errors import HandlerError
from afterbay.functions import documents
from afterbay.functions.definition import RESPONSE_BYTES_MAX, check_request_size
from afterbay.functions.launch import answer as answers
from afterbay.functions.launch.context import CognitoIdentity, LambdaContext, wall_ms
from afterbay.ports import Answer

__all__ = ["Handler", "LocalFunction", "load_callable"]

Handler: TypeAlias = Callable[[object, LambdaContext], object]

THREADS_MAX = 10
"""Handlers that run at a time: a parallelization factor of 10 is as wide as one shard gets."""

TIMEOUT_S = 900
"""What the context counts down from: Lambda's longest, since nothing here ends a handler."""

_OWN_FILES = frozenset({__file__})


class LocalFunction:
    """``ports.Function`` over ``handler``, which runs in a bounded pool of threads, never on the event loop."""

    def __init__(
        self, handler: Handler, *, name: str, arn: str, timeout_s: int = TIMEOUT_S, threads_max: int = THREADS_MAX
    ) -> None:
        self._handler = handler
        self._name = name
        self._arn = arn
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(threads_max, thread_name_prefix=f"function-{name}")

    async def invoke(self, payload: bytes, *, request_id: str) -> Answer:
        """See ``ports.Function``."""
        check_request_size(payload)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.call, payload, request_id)

    async def close(self) -> None:
        """Wait for the handlers that run: a thread cannot be ended from outside."""
        await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)

    def call(self, payload: bytes, request_id: str) -> Answer:
        """The handler's answer, called in this thread."""
        try:
            body = answers.encode_answer(self._handler(msgspec.json.decode(payload), self._context(request_id)))
        except answers.MarshalError as error:
            return _failed(answers.error_document(str(error), "Runtime.MarshalError", request_id=request_id))
        except SystemExit as error:
            return documents.exited(request_id, _exit_status(error.code))
        except Exception as error:  # noqa: BLE001 - around the user's handler (style 5)
            return _failed(answers.raised_document(error, request_id=request_id, own=_OWN_FILES))
        return documents.response_too_large(len(body)) if len(body) > RESPONSE_BYTES_MAX else Answer(body)

    def _context(self, request_id: str) -> LambdaContext:
        return LambdaContext(
            aws_request_id=request_id,
            invoked_function_arn=self._arn,
            function_name=self._name,
            function_version="$LATEST",
            memory_limit_in_mb="128",
            log_group_name=f"/aws/lambda/{self._name}",
            log_stream_name="local",
            deadline_ms=wall_ms() + self._timeout_s * 1000,
            identity=CognitoIdentity(),
        )


def load_callable(name: str) -> Handler:
    """``MODULE:FUNCTION`` -> the function. Raises ``HandlerError`` with what was tried and what failed."""
    module_name, colon, function_name = name.partition(":")
    if not (colon and module_name and function_name):
        raise HandlerError(f"{name!r} does not name a function", hint="write MODULE:FUNCTION, as in app:handler")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise HandlerError(
            f"module {module_name!r} of {name!r} cannot be imported: {error}",
            hint="it must be installed, or PYTHONPATH must hold its folder",
        ) from error
    except SyntaxError as error:
        raise HandlerError(f"module {module_name!r} of {name!r} is not Python: {error}") from error
    except (Exception, SystemExit) as error:  # the user's module runs here (style 5), and may end itself
        raise HandlerError(
            f"module {module_name!r} of {name!r} failed to load: {type(error).__name__}: {error}"
        ) from error
    handler = getattr(module, function_name, None)
    if handler is None:
        raise HandlerError(f"module {module_name!r} has no function {function_name!r}", hint=f"it is {module.__file__}")
    if not callable(handler):
        raise HandlerError(f"{name!r} is not a function but of type {type(handler).__name__}")
    return handler  # type: ignore[no-any-return] # what the user named is callable; its signature is theirs to keep


def _failed(document: dict[str, object]) -> Answer:
    return Answer(msgspec.json.encode(document), function_error="Unhandled")


def _exit_status(code: object) -> int:
    """The exit status that ``sys.exit(code)`` would have given a process."""
    if code is None:
        return 0
    return code & 0xFF if isinstance(code, int) else 1
