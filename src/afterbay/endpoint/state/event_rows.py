"""Events of asynchronous invocations as rows: what waits for its function, or for its next attempt."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from afterbay.endpoint.services.lambda_events import Waiting
from afterbay.endpoint.state.state import State
from afterbay.errors import StateError

__all__ = ["EventRows"]

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Waiting)


class EventRows:
    """A ``lambda_events.EventStore``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def restore(self) -> Iterator[Waiting]:
        """The events in the order in which they came. Raises ``StateError``."""
        for request_id, body in self._state.rows("SELECT request_id, body FROM events ORDER BY number"):
            assert isinstance(body, bytes), "as it was written"
            try:
                yield _DECODER.decode(body)
            except msgspec.MsgspecError as error:
                raise StateError(f"the state of event {request_id} cannot be read: {error}") from error

    def changed(self, waiting: Waiting) -> None:
        put = "INSERT INTO events (request_id, body) VALUES (?, ?) ON CONFLICT DO UPDATE SET body = excluded.body"
        self._state.note([(put, (waiting.event.request_id, _ENCODER.encode(waiting)))])

    def removed(self, request_id: str) -> None:
        self._state.note([("DELETE FROM events WHERE request_id = ?", (request_id,))])
