"""A template's parameters, as they stand on the command line."""

from __future__ import annotations

from collections.abc import Sequence

from afterbay.errors import SettingsError

__all__ = ["template_parameters"]


def template_parameters(given: Sequence[str]) -> dict[str, str]:
    """What ``--param NAME=VALUE`` says, once for each. Raises ``SettingsError``."""
    found: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise SettingsError(f"--param {one!r} is no NAME=VALUE", hint="for example --param Stage=dev")
        found[name] = value
    return found
