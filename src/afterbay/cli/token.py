"""The token of ``--token-file``: what a caller from another machine must show."""

from __future__ import annotations

from pathlib import Path

from afterbay.errors import SettingsError

__all__ = ["read_token"]


def read_token(file: Path) -> str:
    """The token in ``file``, without blanks around it. Raises ``SettingsError``."""
    where, hint = f"--token-file {file}", "one line, such as `openssl rand -hex 32` prints"
    try:
        token = file.read_text("utf-8").strip()
    except UnicodeDecodeError as error:
        raise SettingsError("this is no text", where=where, hint=hint) from error
    except OSError as error:
        raise SettingsError(f"cannot be read: {error.strerror}", where=where, hint=hint) from error
    if not token:
        raise SettingsError("the file is empty", where=where, hint=hint)
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise SettingsError("a token has no blanks and no letters beyond ASCII", where=where, hint=hint)
    return token
