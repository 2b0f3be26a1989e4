"""Options that verbs share: where the services are, how results are printed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

__all__ = ["STATE_FILE", "Archive", "AsJson", "EndpointUrl", "Profile", "Region"]

STATE_FILE = Path("afterbay.state.sqlite3")
"""Of `afterbay run`, unless it is told another."""

EndpointUrl: TypeAlias = Annotated[str | None, typer.Option(help="As in the AWS CLI \\[env: AWS_ENDPOINT_URL].")]
Region: TypeAlias = Annotated[str | None, typer.Option(help="As in the AWS CLI \\[env: AWS_DEFAULT_REGION].")]
Profile: TypeAlias = Annotated[str | None, typer.Option(help="As in the AWS CLI \\[env: AWS_PROFILE].")]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Archive: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="PLACE", help="A folder or s3://BUCKET/PREFIX that keeps the bodies of discarded records."),
]
