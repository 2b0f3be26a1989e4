"""Functions, their versions and aliases, and layers."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import Mapping
from pathlib import Path

from afterbay.declaration.resources import (
    Alias,
    Code,
    Declared,
    Function,
    FunctionVersion,
    ImageCode,
    InlineCode,
    Layer,
    LocalCode,
    NoCode,
    StoredCode,
)
from afterbay.declaration.template import Note, NoteKind
from afterbay.declaration.value import Value
from afterbay.errors import SettingsError
from afterbay.manifest.package import zip_path, zip_text
from afterbay.manifest.session import Session

__all__ = ["make_alias", "make_function", "make_layer", "make_version"]

NAME_MAX = 64
LAYER_NAME_MAX = 140

_SENT = (
    *("Architectures", "DeadLetterConfig", "Description", "EphemeralStorage", "Handler", "Layers", "MemorySize"),
    *("Runtime", "Timeout"),
)
_UNSAID: dict[str, object] = {
    "Description": "",
    "Environment": {"Variables": {}},
    "EphemeralStorage": {"Size": 512},
    "Layers": [],
    "MemorySize": 128,
    "Timeout": 3,
}
"""What takes a setting of an earlier template away: an update leaves alone what it does not name."""


async def make_function(session: Session, function: Function) -> dict[str, Value]:
    """Create the function with its code from the template's folder, or bring the one that is there up to date."""
    declared = function.declared
    properties = session.settled(declared)
    if properties.get("PackageType") == "Image":
        raise SettingsError("container images are not run: package the function as a zip file")
    runtime = str(properties.get("Runtime", ""))
    role = properties.get("Role")
    _keep_own_layers(session, declared, properties)
    name = session.name(declared, function.name, NAME_MAX)
    code = await _code(session, function.code, runtime)
    settings: dict[str, object] = {
        "FunctionName": name,
        "Role": role if isinstance(role, str) and role.startswith("arn:") else session.any_role,
        "Environment": properties.get("Environment"),
        "LoggingConfig": _logging(session, declared, properties.get("LoggingConfig")),
        **{one: properties[one] for one in _SENT if one in properties},
    }
    answer = await session.create("lambda", "create_function", Code=code, **settings)
    if answer is None:
        answer = await _renew(session, name, code, settings)
    arn = str(answer["FunctionArn"])
    reserved = properties.get("ReservedConcurrentExecutions")
    if reserved is not None:
        await session.call(
            "lambda", "put_function_concurrency", FunctionName=name, ReservedConcurrentExecutions=reserved
        )
    return {"Ref": name, "Arn": arn}


async def _renew(
    session: Session, name: str, code: dict[str, object], settings: dict[str, object]
) -> Mapping[str, object]:
    """Give the function that is there this code and these settings, and none that it has from an earlier template."""
    given = {one: value for one, value in settings.items() if one != "Architectures" and value is not None}
    logging = {"LoggingConfig": {"LogGroup": f"/aws/lambda/{name}"}}
    await session.call("lambda", "delete_function_concurrency", FunctionName=name)
    await session.call("lambda", "update_function_code", FunctionName=name, **code)
    return await session.call("lambda", "update_function_configuration", **{**_UNSAID, **logging, **given})


async def make_version(session: Session, version: FunctionVersion) -> dict[str, Value]:
    """Publish a version."""
    answer = await session.call("lambda", "publish_version", FunctionName=session.text(version.function))
    arn = str(answer["FunctionArn"])
    return {"Ref": arn, "FunctionArn": arn, "Version": str(answer["Version"])}


async def make_alias(session: Session, alias: Alias) -> dict[str, Value]:
    """Create an alias, or move the one that is there."""
    wanted: dict[str, object] = {
        "FunctionName": session.text(alias.function),
        "Name": session.text(alias.name),
        "FunctionVersion": session.text(alias.version),
    }
    answer = await session.create("lambda", "create_alias", **wanted)
    if answer is None:
        answer = await session.call("lambda", "update_alias", **wanted)
    return {"Ref": str(answer["AliasArn"]), "AliasArn": str(answer["AliasArn"])}


async def make_layer(session: Session, layer: Layer) -> dict[str, Value]:
    """Publish a layer's version."""
    answer = await session.call(
        "lambda",
        "publish_layer_version",
        LayerName=session.name(layer.declared, layer.name, LAYER_NAME_MAX),
        Content=await _code(session, layer.content, ""),
    )
    return {"Ref": str(answer["LayerVersionArn"]), "LayerVersionArn": str(answer["LayerVersionArn"])}


async def _code(session: Session, code: Code, runtime: str) -> dict[str, object]:
    match code:
        case LocalCode(path, packed):
            return {"ZipFile": await asyncio.to_thread(_pack, session.folder, path, packed)}
        case InlineCode(text):
            told = session.text(text)
            if told is None:
                raise SettingsError("its code is not known")
            return {"ZipFile": zip_text(told, "index.js" if runtime.startswith("nodejs") else "index.py")}
        case StoredCode(bucket, key):
            name = session.text(key)
            beside = session.folder / (name or "").rpartition("/")[2]  # where the Serverless Framework leaves the file
            if await asyncio.to_thread(zipfile.is_zipfile, beside):
                return {"ZipFile": await asyncio.to_thread(zip_path, beside)}
            return {"S3Bucket": session.text(bucket), "S3Key": name}
        case ImageCode():
            raise SettingsError("container images are not run: package the function as a zip file")
        case NoCode():
            raise SettingsError("it has no code", hint="CodeUri, or Code with ZipFile")


def _pack(folder: Path, path: str, packed: str | None) -> bytes:
    if packed is not None and not (folder / path).exists() and (folder / packed).exists():
        return zip_path(folder / packed)
    return zip_path(folder / path)


def _logging(session: Session, declared: Declared, value: Value) -> dict[str, object] | None:
    """The log group. Whether lines are JSON is a matter of looks, and left."""
    if not isinstance(value, dict):
        return None
    if len(value.keys() - {"LogGroup"}) > 0 and value.get("LogFormat", "Text") != "Text":
        place = declared.place_of("LoggingConfig")
        subject = f"{declared.id}.LoggingConfig.LogFormat"
        session.notes.append(Note(NoteKind.WITHOUT_EFFECT, place, subject, group="properties"))
    return {"LogGroup": value["LogGroup"]} if value.get("LogGroup") else None


def _keep_own_layers(session: Session, declared: Declared, properties: dict[str, Value]) -> None:
    """Leave out the layers that others publish: their content is on AWS alone, and what misses it fails when called."""
    layers = properties.pop("Layers", None)
    own: list[Value] = []
    for layer in layers if isinstance(layers, list) else ():
        if layer in session.attributes.values():
            own.append(layer)
        else:
            text = f"left out: {layer} is a layer of somebody else's"
            session.notes.append(Note(NoteKind.UNKNOWN, declared.place_of("Layers"), f"{declared.id}.Layers", text))
    if own:
        properties["Layers"] = own
