"""Options that verbs share: where the services are, how results are printed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

__all__ = ["STATE_FILE", "Archive", "AsJson", "EndpointUrl", "Profile", "Region", "given_path", "given_text"]

STATE_FILE = Path("afterbay.state.sqlite3")
"""Of `afterbay run`, unless it is told another."""


def given_text(given: str) -> str:
    """For ``parser=``: a name or an address, which is never empty. What a variable that is not set leaves of
    ``--archive "$PLACE"`` would be read as no archive, or as this folder. Raises ``BadParameter``."""
    if not given:
        raise typer.BadParameter("'' names nothing: give a value, or leave it out")
    return given


def given_path(given: str) -> Path:
    """The same of a file or a folder: an empty ``Path`` is this folder."""
    return Path(given_text(given))


EndpointUrl: TypeAlias = Annotated[
    str | None, typer.Option(parser=given_text, help="As in the AWS CLI \\[env: AWS_ENDPOINT_URL].")
]
Region: TypeAlias = Annotated[
    str | None, typer.Option(parser=given_text, help="As in the AWS CLI \\[env: AWS_DEFAULT_REGION].")
]
Profile: TypeAlias = Annotated[
    str | None, typer.Option(parser=given_text, help="As in the AWS CLI \\[env: AWS_PROFILE].")
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Archive: TypeAlias = Annotated[
    str | None,
    typer.Option(
        parser=given_text,
        metavar="PLACE",
        help="A folder or s3://BUCKET/PREFIX that keeps the bodies of discarded records.",
    ),
]
