"""What a verb needs and ``pip install afterbay`` alone does not bring: the extra that does, told in one line.

A function in AWS Lambda installs the bare package, so most of what verbs load may be missing. Sinks tell of their own
drivers (``sinks/scheme.py``).
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["MODULES", "not_installed"]

MODULES = {
    "run": ("boto3", "botocore", "httpcore", "rich", "typer", "uvloop"),
    "dev": (
        "awslambdaric",
        "flask",
        "flask_cors",
        "h11",
        "httptools",
        "moto",
        "samtranslator",
        "uvicorn",
        "watchfiles",
        "yaml",
    ),
}
"""The modules that an extra brings. ``dev`` has those of ``run``, too."""

_ADDRESSES = (("demo",), ("dev",), ("verify", "drill"))
"""The verbs that start a local address: told of one extra, not of two, one after the other."""


def not_installed(missing: ModuleNotFoundError, words: Sequence[str]) -> str | None:
    """The line for a module that is not there, ``words`` being the command's; None for a module of somebody else."""
    module = (missing.name or "").partition(".")[0]
    if not any(module in modules for modules in MODULES.values()):
        return None
    starts_one = any(tuple(words[: len(verb)]) == verb for verb in _ADDRESSES)
    extra = "dev" if starts_one or module in MODULES["dev"] else "run"
    return f"afterbay: {module} is not installed (pip install 'afterbay[{extra}]')"
