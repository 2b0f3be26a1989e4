"""How verbs speak: results to stdout, everything else to stderr, errors in one line."""

from __future__ import annotations

import errno
import logging
import sys
from collections.abc import Callable
from enum import IntEnum
from functools import wraps
from typing import ParamSpec, TypeVar

import msgspec
import typer

from afterbay.cli.terminal import discard_output
from afterbay.errors import AfterbayError, SettingsError, StatePlaceError

__all__ = ["Exit", "JsonLines", "in_one_line", "print_json", "say", "told_in_one_line"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Exit(IntEnum):
    """Exit codes (docs/cli.md)."""

    DONE = 0
    FAILED = 1
    MISUSED = 2


def print_json(document: object) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")


def say(line: str) -> None:
    """A line for the person in front of it."""
    typer.echo(line, err=True)


def in_one_line(text: str) -> str:
    """Several lines, as services and libraries write them, become one."""
    return " ".join(line.strip() for line in text.splitlines() if line.strip())


def told_in_one_line(verb: Callable[_P, _R]) -> Callable[_P, _R]:
    """Turn an error of ours into one line on stderr and an exit code: 2 for a wrong setting or place, else 1.

    So is an error of the system's that nobody foresaw, as that of a full disk. A reader who has left is the shell's to
    tell.
    """

    @wraps(verb)
    def told(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return verb(*args, **kwargs)
        except SettingsError as error:
            say(f"afterbay: {error}")  # of a template a line for each refusal
            raise typer.Exit(Exit.MISUSED) from error
        except AfterbayError as error:
            say(in_one_line(f"afterbay: {error}"))
            raise typer.Exit(Exit.MISUSED if isinstance(error, StatePlaceError) else Exit.FAILED) from error
        except OSError as error:
            if error.errno in (None, errno.EPIPE):
                raise
            say(f"afterbay: {error.filename or 'the output'}: {error.strerror}")
            if error.filename is None:
                discard_output()
            raise typer.Exit(Exit.FAILED) from error

    return told


class JsonLines(logging.Formatter):
    """A log record as one JSON line: a constant message, values as fields."""

    _STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = {
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields |= {name: value for name, value in vars(record).items() if name not in self._STANDARD}
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        return msgspec.json.encode(fields, enc_hook=str).decode()
