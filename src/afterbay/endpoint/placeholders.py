"""Placeholders of an expression: ``#n0`` for names, ``:v0`` for values."""

from __future__ import annotations

from afterbay.core.change.wire import JsonValue

__all__ = ["Placeholders"]


class Placeholders:
    """Placeholders for names and values, in the order in which they come. A name has one, however often it comes."""

    def __init__(self) -> None:
        self.names: dict[str, JsonValue] = {}
        self.values: dict[str, JsonValue] = {}

    def name(self, attribute: str) -> str:
        for placeholder, known in self.names.items():
            if known == attribute:
                return placeholder
        placeholder = f"#n{len(self.names)}"
        self.names[placeholder] = attribute
        return placeholder

    def value(self, value: JsonValue) -> str:
        placeholder = f":v{len(self.values)}"
        self.values[placeholder] = value
        return placeholder

    def members(self) -> dict[str, JsonValue]:
        """The request's members that say what they stand for; those that would be empty are left out."""
        found: dict[str, JsonValue] = {}
        if self.names:
            found["ExpressionAttributeNames"] = self.names
        if self.values:
            found["ExpressionAttributeValues"] = self.values
        return found
