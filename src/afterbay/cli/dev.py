"""``afterbay dev``: the local AWS address."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import Annotated

import typer

from afterbay.cli.output import say
from afterbay.cli.running import logging_to_stderr, until_told_to_stop
from afterbay.errors import SettingsError

__all__ = ["dev"]


def dev(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 4566,
    host: Annotated[str, typer.Option(help="The address to listen on; loopback unless told otherwise.")] = "127.0.0.1",
) -> None:
    """One local AWS-compatible address: tables, streams, functions, event source mappings, queues, topics, buckets.

    Ctrl-C and SIGTERM drain: what is in flight finishes first. Nothing is kept over a restart.

    Example: afterbay dev --port 4566, then AWS_ENDPOINT_URL=http://127.0.0.1:4566 aws dynamodb list-tables
    """
    logging_to_stderr()
    _check_host(host)
    asyncio.run(_serve(host, port))


async def _serve(host: str, port: int) -> None:
    from afterbay.endpoint.local import LocalAddress  # moto and uvicorn: not what --help should wait for

    async with LocalAddress(host, port) as local:
        say(f"ready: export AWS_ENDPOINT_URL={local.url} (any access key, any region; sqs needs --endpoint-url too)")
        await until_told_to_stop()
        say("draining")


def _check_host(host: str) -> None:
    if host == "localhost":
        return
    try:
        ip_address(host)
    except ValueError as error:
        raise SettingsError(
            f"--host {host!r} is no IP address", hint="127.0.0.1, or 0.0.0.0 for every network"
        ) from error
