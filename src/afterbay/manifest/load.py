"""A template's files: the template, its parameters, other stacks' exports, the CDK's list of assets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from afterbay.core.change.wire import JsonValue
from afterbay.declaration.document import Document, read_document
from afterbay.declaration.read import read_template
from afterbay.declaration.template import Template, Wanted
from afterbay.declaration.value import text_of
from afterbay.declaration.yaml_text import read_yaml
from afterbay.errors import SettingsError
from afterbay.manifest.names import stack_name

__all__ = ["load"]

_PARAMETERS = '{"Name": "value"}, or what `aws cloudformation deploy` takes'
_EXPORTS = '{"export-name": "value"}, or what `aws cloudformation list-exports` prints'


def load(
    file: Path,
    *,
    region: str,
    parameters: Mapping[str, str] | None = None,
    parameters_file: Path | None = None,
    imports_file: Path | None = None,
    skip_unknown: bool = False,
) -> Template:
    """Read a template and what belongs to it. What is in ``parameters`` wins over the file. Blocking.

    Raises ``SettingsError`` with file and line.
    """
    given = {} if parameters_file is None else _parameters(parameters_file)
    wanted = Wanted(
        region=region,
        stack=stack_name(file),
        parameters={**given, **(parameters or {})},
        exports={} if imports_file is None else _exports(imports_file),
        assets=_assets(file),
        skip_unknown=skip_unknown,
    )
    return read_template(_read(file), wanted)


def _read(file: Path) -> Document:
    return read_document(_text(file), str(file))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise SettingsError("there is no such file", where=str(file)) from error
    except IsADirectoryError as error:
        raise SettingsError("this is a folder", where=str(file), hint="name the template in it") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"this is no text in UTF-8: {error.reason}", where=str(file)) from error
    except OSError as error:
        raise SettingsError(f"cannot be read: {error.strerror}", where=str(file)) from error


def _parameters(file: Path) -> dict[str, str]:
    """The forms that AWS's tools have: a list of ParameterKey and ParameterValue, or an object of names and values."""
    value, _ = read_yaml(_text(file), str(file))  # JSON is YAML, too
    if isinstance(value, dict) and isinstance(value.get("Parameters"), dict | list):
        value = value["Parameters"]
    pairs: list[tuple[JsonValue, JsonValue]] = []
    if isinstance(value, list):
        for one in value:
            if isinstance(one, dict):
                pairs.append((one.get("ParameterKey"), one.get("ParameterValue")))
            else:
                name, equals, told = (text_of(one) or "").partition("=")
                pairs.append((name, told if equals else None))
    elif isinstance(value, dict):
        pairs = list(value.items())
    else:
        raise SettingsError("this is no object of names and values", where=str(file), hint=_PARAMETERS)
    return _texts(pairs, file, hint=_PARAMETERS)


def _exports(file: Path) -> dict[str, str]:
    """An object of names and values, or what `aws cloudformation list-exports` prints."""
    value, _ = read_yaml(_text(file), str(file))
    pairs: list[tuple[JsonValue, JsonValue]] = []
    if isinstance(value, dict) and isinstance(value.get("Exports"), list):
        listed = value["Exports"]
        assert isinstance(listed, list), "it was looked at"
        pairs = [(one.get("Name"), one.get("Value")) for one in listed if isinstance(one, dict)]
    elif isinstance(value, dict):
        pairs = list(value.items())
    else:
        raise SettingsError("this is no object of names and values", where=str(file), hint=_EXPORTS)
    return _texts(pairs, file, hint=_EXPORTS)


def _texts(pairs: list[tuple[JsonValue, JsonValue]], file: Path, *, hint: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        elements = value if isinstance(value, list) else [value]
        texts = [text for one in elements if (text := text_of(one)) is not None]
        if not isinstance(name, str) or not name or len(texts) != len(elements):
            raise SettingsError(f"{name!r} has no value that is a text", where=str(file), hint=hint)
        found[name] = ",".join(texts)
    return found


def _assets(file: Path) -> dict[str, str]:
    """The CDK's folders by hash, where it wrote a list of them beside the template."""
    listed = file.parent / (file.name.split(".")[0] + ".assets.json")  # "." and "/" have no name
    if not listed.is_file():
        return {}
    files = _read(listed).value.get("files")
    found: dict[str, str] = {}
    for key, one in files.items() if isinstance(files, dict) else ():
        source = one.get("source") if isinstance(one, dict) else None
        path = source.get("path") if isinstance(source, dict) else None
        if isinstance(path, str):
            found[key] = path
    return found
