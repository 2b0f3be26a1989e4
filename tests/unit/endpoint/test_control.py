"""Who may make the destructive calls under ``/_afterbay/`` (interfaces.md section 5)."""

from __future__ import annotations

import asyncio

import pytest

from afterbay.emulator.faults import FaultPlan
from afterbay.endpoint.control import Control
from afterbay.endpoint.protocol import Request

TOKEN = "0123456789abcdef"
FAR = "10.0.0.7"


def status(method: str, name: str, *, client: str, token: str | None, shown: str | None = None) -> int:
    async def nothing() -> None:
        return None

    control = Control(
        clock=None,  # type: ignore[arg-type]
        streams=None,  # type: ignore[arg-type]
        faults=FaultPlan(),
        ready=lambda: True,
        status=nothing,
        outbox=nothing,
        after_advance=nothing,
        reset=nothing,
        token=token,
    )
    headers = {} if shown is None else {"authorization": shown}
    request = Request(method, f"/_afterbay/{name}", "", headers, b"", "", client)
    return asyncio.run(control(request)).status


@pytest.mark.parametrize(("method", "name"), [("POST", "reset"), ("DELETE", "faults")])
@pytest.mark.parametrize(
    ("client", "token", "shown", "expected"),
    [
        ("127.0.0.1", None, None, 200),
        ("::1", TOKEN, None, 200),
        (FAR, None, None, 403),
        (FAR, None, f"Bearer {TOKEN}", 403),
        (FAR, TOKEN, None, 401),
        (FAR, TOKEN, "Bearer", 401),
        (FAR, TOKEN, f"Bearer {TOKEN}x", 401),
        (FAR, TOKEN, f"Bearer {TOKEN}é", 401),
        (FAR, TOKEN, TOKEN, 401),
        (FAR, TOKEN, f"Bearer {TOKEN}", 200),
        ("", TOKEN, None, 401),
    ],
)
def test_a_destructive_call_comes_from_this_machine_or_with_the_token(method, name, client, token, shown, expected):
    assert status(method, name, client=client, token=token, shown=shown) == expected


def test_what_only_looks_is_answered_to_everyone():
    assert status("GET", "health", client=FAR, token=TOKEN) == 200
