"""``afterbay dev``: the local AWS address."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from afterbay.cli.output import say
from afterbay.cli.running import logging_to_stderr, until_told_to_stop
from afterbay.errors import SettingsError

if TYPE_CHECKING:
    from afterbay.declaration.template import Template
    from afterbay.endpoint.local import LocalAddress

__all__ = ["dev"]


def dev(
    template: Annotated[
        Path | None,
        typer.Argument(help="A SAM or CloudFormation template, or what `terraform show -json` prints."),
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
        Path | None, typer.Option(help="Parameters in a file: an object of names and values, or AWS's own forms.")
    ] = None,
    imports: Annotated[
        Path | None, typer.Option(help="What Fn::ImportValue finds: an object of export names and values.")
    ] = None,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="Go on without resources that are unknown or refused.")
    ] = False,
    state: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A folder that keeps everything over a restart; made if missing."),
    ] = None,
) -> None:
    """One local AWS-compatible address: tables, streams, functions, event source mappings, queues, topics, buckets.

    With a template, all it declares. Ctrl-C and SIGTERM drain: what is in flight finishes first. Nothing is kept over a
    restart, unless --state names a folder for it.

    Example: afterbay dev template.yaml --param Stage=dev, then AWS_ENDPOINT_URL=http://127.0.0.1:4566 aws dynamodb
    list-tables
    """
    logging_to_stderr()
    _check_host(host)
    given = _parameters(param or [])
    if template is None:
        if given or parameters or imports or skip_unknown:
            raise SettingsError(
                "--param, --parameters, --imports and --skip-unknown are for a template",
                hint="afterbay dev template.yaml",
            )
        asyncio.run(_serve(host, port, state))
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
    asyncio.run(_serve(host, port, state, declared, template.parent))


async def _serve(
    host: str, port: int, state: Path | None, template: Template | None = None, folder: Path | None = None
) -> None:
    from afterbay.endpoint.local import LocalAddress  # moto and uvicorn: not what --help should wait for

    async with LocalAddress(host, port, ready=template is None, state=state) as local:
        if template is not None and folder is not None:
            await _assemble(local, template, folder)
        say(f"ready: export AWS_ENDPOINT_URL={local.url} (any access key, any region; sqs needs --endpoint-url too)")
        await until_told_to_stop(failed=local.failed)
        say("draining")


async def _assemble(local: LocalAddress, template: Template, folder: Path) -> None:
    from botocore.credentials import Credentials

    from afterbay.aws.client import Aws, AwsSettings
    from afterbay.manifest.assemble import assemble

    settings = AwsSettings(
        endpoint_url=local.url, region=template.wanted.region, credentials=Credentials("test", "test")
    )
    aws = Aws(settings, attempts_max=1)
    try:
        assembled = await assemble(template, folder, aws)
    finally:
        aws.close()
    for line in assembled.lines():
        say(line)
    local.mark_ready()


def _parameters(given: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise SettingsError(f"--param {one!r} is no NAME=VALUE", hint="for example --param Stage=dev")
        found[name] = value
    return found


def _check_host(host: str) -> None:
    if host == "localhost":
        return
    try:
        ip_address(host)
    except ValueError as error:
        raise SettingsError(
            f"--host {host!r} is no IP address", hint="127.0.0.1, or 0.0.0.0 for every network"
        ) from error
