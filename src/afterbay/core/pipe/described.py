"""How the API shows a pipe: the answers of its operations, as JSON (X1, X5, X8, X11).

What was not given is absent, but for the source's parameters, which have their defaults (inferred).
"""

from __future__ import annotations

from afterbay.core.change.wire import JsonValue
from afterbay.core.pipe.resource import PipeResource

__all__ = ["accepted", "described", "summary"]


def accepted(pipe: PipeResource) -> dict[str, JsonValue]:
    """The answer of create, update, start, stop and delete: exactly these six members (X1)."""
    return {
        "Arn": pipe.settings.arn,
        "Name": pipe.name,
        "DesiredState": pipe.desired_state.value,
        "CurrentState": pipe.state.value,
        "CreationTime": pipe.created_s,
        "LastModifiedTime": pipe.modified_s,
    }


def described(pipe: PipeResource) -> dict[str, JsonValue]:
    """The answer of DescribePipe: all of it."""
    whole = {**pipe.settings.described(), **accepted(pipe), **_reason(pipe)}
    if pipe.tags:
        whole["Tags"] = {**pipe.tags}
    return whole


def summary(pipe: PipeResource) -> dict[str, JsonValue]:
    """A pipe's entry in the answer of ListPipes."""
    whole = {**accepted(pipe), **_reason(pipe), "Source": pipe.settings.source, "Target": pipe.settings.target}
    if pipe.settings.enrichment is not None:
        whole["Enrichment"] = pipe.settings.enrichment
    return whole


def _reason(pipe: PipeResource) -> dict[str, JsonValue]:
    return {} if pipe.reason is None else {"StateReason": pipe.reason}
