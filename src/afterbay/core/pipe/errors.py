"""The refusals of the pipes API: code, HTTP status, and the members that the model gives each (X6, X7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from afterbay.core.change.wire import JsonValue
from afterbay.errors import SettingsError

__all__ = ["Field", "PipeError", "conflict", "cross_region", "invalid", "not_found", "quota_exceeded"]

RESOURCE_TYPE = "pipe"
"""``resourceType`` of the errors that have one. AWS's own word is not public; this one is ours."""


class Field(NamedTuple):
    """A parameter at fault: its path in the request, and what is wrong with it."""

    name: str
    message: str


class PipeError(SettingsError):
    """A request that the pipes API refuses. ``status`` is HTTP's, ``members`` what the body has beside ``message``."""

    def __init__(self, message: str, *, code: str, status: int, members: Mapping[str, JsonValue] | None = None) -> None:
        super().__init__(message, code=code)
        self.status = status
        self.members = dict(members or {})

    @property
    def body(self) -> dict[str, JsonValue]:
        """The answer's JSON body."""
        return {"message": self.message, **self.members}


def invalid(fields: Sequence[Field]) -> PipeError:
    """What is wrong with a request, all of it at once: the message is itself JSON text (X6, recorded).

    The model's typed ``fieldList`` says the same again (that AWS fills it here is not recorded).
    """
    told = {"ValidationErrorFields": [{"Name": one.name, "Message": one.message} for one in fields]}
    typed: list[JsonValue] = [{"name": one.name, "message": one.message} for one in fields]
    return _refused(msgspec.json.encode(told).decode(), {"fieldList": typed})


def cross_region() -> PipeError:
    """A source or a target in another Region than the pipe; plain text, not JSON (X6, undocumented)."""
    return _refused("Creating cross-region pipe is not permitted.")


def not_found(name: str) -> PipeError:
    """No pipe has this name (X7; the text is undocumented)."""
    return PipeError(f"Pipe {name} does not exist.", code="NotFoundException", status=404)


def conflict(name: str, message: str) -> PipeError:
    """The pipe's state, or that there is one, does not allow the request (X4, X7). The texts are ours."""
    members = {"resourceId": name, "resourceType": RESOURCE_TYPE}
    return PipeError(message, code="ConflictException", status=409, members=members)


def quota_exceeded(name: str, pipes_max: int) -> PipeError:
    """One pipe more than an account may have (X7, X73). HTTP 402. Text and ``quotaCode`` are ours."""
    members = {
        "resourceId": name,
        "resourceType": RESOURCE_TYPE,
        "serviceCode": "pipes",
        "quotaCode": "pipes-per-account",
    }
    message = f"The account has {pipes_max} pipes, which is the most it may have."
    return PipeError(message, code="ServiceQuotaExceededException", status=402, members=members)


def _refused(message: str, members: Mapping[str, JsonValue] | None = None) -> PipeError:
    return PipeError(message, code="ValidationException", status=400, members=members)
