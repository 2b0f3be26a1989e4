"""What a signal does while the command line is still being loaded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import afterbay.__main__ as start

SOURCE = Path(start.__file__).parents[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_python_imports_ends_it_without_a_word(tmp_path, number):
    # In the place of the first library that the command line imports: the signal comes just then.
    (tmp_path / "typer.py").write_text(f"import os\nos.kill(os.getpid(), {int(number)})\n1 / 0\n")
    done = subprocess.run(
        [sys.executable, "-m", "afterbay", "dev"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{SOURCE}"},
        capture_output=True,
        timeout=60,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert (done.returncode, done.stdout, done.stderr) == (-number, b"", b"")  # a shell says 130 and 143


@pytest.mark.parametrize("heard", [signal.default_int_handler, signal.SIG_IGN])
def test_the_command_line_finds_the_signals_as_they_were(monkeypatch, heard):
    found = []
    monkeypatch.setattr("afterbay.cli.main.main", lambda: found.append(signal.getsignal(signal.SIGINT)))
    before = signal.signal(signal.SIGINT, heard)
    try:
        start.main()
    finally:
        signal.signal(signal.SIGINT, before)
    assert found == [heard]
