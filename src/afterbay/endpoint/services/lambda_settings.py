"""The settings of a function as the Lambda API takes them: checked, given their defaults, or refused by name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import Range, integer, items, members, text, validation_error
from afterbay.errors import SettingsError
from afterbay.functions.runtimes import language_of

__all__ = ["FunctionSettings", "parse_settings", "read_tags", "refuse_unknown"]

MEMORY_MB = Range("MemorySize", 128, 10_240)
TIMEOUT_S = Range("Timeout", 1, 900)
LAYERS_MAX = 5
STORAGE_MB = Range("EphemeralStorage.Size", 512, 10_240)

VARIABLES_BYTES_MAX = 4096
"""AWS's bound on all variables of a function as JSON."""

_VARIABLE = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")

_NEUTRAL = ("Role", "Description", "KMSKeyArn")
"""Echoed as they are: nothing on this address depends on them."""

_NOT_YET: Mapping[str, tuple[object, ...]] = {
    "VpcConfig": (None, {}, {"SubnetIds": [], "SecurityGroupIds": []}),
    "FileSystemConfigs": (None, []),
    "DeadLetterConfig": (None, {}, {"TargetArn": ""}),
    "ImageConfig": (None, {}),
    "CodeSigningConfigArn": (None, ""),
    "PublishTo": (None,),
    "TenancyConfig": (None,),
    "CapacityProviderConfig": (None,),
    "DurableConfig": (None,),
    "RuntimeConfig": (None,),
    "AcceleratorConfig": (None,),
    "SnapStart": (None, {}, {"ApplyOn": "None"}),
}
"""What would make a function behave otherwise and is not implemented: the values that ask for nothing pass."""

_READ = frozenset(
    {"Runtime", "Handler", "Timeout", "MemorySize", "Environment", "Architectures", "EphemeralStorage", "LoggingConfig"}
) | {"TracingConfig", "Layers", *_NEUTRAL}

_RESERVED = frozenset(
    {
        *("_HANDLER", "_X_AMZN_TRACE_ID", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME"),
        *("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE"),
        *("AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT"),
        *("LAMBDA_RUNTIME_DIR", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
        *("AWS_DEFAULT_REGION", "AWS_LAMBDA_MAX_CONCURRENCY"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSettings:
    """What a function was declared with, defaults filled in. ``echoed`` goes back as it came."""

    runtime: str
    handler: str
    timeout_s: int = 3
    memory_mb: int = 128
    variables: Mapping[str, str] | None = field(default=None, repr=False)
    architecture: str = "x86_64"
    storage_mb: int = 512
    log_group: str = ""
    tracing: str = "PassThrough"
    layers: tuple[str, ...] = ()
    echoed: Mapping[str, str] = field(default_factory=dict[str, str])


def refuse_unknown(params: Mapping[str, JsonValue], *, known: frozenset[str]) -> None:
    """Refuse what is not implemented, by name; ``known`` are the parameters that the operation itself reads."""
    for name, value in params.items():
        if name in known or name in _READ:
            continue
        if name not in _NOT_YET:
            raise SettingsError(f"{name} is not a parameter of this operation")
        if value not in _NOT_YET[name]:
            raise SettingsError(f"{name} is not supported by afterbay yet: leave it out")


def parse_settings(params: Mapping[str, JsonValue], before: FunctionSettings | None = None) -> FunctionSettings:
    """The settings of a request; of an update, with what it leaves out taken from ``before``.

    Raises ``SettingsError`` with AWS's code and text.
    """
    _check_bounds(params)
    given: dict[str, object] = {
        "runtime": _runtime(params),
        "handler": _handler(params),
        "timeout_s": integer(params, "Timeout"),
        "memory_mb": integer(params, "MemorySize"),
        "variables": _variables(params),
        "architecture": _architecture(params),
        "storage_mb": integer(members(params, "EphemeralStorage") or {}, "Size"),
        "log_group": _log_group(params),
        "tracing": _tracing(params),
        "layers": _layers(params),
    }
    found = {name: value for name, value in given.items() if value is not None}
    echoed = {name: value for name in _NEUTRAL if (value := text(params, name)) is not None}
    if before is not None:
        return replace(before, **found, echoed={**before.echoed, **echoed})  # type: ignore[arg-type] # names and types are those of `given`
    for name in ("Runtime", "Handler"):
        if params.get(name) is None:
            raise SettingsError(f"{name} is mandatory for functions created with deployment packages as .zip files")
    return FunctionSettings(**found, echoed=echoed)  # type: ignore[arg-type] # the same


def read_tags(params: Mapping[str, JsonValue]) -> dict[str, str]:
    """``Tags`` of a request: names and values are text."""
    tags = members(params, "Tags") or {}
    return {name: text(tags, name) or "" for name in tags}


def _check_bounds(params: Mapping[str, JsonValue]) -> None:
    storage = members(params, "EphemeralStorage") or {}
    numbers = [(TIMEOUT_S, integer(params, "Timeout")), (MEMORY_MB, integer(params, "MemorySize"))]
    numbers.append((STORAGE_MB, integer(storage, "Size")))
    found = [sentence for bounds, value in numbers if value is not None and (sentence := bounds.violation(value))]
    if found:
        raise validation_error(found)


def _runtime(params: Mapping[str, JsonValue]) -> str | None:
    """Whether what runs it is at hand is the registry's to say."""
    runtime = text(params, "Runtime")
    if runtime is not None and language_of(runtime) is None:
        raise SettingsError(f"Runtime {runtime} is not run by afterbay: use python3.x, nodejs2x.x or provided.al2023")
    return runtime


def _handler(params: Mapping[str, JsonValue]) -> str | None:
    """Only its form is checked: whether it is there, the first invocation tells, as on AWS."""
    handler = text(params, "Handler")
    if handler is not None and (len(handler) > 128 or re.search(r"\s", handler)):
        raise validation_error(
            [
                f"Value '{handler}' at 'handler' failed to satisfy constraint: "
                r"Member must satisfy regular expression pattern: [^\s]+"
            ]
        )
    return handler


def _variables(params: Mapping[str, JsonValue]) -> dict[str, str] | None:
    environment = members(params, "Environment")
    if environment is None:
        return None
    given = members(environment, "Variables") or {}
    variables = {name: text(given, name) or "" for name in given}
    for sentence in _wrong_variables(variables):
        raise SettingsError(sentence)
    return variables


def _wrong_variables(variables: Mapping[str, str]) -> Iterator[str]:
    for name in variables:
        if not _VARIABLE.fullmatch(name):
            yield f"Environment variable name {name!r} must match [a-zA-Z]([a-zA-Z0-9_])+"
    reserved = sorted(_RESERVED & variables.keys())
    if reserved:
        yield (
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    if len(json.dumps(variables, separators=(",", ":"), ensure_ascii=False).encode()) > VARIABLES_BYTES_MAX:
        yield (
            "Lambda was unable to configure your environment variables because the environment variables you have "
            f"provided exceeded the {VARIABLES_BYTES_MAX} bytes limit"
        )


def _architecture(params: Mapping[str, JsonValue]) -> str | None:
    """Echoed: the code runs on the machine that is there."""
    architectures = items(params, "Architectures")
    if not architectures:
        return None
    if architectures in (["x86_64"], ["arm64"]):
        return str(architectures[0])
    raise SettingsError(f"Architectures must hold one of x86_64, arm64, not {json.dumps(architectures)}")


def _log_group(params: Mapping[str, JsonValue]) -> str | None:
    logging = members(params, "LoggingConfig")
    if logging is None:
        return None
    if (text(logging, "LogFormat") or "Text") != "Text":
        raise SettingsError("LoggingConfig.LogFormat JSON is not supported by afterbay yet: use Text")
    for name in ("ApplicationLogLevel", "SystemLogLevel"):
        if logging.get(name) is not None:
            raise SettingsError(f"LoggingConfig.{name} is only for LogFormat JSON")
    return text(logging, "LogGroup")


def _layers(params: Mapping[str, JsonValue]) -> tuple[str, ...] | None:
    """The ARNs, lowest first; whether each is there, is the layers' to say."""
    given = items(params, "Layers")
    if given is None:
        return None
    arns = [one for one in given if isinstance(one, str)]
    if len(arns) < len(given):
        raise SettingsError("Layers must hold ARNs of layer versions")
    if len(arns) > LAYERS_MAX:
        raise SettingsError(f"Cannot reference more than {LAYERS_MAX} layers.")
    if len({arn.rpartition(":")[0] for arn in arns}) < len(arns):
        raise SettingsError("Two different versions of the same layer are not allowed to be referenced in a function.")
    return tuple(arns)


def _tracing(params: Mapping[str, JsonValue]) -> str | None:
    """Echoed: there is nobody on this address to send traces to."""
    mode = text(members(params, "TracingConfig") or {}, "Mode")
    if mode not in (None, "Active", "PassThrough"):
        raise SettingsError(f"TracingConfig.Mode must be Active or PassThrough, not {mode}")
    return mode
