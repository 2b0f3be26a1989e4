"""A ``module.function`` name -> the function, with the errors that AWS's Python runtime has for it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable

__all__ = ["HandlerLoadError", "load_handler"]


class HandlerLoadError(Exception):
    """The handler was not found. ``kind`` is AWS's error type; ``trace`` shows where a syntax error is."""

    def __init__(self, kind: str, message: str, trace: list[str] | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.trace = trace or []


def load_handler(name: str) -> Callable[[object, object], object]:
    """Import what ``name`` names. Raises ``HandlerLoadError``, or whatever else the module raises while it loads."""
    module_name, dot, function_name = name.rpartition(".")
    if not dot:
        raise HandlerLoadError(
            "Runtime.MalformedHandlerName", f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)"
        )
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise HandlerLoadError(
            "Runtime.BuiltInModuleConflict", f"Cannot use built-in module {module_name} as a handler module"
        )
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise HandlerLoadError(
            "Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}"
        ) from error
    except SyntaxError as error:
        raise HandlerLoadError(
            "Runtime.UserCodeSyntaxError",
            f"Syntax error in module '{module_name}': {error}",
            [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}'],
        ) from error
    handler: Callable[[object, object], object] | None = getattr(module, function_name, None)
    if handler is None:
        raise HandlerLoadError(
            "Runtime.HandlerNotFound", f"Handler '{function_name}' missing on module '{module_name}'"
        )
    return handler
