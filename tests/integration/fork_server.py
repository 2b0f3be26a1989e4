"""The process that ``forked`` forks off: it has imported what ``afterbay`` needs, and runs nothing of it.

Started with the file descriptor of a socket. A message on it is one byte and four descriptors: a child's standard
input, output and error, and the line on which that child's order is read (JSON, until end of file) and answered, with
two of ``NUMBER``: its process id, and once it has ended its ``returncode``. The server ends when the socket does, and
the children that are left with it.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import selectors
import signal
import socket
import struct
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import service_models

NUMBER = struct.Struct("!i")
CLIENTS = ("dynamodb", "dynamodbstreams", "events", "kinesis", "lambda", "logs", "pipes", "s3", "sns", "sqs")
MOTO_SERVICES = ("cloudwatch", "events", "iam", "kinesis", "logs", "s3", "sns", "sqs", "sts")
MODULES = (
    "afterbay.cli.backfill",
    "afterbay.cli.dev",
    "afterbay.cli.run",
    "afterbay.cli.status",
    "afterbay.endpoint.local",
    "afterbay.manifest.assemble",
    "afterbay.manifest.load",
    "afterbay.manifest.reload",
    "httptools",
    "moto.dynamodb.responses",
    "moto.moto_server.werkzeug_app",
    *(f"moto.{service}.urls" for service in MOTO_SERVICES),
    "pydantic.type_adapter",
    "uvloop",
)
"""What addresses and engines load sooner or later."""


@dataclass(frozen=True, slots=True)
class Order:
    """One ``python -m afterbay`` to be. ``words`` follow the name; ``streams`` become descriptors 0, 1 and 2."""

    words: list[str]
    environment: dict[str, str]
    folder: str
    streams: list[int]


@dataclass(frozen=True, slots=True)
class Child:
    pid: int
    line: socket.socket


def main() -> None:
    interrupted = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests, whose end is ours
    _load()
    order = _serve(socket.socket(fileno=int(sys.argv[1])))
    if order is not None:
        signal.signal(signal.SIGINT, interrupted)
        _become(order)
        runpy.run_module("afterbay", run_name="__main__", alter_sys=True)


def _load() -> None:
    from afterbay.endpoint import moto

    os.environ |= moto._ENVIRONMENT  # moto reads it when it is imported, as it does in an address
    for module in MODULES:
        import_module(module)
    _load_models()
    assert len([*Path("/proc/self/task").iterdir()]) == 1, "a fork has only the thread that forks"
    gc.collect()
    gc.freeze()  # a collection in a child need not touch, and so copy, what is shared


def _load_models() -> None:
    """What the clients of an address and of an engine read, and what moto does."""
    from botocore.session import Session
    from moto.core.utils import get_service_model

    service_models.read_once()
    session = Session()
    for service in CLIENTS:
        session.create_client(service, region_name="eu-west-1").close()
    for service in MOTO_SERVICES:
        get_service_model(service)


def _serve(control: socket.socket) -> Order | None:
    """Returns in every child, with what it is to do; in the server None, once nobody can ask any more."""
    children: dict[int, Child] = {}  # by pidfd, which can be read once the child has ended
    with control, selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fd in children:
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    _tell_end(children.pop(key.fd))
                    continue
                message, descriptors, _, _ = socket.recv_fds(control, 1, 4)
                if not message:
                    for child in children.values():
                        os.kill(child.pid, signal.SIGKILL)
                    return None
                line = socket.socket(fileno=descriptors.pop())
                order = _read(line, descriptors)
                pid = os.fork()
                if pid == 0:  # in the child: what is the server's is closed here
                    line.close()
                    for pidfd, other in children.items():
                        os.close(pidfd)
                        other.line.close()
                    return order
                for stream in order.streams:
                    os.close(stream)
                _tell(line, pid)
                pidfd = os.pidfd_open(pid)
                children[pidfd] = Child(pid, line)
                selector.register(pidfd, selectors.EVENT_READ)


def _read(line: socket.socket, streams: list[int]) -> Order:
    with line.makefile("rb") as file:
        return Order(**json.loads(file.read()), streams=streams)


def _tell_end(child: Child) -> None:
    _, status = os.waitpid(child.pid, 0)
    _tell(child.line, os.waitstatus_to_exitcode(status))
    child.line.close()


def _tell(line: socket.socket, number: int) -> None:
    with suppress(BrokenPipeError):  # who asked may not have waited
        line.sendall(NUMBER.pack(number))


def _become(order: Order) -> None:
    """Be as an interpreter is that was started so."""
    for number, stream in enumerate(order.streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(order.folder)
    own = _import_path(os.environ)
    os.environ.clear()
    os.environ |= order.environment
    sys.path[:] = [order.folder, *_import_path(os.environ), *(entry for entry in sys.path if entry not in own)]
    sys.argv[:] = ["-m", *order.words]


def _import_path(environment: Mapping[str, str]) -> list[str]:
    return [entry for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if entry]


if __name__ == "__main__":
    main()
