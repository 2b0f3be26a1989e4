"""The stream's part of the table API: what CreateTable and UpdateTable ask, what table descriptions show (S83, S84)."""

from __future__ import annotations

from dataclasses import dataclass

from afterbay.core.change.view import ViewType
from afterbay.core.change.wire import JsonValue
from afterbay.emulator.stream import StreamLog
from afterbay.errors import EndpointError

__all__ = ["StreamWish", "describe", "take_wish"]

_STATUS = {"CreateTable": "CREATING", "UpdateTable": "UPDATING", "DeleteTable": "DELETING"}
"""What a table's status is in the answer itself; asked again it is ACTIVE, or gone."""


@dataclass(frozen=True, slots=True)
class StreamWish:
    """A request's StreamSpecification: a stream of this view type, or None for no stream."""

    view: ViewType | None


def take_wish(members: dict[str, JsonValue]) -> StreamWish | None:
    """Take the StreamSpecification out of a request: streams are not moto's. None if there was none.

    Raises ``EndpointError``.
    """
    specification = members.pop("StreamSpecification", None)
    if specification is None:
        return None
    if not isinstance(specification, dict):
        raise EndpointError("SerializationException", "StreamSpecification must be an object")
    wanted, view = specification.get("StreamEnabled"), specification.get("StreamViewType")
    if not isinstance(wanted, bool):
        raise EndpointError(
            "ValidationException",
            "1 validation error detected: Value null at 'streamSpecification.streamEnabled' failed to satisfy "
            "constraint: Member must not be null",
        )
    if view is not None and view not in tuple(ViewType):
        raise EndpointError(
            "ValidationException",
            f"1 validation error detected: Value '{view}' at 'streamSpecification.streamViewType' failed to satisfy "
            f"constraint: Member must satisfy enum value set: [{', '.join(ViewType)}]",
        )
    if wanted and view is None:
        raise _invalid("StreamViewType is required when StreamEnabled is true")
    if not wanted and view is not None:
        raise _invalid("StreamViewType must not be given when StreamEnabled is false")
    return StreamWish(ViewType(str(view)) if wanted else None)


def check_update(wish: StreamWish, current: StreamLog | None, table: str) -> None:
    """Refuse what changes nothing and what cannot be changed in place (S83). Raises ``EndpointError``."""
    if wish.view is not None and current is not None:
        raise EndpointError("ValidationException", f"Table already has an enabled stream: TableName: {table}")
    if wish.view is None and current is None:
        raise EndpointError("ValidationException", f"Table has no enabled stream to disable: TableName: {table}")


def describe(description: dict[str, JsonValue], latest: StreamLog | None, operation: str) -> None:
    """Add the stream's members to a table description. Without a stream all three are absent (S83)."""
    if operation in _STATUS:
        description["TableStatus"] = _STATUS[operation]
    if latest is None:
        return
    description["LatestStreamArn"] = latest.arn.arn
    description["LatestStreamLabel"] = latest.arn.label
    if latest.enabled:
        description["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": latest.view.value}


def _invalid(reason: str) -> EndpointError:
    return EndpointError("ValidationException", f"One or more parameter values were invalid: {reason}")
