"""The one error of this package, with the text and the code that each service of AWS would answer."""

from __future__ import annotations

from typing import Literal

from afterbay.errors import SettingsError

__all__ = ["Dialect", "PatternError"]

Dialect = Literal["rule", "pipe", "mapping"]

_CODES: dict[Dialect, str] = {
    "rule": "InvalidEventPatternException",
    "pipe": "ValidationException",
    "mapping": "InvalidParameterValueException",
}


class PatternError(SettingsError):
    """A pattern that AWS would refuse.

    ``message`` is the engine's reason in AWS's words, ``path`` the joined path of the part at fault (empty for the
    root), ``aws_text`` the whole answer of the service the dialect stands for.

    Rules: P54, P55 (Lambda has one text for everything), P56.
    """

    def __init__(self, reason: str, *, path: str = "", dialect: Dialect = "rule", hint: str | None = None) -> None:
        super().__init__(reason, code=_CODES[dialect], where=path or None, hint=hint)
        self.path = path
        self.dialect: Dialect = dialect

    @property
    def aws_text(self) -> str:
        if self.dialect == "mapping":
            return "Invalid filter pattern definition."
        return f"Event pattern is not valid. Reason: {self.message}"

    def spoken_by(self, dialect: Dialect) -> PatternError:
        """The same fault, found while reading for ``dialect``."""
        return PatternError(self.message, path=self.path, dialect=dialect, hint=self.hint)
