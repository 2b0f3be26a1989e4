"""What the verbs on dead letters share: where letters are looked for, and what is said of the looking."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from afterbay.aws.place import bucket_place
from afterbay.cli.options import given_path
from afterbay.cli.output import say
from afterbay.errors import SettingsError
from afterbay.redrive.survey import Found, Sources

__all__ = ["Buckets", "Mappings", "Pipes", "Queues", "TopicQueues", "sources", "tell_of_looking"]

Queues: TypeAlias = Annotated[
    list[str] | None, typer.Option("--queue", metavar="URL", help="A queue with letters; once for each.")
]
TopicQueues: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--topic-queue", metavar="URL", help="A queue that a topic with letters is handed to."),
]
Buckets: TypeAlias = Annotated[
    list[str] | None, typer.Option("--bucket", metavar="s3://BUCKET/PREFIX", help="Where letters lie in S3.")
]
Mappings: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--mappings",
        parser=given_path,
        help="The file that `afterbay run --mapping` takes: no service knows its filters.",
    ),
]
Pipes: TypeAlias = Annotated[
    Path | None,
    typer.Option("--pipes", parser=given_path, help="The same of pipes, the file that `afterbay run --pipe` takes."),
]


def sources(queues: list[str] | None, topic_queues: list[str] | None, buckets: list[str] | None) -> Sources:
    """A topic's envelope is told from a bare document by itself. Raises ``SettingsError``."""
    urls = [*(queues or ()), *(topic_queues or ())]
    for url in urls:
        if not url.startswith(("http://", "https://")):
            raise SettingsError(
                f"{url!r} is no queue's URL", where="--queue", hint="`aws sqs get-queue-url --queue-name NAME` tells it"
            )
    places = tuple(bucket_place(one, "--bucket") for one in buckets or ())
    return Sources(tuple(dict.fromkeys(urls)), places)


def tell_of_looking(found: Found) -> None:
    """What a list cannot show: places that cannot be read, letters that were not seen."""
    for one in found.unreadable:
        say(f"cannot be read: {one}")
    if not found.places:
        say("no mapping, pipe or rule here has a destination for dead letters that can be read")
    if found.not_shown:
        say(
            f"{found.not_shown} more not shown: another reader has them, or they wait behind others of their group "
            "in a FIFO queue, or there are too many"
        )
