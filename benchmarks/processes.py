"""What is measured runs in processes of its own, on free ports, and ends with the block that started it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["REGION", "address", "child", "environment", "ministack", "ministack_there", "moto_server", "wait_for"]

REGION = "eu-west-1"
ROOT = Path(__file__).resolve().parent.parent
PEERS = Path(os.environ.get("AFTERBAY_PEERS", ROOT / ".cache/peers"))
"""Where ``scripts/peers.sh`` installs what is measured beside us."""
START_S = 60
END_S = 30
LOOK_S = 0.005


def wait_for(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Another process's doings have no event to wait for: look until they are seen."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(LOOK_S)


def environment(url: str | None = None, **more: str) -> dict[str, str]:
    """Ours without anybody's AWS settings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "AFTERBAY_"))}
    own = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
    return {**clean, **own, **({"AWS_ENDPOINT_URL": url} if url else {}), "PYTHONPATH": str(ROOT), **more}


@contextmanager
def child(
    command: Sequence[str], log: Path, env: dict[str, str], *, python: str = sys.executable
) -> Iterator[subprocess.Popen[bytes]]:
    """``python command...`` with its output in ``log``; SIGTERM at the end of the block, SIGKILL if that is ignored."""
    with log.open("wb") as output:
        process = subprocess.Popen([python, *command], env=env, stdout=output, stderr=output, cwd=log.parent)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def address(folder: Path) -> Iterator[str]:
    """The URL of an ``afterbay dev``."""
    port = _free_port()
    with _served(["-m", "afterbay", "dev", "--port", str(port)], port, "/_afterbay/health", folder / "dev.log") as url:
        yield url


@contextmanager
def moto_server(folder: Path) -> Iterator[str]:
    """The URL of moto's own server."""
    port = _free_port()
    with _served(["-m", "moto.server", "-p", str(port)], port, "/moto-api/data.json", folder / "moto.log") as url:
        yield url


def ministack_there() -> bool:
    """True once ``scripts/peers.sh`` was run."""
    return (PEERS / "bin/ministack").exists()


@contextmanager
def ministack(folder: Path) -> Iterator[str]:
    """The URL of a ministack."""
    port = _free_port()
    settings = {"GATEWAY_PORT": str(port), "MINISTACK_REGION": REGION, "S3_PERSIST": "0", "LOG_LEVEL": "WARNING"}
    python = str(PEERS / "bin/python")
    with _served(
        ["-m", "ministack"], port, "/_ministack/health", folder / "ministack.log", python=python, **settings
    ) as url:
        yield url


@contextmanager
def _served(
    command: list[str], port: int, health: str, log: Path, *, python: str = sys.executable, **settings: str
) -> Iterator[str]:
    url = f"http://127.0.0.1:{port}"
    with child(command, log, environment(**settings), python=python) as process:

        def ready() -> bool:
            if process.poll() is not None:
                raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {log.read_text()[-500:]}")
            try:
                with urllib.request.urlopen(url + health, timeout=START_S) as answer:
                    status: int = answer.status
                    return status == 200
            except (urllib.error.URLError, ConnectionError):
                return False

        wait_for(ready, START_S, f"{' '.join(command)} is ready")
        yield url


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
