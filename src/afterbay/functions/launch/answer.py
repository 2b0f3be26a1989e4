"""What a handler returned or raised, in the documents that AWS's Python runtime sends.

The forms were recorded from ``awslambdaric`` 4.2.2 with every error of ``tests/integration/test_functions_clients.py``.
"""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Iterable
from decimal import Decimal
from types import TracebackType
from typing import cast

__all__ = ["MarshalError", "encode_answer", "error_document", "log_text", "raised_document"]

NO_BREAK_SPACE = "\u00a0"
"""Indents an error's log line, so that log viewers do not strip it; its inner line ends are carriage returns."""


class MarshalError(Exception):
    """The handler's answer has no JSON form."""


class _Decimals:
    """Writes a ``Decimal`` as a JSON number with every digit: marks it in the text, then puts the digits there."""

    def __init__(self) -> None:
        self._mark = os.urandom(16).hex()
        self._texts: list[str] = []

    def default(self, value: object) -> str:
        if not isinstance(value, Decimal):
            raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
        self._texts.append("NaN" if value.is_nan() else str(value))
        return f"{self._mark}{len(self._texts) - 1}."

    def fill_in(self, text: str) -> str:
        for number, digits in enumerate(self._texts):
            text = text.replace(f'"{self._mark}{number}."', digits, 1)
        return text


def encode_answer(answer: object) -> bytes:
    """The bytes that go back for ``answer``; ``bytes`` go as they are. Raises ``MarshalError``."""
    if isinstance(answer, bytes):
        return answer
    decimals = _Decimals()
    ascii_only = os.environ.get("AWS_EXECUTION_ENV") in (None, "AWS_Lambda_python3.10", "AWS_Lambda_python3.11")
    try:
        text = json.dumps(answer, default=decimals.default, ensure_ascii=ascii_only)
        return decimals.fill_in(text).encode()
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise MarshalError(f"Unable to marshal response: {error}") from error


def error_document(message: str, kind: str, *, request_id: str = "", trace: Iterable[str] = ()) -> dict[str, object]:
    """The error document of AWS's Python runtime."""
    return {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": list(trace)}


def raised_document(
    error: BaseException, *, request_id: str = "", own: frozenset[str] = frozenset()
) -> dict[str, object]:
    """The document of an exception. Frames at the top of its stack in the files ``own`` are ours, and not shown."""
    return error_document(
        str(error), type(error).__name__, request_id=request_id, trace=_frames(error.__traceback__, own)
    )


def log_text(document: dict[str, object]) -> str:
    """The one log line of an error: inner line ends as carriage returns, as AWS's runtime writes it."""
    kind, message = document.get("errorType"), document.get("errorMessage")
    head = "[ERROR]" + (f" {kind}" if kind else "") + (f": {message}" if message else "")
    lines = [head, "Traceback (most recent call last):"]
    trace = document.get("stackTrace")
    elements = cast("list[str]", trace) if isinstance(trace, list) else []
    for element in elements:
        for line in element.splitlines():
            bare = line.lstrip(" ")
            lines.append(NO_BREAK_SPACE * (len(line) - len(bare)) + bare)
    return "\r".join(lines) + "\n"


def _frames(trace: TracebackType | None, own: frozenset[str]) -> list[str]:
    frames = traceback.extract_tb(trace)
    while frames and frames[0].filename in own:
        del frames[0]
    return traceback.format_list(frames)
