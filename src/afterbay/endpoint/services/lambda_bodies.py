"""Functions, versions, aliases and layers as the Lambda API answers them."""

from __future__ import annotations

from datetime import datetime

from afterbay.core.change.arn import arn_in
from afterbay.core.change.wire import JsonValue
from afterbay.endpoint.services.lambda_layers import LayerVersion
from afterbay.endpoint.services.lambda_model import Alias, RegisteredFunction, Version

__all__ = ["alias_body", "configuration", "layer_body", "layer_summary"]


def configuration(
    function: RegisteredFunction, version: Version, *, qualifier: str | None = None, listed: bool = False
) -> dict[str, JsonValue]:
    """FunctionConfiguration. ``qualifier`` is what the caller asked for, and ends the ARN; a list leaves the state
    out, as on AWS."""
    settings = version.settings
    body: dict[str, JsonValue] = {
        "FunctionName": function.name,
        "FunctionArn": function.arn if qualifier is None else f"{function.arn}:{qualifier}",
        "Runtime": settings.runtime,
        "Handler": settings.handler,
        "CodeSize": version.code.size_bytes,
        "Description": version.description or settings.echoed.get("Description", ""),
        "Timeout": settings.timeout_s,
        "MemorySize": settings.memory_mb,
        "LastModified": _time(version.modified),
        "CodeSha256": version.code.sha256,
        "Version": version.number,
        "TracingConfig": {"Mode": settings.tracing},
        "RevisionId": version.revision,
        "PackageType": "Zip",
        "Architectures": [settings.architecture],
        "EphemeralStorage": {"Size": settings.storage_mb},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": version.process.definition.log_group_name},
        **{name: value for name, value in settings.echoed.items() if name != "Description"},
    }
    if settings.variables is not None:
        body["Environment"] = {"Variables": dict(settings.variables)}
    if settings.layers:
        body["Layers"] = [{"Arn": arn} for arn in settings.layers]
    if not listed:
        body["State"] = "Active"
        body["LastUpdateStatus"] = "Successful"
        runtime = f"runtime:{version.code.sha256.encode().hex()[:64]}"
        body["RuntimeVersionConfig"] = {"RuntimeVersionArn": str(arn_in(function.region, "lambda", "", runtime))}
    return body


def alias_body(function: RegisteredFunction, alias: Alias) -> dict[str, JsonValue]:
    """AliasConfiguration."""
    return {
        "AliasArn": f"{function.arn}:{alias.name}",
        "Name": alias.name,
        "FunctionVersion": alias.version,
        "Description": alias.description,
        "RevisionId": alias.revision,
    }


def layer_summary(layer: LayerVersion) -> dict[str, JsonValue]:
    """A layer's version without its content, as lists have it."""
    return {
        "LayerVersionArn": layer.arn,
        "Version": layer.number,
        "CreatedDate": _time(layer.created),
        "Description": layer.description,
        **layer.echoed,
    }


def layer_body(layer: LayerVersion) -> dict[str, JsonValue]:
    """A layer's version; its content has no Location, because nobody serves the zip file again."""
    content: dict[str, JsonValue] = {"CodeSha256": layer.code.sha256, "CodeSize": layer.code.size_bytes}
    return {**layer_summary(layer), "LayerArn": layer.layer_arn, "Content": content}


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"
