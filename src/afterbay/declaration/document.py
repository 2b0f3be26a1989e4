"""A template's text as plain values, with the line of each: JSON, or YAML with CloudFormation's short tags.

Decides what a text holds, not what it means: ``!Ref X`` and ``{"Ref": "X"}`` are the same from here on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from afterbay.core.change.wire import JsonValue
from afterbay.declaration.json_text import read_json
from afterbay.declaration.place import Path, Place
from afterbay.declaration.yaml_text import read_yaml
from afterbay.errors import SettingsError

__all__ = ["Document", "read_document"]

TEXT_BYTES_MAX = 64_000_000
"""A Terraform plan of thousands of resources; AWS takes templates of at most 1 MB."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a file holds. ``lines`` has the line of every member and element, by its path."""

    file: str
    value: dict[str, JsonValue]
    lines: Mapping[Path, int]

    def place(self, path: Path) -> Place:
        """Where ``path`` stands; the nearest part above it where the file has no such part."""
        while path and path not in self.lines:
            path = path[:-1]
        return Place(self.file, self.lines.get(path, 1))


def read_document(text: str, file: str) -> Document:
    """Read a text whose top is an object. Raises ``SettingsError`` with file and line."""
    if len(text) > TEXT_BYTES_MAX:
        raise SettingsError(f"{len(text)} characters are more than a template can have", where=file)
    if text.lstrip("\ufeff \t\r\n").startswith("{"):
        try:
            value, lines = read_json(text, file)
        except SettingsError as wrong_json:
            try:
                value, lines = read_yaml(text, file)  # a YAML file may begin with a brace, too
            except SettingsError:
                raise wrong_json from None
    else:
        value, lines = read_yaml(text, file)
    if not isinstance(value, dict):
        raise SettingsError("this is no template: its top must be an object with Resources", where=f"{file}:1")
    return Document(file, value, lines)
