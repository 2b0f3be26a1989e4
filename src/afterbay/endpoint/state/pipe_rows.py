"""Pipes as rows: what was asked for, and in which state each is. The positions of their sources are the engine's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import msgspec

from afterbay.core.change.arn import parse_arn
from afterbay.core.change.wire import JsonValue
from afterbay.core.pipe.lifecycle import PipeState
from afterbay.core.pipe.request import parse_create
from afterbay.core.pipe.resource import PipeResource
from afterbay.endpoint.state.state import State
from afterbay.errors import SettingsError, StateError

__all__ = ["PipeRows"]


class _Row(msgspec.Struct):
    """``request`` is a Create request that makes the pipe as it is now."""

    request: dict[str, object]
    state: PipeState
    created_s: float
    modified_s: float
    tags: dict[str, str]
    reason: str | None


_KEEP = "INSERT INTO pipes (arn, body) VALUES (?, ?) ON CONFLICT (arn) DO UPDATE SET body = excluded.body"
"""The number of a row stays: it is the order of creation."""

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Row)


class PipeRows:
    """A ``services.pipes.PipeStore``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def restore(self) -> Iterator[PipeResource]:
        """The pipes in the order of their creation. Raises ``StateError``."""
        for arn, body in self._state.rows("SELECT arn, body FROM pipes ORDER BY number"):
            assert isinstance(body, bytes) and isinstance(arn, str), "as they were written"
            try:
                row = _DECODER.decode(body)
                home = parse_arn(arn)
                settings = parse_create(
                    cast("dict[str, JsonValue]", row.request), account=home.account, region=home.region
                )
            except (msgspec.MsgspecError, SettingsError) as error:
                raise StateError(f"the state of pipe {arn} cannot be read: {error}") from error
            yield PipeResource(
                settings=settings,
                state=row.state,
                created_s=row.created_s,
                modified_s=row.modified_s,
                tags=row.tags,
                reason=row.reason,
            )

    def changed(self, pipe: PipeResource) -> None:
        tags = dict(pipe.tags)
        row = _Row({**pipe.settings.request()}, pipe.state, pipe.created_s, pipe.modified_s, tags, pipe.reason)
        values = (pipe.settings.arn, _ENCODER.encode(row))
        self._state.note([(_KEEP, values)])

    def removed(self, arn: str) -> None:
        self._state.note([("DELETE FROM pipes WHERE arn = ?", (arn,))])
