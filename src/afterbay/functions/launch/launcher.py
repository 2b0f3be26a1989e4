"""The first code of a function's process: ties it to its engine, limits its memory, sets its path, starts the client.

Run as ``python -S -s -P -u launcher.py WAY WATCH PARENT ...``. What it needs comes as arguments, because the
environment is the function's own. Standard input is the engine's lifeline: a pipe that nobody writes to, and whose end
means that the engine is gone. What follows depends on WAY: ``awslambdaric`` and ``bootstrap`` are Python's clients,
with MEMORY_MB LIBRARIES HANDLER FOLDERS, the folders that go before the standard library; ``program`` is one to become,
with its arguments (Node, an executable of the function's own).
"""

from __future__ import annotations

import _thread
import importlib
import importlib.machinery
import importlib.util
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

__all__ = ["main"]

PR_SET_PDEATHSIG = 1
"""Linux: the signal that a process gets when its parent dies."""

THREAD_STACK_BYTES = 1024 * 1024
"""RLIMIT_DATA counts a thread's whole stack, touched or not: with glibc's 8 MB, sixteen threads would eat 128 MB."""


def main(arguments: list[str]) -> None:
    """Become the function's process; returns only when the runtime client does."""
    way, watch, parent, *rest = arguments
    _die_with_engine(int(parent), by_signal=watch == "signal")
    if way == "program":
        _run_program(rest, become=watch == "signal")
        return
    memory_mb, libraries, handler, *folders = rest
    if sys.platform == "linux":
        _limit_memory(int(memory_mb))
    sys.path[:0] = folders
    sys.path.append(libraries)
    sys.meta_path.append(_SinkDrivers(libraries + "/.sinks"))
    sys.argv = ["bootstrap.py"]
    if way == "awslambdaric":
        _run_awslambdaric(handler)
    else:
        _run_bootstrap(handler)


class _SinkDrivers:
    """Asked for what nobody else finds: once the function uses a sink, its drivers' folder joins the path. A function
    without one must not see what only they need."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if path is not None or "afterbay.sinks" not in sys.modules:
            return None
        sys.meta_path.remove(self)
        sys.path.append(self._folder)
        return importlib.machinery.PathFinder.find_spec(name)


def _run_program(command: list[str], *, become: bool) -> None:
    """Run a program in our place; where the engine is watched by a thread of ours, as a child that we end with."""
    program = command[0]
    try:
        if become:
            os.execv(program, command)
        pid = os.posix_spawn(program, command, os.environ)
    except OSError as error:
        _tell_init_error("Runtime.InvalidEntrypoint", _why_not(program, error))
        sys.exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status < 0:
        os.kill(os.getpid(), -status)
    os._exit(status)


def _why_not(program: str, error: OSError) -> str:
    """Lambda's sentence for an executable that cannot be run."""
    if isinstance(error, FileNotFoundError) and not Path(program).exists():
        return f"Couldn't find valid bootstrap(s): [{program}]"
    return f"fork/exec {program}: {(error.strerror or str(error)).lower()}"


def _tell_init_error(kind: str, message: str) -> None:
    import http.client  # only who fails pays for it
    import json

    body = json.dumps({"errorType": kind, "errorMessage": message})
    sys.stdout.write(f"{kind}: {message}\n")
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    connection.request("POST", "/2018-06-01/runtime/init/error", body.encode())
    connection.getresponse().read()


def _run_awslambdaric(handler: str) -> None:
    importlib.import_module("awslambdaric.__main__").main(["awslambdaric", handler])


def _run_bootstrap(handler: str) -> None:
    """Load this folder as a package of its own name, so that the path stays the function's."""
    here = Path(__file__).parent
    spec = importlib.util.spec_from_file_location(
        "_afterbay_launch", here / "__init__.py", submodule_search_locations=[str(here)]
    )
    if spec is None or spec.loader is None:
        raise AssertionError(f"no package at {here}")
    package = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = package
    spec.loader.exec_module(package)
    importlib.import_module("_afterbay_launch.bootstrap").run(handler)


def _die_with_engine(parent: int, *, by_signal: bool) -> None:
    """End when the engine ends, however it ends.

    Linux does it by itself, even if the function never gives up the interpreter. Elsewhere a thread waits for the end
    of the lifeline; not on Linux too, since a second thread makes ``os.fork`` in a function warn.
    """
    lifeline = os.dup(0)  # not inherited by what the function starts
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    if by_signal:
        _ask_for_death_signal()
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)
    else:
        _thread.start_new_thread(_wait_for_end, (lifeline,))


def _ask_for_death_signal() -> None:
    import ctypes  # a few milliseconds that macOS need not pay

    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")


def _wait_for_end(lifeline: int) -> None:
    while os.read(lifeline, 1):
        pass
    os.killpg(0, signal.SIGKILL)  # our own group: what the function started goes too


def _limit_memory(memory_mb: int) -> None:
    """Let the function have ``memory_mb`` beyond what the interpreter has by now.

    RLIMIT_DATA counts what is private and writable, which is near to what AWS counts. RLIMIT_AS would count mapped
    libraries and address space that is only reserved, and stop functions that use little memory.
    """
    import resource  # not on every platform

    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "VmData":
            limit = int(value.split()[0]) * 1024 + memory_mb * 1024 * 1024
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    _thread.stack_size(THREAD_STACK_BYTES)


if __name__ == "__main__":
    main(sys.argv[1:])
