"""``afterbay redrive plan|apply``: what is in dead letters, sent again once a person has agreed to a plan."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from afterbay.aws.client import AwsSettings
from afterbay.cli.letters import Buckets, Mappings, Pipes, Queues, TopicQueues, sources, tell_of_looking
from afterbay.cli.options import Archive, AsJson, EndpointUrl, Profile, Region, given_path
from afterbay.cli.output import Exit, print_json, say, told_in_one_line
from afterbay.core.change.arn import parse_arn
from afterbay.engine.wanted import read_wanted
from afterbay.errors import NotFoundError, SettingsError
from afterbay.redrive.access import Access
from afterbay.redrive.apply import Performer
from afterbay.redrive.apply import apply as apply_plan
from afterbay.redrive.plan import Plan, Wanted, read_plan, write_plan
from afterbay.redrive.planning import Asked
from afterbay.redrive.report import plan_lines, plan_summary, result_document, result_line, result_summary
from afterbay.redrive.result import LetterResult
from afterbay.redrive.survey import Sources, make_plan, read_letters
from afterbay.sinks.address import parse_address
from afterbay.sinks.options import Expiry

__all__ = ["redrive"]

PROGRESS_LETTERS = 100
"""Planned between two lines that tell of it."""

redrive = typer.Typer(
    help="Send the records of dead letters again: a plan first, then `apply PLAN --yes`.\n\n"
    'Example: afterbay redrive plan --queue "$DLQ" --out plan.json, then afterbay redrive apply plan.json --yes'
)


@redrive.command()
@told_in_one_line
def plan(
    *,
    out: Annotated[Path, typer.Option(parser=given_path, metavar="PLAN", help="The file that the plan is written to.")],
    queue: Queues = None,
    topic_queue: TopicQueues = None,
    bucket: Buckets = None,
    into: Annotated[str | None, typer.Option(metavar="SINK", help="Straight into this sink.")] = None,
    function: Annotated[
        str | None, typer.Option(metavar="NAME", help="Through this function, not the letter's own.")
    ] = None,
    images: Annotated[bool, typer.Option("--images", help="Show old and new images in the plan.")] = False,
    archive: Archive = None,
    mappings: Mappings = None,
    pipes: Pipes = None,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Write a plan: for each letter its records, where they go, the time left, what the sink's guard would say.

    Changes nothing. Exit 1 where something is lost or cannot be sent: the plan says which, and what would help.

    Example: afterbay redrive plan --queue https://sqs.eu-west-1.amazonaws.com/123456789012/orders-dlq --out plan.json
    """
    if into is not None and function is not None:
        raise SettingsError("--into and --function exclude each other", hint="give one, or none for each letter's own")
    skips = into is not None and parse_address(into).options.ttl is Expiry.SKIP
    asked = Asked(into=into, function=function, images=images, skips_expiries=skips)
    settings = AwsSettings(endpoint_url=endpoint_url, region=region, profile=profile)
    access = Access(settings, archive=archive, wanted=read_wanted(mappings, pipes))
    made = asyncio.run(_plan(access, sources(queue, topic_queue, bucket), asked, archive))
    write_plan(made, out)
    if as_json:
        print_json(made)
    else:
        for line in plan_lines(made):
            typer.echo(line)
    say(f"the plan is in {out}; carry it out with: afterbay redrive apply {out} --yes")
    if any(made.count(one) for one in (Wanted.LOST, Wanted.HELD, Wanted.UNKNOWN)):
        raise typer.Exit(Exit.FAILED)


@redrive.command("apply")
@told_in_one_line
def apply(
    plan_file: Annotated[Path, typer.Argument(parser=given_path, metavar="PLAN", help="What `redrive plan` wrote.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="The plan was read, and is agreed to.")] = False,
    archive: Archive = None,
    delete_objects: Annotated[
        bool, typer.Option("--delete-objects", help="Delete letters in S3 that are done; else they are tagged.")
    ] = False,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Carry a plan out: read the records again, send them, and delete each letter once all of its records succeeded.

    May be run twice, and be killed anywhere. Exit 1 where a record failed again, or a letter is lost.

    Example: afterbay redrive apply plan.json --yes
    """
    agreed = read_plan(plan_file)
    if not yes:
        raise SettingsError(
            f"{plan_summary(agreed)}: nothing is sent before somebody has agreed",
            where=str(plan_file),
            hint=f"afterbay redrive apply {plan_file} --yes",
        )
    settings = AwsSettings(endpoint_url=endpoint_url, region=region, profile=profile)
    access = Access(settings, archive=archive or agreed.archive, delete_objects=delete_objects)
    results = asyncio.run(_apply(access, agreed))
    if as_json:
        print_json(result_document(results))
    else:
        typer.echo(result_summary(results))
    if any(one.state.fails_the_run for one in results):
        raise typer.Exit(Exit.FAILED)


async def _plan(access: Access, where: Sources, asked: Asked, archive: str | None) -> Plan:
    async with access:
        if asked.function is not None:
            await _check_function(access, asked.function)
        found = await read_letters(access, where)
        tell_of_looking(found)

        def heard(done: int) -> None:
            if done % PROGRESS_LETTERS == 0:
                say(f"{done} of {len(found.letters)} letters are planned")

        return await make_plan(access, found, asked, archive=archive, heard=heard)


async def _check_function(access: Access, name: str) -> None:
    region = parse_arn(name).region if name.startswith("arn:") else ""
    try:
        await access.aws(region).call("lambda", "get_function_configuration", FunctionName=name)
    except NotFoundError as gone:
        raise SettingsError(
            f"there is no function {name!r}", where="--function", hint="`aws lambda list-functions` names them"
        ) from gone


async def _apply(access: Access, agreed: Plan) -> list[LetterResult]:
    results: list[LetterResult] = []

    def tell(result: LetterResult) -> None:
        results.append(result)
        say(f"{len(results)}/{len(agreed.letters)} {result_line(result)}")

    async with access:
        await apply_plan(agreed, Performer(access, tell=tell, wait=asyncio.sleep))
    return results
