"""The SAM transform, by AWS's own library, and the way from what it makes back to the lines of the file."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace

from afterbay.core.change.wire import JsonValue
from afterbay.declaration.document import Document
from afterbay.declaration.place import Path, Place
from afterbay.errors import SettingsError

__all__ = ["LOCAL_BUCKET", "SAM", "TYPES", "Expanded", "Refusal", "expand"]

SAM = "AWS::Serverless-2016-10-31"
"""The transform's name."""

_LOCAL = ("CodeUri", "ContentUri", "DefinitionUri", "SchemaUri")
"""Properties that name something beside the template, which the real tool uploads before the transform."""

TYPES = frozenset(
    {
        *("Api", "Application", "CapacityProvider", "Connector", "Function", "GraphQLApi", "HttpApi", "LayerVersion"),
        *("MicrovmImage", "NetworkConnector", "SimpleTable", "StateMachine", "WebFunction", "WebSocketApi"),
    }
)
"""The types behind AWS::Serverless:: that the library expands; any other it passes on."""

LOCAL_BUCKET = "afterbay.local"
"""Stands for the template's folder."""

SHARED_KEY = "globals"

_RESOURCE = re.compile(r"Resource with id \[([^\]]*)\] is invalid\.\s*")
_EVENT = re.compile(r"Event with id \[([^\]]*)\] is invalid\.\s*")
_PROPERTY = re.compile(r"[Pp]roperty '?([A-Za-z]+)'?")


@dataclass(frozen=True, slots=True)
class Expanded:
    """The template behind the transform. ``code`` has where code lies, by the key that stands for it."""

    value: dict[str, JsonValue]
    code: Mapping[str, str]
    original: Document

    def place(self, path: Path) -> Place:
        """Where the source of an expanded path stands: its event, for a mapping that an event became."""
        match path:
            case ("Resources", str(name), *rest):
                return self.original.place(_source(self.original, name, tuple(rest)))
            case _:
                return self.original.place(path)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the transform refuses. ``owner`` is the resource of the file that it is about; empty for all of it."""

    owner: str
    place: Place
    sentence: str


def expand(
    document: Document,
    parameters: Mapping[str, str],
    region: str,
    *,
    resolve: Callable[[JsonValue, Path], str | None],
) -> Expanded | tuple[Refusal, ...]:
    """Expand a SAM template, or say all that the transform refuses of it.

    ``resolve`` gives the text that a value of the file stands for, or None. Raises ``SettingsError`` for a template
    that the library fails on.
    """
    template = json.loads(json.dumps(_without_nulls(document.value)))
    code = _take_code(template, resolve)
    value = _translate(template, dict(parameters), region, document)
    return Expanded(value, code, document) if isinstance(value, dict) else value


def _without_nulls(value: JsonValue) -> JsonValue:
    """The library fails on a null where it expects an object; to CloudFormation's reader it is as good as absent."""
    if isinstance(value, dict):
        return {name: _without_nulls(one) for name, one in value.items() if one is not None}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value


def _take_code(template: dict[str, JsonValue], resolve: Callable[[JsonValue, Path], str | None]) -> dict[str, str]:
    """Put an address in the place of each local path, which the library would refuse; return the paths by their key."""
    code: dict[str, str] = {}
    own_globals = _members(_members(template.get("Globals")).get("Function"))
    shared = _replace_local(own_globals, "CodeUri", SHARED_KEY, ("Globals", "Function"), resolve)
    if shared is not None:
        code[SHARED_KEY] = shared
    for name, resource in _members(template.get("Resources")).items():
        kind = str(_members(resource).get("Type"))
        properties = _members(_members(resource).get("Properties"))
        if not kind.startswith("AWS::Serverless::"):
            continue
        for member in _LOCAL:
            found = _replace_local(properties, member, name, ("Resources", name, "Properties"), resolve)
            if found is not None:
                code[name] = found
    return code


def _replace_local(
    members: dict[str, JsonValue],
    member: str,
    name: str,
    path: Path,
    resolve: Callable[[JsonValue, Path], str | None],
) -> str | None:
    value = members.get(member)
    if value is None or (isinstance(value, dict) and {"Bucket", "Key", "Name", "Version"} & value.keys()):
        return None
    found = resolve(value, (*path, member))
    if found is None or found.startswith("s3://"):
        return None
    members[member] = f"s3://{LOCAL_BUCKET}/{name}"
    return found


def _translate(
    template: dict[str, JsonValue], parameters: dict[str, str], region: str, document: Document
) -> dict[str, JsonValue] | tuple[Refusal, ...]:
    # By name: the library has no types. It writes a warning about metrics that nobody collects.
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    translator = import_module("samtranslator.translator.translator").Translator
    parser = import_module("samtranslator.parser.parser").Parser
    mark = import_module("samtranslator.utils.py27hash_fix")
    exceptions = import_module("samtranslator.model.exceptions")
    session = SimpleNamespace(region_name=region)  # all it asks of a session; boto3's would look at the machine
    try:
        mark.to_py27_compatible_template(template, parameters)
        expanded: object = translator(None, parser(), boto_session=session).translate(
            template, parameter_values=parameters, get_managed_policy_map=dict
        )
    except exceptions.InvalidDocumentException as error:
        return tuple(_refusal(str(one.message), document) for one in error.causes)
    except exceptions.ExceptionWithMessage as error:
        return (_refusal(str(error.message), document),)
    except (AttributeError, LookupError, TypeError, ValueError) as error:  # it does not check every shape before use
        raise SettingsError(
            f"the SAM transform cannot read this template: {type(error).__name__}: {error}", where=document.file
        ) from error
    # Its dicts are of a class of its own.
    plain: JsonValue = json.loads(json.dumps(mark.undo_mark_unicode_str_in_template(expanded)))
    assert isinstance(plain, dict), "it answers a template"
    return plain


def _source(original: Document, name: str, rest: Path) -> Path:
    """Where in the file a resource of the expanded template comes from."""
    resources = original.value.get("Resources")
    assert isinstance(resources, dict), "it was expanded"
    if name in resources:
        return ("Resources", name, *rest)
    owners = [one for one in resources if name.startswith(one)]
    if not owners:
        return ("Resources",)
    owner = max(owners, key=len)
    events = _members(_members(_members(resources[owner]).get("Properties")).get("Events"))
    tail = name.removeprefix(owner)
    found = [one for one in events if tail.startswith(one)]
    if not found:
        return ("Resources", owner)
    event = max(found, key=len)
    if rest[1:2] == ("EventSourceArn",):
        given = _members(_members(events[event]).get("Properties"))
        rest = (*rest[:1], next((one for one in ("Stream", "Queue") if one in given), ""), *rest[2:])
    return ("Resources", owner, "Properties", "Events", event, *rest)


def _refusal(message: str, document: Document) -> Refusal:
    path: Path = ("Resources",)
    text, subject = message, ""
    if found := _RESOURCE.search(message):
        path, subject = _source(document, found[1], ()), found[1]
        text = message[found.end() :]
    owner = str(path[1]) if len(path) > 1 else ""
    if found := _EVENT.search(text):
        path, subject = (*path, "Properties", "Events", found[1]), f"{subject}.{found[1]}"
        text = text[found.end() :]
    if found := _PROPERTY.search(text):
        path = (*path, "Properties", found[1])
    return Refusal(owner, document.place(path), f"{subject}: {text}" if subject else text)


def _members(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}
