"""What AWS itself says of an invocation that its runtime could not answer, and the lines it writes around each."""

from __future__ import annotations

import math
import signal

import msgspec

from afterbay.functions.definition import RESPONSE_BYTES_MAX
from afterbay.ports import Answer

__all__ = ["end_line", "exited", "message_of", "report_line", "response_too_large", "start_line", "timed_out"]

_SIGNAL_NAMES = {
    signal.SIGABRT: "aborted",
    signal.SIGBUS: "bus error",
    signal.SIGFPE: "floating point exception",
    signal.SIGILL: "illegal instruction",
    signal.SIGINT: "interrupt",
    signal.SIGKILL: "killed",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGTERM: "terminated",
}
"""As the service words them; any other goes by its number."""


def timed_out(request_id: str, timeout_s: int) -> Answer:
    """The function was still running when its time was over; its process is gone."""
    return _unhandled("Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {timeout_s}.00 seconds")


def exited(request_id: str, returncode: int) -> Answer:
    """The process ended by itself. ``returncode`` is negative for a signal, as ``subprocess`` has it."""
    if returncode == 0:
        told = "Runtime exited without providing a reason"
    elif returncode > 0:
        told = f"Runtime exited with error: exit status {returncode}"
    else:
        name = _SIGNAL_NAMES.get(signal.Signals(-returncode), f"signal {-returncode}") if _known(-returncode) else None
        told = f"Runtime exited with error: signal: {name or -returncode}"
    return _unhandled("Runtime.ExitError", f"RequestId: {request_id} Error: {told}")


def response_too_large(size_bytes: int) -> Answer:
    """The function's answer does not fit into a response."""
    return _unhandled(
        "Function.ResponseSizeTooLarge",
        f"Response payload size ({size_bytes} bytes) exceeded maximum allowed payload size "
        f"({RESPONSE_BYTES_MAX} bytes).",
    )


def message_of(answer: Answer) -> str:
    """The text of one of the documents above."""
    return msgspec.json.decode(answer.payload, type=dict[str, str])["errorMessage"]


def start_line(request_id: str, version: str) -> str:
    return f"START RequestId: {request_id} Version: {version}\n"


def end_line(request_id: str) -> str:
    return f"END RequestId: {request_id}\n"


def report_line(
    request_id: str,
    *,
    duration_ms: float,
    memory_mb: int,
    used_mb: int | None,
    init_ms: float | None,
    status: str | None,
) -> str:
    """The closing line. ``used_mb`` is None where the platform does not tell; ``init_ms`` is set on a cold start."""
    parts = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {duration_ms:.2f} ms",
        f"Billed Duration: {math.ceil(duration_ms)} ms",
        f"Memory Size: {memory_mb} MB",
    ]
    if used_mb is not None:
        parts.append(f"Max Memory Used: {used_mb} MB")
    if init_ms is not None:
        parts.append(f"Init Duration: {init_ms:.2f} ms")
    if status is not None:
        parts.append(f"Status: {status}")
    return "\t".join(parts) + "\n"


def _known(number: int) -> bool:
    return number in {one.value for one in signal.Signals}


def _unhandled(kind: str, message: str) -> Answer:
    return Answer(msgspec.json.encode({"errorType": kind, "errorMessage": message}), function_error="Unhandled")
