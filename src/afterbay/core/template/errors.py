"""The one error of this package, and what kinds of fault there are."""

from __future__ import annotations

from typing import Literal

from afterbay.errors import SettingsError

__all__ = ["Fault", "TemplateError"]

Fault = Literal["InvalidJson", "InvalidPath", "UnknownVariable", "MissingPath", "InvalidValue", "ValidationException"]
"""``InvalidJson``: a JSON template that does not parse once rendered (X35). ``InvalidPath``: outside the grammar
(X39). ``UnknownVariable``: a placeholder that names nothing (X40, B40). ``MissingPath``, ``InvalidValue``: the event
lacks what is needed, or holds something else there (X62, B39). ``ValidationException``: the API refuses the setting
(B36, B40)."""


class TemplateError(SettingsError):
    """A template, path or parameter that AWS would refuse, or that cannot be rendered over this event.

    ``code`` is the kind of fault, ``where`` what was being read: ``target template``, the name of a parameter. The
    message names paths and kinds of values, never the values, which are the customer's.
    """

    def __init__(self, message: str, *, code: Fault, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, code=code, where=where, hint=hint)
        self.code: Fault = code

    def read_in(self, where: str) -> TemplateError:
        """The same fault, found in ``where``."""
        return TemplateError(self.message, code=self.code, where=where, hint=self.hint)
