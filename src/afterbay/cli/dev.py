"""``afterbay dev``: the local AWS address."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from afterbay.cli.live import LiveLines
from afterbay.cli.loop import run_on_loop
from afterbay.cli.options import Archive, given_path
from afterbay.cli.output import say
from afterbay.cli.parameters import template_parameters
from afterbay.cli.running import logging_to_stderr, say_ready, until_told_to_stop
from afterbay.cli.token import read_token
from afterbay.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from afterbay.aws.client import Aws
    from afterbay.declaration.template import Template
    from afterbay.endpoint.local import LocalAddress
    from afterbay.manifest.package import WatchedCode

__all__ = ["dev"]


def dev(
    template: Annotated[
        Path | None,
        typer.Argument(
            parser=given_path, help="A SAM or CloudFormation template, or what `terraform show -json` prints."
        ),
    ] = None,
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 4566,
    host: Annotated[str, typer.Option(help="The address to listen on; loopback unless told otherwise.")] = "127.0.0.1",
    region: Annotated[
        str, typer.Option(envvar="AWS_DEFAULT_REGION", help="Where the template's resources are.")
    ] = "us-east-1",
    param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter of the template; once for each.")
    ] = None,
    parameters: Annotated[
        Path | None,
        typer.Option(
            parser=given_path, help="Parameters in a file: an object of names and values, or AWS's own forms."
        ),
    ] = None,
    imports: Annotated[
        Path | None,
        typer.Option(parser=given_path, help="What Fn::ImportValue finds: an object of export names and values."),
    ] = None,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="Go on without resources that are unknown or refused.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="No line for each invocation, and none of what functions print.")
    ] = False,
    state: Annotated[
        Path | None,
        typer.Option(
            parser=given_path, metavar="DIR", help="A folder that keeps everything over a restart; made if missing."
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            parser=given_path,
            metavar="FILE",
            help="A token with which other machines may reset, move the clock and the like.",
        ),
    ] = None,
    archive: Archive = None,
) -> None:
    """One local AWS-compatible address: tables, streams, functions, event source mappings, queues, topics, buckets.

    With a template, all it declares; a function whose code changes on disk runs the new code from its next invocation
    on. A line tells of each invocation. Ctrl-C and SIGTERM drain: what is in flight finishes first. Nothing is kept
    over a restart, unless --state names a folder for it.

    Example: afterbay dev template.yaml --param Stage=dev, then AWS_ENDPOINT_URL=http://127.0.0.1:4566 aws dynamodb
    list-tables
    """
    _check_host(host)
    _check_region(region)
    logging_to_stderr()
    given = template_parameters(param or [])
    token = None if token_file is None else read_token(token_file)
    if template is None:
        if given or parameters or imports or skip_unknown:
            raise SettingsError(
                "--param, --parameters, --imports and --skip-unknown are for a template",
                hint="afterbay dev template.yaml",
            )
        run_on_loop(_serve(host, port, state, quiet=quiet, archive=archive, token=token))
        return
    from afterbay.manifest.load import load  # YAML and the SAM transform: not what an empty address should wait for

    declared = load(
        template,
        region=region,
        parameters=given,
        parameters_file=parameters,
        imports_file=imports,
        skip_unknown=skip_unknown,
    )
    run_on_loop(_serve(host, port, state, declared, template.parent, quiet=quiet, archive=archive, token=token))


async def _serve(
    host: str,
    port: int,
    state: Path | None,
    template: Template | None = None,
    folder: Path | None = None,
    *,
    quiet: bool,
    archive: str | None,
    token: str | None,
) -> None:
    from afterbay.endpoint.local import LocalAddress  # moto and uvicorn: not what --help should wait for

    lines = LiveLines(None if quiet else say)
    local = LocalAddress(
        host,
        port,
        ready=template is None,
        state=state,
        listeners=(lines,),
        log=lines.line,
        archive=archive,
        token=token,
    )
    told_to_stop = asyncio.ensure_future(until_told_to_stop(failed=local.failed))  # heard while it starts, too
    async with AsyncExitStack() as stack:
        starting = asyncio.ensure_future(_start(stack, local, template, folder))
        await asyncio.wait({starting, told_to_stop}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
        else:
            starting.result()
            where = f"export AWS_ENDPOINT_URL={local.url}"
            say_ready(f"ready: {where} (any access key, any region; sqs needs --endpoint-url too)")
        await told_to_stop
        say("draining: what is in flight finishes first; a second signal ends at once")


async def _start(stack: AsyncExitStack, local: LocalAddress, template: Template | None, folder: Path | None) -> None:
    """Everything is up behind it; ``stack`` takes it down again."""
    await stack.enter_async_context(local)
    if template is None or folder is None:
        return
    code = await _assemble(local, template, folder)
    reloading = asyncio.create_task(_reload(local, template, code))
    stack.push_async_callback(_end, reloading)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _reload(local: LocalAddress, template: Template, code: Sequence[WatchedCode]) -> None:
    """Take changed code while the address runs. Where changes cannot be watched, that is told, and all else goes on."""
    from afterbay.manifest.reload import watch

    aws = _aws(local, template)
    try:
        await watch(code, aws, say)
    except (OSError, RuntimeError) as error:
        say(f"changes of code are not noticed any more: {error}")
    finally:
        aws.close()


async def _assemble(local: LocalAddress, template: Template, folder: Path) -> Sequence[WatchedCode]:
    from afterbay.manifest.assemble import assemble

    aws = _aws(local, template)
    try:
        assembled = await assemble(template, folder, aws)
    finally:
        aws.close()
    for line in assembled.lines():
        say(line)
    local.mark_ready()
    return assembled.code


def _aws(local: LocalAddress, template: Template) -> Aws:
    from botocore.credentials import Credentials

    from afterbay.aws.client import Aws, AwsSettings

    settings = AwsSettings(
        endpoint_url=local.url, region=template.wanted.region, credentials=Credentials("test", "test")
    )
    return Aws(settings, attempts_max=1)


def _check_region(region: str) -> None:
    if not re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", region):
        raise SettingsError(f"{region!r} is no region", where="--region", hint="as in us-east-1")


def _check_host(host: str) -> None:
    if host == "localhost":
        return
    try:
        ip_address(host)
    except ValueError as error:
        raise SettingsError(
            f"--host {host!r} is no IP address", hint="127.0.0.1, or 0.0.0.0 for every network"
        ) from error
